//! Paths as a run keeps them: absolute, because `--resume` may come from another folder.

use std::path::{Path, PathBuf};

/// An absolute path without `.` and doubled slashes, so that two spellings of one place compare
/// equal.
pub fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    cwd.join(path).components().collect()
}
