//! Is an open file still what others find by its name? A file or its folder can be moved, replaced
//! or deleted under us.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device and inode: what a file is, by whatever name.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Is `file` what others find at `path`? An error says that one of them can't be looked at; absence
/// is no error.
pub fn is_in_place(file: &File, path: &Path) -> io::Result<bool> {
    let own = identity(&file.metadata()?);
    match fs::metadata(path) {
        Ok(found) => Ok(identity(&found) == own),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
