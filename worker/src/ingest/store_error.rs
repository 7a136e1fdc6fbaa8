//! Why a partition is not brought to its place, and whose trouble that is: its own, its ticker's,
//! or everybody's.

use std::io::ErrorKind;
use std::path::Path;

use shared::dataset::ledger::LedgerError;
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::disk::shortage::Shortage;

use super::tree::try_to_write;

/// What is not done, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file or folder can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("nothing can be written: {0}")]
    Tree(DiskError),
    #[error("{0}; it is left as it is: move it away and run again")]
    NotOurs(String),
}

impl StoreError {
    /// May another partition of the same ticker be written nevertheless?
    pub(super) fn is_of_its_partition(&self) -> bool {
        match self {
            Self::NotOurs(_) => true,
            Self::Disk(error) => is_of_one_path(error),
            Self::Ledger(_) | Self::Tree(_) => false,
        }
    }

    /// What is met at one path is everybody's trouble while nothing can be written anywhere in
    /// `tree`. That is to be looked at right then: when the visit is over it may have passed, and
    /// the ticker would be given up for it.
    pub(super) fn unless_it_is_everybodys(self, tree: &Path) -> Self {
        match self {
            Self::Disk(error) if is_of_one_path(&error) && try_to_write(tree).is_err() => {
                Self::Tree(error)
            }
            own @ (Self::Disk(_) | Self::Ledger(_) | Self::Tree(_) | Self::NotOurs(_)) => own,
        }
    }
}

/// Whatever goes wrong with one path may be that path's: a folder that may not be written, a file
/// in the place of a folder. What the machine has too little of is everybody's, and so is an error
/// that is not the system's own: a full disk may be behind it.
pub fn is_of_one_path(error: &DiskError) -> bool {
    // Parquet tells of a full disk in words alone when it closes a file.
    let is_the_system_s = error.source.raw_os_error().is_some();
    Shortage::behind(error).is_none() && (is_the_system_s || is_of_a_path(error.source.kind()))
}

fn is_of_a_path(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::NotFound
    )
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Disk(error) => Self::Disk(error),
            foreign @ (ReadError::Foreign { .. } | ReadError::Broken { .. }) => {
                Self::NotOurs(foreign.to_string())
            }
        }
    }
}
