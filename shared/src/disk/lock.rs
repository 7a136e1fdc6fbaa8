//! Locks that no crash leaves stale: `flock` on a file, released by the kernel with its holder.
//!
//! Only writers can open the file. A reader that opened it before it was closed to readers may
//! still have it locked; then a second file beside it, which was never open to readers, is locked
//! instead.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs2::FileExt;
use nix::fcntl::OFlag;

use super::audience::Audience;
use super::folder::{Folder, parent_of};
use super::holders::{self, Holders, Which};
use super::in_place::{self, identity};
use super::publish::DiskError;
use super::regular;

/// Bytes read, and shown, of what a holder wrote about itself.
const HOLDER_CHARS: usize = 1000;
const HOLDER_BYTES: u64 = 16_384;

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{path} is held by {holder}", path = path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote about itself; its pid, if known, when it wrote nothing or another
        /// process did.
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
    /// The second file, if there is one; it is locked too.
    stand_in: Option<File>,
}

/// The result of an attempt to lock a file.
enum Grip {
    Ours,
    /// Held by processes that can only read it.
    ReadersHaveIt,
    Held(String),
}

impl Lock {
    /// Takes the lock at `path` at once, or returns its holder. `holder` is one line that tells a
    /// person who we are, with our pid.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self, LockError> {
        Ok(Self::take(path)?.sign(holder)?)
    }

    /// The same in a folder that is made for `audience`.
    pub fn acquire_for(audience: Audience, path: &Path, holder: &str) -> Result<Self, LockError> {
        Ok(Self::take_for(audience, path)?.sign(holder)?)
    }

    /// The same without a name: until [`sign`](Self::sign) the file names its last holder.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        Self::take_for(Audience::Writers, path)
    }

    /// The same of a lock that lies below `root`: no link leads to it.
    pub fn take_below(root: &Path, path: &Path) -> Result<Self, LockError> {
        Self::take_in(&Folder::of(Audience::Writers, root, path)?, Audience::Writers, path)
    }

    fn take_for(audience: Audience, path: &Path) -> Result<Self, LockError> {
        Self::take_in(&Folder::make(audience, parent_of(path))?, audience, path)
    }

    fn take_in(folder: &Folder, audience: Audience, path: &Path) -> Result<Self, LockError> {
        let open = |path: &Path, more: OFlag| {
            folder.open_file(audience, path.file_name().unwrap_or_default(), OFlag::O_RDWR | more)
        };
        let file = open(path, OFlag::O_CREAT)?;
        let held = |holder| LockError::Held { path: path.to_owned(), holder };
        let readers_have_it = match grip(&file, path)? {
            Grip::Ours => false,
            Grip::ReadersHaveIt => true,
            Grip::Held(by) => return Err(held(by)),
        };
        // A process that locked the first file looks for a second one; a process that made a second
        // one looks at the first again. So if one process met a reader and another did not, one of
        // them sees the other.
        let beside = stand_in_of(path);
        let stand_in =
            match open(&beside, if readers_have_it { OFlag::O_CREAT } else { OFlag::empty() }) {
                Ok(file) => Some(file),
                Err(error)
                    if error.source.kind() == io::ErrorKind::NotFound && !readers_have_it =>
                {
                    None
                }
                Err(error) => return Err(error.into()),
            };
        if let Some(stand_in) = &stand_in
            && !try_patiently(stand_in, &beside)?
        {
            return Err(held(name_of_holder(stand_in, Some(&file))));
        }
        if readers_have_it && let Grip::Held(by) = grip(&file, path)? {
            return Err(held(by));
        }
        Ok(Self { file, path: path.to_owned(), stand_in })
    }

    /// The lock at `path` that another process passed to us with its [files](Self::files): a
    /// `flock` belongs to the open file, not to a process.
    pub fn inherit(files: [File; 2], path: &Path) -> Result<Self, LockError> {
        let [file, second] = files;
        let is_same = is_same(&file, &second).map_err(DiskError::at("look at", path))?;
        let stand_in = (!is_same).then_some(second);
        let is_ours = match &stand_in {
            None => try_exclusive(&file, path)?,
            Some(stand_in) => try_exclusive(stand_in, path)?,
        };
        if is_ours {
            return Ok(Self { file, path: path.to_owned(), stand_in });
        }
        let holder = match &stand_in {
            None => name_of_holder(&file, None),
            Some(stand_in) => name_of_holder(stand_in, Some(&file)),
        };
        Err(LockError::Held { path: path.to_owned(), holder })
    }

    /// The name of the last holder that signed it; empty if none did.
    pub fn last_holder(&self) -> Result<String, DiskError> {
        last_holder(&self.path)
    }

    /// Writes who we are.
    pub fn sign(mut self, holder: &str) -> Result<Self, DiskError> {
        // The file is never removed: otherwise two processes could lock two files of one name. The
        // name is written over the earlier one and the file cut only then, so that a held lock
        // always has a name, and because ext4 writes a file that was cut to nothing to disk as soon
        // as it is closed.
        let length = holder.len() as u64;
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(holder.as_bytes()))
            .and_then(|()| match self.file.metadata()?.len() {
                found if found > length => self.file.set_len(length),
                _ => Ok(()),
            });
        written.map_err(DiskError::at("write", &self.path))?;
        Ok(self)
    }

    /// The open files that the lock belongs to; where there is only one, it is named twice.
    pub fn files(&self) -> [&File; 2] {
        [&self.file, self.stand_in.as_ref().unwrap_or(&self.file)]
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Is it still the file at its path? A file or its folder can be moved or deleted under us, and
    /// a disk can vanish. Any other failure to look counts as `true`.
    pub fn is_in_place(&self) -> bool {
        let beside = stand_in_of(&self.path);
        let stand_in = self.stand_in.as_ref().is_none_or(|file| is_found_at(file, &beside));
        stand_in && is_found_at(&self.file, &self.path)
    }

    /// Is it held right now? Only for showing to people: the answer may be out of date at once.
    pub fn is_held(path: &Path) -> bool {
        let is_taken = |path: &Path| {
            let file = regular::open(path).ok()?;
            let is_free = FileExt::try_lock_shared(&file).is_ok();
            // Given back with the file.
            (!is_free).then(|| holders::of(&file, &Which::Whole, &pids_in(&text_of(&file))))
        };
        is_taken(path).is_some_and(|by| !by.only_read()) || is_taken(&stand_in_of(path)).is_some()
    }
}

fn is_found_at(file: &File, path: &Path) -> bool {
    in_place::is_in_place(file, path).unwrap_or(true)
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    Ok(identity(&one.metadata()?) == identity(&other.metadata()?))
}

/// The file that is locked in place of `path` when a reader holds that.
fn stand_in_of(path: &Path) -> PathBuf {
    path.with_extension("private.lock")
}

fn grip(file: &File, path: &Path) -> Result<Grip, DiskError> {
    if try_patiently(file, path)? {
        return Ok(Grip::Ours);
    }
    if holders::of(file, &Which::Whole, &pids_in(&text_of(file))).only_read() {
        // This keeps earlier versions out, unless one reader holds it exclusively.
        try_shared(file, path)?;
        return Ok(Grip::ReadersHaveIt);
    }
    let by = name_of_holder(file, None);
    // Was it released meanwhile?
    Ok(if try_exclusive(file, path)? { Grip::Ours } else { Grip::Held(by) })
}

/// `is_held` of another process holds a lock for microseconds: only a lock that stays held counts.
#[expect(clippy::disallowed_methods, reason = "a flock can't be waited for with a bound")]
fn try_patiently(file: &File, path: &Path) -> Result<bool, DiskError> {
    for _ in 0..9 {
        if try_exclusive(file, path)? {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    try_exclusive(file, path)
}

/// The last name signed into the lock at `path`, whether it is held or not; empty if there is none.
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

/// Takes an exclusive `flock` on an open file; `false` if another holder has one.
pub fn try_exclusive(file: &File, path: &Path) -> Result<bool, DiskError> {
    got(FileExt::try_lock_exclusive(file), path)
}

/// Takes a shared `flock` on an open file; `false` if another holder has it exclusively.
///
/// Over NFS a `flock` locks every byte of the file and collides with locks on ranges. There it is
/// not taken, and nothing is lost.
fn try_shared(file: &File, path: &Path) -> Result<bool, DiskError> {
    let system = nix::sys::statfs::fstatfs(file)
        .map_err(|error| DiskError::at("look at", path)(error.into()))?;
    if system.filesystem_type() == nix::sys::statfs::NFS_SUPER_MAGIC {
        return Ok(true);
    }
    got(FileExt::try_lock_shared(file), path)
}

/// Shares the `flock` that earlier versions take exclusively on an open file or folder, and so
/// keeps them out. Returns the holder that has it exclusively, unless that holder may not write
/// there.
pub fn share_or_tell(file: &File, path: &Path) -> Result<Option<Holders>, DiskError> {
    if try_shared(file, path)? {
        return Ok(None);
    }
    let by = holders::of(file, &Which::Whole, &[]);
    Ok(if by.only_read() { None } else { Some(by) })
}

fn got(locked: io::Result<()>, path: &Path) -> Result<bool, DiskError> {
    match locked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == fs2::lock_contended_error().kind() => Ok(false),
        Err(error) => Err(DiskError::at("lock", path)(error)),
    }
}

/// The text may hold anything: control characters are removed, and it is cut to a length.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(HOLDER_CHARS).collect()
}

fn text_of(mut file: &File) -> String {
    let mut text = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(HOLDER_BYTES).read_to_string(&mut text));
    if read.is_ok() { text.trim().to_owned() } else { String::new() }
}

/// The numbers in what a holder has written of itself: its pid is among them.
fn pids_in(text: &str) -> Vec<i32> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The holder of `locked`: by the name that it signed, if the kernel shows that process, else as
/// the kernel names it.
#[expect(clippy::disallowed_methods, reason = "the holder writes its name when it likes")]
fn name_of_holder(locked: &File, signed: Option<&File>) -> String {
    let mut said = String::new();
    // A holder writes its name right after it took the lock, so wait a moment for it.
    for _ in 0..20 {
        let text = text_of(signed.unwrap_or(locked));
        let pids = pids_in(&text);
        let holders = holders::of(locked, &Which::Whole, &pids);
        if holders.pids().any(|holder| pids.contains(&holder)) {
            return shown(&text);
        }
        said = holders.to_string();
        if holders.are_unknown() && !text.is_empty() {
            said = format!("{said}; who had it last, wrote: {}", shown(&text));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    fn ours(words: &str) -> String {
        format!("{words} (pid {})", std::process::id())
    }

    #[test]
    fn one_holder_at_a_time_and_the_other_learns_who() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let first = Lock::acquire(&path, &ours("launcher")).expect("free");
        let error = Lock::acquire(&path, "launcher 18").expect_err("held");
        assert_eq!(
            error.to_string(),
            format!("{} is held by {}", path.display(), ours("launcher"))
        );
        assert!(Lock::is_held(&path));
        drop(first);
        assert!(!Lock::is_held(&path));
        Lock::acquire(&path, "launcher 18").expect("free again");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "one file is enough");
    }

    #[test]
    fn what_an_earlier_holder_wrote_is_not_the_name_of_this_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let _first = Lock::acquire(&path, "launcher (pid 2147483647)").expect("free");
        let said = Lock::acquire(&path, "launcher 18").expect_err("held").to_string();
        assert!(said.contains(&format!(" is held by process {} (", std::process::id())), "{said}");
    }

    #[test]
    fn a_name_in_a_lock_is_said_without_what_a_terminal_obeys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let _first = Lock::acquire(&path, &ours("launcher \x1b[2J")).expect("free");
        let error = Lock::acquire(&path, "launcher 18").expect_err("held");
        assert_eq!(
            error.to_string(),
            format!("{} is held by {}", path.display(), ours("launcher  [2J"))
        );
    }

    #[test]
    fn who_only_reads_keeps_nobody_from_a_lock_and_two_of_us_still_exclude_each_other() {
        for lock in [FileExt::lock_exclusive as fn(&File) -> io::Result<()>, FileExt::lock_shared] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("launcher.lock");
            drop(Lock::acquire(&path, "launcher 17").expect("free"));
            let reader = File::open(&path).expect("opened before it was closed to them");
            lock(&reader).expect("free");
            assert!(!Lock::is_held(&path));
            let first = Lock::acquire(&path, &ours("launcher")).expect("free for those who write");
            assert!(Lock::is_held(&path) && first.is_in_place());
            for reader_lives_on in [true, false] {
                let said = Lock::acquire(&path, "launcher 18").expect_err("held").to_string();
                assert!(said.ends_with(&ours("launcher")), "{said}");
                if reader_lives_on {
                    FileExt::unlock(&reader).expect("given back");
                }
            }
            let handed = first.files().map(|file| file.try_clone().expect("a copy"));
            drop(first);
            assert!(Lock::is_held(&path));
            let heir = Lock::inherit(handed, &path).expect("still held");
            drop(heir);
            assert!(!Lock::is_held(&path));
            let next = Lock::acquire(&path, "launcher 19").expect("free");
            assert!(Lock::acquire(&path, "launcher 20").is_err(), "as ever");
            drop(next);
        }
    }

    #[test]
    fn a_lock_file_is_its_writers_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let mode = || fs::metadata(&path).expect("there").mode() & 0o777;
        let lock = || drop(Lock::acquire(&path, "launcher 17").expect("free"));
        lock();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .expect("ours");
        lock();
        assert_eq!(mode(), 0o600, "of an earlier version");
    }

    #[test]
    fn a_lock_goes_with_its_open_file_and_its_file_may_go_from_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.lock");
        let first = Lock::acquire(&path, "launcher 17, with a long name").expect("free");
        let handed = first.files().map(|file| file.try_clone().expect("a copy"));
        drop(first);
        let stranger = || File::options().read(true).write(true).open(&path).expect("opened");
        assert!(matches!(
            Lock::inherit([stranger(), stranger()], &path),
            Err(LockError::Held { .. })
        ));
        let heir =
            Lock::inherit(handed, &path).expect("still held").sign("launcher 18").expect("signed");
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
