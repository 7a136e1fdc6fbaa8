//! The state of a run: a fold of facts, and the decisions that follow from it.
//!
//! Pure: no clock, no process, no file. [`Machine::apply`] is the only way to change it, live and in a replay
//! alike; [`Machine::decide`] changes nothing and says what is to be done now.

use std::collections::HashMap;
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::causes::{self, Judgement, Verdict};
use super::facts::{Entry, Fact, Outcome, Report, StopWhy, Tally, Word};

/// What does not change during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Workers at the same time.
    pub max_concurrent: NonZeroU32,
    /// Failed attempts that a ticker may have after its first one.
    pub retries: u32,
}

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

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Ready for a worker.
    Pending,
    /// A worker has it.
    Running {
        /// Which attempt.
        attempt: u32,
        /// Since when.
        since: Timestamp,
    },
    /// It failed and waits for another attempt.
    Backoff {
        /// When it is ready.
        until: Timestamp,
    },
    /// Every member is done.
    Done,
    /// Nothing is left to try, and some members failed.
    Failed,
}

/// A member that still needs work.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Left {
    member: usize,
    charges: u32,
}

/// A member that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    member: usize,
    /// Why, in one sentence.
    pub cause: String,
    /// The attempt that was the last straw.
    pub attempt: u32,
}

/// Some tickers that one worker carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    members: Vec<Ticker>,
    left: Vec<Left>,
    failures: Vec<Failure>,
    /// What the ledgers prove of its finished members.
    pub proven: Tally,
    /// Members that a script says are done.
    pub reported: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// Where it stands.
    pub state: BatchState,
}

impl Batch {
    /// Everybody, in the order of the plan.
    pub fn members(&self) -> &[Ticker] {
        &self.members
    }

    /// Members that still need work.
    pub fn left(&self) -> impl ExactSizeIterator<Item = &Ticker> {
        self.left.iter().map(|left| &self.members[left.member])
    }

    /// Members that are given up, and why.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&Ticker, &Failure)> {
        self.failures.iter().map(|failure| (&self.members[failure.member], failure))
    }

    fn new(members: Vec<Ticker>) -> Self {
        let left = (0..members.len()).map(|member| Left { member, charges: 0 }).collect();
        Self { members, left, failures: Vec::new(), proven: Tally::default(), reported: 0, attempts: 0, state: BatchState::Pending }
    }

    fn is_ready(&self, now: Timestamp) -> bool {
        match self.state {
            BatchState::Pending => true,
            BatchState::Backoff { until } => until <= now,
            BatchState::Running { .. } | BatchState::Done | BatchState::Failed => false,
        }
    }

    fn is_over(&self) -> bool {
        match self.state {
            BatchState::Done | BatchState::Failed => true,
            BatchState::Pending | BatchState::Running { .. } | BatchState::Backoff { .. } => false,
        }
    }

    /// Given-up members get another chance: a person has asked for it.
    fn forgive(&mut self) {
        let back = self.failures.drain(..).map(|failure| Left { member: failure.member, charges: 0 });
        self.left.extend(back);
        self.left.sort_by_key(|left| left.member);
        if self.state == BatchState::Failed {
            self.state = BatchState::Pending;
        }
    }

    /// Applies the verdicts on what is left and says what state that makes.
    fn settle(&mut self, at: Timestamp, verdicts: Vec<Verdict>, retries: u32, dice: u32) -> BatchState {
        let attempt = self.attempts;
        let mut most_charges = 0;
        let mut still_left = Vec::new();
        for (mut left, verdict) in self.left.drain(..).zip(verdicts) {
            let cause = match verdict {
                Verdict::Innocent => {
                    still_left.push(left);
                    continue;
                }
                // The cause stays in the journal, with this attempt.
                Verdict::Charged(_) if left.charges < retries => {
                    left.charges += 1;
                    most_charges = most_charges.max(left.charges);
                    still_left.push(left);
                    continue;
                }
                Verdict::Charged(cause) | Verdict::Hopeless(cause) => cause,
            };
            self.failures.push(Failure { member: left.member, cause, attempt });
        }
        self.left = still_left;
        match (self.left.is_empty(), self.failures.is_empty()) {
            (true, true) => BatchState::Done,
            (true, false) => BatchState::Failed,
            (false, _) if most_charges == 0 => BatchState::Pending,
            (false, _) => BatchState::Backoff { until: later(at, causes::backoff(most_charges, dice)) },
        }
    }
}

fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
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

/// A fact that can't have happened in this state: the journal is not of this run, or we have a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fact} can't happen {state}")]
pub struct Illegal {
    /// What was said.
    pub fact: String,
    /// What was known.
    pub state: String,
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
        Self { rules, run: RunState::Planned, batches: Vec::new(), surveyed: Tally::default(), running: 0, pauses_in_a_row: 0 }
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
            Fact::Reopened { batch, unfinished, proven } => self.reopened(*batch, unfinished, *proven)?,
            Fact::Opened { .. } => self.opened(),
            Fact::Launched { batch, attempt } => self.launched(entry.at, *batch, *attempt)?,
            Fact::Ended { batch, attempt, report } => self.ended(entry.at, *batch, *attempt, report)?,
            Fact::PauseLifted => match self.run {
                RunState::Paused { .. } => self.run = RunState::Open,
                _ => return Err(self.illegal("the end of a pause")),
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
                _ => return Err(self.illegal("the end of the supervisor")),
            },
        }
        Ok(())
    }

    /// What to do at `now`, in this order.
    pub fn decide(&self, now: Timestamp) -> Vec<Decision> {
        match &self.run {
            RunState::Planned | RunState::Paused { .. } | RunState::Closed { .. } => Vec::new(),
            RunState::Stopping { why } if self.running == 0 => {
                vec![Decision::Close(Outcome::Stopped { why: why.clone() })]
            }
            RunState::Stopping { .. } => Vec::new(),
            RunState::Open if self.batches.iter().all(Batch::is_over) => vec![Decision::Close(self.outcome())],
            RunState::Open => {
                let slots = self.rules.max_concurrent.get().saturating_sub(self.running);
                let ready = self.batches().filter(|(_, batch)| batch.is_ready(now));
                let launch = |(id, batch): (BatchId, &Batch)| Decision::Launch { batch: id, attempt: batch.attempts + 1 };
                ready.take(slots as usize).map(launch).collect()
            }
        }
    }

    /// The first moment after which [`decide`](Self::decide) may say something new by itself.
    pub fn next_ready(&self) -> Option<Timestamp> {
        let until = |batch: &Batch| match batch.state {
            BatchState::Backoff { until } => Some(until),
            _ => None,
        };
        self.batches.iter().filter_map(until).min()
    }

    fn outcome(&self) -> Outcome {
        match self.batches.iter().map(|batch| batch.failures.len() as u64).sum() {
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

    fn reopened(&mut self, id: BatchId, unfinished: &[Ticker], proven: Tally) -> Result<(), Illegal> {
        let what = format!("{id} reopened");
        let batch = self.known(id, &what)?;
        if batch.state != BatchState::Done {
            return Err(batch.illegal(id, &what));
        }
        let again = |(member, ticker)| unfinished.contains(ticker).then_some(Left { member, charges: 0 });
        let left: Vec<Left> = batch.members.iter().enumerate().filter_map(again).collect();
        if left.is_empty() || left.len() != unfinished.len() {
            return Err(batch.illegal(id, &what));
        }
        batch.left = left;
        batch.proven = proven;
        batch.reported = 0;
        batch.state = BatchState::Pending;
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
        let what = format!("the start of {id}.{attempt}");
        if self.run != RunState::Open || self.running >= self.rules.max_concurrent.get() {
            return Err(self.illegal(&what));
        }
        let batch = self.known(id, &what)?;
        if !batch.is_ready(at) || attempt != batch.attempts + 1 {
            return Err(batch.illegal(id, &what));
        }
        batch.attempts = attempt;
        batch.state = BatchState::Running { attempt, since: at };
        self.running += 1;
        Ok(())
    }

    fn ended(&mut self, at: Timestamp, id: BatchId, attempt: u32, report: &Report) -> Result<(), Illegal> {
        let what = format!("the end of {id}.{attempt}");
        let stopping = matches!(self.run, RunState::Stopping { .. });
        let retries = self.rules.retries;
        let batch = self.known(id, &what)?;
        let running = matches!(batch.state, BatchState::Running { attempt: now, .. } if now == attempt);
        let words: HashMap<&Ticker, &Word> = report.unfinished.iter().map(|left| (&left.ticker, &left.word)).collect();
        let done = report.proven.tickers + report.reported;
        let adds_up = done + words.len() as u64 == batch.left.len() as u64;
        if !running || !adds_up || !report.unfinished.iter().map(|left| &left.ticker).eq(batch.unfinished_in(&words)) {
            return Err(batch.illegal(id, &what));
        }
        batch.left.retain(|left| words.contains_key(&batch.members[left.member]));
        batch.proven += report.proven;
        batch.reported += report.reported;

        let innocents = || vec![Verdict::Innocent; report.unfinished.len()];
        // What ends while the run is being stopped ends because of that.
        let judgement = if stopping { Judgement::Tickers(innocents()) } else { causes::judge(report) };
        let (verdicts, run) = match judgement {
            Judgement::Tickers(verdicts) => (verdicts, None),
            Judgement::PauseRun(why) => (innocents(), Some(Judgement::PauseRun(why))),
            Judgement::StopRun(why) => (innocents(), Some(Judgement::StopRun(why))),
        };
        batch.state = batch.settle(at, verdicts, retries, report.dice);
        self.running -= 1;
        if done > 0 {
            self.pauses_in_a_row = 0;
        }
        self.run_after(at, id, run);
        Ok(())
    }

    /// What an ended attempt does to the run as a whole.
    fn run_after(&mut self, at: Timestamp, id: BatchId, judgement: Option<Judgement>) {
        match (judgement, &self.run) {
            (Some(Judgement::PauseRun(why)), RunState::Open) => {
                let probe_after = causes::probe_after(self.pauses_in_a_row);
                self.pauses_in_a_row += 1;
                self.run = RunState::Paused { why, since: at, probe_after };
            }
            (Some(Judgement::StopRun(what)), RunState::Open | RunState::Paused { .. }) => {
                self.run = RunState::Stopping { why: StopWhy::Hopeless { batch: id, what } };
            }
            // Paused or stopping already: the first reason stands.
            (Some(Judgement::PauseRun(_) | Judgement::StopRun(_)) | None, _) | (Some(Judgement::Tickers(_)), _) => {}
        }
    }

    fn known(&mut self, id: BatchId, what: &str) -> Result<&mut Batch, Illegal> {
        let unknown = Illegal { fact: what.to_owned(), state: format!("in a run of {} batches", self.batches.len()) };
        index_of(id).and_then(|index| self.batches.get_mut(index)).ok_or(unknown)
    }

    fn illegal(&self, fact: &str) -> Illegal {
        Illegal { fact: fact.to_owned(), state: format!("while the run is {:?} with {} workers", self.run, self.running) }
    }
}

impl Batch {
    fn illegal(&self, id: BatchId, fact: &str) -> Illegal {
        Illegal { fact: fact.to_owned(), state: format!("while {id} is {:?} with {} tickers left", self.state, self.left.len()) }
    }

    /// What is left and named in `words`, in the order of the batch.
    fn unfinished_in<'a>(&'a self, words: &HashMap<&Ticker, &Word>) -> impl Iterator<Item = &'a Ticker> {
        self.left().filter(|ticker| words.contains_key(ticker))
    }
}

fn index_of(id: BatchId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}
