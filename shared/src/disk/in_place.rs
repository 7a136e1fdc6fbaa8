//! Is an open file still the one at its path? A file or its folder can be moved, replaced or
//! deleted under us.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device and inode: the identity of a file under any name.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Is `file` the one at `path`? Absence is `false`; an error means that one of them can't be
/// inspected.
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
