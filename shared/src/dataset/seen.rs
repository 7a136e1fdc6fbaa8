//! Sightings: how a file looked when its bytes were last read or written, so that a look need not
//! read them again.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Modification time (ns) and inode of a file, folded into eight hexadecimal digits. Another file,
/// or the same one after a write, has the same digits once in four thousand million times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(String);

impl Seen {
    /// The sighting of the file at `path`.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|found| Self::of(&found))
    }

    /// A value that no file has: every look has to read the bytes.
    pub fn never() -> Self {
        Self("never".to_owned())
    }

    /// The sighting of a file with this metadata.
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
