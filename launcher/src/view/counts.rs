//! Counts of a run: tickers, partitions and batches by where they stand. Pure.

use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::dataset::partition::Partition;
use shared::dataset::summary::Summary;

use crate::facts::Tally;
use crate::job::Task;
use crate::plan::request::Request;
use crate::supervise::batch::{Batch, BatchState};
use crate::supervise::machine::Machine;
use crate::supervise::totals::Totals;

/// Tickers by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TickerCounts {
    /// In the run.
    pub expected: u64,
    /// Proven by their ledgers: the sum of the next two.
    pub verified: u64,
    /// Of them: their files matched their SHA-256 at the last check of the run.
    pub checked: u64,
    /// Of them: length, time and inode of their files are as recorded when their SHA-256 was last
    /// compared.
    pub as_recorded: u64,
    /// Reported done by a script only.
    pub reported_by_script: u64,
    /// Given up.
    pub failed: u64,
    /// Still to be done.
    pub left: u64,
}

/// Partitions by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PartitionCounts {
    /// Of all tickers of the run: every year, month or day that the range touches; of bars, every
    /// kind.
    pub expected: u64,
    /// Proven by ledgers, of tickers that are not done too: the sum of the next three.
    pub verified: u64,
    /// With rows.
    pub data: u64,
    /// Empty, as the source says.
    pub empty: u64,
    /// Not reached by the plan.
    pub outside_plan: u64,
    /// Of those with rows and the empty ones: not reached by the plan on some days.
    pub partly_outside_plan: u64,
}

/// Batches by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BatchCounts {
    pub total: u64,
    /// Ready for a worker.
    pub pending: u64,
    /// With a worker.
    pub running: u64,
    /// Waiting for another attempt.
    pub backoff: u64,
    pub done: u64,
    /// Over, with failed tickers.
    pub failed: u64,
}

/// Everything proven in the run so far; a part of a ticker counts like a ticker. Partitions and
/// rows of tickers that are not done count as well.
pub fn proven(machine: &Machine) -> Tally {
    let mut proven = machine.surveyed();
    machine.batches().for_each(|(_, batch)| proven += batch.proven);
    proven.summary += partly_proven(machine);
    proven
}

/// What is proven of all tickers that are not done.
pub fn partly_proven(machine: &Machine) -> Summary {
    machine.batches().fold(Summary::default(), |mut sum, (_, batch)| {
        sum += batch.partly_proven();
        sum
    })
}

/// Verified tickers without a single row. A part without rows says nothing about its ticker.
pub fn without_rows(machine: &Machine) -> u64 {
    let whole = machine.batches().filter(|(_, batch)| batch.part().is_whole());
    whole.fold(machine.surveyed().without_rows, |sum, (_, batch)| {
        sum.saturating_add(batch.proven.without_rows)
    })
}

/// Every year, month or day that `days` of the run touch; of bars, every kind.
pub fn partitions_of_a_ticker(request: &Request, days: DateRange) -> u64 {
    match request.settings.task() {
        Task::Download(kind) => Partition::within(kind, days).count() as u64,
        Task::Bars(order) => order.modes.len() as u64,
    }
}

impl TickerCounts {
    /// Of `request`, as `machine` has it.
    pub fn of(request: &Request, machine: &Machine) -> Self {
        let expected = request.tickers as u64;
        let Totals { verified, reported, failed } = machine.totals();
        let left = expected.saturating_sub(verified + reported + failed);
        let checked = machine.checked().map_or(0, |(_, it)| it.tickers.min(verified));
        let as_recorded = verified - checked;
        Self {
            expected,
            verified,
            checked,
            as_recorded,
            reported_by_script: reported,
            failed,
            left,
        }
    }
}

impl PartitionCounts {
    /// Of `request`, of which `proven` is proven.
    pub fn of(request: &Request, proven: Tally) -> Self {
        let summary = proven.summary;
        let (data, empty) = (summary.partitions_data, summary.partitions_empty);
        let outside_plan = summary.partitions_outside_plan;
        Self {
            expected: partitions_of_a_ticker(request, request.days()) * request.tickers as u64,
            verified: data + empty + outside_plan,
            data,
            empty,
            outside_plan,
            partly_outside_plan: summary.partitions_partly_outside_plan,
        }
    }

    /// Those that lack days because the plan does not reach them.
    pub fn with_gaps(&self) -> u64 {
        self.outside_plan + self.partly_outside_plan
    }
}

impl BatchCounts {
    /// Counts `batch` in; does what the journal calls running really run?
    pub fn add(&mut self, batch: &Batch, runs: bool) {
        self.total += 1;
        *match batch.state {
            BatchState::Running { .. } if runs => &mut self.running,
            // The next supervisor starts it again.
            BatchState::Running { .. } | BatchState::Pending => &mut self.pending,
            BatchState::Backoff { .. } => &mut self.backoff,
            BatchState::Done => &mut self.done,
            BatchState::Failed => &mut self.failed,
        } += 1;
    }
}
