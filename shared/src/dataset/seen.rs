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
        Self(format!("{:08x}", mark(found.mtime(), found.mtime_nsec(), found.ino())))
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// How a line says that a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It does not say.
    Unsaid,
    /// With this [`mark`].
    Marked(u32),
    /// As no file is ever found: its bytes are to be read at every look.
    Never,
}

impl Sighting {
    /// As a line has it.
    pub(super) fn of(text: Option<&str>) -> Self {
        let mark = |text: &str| u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8);
        text.map_or(Self::Unsaid, |text| mark(text).map_or(Self::Never, Self::Marked))
    }
}

/// The mark of a file that was modified at that time (s and ns since the epoch, UTC) and has that
/// inode.
pub fn mark(modified_s: i64, modified_ns: i64, inode: u64) -> u32 {
    let facts = [modified_s.to_le_bytes(), modified_ns.to_le_bytes(), inode.to_le_bytes()];
    crc32fast::hash(facts.as_flattened())
}
