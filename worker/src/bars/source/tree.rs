//! A tree of input: its kind of data, and what its ledgers prove of a ticker.

use std::path::{Path, PathBuf};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::{self, Adjusted};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::error::SourceError;

/// The root of a tree of input.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    kind: Kind,
    /// `None` for a tree of another program.
    ours: Option<Ours>,
}

/// The description of a tree that this project wrote.
#[derive(Debug, Clone, Copy)]
struct Ours {
    adjusted: Adjusted,
    zone: Zone,
}

/// The data of one ticker.
#[derive(Debug, Clone)]
pub struct Holdings {
    root: PathBuf,
    kind: Kind,
    zone: Zone,
    ticker: Ticker,
    /// Without a ledger, the files on disk count as complete.
    ledger: Option<Ledger>,
}

impl Tree {
    /// Reads the description of the tree under `root`.
    pub fn open(root: &Path, kind: Kind) -> Result<Self, SourceError> {
        let ours = descriptor::read(root)?;
        if let Some(found) = ours.as_ref().filter(|found| found.kind != kind) {
            let (path, found) = (root.to_owned(), format!("{} data", found.kind));
            return Err(SourceError::OtherKind { path, found, wanted: kind.name() });
        }
        let ours = ours.map(|ours| Ours { adjusted: ours.adjusted, zone: ours.time_zone });
        Ok(Self { root: root.to_owned(), kind, ours })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Are its prices adjusted for splits? A tree without a description counts as unadjusted.
    pub fn adjusted(&self) -> Adjusted {
        self.ours.map_or(Adjusted::No, |ours| ours.adjusted)
    }

    /// The time zone of its days.
    pub fn zone(&self) -> Zone {
        self.ours.map_or(Zone::NewYork, |ours| ours.zone)
    }

    /// The data of `ticker`.
    pub fn holdings(&self, ticker: &Ticker) -> Result<Holdings, SourceError> {
        let folder = self.root.join(ticker.as_str());
        let ledger = Ledger::read_if_there(&self.root, self.kind, ticker)?;
        if ledger.is_none() && self.ours.is_some() {
            let path = Ledger::path(&self.root, ticker);
            return Err(SourceError::NothingProven { ticker: ticker.clone(), path });
        }
        if ledger.is_none() && !folder.is_dir() {
            return Err(SourceError::NoFolder { ticker: ticker.clone(), path: folder });
        }
        let (root, ticker) = (self.root.clone(), ticker.clone());
        Ok(Holdings { root, kind: self.kind, zone: self.zone(), ticker, ledger })
    }
}

impl Holdings {
    /// Is there a ledger?
    pub fn are_proven(&self) -> bool {
        self.ledger.is_some()
    }

    /// The ticker.
    pub fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Those of `days` with a session that the ledger does not answer for.
    pub fn missing(&self, days: &Coverage) -> Coverage {
        let Some(ledger) = &self.ledger else { return Coverage::empty() };
        let unknown = days.minus(&ledger.answered());
        let sessions = |range: &DateRange| session::sessions(range.from().previous(), range.to());
        let on_days =
            unknown.ranges().iter().flat_map(sessions).filter_map(|(day, _)| self.days_of(day));
        on_days.collect::<Coverage>().intersection(&unknown)
    }

    /// The days of the tree with rows of the session of a New York day. In a tree of UTC days these
    /// are two: in winter the session ends at 01:00 UTC of the next day, even if that is a
    /// Saturday.
    fn days_of(&self, session: TradingDay) -> Option<DateRange> {
        let last = match self.zone {
            Zone::NewYork => session,
            Zone::Utc => session.next(),
        };
        DateRange::new(session, last)
    }

    /// The files with rows of `days`, in time order, each with the days to read from it.
    pub fn files(
        &self,
        days: DateRange,
    ) -> impl Iterator<Item = Result<(PathBuf, DateRange), SourceError>> {
        Partition::within(self.kind, days).filter_map(move |partition| {
            let path = partition.file(&self.root, &self.ticker, self.kind);
            let wanted = partition.span().intersection(days)?;
            let there = match &self.ledger {
                Some(ledger) => Ok(ledger.file(partition).is_some()),
                // An unreadable folder is an error, not a day without trades.
                None => path.try_exists().map_err(DiskError::at("look at", &path)),
            };
            match there {
                Ok(there) => there.then_some(Ok((path, wanted))),
                Err(error) => Some(Err(ReadError::from(error).into())),
            }
        })
    }

    /// The number of trade files of `days`; `None` if a file holds more than a day.
    pub fn files_of_days(&self, days: &Coverage) -> Result<Option<u64>, SourceError> {
        if self.kind != Kind::Trades {
            return Ok(None);
        }
        let mut count = 0;
        for file in days.ranges().iter().flat_map(|range| self.files(*range)) {
            file?;
            count += 1;
        }
        Ok(Some(count))
    }
}
