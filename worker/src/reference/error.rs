//! Why a reference job ends early, and what that means for the process.

use shared::disk::checked_lines::LinesError;
use shared::disk::publish::DiskError;
use shared::run::events::Persistence;
use shared::run::exit::Exit;

use super::table::TableError;
use crate::api::failure::Failure;

/// Why a job ends early.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("{name}: {failure}")]
    Source { name: String, failure: Failure },
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A log is damaged.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// A snapshot on disk can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{name}: the source has none; is this the right --date?")]
    Nothing { name: &'static str },
}

impl JobError {
    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Source { failure, .. } => exit_of(failure),
            Self::Disk(_) | Self::Lines(LinesError::Disk(_)) => Exit::LocalResource,
            Self::Lines(LinesError::Corrupt { .. }) | Self::Table(_) | Self::Nothing { .. } => {
                Exit::Permanent
            }
        }
    }
}

/// How the process ends when a failure of the source ends it.
pub fn exit_of(failure: &Failure) -> Exit {
    match (failure, failure.persistence()) {
        (Failure::Refused { .. }, _) => Exit::Refused,
        (Failure::NoTurn(_), _) => Exit::LocalResource,
        (Failure::Stopped, _) => Exit::Stopped,
        (_, Persistence::Transient) => Exit::Transient,
        (_, Persistence::Permanent) => Exit::Permanent,
    }
}
