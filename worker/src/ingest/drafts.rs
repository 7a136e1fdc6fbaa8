//! Partitions on their way to disk: bars are collected and merged with what is there, trades replace their day
//! and are written while they arrive.

use std::path::{Path, PathBuf};

use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::Outcome;
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::dataset::row::Row;
use shared::dataset::writer::{self, TradesFile};
use shared::disk::publish::DiskError;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::market::zone::Zone;

use crate::api::wire::FromWire;

/// Where the rows of one ticker go.
#[derive(Debug, Clone)]
pub struct Place {
    /// Root of the dataset.
    pub outdir: PathBuf,
    /// What rows.
    pub kind: Kind,
    /// In which zone days are counted.
    pub zone: Zone,
    /// Which columns trades have.
    pub columns: Columns,
    /// Whose rows.
    pub ticker: Ticker,
}

impl Place {
    /// The file of `partition`.
    pub fn file(&self, partition: Partition) -> PathBuf {
        partition.file(&self.outdir, &self.ticker, self.kind)
    }
}

/// How much the file that is there counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The ledger vouches for it.
    Proven,
    /// Nobody vouches for it (another tool's, or a crash came before its ledger line).
    Unproven,
    /// There is none, or it is damaged and all that it was said to hold has been fetched again.
    Nothing,
}

/// A row that can be brought to disk.
pub trait Stored: Row + FromWire {
    /// A partition that is not published yet. Dropped, it leaves nothing.
    type Draft;

    /// Begins a partition.
    fn begin(place: &Place, partition: Partition) -> Result<Self::Draft, DiskError>;

    /// Takes rows in time order.
    fn add(draft: &mut Self::Draft, place: &Place, rows: Vec<Self>) -> Result<(), DiskError>;

    /// Publishes what was taken; `draft` is `None` where no row came. The outcome is `None` where the partition
    /// has no rows at all.
    fn publish(
        draft: Option<Self::Draft>,
        place: &Place,
        partition: Partition,
        existing: Existing,
    ) -> Result<Option<Outcome>, ReadError>;
}

impl Stored for Ohlcv {
    type Draft = Vec<DatedBar>;

    fn begin(_: &Place, _: Partition) -> Result<Vec<DatedBar>, DiskError> {
        Ok(Vec::new())
    }

    fn add(draft: &mut Vec<DatedBar>, place: &Place, rows: Vec<Self>) -> Result<(), DiskError> {
        let dated = |bar: Self| {
            let date = bar.day(place.zone).expect("the chain lets only stamps of the range pass");
            DatedBar { date, bar }
        };
        draft.extend(rows.into_iter().map(dated));
        Ok(())
    }

    fn publish(
        draft: Option<Vec<DatedBar>>,
        place: &Place,
        partition: Partition,
        existing: Existing,
    ) -> Result<Option<Outcome>, ReadError> {
        let path = place.file(partition);
        let rows =
            merge::by_key(place.kind, &bars_on_disk(&path, place, existing)?, &draft.unwrap_or_default());
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let proof = writer::publish_bars(&path, place.kind, place.zone, &place.ticker, &rows)?;
        Ok(Some(Outcome::data(rows.len() as u64, first.bar.t, last.bar.t, proof)))
    }
}

/// The bars that a fetch is merged with.
fn bars_on_disk(path: &Path, place: &Place, existing: Existing) -> Result<Vec<DatedBar>, ReadError> {
    match existing {
        Existing::Nothing => Ok(Vec::new()),
        Existing::Proven => reader::read_bars(path, place.kind, &place.ticker),
        Existing::Unproven => match reader::read_bars(path, place.kind, &place.ticker) {
            Err(ReadError::Foreign { .. }) => Ok(Vec::new()),
            read => read,
        },
    }
}

impl Stored for Trade {
    type Draft = TradesFile;

    fn begin(place: &Place, partition: Partition) -> Result<TradesFile, DiskError> {
        TradesFile::create(&place.file(partition), &place.ticker, partition.span().from(), place.columns)
    }

    fn add(draft: &mut TradesFile, _: &Place, rows: Vec<Self>) -> Result<(), DiskError> {
        draft.append(&rows)
    }

    fn publish(
        draft: Option<TradesFile>,
        _: &Place,
        _: Partition,
        _: Existing,
    ) -> Result<Option<Outcome>, ReadError> {
        let published = draft.map(TradesFile::publish).transpose()?.flatten();
        Ok(published
            .map(|(written, proof)| Outcome::data(written.rows, written.first_ns, written.last_ns, proof)))
    }
}
