//! The fence around an attempt: its lock and its `exit.json`, as the shim and as the supervisor use
//! them.
//!
//! A shim holds the lock while it works on the attempt, and leaves `exit.json` when the attempt is
//! over. When the lock is free and there is no `exit.json`, the shim is dead: the supervisor ends
//! what is left of the attempt and writes the record itself. A shim that comes late finds the
//! record and does nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::disk::audience::Audience;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::{self, DiskError};
use shared::disk::regular;
use shared::formats::{self, Format, Versioned};
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::orphans;
use super::protocol::AttemptId;
use crate::facts::ending::{Ending, Usage};
use crate::process::clock::{self, RunTime};
use crate::process::signal::{Inbox, Post};
use crate::process::watch;
use crate::run::Run;

/// How often a record that can't be written is tried again.
const DISK_GLANCE: Duration = Duration::from_secs(1);

/// `exit.json`. Its existence means that the attempt is over: no shim may begin it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Version of the file ([`Format::Exit`]).
    #[serde(default = "formats::first")]
    pub format: u32,
    pub ending: Ending,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// When it began, UTC.
    pub began_at: Timestamp,
    /// When its last process was gone, UTC.
    pub ended_at: Timestamp,
}

impl ExitRecord {
    /// A record of this version.
    pub fn new(ending: Ending, usage: Usage, began_at: Timestamp, ended_at: Timestamp) -> Self {
        Self { format: Format::Exit.version(), ending, usage, began_at, ended_at }
    }

    /// The record at `path`; `None` when there is none, or a power cut has torn it: then nobody
    /// knows how the attempt ended. A record of another version is an error.
    pub fn read(path: &Path) -> Result<Option<Self>, DiskError> {
        let bytes = match regular::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::at("read", path)(error)),
        };
        let Ok(Versioned { format }) = serde_json::from_slice(&bytes) else { return Ok(None) };
        let known = Format::Exit.read(format).map_err(io::Error::other);
        known.map_err(DiskError::at("read", path))?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Writes the record without a sync. If a power cut tears it before it was journalled or made
    /// durable, [`read`](Self::read) finds none.
    pub fn publish(&self, path: &Path) -> Result<(), DiskError> {
        publish::show_for(
            Audience::Owner,
            path,
            &serde_json::to_vec(self).expect("a record is plain data"),
        )
    }
}

/// The shim's side: an attempt that this process has, until it leaves the record.
pub struct Fence {
    _lock: Lock,
    exit: PathBuf,
}

impl Fence {
    /// Takes the attempt for `shim`; `None` when it is over already.
    pub fn take(
        workdir: &Workdir,
        attempt: AttemptId,
        shim: &ProcessIdentity,
    ) -> Result<Option<Self>, LockError> {
        let AttemptId { batch, number } = attempt;
        let name = serde_json::to_string(shim).expect("an identity is plain data");
        let lock = Lock::acquire_for(Audience::Owner, &workdir.attempt_lock(batch, number), &name)?;
        let exit = workdir.attempt_exit(batch, number);
        Ok(if exit.exists() { None } else { Some(Self { _lock: lock, exit }) })
    }

    /// Leaves the record and gives the attempt back. Waits while the disk is full; a stop ends the
    /// wait. There is no record for an attempt whose folder was moved away or deleted.
    pub fn leave(self, record: &ExitRecord, inbox: &mut Inbox) -> Result<(), DiskError> {
        loop {
            if !self.exit.parent().is_some_and(Path::is_dir) {
                return Ok(());
            }
            let Err(error) = record.publish(&self.exit) else { return Ok(()) };
            let post = inbox.wait(DISK_GLANCE, &[]);
            if post.iter().any(|post| !matches!(post, Post::Child)) {
                return Err(error);
            }
        }
    }
}

/// Makes the record of `attempt` durable, unless its folder was moved away or deleted.
pub fn make_durable(workdir: &Workdir, attempt: AttemptId) -> Result<(), LockError> {
    let exit = workdir.attempt_exit(attempt.batch, attempt.number);
    if exit.exists() { Ok(publish::make_durable(&exit)?) } else { Ok(()) }
}

/// Why the supervisor can't close an attempt yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenStill {
    /// A shim has the lock, or the record can't be read or written.
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "processes of {attempt} do not end even when killed: {pids}; they may be waiting for a disk or a network that is gone"
    )]
    Undead {
        attempt: AttemptId,
        /// Their pids, separated by commas.
        pids: String,
    },
}

impl From<DiskError> for OpenStill {
    fn from(error: DiskError) -> Self {
        Self::Lock(error.into())
    }
}

/// The supervisor's side: how an attempt ended whose shim is gone. Its record says so; where there
/// is none, this ends what is left of the attempt and records it as `otherwise`.
pub fn close(
    run: &Run,
    attempt: AttemptId,
    began_at: RunTime,
    otherwise: Ending,
) -> Result<(Ending, Usage), OpenStill> {
    let AttemptId { batch, number } = attempt;
    let exit = run.workdir.attempt_exit(batch, number);
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let left = watch::kill(&run.marker(batch, number).into());
    let mut left: Vec<i32> = left.iter().map(|process| process.pid).collect();
    left.extend(orphans::end_noted(&run.workdir.attempt_seen(batch, number)));
    if !left.is_empty() {
        return Err(OpenStill::Undead { attempt, pids: watch::listed(left) });
    }
    let _lock = Lock::acquire_for(
        Audience::Owner,
        &run.workdir.attempt_lock(batch, number),
        "the supervisor, closing the attempt",
    )?;
    // A shim that we did not see may have been faster.
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let usage = Usage::default();
    ExitRecord::new(otherwise.clone(), usage, began_at.stamp(), clock::now()).publish(&exit)?;
    Ok((otherwise, usage))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::File;

    use super::*;

    fn record() -> ExitRecord {
        let (ending, at) = (Ending::Exited { code: 11 }, Timestamp::UNIX_EPOCH);
        ExitRecord::new(ending, Usage::default(), at, at)
    }

    #[test]
    fn a_record_without_a_version_is_of_the_first_and_one_of_another_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("exit.json");
        let text = serde_json::to_string(&record()).expect("plain data");
        let says_one = "\"format\":1,";
        assert!(text.contains(says_one), "{text}");
        fs::write(&path, text.replace(says_one, "")).expect("written");
        assert_eq!(ExitRecord::read(&path).expect("readable"), Some(record()));
        fs::write(&path, r#"{"format":2,"how":"in other words"}"#).expect("written");
        let refused = ExitRecord::read(&path).expect_err("unknown");
        let why = refused.source.to_string();
        assert!(why.starts_with("an exit.json of version 2, and this program reads 1; "), "{why}");
    }

    #[test]
    fn what_a_power_cut_left_of_a_record_is_none_and_the_next_one_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("exit.json");
        let record = record();
        record.publish(&path).expect("published");
        let whole = fs::read(&path).expect("read");
        for length in 0..whole.len() {
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(length as u64))
                .expect("cut");
            assert_eq!(ExitRecord::read(&path).expect("readable"), None, "cut at {length}");
            record.publish(&path).expect("published again");
            assert_eq!(ExitRecord::read(&path).expect("readable").as_ref(), Some(&record));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft is left");
    }
}
