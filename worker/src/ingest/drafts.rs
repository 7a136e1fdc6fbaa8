//! Partitions on their way to disk. Bars are collected and merged with the file that is there;
//! trades replace their day and are written while they arrive.

use shared::dataset::coverage::Coverage;
use shared::dataset::entry::FileProof;
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::dataset::writer::{self, TradesFile};
use shared::disk::audience::Audience;
use shared::disk::folder::Folder;
use shared::disk::publish::{DiskError, Draft};
use shared::market::ohlcv::Ohlcv;
use shared::market::trade::Trade;
use shared::market::trading_day::NS_PER_MS;
use shared::market::zone::DayFinder;

use super::storable::{Destination, FileInPlace, Ground, Oddity, Storable};

impl Storable for Ohlcv {
    type Draft = Vec<DatedBar>;
    type Published = Vec<DatedBar>;

    const STAMPS_PER_MS: i64 = 1;

    fn oddity(&self) -> Option<Oddity> {
        let zero = [self.open, self.high, self.low, self.close].contains(&0.0);
        if self.high < self.low {
            Some(Oddity::HighBelowLow)
        } else {
            zero.then_some(Oddity::ZeroPrice)
        }
    }

    fn begin(_: &Destination, _: &Folder, _: Partition) -> Result<Vec<DatedBar>, DiskError> {
        Ok(Vec::new())
    }

    fn add(draft: &mut Vec<DatedBar>, to: &Destination, rows: Vec<Self>) -> Result<(), DiskError> {
        let mut days = DayFinder::new(to.zone);
        let dated = |bar: Self| {
            let date = Self::day_among(bar.t, &mut days);
            DatedBar { date: date.expect("the chain lets only stamps of the range pass"), bar }
        };
        for row in rows.into_iter().map(dated) {
            // The chain has let both pass: one came at the end of a page, the other, which is to be
            // kept, on the next.
            if draft.last().is_some_and(|last| last.key(to.kind) == row.key(to.kind)) {
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

    fn read(to: &Destination, partition: Partition) -> Result<Vec<DatedBar>, ReadError> {
        let path = to.file(partition);
        let rows = reader::read_bars(&path, to.kind, &to.ticker)?;
        let is_stray = |row: &&DatedBar| !partition.span().contains(row.date);
        let mut days = DayFinder::new(to.zone);
        let mut is_odd = |row: &&DatedBar| Self::day_among(row.bar.t, &mut days) != Some(row.date);
        let what = if let Some(row) = rows.iter().find(is_stray) {
            format!("a row of {} in {partition}", row.date)
        } else if let Some(DatedBar { date, bar }) = rows.iter().find(&mut is_odd) {
            format!("a row of {date} is stamped t={}, which is another day", bar.t)
        } else {
            return Ok(rows);
        };
        Err(ReadError::Foreign { path, what })
    }

    fn published_rows_of(published: &Vec<DatedBar>, days: &Coverage) -> u64 {
        count(published, days)
    }

    fn publish(
        draft: Vec<DatedBar>,
        to: &Destination,
        folder: &Folder,
        partition: Partition,
        ground: Ground<'_, Vec<DatedBar>>,
    ) -> Result<Option<FileProof>, DiskError> {
        let mut older = match ground.existing {
            FileInPlace::File(rows) => rows,
            FileInPlace::Nothing => Vec::new(),
        };
        older.retain(|row| !ground.replaced.contains(row.date));
        let rows = if older.is_empty() { draft } else { merge::by_key(to.kind, &older, &draft) };
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let file = Draft::in_folder(folder, Audience::AsUmaskSays, &to.file(partition))?;
        let fingerprint = writer::publish_bars(file, to.kind, to.zone, &to.ticker, &rows)?;
        let (all, proven) = (rows.len() as u64, count(&rows, ground.proven));
        let proven_rows = (proven != all).then_some(proven);
        Ok(Some(FileProof {
            proven_rows,
            ..FileProof::new(all, first.bar.t, last.bar.t, fingerprint)
        }))
    }
}

fn count(rows: &[DatedBar], days: &Coverage) -> u64 {
    rows.iter().filter(|row| days.contains(row.date)).count() as u64
}

impl Storable for Trade {
    type Draft = TradesFile;
    /// How many there are: a day of trades replaces the one before.
    type Published = u64;

    const STAMPS_PER_MS: i64 = NS_PER_MS;

    fn oddity(&self) -> Option<Oddity> {
        None
    }

    fn begin(
        to: &Destination,
        folder: &Folder,
        partition: Partition,
    ) -> Result<TradesFile, DiskError> {
        let file = Draft::in_folder(folder, Audience::AsUmaskSays, &to.file(partition))?;
        TradesFile::create(file, &to.ticker, partition.span().from(), to.columns)
    }

    fn add(draft: &mut TradesFile, _: &Destination, rows: Vec<Self>) -> Result<(), DiskError> {
        draft.append(rows)
    }

    fn held(draft: &TradesFile) -> u64 {
        draft.held() as u64
    }

    fn rows_of(draft: &TradesFile, _: &Coverage) -> u64 {
        draft.rows()
    }

    fn read(to: &Destination, partition: Partition) -> Result<u64, ReadError> {
        let stamps = Self::stamps_of(to.kind, to.zone, partition.span());
        reader::check_trades(&to.file(partition), to.columns, &to.ticker, &stamps)
    }

    fn published_rows_of(published: &u64, _: &Coverage) -> u64 {
        *published
    }

    fn publish(
        draft: TradesFile,
        _: &Destination,
        _: &Folder,
        _: Partition,
        _: Ground<'_, u64>,
    ) -> Result<Option<FileProof>, DiskError> {
        let proof = |(written, fingerprint): (writer::TradesSummary, _)| {
            let writer::TradesSummary { rows, first_ns: first, last_ns: last } = written;
            FileProof::new(rows, first, last, fingerprint)
        };
        Ok(draft.publish()?.map(proof))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use shared::dataset::kind::{Columns, Kind};
    use shared::market::zone::Zone;

    use super::*;

    #[test]
    fn the_second_version_of_a_bar_takes_the_place_of_the_first_also_across_pages() {
        let ticker = "AIG".parse().expect("a ticker");
        let (kind, zone, columns) = (Kind::Minute, Zone::NewYork, Columns::Narrow);
        let to = Destination { outdir: PathBuf::new(), kind, zone, columns, ticker };
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
            Ohlcv::add(&mut draft, &to, page).expect("taken");
        }
        let volumes: Vec<f64> = draft.iter().map(|row| row.bar.volume).collect();
        assert_eq!(volumes, [1.0, 2.0, 1.0]);
    }
}
