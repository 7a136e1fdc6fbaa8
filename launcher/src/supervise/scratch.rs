//! Files that only the living read: ticker lists of attempts, pid files, batch lists for people. A crash may
//! leave half of one, so nothing is ever decided by them that the journal or a marker does not decide anew.

use std::fs;
use std::path::Path;

use shared::disk::publish::DiskError;

/// Writes `text` at once, without a sync: a durable file costs 15 ms, and a run makes thousands of these.
#[expect(clippy::disallowed_methods, reason = "nobody reads these after a crash")]
pub fn jot(path: &Path, text: &str) -> Result<(), DiskError> {
    fs::write(path, text).map_err(DiskError::at("write", path))
}
