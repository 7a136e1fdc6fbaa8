//! What several fuzz targets need: a folder for the files that they write, and checksums that
//! chance would never hit.

use std::path::Path;

use tempfile::TempDir;

/// A folder in memory, where there is such a place: thousands of files a second are no work for a
/// disk.
///
/// # Panics
/// Where no folder can be made.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder")
}

/// Each whole line that ends like an object, with the checksum that belongs to it.
#[must_use]
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"}\n") {
            Some(body) => {
                log.extend_from_slice(body);
                log.extend_from_slice(
                    format!(",\"crc\":\"{:08x}\"}}\n", crc32fast::hash(body)).as_bytes(),
                );
            }
            None => log.extend_from_slice(line),
        }
    }
    log
}
