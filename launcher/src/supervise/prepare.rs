//! Preparing: which tickers need work, and the facts that put them into batches.
//! Used for a new run and for going on with one; what is already planned stays as it is.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use shared::dataset::coverage::Coverage;
use shared::dataset::ledger::Ledger;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::batch::{Batch, BatchState};
use super::evidence::{self, Standing};
use super::facts::{Fact, Tally};
use super::machine::Machine;
use crate::plan::batches::{self, FairShare, Load, Weighed};
use crate::plan::part::{self, Part};
use crate::plan::request::Request;

/// The facts that bring `machine` up to what the outdir proves at `now`.
pub fn facts(machine: &Machine, request: &Request, tickers: &[Ticker], now: Timestamp) -> Vec<Fact> {
    let batched: HashSet<&Ticker> = machine.batches().flat_map(|(_, batch)| batch.members()).collect();
    let unbatched = tickers.iter().filter(|ticker| !batched.contains(ticker));
    let (proven, mut unproven) = survey(request, unbatched, Part::WHOLE, now);
    if request.may_split() {
        unproven = split_by_date(unproven, request, now);
    }
    unproven.extend(torn_off(machine, request));

    let mut facts = vec![Fact::Surveyed { proven }];
    facts.extend(machine.batches().filter_map(|(id, batch)| reopened(request, id, batch, now)));
    let first = machine.next_batch().0;
    let new = batches::split(unproven, request.batching(), request.settings.max_concurrent);
    let planned = |(batch, Load { tickers, part }): (BatchId, Load)| Fact::Planned { batch, tickers, part };
    facts.extend((first..).map(BatchId).zip(new).map(planned));
    facts
}

/// Puts the parts of a ticker that is too heavy for one worker in its place.
fn split_by_date(tickers: Vec<Weighed>, request: &Request, now: Timestamp) -> Vec<Weighed> {
    let Some(fair) = FairShare::of(&tickers, request.settings.max_concurrent) else { return tickers };
    let parts = |weighed: Weighed| {
        let count = weighed.rows_expected.map_or(1, |rows| fair.parts(rows));
        let slices = if count > 1 { evidence::slices(request, &weighed.ticker, now) } else { None };
        let Some(slices) = slices else { return vec![weighed] };
        let part = |(part, rows)| Weighed { part, rows_expected: Some(rows), ..weighed.clone() };
        part::cut(&slices, count).into_iter().map(part).collect()
    };
    tickers.into_iter().flat_map(parts).collect()
}

/// Days of split tickers that are in no batch: a crash can tear off the end of a plan while it is written.
fn torn_off(machine: &Machine, request: &Request) -> Vec<Weighed> {
    let mut planned: BTreeMap<&Ticker, Coverage> = BTreeMap::new();
    for (_, batch) in machine.batches().filter(|(_, batch)| !batch.part().is_whole()) {
        for ticker in batch.members() {
            let days = planned.entry(ticker).or_default();
            *days = days.union(&batch.part().days(request.days()).into());
        }
    }
    let missing = |(ticker, days): (&Ticker, Coverage)| {
        let missing = Coverage::from(request.days()).minus(&days);
        let part =
            |days| Weighed { part: Part::of(days, request.days()), ..Weighed::of(ticker.clone(), None) };
        missing.ranges().iter().copied().map(part).collect::<Vec<_>>()
    };
    planned.into_iter().flat_map(missing).collect()
}

/// A batch with done members whose proof does not hold any more: a file is gone, or the run is longer now.
fn reopened(request: &Request, id: BatchId, batch: &Batch, now: Timestamp) -> Option<Fact> {
    // What runs is looked at when it ends.
    if matches!(batch.state, BatchState::Running { .. }) {
        return None;
    }
    // Where only a script's word vouches for a ticker there is nothing to look at. Whose word it was is not kept, only
    // how many: where more are without a ledger now, one of them has lost its own, and all are in doubt.
    let has_ledger = |ticker: &&Ticker| Ledger::path(&request.settings.outdir, ticker).exists();
    let (with, without): (Vec<_>, Vec<_>) = batch.done().partition(has_ledger);
    let vouched_for = without.len() as u64 <= batch.reported;
    let looked_at = with.into_iter().chain(without.into_iter().filter(|_| !vouched_for));
    let (proven, unfinished) = survey(request, looked_at, batch.part(), now);
    let unfinished: Vec<Ticker> = unfinished.into_iter().map(|weighed| weighed.ticker).collect();
    (!unfinished.is_empty()).then_some(Fact::Reopened { batch: id, unfinished, proven })
}

fn survey<'a>(
    request: &Request,
    tickers: impl IntoIterator<Item = &'a Ticker>,
    part: Part,
    now: Timestamp,
) -> (Tally, Vec<Weighed>) {
    let mut proven = Tally::default();
    let mut unproven = Vec::new();
    for ticker in tickers {
        let rows_expected = match evidence::standing(request, ticker, part.days(request.days()), now) {
            Standing::Proven(summary) => {
                proven += Tally::of_ticker(summary);
                continue;
            }
            Standing::Short { rows_expected } => rows_expected,
            // An unusable ledger is the worker's to report, for this ticker alone.
            Standing::NoLedger | Standing::Unusable(_) => None,
        };
        unproven.push(Weighed { part, ..Weighed::of(ticker.clone(), rows_expected) });
    }
    (proven, unproven)
}
