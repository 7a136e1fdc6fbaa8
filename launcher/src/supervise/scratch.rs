//! Files that only the living read: ticker lists of attempts, pid files, batch lists for people. A crash may
//! leave half of one, so nothing is ever decided by them that the journal or a marker does not decide anew.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use shared::disk::publish::DiskError;

/// Writes `text` at once, without a sync: a durable file costs 15 ms, and a run makes thousands of these.
#[expect(clippy::disallowed_methods, reason = "nobody reads these after a crash")]
pub fn jot(path: &Path, text: &str) -> Result<(), DiskError> {
    fs::write(path, text).map_err(DiskError::at("write", path))
}

/// The same over a file that may be there already, which is cut only when it is longer: one that was cut to nothing
/// would go to the disk at once when it is closed (ext4).
pub fn jot_over(path: &Path, text: &str) -> Result<(), DiskError> {
    let write = || {
        let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.write_all(text.as_bytes())?;
        let length = text.len() as u64;
        if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
    };
    write().map_err(DiskError::at("write", path))
}
