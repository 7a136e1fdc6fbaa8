//! A forecast: how much of a run is behind, and how long the rest takes. Gathers what the journal
//! tells for [`mod@eta`] to judge.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::run::workdir::BatchId;

use super::counts::TickerCounts;
use super::eta::{self, Eta, Finished, Left, Underway};
use super::measure::Measure;
use super::recent::ObservedAttempt;
use super::reported;
use super::running::RunningBatch;
use super::sources::{Observed, Sources};
use crate::supervise::batch::Batch;
use crate::supervise::machine::Machine;

/// Without any sizes, fewer finished tickers make no estimate.
const TICKERS_MIN: f64 = 10.0;

/// How much of the work of all batches is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Of 100; done, or given up. Reports of running attempts count, but only proofs make 100.
    pub percent: u64,
    /// The same without reports.
    pub proven_percent: u64,
    pub by: CountedBy,
}

/// How many tickers of running batches are finished, as their workers report; fractions for those
/// in work.
pub type Finishes = BTreeMap<BatchId, f64>;

/// Looks for them.
pub fn finishes(sources: &Sources) -> Finishes {
    let finished = |(id, observed): (&BatchId, &Observed)| {
        let batch = sources.machine.batch(*id).filter(|_| sources.supervised.runs(*id))?;
        Some((*id, reported::finished(batch, observed, sources.request.days())))
    };
    sources.observed.iter().filter_map(finished).collect()
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
    /// The progress of `machine`, with so many `finished` tickers per running batch, as workers
    /// report.
    pub fn of(machine: &Machine, tickers: &TickerCounts, finished: &Finishes) -> Self {
        // Without batches nothing is finished: a plan that a crash has cut off lacks some or all
        // batches.
        if tickers.left > 0 && machine.batches().all(|(_, batch)| batch.is_over()) {
            return Self::by_tickers(tickers);
        }
        let measure = Measure::of(machine);
        let by = match measure {
            Measure::Tickers => CountedBy::Tickers,
            Measure::Rows => CountedBy::Rows,
            Measure::RootsOfRows => CountedBy::Weights,
        };
        let proven_percent = measure.parts_behind(machine, 100, |_| 0.0);
        let reported = |batch| finished.get(&batch).copied().unwrap_or(0.0);
        let percent = measure.parts_behind(machine, 100, reported).min(99).max(proven_percent);
        Self { percent, proven_percent, by }
    }

    /// The same after a check has found that some tickers are proven no more: `tickers` counts them
    /// as left, and no more is behind than these counts say.
    pub fn after_losses(self, tickers: &TickerCounts) -> Self {
        let most = Self::by_tickers(tickers);
        if most.proven_percent < self.proven_percent { most } else { self }
    }

    fn by_tickers(tickers: &TickerCounts) -> Self {
        let behind = tickers.expected.saturating_sub(tickers.left);
        let percent = behind * 100 / tickers.expected.max(1);
        Self { percent, proven_percent: percent, by: CountedBy::Tickers }
    }
}

/// What an ended attempt has done, or a running one has reported, in tickers.
struct Trial<'a> {
    batch: &'a Batch,
    seconds: f64,
    given: f64,
    done: f64,
}

/// Seconds to go, unless that would be a guess. A part of a ticker counts like a ticker.
pub fn eta(sources: &Sources, running: &[RunningBatch], finished: &Finishes) -> Option<Eta> {
    let mut trials = ended(sources);
    trials.extend(underway(sources, running, finished));
    let done: f64 = trials.iter().map(|trial| trial.done).sum();
    let of = |measure: &Measure| {
        if *measure == Measure::Tickers && done < TICKERS_MIN {
            return None;
        }
        let samples: Vec<Finished> = trials.iter().map(|trial| trial.counted(*measure)).collect();
        eta::estimate(&samples, &left(sources, running, finished, *measure))
    };
    let estimates = Measure::fitting(sources.machine).iter().filter_map(of);
    estimates.reduce(Eta::or)
}

impl Trial<'_> {
    fn counted(&self, measure: Measure) -> Finished {
        let work = |tickers: f64| measure.work(self.batch, tickers);
        Finished { seconds: self.seconds, given: work(self.given), done: work(self.done) }
    }
}

/// The last attempts whose end was observed, oldest first.
fn ended<'a>(sources: &Sources<'a>) -> Vec<Trial<'a>> {
    let known = |attempt: &ObservedAttempt| {
        let ObservedAttempt { batch, seconds, given, done } = *attempt;
        let batch = sources.machine.batch(batch)?;
        Some(Trial { batch, seconds, given: given as f64, done: done as f64 })
    };
    sources.recent.attempts().filter_map(known).collect()
}

/// Attempts that run and have reported the end of a ticker, or as much.
fn underway<'a>(
    sources: &Sources<'a>,
    running: &[RunningBatch],
    finished: &Finishes,
) -> impl Iterator<Item = Trial<'a>> {
    running.iter().filter_map(|it| {
        let done = finished.get(&it.batch).copied().filter(|done| *done >= 1.0)?;
        let batch = sources.machine.batch(it.batch)?;
        Some(Trial { batch, seconds: it.seconds as f64, given: batch.trial().count() as f64, done })
    })
}

fn left(
    sources: &Sources,
    running: &[RunningBatch],
    finished: &Finishes,
    measure: Measure,
) -> Left {
    let since: BTreeMap<BatchId, u64> = running.iter().map(|it| (it.batch, it.seconds)).collect();
    let (mut waiting, mut underway) = (Vec::new(), Vec::new());
    for (id, batch) in sources.machine.batches().filter(|(_, batch)| !batch.is_over()) {
        let given = since.get(&id).map_or(0, |_| batch.trial().count());
        if let Some(seconds) = since.get(&id) {
            let done = finished.get(&id).copied().unwrap_or(0.0);
            underway.push(Underway {
                seconds: *seconds as f64,
                given: measure.work(batch, given as f64),
                done: measure.work(batch, done),
            });
        }
        waiting.push(measure.work(batch, batch.left().len().saturating_sub(given) as f64));
    }
    let workers =
        (waiting.len() as u64).min(u64::from(sources.request.settings.max_concurrent.get()));
    Left { waiting, underway, workers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_has_found_lost_is_not_behind() {
        let all = |left| TickerCounts {
            expected: 9,
            verified: 9 - left,
            checked: 9 - left,
            as_recorded: 0,
            reported_by_script: 0,
            failed: 0,
            left,
        };
        let by = CountedBy::Rows;
        let of = |percent| Progress { percent, proven_percent: percent, by };
        assert_eq!(of(100).after_losses(&all(0)), of(100));
        let after = of(100).after_losses(&all(1));
        assert_eq!((after.percent, after.proven_percent), (88, 88));
        assert_eq!(after.by, CountedBy::Tickers, "no batch knows of what is lost");
        assert_eq!(of(20).after_losses(&all(7)), of(20), "the batches know of more that is left");
    }
}
