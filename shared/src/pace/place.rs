//! The folder of rate budgets: only this user can enter it, and it outlives logins and logouts.
//!
//! The folder is `/tmp/ingest-pace-UID`. It is not below `/run/user/UID`, which comes with the
//! first login and goes with the last logout: processes begun before and after would count in two
//! files. It is not below `$TMPDIR`, which may differ between a cron job and a terminal. If
//! `$XDG_RUNTIME_DIR` names a folder of this user elsewhere, a person has chosen that place, and it
//! is used. A process keeps its place for life: if the file vanishes, it is made again there or
//! nowhere.
//!
//! In `/tmp` anybody can make anything. The folder is used only if it is a real folder, ours, and
//! closed to everybody else.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::disk::publish::DiskError;
use crate::hex;

const NAME: &str = "ingest-pace";
/// The folder that logins make and logouts remove.
const LOGINS: &str = "/run/user";
const LASTS: &str = "/tmp";

/// Why the budget's folder or file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It could not be made or opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something is there that other users can change.
    #[error(
        "{path} {what}, so the rate budget can't be kept there; remove it, or set XDG_RUNTIME_DIR to a folder of your own (the same for all that use the key)",
        path = path.display()
    )]
    NotOurs {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The folder of all budgets; it may not exist yet.
pub fn folder() -> PathBuf {
    let own = geteuid();
    // `sudo` and `su` may keep another user's variable: that folder is ignored.
    let is_own = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|is| is.is_dir() && is.uid() == own.as_raw())
    };
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    chosen(runtime_dir, is_own).unwrap_or_else(|| Path::new(LASTS).join(format!("{NAME}-{own}")))
}

/// The place that a person has chosen, if `$XDG_RUNTIME_DIR` is not the folder that every login
/// gets.
fn chosen(runtime_dir: Option<PathBuf>, is_own: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let is_chosen =
        |folder: &PathBuf| folder.is_absolute() && !folder.starts_with(LOGINS) && is_own(folder);
    runtime_dir.filter(is_chosen).map(|folder| folder.join(NAME))
}

/// The file of the budget of `key`. The key can't be read back from its name.
pub fn file_of(folder: &Path, key: &[u8]) -> PathBuf {
    folder.join(hex::lower(Sha256::digest(key).into_iter().take(8)))
}

/// Opens the budget's file; makes it and its folder if they are missing.
pub fn open(path: &Path) -> Result<File, PlaceError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(DiskError::at("create folder", folder)(error).into());
        }
        _ => check_folder(folder)?,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    checked_file(&options, path)
}

/// Opens the file for reading; makes nothing.
pub fn open_to_read(path: &Path) -> Result<File, PlaceError> {
    check_folder(path.parent().unwrap_or(Path::new("/")))?;
    checked_file(OpenOptions::new().read(true), path)
}

fn check_folder(folder: &Path) -> Result<(), PlaceError> {
    let found = fs::symlink_metadata(folder).map_err(DiskError::at("look at", folder))?;
    if !found.is_dir() {
        return Err(PlaceError::NotOurs { path: folder.to_owned(), what: "is not a folder" });
    }
    check_owner(folder, &found)
}

#[expect(clippy::disallowed_methods, reason = "what a link points to is not even opened")]
fn checked_file(options: &OpenOptions, path: &Path) -> Result<File, PlaceError> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file =
        options.clone().custom_flags(flags).open(path).map_err(DiskError::at("open", path))?;
    let found = file.metadata().map_err(DiskError::at("look at", path))?;
    if !found.is_file() {
        return Err(PlaceError::NotOurs { path: path.to_owned(), what: "is not a file" });
    }
    check_owner(path, &found)?;
    Ok(file)
}

fn check_owner(path: &Path, found: &Metadata) -> Result<(), PlaceError> {
    let not_ours = |what| Err(PlaceError::NotOurs { path: path.to_owned(), what });
    if found.uid() != geteuid().as_raw() {
        return not_ours("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return not_ours("is open to other users");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn refusal(path: &Path) -> &'static str {
        match open(path).expect_err("not to be trusted") {
            PlaceError::NotOurs { what, .. } => what,
            PlaceError::Disk(error) => panic!("{error}: {}", error.source),
        }
    }

    #[test]
    fn before_at_and_after_a_logout_all_processes_of_a_user_have_one_place() {
        let place = |runtime_dir: Option<&str>, is_there: bool| {
            chosen(runtime_dir.map(PathBuf::from), |_| is_there)
        };
        // A terminal, the same after its folder is gone, a cron job, a process begun after the next
        // login.
        let lives = [
            (Some("/run/user/1000"), true),
            (Some("/run/user/1000"), false),
            (None, true),
            (Some("/run/user/1000"), true),
        ];
        assert_eq!(
            lives.map(|(runtime_dir, is_there)| place(runtime_dir, is_there)),
            [None, None, None, None]
        );
        assert_eq!(place(Some("/srv/budgets"), true), Some("/srv/budgets/ingest-pace".into()));
        assert_eq!(
            (place(Some("/srv/others"), false), place(Some("relative"), true)),
            (None, None)
        );
    }

    #[test]
    fn folder_and_file_are_closed_to_others() {
        let home = tempfile::tempdir().expect("a folder");
        let path = file_of(&home.path().join("pace"), b"key");
        open(&path).expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(path.parent().expect("a parent")), mode(&path)), (0o700, 0o600));
        // printf key | sha256sum
        assert!(path.ends_with("pace/2c70e12b7a0646f9"), "{path:?}");
    }

    #[test]
    fn what_others_can_change_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("pace");
        let path = file_of(&folder, b"key");

        symlink(home.path(), &folder).expect("linked");
        assert_eq!(refusal(&path), "is not a folder");
        fs::remove_file(&folder).expect("removed");

        fs::create_dir(&folder).expect("made");
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("set");
        assert_eq!(refusal(&path), "is open to other users");
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("set");

        symlink(home.path().join("elsewhere"), &path).expect("linked");
        assert!(matches!(open(&path), Err(PlaceError::Disk(_))), "a link is not followed");
        assert!(!home.path().join("elsewhere").exists());
        fs::remove_file(&path).expect("removed");

        fs::write(&path, "").expect("written");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("set");
        assert_eq!(refusal(&path), "is open to other users");
        fs::remove_file(&path).expect("removed");

        if geteuid().is_root() {
            std::os::unix::fs::chown(&folder, Some(65_534), None).expect("given away");
            assert_eq!(refusal(&path), "belongs to another user");
        }
    }
}
