//! Who may read a file: what a run says of itself is its owner's alone, whatever the umask; data are as the umask says.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::regular;

const OWNERS_FILE: u32 = 0o600;
const OWNERS_FOLDER: u32 = 0o700;
const OF_OTHERS: u32 = 0o077;

/// Who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Its owner alone.
    Owner,
    /// Whoever the umask lets.
    AsUmaskSays,
}

impl Audience {
    /// Opens the file at `path`, which `options` may make, and follows no link. One that is there and open to others is closed to them, where it is ours.
    pub fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        match self {
            Self::AsUmaskSays => regular::open_no_link(options, path),
            Self::Owner => {
                let file = regular::open_no_link(options.mode(OWNERS_FILE), path)?;
                let found = file.metadata()?;
                if found.mode() & OF_OTHERS != 0 {
                    // Of somebody else's file its owner decides.
                    drop(file.set_permissions(fs::Permissions::from_mode(OWNERS_FILE)));
                }
                Ok(file)
            }
        }
    }

    /// Makes one folder.
    pub fn create_folder(self, folder: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        match self {
            Self::AsUmaskSays => builder.create(folder),
            Self::Owner => builder.mode(OWNERS_FOLDER).create(folder),
        }
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
        let open = |audience: Audience| audience.open(OpenOptions::new().append(true), &path).map(drop);
        open(Audience::AsUmaskSays).expect("opened");
        assert_eq!(mode(&path), 0o664);
        open(Audience::Owner).expect("opened");
        assert_eq!(mode(&path), 0o600);
        Audience::Owner.create_folder(&inside).expect("made");
        assert_eq!(mode(&inside), 0o700);
    }
}
