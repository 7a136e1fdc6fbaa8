//! Looks at files: is a file what its ledger line says? [`ledger`](super::ledger) decides what
//! follows.

use std::fs;
use std::path::PathBuf;

use super::coverage::DateRange;
use super::entry::FileProof;
use super::partition::Partition;
use super::seen::Seen;
use super::writer::Fingerprint;

/// A file that differs from its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, for people.
    pub what: String,
}

/// The files whose bytes are read if they do not look as recorded, or if their lines do not say how
/// they looked. All other files are judged by their lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Of all.
    All,
    /// Files that hold any of these days.
    Days(DateRange),
    /// No file: for estimates.
    Nothing,
}

impl Scope {
    /// May the file of `partition` be read?
    fn has(self, partition: Partition) -> bool {
        match self {
            Self::All => true,
            Self::Days(days) => days.intersection(partition.span()).is_some(),
            Self::Nothing => false,
        }
    }
}

/// The result of a look at a file.
pub(super) enum Look {
    /// Length, time and inode are as recorded, or the length was all that mattered.
    AsRecorded,
    /// Its bytes were read and are intact; this is how it looks now.
    Right(Seen),
    /// It differs from its line.
    Damaged(Damage),
}

/// Looks at the file of `proof`. Its bytes are read only if it does not look as recorded and
/// `scope` includes `partition`.
pub(super) fn glance(proof: &FileProof, partition: Partition, path: PathBuf, scope: Scope) -> Look {
    let bytes = proof.fingerprint.bytes;
    let what = match fs::metadata(&path) {
        Ok(found) if found.len() != bytes => {
            format!("{} bytes where the ledger says {bytes}", found.len())
        }
        Ok(found) if proof.seen == Some(Seen::of(&found)) || !scope.has(partition) => {
            return Look::AsRecorded;
        }
        Ok(_) => return compare(proof, path),
        Err(error) => error.to_string(),
    };
    Look::Damaged(Damage { path, what })
}

/// Compares the bytes of a file with its SHA-256.
pub(super) fn compare(proof: &FileProof, path: PathBuf) -> Look {
    // Taken before the bytes are read: a write during the read changes how the file looks.
    let seen = Seen::at(&path);
    let what = match (Fingerprint::of_file(&path), seen) {
        (Ok(found), Ok(seen)) if found == proof.fingerprint => return Look::Right(seen),
        (Ok(_), Ok(_)) => "its content is not what was written (SHA-256)".to_owned(),
        (Err(error), _) => error.to_string(),
        (_, Err(error)) => error.to_string(),
    };
    Look::Damaged(Damage { path, what })
}
