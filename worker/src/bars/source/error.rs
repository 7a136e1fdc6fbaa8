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
    /// The tree holds another kind of data.
    #[error("{path}: this tree holds {found}, not {wanted}", path = path.display())]
    OtherKind {
        /// Its root.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The tree has ledgers, but none for the ticker.
    #[error("{ticker}: {path} does not exist, so no data of this ticker is proven; download it first", path = path.display())]
    NothingProven {
        /// The ticker.
        ticker: Ticker,
        /// Its ledger.
        path: PathBuf,
    },
    /// There is no folder of the ticker.
    #[error("{ticker}: {path} does not exist", path = path.display())]
    NoFolder {
        /// The ticker.
        ticker: Ticker,
        /// Where it would be.
        path: PathBuf,
    },
    /// A change of symbol falls on a New York day.
    #[error("{path}: the days of this tree are UTC days, so the days of one security can't be taken from it; use a tree of New York days", path = path.display())]
    UtcDays {
        /// The tree.
        path: PathBuf,
    },
    /// A timestamp falls.
    #[error(
        "{path}: row {row} (from 0) has timestamp {stamp}, before {before} of the row above; trades must be in time order; --sort sorts each file",
        path = path.display()
    )]
    Unsorted {
        /// The file.
        path: PathBuf,
        /// From 0.
        row: u64,
        /// Its timestamp, ns UTC.
        stamp: i64,
        /// The timestamp before it.
        before: i64,
    },
    /// A timestamp is not on the day of its file.
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
