//! Can we write there? Tried, not guessed from permission bits.

use std::fs;
use std::path::Path;

use shared::disk::publish::{self, DiskError};

/// Large enough to need a block of its own.
const PROBE_BYTES: usize = 64 * 1024;

/// Writes, syncs and removes a small file in `folder`, which is made if it does not exist.
pub fn prove_writable(folder: &Path) -> Result<(), DiskError> {
    publish::create_folders(folder)?;
    let probe = folder.join(format!("_launcher.{}.probe", std::process::id()));
    let written = publish::publish(&probe, &vec![0; PROBE_BYTES]);
    let removed = fs::remove_file(&probe).map_err(DiskError::at("remove", &probe));
    written.and(removed)
}
