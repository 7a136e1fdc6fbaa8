//! A batch of tickers on a few threads, and what its end means for the process.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use shared::dataset::kind::Kind;
use shared::dataset::ledger::LedgerError;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::run::events::Persistence;
use shared::run::exit::Exit;

use super::pipeline::{Pipeline, TickerError};
use super::store::StoreError;
use crate::api::failure::{Failure, causes};
use crate::report::{Level, Reporter};
use crate::stop::Stop;

/// What the failure of one ticker means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing: it alone has failed.
    Ticker(Persistence),
    /// No other ticker would do better: the batch ends like this.
    Batch(Exit),
}

/// How the tickers of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    done: u64,
    transient: u64,
    permanent: u64,
    /// What ended the batch before its time.
    cut_short: Option<Exit>,
}

impl Tally {
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

/// How much one process takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Tickers side by side.
    pub threads: usize,
    /// Tickers that are asked for before the rest is left to another process; those that are proven already
    /// cost nothing and do not count. `None` takes on all.
    pub tickers: Option<usize>,
}

/// Ingests `tickers` and returns how the process should exit.
pub fn run(
    pipeline: &Pipeline<'_>,
    tickers: &[Ticker],
    load: Load,
    reporter: &Reporter,
    stop: &Stop,
) -> Exit {
    let (next, begun, left) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..load.threads.min(tickers.len()) {
            scope.spawn(|| {
                while let Some(ticker) = tickers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.is_asked() {
                        break;
                    }
                    let is_too_much =
                        |most| !pipeline.is_proven(ticker) && begun.fetch_add(1, Ordering::Relaxed) >= most;
                    if load.tickers.is_some_and(is_too_much) {
                        left.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    visit(pipeline, ticker, reporter, stop, &tally);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if stop.is_asked() {
        tally.cut_short.get_or_insert(Exit::Stopped);
    }
    let left = left.into_inner() as u64;
    if left > 0 && tally.cut_short.is_none() {
        reporter.yields(left);
    }
    reporter.end(tally.done, tally.transient + tally.permanent);
    tally.exit(tickers.len() as u64)
}

fn visit(pipeline: &Pipeline<'_>, ticker: &Ticker, reporter: &Reporter, stop: &Stop, tally: &Mutex<Tally>) {
    reporter.start(ticker);
    let outcome = match pipeline.kind() {
        Kind::Daily | Kind::Minute => pipeline.ingest::<Ohlcv>(ticker),
        Kind::Trades => pipeline.ingest::<Trade>(ticker),
    };
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let error = match outcome {
        Ok(received) => {
            tally.done += 1;
            return reporter.done(ticker, received.rows, received.pages);
        }
        Err(error) => error,
    };
    match verdict(&error) {
        Verdict::Ticker(persistence) => {
            match persistence {
                Persistence::Transient => tally.transient += 1,
                Persistence::Permanent => tally.permanent += 1,
            }
            reporter.failed(ticker, &causes(&error), persistence);
        }
        Verdict::Batch(exit) => {
            if tally.cut_short.is_none() && exit != Exit::Stopped {
                reporter.run(Level::Error, &format!("the batch ends here: {ticker}: {}", causes(&error)));
            }
            tally.cut_short.get_or_insert(exit);
            stop.ask();
        }
    }
}

fn verdict(error: &TickerError) -> Verdict {
    match error {
        TickerError::Source(Failure::Refused { .. }) => Verdict::Batch(Exit::Refused),
        TickerError::Source(Failure::NoTurn(_)) => Verdict::Batch(Exit::LocalResource),
        TickerError::Source(Failure::Stopped) => Verdict::Batch(Exit::Stopped),
        TickerError::Source(failure) => Verdict::Ticker(failure.persistence()),
        TickerError::Store(StoreError::Disk(error) | StoreError::Ledger(LedgerError::Disk(error))) => {
            of_disk(&error.source)
        }
        TickerError::Store(StoreError::Ledger(LedgerError::Busy { .. })) => {
            Verdict::Ticker(Persistence::Transient)
        }
        TickerError::Store(
            StoreError::Ledger(LedgerError::Corrupt { .. }) | StoreError::Changed(_) | StoreError::NotOurs(_),
        ) => Verdict::Ticker(Persistence::Permanent),
    }
}

/// A file in the place of a folder is one ticker's trouble; a full or broken disk is everybody's.
fn of_disk(error: &io::Error) -> Verdict {
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
            |transient, permanent, cut_short| Tally { done: 1, transient, permanent, cut_short }.exit(4);
        assert_eq!(tally(0, 0, None), Exit::Done);
        assert_eq!(tally(1, 2, None), Exit::Transient, "what may be retried comes first");
        assert_eq!(tally(0, 2, None), Exit::Permanent);
        assert_eq!(tally(1, 2, Some(Exit::Refused)), Exit::Refused);
        assert_eq!(tally(0, 0, Some(Exit::Stopped)), Exit::Stopped);
        assert_eq!(Tally { done: 4, cut_short: Some(Exit::Stopped), ..Tally::default() }.exit(4), Exit::Done);
    }
}
