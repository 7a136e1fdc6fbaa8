//! Partitions on their way to disk: bars are collected and merged with what is there, trades replace their day
//! and are written while they arrive.

use std::path::PathBuf;

use shared::dataset::coverage::Coverage;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::FileProof;
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::dataset::row::{self, Row};
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

/// What a file is made of, beside the rows that came.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// What is there.
    pub existing: Existing,
    /// Days that are answered for now and whose rows there nobody vouches for: they give way to those that came.
    pub replaced: &'a Coverage,
    /// Days that will be proven by the new file.
    pub proven: &'a Coverage,
}

/// A row that can be brought to disk.
pub trait Stored: Row + FromWire {
    /// A partition that is not published yet. Dropped, it leaves nothing.
    type Draft;

    /// Begins a partition.
    fn begin(place: &Place, partition: Partition) -> Result<Self::Draft, DiskError>;

    /// Takes rows in time order.
    fn add(draft: &mut Self::Draft, place: &Place, rows: Vec<Self>) -> Result<(), DiskError>;

    /// Bytes that it takes, or will take when it is published, about.
    fn held(draft: &Self::Draft) -> u64;

    /// How many of the rows taken belong to `days`.
    fn rows_of(draft: &Self::Draft, days: &Coverage) -> u64;

    /// Publishes what was taken. A file that is there and is not ours is an error, never overwritten.
    fn publish(
        draft: Self::Draft,
        place: &Place,
        partition: Partition,
        ground: Ground<'_>,
    ) -> Result<Option<FileProof>, ReadError>;

    /// How many rows of `days` are in the file of `partition`, which is readable as rows of this place.
    fn rows_there(place: &Place, partition: Partition, days: &Coverage) -> Result<u64, ReadError>;
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

    fn held(draft: &Vec<DatedBar>) -> u64 {
        // With those that were there, and as columns of a file.
        3 * (draft.len() * size_of::<DatedBar>()) as u64
    }

    fn rows_of(draft: &Vec<DatedBar>, days: &Coverage) -> u64 {
        count(draft, days)
    }

    fn publish(
        draft: Vec<DatedBar>,
        place: &Place,
        partition: Partition,
        ground: Ground<'_>,
    ) -> Result<Option<FileProof>, ReadError> {
        let path = place.file(partition);
        let mut older = match ground.existing {
            Existing::File => bars_there(place, partition)?,
            Existing::Nothing => Vec::new(),
        };
        older.retain(|row| !ground.replaced.contains(row.date));
        let rows = if older.is_empty() { draft } else { merge::by_key(place.kind, &older, &draft) };
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let fingerprint = writer::publish_bars(&path, place.kind, place.zone, &place.ticker, &rows)?;
        let (all, proven) = (rows.len() as u64, count(&rows, ground.proven));
        let proven_rows = (proven != all).then_some(proven);
        Ok(Some(FileProof { proven_rows, ..FileProof::new(all, first.bar.t, last.bar.t, fingerprint) }))
    }

    fn rows_there(place: &Place, partition: Partition, days: &Coverage) -> Result<u64, ReadError> {
        Ok(count(&bars_there(place, partition)?, days))
    }
}

fn count(rows: &[DatedBar], days: &Coverage) -> u64 {
    rows.iter().filter(|row| days.contains(row.date)).count() as u64
}

fn bars_there(place: &Place, partition: Partition) -> Result<Vec<DatedBar>, ReadError> {
    let path = place.file(partition);
    let rows = reader::read_bars(&path, place.kind, &place.ticker)?;
    let is_stray = |row: &&DatedBar| !partition.span().contains(row.date);
    let is_odd = |row: &&DatedBar| row.bar.day(place.zone) != Some(row.date);
    let what = if let Some(row) = rows.iter().find(is_stray) {
        format!("a row of {} in {partition}", row.date)
    } else if let Some(DatedBar { date, bar }) = rows.iter().find(is_odd) {
        format!("a row of {date} is stamped t={}, which is another day", bar.t)
    } else {
        return Ok(rows);
    };
    Err(ReadError::Foreign { path, what })
}

impl Stored for Trade {
    type Draft = TradesFile;

    fn begin(place: &Place, partition: Partition) -> Result<TradesFile, DiskError> {
        TradesFile::create(&place.file(partition), &place.ticker, partition.span().from(), place.columns)
    }

    fn add(draft: &mut TradesFile, _: &Place, rows: Vec<Self>) -> Result<(), DiskError> {
        draft.append(rows)
    }

    fn held(draft: &TradesFile) -> u64 {
        draft.held() as u64
    }

    fn rows_of(draft: &TradesFile, _: &Coverage) -> u64 {
        draft.rows()
    }

    fn publish(
        draft: TradesFile,
        place: &Place,
        partition: Partition,
        ground: Ground<'_>,
    ) -> Result<Option<FileProof>, ReadError> {
        if ground.existing == Existing::File {
            trades_there(place, partition)?;
        }
        let proof = |(written, fingerprint): (writer::Written, _)| {
            let writer::Written { rows, first_ns: first, last_ns: last } = written;
            FileProof::new(rows, first, last, fingerprint)
        };
        Ok(draft.publish()?.map(proof))
    }

    fn rows_there(place: &Place, partition: Partition, _: &Coverage) -> Result<u64, ReadError> {
        trades_there(place, partition)
    }
}

fn trades_there(place: &Place, partition: Partition) -> Result<u64, ReadError> {
    let stamps = row::window::<Trade>(place.kind, place.zone, partition.span());
    reader::check_trades(&place.file(partition), place.columns, &place.ticker, &stamps)
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
