//! Locks that no crash leaves stale: `flock` on a file, released by the kernel with its holder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs2::FileExt;

use super::publish::{DiskError, create_folders};

/// Why a lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("{path} is held by {holder}", path = path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote of itself.
        holder: String,
    },
    /// The file could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A held lock; dropping it, or dying, gives it back.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path` at once or says who holds it. `holder` is one line that tells a person
    /// who we are.
    #[expect(clippy::disallowed_methods, reason = "a flock can't be waited for with a bound")]
    pub fn acquire(path: &Path, holder: &str) -> Result<Self, LockError> {
        create_folders(path.parent().unwrap_or(Path::new(".")))?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(DiskError::at("open", path))?;
        // A glance by `is_held` lasts microseconds: only a lock that stays held is held.
        let mut tries = 0;
        while !try_exclusive(&file, path)? {
            tries += 1;
            if tries < 10 {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            return Err(LockError::Held { path: path.to_owned(), holder: name_of_holder(&mut file) });
        }
        // The file stays for ever: removing it would let two processes lock two files of one name.
        // Written over what an earlier holder wrote, and only then cut: a lock that is held is never without a name,
        // and a file that was cut to nothing would go to the disk at once when it is closed (ext4).
        let length = holder.len() as u64;
        let written = file.write_all(holder.as_bytes()).and_then(|()| match file.metadata()?.len() {
            found if found > length => file.set_len(length),
            _ => Ok(()),
        });
        written.map_err(DiskError::at("write", path))?;
        Ok(Self { _file: file })
    }

    /// Is it held right now? For people only: the answer may be old when it is read.
    pub fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| FileExt::try_lock_shared(&file).is_err())
    }
}

/// Takes an exclusive `flock` on an open file; `false` when somebody else has it.
pub fn try_exclusive(file: &File, path: &Path) -> Result<bool, DiskError> {
    got(FileExt::try_lock_exclusive(file), path)
}

/// Takes a shared `flock` on an open file; `false` when somebody has it alone.
///
/// Over NFS a `flock` is a lock of every byte of the file and would be in the way of whoever locks a range of it, as
/// theirs would be in ours: there it is not taken, and nothing is lost by that.
pub fn try_shared(file: &File, path: &Path) -> Result<bool, DiskError> {
    let system =
        nix::sys::statfs::fstatfs(file).map_err(|error| DiskError::at("look at", path)(error.into()))?;
    if system.filesystem_type() == nix::sys::statfs::NFS_SUPER_MAGIC {
        return Ok(true);
    }
    got(FileExt::try_lock_shared(file), path)
}

fn got(locked: io::Result<()>, path: &Path) -> Result<bool, DiskError> {
    match locked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == fs2::lock_contended_error().kind() => Ok(false),
        Err(error) => Err(DiskError::at("lock", path)(error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the holder writes its name when it likes")]
fn name_of_holder(file: &mut File) -> String {
    // The holder writes its name right after it got the lock: give it a moment.
    for _ in 0..20 {
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        if read.is_ok() && !text.trim().is_empty() {
            return text.trim().to_owned();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    "a process that has not said its name".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_the_other_learns_who() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let first = Lock::acquire(&path, "launcher 17").expect("free");
        let error = Lock::acquire(&path, "launcher 18").expect_err("held");
        assert_eq!(error.to_string(), format!("{} is held by launcher 17", path.display()));
        assert!(Lock::is_held(&path));
        drop(first);
        assert!(!Lock::is_held(&path));
        Lock::acquire(&path, "launcher 18").expect("free again");
    }
}
