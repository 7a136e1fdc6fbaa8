//! Why there is no audit. That one partition can't be asked for is no such reason.

use std::path::PathBuf;

use shared::disk::publish::DiskError;

use crate::process::spawn::SpawnError;

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Nothing says what the tree holds.
    #[error(
        "{root} has no _dataset.json, so nothing says how its rows were asked for: it can't be audited",
        root = root.display()
    )]
    NoDescriptor {
        /// The tree.
        root: PathBuf,
    },
    /// The key, or the plan, is refused.
    #[error("the source refuses the audit: {said} (see {log})", log = log.display())]
    Refused {
        /// What the worker said.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// The worker does not take its arguments.
    #[error("the worker refuses its arguments: {said} (see {log})", log = log.display())]
    Usage {
        /// What it said.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// This machine is in the way.
    #[error("the worker can't work here: {said} (see {log})", log = log.display())]
    Local {
        /// What it said.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// The worker ended without a word.
    #[error("the worker crashed: {said} (see {log})", log = log.display())]
    Crashed {
        /// What it said.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// It did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// A file could not be written.
    #[error("{0}: {source}", source = .0.source)]
    Disk(#[from] DiskError),
}
