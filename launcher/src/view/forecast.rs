//! A forecast: how much of a run is behind, and how long the rest takes. Gathers what the journal tells for
//! [`mod@eta`] to judge.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::run::workdir::BatchId;

use super::counts::TickerCounts;
use super::eta::{self, Eta, Finished, Left, Underway};
use super::measure::Measure;
use super::recent::Attempt;
use super::running::RunningBatch;
use super::sources::Sources;
use crate::supervise::batch::Batch;
use crate::supervise::machine::Machine;

/// Where nothing is known of tickers, fewer finished ones make no estimate.
const TICKERS_MIN: u64 = 10;

/// How much of the work of all batches is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Of 100; done, or given up.
    pub percent: u64,
    /// In what it is counted.
    pub by: CountedBy,
}

/// In what progress is counted, for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// Nothing else is known.
    Tickers,
    /// Rows expected by ledgers.
    Rows,
    /// Weights guessed by sizes.
    Weights,
}

impl Progress {
    /// Of the run that `machine` is.
    pub fn of(machine: &Machine, tickers: &TickerCounts) -> Self {
        // What is in no batch is not behind: a plan that was torn has no batches, or not all.
        if tickers.left > 0 && machine.batches().all(|(_, batch)| batch.is_over()) {
            let behind = tickers.expected.saturating_sub(tickers.left);
            return Self { percent: behind * 100 / tickers.expected.max(1), by: CountedBy::Tickers };
        }
        let measure = Measure::of(machine);
        let by = match measure {
            Measure::Tickers => CountedBy::Tickers,
            Measure::Rows => CountedBy::Rows,
            Measure::RootsOfRows => CountedBy::Weights,
        };
        Self { percent: measure.parts_behind(machine, 100), by }
    }
}

/// An attempt that has ended, in tickers.
struct Ended<'a> {
    batch: &'a Batch,
    seconds: f64,
    given: usize,
    done: usize,
}

/// Seconds to go, where that is no guess. A part of a ticker counts like a ticker.
pub fn eta(sources: &Sources, running: &[RunningBatch]) -> Option<Eta> {
    let recent = ended(sources);
    let done: usize = recent.iter().map(|attempt| attempt.done).sum();
    let of = |measure: &Measure| {
        if *measure == Measure::Tickers && (done as u64) < TICKERS_MIN {
            return None;
        }
        let finished: Vec<Finished> = recent.iter().map(|attempt| attempt.counted(*measure)).collect();
        eta::estimate(&finished, &left(sources, running, *measure))
    };
    let estimates = Measure::fitting(sources.machine).iter().filter_map(of);
    estimates.reduce(Eta::or)
}

impl Ended<'_> {
    fn counted(&self, measure: Measure) -> Finished {
        let work = |tickers| measure.work(self.batch, tickers);
        Finished { seconds: self.seconds, given: work(self.given), done: work(self.done) }
    }
}

/// The last attempts that were seen to end, oldest first.
fn ended<'a>(sources: &Sources<'a>) -> Vec<Ended<'a>> {
    let known = |attempt: &Attempt| {
        let Attempt { batch, seconds, given, done } = *attempt;
        Some(Ended { batch: sources.machine.batch(batch)?, seconds, given, done })
    };
    sources.recent.attempts().filter_map(known).collect()
}

fn left(sources: &Sources, running: &[RunningBatch], measure: Measure) -> Left {
    let since: BTreeMap<BatchId, u64> = running.iter().map(|it| (it.batch, it.seconds)).collect();
    let (mut waiting, mut underway) = (Vec::new(), Vec::new());
    for (id, batch) in sources.machine.batches().filter(|(_, batch)| !batch.is_over()) {
        let given = since.get(&id).map_or(0, |_| batch.trial().count());
        if let Some(seconds) = since.get(&id) {
            underway.push(Underway { seconds: *seconds as f64, given: measure.work(batch, given) });
        }
        waiting.push(measure.work(batch, batch.left().len().saturating_sub(given)));
    }
    let workers = (waiting.len() as u64).min(u64::from(sources.request.settings.max_concurrent.get()));
    Left { waiting, underway, workers }
}
