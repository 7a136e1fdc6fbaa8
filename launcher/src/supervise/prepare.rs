//! Preparing: which tickers need work, and the facts that put them into batches.
//! Used for a new run and for going on with one; what is already planned stays as it is.

use std::collections::HashSet;

use jiff::Timestamp;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::batch::{Batch, BatchState};
use super::evidence::{self, Standing};
use super::facts::{Fact, Tally};
use super::machine::Machine;
use crate::plan::batches::{self, Weighed};
use crate::plan::request::Request;

/// The facts that bring `machine` up to what the outdir proves at `now`.
pub fn facts(machine: &Machine, request: &Request, tickers: &[Ticker], now: Timestamp) -> Vec<Fact> {
    let batched: HashSet<&Ticker> = machine.batches().flat_map(|(_, batch)| batch.members()).collect();
    let unbatched = tickers.iter().filter(|ticker| !batched.contains(ticker));
    let (proven, unproven) = survey(request, unbatched, now);

    let mut facts = vec![Fact::Surveyed { proven }];
    facts.extend(machine.batches().filter_map(|(id, batch)| reopened(request, id, batch, now)));
    let first = machine.next_batch().0;
    let new = batches::split(unproven, request.batching(), request.settings.max_concurrent);
    facts.extend((first..).map(BatchId).zip(new).map(|(batch, tickers)| Fact::Planned { batch, tickers }));
    facts
}

/// A batch with done members whose proof does not hold any more: a file is gone, or the run is longer now.
fn reopened(request: &Request, id: BatchId, batch: &Batch, now: Timestamp) -> Option<Fact> {
    // Of what only a script's word vouches for, there is nothing to look at; what runs is looked at when it ends.
    if batch.reported > 0 || matches!(batch.state, BatchState::Running { .. }) {
        return None;
    }
    let (proven, unfinished) = survey(request, batch.done(), now);
    let unfinished: Vec<Ticker> = unfinished.into_iter().map(|weighed| weighed.ticker).collect();
    (!unfinished.is_empty()).then_some(Fact::Reopened { batch: id, unfinished, proven })
}

fn survey<'a>(
    request: &Request,
    tickers: impl IntoIterator<Item = &'a Ticker>,
    now: Timestamp,
) -> (Tally, Vec<Weighed>) {
    let mut proven = Tally::default();
    let mut unproven = Vec::new();
    for ticker in tickers {
        let rows_expected = match evidence::standing(request, ticker, now) {
            Standing::Proven(summary) => {
                proven += Tally::of_ticker(summary);
                continue;
            }
            Standing::Short { rows_expected } => rows_expected,
            // An unusable ledger is the worker's to report, for this ticker alone.
            Standing::NoLedger | Standing::Unusable(_) => None,
        };
        unproven.push(Weighed { ticker: ticker.clone(), rows_expected });
    }
    (proven, unproven)
}
