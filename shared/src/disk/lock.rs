//! Locks that no crash leaves stale: `flock` on a file, released by the kernel with its holder.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs2::FileExt;

use super::audience::Audience;
use super::publish::{DiskError, create_folder_for};
use super::regular;

/// So much of what a holder wrote of itself is said.
const HOLDER_CHARS: usize = 1000;

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
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock at `path` at once or says who holds it. `holder` is one line that tells a person
    /// who we are.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self, LockError> {
        Ok(Self::take(path)?.sign(holder)?)
    }

    /// The same with a file, and the folder that it lies in, for `audience`.
    pub fn acquire_for(audience: Audience, path: &Path, holder: &str) -> Result<Self, LockError> {
        Ok(Self::take_for(audience, path)?.sign(holder)?)
    }

    /// The same without a word of who we are: until [`sign`](Self::sign) its file names who had it last.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        Self::take_for(Audience::AsUmaskSays, path)
    }

    #[expect(clippy::disallowed_methods, reason = "a flock can't be waited for with a bound")]
    fn take_for(audience: Audience, path: &Path) -> Result<Self, LockError> {
        create_folder_for(audience, path.parent().unwrap_or(Path::new(".")))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = audience.open(&mut options, path).map_err(DiskError::at("open", path))?;
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
        Ok(Self { file, path: path.to_owned() })
    }

    /// The lock at `path` that came to us with `file`: a `flock` belongs to the open file, whoever has it open.
    pub fn inherit(file: File, path: &Path) -> Result<Self, LockError> {
        let mut lock = Self { file, path: path.to_owned() };
        if try_exclusive(&lock.file, path)? {
            Ok(lock)
        } else {
            Err(LockError::Held { path: path.to_owned(), holder: name_of_holder(&mut lock.file) })
        }
    }

    /// Who signed it last; empty when nobody has.
    pub fn last_holder(&self) -> Result<String, DiskError> {
        last_holder(&self.path)
    }

    /// Writes who we are.
    pub fn sign(mut self, holder: &str) -> Result<Self, DiskError> {
        // The file stays for ever: removing it would let two processes lock two files of one name.
        // Written over what an earlier holder wrote, and only then cut: a lock that is held is never without a name,
        // and a file that was cut to nothing would go to the disk at once when it is closed (ext4).
        let length = holder.len() as u64;
        let written =
            self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(holder.as_bytes())).and_then(
                |()| match self.file.metadata()?.len() {
                    found if found > length => self.file.set_len(length),
                    _ => Ok(()),
                },
            );
        written.map_err(DiskError::at("write", &self.path))?;
        Ok(self)
    }

    /// The open file that the lock belongs to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Is it still the file that others find by its name? A file or its folder can be moved or deleted under us, and a
    /// disk can go. What can't be looked at for another reason counts as there.
    pub fn is_in_place(&self) -> bool {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match (fs::metadata(&self.path).map(identity), self.file.metadata().map(identity)) {
            (Ok(found), Ok(own)) => found == own,
            (Err(error), _) => !is_absence(&error),
            (_, Err(_)) => true,
        }
    }

    /// Is it held right now? For people only: the answer may be old when it is read.
    pub fn is_held(path: &Path) -> bool {
        regular::open(path).is_ok_and(|file| FileExt::try_lock_shared(&file).is_err())
    }
}

/// Who signed the lock at `path` last, whether it is held or not; empty when nobody has.
pub fn last_holder(path: &Path) -> Result<String, DiskError> {
    match regular::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if is_absence(&error) => Ok(String::new()),
        Err(error) => Err(DiskError::at("read", path)(error)),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
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

/// Whoever may write there may have written anything: nothing that a terminal would obey, and no book.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(HOLDER_CHARS).collect()
}

#[expect(clippy::disallowed_methods, reason = "the holder writes its name when it likes")]
fn name_of_holder(file: &mut File) -> String {
    // The holder writes its name right after it got the lock: give it a moment.
    for _ in 0..20 {
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        if read.is_ok() && !text.trim().is_empty() {
            return shown(text.trim());
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

    #[test]
    fn a_name_in_a_lock_is_said_without_what_a_terminal_obeys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let _first = Lock::acquire(&path, "launcher \x1b[2J 17").expect("free");
        let error = Lock::acquire(&path, "launcher 18").expect_err("held");
        assert_eq!(error.to_string(), format!("{} is held by launcher  [2J 17", path.display()));
    }

    #[test]
    fn a_lock_goes_with_its_open_file_and_its_file_may_go_from_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let first = Lock::acquire(&path, "launcher 17, with a long name").expect("free");
        let handed = first.file().try_clone().expect("a copy");
        drop(first);
        let stranger = File::options().read(true).write(true).open(&path).expect("opened");
        assert!(matches!(Lock::inherit(stranger, &path), Err(LockError::Held { .. })));
        let heir = Lock::inherit(handed, &path).expect("still held").sign("launcher 18").expect("signed");
        assert!(Lock::is_held(&path));
        assert_eq!(last_holder(&path).expect("read"), "launcher 18");
        assert!(heir.is_in_place());
        fs::rename(&path, folder.path().join("moved")).expect("moved");
        assert!(!heir.is_in_place());
        let other = Lock::take(&path).expect("a new file");
        assert_eq!(other.last_holder().expect("read"), "");
        assert!(!heir.is_in_place() && other.is_in_place());
    }
}
