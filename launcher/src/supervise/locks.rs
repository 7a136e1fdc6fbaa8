//! The two locks of a live supervisor: nobody else on its work directory, nobody else on its output.

use std::fs;
use std::path::{Path, PathBuf};

use shared::disk::lock::{Lock, LockError};
use shared::disk::publish;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

/// Both locks and the pid file that says who has them, given back when dropped; when dead, all but the file.
#[derive(Debug)]
pub struct Locks {
    pid_file: PathBuf,
    _workdir: Lock,
    _outdir: Lock,
}

/// Where the lock of an output tree is.
pub fn outdir_lock(outdir: &Path) -> PathBuf {
    outdir.join("_launcher.lock")
}

impl Locks {
    /// Takes both or says who holds one. From here on `stop` knows whom to ask.
    pub fn acquire(workdir: &Workdir, outdir: &Path, run: &str) -> Result<Self, LockError> {
        let holder = holder("launcher", workdir, run);
        let locks = Self {
            pid_file: workdir.launcher_pid(),
            _workdir: Lock::acquire(&workdir.lock(), &holder)?,
            _outdir: Lock::acquire(&outdir_lock(outdir), &holder)?,
        };
        let own = ProcessIdentity::own().expect("this process is alive");
        let text = serde_json::to_string(&own).expect("an identity is plain data");
        publish::publish(&locks.pid_file, text.as_bytes())?;
        Ok(locks)
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        // Before the locks are given back: the next holder's file must not be removed.
        drop(fs::remove_file(&self.pid_file));
    }
}

/// Takes the work directory's lock alone, for a moment in which no supervisor may begin.
pub fn hold_workdir(workdir: &Workdir, run: &str) -> Result<Lock, LockError> {
    Lock::acquire(&workdir.lock(), &holder("launcher stop", workdir, run))
}

fn holder(who: &str, workdir: &Workdir, run: &str) -> String {
    format!("{who} (pid {}, run {run}, workdir {})", std::process::id(), workdir.root().display())
}

/// Does a supervisor hold `workdir` at this moment?
pub fn is_supervised(workdir: &Workdir) -> bool {
    Lock::is_held(&workdir.lock())
}
