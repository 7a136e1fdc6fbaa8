//! The two locks of a live supervisor: no other supervisor on its work directory, none on its output.

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

/// What a dead supervisor has started for itself ends without being asked; that takes no longer.
const AFTERLIFE: Duration = Duration::from_secs(2);

/// Why a run does not get its locks.
#[derive(Debug, thiserror::Error)]
pub enum LocksError {
    /// Somebody holds one, or it can't be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The supervisor that had the output is dead, and what it has started is not.
    #[error("processes of run {run} still live and may write into {outdir}, but no supervisor watches them: {processes}", outdir = outdir.display())]
    Orphans {
        /// Where we wanted to write.
        outdir: PathBuf,
        /// Whose they are.
        run: String,
        /// Where that run is kept.
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

/// Both locks and the pid file that says who has them, given back when dropped; when dead, all but the file.
#[derive(Debug)]
pub struct Locks {
    // Before the locks are given back: the next holder's file must not be removed.
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

/// Where the lock of an output tree is.
pub fn outdir_lock(outdir: &Path) -> PathBuf {
    outdir.join("_launcher.lock")
}

impl Locks {
    /// Takes both or says who holds one, or who still writes there. From here on `stop` knows whom to ask.
    pub fn acquire(workdir: &Workdir, outdir: &Path, run: &str) -> Result<Self, LocksError> {
        let holder = Holder::own("launcher", workdir, run).to_string();
        let of_workdir = Lock::acquire_for(Audience::Owner, &workdir.lock(), &holder)?;
        let of_outdir = Lock::take(&outdir_lock(outdir))?;
        // Before it is signed: whoever is refused here would be told nothing the next time.
        refuse_orphans(outdir, run)?;
        Self::of(of_workdir, of_outdir.sign(&holder)?, workdir)
    }

    /// Takes over what another process has handed to us with [`pack`](Self::pack): they were held all the while.
    pub fn inherit(
        handed: [OwnedFd; 4],
        workdir: &Workdir,
        outdir: &Path,
        run: &str,
    ) -> Result<Self, LocksError> {
        let holder = Holder::own("launcher", workdir, run).to_string();
        let [workdirs, second_of_workdir, outdirs, second_of_outdir] = handed.map(File::from);
        let of_workdir = Lock::inherit([workdirs, second_of_workdir], &workdir.lock())?.sign(&holder)?;
        let of_outdir = Lock::inherit([outdirs, second_of_outdir], &outdir_lock(outdir))?.sign(&holder)?;
        Self::of(of_workdir, of_outdir, workdir)
    }

    fn of(of_workdir: Lock, of_outdir: Lock, workdir: &Workdir) -> Result<Self, LocksError> {
        let pid_file = PidFile(workdir.launcher_pid());
        let own = ProcessIdentity::own()?;
        let text = serde_json::to_string(&own).expect("an identity is plain data");
        publish::publish_for(Audience::Owner, &pid_file.0, text.as_bytes())?;
        Ok(Self { pid_file, workdir: of_workdir, outdir: of_outdir })
    }

    /// Both, ready for a process that is about to be started; we keep them as well.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let [one, two] = self.workdir.files();
        let [three, four] = self.outdir.files();
        handover::pack(&[one, two, three, four].map(File::as_fd))
    }

    /// They are another's now, who has its hands on them: nothing is given back.
    pub fn leave(self) {
        // It writes its own there.
        std::mem::forget(self.pid_file);
    }

    /// The lock that is not any more where others would look for it, if one is not.
    pub fn displaced(&self) -> Option<&Path> {
        [&self.workdir, &self.outdir].into_iter().find(|lock| !lock.is_in_place()).map(Lock::path)
    }
}

/// Takes the work directory's lock alone, for a moment in which no supervisor may begin.
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

/// An error when processes of another run than `run` still live that wrote into `outdir` under a supervisor that has died:
/// the lock died with it.
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

/// Who has a lock, as its file says it.
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
