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
    /// A file can't be read, or has another format.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The description of the tree is corrupt.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// The ledger is unusable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{path}: this tree holds {found}, not {wanted}", path = path.display())]
    OtherKind { path: PathBuf, found: String, wanted: &'static str },
    #[error("{ticker}: {path} does not exist, so no data of this ticker is proven; download it first", path = path.display())]
    NothingProven { ticker: Ticker, path: PathBuf },
    #[error("{ticker}: {path} does not exist", path = path.display())]
    NoFolder { ticker: Ticker, path: PathBuf },
    #[error("{path}: the days of this tree are UTC days, so the days of one security can't be taken from it; use a tree of New York days", path = path.display())]
    UtcDays { path: PathBuf },
    #[error(
        "{path}: row {row} (from 0) has timestamp {stamp}, before {before} of the row above; trades must be in time order; --sort sorts each file",
        path = path.display()
    )]
    Unsorted {
        path: PathBuf,
        /// From 0.
        row: u64,
        /// Its timestamp, ns UTC.
        stamp: i64,
        before: i64,
    },
    #[error("{path}: row {row} (from 0) has timestamp {stamp}, which is not on {day}; timestamps must be ns UTC", path = path.display())]
    OtherDay {
        path: PathBuf,
        /// From 0.
        row: u64,
        stamp: i64,
        day: TradingDay,
    },
}
