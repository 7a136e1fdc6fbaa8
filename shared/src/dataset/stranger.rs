//! A tree that nothing describes: may a run go on with the files that stand there?
//!
//! Asked before anything is made in it, so that a tree that is refused is left as it was. A few
//! files are looked at; each of the others is judged when its own turn comes.

use std::fs;
use std::path::{Path, PathBuf};

use super::kind::{Columns, Kind};
use super::ledger::Ledger;
use super::merge::DatedBar;
use super::partition::Partition;
use super::reader::{self, ReadError};
use crate::market::ticker::Ticker;
use crate::market::trading_day::NS_PER_MS;
use crate::market::zone::Zone;

/// Of so many tickers a file is looked at.
const TICKERS: usize = 16;

/// What a run wants a tree to be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What rows.
    pub kind: Kind,
    /// Which columns trades have.
    pub columns: Columns,
    /// In which zone days are counted.
    pub zone: Zone,
}

/// Refuses a tree that says nothing of itself and has files of `tickers` in the places of ours, if
/// none of those that are looked at can be gone on with. A damaged file tells nothing.
pub fn refuse(outdir: &Path, wanted: Wanted, tickers: &[Ticker]) -> Result<(), ReadError> {
    if outdir.join("_dataset.json").exists() || !outdir.is_dir() {
        return Ok(());
    }
    let has_no_ledger = |ticker: &&Ticker| !Ledger::path(outdir, ticker).exists();
    let file = |ticker| Some((ticker, first_file(outdir, wanted.kind, ticker)?));
    let files = tickers.iter().filter(has_no_ledger).filter_map(file).take(TICKERS);
    let mut refused = None;
    for (ticker, (partition, path)) in files {
        match look(&path, wanted, ticker, partition) {
            Ok(()) => return Ok(()),
            Err(error @ ReadError::Foreign { .. }) => {
                refused.get_or_insert(error);
            }
            Err(ReadError::Broken { .. } | ReadError::Disk(_)) => {}
        }
    }
    refused.map_or(Ok(()), Err)
}

/// The first file of `ticker` in a place of ours.
fn first_file(outdir: &Path, kind: Kind, ticker: &Ticker) -> Option<(Partition, PathBuf)> {
    let folder = outdir.join(ticker.as_str());
    let deep = match kind {
        Kind::Daily => 1,
        Kind::Minute => 2,
        Kind::Trades => 3,
    };
    partitions(&folder, "", deep).find_map(|partition| {
        let path = partition.file(outdir, ticker, kind);
        path.is_file().then_some((partition, path))
    })
}

/// The partitions so many folders `deep` below `folder`, which has this `name` in them.
fn partitions(folder: &Path, name: &str, deep: u32) -> Box<dyn Iterator<Item = Partition>> {
    if deep == 0 {
        return Box::new(name.parse().ok().into_iter());
    }
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.contains('='));
    names.sort_unstable();
    let (folder, name) = (folder.to_owned(), name.to_owned());
    Box::new(names.into_iter().flat_map(move |own| {
        let below = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
        partitions(&folder.join(own), &below, deep - 1)
    }))
}

/// Can a worker go on with this file?
fn look(
    path: &Path,
    wanted: Wanted,
    ticker: &Ticker,
    partition: Partition,
) -> Result<(), ReadError> {
    let Wanted { kind, columns, zone } = wanted;
    if kind == Kind::Trades {
        let days = partition.span();
        let start = |day| zone.start_ms(day) * NS_PER_MS;
        let stamps = start(days.from())..start(days.to().next());
        return reader::check_trades(path, columns, ticker, &stamps).map(drop);
    }
    let rows = reader::read_bars(path, kind, ticker)?;
    let is_odd = |row: &&DatedBar| zone.day_of_ms(row.bar.t) != Some(row.date);
    let what = match rows.iter().find(is_odd) {
        Some(row) => format!(
            "a row of {} is stamped t={}, which is another day in {zone}; --tz says in which zone days are counted",
            row.date, row.bar.t
        ),
        None => return Ok(()),
    };
    Err(ReadError::Foreign { path: path.to_owned(), what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::writer::publish_bars;
    use crate::disk::publish::Draft;
    use crate::market::ohlcv::Ohlcv;

    /// Minutes of the evening of 2024-01-31 in New York, filed by the days of `zone`.
    fn evening(outdir: &Path, ticker: &Ticker, zone: Zone) {
        let t = 1_706_749_200_000;
        let date = zone.day_of_ms(t).expect("a day");
        let bar = Ohlcv {
            t,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 5.0,
            trades: None,
            vwap: None,
        };
        let path = Partition::of(Kind::Minute, date).file(outdir, ticker, Kind::Minute);
        let draft = Draft::create(&path).expect("begun");
        publish_bars(draft, Kind::Minute, zone, ticker, &[DatedBar { date, bar }]).expect("done");
    }

    fn minutes(zone: Zone) -> Wanted {
        Wanted { kind: Kind::Minute, columns: Columns::Narrow, zone }
    }

    #[test]
    fn a_tree_of_other_days_is_refused_unless_it_says_itself_what_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let (outdir, tickers) = (folder.path(), ["AIG", "BAC"].map(|it| it.parse().expect(it)));
        refuse(outdir, minutes(Zone::NewYork), &tickers).expect("nothing is there");
        evening(outdir, &tickers[1], Zone::Utc);
        refuse(outdir, minutes(Zone::Utc), &tickers).expect("its days");
        let said = refuse(outdir, minutes(Zone::NewYork), &tickers).expect_err("refused");
        assert!(said.to_string().contains("--tz says"), "{said}");
        refuse(outdir, minutes(Zone::NewYork), &tickers[..1]).expect("nobody asks for it");
        let daily = Wanted { kind: Kind::Daily, ..minutes(Zone::NewYork) };
        refuse(outdir, daily, &tickers).expect("no file stands in our places");
        fs::write(outdir.join("_dataset.json"), "{}").expect("written");
        refuse(outdir, minutes(Zone::NewYork), &tickers).expect("the description decides");
    }

    #[test]
    fn one_file_that_can_be_gone_on_with_is_enough() {
        let folder = tempfile::tempdir().expect("a folder");
        let tickers: [Ticker; 2] = ["AIG", "BAC"].map(|it| it.parse().expect(it));
        evening(folder.path(), &tickers[0], Zone::Utc);
        evening(folder.path(), &tickers[1], Zone::NewYork);
        refuse(folder.path(), minutes(Zone::NewYork), &tickers).expect("one is");
    }
}
