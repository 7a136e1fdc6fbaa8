//! Sightings: how a file was found when its bytes were last known, so that a look need not read
//! them again.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Modification time (ns) and inode of a file, folded into eight hexadecimal digits: a ledger has
/// one a partition. Another file, or the same after somebody wrote to it, has the same ones once in
/// four thousand million times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(String);

impl Seen {
    /// Of what stands at `path`.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|found| Self::of(&found))
    }

    /// As no file is ever found: its bytes are to be read at every look.
    pub fn never() -> Self {
        Self("never".to_owned())
    }

    /// Of a file that was looked at.
    pub fn of(found: &Metadata) -> Self {
        let facts = [
            found.mtime().to_le_bytes(),
            found.mtime_nsec().to_le_bytes(),
            found.ino().to_le_bytes(),
        ];
        Self(format!("{:08x}", crc32fast::hash(facts.as_flattened())))
    }
}
