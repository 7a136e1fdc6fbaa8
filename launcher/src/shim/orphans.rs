//! Orphans: a shim notes the processes that live below it. When shim and supervisor are dead and a
//! process has cleared its environment, only this note says which attempt it belongs to.
//!
//! A note proves nothing (see [`lock_holder`](crate::process::lock_holder)): it is followed only to processes that
//! its owner might signal himself.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::publish;
use shared::disk::regular;
use shared::run::identity::ProcessIdentity;

use crate::process::clock;
use crate::process::signal::{self, StopSignal};

/// Most processes in a note.
const MOST: usize = 1_000;
/// Most bytes of a note.
const BYTES: u64 = 1 << 20;
/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// A note that anyone except its owner may write is worthless.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// The note of one attempt; written when the first process appears.
pub struct OrphanNote {
    path: PathBuf,
    known: Vec<ProcessIdentity>,
}

impl OrphanNote {
    /// An empty note.
    pub fn none(path: PathBuf) -> Self {
        Self { path, known: Vec::new() }
    }

    /// These processes live now. The work goes on even if the note can't be written.
    pub fn note(&mut self, pids: &[i32]) {
        let mut known: Vec<_> = pids.iter().filter_map(|pid| ProcessIdentity::of(*pid)).collect();
        // A process that is no longer below us but lives has escaped: it stays in the note.
        let gone: Vec<_> =
            self.known.iter().filter(|it| !known.contains(it) && it.is_alive()).cloned().collect();
        known.extend(gone);
        known.sort_unstable_by_key(|it| (it.start_ticks, it.pid));
        known.truncate(MOST);
        // A work directory that was moved away is not made anew.
        let is_there = self.path.parent().is_some_and(Path::is_dir);
        if known != self.known && is_there {
            let text = serde_json::to_vec(&known).expect("plain data");
            drop(publish::show_for(Audience::Owner, &self.path, &text));
            self.known = known;
        }
    }

    pub fn end(self) {
        for left in &self.known {
            signal::send(left, StopSignal::Kill);
        }
        drop(fs::remove_file(&self.path));
    }
}

/// Kills the living processes of the note at `path`, and removes the note when they are gone.
/// Returns the pids that are left, normally none.
pub fn end_noted(path: &Path) -> Vec<i32> {
    let noted = noted(path).unwrap_or_default();
    let mut left = Vec::new();
    let is_done = clock::wait_until(KILL_LIMIT, || {
        left = noted.iter().filter(|it| it.is_alive()).cloned().collect::<Vec<_>>();
        for it in &left {
            signal::send(it, StopSignal::Kill);
        }
        left.is_empty()
    });
    if is_done {
        drop(fs::remove_file(path));
    }
    left.iter().map(|it| it.pid).collect()
}

/// The noted processes that the owner of the note may signal.
fn noted(path: &Path) -> io::Result<Vec<ProcessIdentity>> {
    let file = regular::open(path)?;
    let found = file.metadata()?;
    if found.mode() & OTHERS_MAY_WRITE != 0 {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    file.take(BYTES).read_to_end(&mut text)?;
    let noted: Vec<ProcessIdentity> = serde_json::from_slice(&text)?;
    let own = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let is_his =
        |pid: i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|it| it.uid() == found.uid());
    Ok(noted
        .into_iter()
        .filter(|it| it.pid > 1 && it.pid != own && (found.uid() == 0 || is_his(it.pid)))
        .collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a process to be noted")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, ProcessIdentity) {
        let child = Command::new("sleep").arg("600").spawn().expect("started");
        let identity =
            ProcessIdentity::of(i32::try_from(child.id()).expect("a pid")).expect("it lives");
        (child, identity)
    }

    #[test]
    fn who_is_noted_is_ended_once_and_nobody_who_has_its_pid_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch_0001.1.seen");
        assert_eq!(end_noted(&path), [] as [i32; 0], "there is no note");
        let (mut child, identity) = sleeper();
        let write = |noted: &[ProcessIdentity], mode| {
            publish::publish(&path, &serde_json::to_vec(noted).expect("plain data"))
                .expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        };
        let earlier = ProcessIdentity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        let elsewhere = ProcessIdentity { boot_id: "another".to_owned(), ..identity.clone() };
        write(&[earlier, elsewhere], 0o600);
        assert_eq!(end_noted(&path), [] as [i32; 0]);
        write(std::slice::from_ref(&identity), 0o666);
        assert_eq!(end_noted(&path), [] as [i32; 0], "anybody may have written it");
        assert!(child.try_wait().expect("our child").is_none());
        let moved_away = folder.path().join("gone");
        OrphanNote::none(moved_away.join("batch_0001.1.seen")).note(&[identity.pid]);
        assert!(!moved_away.exists(), "nothing is made anew in its place");
        let mut seen = OrphanNote::none(path.clone());
        seen.note(&[identity.pid]);
        assert_eq!(end_noted(&path), [] as [i32; 0]);
        assert!(!path.exists() && !child.wait().expect("our child").success());
    }
}
