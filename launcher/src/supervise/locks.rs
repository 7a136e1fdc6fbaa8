//! The two locks of a live supervisor: no other supervisor on its work directory, none on its
//! output.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::lock::{self, Lock, LockError};
use shared::disk::publish::{self, DiskError};
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use crate::process::clock;
use crate::process::handover;
use crate::process::watch::{self, Marker};

/// How long idle shims of a dead supervisor may take to exit by themselves.
const AFTERLIFE: Duration = Duration::from_secs(2);

/// Why a run does not get its locks.
#[derive(Debug, thiserror::Error)]
pub enum LocksError {
    /// Another process holds one, or it can't be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("processes of run {run} still live and may write into {outdir}, but no supervisor watches them: {processes}", outdir = outdir.display())]
    Orphans {
        outdir: PathBuf,
        run: String,
        workdir: PathBuf,
        /// Their pids, separated by commas.
        processes: String,
    },
}

impl From<DiskError> for LocksError {
    fn from(error: DiskError) -> Self {
        Self::Lock(error.into())
    }
}

/// Both locks, and the pid file that names their holder. Dropping gives all back; death leaves only
/// the file.
#[derive(Debug)]
pub struct Locks {
    // Dropped before the locks, so that the pid file of the next holder is not removed.
    pid_file: PidFile,
    workdir: Lock,
    outdir: Lock,
}

/// Removed when dropped.
#[derive(Debug)]
struct PidFile(PathBuf);

impl Drop for PidFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// The lock file of an output.
pub fn outdir_lock(outdir: &Path) -> PathBuf {
    outdir.join("_launcher.lock")
}

impl Locks {
    /// Takes both, or says which process holds one or still writes there. From here on `stop` knows
    /// whom to ask.
    pub fn acquire(workdir: &Workdir, outdir: &Path, run: &str) -> Result<Self, LocksError> {
        let holder = Holder::own("launcher", workdir, run).to_string();
        let of_workdir = Lock::acquire_for(Audience::Owner, &workdir.lock(), &holder)?;
        let of_outdir = Lock::take(&outdir_lock(outdir))?;
        // Before we sign the lock: its text names the run of the orphans, and a refusal must not
        // erase that.
        refuse_orphans(outdir, run)?;
        Self::of(of_workdir, of_outdir.sign(&holder)?, workdir)
    }

    /// Takes over locks that another process has passed with [`pack`](Self::pack). They were held
    /// all the time.
    pub fn inherit(
        handed: [OwnedFd; 4],
        workdir: &Workdir,
        outdir: &Path,
        run: &str,
    ) -> Result<Self, LocksError> {
        let holder = Holder::own("launcher", workdir, run).to_string();
        let [workdirs, second_of_workdir, outdirs, second_of_outdir] = handed.map(File::from);
        let of_workdir =
            Lock::inherit([workdirs, second_of_workdir], &workdir.lock())?.sign(&holder)?;
        let of_outdir =
            Lock::inherit([outdirs, second_of_outdir], &outdir_lock(outdir))?.sign(&holder)?;
        Self::of(of_workdir, of_outdir, workdir)
    }

    fn of(of_workdir: Lock, of_outdir: Lock, workdir: &Workdir) -> Result<Self, LocksError> {
        let pid_file = PidFile(workdir.launcher_pid());
        let own = ProcessIdentity::own()?;
        let text = serde_json::to_string(&own).expect("an identity is plain data");
        publish::publish_for(Audience::Owner, &pid_file.0, text.as_bytes())?;
        Ok(Self { pid_file, workdir: of_workdir, outdir: of_outdir })
    }

    /// Packs both for a process that is about to start. We keep them as well.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let [one, two] = self.workdir.files();
        let [three, four] = self.outdir.files();
        handover::pack(&[one, two, three, four].map(File::as_fd))
    }

    /// Leaves them to the process that has taken them: nothing is given back.
    pub fn leave(self) {
        // The other process writes its own pid file there.
        std::mem::forget(self.pid_file);
    }

    /// The lock whose file is no longer in its place, if there is one.
    pub fn displaced(&self) -> Option<&Path> {
        [&self.workdir, &self.outdir].into_iter().find(|lock| !lock.is_in_place()).map(Lock::path)
    }
}

/// Takes only the lock of the work directory, so that no supervisor can start meanwhile.
pub fn hold_workdir(workdir: &Workdir, run: &str) -> Result<Lock, LockError> {
    Lock::acquire_for(
        Audience::Owner,
        &workdir.lock(),
        &Holder::own("launcher stop", workdir, run).to_string(),
    )
}

/// Does a supervisor hold `workdir` at this moment?
pub fn is_supervised(workdir: &Workdir) -> bool {
    Lock::is_held(&workdir.lock())
}

/// Fails if processes of another run live that wrote into `outdir`. Their supervisor is dead, and
/// its lock died with it.
pub fn refuse_orphans(outdir: &Path, run: &str) -> Result<(), LocksError> {
    let text = lock::last_holder(&outdir_lock(outdir))?;
    let Some(last) = Holder::read(&text).filter(|last| last.run != run) else { return Ok(()) };
    let mut left = Vec::new();
    let are_gone = clock::wait_until(AFTERLIFE, || {
        left = watch::marked(&Marker::of_run(last.run));
        left.is_empty()
    });
    if are_gone {
        return Ok(());
    }
    let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
    let processes = pids.join(", ");
    let (outdir, run) = (outdir.to_owned(), last.run.to_owned());
    Err(LocksError::Orphans { outdir, run, workdir: last.workdir.to_owned(), processes })
}

/// The holder of a lock, as the text of its file.
#[derive(Debug, PartialEq, Eq)]
struct Holder<'a> {
    who: &'a str,
    pid: u32,
    run: &'a str,
    workdir: &'a Path,
}

impl<'a> Holder<'a> {
    fn own(who: &'a str, workdir: &'a Workdir, run: &'a str) -> Self {
        Self { who, pid: std::process::id(), run, workdir: workdir.root() }
    }

    fn read(text: &'a str) -> Option<Self> {
        let (who, rest) = text.split_once(" (pid ")?;
        let (pid, rest) = rest.split_once(", run ")?;
        let (run, rest) = rest.split_once(", workdir ")?;
        Some(Self { who, pid: pid.parse().ok()?, run, workdir: Path::new(rest.strip_suffix(')')?) })
    }
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, pid, run, workdir } = self;
        write!(f, "{who} (pid {pid}, run {run}, workdir {})", workdir.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_holder_says_of_itself_is_understood_later() {
        let workdir = Workdir::new(Path::new("/my runs/a (old), workdir b"));
        let own = Holder::own("launcher", &workdir, "ab12");
        assert_eq!(Holder::read(&own.to_string()), Some(own));
        assert_eq!(Holder::read("launcher, looking around"), None);
    }

    #[test]
    fn locks_that_are_left_to_another_stay_held_until_that_one_gives_them_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let (workdir, outdir) = (Workdir::new(&folder.path().join("w")), folder.path().join("out"));
        let locks = Locks::acquire(&workdir, &outdir, "ab12").expect("free");
        let line = locks.pack().expect("packed");
        locks.leave();
        assert!(workdir.launcher_pid().exists() && is_supervised(&workdir));
        assert!(Locks::acquire(&workdir, &outdir, "ab12").is_err());
        drop(line);
        assert!(!is_supervised(&workdir), "nobody has taken them from the line");
    }
}
