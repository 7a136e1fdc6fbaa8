//! Who may open a file. What a run says of itself is open to its owner alone, whatever the umask.
//! Locks are open to those who write; data are as the umask says.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{fchown, geteuid};

use super::regular;

const ANYBODYS_FILE: u32 = 0o666;
const ANYBODYS_FOLDER: u32 = 0o777;
const OWNERS_FILE: u32 = 0o600;
const OWNERS_FOLDER: u32 = 0o700;
const OF_OTHERS: u32 = 0o077;
const ALL_OF_MODE: u32 = 0o777;
const GROUPS_FILE: u32 = 0o660;
/// The mode of a folder whose files a group may write: set-group-ID and group-writable.
const GROUPS_FOLDER: u32 = 0o2020;

/// Who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Its owner alone.
    Owner,
    /// Its owner, and its group if the folder is shared by a group (`chmod g+ws`). A file that root
    /// makes gets its folder's owner.
    Writers,
    /// Everybody whom the umask allows.
    AsUmaskSays,
}

impl Audience {
    /// Opens the file at `path` (`options` may create it) and follows no link. If an existing file
    /// of ours is open to others, it is closed to them.
    pub fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let folder = || fs::metadata(path.parent().unwrap_or(Path::new(".")));
        self.opened(folder, |mode| regular::open_no_link(options.mode(mode), path))
    }

    /// The file that `open` opens with the mode given to it, with its permissions corrected: a file
    /// that was there before may be open to others. `folder` is called only if its mode decides.
    pub(super) fn opened(
        self,
        folder: impl FnOnce() -> io::Result<Metadata>,
        open: impl FnOnce(u32) -> io::Result<File>,
    ) -> io::Result<File> {
        match self {
            Self::AsUmaskSays => open(ANYBODYS_FILE),
            Self::Owner => {
                let file = open(OWNERS_FILE)?;
                let found = file.metadata()?;
                if found.mode() & OF_OTHERS != 0 {
                    // Only its owner may change the mode of a file.
                    drop(file.set_permissions(fs::Permissions::from_mode(OWNERS_FILE)));
                }
                Ok(file)
            }
            Self::Writers => {
                let folder = folder()?;
                let is_shared = folder.mode() & GROUPS_FOLDER == GROUPS_FOLDER;
                let mode = if is_shared { GROUPS_FILE } else { OWNERS_FILE };
                let file = open(mode)?;
                let found = file.metadata()?;
                if geteuid().is_root() && found.uid() == 0 && folder.uid() != 0 {
                    let _ = fchown(&file, Some(folder.uid().into()), Some(folder.gid().into()));
                }
                if found.mode() & ALL_OF_MODE != mode {
                    drop(file.set_permissions(fs::Permissions::from_mode(mode)));
                }
                Ok(file)
            }
        }
    }

    /// The mode of a new folder, before the umask.
    pub(super) fn folder_mode(self) -> u32 {
        match self {
            Self::AsUmaskSays | Self::Writers => ANYBODYS_FOLDER,
            Self::Owner => OWNERS_FOLDER,
        }
    }

    /// Makes one folder.
    pub fn create_folder(self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(self.folder_mode()).create(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_its_owners_alone_is_so_also_when_it_was_there_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, inside) = (folder.path().join("run.json"), folder.path().join("pids"));
        let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        fs::write(&path, "x").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("changed");
        let open =
            |audience: Audience| audience.open(OpenOptions::new().append(true), &path).map(drop);
        open(Audience::AsUmaskSays).expect("opened");
        assert_eq!(mode(&path), 0o664);
        open(Audience::Owner).expect("opened");
        assert_eq!(mode(&path), 0o600);
        open(Audience::Writers).expect("opened");
        assert_eq!(mode(&path), 0o600, "its folder is nobody else's");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2775)).expect("changed");
        open(Audience::Writers).expect("opened");
        assert_eq!(mode(&path), 0o660, "its folder is a group's");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).expect("changed");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        open(Audience::Writers).expect("opened");
        assert_eq!(mode(&path), 0o600, "its folder is not said to be a group's");
        Audience::Owner.create_folder(&inside).expect("made");
        assert_eq!(mode(&inside), 0o700);
    }
}
