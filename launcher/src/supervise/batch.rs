//! A batch: its members, what is left of them, and where it stands. Pure; changed only by
//! [`machine`](super::machine).

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::causes::{self, Verdict};
use super::facts::{Report, Tally};

/// A fact that can't have happened in this state: the journal is not of this run, or we have a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fact} can't happen {state}")]
pub struct Illegal {
    /// What was said.
    pub fact: String,
    /// What was known.
    pub state: String,
}

/// Where a batch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        /// What was charged to one of its tickers, in one sentence.
        cause: String,
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
    /// Attempts in a row that found a local resource in the way and finished nothing.
    stuck: u32,
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

    pub(super) fn new(members: Vec<Ticker>) -> Self {
        let left = (0..members.len()).map(|member| Left { member, charges: 0 }).collect();
        Self {
            members,
            left,
            failures: Vec::new(),
            proven: Tally::default(),
            reported: 0,
            stuck: 0,
            attempts: 0,
            state: BatchState::Pending,
        }
    }

    /// May a worker have it at `now`?
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        match &self.state {
            BatchState::Pending => true,
            BatchState::Backoff { until, .. } => *until <= now,
            BatchState::Running { .. } | BatchState::Done | BatchState::Failed => false,
        }
    }

    /// Is nothing left to try?
    pub fn is_over(&self) -> bool {
        match self.state {
            BatchState::Done | BatchState::Failed => true,
            BatchState::Pending | BatchState::Running { .. } | BatchState::Backoff { .. } => false,
        }
    }

    /// Done members whose proof does not hold any more need work again.
    pub(super) fn reopen(
        &mut self,
        id: BatchId,
        unfinished: &[Ticker],
        proven: Tally,
    ) -> Result<(), Illegal> {
        let again = |(member, ticker)| unfinished.contains(ticker).then_some(Left { member, charges: 0 });
        let left: Vec<Left> = self.members.iter().enumerate().filter_map(again).collect();
        if self.state != BatchState::Done || left.is_empty() || left.len() != unfinished.len() {
            return Err(self.illegal(id, "reopening"));
        }
        self.left = left;
        self.proven = proven;
        self.reported = 0;
        self.state = BatchState::Pending;
        Ok(())
    }

    /// A worker gets it.
    pub(super) fn launch(&mut self, at: Timestamp, id: BatchId, attempt: u32) -> Result<(), Illegal> {
        if !self.is_ready(at) || attempt != self.attempts + 1 {
            return Err(self.illegal(id, &format!("the start of attempt {attempt}")));
        }
        self.attempts = attempt;
        self.state = BatchState::Running { attempt, since: at };
        Ok(())
    }

    /// Takes over from `report` what is done. It must be about the running attempt and about every ticker
    /// that was left.
    pub(super) fn take_stock(&mut self, id: BatchId, attempt: u32, report: &Report) -> Result<(), Illegal> {
        let running = matches!(self.state, BatchState::Running { attempt: now, .. } if now == attempt);
        let unfinished: HashSet<&Ticker> = report.unfinished.iter().map(|left| &left.ticker).collect();
        let still_left = self.left().filter(|ticker| unfinished.contains(ticker));
        let in_order = report.unfinished.iter().map(|left| &left.ticker).eq(still_left);
        let done = report.proven.tickers + report.reported;
        if !running || !in_order || done + unfinished.len() as u64 != self.left.len() as u64 {
            return Err(self.illegal(id, &format!("the end of attempt {attempt}")));
        }
        self.left.retain(|left| unfinished.contains(&self.members[left.member]));
        self.proven += report.proven;
        self.reported += report.reported;
        Ok(())
    }

    /// Is it stuck once more than `tolerated`? Counted anew after that, and after any other end.
    pub(super) fn is_stubborn(&mut self, is_stuck: bool, tolerated: u32) -> bool {
        self.stuck = if is_stuck { self.stuck + 1 } else { 0 };
        let stubborn = self.stuck > tolerated;
        if stubborn {
            self.stuck = 0;
        }
        stubborn
    }

    /// Given-up members get another chance: a person has asked for it.
    pub(super) fn forgive(&mut self) {
        let back = self.failures.drain(..).map(|failure| Left { member: failure.member, charges: 0 });
        self.left.extend(back);
        self.left.sort_by_key(|left| left.member);
        if self.state == BatchState::Failed {
            self.state = BatchState::Pending;
        }
    }

    /// Applies the verdicts on what is left, in its order, and takes the state that follows.
    pub(super) fn settle(&mut self, at: Timestamp, verdicts: Vec<Verdict>, retries: u32, dice: u32) {
        let attempt = self.attempts;
        let mut worst: Option<(u32, String)> = None;
        let mut still_left = Vec::new();
        for (mut left, verdict) in self.left.drain(..).zip(verdicts) {
            match verdict {
                Verdict::Innocent => still_left.push(left),
                Verdict::Charged(cause) if left.charges < retries => {
                    left.charges += 1;
                    if worst.as_ref().is_none_or(|(charges, _)| *charges < left.charges) {
                        worst = Some((left.charges, cause));
                    }
                    still_left.push(left);
                }
                Verdict::Charged(cause) | Verdict::Hopeless(cause) => {
                    self.failures.push(Failure { member: left.member, cause, attempt });
                }
            }
        }
        self.left = still_left;
        self.state = match (self.left.is_empty(), worst) {
            (true, _) if self.failures.is_empty() => BatchState::Done,
            (true, _) => BatchState::Failed,
            (false, None) => BatchState::Pending,
            (false, Some((charges, cause))) => {
                BatchState::Backoff { until: later(at, causes::backoff(charges, dice)), cause }
            }
        };
    }

    fn illegal(&self, id: BatchId, fact: &str) -> Illegal {
        Illegal {
            fact: fact.to_owned(),
            state: format!("while {id} is {:?} with {} tickers left", self.state, self.left.len()),
        }
    }
}

fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
