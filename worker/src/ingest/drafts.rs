//! Partitions on their way to disk: bars are collected and merged with what is there, trades replace their day
//! and are written while they arrive.

use std::path::{Path, PathBuf};

use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::FileProof;
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

/// Is there a file of this partition already? A proven one has been held against its proof; one that nobody
/// vouches for may be another tool's, or may have been published right before a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Yes.
    File,
    /// No.
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

    /// Publishes what was taken. A file that is there and is not ours is an error, never overwritten.
    fn publish(
        draft: Self::Draft,
        place: &Place,
        partition: Partition,
        existing: Existing,
    ) -> Result<Option<FileProof>, ReadError>;

    /// Is the file at `path` readable as rows of this place?
    fn check(path: &Path, place: &Place) -> Result<(), ReadError>;
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
        for row in rows.into_iter().map(dated) {
            // The chain has let both pass: one came at the end of a page, the other, which is to be kept, on the next.
            if draft.last().is_some_and(|last| last.key(place.kind) == row.key(place.kind)) {
                draft.pop();
            }
            draft.push(row);
        }
        Ok(())
    }

    fn publish(
        draft: Vec<DatedBar>,
        place: &Place,
        partition: Partition,
        existing: Existing,
    ) -> Result<Option<FileProof>, ReadError> {
        let path = place.file(partition);
        let older = match existing {
            Existing::File => reader::read_bars(&path, place.kind, &place.ticker)?,
            Existing::Nothing => Vec::new(),
        };
        let rows = merge::by_key(place.kind, &older, &draft);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let fingerprint = writer::publish_bars(&path, place.kind, place.zone, &place.ticker, &rows)?;
        Ok(Some(FileProof { rows: rows.len() as u64, first: first.bar.t, last: last.bar.t, fingerprint }))
    }

    fn check(path: &Path, place: &Place) -> Result<(), ReadError> {
        reader::read_bars(path, place.kind, &place.ticker).map(drop)
    }
}

impl Stored for Trade {
    type Draft = TradesFile;

    fn begin(place: &Place, partition: Partition) -> Result<TradesFile, DiskError> {
        TradesFile::create(&place.file(partition), &place.ticker, partition.span().from(), place.columns)
    }

    fn add(draft: &mut TradesFile, _: &Place, rows: Vec<Self>) -> Result<(), DiskError> {
        draft.append(rows)
    }

    fn publish(
        draft: TradesFile,
        place: &Place,
        partition: Partition,
        existing: Existing,
    ) -> Result<Option<FileProof>, ReadError> {
        if existing == Existing::File {
            Self::check(&place.file(partition), place)?;
        }
        let proof = |(written, fingerprint): (writer::Written, _)| {
            let writer::Written { rows, first_ns: first, last_ns: last } = written;
            FileProof { rows, first, last, fingerprint }
        };
        Ok(draft.publish()?.map(proof))
    }

    fn check(path: &Path, place: &Place) -> Result<(), ReadError> {
        reader::check(path, place.kind, place.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_of_a_bar_takes_the_place_of_the_first_also_across_pages() {
        let ticker = "AIG".parse().expect("a ticker");
        let (kind, zone, columns) = (Kind::Minute, Zone::NewYork, Columns::Narrow);
        let place = Place { outdir: PathBuf::new(), kind, zone, columns, ticker };
        let bar = |minute: i64, volume| Ohlcv {
            t: 1_709_821_800_000 + 60_000 * minute,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume,
            trades: None,
            vwap: None,
        };
        let mut draft = Vec::new();
        for page in [vec![bar(0, 1.0), bar(1, 1.0)], vec![bar(1, 2.0), bar(2, 1.0)]] {
            Ohlcv::add(&mut draft, &place, page).expect("taken");
        }
        let volumes: Vec<f64> = draft.iter().map(|row| row.bar.volume).collect();
        assert_eq!(volumes, [1.0, 2.0, 1.0]);
    }
}
