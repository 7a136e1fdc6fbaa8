//! How the tickers of a batch end, and what that means for the others and for the process.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};

use shared::dataset::coverage::Coverage;
use shared::dataset::ledger::LedgerError;
use shared::market::ticker::Ticker;
use shared::run::events::Persistence;
use shared::run::exit::Exit;

use super::store::StoreError;
use crate::api::failure::{Failure, causes};
use crate::report::{Level, Reporter};
use crate::stop::Stop;

/// Why a ticker is not done.
#[derive(Debug, thiserror::Error)]
pub enum TickerError {
    /// The source.
    #[error(transparent)]
    Source(#[from] Failure),
    /// The disk or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proven file, while the questions were chosen without these days.
    #[error("{0}: proven when this run began, and damaged since; run again with --resume")]
    DamagedMeanwhile(Coverage),
}

/// Received for one ticker in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Rows.
    pub rows: u64,
    /// Pages.
    pub pages: u64,
    /// Bytes, uncompressed.
    pub bytes: u64,
}

/// What the failure of one ticker means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it alone has failed.
    Ticker(Persistence),
    /// No other ticker would do better: the batch ends like this.
    Batch(Exit),
}

/// An error that ends a ticker, and perhaps more.
pub trait Fatal: Error {
    /// How much more.
    fn verdict(&self) -> Verdict;
}

/// Tickers by their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
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
    counts: Mutex<Counts>,
}

impl<'a> Tally<'a> {
    /// Of a batch that has just begun.
    pub fn new(reporter: &'a Reporter, stop: &'a Stop) -> Self {
        Self { reporter, stop, counts: Mutex::default() }
    }

    /// Everything asked of `ticker` is proven.
    pub fn done(&self, ticker: &Ticker, received: Received) {
        self.count(|counts| counts.done += 1);
        self.reporter.done(ticker, received.rows, received.pages);
    }

    /// `ticker` is not done.
    pub fn failed(&self, ticker: &Ticker, error: &(impl Fatal + 'static)) {
        match error.verdict() {
            Verdict::Ticker(persistence) => {
                self.count(|counts| match persistence {
                    Persistence::Transient => counts.transient += 1,
                    Persistence::Permanent => counts.permanent += 1,
                });
                self.reporter.failed(ticker, &causes(error), persistence);
            }
            Verdict::Batch(exit) => self.end(exit, ticker, &causes(error)),
        }
    }

    /// Nobody of this batch would get further: `whom` has met `cause`.
    pub fn end(&self, exit: Exit, whom: impl Display, cause: &str) {
        let before = self.count(|counts| counts.cut_short.replace(counts.cut_short.unwrap_or(exit)));
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

    fn count<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
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
    fn verdict(&self) -> Verdict {
        match self {
            Self::Source(failure) => of_source(failure),
            Self::Store(StoreError::Disk(error) | StoreError::Ledger(LedgerError::Disk(error))) => {
                of_disk(&error.source)
            }
            Self::Store(StoreError::Ledger(LedgerError::Busy { .. })) | Self::DamagedMeanwhile(_) => {
                Verdict::Ticker(Persistence::Transient)
            }
            Self::Store(
                StoreError::Ledger(LedgerError::Corrupt { .. })
                | StoreError::Changed(_)
                | StoreError::NotOurs(_),
            ) => Verdict::Ticker(Persistence::Permanent),
        }
    }
}

/// What the failure of one request means for the others.
pub fn of_source(failure: &Failure) -> Verdict {
    match failure {
        Failure::Refused { .. } => Verdict::Batch(Exit::Refused),
        Failure::NoTurn(_) => Verdict::Batch(Exit::LocalResource),
        Failure::Stopped => Verdict::Batch(Exit::Stopped),
        failure => Verdict::Ticker(failure.persistence()),
    }
}

/// A file in the place of a folder is one ticker's trouble; a full or broken disk is everybody's.
pub fn of_disk(error: &io::Error) -> Verdict {
    match error.kind() {
        ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::InvalidFilename
        | ErrorKind::NotFound => Verdict::Ticker(Persistence::Permanent),
        _ => Verdict::Batch(Exit::LocalResource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_says_what_another_worker_could_do() {
        let tally =
            |transient, permanent, cut_short| Counts { done: 1, transient, permanent, cut_short }.exit(4);
        assert_eq!(tally(0, 0, None), Exit::Done);
        assert_eq!(tally(1, 2, None), Exit::Transient, "what may be retried comes first");
        assert_eq!(tally(0, 2, None), Exit::Permanent);
        assert_eq!(tally(1, 2, Some(Exit::Refused)), Exit::Refused);
        assert_eq!(tally(0, 0, Some(Exit::Stopped)), Exit::Stopped);
        assert_eq!(
            Counts { done: 4, cut_short: Some(Exit::Stopped), ..Counts::default() }.exit(4),
            Exit::Done
        );
    }
}
