//! The two locks of a live supervisor: nobody else on its work directory, nobody else on its output.

use std::path::{Path, PathBuf};

use shared::disk::lock::{Lock, LockError};
use shared::run::workdir::Workdir;

/// Both locks, given back when dropped or dead.
#[derive(Debug)]
pub struct Locks {
    _workdir: Lock,
    _outdir: Lock,
}

/// Where the lock of an output tree is.
pub fn outdir_lock(outdir: &Path) -> PathBuf {
    outdir.join("_launcher.lock")
}

impl Locks {
    /// Takes both or says who holds one.
    pub fn acquire(workdir: &Workdir, outdir: &Path, run: &str) -> Result<Self, LockError> {
        let holder =
            format!("launcher (pid {}, run {run}, workdir {})", std::process::id(), workdir.root().display());
        Ok(Self {
            _workdir: Lock::acquire(&workdir.lock(), &holder)?,
            _outdir: Lock::acquire(&outdir_lock(outdir), &holder)?,
        })
    }
}

/// Does a supervisor hold `workdir` at this moment?
pub fn is_supervised(workdir: &Workdir) -> bool {
    Lock::is_held(&workdir.lock())
}
