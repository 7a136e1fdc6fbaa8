//! Successors: a shorter file that takes the place of a log, whole or not at all.
//!
//! Its writer writes and syncs it beside the log, locks it, and only then renames it. The log
//! decides when to make one and what it holds.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::audience::Audience;
use super::folder::Folder;
use super::in_place;
use super::publish::DiskError;

/// A file beside a log. Dropped before it is in place, it leaves nothing.
pub(super) struct Successor<'a> {
    file: Option<File>,
    temp: OsString,
    folder: &'a Folder,
    name: &'a OsStr,
}

impl<'a> Successor<'a> {
    /// Writes and syncs `lines` beside the log `old`, which is `name` in `folder`. Only one process
    /// at a time may do that.
    pub(super) fn write(
        folder: &'a Folder,
        name: &'a OsStr,
        old: &File,
        lines: &[u8],
    ) -> Result<Self, DiskError> {
        remove_leftover(folder, name)?;
        let mut successor = Self { file: None, temp: temp_of(name), folder, name };
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_APPEND | OFlag::O_RDWR;
        let new = folder.open_file(Audience::AsUmaskSays, &successor.temp, flags)?;
        let file = successor.file.insert(new);
        let written = file.write_all(lines).and_then(|()| take_over_access(old, file));
        let synced = written.and_then(|()| file.sync_all());
        synced.map_err(DiskError::at("write", &folder.path().join(&successor.temp)))?;
        Ok(successor)
    }

    /// The open file, for locking.
    pub(super) fn file(&self) -> &File {
        self.file.as_ref().expect("it has one until it is in place")
    }

    /// Puts it in the place of the log.
    pub(super) fn rename(mut self) -> Result<File, DiskError> {
        let renamed = self.folder.rename(&self.temp, self.name);
        renamed.map_err(DiskError::at("replace", &self.folder.path().join(self.name)))?;
        Ok(self.file.take().expect("it has one until it is in place"))
    }
}

impl Drop for Successor<'_> {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // If this fails, the next opener of the log removes it.
            drop(self.folder.remove(&self.temp));
        }
    }
}

/// Removes the file of a writer that died before its rename. No other writer may be active.
pub(super) fn remove_leftover(folder: &Folder, name: &OsStr) -> Result<(), DiskError> {
    folder.remove(&temp_of(name)).map(drop)
}

/// Is `file` the one at `path`?
pub(super) fn is_in_place(file: &File, path: &Path) -> Result<bool, DiskError> {
    in_place::is_in_place(file, path).map_err(DiskError::at("look at", path))
}

/// Gives `new` the permissions of `old`. If that fails, `new` must not replace it.
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

/// Readers skip such a name, and a sweep of the tree removes it.
fn temp_of(log: &OsStr) -> OsString {
    let mut name = OsString::from("_");
    name.push(log);
    name.push(".tmp");
    name
}
