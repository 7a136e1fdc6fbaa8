//! Why a ledger can't be used. The ledger itself is [`ledger`](super::ledger).

use std::path::PathBuf;

use super::coverage::DateRange;
use crate::disk::checked_lines::LinesError;
use crate::disk::holders::Holders;
use crate::disk::publish::DiskError;
use crate::disk::shared_lines::LogError;
use crate::formats::UnknownVersion;
use crate::market::ticker::Ticker;

/// Why a ledger can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line in its middle is damaged.
    #[error(
        "{path}:{line}: not a ledger line ({what}); the data files are untouched; move the ledger aside and run again with --resume to download the ticker anew",
        path = path.display()
    )]
    Corrupt {
        /// The ledger.
        path: PathBuf,
        /// One-based.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A line is of another version.
    #[error("{path}: {source}", path = path.display())]
    Version {
        /// The ledger.
        path: PathBuf,
        /// Which.
        source: UnknownVersion,
    },
    /// Its lines, or the files that they describe, belong to another ticker or kind.
    #[error(
        "{path} was written for {theirs}, so it proves nothing of {ours}; move its folder back to where it came from, or away, and run again",
        path = path.display()
    )]
    Foreign {
        /// The ledger.
        path: PathBuf,
        /// Ticker and kind that it was written for.
        theirs: String,
        /// Ticker and kind that were looked for.
        ours: String,
    },
    /// Its folder was moved or removed while it was written.
    #[error("{path} was moved or removed while it was written; what was not proven by then is fetched again by --resume", path = path.display())]
    Gone {
        /// The ledger.
        path: PathBuf,
    },
    /// Another worker writes some of the days at this moment.
    #[error(
        "{ticker}: another worker is writing {theirs} of it ({by} has locked {path})",
        theirs = theirs.map_or_else(|| "all".to_owned(), |days| days.to_string()),
        path = path.display()
    )]
    Busy {
        /// Which.
        ticker: Ticker,
        /// The days that it has; `None` for all of them.
        theirs: Option<DateRange>,
        /// Who.
        by: Holders,
        /// The ledger.
        path: PathBuf,
    },
}

impl From<LinesError> for LedgerError {
    fn from(error: LinesError) -> Self {
        match error {
            LinesError::Disk(error) => Self::Disk(error),
            LinesError::Corrupt { path, line, what } => Self::Corrupt { path, line, what },
        }
    }
}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Lines(error) => error.into(),
            LogError::Gone { path } => Self::Gone { path },
        }
    }
}
