//! Folders that are held open. A file made, opened, renamed or removed by its name is in that very
//! folder, whatever another process puts at its path meanwhile.
//!
//! No link is followed on the way from a root down to a folder. The kernel checks that while it
//! resolves the way (`openat2`). Where it can't (before Linux 5.6, or under a filter of system
//! calls), each name is opened by itself and refused if it is a link. The root itself may be a
//! link, because its user chose it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{
    AtFlags, OFlag, OpenHow, RenameFlags, ResolveFlag, openat, openat2, renameat, renameat2,
};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::audience::Audience;
use super::error::DiskError;
use super::{links, regular};

/// The flags with which a folder is opened.
const AS_FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);

/// How a folder was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// By a path that a user has chosen; links on it are followed.
    AsChosen,
    /// From a root, over no link.
    BelowRoot,
}

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    handle: File,
    path: PathBuf,
    reached: Reached,
}

/// What stands in a folder.
#[derive(Debug)]
pub struct FolderEntry {
    /// Its name.
    pub name: OsString,
    /// Is it a folder (and not a link to one)?
    pub is_folder: bool,
}

impl Folder {
    /// The folder at `path`, which a person or a run has chosen: links are followed.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let handle = regular::open_folder(named).map_err(DiskError::at("open", named))?;
        Ok(Self { handle, path: path.to_owned(), reached: Reached::AsChosen })
    }

    /// The same; made, durably, where it is missing.
    pub fn make(audience: Audience, path: &Path) -> Result<Self, DiskError> {
        match Self::open(path) {
            Err(error) if error.source.kind() == ErrorKind::NotFound => {
                create_folder_for(audience, path)?;
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// The folder of the file at `path`, which lies below `root`; what is missing is made.
    pub fn of(audience: Audience, root: &Path, path: &Path) -> Result<Self, DiskError> {
        Self::make(Audience::AsUmaskSays, root)?.into_folder_of(audience, path)
    }

    fn into_folder_of(self, audience: Audience, path: &Path) -> Result<Self, DiskError> {
        match self.way_to(path)? {
            way if way.as_os_str().is_empty() => Ok(self),
            way => self.make_below(audience, way),
        }
    }

    /// The folder of the file at `path`, which lies below this one; what is missing is made.
    pub fn folder_of(&self, audience: Audience, path: &Path) -> Result<Self, DiskError> {
        self.make_below(audience, self.way_to(path)?)
    }

    /// The way from here to the folder of the file at `path`.
    pub fn way_to<'a>(&self, path: &'a Path) -> Result<&'a Path, DiskError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        folder
            .strip_prefix(&self.path)
            .map_err(|_| DiskError::at("reach", path)(not_below(&self.path)))
    }

    /// The folder `way` below this one.
    pub fn below(&self, way: &Path) -> Result<Self, DiskError> {
        match resolve(&self.handle, way) {
            Ok(handle) => {
                let path = self.path.join(way);
                Ok(Self { handle: handle.into(), path, reached: Reached::BelowRoot })
            }
            Err(errno) => Err(self.why_no_way(way, errno)),
        }
    }

    /// The same; `None` where there is none.
    pub fn find(&self, way: &Path) -> Result<Option<Self>, DiskError> {
        match self.below(way) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same. What is missing of the way is made durably, its last folder for `audience`.
    fn make_below(&self, audience: Audience, way: &Path) -> Result<Self, DiskError> {
        match self.find(way) {
            Ok(Some(found)) => return Ok(found),
            // Opening name by name tells which one is missing.
            Err(error) if !is_of(Errno::ENOTDIR, &error.source) => return Err(error),
            Ok(None) | Err(_) => {}
        }
        let mut reached: Option<Self> = None;
        let mut names = way.components().map(|name| Path::new(name.as_os_str())).peekable();
        while let Some(name) = names.next() {
            let here = reached.as_ref().unwrap_or(self);
            let audience = if names.peek().is_none() { audience } else { Audience::AsUmaskSays };
            reached = Some(match here.find(name) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    here.make_folder(audience, name)?;
                    here.below(name)?
                }
                Err(error) if is_of(Errno::ENOTDIR, &error.source) => {
                    return Err(DiskError { doing: "create folder", ..error });
                }
                Err(error) => return Err(error),
            });
        }
        reached.map_or_else(|| self.below(way), Ok)
    }

    fn make_folder(&self, audience: Audience, name: &Path) -> Result<(), DiskError> {
        match mkdirat(&self.handle, name, Mode::from_bits_truncate(audience.folder_mode())) {
            Ok(()) => self.sync(),
            // Another process made it first; opening it shows what it is.
            Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(DiskError::at("create folder", &self.path.join(name))(errno.into())),
        }
    }

    /// Where it was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open folder, for locking.
    pub fn file(&self) -> &File {
        &self.handle
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.handle.metadata()
    }

    /// Opens the file `name`, which `flags` may make, for `audience` and over no link.
    pub fn open_file(
        &self,
        audience: Audience,
        name: &OsStr,
        flags: OFlag,
    ) -> Result<File, DiskError> {
        let open = |mode: u32| {
            let flags = flags | regular::FLAGS | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            match openat(&self.handle, name, flags, Mode::from_bits_truncate(mode)) {
                Ok(handle) => regular::checked(handle.into()),
                // The system's own error for such a file is hard to understand.
                Err(errno) => Err(self.word_on(name).unwrap_or(errno.into())),
            }
        };
        let path = || self.path.join(name);
        match audience.opened(|| self.metadata(), open) {
            Err(error) if is_of(Errno::ELOOP, &error) && self.reached == Reached::BelowRoot => {
                Err(links::error(&path()))
            }
            opened => opened.map_err(|error| DiskError::at("open", &path())(error)),
        }
    }

    /// Refuses `name` if it is a link, even a dangling one; below a root only.
    pub fn refuse_link(&self, name: &OsStr) -> Result<(), DiskError> {
        // The next use of the name reports whatever else is wrong with it.
        match (self.reached, self.kind_of(name)) {
            (Reached::BelowRoot, Some(SFlag::S_IFLNK)) => Err(links::error(&self.path.join(name))),
            (Reached::BelowRoot | Reached::AsChosen, Some(_) | None) => Ok(()),
        }
    }

    /// What stands at `name`; `None` if there is nothing, or nothing can be learned.
    fn kind_of(&self, name: &OsStr) -> Option<SFlag> {
        let found: FileStat = fstatat(&self.handle, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
        Some(SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT)
    }

    /// The error for a `name` that is neither a file nor a link.
    fn word_on(&self, name: &OsStr) -> Option<io::Error> {
        match self.kind_of(name)? {
            SFlag::S_IFREG | SFlag::S_IFLNK => None,
            odd => Some(regular::refusal_of_kind(odd)),
        }
    }

    /// Renames the file `from` to `to` and replaces whatever had that name.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Moves whatever has the name `from` to `folder`, where it gets the name `to`; `false` where
    /// something has that already. A link is moved itself.
    pub fn move_to(&self, from: &OsStr, folder: &Self, to: &OsStr) -> Result<bool, DiskError> {
        let flags = RenameFlags::RENAME_NOREPLACE;
        let moved = match renameat2(&self.handle, from, &folder.handle, to, flags) {
            // Not every file system knows this flag.
            Err(Errno::EINVAL | Errno::ENOSYS) if folder.kind_of(to).is_some() => {
                Err(Errno::EEXIST)
            }
            Err(Errno::EINVAL | Errno::ENOSYS) => renameat(&self.handle, from, &folder.handle, to),
            moved => moved,
        };
        match moved {
            Ok(()) => folder.sync().and_then(|()| self.sync()).map(|()| true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(DiskError::at("move", &self.path.join(from))(errno.into())),
        }
    }

    /// Does anything have this name?
    pub fn has(&self, name: &OsStr) -> bool {
        self.kind_of(name).is_some()
    }

    /// Gives the file `from` a second name, `to`, which must be free.
    pub(super) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?)
    }

    /// Removes the file, or the link, `name`; `false` where there is none.
    pub fn remove(&self, name: &OsStr) -> Result<bool, DiskError> {
        match unlinkat(&self.handle, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(DiskError::at("remove", &self.path.join(name))(errno.into())),
        }
    }

    /// Removes the folder `name`, which must be empty.
    pub fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, UnlinkatFlags::RemoveDir)?)
    }

    /// Makes its names durable.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.handle.sync_all().map_err(DiskError::at("sync folder", &self.path))
    }

    /// All that stands in it.
    pub fn entries(&self) -> Result<Vec<FolderEntry>, DiskError> {
        let list = || {
            let mut listed = Dir::openat(&self.handle, ".", AS_FOLDER, Mode::empty())?;
            let mut entries = Vec::new();
            for entry in listed.iter() {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name == "." || name == ".." {
                    continue;
                }
                let is_folder = match entry.file_type() {
                    Some(kind) => kind == Type::Directory,
                    None => self.kind_of(name) == Some(SFlag::S_IFDIR),
                };
                entries.push(FolderEntry { name: name.to_owned(), is_folder });
            }
            Ok(entries)
        };
        list().map_err(|errno: Errno| DiskError::at("list", &self.path)(errno.into()))
    }

    /// Names the link on `way`, if a link is the reason for the failure.
    fn why_no_way(&self, way: &Path, errno: Errno) -> DiskError {
        let path = self.path.join(way);
        let is_a_link = match errno {
            Errno::ELOOP | Errno::EXDEV => true,
            // Some kernels answer this for a link where a folder must be.
            Errno::ENOTDIR => false,
            _ => return DiskError::at("open", &path)(errno.into()),
        };
        match links::refuse(&self.path, &path) {
            Err(named) => named,
            // It is gone again.
            Ok(()) if is_a_link => links::error(&path),
            Ok(()) => DiskError::at("open", &path)(errno.into()),
        }
    }
}

fn is_of(errno: Errno, error: &io::Error) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

fn not_below(root: &Path) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it does not lie below {}", root.display()))
}

/// Does the kernel know `openat2`, and may it be called?
static HAS_OPENAT2: AtomicBool = AtomicBool::new(true);

/// Opens the folder `way` below `from`, over no link and never above `from`.
fn resolve(from: &File, way: &Path) -> nix::Result<OwnedFd> {
    if HAS_OPENAT2.load(Ordering::Relaxed) {
        match at_once(from, way) {
            // Filters of system calls that are older than this call answer EPERM.
            Err(Errno::ENOSYS | Errno::EPERM) => HAS_OPENAT2.store(false, Ordering::Relaxed),
            // A folder was renamed meanwhile, and the kernel can't tell whether the way led out of
            // the root.
            Err(Errno::EAGAIN) => {}
            resolved => return resolved,
        }
    }
    by_steps(from, way)
}

fn at_once(from: &File, way: &Path) -> nix::Result<OwnedFd> {
    let way = if way.as_os_str().is_empty() { Path::new(".") } else { way };
    let rule = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    openat2(from, way, OpenHow::new().flags(AS_FOLDER).resolve(rule))
}

fn by_steps(from: &File, way: &Path) -> nix::Result<OwnedFd> {
    let mut here = openat(from, ".", AS_FOLDER, Mode::empty())?;
    for name in way.components() {
        let name = match name {
            Component::Normal(name) => name,
            Component::CurDir => continue,
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                return Err(Errno::EXDEV);
            }
        };
        here = openat(&here, name, AS_FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    Ok(here)
}

/// Makes `folder` and its parents so that they survive a power cut; `folder` for `audience`,
/// missing parents as the umask says. Links are followed.
pub fn create_folder_for(audience: Audience, folder: &Path) -> Result<(), DiskError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = parent_of(folder);
    create_folder_for(Audience::AsUmaskSays, parent)?;
    match audience.create_folder(folder) {
        Ok(()) => sync_folder(parent),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(DiskError::at("create folder", folder)(error)),
    }
}

/// Makes the names inside `folder` durable.
pub fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    regular::open_folder(folder)
        .and_then(|file| file.sync_all())
        .map_err(DiskError::at("sync folder", folder))
}

/// The folder of `path`, as the system takes it.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files they look at")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    type Resolve = fn(&File, &Path) -> nix::Result<OwnedFd>;

    #[test]
    fn a_way_leads_over_no_link_and_never_up_whether_or_not_the_kernel_looks_at_all_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("out/A/year=2024")).expect("made");
        fs::create_dir_all(at("outside/year=2024")).expect("made");
        symlink(at("outside"), at("out/B")).expect("linked");
        symlink("A", at("out/C")).expect("linked inside");
        symlink("nowhere", at("out/A/year=2023")).expect("linked, dangling");
        fs::write(at("out/A/file"), "").expect("written");
        let root = Folder::open(&at("out")).expect("opened");
        for resolve in [at_once as Resolve, by_steps] {
            let went = |way: &str| resolve(&root.handle, Path::new(way)).map(drop);
            assert_eq!(went(""), Ok(()));
            assert_eq!(went("A/year=2024"), Ok(()));
            assert_eq!(went("A/year=2022"), Err(Errno::ENOENT));
            assert_eq!(went("A/file/deep"), Err(Errno::ENOTDIR));
            for way in ["B", "B/year=2024", "C", "C/year=2024", "A/year=2023"] {
                let errno = went(way).expect_err("refused");
                assert!(matches!(errno, Errno::ELOOP | Errno::ENOTDIR), "{way}: {errno}");
                let refused = root.why_no_way(Path::new(way), errno).to_string();
                let link = if way.starts_with('A') { way } else { &way[..1] };
                assert_eq!(refused, format!("can't follow {}", at("out").join(link).display()));
            }
            for way in ["../outside", "A/../../outside", "/"] {
                assert_eq!(went(way), Err(Errno::EXDEV), "{way}");
            }
        }
    }

    #[test]
    fn what_is_done_by_name_is_done_in_the_folder_that_was_opened_whatever_stands_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("outside")).expect("made");
        let audience = Audience::AsUmaskSays;
        let opened = Folder::of(audience, &at("out"), &at("out/A/year=2024/x")).expect("made");
        fs::rename(at("out/A"), at("moved")).expect("moved");
        symlink(at("outside"), at("out/A")).expect("linked");
        let [one, two] = ["one", "two"].map(OsStr::new);
        opened.open_file(audience, one, OFlag::O_CREAT | OFlag::O_WRONLY).expect("made");
        opened.rename(one, two).expect("renamed");
        opened.link(two, one).expect("linked");
        assert_eq!((opened.remove(two).ok(), opened.remove(two).ok()), (Some(true), Some(false)));
        assert!(at("moved/year=2024/one").is_file());
        assert_eq!(fs::read_dir(at("outside")).expect("listed").count(), 0);
        let again = Folder::of(audience, &at("out"), &at("out/A/year=2024/x")).map(drop);
        assert_eq!(again.expect_err("refused").path, at("out/A"));
    }

    #[test]
    fn a_name_that_is_a_link_is_opened_in_no_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let opened =
            Folder::of(Audience::AsUmaskSays, folder.path(), &at("A/_ledger.jsonl")).expect("made");
        symlink(at("outside"), at("A/_ledger.jsonl")).expect("linked, dangling");
        nix::unistd::mkfifo(&at("A/pipe"), Mode::S_IRWXU).expect("made");
        let flags = OFlag::O_CREAT | OFlag::O_RDWR;
        for audience in [Audience::Owner, Audience::Writers, Audience::AsUmaskSays] {
            let said = |name: &str| {
                let error =
                    opened.open_file(audience, OsStr::new(name), flags).expect_err("refused");
                format!("{error}: {}", error.source)
            };
            let link = said("_ledger.jsonl");
            assert!(link.starts_with("can't follow ") && link.contains("it is a link"), "{link}");
            assert!(said("pipe").ends_with("it is a named pipe, not a file"));
        }
        assert!(!at("outside").exists());
    }
}
