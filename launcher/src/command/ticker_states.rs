//! The tickers of a run by state, each with a cause: failed, left, done, or done without rows.

use jiff::Timestamp;
use shared::dataset::listing::Listing;
use shared::market::ticker::Ticker;
use shared::run::workdir::Workdir;

use super::failure::Failure;
use super::spelling;
use crate::cli::TickerState;
use crate::facts::{Outcome, Tally};
use crate::plan::part::Part;
use crate::plan::request::Request;
use crate::supervise::batch::Batch;
use crate::supervise::evidence::{self, TickerProof};
use crate::supervise::machine::{Machine, RunState};
use crate::supervise::prepare;
use crate::view::counts;

/// At how many ledgers a glance looks for tickers without a row, and how many are enough.
const LOOKS: usize = 200;
const ENOUGH: usize = 20;

/// A ticker and the cause of its state.
pub type Named = (Ticker, String);

/// Every ticker of the run in this state, each once.
pub fn all(
    state: TickerState,
    request: &Request,
    workdir: &Workdir,
    machine: &Machine,
    listing: Option<&Listing>,
    now: Timestamp,
) -> Result<Vec<Named>, Failure> {
    let tickers = request.frozen_tickers(workdir)?;
    let query = Query { request, machine, now };
    let unbatched = prepare::unbatched(machine, &tickers).into_iter();
    let mut named: Vec<Named> = match state {
        TickerState::Failed => query.failed().collect(),
        TickerState::Left => {
            let unproven = unbatched.filter(|ticker| query.rows(ticker).is_none());
            query.left().chain(unproven.map(|ticker| (ticker.clone(), String::new()))).collect()
        }
        TickerState::Done => {
            let proven = unbatched.filter(|ticker| query.rows(ticker).is_some());
            query
                .done(|_| true)
                .chain(proven)
                .map(|ticker| (ticker.clone(), String::new()))
                .collect()
        }
        TickerState::WithoutRows => query
            .done(|_| true)
            .chain(unbatched)
            .filter(|ticker| query.rows(ticker) == Some(0))
            .map(|ticker| (ticker.clone(), spelling::of_unknown(ticker, listing)))
            .collect(),
    };
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named.dedup_by(|(one, _), (other, _)| one == other);
    Ok(named)
}

/// Some that are done without one row. Looks only where there are any, and at so many ledgers at
/// most.
pub fn some_without_rows(
    request: &Request,
    workdir: &Workdir,
    machine: &Machine,
    now: Timestamp,
) -> Result<Vec<Ticker>, Failure> {
    let query = Query { request, machine, now };
    let tickers = if machine.surveyed().without_rows > 0 {
        request.frozen_tickers(workdir)?
    } else {
        Vec::new()
    };
    let unbatched = prepare::unbatched(machine, &tickers).into_iter();
    let candidates = query.done(|batch| batch.proven.without_rows > 0).chain(unbatched).take(LOOKS);
    Ok(candidates.filter(|ticker| query.rows(ticker) == Some(0)).take(ENOUGH).cloned().collect())
}

/// What a look at the ledgers of all that was done finds.
#[derive(Debug, Default)]
pub struct Reviewed {
    /// Tickers whose ledgers do not prove it any more.
    pub lost: Vec<Ticker>,
    pub proven: Tally,
}

/// Looks at the ledgers of all that was done: what was proven as of `at` counts, so an empty answer
/// that has since become old enough to be asked for again is no loss.
pub fn review(request: &Request, tickers: &[Ticker], machine: &Machine, at: Timestamp) -> Reviewed {
    // What no batch has was found proven before a run that is complete; in others it may not be
    // planned yet.
    let is_complete = matches!(machine.run(), RunState::Closed { outcome: Outcome::Complete })
        && !prepare::leaves_work(machine, request);
    let mut found = Reviewed::default();
    if !is_complete {
        found.proven = machine.surveyed();
    }
    let surveyed = prepare::unbatched(machine, tickers).into_iter();
    let surveyed = surveyed.filter(|_| is_complete).map(|ticker| (ticker, Part::WHOLE, false));
    let done = machine.batches().flat_map(|(_, batch)| {
        batch.done().map(move |ticker| (ticker, batch.part(), batch.reported > 0))
    });
    for (ticker, part, is_reported) in surveyed.chain(done) {
        match evidence::proof_of(request, ticker, part.days(request.days()), at) {
            TickerProof::Proven(summary) => found.proven += Tally::of_ticker(summary),
            TickerProof::NoLedger if is_reported => {}
            proof @ (TickerProof::NoLedger
            | TickerProof::Short { .. }
            | TickerProof::Unusable { .. }) => {
                found.proven.summary += proof.summary();
                found.lost.push(ticker.clone());
            }
        }
    }
    found.proven.summary += counts::partly_proven(machine);
    found.lost.sort_unstable();
    found.lost.dedup();
    found
}

struct Query<'a> {
    request: &'a Request,
    machine: &'a Machine,
    now: Timestamp,
}

impl<'a> Query<'a> {
    fn failed(&self) -> impl Iterator<Item = Named> + use<'a> {
        let failures = self.machine.batches().flat_map(|(_, batch)| batch.failures());
        failures.map(|(ticker, failure)| (ticker.clone(), failure.cause.clone()))
    }

    fn left(&self) -> impl Iterator<Item = Named> + use<'a> {
        let of_batch = |batch: &'a Batch| {
            let cause = |ticker: &Ticker| {
                batch.last_said().find(|(it, _)| *it == ticker).map(|(_, said)| said)
            };
            batch
                .left()
                .map(move |ticker| (ticker.clone(), cause(ticker).unwrap_or_default().to_owned()))
        };
        self.machine.batches().flat_map(move |(_, batch)| of_batch(batch))
    }

    /// Those of the batches that are wanted; of a ticker that was split, only where no part of it
    /// is open.
    fn done(&self, wanted: impl Fn(&Batch) -> bool) -> impl Iterator<Item = &'a Ticker> {
        let machine = self.machine;
        let is_open = move |ticker: &Ticker| {
            let parts = machine.batches().filter(|(_, batch)| !batch.part().is_whole());
            let mut of_it = parts.filter(|(_, batch)| batch.members().contains(ticker));
            of_it.any(|(_, batch)| batch.left().len() + batch.failures().len() > 0)
        };
        let batches = machine.batches().filter(move |(_, batch)| wanted(batch));
        batches.flat_map(move |(_, batch)| {
            let is_whole = batch.part().is_whole();
            batch.done().filter(move |ticker| is_whole || !is_open(ticker))
        })
    }

    /// The rows of a ticker whose every day is proven; `None` of others.
    fn rows(&self, ticker: &Ticker) -> Option<u64> {
        match evidence::proof_of(
            self.request,
            ticker,
            Part::WHOLE.days(self.request.days()),
            self.now,
        ) {
            TickerProof::Proven(summary) => Some(summary.rows),
            TickerProof::Short { .. } | TickerProof::NoLedger | TickerProof::Unusable { .. } => {
                None
            }
        }
    }
}
