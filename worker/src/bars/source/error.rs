//! Why a source can't be used.

use std::path::PathBuf;

use shared::dataset::descriptor::DescriptorError;
use shared::dataset::ledger::LedgerError;
use shared::dataset::reader::ReadError;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// Why a source can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file can't be read, or is none of the kind.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the tree says of itself makes no sense.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// The proof of what is there can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The tree holds something else.
    #[error("{path}: this tree holds {found}, not {wanted}", path = path.display())]
    OtherKind {
        /// Its root.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// There is no such ticker in a tree of ours.
    #[error("{ticker}: {path} does not exist, so no data of this ticker is proven; download it first", path = path.display())]
    NothingProven {
        /// Whose.
        ticker: Ticker,
        /// Its ledger.
        path: PathBuf,
    },
    /// There is no folder of the ticker.
    #[error("{ticker}: {path} does not exist", path = path.display())]
    NoFolder {
        /// Whose.
        ticker: Ticker,
        /// Where it would be.
        path: PathBuf,
    },
    /// A stamp falls.
    #[error(
        "{path}: row {row} (from 0) has timestamp {stamp}, before {before} of the row above; trades must be in time order; --sort sorts each file",
        path = path.display()
    )]
    Unsorted {
        /// The file.
        path: PathBuf,
        /// From 0.
        row: u64,
        /// Its stamp, ns UTC.
        stamp: i64,
        /// The stamp before it.
        before: i64,
    },
    /// A stamp is not of the day that its file is of.
    #[error("{path}: row {row} (from 0) has timestamp {stamp}, which is not on {day}; timestamps must be ns UTC", path = path.display())]
    OtherDay {
        /// The file.
        path: PathBuf,
        /// From 0.
        row: u64,
        /// Its stamp.
        stamp: i64,
        /// The day of the file.
        day: TradingDay,
    },
}
