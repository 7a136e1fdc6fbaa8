//! How the tickers of a batch end, and what that means for the others and for the process.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use shared::dataset::coverage::Coverage;
use shared::dataset::entry::Shorter;
use shared::dataset::ledger::LedgerError;
use shared::dataset::partition::Partition;
use shared::disk::publish::DiskError;
use shared::disk::shortage::Shortage;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::run::events::Persistence;
use shared::run::exit::Exit;

use super::not_to_be_had::NotToBeHad;
use super::storable::Storable;
use super::store::Store;
use super::store_error::{StoreError, is_of_one_path};
use super::task::Unsettled;
use super::tree::try_to_write;
use crate::api::failure::Failure;
use crate::report::{Level, Reporter, Trouble};
use crate::stop::Stop;

/// So many partitions are named beside the first.
const MOST_NAMED: usize = 8;

/// Why a ticker is not done.
#[derive(Debug, thiserror::Error)]
pub enum TickerError {
    #[error(transparent)]
    Source(#[from] Failure),
    /// Some of its partitions; everything else is in place.
    #[error(transparent)]
    NotToBeHad(#[from] NotToBeHad),
    /// The disk or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}; the rest of what was asked of it is in place", spoiled(.0))]
    Spoiled(BTreeMap<Partition, StoreError>),
    #[error("{0}: proven when this run began, but damaged since; run again with --resume")]
    DamagedMeanwhile(Coverage),
    #[error(
        "the reply for the whole market cannot be used for it ({why}), and {asked} other tickers were already requested alone in this run; run again with --resume, or with --via ticker"
    )]
    OneOfTooMany { why: String, asked: usize },
    /// Days do not count as settled.
    #[error(transparent)]
    Unsettled(#[from] Unsettled),
    #[error(
        "{days}: {had} rows were there that no file proves now, and the source sends {came}; what is on disk stays, and every later run requests these days again; {advice}", advice = advice(*came)
    )]
    Shorter { days: Coverage, had: u64, came: u64 },
}

/// The first of the partitions with its reason, and the names of some others.
fn spoiled(partitions: &BTreeMap<Partition, StoreError>) -> String {
    let first = partitions
        .first_key_value()
        .map(|(at, error)| format!("{}: {}", at.period(), with_causes(error)));
    let others: Vec<String> =
        partitions.keys().skip(1).map(|partition| partition.period()).collect();
    let named = others.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let rest = match (others.len(), others.len().saturating_sub(MOST_NAMED)) {
        (0, _) => String::new(),
        (_, 0) => format!("; nor could {named} be written"),
        (_, more) => format!("; nor could {named} and {more} more be written"),
    };
    format!("{}{rest}", first.unwrap_or_default())
}

/// What mends days of which the source brings `came` rows, fewer than there were.
fn advice(came: u64) -> &'static str {
    match came {
        0 => {
            "an empty answer is not believed here; if the source is right, move the folder of the ticker away and run again"
        }
        1.. => "if the source is right, it will be believed when it has said the same for a day",
    }
}

impl TickerError {
    /// What `store` could not bring to its place, or what the source brought `shorter` than it was,
    /// if anything.
    pub fn of_store<R: Storable>(store: &mut Store<R>, shorter: &[Shorter]) -> Option<Self> {
        let spoiled = store.spoiled();
        if spoiled.is_empty() { Self::of_shorter(shorter) } else { Some(Self::Spoiled(spoiled)) }
    }

    /// What the source brought less of than there was; `None` where it did not.
    pub fn of_shorter(shorter: &[Shorter]) -> Option<Self> {
        if shorter.is_empty() {
            return None;
        }
        let days = shorter.iter().flat_map(|shorter| shorter.days.ranges()).copied().collect();
        let had = shorter.iter().fold(0, |sum: u64, shorter| sum.saturating_add(shorter.had));
        let came = shorter.iter().fold(0, |sum: u64, shorter| sum.saturating_add(shorter.came));
        Some(Self::Shorter { days, had, came })
    }
}

/// Received for one ticker in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    pub rows: u64,
    pub pages: u64,
    /// Bytes, uncompressed.
    pub bytes: u64,
}

/// What the failure of one ticker means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing: it alone has failed.
    Ticker(Trouble),
    /// Nothing where others can still be written: then it alone has failed, for good. Else the
    /// batch ends.
    TickerUnlessTheTreeIs(&'static str),
    /// No other ticker would do better: the batch ends like this.
    Batch(Exit),
}

/// An error that ends a ticker, and perhaps more.
pub trait Fatal: Error {
    fn consequence(&self) -> Consequence;
}

/// Tickers by their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct EndCounts {
    done: u64,
    transient: u64,
    permanent: u64,
    /// What ended the batch before its time.
    cut_short: Option<Exit>,
}

/// Hears how each ticker ends and tells it; shared by all threads of the worker.
pub struct Tally<'a> {
    reporter: &'a Reporter,
    stop: &'a Stop,
    /// What is written; every ticker has a folder in it.
    tree: PathBuf,
    counts: Mutex<EndCounts>,
}

impl<'a> Tally<'a> {
    /// Of a batch that has just begun to write `tree`.
    pub fn new(reporter: &'a Reporter, stop: &'a Stop, tree: &Path) -> Self {
        Self { reporter, stop, tree: tree.to_owned(), counts: Mutex::default() }
    }

    /// Everything asked of `ticker` is proven.
    pub fn done(&self, ticker: &Ticker, received: Received) {
        self.count(|counts| counts.done += 1);
        self.reporter.done(ticker, received.rows, received.pages);
    }

    /// `ticker` is not done.
    pub fn failed(&self, ticker: &Ticker, error: &(impl Fatal + 'static)) {
        // What the machine has too little of, the next ticker has too little of as well.
        let verdict = match Shortage::behind(error) {
            Some(_) => Consequence::Batch(Exit::LocalResource),
            None => error.consequence(),
        };
        match verdict {
            Consequence::Ticker(trouble) => self.fail(ticker, &with_causes(error), trouble),
            Consequence::TickerUnlessTheTreeIs(kind) => match try_to_write(&self.tree) {
                Ok(()) => self.fail(ticker, &with_causes(error), Trouble::own_for_good(kind)),
                Err(_) => self.end(Exit::LocalResource, ticker, &with_causes(error)),
            },
            Consequence::Batch(exit) => self.end(exit, ticker, &with_causes(error)),
        }
    }

    fn fail(&self, ticker: &Ticker, cause: &str, trouble: Trouble) {
        self.count(|counts| match trouble.persistence {
            Persistence::Transient => counts.transient += 1,
            Persistence::Permanent => counts.permanent += 1,
        });
        self.reporter.failed(ticker, cause, trouble);
    }

    /// Nobody of this batch would get further: `whom` has met `cause`.
    pub fn end(&self, exit: Exit, whom: impl Display, cause: &str) {
        let before =
            self.count(|counts| counts.cut_short.replace(counts.cut_short.unwrap_or(exit)));
        if before.is_none() && exit != Exit::Stopped {
            self.reporter.run(Level::Error, &format!("the batch ends here: {whom}: {cause}"));
        }
        self.stop.ask();
    }

    /// The last word on a batch of `tickers`, of which `left` are for another process.
    pub fn close(self, tickers: usize, left: usize) -> Exit {
        let mut counts = self.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.stop.is_asked() {
            counts.cut_short.get_or_insert(Exit::Stopped);
        }
        if left > 0 && counts.cut_short.is_none() {
            self.reporter.yields(left as u64);
        }
        self.reporter.end(counts.done, counts.transient + counts.permanent);
        counts.exit(tickers as u64)
    }

    fn count<T>(&self, change: impl FnOnce(&mut EndCounts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EndCounts {
    fn exit(&self, tickers: u64) -> Exit {
        match self.cut_short {
            // The wish to stop came when everything was done: then it is done.
            Some(Exit::Stopped) if self.done == tickers => Exit::Done,
            Some(exit) => exit,
            None if self.transient > 0 => Exit::Transient,
            None if self.permanent > 0 => Exit::Permanent,
            None => Exit::Done,
        }
    }
}

impl Fatal for TickerError {
    fn consequence(&self) -> Consequence {
        match self {
            Self::Source(failure) => of_source(failure),
            Self::NotToBeHad(error) => Consequence::Ticker(error.trouble()),
            Self::Store(error) => of_store(error),
            Self::Spoiled(partitions) => match partitions.values().next() {
                Some(error) => of_store(error),
                None => Consequence::Ticker(Trouble::own_for_good("a part can't be written")),
            },
            Self::Unsettled(error) => Consequence::Ticker(error.trouble()),
            Self::OneOfTooMany { .. } => Consequence::Ticker(Trouble::own_for_now(
                "the reply for the whole market cannot be used for too many tickers",
            )),
            Self::DamagedMeanwhile(_) => {
                Consequence::Ticker(Trouble::own_for_now("a proven file was damaged meanwhile"))
            }
            Self::Shorter { .. } => {
                Consequence::Ticker(Trouble::own_for_good("the source brings less than there was"))
            }
        }
    }
}

fn of_store(error: &StoreError) -> Consequence {
    let for_good = |kind| Consequence::Ticker(Trouble::own_for_good(kind));
    match error {
        StoreError::Disk(error) => of_disk(error),
        StoreError::Tree(_) => Consequence::Batch(Exit::LocalResource),
        StoreError::Ledger(error) => of_ledger(error),
        StoreError::NotOurs(_) => for_good("a file that is not ours is in the place of its own"),
    }
}

/// What a ledger that can't be used means for the others.
pub fn of_ledger(error: &LedgerError) -> Consequence {
    match error {
        LedgerError::Disk(error) => of_disk(error),
        LedgerError::Corrupt { .. } => {
            Consequence::Ticker(Trouble::own_for_good("its ledger has a damaged line"))
        }
        LedgerError::Version { .. } => {
            Consequence::Ticker(Trouble::own_for_good("its ledger is of another version"))
        }
        LedgerError::Foreign { .. } => Consequence::Ticker(Trouble::own_for_good(
            "its ledger was written for another ticker or kind",
        )),
        LedgerError::Gone { .. } => Consequence::Ticker(Trouble::own_for_now(
            "its ledger, or the ledger's lock file, was moved or removed meanwhile",
        )),
        LedgerError::Busy { .. } => {
            Consequence::Ticker(Trouble::own_for_now("another process is writing it"))
        }
    }
}

/// What the failure of one request means for the others.
pub fn of_source(failure: &Failure) -> Consequence {
    match failure {
        Failure::Refused { .. } => Consequence::Batch(Exit::Refused),
        Failure::Short { .. } | Failure::NoTurn(_) => Consequence::Batch(Exit::LocalResource),
        Failure::Stopped => Consequence::Batch(Exit::Stopped),
        failure => Consequence::Ticker(failure.trouble()),
    }
}

/// What is wrong with one path may be one ticker's, where others can still be written.
pub fn of_disk(error: &DiskError) -> Consequence {
    if !is_of_one_path(error) {
        return Consequence::Batch(Exit::LocalResource);
    }
    Consequence::TickerUnlessTheTreeIs(match error.source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "its folder can't be written"
        }
        ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::AlreadyExists
        | ErrorKind::InvalidFilename
        | ErrorKind::NotFound => "its folder or a file in it is not what it must be",
        _ => "its folder can't be used",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_says_what_another_worker_could_do() {
        let tally = |transient, permanent, cut_short| {
            EndCounts { done: 1, transient, permanent, cut_short }.exit(4)
        };
        assert_eq!(tally(0, 0, None), Exit::Done);
        assert_eq!(tally(1, 2, None), Exit::Transient, "what may be retried comes first");
        assert_eq!(tally(0, 2, None), Exit::Permanent);
        assert_eq!(tally(1, 2, Some(Exit::Refused)), Exit::Refused);
        assert_eq!(tally(0, 0, Some(Exit::Stopped)), Exit::Stopped);
        assert_eq!(
            EndCounts { done: 4, cut_short: Some(Exit::Stopped), ..EndCounts::default() }.exit(4),
            Exit::Done
        );
    }

    #[test]
    fn a_tree_that_nothing_can_be_written_into_ends_the_batch() {
        let source = std::io::Error::from(ErrorKind::NotADirectory);
        let tree = DiskError { doing: "write", path: PathBuf::from("out"), source };
        let error = TickerError::from(StoreError::Tree(tree));
        assert_eq!(error.consequence(), Consequence::Batch(Exit::LocalResource));
    }
}
