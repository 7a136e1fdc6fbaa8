//! A tree of input: its kind of data, and what its ledgers prove of a ticker.

use std::path::{Path, PathBuf};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::{self, Adjusted};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::security_days::{SecurityDays, SymbolDays};
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::error::SourceError;
use super::lacking::Lacking;

/// The root of a tree of input.
#[derive(Debug, Clone)]
pub struct InputTree {
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

/// The data of one ticker, or of one security under all its symbols.
#[derive(Debug, Clone)]
pub struct Holdings {
    /// It names the bars.
    ticker: Ticker,
    /// In time order; they share no day.
    parts: Vec<Part>,
}

/// The data of one symbol.
#[derive(Debug, Clone)]
struct Part {
    root: PathBuf,
    kind: Kind,
    zone: Zone,
    ticker: Ticker,
    /// The days that count; `None`: all.
    days: Option<DateRange>,
    proof: Proof,
}

/// What says which files are there.
#[derive(Debug, Clone)]
enum Proof {
    /// A ledger.
    Ledger(Ledger),
    /// There is none: the files on disk count as complete.
    Files,
    /// There is nothing of this symbol, so its days are missing.
    Nothing,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whose rows it holds.
    pub ticker: Ticker,
    /// The days to read from it.
    pub days: DateRange,
}

impl InputTree {
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
        let part = self.part(ticker, None)?;
        Ok(Holdings { ticker: ticker.clone(), parts: vec![part] })
    }

    /// The data of a security, whose bars are named by `ticker`. A symbol of which nothing is there
    /// lacks its days; they matter once they are read.
    pub fn holdings_of(&self, ticker: &Ticker, of: &SecurityDays) -> Result<Holdings, SourceError> {
        if self.zone() != Zone::NewYork {
            return Err(SourceError::UtcDays { path: self.root.clone() });
        }
        let part = |symbol: &SymbolDays| {
            let (from, to) = symbol.ends();
            let days = DateRange::new(from, to);
            match self.part(&symbol.ticker, days) {
                Err(SourceError::NothingProven { .. } | SourceError::NoFolder { .. }) => Ok(Part {
                    root: self.root.clone(),
                    kind: self.kind,
                    zone: self.zone(),
                    ticker: symbol.ticker.clone(),
                    days,
                    proof: Proof::Nothing,
                }),
                found => found,
            }
        };
        let parts = of.symbols.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(Holdings { ticker: ticker.clone(), parts })
    }

    fn part(&self, ticker: &Ticker, days: Option<DateRange>) -> Result<Part, SourceError> {
        let folder = self.root.join(ticker.as_str());
        let ledger = Ledger::read_if_there(&self.root, self.kind, ticker)?;
        if ledger.is_none() && self.ours.is_some() {
            let path = Ledger::path(&self.root, ticker);
            return Err(SourceError::NothingProven { ticker: ticker.clone(), path });
        }
        if ledger.is_none() && !folder.is_dir() {
            return Err(SourceError::NoFolder { ticker: ticker.clone(), path: folder });
        }
        Ok(Part {
            root: self.root.clone(),
            kind: self.kind,
            zone: self.zone(),
            ticker: ticker.clone(),
            days,
            proof: ledger.map_or(Proof::Files, Proof::Ledger),
        })
    }
}

impl Holdings {
    /// Is there a ledger of every symbol?
    pub fn are_proven(&self) -> bool {
        self.parts.iter().all(|part| !matches!(part.proof, Proof::Files))
    }

    pub fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Those of `days` with a session that no ledger answers for.
    pub fn missing(&self, days: &Coverage) -> Coverage {
        let missing = self.parts.iter().map(|part| part.missing(days));
        missing.fold(Coverage::empty(), |all, some| all.union(&some))
    }

    /// The same, symbol by symbol.
    pub fn lacking(&self, days: &Coverage) -> Lacking {
        let of = |part: &Part| (part.ticker.clone(), part.missing(days));
        let parts = self.parts.iter().map(of).filter(|(_, missing)| !missing.is_empty()).collect();
        let tree = self.parts.first().map(|part| (part.kind, part.root.clone()));
        Lacking { ticker: self.ticker.clone(), parts, tree }
    }

    /// The files with rows of `days`, in time order.
    pub fn files(&self, days: DateRange) -> impl Iterator<Item = Result<InputFile, SourceError>> {
        self.parts.iter().flat_map(move |part| part.files(days))
    }

    /// The number of trade files of `days`; `None` if a file holds more than a day.
    pub fn files_of_days(&self, days: &Coverage) -> Result<Option<u64>, SourceError> {
        if self.parts.iter().any(|part| part.kind != Kind::Trades) {
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

impl Part {
    fn missing(&self, days: &Coverage) -> Coverage {
        let own = match self.days {
            Some(own) => days.intersection(&Coverage::from(own)),
            None => days.clone(),
        };
        let unknown = match &self.proof {
            Proof::Ledger(ledger) => own.minus(&ledger.answered()),
            Proof::Files => return Coverage::empty(),
            Proof::Nothing => own,
        };
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

    fn files(&self, days: DateRange) -> impl Iterator<Item = Result<InputFile, SourceError>> {
        let days = match self.days {
            Some(own) => own.intersection(days),
            None => Some(days),
        };
        let partitions = days.into_iter().flat_map(|days| {
            Partition::within(self.kind, days).map(move |partition| (partition, days))
        });
        partitions.filter_map(move |(partition, days)| {
            let path = partition.file(&self.root, &self.ticker, self.kind);
            let days = partition.span().intersection(days)?;
            let there = match &self.proof {
                Proof::Ledger(ledger) => Ok(ledger.file(partition).is_some()),
                // An unreadable folder is an error, not a day without trades.
                Proof::Files => path.try_exists().map_err(DiskError::at("look at", &path)),
                Proof::Nothing => Ok(false),
            };
            let ticker = self.ticker.clone();
            match there {
                Ok(there) => there.then_some(Ok(InputFile { path, ticker, days })),
                Err(error) => Some(Err(ReadError::from(error).into())),
            }
        })
    }
}
