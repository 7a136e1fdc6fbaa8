//! What can be asked of a run without changing it.

use jiff::Timestamp;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::BatchId;

use super::{Machine, RunState, index_of};
use crate::facts::{Checked, Outcome, Tally};
use crate::plan::settings::Rules;
use crate::supervise::batch::{Batch, BatchState};
use crate::supervise::totals::Totals;

impl Machine {
    /// The run as a whole.
    pub fn run(&self) -> &RunState {
        &self.run
    }

    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// How often knobs of the run have changed, according to the facts.
    pub fn changes(&self) -> usize {
        self.changes
    }

    /// What was proven of tickers in no batch.
    pub fn surveyed(&self) -> Tally {
        self.surveyed
    }

    /// When that was found.
    pub fn surveyed_at(&self) -> Option<Timestamp> {
        self.surveyed_at
    }

    /// When the files of the run were last held against their SHA-256, and what was found.
    pub fn checked(&self) -> Option<&(Timestamp, Checked)> {
        self.checked.as_ref()
    }

    /// Running workers, according to the facts.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// The most memory that one of the last attempts had, in bytes; 0 before the first one has
    /// ended.
    pub fn peak_rss(&self) -> u64 {
        self.admission.peak()
    }

    /// The latest stamp of any fact: the time of the run goes on from there.
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// This machine's clock beside the source's, where it was ahead most in the life of the run.
    pub fn clocks(&self) -> Option<SourceClock> {
        self.clocks
    }

    /// Can the run end without waiting for a disk? Yes if it is to end and no attempt is `at_work`:
    /// the disk may stay full, and the next supervisor finds what was not written.
    pub fn waits_for_nobody(&self, at_work: usize) -> bool {
        match self.run {
            RunState::Stopping { .. } => at_work == 0,
            RunState::Planned
            | RunState::Open
            | RunState::Paused { .. }
            | RunState::Closed { .. } => false,
        }
    }

    /// How many attempts have added anything to what is proven: while that stays, the run stands
    /// still.
    pub fn advances(&self) -> u64 {
        self.advances
    }

    /// While the run is paused: batches whose attempts led there, or came back with nothing since.
    pub fn led_to_the_pause(&self) -> impl Iterator<Item = (BatchId, &Batch)> {
        let is_paused = matches!(self.run, RunState::Paused { .. });
        self.led_by.iter().filter(move |_| is_paused).filter_map(|id| Some((*id, self.batch(*id)?)))
    }

    /// Every batch with its number.
    pub fn batches(&self) -> impl Iterator<Item = (BatchId, &Batch)> {
        (1..).map(BatchId).zip(&self.batches)
    }

    /// Every batch that is not over, with its number.
    pub fn open_batches(&self) -> impl Iterator<Item = (BatchId, &Batch)> {
        self.open.iter().filter_map(|id| Some((*id, self.batch(*id)?)))
    }

    pub fn batch(&self, id: BatchId) -> Option<&Batch> {
        self.batches.get(index_of(id)?)
    }

    /// The number that the next batch gets.
    pub fn next_batch(&self) -> BatchId {
        BatchId(
            u32::try_from(self.batches.len() + 1)
                .expect("fewer than four thousand million batches"),
        )
    }

    /// The first moment after which [`decide`](Self::decide) may say something new by itself.
    pub fn next_ready(&self) -> Option<Timestamp> {
        if !matches!(self.run, RunState::Open) {
            return self.probe_at();
        }
        let until = |batch: &Batch| match batch.state {
            BatchState::Backoff { until, .. } => Some(until),
            BatchState::Pending
            | BatchState::Running { .. }
            | BatchState::Done
            | BatchState::Failed => None,
        };
        self.open_batches().filter_map(|(_, batch)| until(batch)).min()
    }

    /// The outcome when nothing is left to try; `None` before that.
    pub fn outcome(&self) -> Option<Outcome> {
        self.open.is_empty().then(|| self.tally())
    }

    /// Its tickers by state.
    pub fn totals(&self) -> Totals {
        Totals::of(self.surveyed, &self.batches)
    }
}
