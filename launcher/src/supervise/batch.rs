//! A batch: its members, which of them still need work, and its state. Pure; only the
//! [`machine`](super::machine) changes it.
//!
//! Open members are tried in cells. At first all of them form one cell. When a worker ends badly
//! and several members may be to blame, they are halved into two cells, until the culprit stands
//! alone.

mod member;
mod partial_proof;
mod settlement;

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use member::{Charge, LastFailure, OpenMember};
pub use member::{Charges, GivenUpMember};
pub use settlement::Decided;
pub(super) use settlement::{Pardon, Terms};
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::causes::{self, Verdict};
use super::headway::Headway;
use crate::facts::ending::Ending;
use crate::facts::{Report, Tally, Unfinished, Word};
use crate::plan::part::Part;
use crate::plan::weights::Weight;

/// A fact that can't happen in this state: the journal belongs to another run, or the launcher has
/// a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fact} can't happen {state}")]
pub struct Illegal {
    pub fact: String,
    pub state: String,
}

/// The state of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchState {
    /// Ready for a worker.
    Pending,
    /// A worker has it.
    Running { attempt: u32, since: Timestamp },
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

/// What one attempt is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub tickers: Vec<Ticker>,
    /// Which days of them.
    pub part: Part,
}

/// Tickers for one worker, or a part of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    members: Vec<Ticker>,
    part: Part,
    weight: Weight,
    /// In the order of the members.
    left: Vec<OpenMember>,
    failures: Vec<GivenUpMember>,
    /// What the ledgers prove of its finished members.
    pub proven: Tally,
    /// Members that a script reports done.
    pub reported: u64,
    /// Attempts in a row that found a local resource in the way and finished nothing.
    stuck: u32,
    /// Did another batch get through where this one did not, and has this one made no headway
    /// since?
    is_doubted: bool,
    /// Attempts so far.
    pub attempts: u32,
    pub state: BatchState,
}

impl Batch {
    /// All members, in the order of the plan.
    pub fn members(&self) -> &[Ticker] {
        &self.members
    }

    /// Which days; fewer than all only for a batch of one ticker.
    pub fn part(&self) -> Part {
        self.part
    }

    /// How much work it was likely to be when it was planned.
    pub fn weight(&self) -> Weight {
        self.weight
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
        self.left
            .iter()
            .filter(move |left| left.cell == cell)
            .map(|left| &self.members[left.member])
    }

    /// Members that were given up, and why.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&Ticker, &GivenUpMember)> {
        self.failures.iter().map(|failure| (&self.members[failure.left.member], failure))
    }

    /// What a member that still needs work was charged with so far; `None` for others.
    pub fn charges(&self, ticker: &Ticker) -> Option<Charges> {
        self.left.iter().find(|left| self.members[left.member] == *ticker).map(OpenMember::charges)
    }

    /// The last failure of each member that still needs work, if it had one.
    pub fn last_said(&self) -> impl Iterator<Item = (&Ticker, &str)> {
        self.left.iter().filter_map(|left| {
            let said = left.said.as_ref()?;
            Some((&self.members[left.member], said.cause.as_str()))
        })
    }

    /// Attempts that tell why a member is not done: those that it was charged with, and the last
    /// one before it was given up.
    pub fn telling_attempts(&self) -> BTreeSet<u32> {
        let of_failure = |failure: &GivenUpMember| {
            failure.left.charged_in().chain([failure.attempt]).collect::<Vec<_>>()
        };
        let failed = self.failures.iter().flat_map(of_failure);
        self.left.iter().flat_map(OpenMember::charged_in).chain(failed).collect()
    }

    pub(super) fn new(members: Vec<Ticker>, part: Part, weight: Weight) -> Self {
        let left = (0..members.len()).map(OpenMember::fresh).collect();
        Self {
            members,
            part,
            weight,
            left,
            failures: Vec::new(),
            proven: Tally::default(),
            reported: 0,
            stuck: 0,
            is_doubted: false,
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

    /// Since when a worker has it, if one has.
    pub(super) fn running_since(&self) -> Option<Timestamp> {
        match self.state {
            BatchState::Running { since, .. } => Some(since),
            BatchState::Pending
            | BatchState::Backoff { .. }
            | BatchState::Done
            | BatchState::Failed => None,
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
        let open: HashSet<usize> =
            left.chain(self.failures.iter().map(|failure| failure.left.member)).collect();
        (0..self.members.len()).filter(move |member| !open.contains(member))
    }

    /// The done members `unfinished` need work again, because their proof does not hold any more.
    /// Of the other done ones `proven` still holds; the rest of them were reported by a script.
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
        self.left.extend(again.into_iter().map(OpenMember::fresh));
        self.left.sort_by_key(|left| left.member);
        self.proven = proven;
        self.reported =
            self.reported.min((self.finished().count() as u64).saturating_sub(proven.tickers));
        if self.is_over() {
            self.state = BatchState::Pending;
        }
        Ok(())
    }

    /// A worker gets it. The caller has checked that it is ready.
    pub(super) fn launch(
        &mut self,
        at: Timestamp,
        id: BatchId,
        attempt: u32,
    ) -> Result<(), Illegal> {
        if !self.is_waiting() || attempt != self.attempts + 1 {
            return Err(self.illegal(id, &format!("the start of attempt {attempt}")));
        }
        self.attempts = attempt;
        self.state = BatchState::Running { attempt, since: at };
        Ok(())
    }

    /// Takes from `report` what is done, and returns the headway. The report must be about the
    /// running attempt and about every ticker that it was given.
    pub(super) fn take_stock(
        &mut self,
        id: BatchId,
        attempt: u32,
        report: &Report,
    ) -> Result<Headway, Illegal> {
        let running =
            matches!(self.state, BatchState::Running { attempt: now, .. } if now == attempt);
        let unfinished: HashSet<&Ticker> =
            report.unfinished.iter().map(|left| &left.ticker).collect();
        let still_left = self.trial().filter(|ticker| unfinished.contains(ticker));
        let in_order = report.unfinished.iter().map(|left| &left.ticker).eq(still_left);
        let done = report.proven.tickers.saturating_add(report.reported);
        if !running
            || !in_order
            || done.saturating_add(unfinished.len() as u64) != self.trial().count() as u64
        {
            return Err(self.illegal(id, &format!("the end of attempt {attempt}")));
        }
        let cell = self.cell();
        self.left
            .retain(|left| left.cell != cell || unfinished.contains(&self.members[left.member]));
        self.proven += report.proven;
        self.reported = self.reported.saturating_add(report.reported);
        let tried = self.left.iter_mut().filter(|left| left.cell == cell);
        let stands = |(left, said): (&mut OpenMember, &Unfinished)| {
            left.is_proven(said.proven);
            left.moves_on(said.partway)
        };
        let moved_on = tried.zip(&report.unfinished).map(stands).collect();
        let headway = Headway::of(report, moved_on);
        if headway.is_any() {
            self.is_doubted = false;
        }
        Ok(headway)
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

    /// Members that were given up get another chance: a person has asked for it.
    pub(super) fn forgive(&mut self) {
        let back = self.failures.drain(..).map(|failure| OpenMember::fresh(failure.left.member));
        self.left.extend(back);
        self.left.sort_by_key(|left| left.member);
        if self.state == BatchState::Failed {
            self.state = BatchState::Pending;
        }
    }

    /// Is `ticker` charged with attempt `attempt`? What it was charged with may have been taken
    /// back since.
    pub fn is_charged_with(&self, ticker: &Ticker, attempt: u32) -> bool {
        let open = self.left.iter().find(|left| self.members[left.member] == *ticker);
        open.is_some_and(|left| left.charged.iter().any(|charge| charge.attempt == attempt))
    }

    /// Did another batch get through where this one did not, and has this one made no headway
    /// since?
    pub(super) fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    /// Another batch got through where this one did not.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// Takes back what these attempts have cost: they were nobody's fault.
    pub(super) fn absolve(&mut self, attempts: &BTreeSet<u32>, pardon: Pardon) {
        for left in &mut self.left {
            left.forget(attempts);
        }
        let (back, lost): (Vec<_>, Vec<_>) = self.failures.drain(..).partition(|failure| {
            let is_pardoned =
                pardon == Pardon::Everything || !failure.is_permanent && !failure.is_own;
            attempts.contains(&failure.attempt) && is_pardoned
        });
        self.failures = lost;
        let running = matches!(self.state, BatchState::Running { .. });
        let last = self.left.iter().map(|left| left.cell).max().unwrap_or(0);
        self.left.extend(back.into_iter().map(|GivenUpMember { mut left, .. }| {
            left.forget(attempts);
            // The running worker was not given them, so they form another cell.
            if running { OpenMember { cell: last + 1, ..left } } else { left }
        }));
        self.left.sort_by_key(|left| left.member);
        let waits = matches!(self.state, BatchState::Backoff { .. } | BatchState::Failed);
        if waits && !self.left.is_empty() {
            self.state = BatchState::Pending;
        }
    }

    /// Applies the verdicts on the unfinished tickers of `report`, in its order, and takes the
    /// state that follows. Returns what was decided about each.
    pub(super) fn settle(
        &mut self,
        at: Timestamp,
        report: &Report,
        verdicts: Vec<Verdict>,
        terms: Terms,
    ) -> Vec<(Ticker, Decided)> {
        let attempt = self.attempts;
        let Terms { retries, stops } = terms;
        let how = causes::phrase(&report.ending);
        let cut_short = stops && matches!(report.ending, Ending::Stopped { .. });
        let ran = self.running_since().map(|since| at.duration_since(since));
        let mut verdict_on: HashMap<&Ticker, (&Word, Verdict)> = report
            .unfinished
            .iter()
            .zip(verdicts)
            .map(|(left, it)| (&left.ticker, (&left.word, it)))
            .collect();
        let mut worst: Option<(u32, String)> = None;
        let mut suspects = Vec::new();
        let mut still_left = Vec::new();
        let mut all_decided = Vec::new();
        for mut left in self.left.drain(..) {
            let Some((word, verdict)) = verdict_on.remove(&self.members[left.member]) else {
                still_left.push(left);
                continue;
            };
            let said = match ran {
                Some(ran) if cut_short => {
                    LastFailure::cut_short(word, left.said.take().map(|said| *said), ran)
                }
                Some(_) | None => LastFailure::of(word, report, &how),
            };
            let (kind, is_own) = (said.kind.clone(), word.is_own());
            left.said = Some(Box::new(said));
            let decided = Decided::of(&verdict);
            all_decided.push((self.members[left.member].clone(), decided));
            match verdict {
                Verdict::Innocent => still_left.push(left),
                Verdict::Suspect => suspects.push(left),
                Verdict::Charged { budget, cause } if *left.charges().of(budget) < retries => {
                    left.charged.push(Charge { attempt, budget, is_own });
                    let charges = *left.charges().of(budget);
                    if worst.as_ref().is_none_or(|(most, _)| *most < charges) {
                        worst = Some((charges, cause));
                    }
                    still_left.push(left);
                }
                Verdict::Charged { cause, .. } => {
                    self.failures.push(GivenUpMember {
                        left,
                        cause,
                        kind,
                        attempt,
                        is_permanent: false,
                        is_own,
                    });
                }
                Verdict::Hopeless(cause) => {
                    self.failures.push(GivenUpMember {
                        left,
                        cause,
                        kind,
                        attempt,
                        is_permanent: true,
                        is_own,
                    });
                }
            }
        }
        self.left = still_left;
        self.halve(suspects);
        self.state = match (self.left.is_empty(), worst) {
            (true, _) if self.failures.is_empty() => BatchState::Done,
            (true, _) => BatchState::Failed,
            (false, None) => BatchState::Pending,
            (false, Some((charges, cause))) => BatchState::Backoff {
                until: later(at, causes::backoff(charges, report.dice)),
                cause,
            },
        };
        all_decided
    }

    /// Gives up the members that are left, because of `why`; the last failure of each stands before
    /// it. A running attempt keeps its tickers until it has ended.
    pub(super) fn give_up(&mut self, why: &str) {
        if matches!(self.state, BatchState::Running { .. }) || self.left.is_empty() {
            return;
        }
        let attempt = self.attempts;
        let given_up = self.left.drain(..).map(|left| {
            let (cause, kind) = match left.said.as_deref() {
                Some(LastFailure { cause, kind }) => (format!("{cause}; {why}"), kind.clone()),
                None => (format!("never tried; {why}"), None),
            };
            GivenUpMember { left, cause, kind, attempt, is_permanent: false, is_own: false }
        });
        self.failures.extend(given_up);
        self.state = BatchState::Failed;
    }

    /// Puts suspects into two cells of their own, behind all others.
    fn halve(&mut self, suspects: Vec<OpenMember>) {
        let last = self.left.iter().chain(&suspects).map(|left| left.cell).max().unwrap_or(0);
        let half = suspects.len().div_ceil(2);
        let halves = suspects.into_iter().enumerate().map(|(number, left)| {
            let cell = if number < half { last + 1 } else { last + 2 };
            OpenMember { cell, ..left }
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

fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
