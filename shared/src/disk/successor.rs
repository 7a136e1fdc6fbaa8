//! Successors: a shorter file that takes the place of a log, whole or not at all.
//!
//! It is written and synced beside the log, locked by whoever wrote it, and only then renamed. When it may be made, and
//! what is in it, is the log's business.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::in_place;
use super::publish::{DiskError, sync_folder};

/// A file beside a log. Dropped before it is in place, it leaves nothing.
pub(super) struct Successor<'a> {
    file: Option<File>,
    temp: PathBuf,
    path: &'a Path,
}

impl<'a> Successor<'a> {
    /// Writes and syncs `lines` beside the log `old` at `path`. Only one at a time may do so.
    #[expect(clippy::disallowed_methods, reason = "nothing but a new file is opened")]
    pub(super) fn write(path: &'a Path, old: &File, lines: &[u8]) -> Result<Self, DiskError> {
        remove_leftover(path)?;
        let temp = temp_of(path);
        let new = OpenOptions::new().create_new(true).append(true).read(true).open(&temp);
        let mut successor = Self { file: None, temp, path };
        let file = successor.file.insert(new.map_err(DiskError::at("create", &successor.temp))?);
        let written = file.write_all(lines).and_then(|()| take_over_access(old, file));
        let synced = written.and_then(|()| file.sync_all());
        synced.map_err(DiskError::at("write", &successor.temp))?;
        Ok(successor)
    }

    /// The open file, for locking.
    pub(super) fn file(&self) -> &File {
        self.file.as_ref().expect("it has one until it is in place")
    }

    /// Puts it in the place of the log.
    pub(super) fn rename(mut self) -> Result<File, DiskError> {
        fs::rename(&self.temp, self.path).map_err(DiskError::at("replace", self.path))?;
        Ok(self.file.take().expect("it has one until it is in place"))
    }
}

impl Drop for Successor<'_> {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // If this fails, whoever opens the log next removes it.
            drop(fs::remove_file(&self.temp));
        }
    }
}

/// Removes what a writer left that died before its file was in place. Nobody may be writing one.
pub(super) fn remove_leftover(path: &Path) -> Result<(), DiskError> {
    let temp = temp_of(path);
    match fs::remove_file(&temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::at("remove", &temp)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Is `file` what others find at `path`?
pub(super) fn is_in_place(file: &File, path: &Path) -> Result<bool, DiskError> {
    in_place::is_in_place(file, path).map_err(DiskError::at("look at", path))
}

/// Makes the place of the log at `path` survive a power cut.
pub(super) fn sync_place(path: &Path) -> Result<(), DiskError> {
    sync_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Who may use `old` may use `new`: where that can't be had, `new` is not to take its place.
fn take_over_access(old: &File, new: &File) -> io::Result<()> {
    let (before, found) = (old.metadata()?, new.metadata()?);
    if (before.uid(), before.gid()) != (found.uid(), found.gid()) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the log belongs to another user or group",
        ));
    }
    new.set_permissions(before.permissions())
}

/// Readers skip such a name, and whoever sweeps a tree removes it.
fn temp_of(path: &Path) -> PathBuf {
    let mut name = OsString::from("_");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    path.with_file_name(name)
}
