//! Looks at files: is what stands in a tree what a ledger line says? What follows from it is
//! [`ledger`](super::ledger)'s business.

use std::fs;
use std::path::PathBuf;

use super::coverage::DateRange;
use super::entry::FileProof;
use super::partition::Partition;
use super::seen::Seen;
use super::writer::Fingerprint;

/// A file that is not what its line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, for people.
    pub what: String,
}

/// Of which files the bytes decide, where they are not found as recorded or their lines do not say
/// how that was. Of all others the length does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Of all.
    All,
    /// Of those that hold some of these days.
    Days(DateRange),
    /// Of none: for estimates.
    Nothing,
}

impl Scope {
    /// Do the bytes of the file of `partition` decide?
    fn has(self, partition: Partition) -> bool {
        match self {
            Self::All => true,
            Self::Days(days) => days.intersection(partition.span()).is_some(),
            Self::Nothing => false,
        }
    }
}

/// What a look at a file shows.
pub(super) enum Look {
    /// Length, time and inode are as recorded, or nobody has asked for more than the length.
    AsRecorded,
    /// Its bytes were read and are right; this is how it is found now.
    Right(Seen),
    /// It is not what its line says.
    Damaged(Damage),
}

/// A look at the file of `proof`: its bytes are read only where it is not found as recorded and
/// `scope` has `partition`.
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

/// Holds the bytes of a file against its SHA-256.
pub(super) fn compare(proof: &FileProof, path: PathBuf) -> Look {
    // Looked at first: who writes to it while it is read changes how it is found.
    let seen = Seen::at(&path);
    let what = match (Fingerprint::of_file(&path), seen) {
        (Ok(found), Ok(seen)) if found == proof.fingerprint => return Look::Right(seen),
        (Ok(_), Ok(_)) => "its content is not what was written (SHA-256)".to_owned(),
        (Err(error), _) => error.to_string(),
        (_, Err(error)) => error.to_string(),
    };
    Look::Damaged(Damage { path, what })
}
