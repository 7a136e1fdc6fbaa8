//! What could not be done to which path.

use std::io;
use std::path::{Path, PathBuf};

/// What could not be done to which path.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing} {path}", path = path.display())]
pub struct DiskError {
    /// The verb, as in "can't *write* x".
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// Names the deed and the path for an I/O error: `.map_err(DiskError::at("write", path))`.
    pub fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }
}
