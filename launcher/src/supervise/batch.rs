//! A batch: its members, what is left of them, and where it stands. Pure; changed only by
//! [`machine`](super::machine).
//!
//! What is left is tried in cells: at first one, of all members. When a worker ends badly and any of several
//! members may be to blame, they are halved into two cells, until the culprit stands alone.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::causes::{self, Budget, Verdict};
use super::facts::{Report, Tally};
use crate::plan::part::Part;

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

/// Failed attempts of one member, by what they are charged to: each kind has its own budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Charges {
    /// The source was in the way.
    pub transient: u32,
    /// Its worker did not end in order.
    pub crash: u32,
    /// Its worker had too much memory.
    pub memory: u32,
}

impl Charges {
    /// All of them.
    pub fn total(self) -> u32 {
        self.transient + self.crash + self.memory
    }

    fn of(&mut self, budget: Budget) -> &mut u32 {
        match budget {
            Budget::Transient => &mut self.transient,
            Budget::Crash => &mut self.crash,
            Budget::Memory => &mut self.memory,
        }
    }
}

/// A member that still needs work.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Left {
    member: usize,
    cell: u32,
    charges: Charges,
    /// What it was charged with last, and in which attempt: taken back when it turns out to be nobody's fault.
    last_charge: Option<(u32, Budget)>,
}

/// A member that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    member: usize,
    /// Why, in one sentence.
    pub cause: String,
    /// The attempt that was the last straw.
    pub attempt: u32,
    /// Would another attempt end the same way, whatever happens elsewhere?
    is_permanent: bool,
}

/// What one attempt is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Whom.
    pub tickers: Vec<Ticker>,
    /// Which days of them.
    pub part: Part,
}

/// Some tickers that one worker carries, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    members: Vec<Ticker>,
    part: Part,
    /// In the order of the members.
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

    /// Which days of them; not all only where there is one member.
    pub fn part(&self) -> Part {
        self.part
    }

    /// What the running attempt, or else the next one, is given.
    pub fn work(&self) -> Work {
        Work { tickers: self.trial().cloned().collect(), part: self.part }
    }

    /// Members that still need work.
    pub fn left(&self) -> impl ExactSizeIterator<Item = &Ticker> {
        self.left.iter().map(|left| &self.members[left.member])
    }

    /// Those of them that the running attempt, or else the next one, is given.
    pub fn trial(&self) -> impl Iterator<Item = &Ticker> {
        let cell = self.cell();
        self.left.iter().filter(move |left| left.cell == cell).map(|left| &self.members[left.member])
    }

    /// Members that are given up, and why.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&Ticker, &Failure)> {
        self.failures.iter().map(|failure| (&self.members[failure.member], failure))
    }

    /// What a member that still needs work was charged with so far; `None` for others.
    pub fn charges(&self, ticker: &Ticker) -> Option<Charges> {
        self.left.iter().find(|left| self.members[left.member] == *ticker).map(|left| left.charges)
    }

    pub(super) fn new(members: Vec<Ticker>, part: Part) -> Self {
        let left = (0..members.len()).map(Left::fresh).collect();
        Self {
            members,
            part,
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

    /// Does it wait for a worker, now or later?
    pub(super) fn is_waiting(&self) -> bool {
        match self.state {
            BatchState::Pending | BatchState::Backoff { .. } => true,
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

    fn cell(&self) -> u32 {
        self.left.iter().map(|left| left.cell).min().unwrap_or(0)
    }

    /// Members that are done, in the order of the plan.
    pub fn done(&self) -> impl Iterator<Item = &Ticker> {
        self.finished().map(|member| &self.members[member])
    }

    fn finished(&self) -> impl Iterator<Item = usize> {
        let left = self.left.iter().map(|left| left.member);
        let open: HashSet<usize> = left.chain(self.failures.iter().map(|failure| failure.member)).collect();
        (0..self.members.len()).filter(move |member| !open.contains(member))
    }

    /// Done members whose proof does not hold any more need work again, beside what is left; of the other done ones
    /// `proven` is what still holds, and for those beyond it a script has given its word.
    pub(super) fn reopen(
        &mut self,
        id: BatchId,
        unfinished: &[Ticker],
        proven: Tally,
    ) -> Result<(), Illegal> {
        let wanted: HashSet<&Ticker> = unfinished.iter().collect();
        let again: Vec<usize> =
            self.finished().filter(|member| wanted.contains(&self.members[*member])).collect();
        let is_running = matches!(self.state, BatchState::Running { .. });
        if is_running || again.is_empty() || again.len() != unfinished.len() {
            return Err(self.illegal(id, "reopening"));
        }
        self.left.extend(again.into_iter().map(Left::fresh));
        self.left.sort_by_key(|left| left.member);
        self.proven = proven;
        self.reported = self.reported.min((self.finished().count() as u64).saturating_sub(proven.tickers));
        if self.is_over() {
            self.state = BatchState::Pending;
        }
        Ok(())
    }

    /// A worker gets it; that it is ready is the caller's business.
    pub(super) fn launch(&mut self, at: Timestamp, id: BatchId, attempt: u32) -> Result<(), Illegal> {
        if !self.is_waiting() || attempt != self.attempts + 1 {
            return Err(self.illegal(id, &format!("the start of attempt {attempt}")));
        }
        self.attempts = attempt;
        self.state = BatchState::Running { attempt, since: at };
        Ok(())
    }

    /// Takes over from `report` what is done. It must be about the running attempt and about every ticker
    /// that it was given.
    pub(super) fn take_stock(&mut self, id: BatchId, attempt: u32, report: &Report) -> Result<(), Illegal> {
        let running = matches!(self.state, BatchState::Running { attempt: now, .. } if now == attempt);
        let unfinished: HashSet<&Ticker> = report.unfinished.iter().map(|left| &left.ticker).collect();
        let still_left = self.trial().filter(|ticker| unfinished.contains(ticker));
        let in_order = report.unfinished.iter().map(|left| &left.ticker).eq(still_left);
        let done = report.proven.tickers + report.reported;
        if !running || !in_order || done + unfinished.len() as u64 != self.trial().count() as u64 {
            return Err(self.illegal(id, &format!("the end of attempt {attempt}")));
        }
        let cell = self.cell();
        self.left.retain(|left| left.cell != cell || unfinished.contains(&self.members[left.member]));
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
        let back = self.failures.drain(..).map(|failure| Left::fresh(failure.member));
        self.left.extend(back);
        self.left.sort_by_key(|left| left.member);
        if self.state == BatchState::Failed {
            self.state = BatchState::Pending;
        }
    }

    /// Takes back what the last attempt was charged with: it was nobody's fault.
    pub(super) fn absolve(&mut self) {
        let attempt = self.attempts;
        for left in &mut self.left {
            if let Some((charged, budget)) = left.last_charge
                && charged == attempt
            {
                *left.charges.of(budget) -= 1;
                left.last_charge = None;
            }
        }
        let (back, lost): (Vec<_>, Vec<_>) =
            self.failures.drain(..).partition(|failure| failure.attempt == attempt && !failure.is_permanent);
        self.failures = lost;
        self.left.extend(back.into_iter().map(|failure| Left::fresh(failure.member)));
        self.left.sort_by_key(|left| left.member);
        let waits = matches!(self.state, BatchState::Backoff { .. } | BatchState::Failed);
        if waits && !self.left.is_empty() {
            self.state = BatchState::Pending;
        }
    }

    /// Applies the verdicts on what `report` calls unfinished, in its order, and takes the state that follows.
    pub(super) fn settle(&mut self, at: Timestamp, report: &Report, verdicts: Vec<Verdict>, retries: u32) {
        let attempt = self.attempts;
        let mut verdict_on: HashMap<&Ticker, Verdict> =
            report.unfinished.iter().map(|left| &left.ticker).zip(verdicts).collect();
        let mut worst: Option<(u32, String)> = None;
        let mut suspects = Vec::new();
        let mut still_left = Vec::new();
        for mut left in self.left.drain(..) {
            match verdict_on.remove(&self.members[left.member]) {
                None | Some(Verdict::Innocent) => still_left.push(left),
                Some(Verdict::Suspect) => suspects.push(left),
                Some(Verdict::Charged { budget, cause }) if *left.charges.of(budget) < retries => {
                    *left.charges.of(budget) += 1;
                    left.last_charge = Some((attempt, budget));
                    let charges = *left.charges.of(budget);
                    if worst.as_ref().is_none_or(|(most, _)| *most < charges) {
                        worst = Some((charges, cause));
                    }
                    still_left.push(left);
                }
                Some(Verdict::Charged { cause, .. }) => {
                    self.failures.push(Failure { member: left.member, cause, attempt, is_permanent: false });
                }
                Some(Verdict::Hopeless(cause)) => {
                    self.failures.push(Failure { member: left.member, cause, attempt, is_permanent: true });
                }
            }
        }
        self.left = still_left;
        self.halve(suspects);
        self.state = match (self.left.is_empty(), worst) {
            (true, _) if self.failures.is_empty() => BatchState::Done,
            (true, _) => BatchState::Failed,
            (false, None) => BatchState::Pending,
            (false, Some((charges, cause))) => {
                BatchState::Backoff { until: later(at, causes::backoff(charges, report.dice)), cause }
            }
        };
    }

    /// Puts suspects into two cells of their own, behind all others.
    fn halve(&mut self, suspects: Vec<Left>) {
        let last = self.left.iter().chain(&suspects).map(|left| left.cell).max().unwrap_or(0);
        let half = suspects.len().div_ceil(2);
        let halves = suspects.into_iter().enumerate().map(|(number, left)| {
            let cell = if number < half { last + 1 } else { last + 2 };
            Left { cell, ..left }
        });
        self.left.extend(halves);
        self.left.sort_by_key(|left| left.member);
    }

    fn illegal(&self, id: BatchId, fact: &str) -> Illegal {
        Illegal {
            fact: fact.to_owned(),
            state: format!("while {id} is {:?} with {} tickers left", self.state, self.left.len()),
        }
    }
}

impl Left {
    fn fresh(member: usize) -> Self {
        Self { member, cell: 0, charges: Charges::default(), last_charge: None }
    }
}

fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
