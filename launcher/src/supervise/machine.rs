//! The state of a run: a fold of facts, and the decisions that follow from it.
//!
//! Pure: no clock, no process, no file. [`Machine::apply`] is the only way to change it, live and in a replay
//! alike; [`Machine::decide`] changes nothing and says what is to be done now.

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::batch::{Batch, BatchState, Illegal};
use super::causes::{self, Judgement, Verdict};
use super::facts::{Entry, Fact, Outcome, Report, StopWhy, Tally};
use crate::plan::settings::Rules;

/// How often in a row a batch may be stuck on a local resource at no cost. The next one is the third right
/// after a look that found nothing wrong, and is charged: no batch can be tried for ever.
const STUCK_TOLERATED: u32 = 3;

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Nobody has begun it yet.
    Planned,
    /// A supervisor works on it.
    Open,
    /// Nothing new is started until the reason is gone; what runs goes on.
    Paused {
        /// The reason, for people.
        why: String,
        /// Since when.
        since: Timestamp,
        /// How long to wait before looking whether it is gone.
        probe_after: SignedDuration,
    },
    /// Nothing new is started any more; what runs is being stopped.
    Stopping {
        /// The reason.
        why: StopWhy,
    },
    /// Its supervisor has ended in good order.
    Closed {
        /// How the run stands.
        outcome: Outcome,
    },
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start a worker, after the journal says so.
    Launch {
        /// For which batch.
        batch: BatchId,
        /// Which attempt.
        attempt: u32,
    },
    /// Nothing is left to do.
    Close(Outcome),
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    rules: Rules,
    run: RunState,
    batches: Vec<Batch>,
    surveyed: Tally,
    running: u32,
    pauses_in_a_row: u32,
}

impl Machine {
    /// Before the first fact.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            run: RunState::Planned,
            batches: Vec::new(),
            surveyed: Tally::default(),
            running: 0,
            pauses_in_a_row: 0,
        }
    }

    /// The run as a whole.
    pub fn run(&self) -> &RunState {
        &self.run
    }

    /// What was proven of tickers in no batch.
    pub fn surveyed(&self) -> Tally {
        self.surveyed
    }

    /// Workers that run, as far as the facts say.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Every batch with its number.
    pub fn batches(&self) -> impl Iterator<Item = (BatchId, &Batch)> {
        (1..).map(BatchId).zip(&self.batches)
    }

    /// One batch.
    pub fn batch(&self, id: BatchId) -> Option<&Batch> {
        self.batches.get(index_of(id)?)
    }

    /// The number that the next batch gets.
    pub fn next_batch(&self) -> BatchId {
        BatchId(u32::try_from(self.batches.len() + 1).expect("fewer than four thousand million batches"))
    }

    /// Takes a fact in.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Illegal> {
        match &entry.fact {
            Fact::Surveyed { proven } => self.surveyed = *proven,
            Fact::Planned { batch, tickers } => self.planned(*batch, tickers)?,
            Fact::Reopened { batch, unfinished, proven } => {
                self.known(*batch)?.reopen(*batch, unfinished, *proven)?;
            }
            Fact::Opened { .. } => self.opened(),
            Fact::Launched { batch, attempt } => self.launched(entry.at, *batch, *attempt)?,
            Fact::Ended { batch, attempt, report } => self.ended(entry.at, *batch, *attempt, report)?,
            Fact::PauseLifted => match self.run {
                RunState::Paused { .. } => self.run = RunState::Open,
                RunState::Planned | RunState::Open | RunState::Stopping { .. } | RunState::Closed { .. } => {
                    return Err(self.illegal("the end of a pause"));
                }
            },
            Fact::StopAsked { by } => match self.run {
                RunState::Open | RunState::Paused { .. } => {
                    self.run = RunState::Stopping { why: StopWhy::Asked { by: by.clone() } };
                }
                RunState::Stopping { .. } => {}
                RunState::Planned | RunState::Closed { .. } => return Err(self.illegal("a stop")),
            },
            Fact::Closed { outcome } => match self.run {
                RunState::Open | RunState::Stopping { .. } if self.running == 0 => {
                    self.run = RunState::Closed { outcome: outcome.clone() };
                }
                RunState::Planned
                | RunState::Open
                | RunState::Paused { .. }
                | RunState::Stopping { .. }
                | RunState::Closed { .. } => return Err(self.illegal("the end of the supervisor")),
            },
        }
        Ok(())
    }

    /// What to do at `now`, in this order.
    pub fn decide(&self, now: Timestamp) -> Vec<Decision> {
        match &self.run {
            RunState::Stopping { why } if self.running == 0 => {
                vec![Decision::Close(Outcome::Stopped { why: why.clone() })]
            }
            RunState::Planned
            | RunState::Paused { .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => Vec::new(),
            RunState::Open if self.batches.iter().all(Batch::is_over) => {
                vec![Decision::Close(self.outcome())]
            }
            RunState::Open => {
                let slots = self.rules.max_concurrent.get().saturating_sub(self.running);
                let ready = self.batches().filter(|(_, batch)| batch.is_ready(now));
                let launch = |(id, batch): (BatchId, &Batch)| Decision::Launch {
                    batch: id,
                    attempt: batch.attempts + 1,
                };
                ready.take(slots as usize).map(launch).collect()
            }
        }
    }

    /// The first moment after which [`decide`](Self::decide) may say something new by itself.
    pub fn next_ready(&self) -> Option<Timestamp> {
        let until = |batch: &Batch| match batch.state {
            BatchState::Backoff { until, .. } => Some(until),
            BatchState::Pending | BatchState::Running { .. } | BatchState::Done | BatchState::Failed => None,
        };
        self.batches.iter().filter_map(until).min()
    }

    fn outcome(&self) -> Outcome {
        match self.batches.iter().map(|batch| batch.failures().len() as u64).sum() {
            0 => Outcome::Complete,
            failed => Outcome::Incomplete { failed },
        }
    }

    fn planned(&mut self, id: BatchId, tickers: &[Ticker]) -> Result<(), Illegal> {
        if id != self.next_batch() || tickers.is_empty() {
            return Err(self.illegal(&format!("{id} with {} tickers", tickers.len())));
        }
        self.batches.push(Batch::new(tickers.to_vec()));
        Ok(())
    }

    fn opened(&mut self) {
        // A run that had come to its end is begun again by a person who wants another try; one that was
        // stopped or lost its supervisor goes on where it was.
        if matches!(self.run, RunState::Closed { outcome: Outcome::Incomplete { .. } }) {
            self.batches.iter_mut().for_each(Batch::forgive);
        }
        self.pauses_in_a_row = 0;
        self.run = RunState::Open;
    }

    fn launched(&mut self, at: Timestamp, id: BatchId, attempt: u32) -> Result<(), Illegal> {
        if self.run != RunState::Open || self.running >= self.rules.max_concurrent.get() {
            return Err(self.illegal(&format!("the start of {id}.{attempt}")));
        }
        self.known(id)?.launch(at, id, attempt)?;
        self.running += 1;
        Ok(())
    }

    fn ended(&mut self, at: Timestamp, id: BatchId, attempt: u32, report: &Report) -> Result<(), Illegal> {
        let stopping = matches!(self.run, RunState::Stopping { .. });
        let retries = self.rules.retries;
        let batch = self.known(id)?;
        batch.take_stock(id, attempt, report)?;

        let innocent = || vec![Verdict::Innocent; report.unfinished.len()];
        // What ends while the run is being stopped ends because of that.
        let judgement = if stopping {
            Judgement::Tickers(innocent())
        } else if batch.is_stubborn(causes::is_stuck(report), STUCK_TOLERATED) {
            causes::judge_stubborn(report)
        } else {
            causes::judge(report)
        };
        match judgement {
            Judgement::Tickers(verdicts) => batch.settle(at, verdicts, retries, report.dice),
            Judgement::PauseRun(why) => {
                batch.settle(at, innocent(), retries, report.dice);
                self.pause(at, why);
            }
            Judgement::StopRun(what) => {
                batch.settle(at, innocent(), retries, report.dice);
                self.give_up(StopWhy::Hopeless { batch: id, what });
            }
        }
        self.running -= 1;
        if report.proven.tickers + report.reported > 0 {
            self.pauses_in_a_row = 0;
        }
        Ok(())
    }

    /// The first reason stands.
    fn pause(&mut self, at: Timestamp, why: String) {
        if self.run == RunState::Open {
            let probe_after = causes::probe_after(self.pauses_in_a_row);
            self.pauses_in_a_row += 1;
            self.run = RunState::Paused { why, since: at, probe_after };
        }
    }

    /// The first reason stands.
    fn give_up(&mut self, why: StopWhy) {
        if matches!(self.run, RunState::Open | RunState::Paused { .. }) {
            self.run = RunState::Stopping { why };
        }
    }

    fn known(&mut self, id: BatchId) -> Result<&mut Batch, Illegal> {
        let unknown = Illegal {
            fact: format!("a fact about {id}"),
            state: format!("in a run of {} batches", self.batches.len()),
        };
        index_of(id).and_then(|index| self.batches.get_mut(index)).ok_or(unknown)
    }

    fn illegal(&self, fact: &str) -> Illegal {
        Illegal {
            fact: fact.to_owned(),
            state: format!("while the run is {:?} with {} workers", self.run, self.running),
        }
    }
}

fn index_of(id: BatchId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}
