//! The state of a run: a fold of facts, and the decisions that follow from it.
//!
//! Pure: no clock, no process, no file. [`Machine::apply`] is the only way to change the state,
//! live and in a replay alike; [`Machine::decide`] changes nothing and returns what to do now.
//! `streaks` finds what attempts of several batches have in common.

mod state;
mod queries;
mod streaks;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::BatchId;
pub use state::{Decision, Probe, RunState, Surroundings};
use streaks::JudgedAttempt;

use super::admission::Admission;
use super::batch::{Batch, BatchState, Decided, Illegal, Terms};
use super::causes::{self, Judgement, Verdict};
use super::common_cause::{Attempts, CommonCause, Streak};
use crate::facts::{Checked, Fact, JournalEntry, Outcome, Report, StopWhy, Tally};
use crate::plan::settings::Rules;

/// How often in a row a batch may be stuck on a local resource without a charge. After that the
/// batch is charged, so it cannot be retried for ever.
const STUCK_TOLERATED: u32 = 3;

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    rules: Rules,
    /// How often they may have changed.
    changes: usize,
    run: RunState,
    batches: Vec<Batch>,
    /// Batches that are not over: a long run must not look at all batches at every end of an
    /// attempt.
    open: BTreeSet<BatchId>,
    /// Batches that the current fact may have ended.
    touched: Vec<BatchId>,
    surveyed: Tally,
    /// When that was found.
    surveyed_at: Option<Timestamp>,
    /// When the files were last held against their SHA-256, and what was found.
    checked: Option<(Timestamp, Checked)>,
    running: u32,
    pauses_in_a_row: u32,
    /// Batches that ended one after the other with nothing done, for the same cause.
    streak: Streak,
    /// Running batches that were asked to end when the supervisor before this one died.
    asked_to_end: BTreeSet<BatchId>,
    /// Attempts for which the run was paused. The canary shows whose fault they were.
    doubted: Attempts,
    /// When the folders of the run were last found to be fine after all; nothing was done since.
    cleared_at: Option<Timestamp>,
    /// The trouble of a pause for a common cause.
    paused_for: Option<CommonCause>,
    /// Batches whose attempts led to the pause, or came back with nothing in it.
    led_by: BTreeSet<BatchId>,
    /// Has anything been done since the supervisor started?
    has_done: bool,
    /// How many attempts have added anything to what is proven.
    advances: u64,
    /// The latest stamp of any fact.
    latest: Option<Timestamp>,
    /// This machine's clock beside the source's, where it was ahead most in the life of the run.
    clocks: Option<SourceClock>,
    admission: Admission,
    /// What the last attempt that ended was settled with.
    settled: Option<Settled>,
}

/// What an attempt that has ended was settled with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settled {
    batch: BatchId,
    attempt: u32,
    /// About each ticker that it did not finish.
    decided: Vec<(Ticker, Decided)>,
}

impl Machine {
    /// Before the first fact; by the rules that held when the run was created.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            changes: 0,
            run: RunState::Planned,
            batches: Vec::new(),
            open: BTreeSet::new(),
            touched: Vec::new(),
            surveyed: Tally::default(),
            surveyed_at: None,
            checked: None,
            running: 0,
            pauses_in_a_row: 0,
            streak: Streak::default(),
            asked_to_end: BTreeSet::new(),
            doubted: Attempts::new(),
            cleared_at: None,
            paused_for: None,
            led_by: BTreeSet::new(),
            has_done: false,
            advances: 0,
            latest: None,
            clocks: None,
            admission: Admission::default(),
            settled: None,
        }
    }

    /// Applies a fact.
    pub fn apply(&mut self, entry: &JournalEntry) -> Result<(), Illegal> {
        self.take(entry)?;
        for id in std::mem::take(&mut self.touched) {
            if self.batch(id).is_some_and(Batch::is_over) {
                self.open.remove(&id);
            }
        }
        Ok(())
    }

    fn take(&mut self, entry: &JournalEntry) -> Result<(), Illegal> {
        self.latest = self.latest.max(Some(entry.at));
        match &entry.fact {
            Fact::Surveyed { proven } => {
                self.surveyed = *proven;
                self.surveyed_at = Some(entry.at);
            }
            Fact::Checked(checked) => self.checked = Some((entry.at, checked.clone())),
            Fact::Planned { batch, tickers, part, weight } => {
                self.planned(*batch, Batch::new(tickers.clone(), *part, *weight))?;
                self.give_up_if_all_are(*batch)?;
            }
            Fact::Reopened { batch, unfinished, proven } => {
                self.known(*batch)?.reopen(*batch, unfinished, *proven)?;
                self.give_up_if_all_are(*batch)?;
            }
            Fact::PartlyProven { batch, members } => {
                self.known(*batch)?.find_partly_proven(*batch, members)?;
            }
            // Running attempts go on: a smaller cap only delays new starts.
            Fact::Changed { rules, .. } => {
                self.rules = *rules;
                self.changes += 1;
            }
            Fact::Opened { .. } => self.opened(),
            Fact::Launched { batch, attempt } => self.launched(entry.at, *batch, *attempt)?,
            Fact::Ended { batch, attempt, report } => {
                self.ended(entry.at, *batch, *attempt, report)?;
            }
            Fact::Hindered { what } => {
                self.pause(entry.at, what.clone(), Probe::Folders, BTreeSet::new());
            }
            Fact::PauseLifted => match self.run {
                RunState::Paused { .. } => {
                    self.run = RunState::Open;
                    self.cleared_at = Some(entry.at);
                }
                RunState::Planned
                | RunState::Open
                | RunState::Stopping { .. }
                | RunState::Closed { .. } => {
                    return Err(self.illegal("the end of a pause"));
                }
            },
            Fact::GivenUp { idle_s } => self.given_up(*idle_s)?,
            Fact::StopAsked { by } => match self.run {
                RunState::Open | RunState::Paused { .. } => {
                    self.run = RunState::Stopping { why: StopWhy::Asked { by: by.clone() } };
                }
                RunState::Stopping { .. } => {}
                RunState::Planned | RunState::Closed { .. } => return Err(self.illegal("a stop")),
            },
            Fact::Closed { outcome } => match self.run {
                RunState::Open | RunState::Paused { .. } | RunState::Stopping { .. }
                    if self.running == 0 =>
                {
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

    /// What to do now, in this order.
    pub fn decide(&self, surroundings: Surroundings) -> Vec<Decision> {
        let Surroundings { now, free_memory } = surroundings;
        match &self.run {
            RunState::Stopping { why } if self.running == 0 => vec![Decision::Close(match why {
                StopWhy::GivenUp { .. } => self.tally(),
                StopWhy::Asked { .. } | StopWhy::Hopeless { .. } => {
                    Outcome::Stopped { why: why.clone() }
                }
            })],
            RunState::Open | RunState::Paused { .. } if self.open.is_empty() => {
                vec![Decision::Close(self.tally())]
            }
            RunState::Open => {
                let ready = self.open_batches().filter(|(_, batch)| batch.is_ready(now));
                ready.take(self.slots(free_memory)).map(launch).collect()
            }
            RunState::Paused { probe: Probe::Canary { sent: None, .. }, .. }
                if self.probe_at().is_some_and(|at| at <= now) && self.slots(free_memory) > 0 =>
            {
                self.canary().map(launch).into_iter().collect()
            }
            RunState::Planned
            | RunState::Paused { .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => Vec::new(),
        }
    }

    /// How many workers may start: under the cap, and not more than memory allows. One may always
    /// run.
    fn slots(&self, free_memory: Option<u64>) -> usize {
        let free = self.rules.max_concurrent.get().saturating_sub(self.running);
        let floor = self.rules.min_free_memory.0;
        let carried = free_memory
            .map_or(u32::MAX, |bytes| self.admission.carried(self.running, bytes, floor));
        let least = u32::from(self.running == 0).min(free);
        free.min(carried).max(least) as usize
    }

    /// The best canary is a batch that has not been tried yet.
    fn canary(&self) -> Option<(BatchId, &Batch)> {
        self.open_batches()
            .filter(|(_, batch)| batch.is_waiting())
            .min_by_key(|(_, batch)| batch.attempts)
    }

    /// When the next canary starts; `None` while all open batches run.
    fn probe_at(&self) -> Option<Timestamp> {
        match &self.run {
            RunState::Paused {
                since,
                probe_after,
                probe: Probe::Canary { sent: None, .. },
                ..
            } if self.canary().is_some() => {
                Some(since.checked_add(*probe_after).unwrap_or(Timestamp::MAX))
            }
            _ => None,
        }
    }

    fn tally(&self) -> Outcome {
        match self.totals().failed {
            0 => Outcome::Complete,
            failed => Outcome::Incomplete { failed },
        }
    }

    /// What was decided about `ticker` when this attempt ended, while it is the last one that has.
    pub fn decided(&self, batch: BatchId, attempt: u32, ticker: &Ticker) -> Option<&Decided> {
        let settled =
            self.settled.as_ref().filter(|it| it.batch == batch && it.attempt == attempt)?;
        settled.decided.iter().find(|(it, _)| it == ticker).map(|(_, decided)| decided)
    }

    fn planned(&mut self, id: BatchId, batch: Batch) -> Result<(), Illegal> {
        let tickers = batch.members().len();
        let is_fit = tickers == 1 || batch.part().is_whole() && tickers > 0;
        if id != self.next_batch() || !is_fit {
            return Err(self.illegal(&format!("{id} with {tickers} tickers")));
        }
        self.batches.push(batch);
        self.open.insert(id);
        Ok(())
    }

    fn opened(&mut self) {
        // A person who starts a run that had come to its end wants another try. A run that was
        // stopped, or lost its supervisor, continues where it was.
        if matches!(
            self.run,
            RunState::Closed { outcome: Outcome::Incomplete { .. } }
                | RunState::Stopping { why: StopWhy::GivenUp { .. } }
        ) {
            self.all_batches().for_each(Batch::forgive);
        }
        if matches!(self.run, RunState::Stopping { .. }) {
            let running = self
                .batches()
                .filter(|(_, batch)| matches!(batch.state, BatchState::Running { .. }));
            self.asked_to_end = running.map(|(id, _)| id).collect();
        }
        self.pauses_in_a_row = 0;
        self.streak = Streak::default();
        self.doubted = Attempts::new();
        self.cleared_at = None;
        self.paused_for = None;
        self.led_by = BTreeSet::new();
        self.has_done = false;
        self.run = RunState::Open;
    }

    fn launched(&mut self, at: Timestamp, id: BatchId, attempt: u32) -> Result<(), Illegal> {
        // Formatted only on error: a replay comes here once for each attempt of the run.
        let illegal =
            |machine: &Self| Err(machine.illegal(&format!("the start of {id}.{attempt}")));
        if self.running >= self.rules.max_concurrent.get() {
            return illegal(self);
        }
        let is_early = self.batch(id).is_some_and(|batch| !batch.is_ready(at));
        match &mut self.run {
            RunState::Open if !is_early => {}
            RunState::Paused { probe: Probe::Canary { sent: sent @ None, .. }, .. } => {
                *sent = Some(id);
            }
            RunState::Planned
            | RunState::Open
            | RunState::Paused { .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => return illegal(self),
        }
        self.known(id)?.launch(at, id, attempt)?;
        self.running += 1;
        Ok(())
    }

    fn ended(
        &mut self,
        at: Timestamp,
        id: BatchId,
        attempt: u32,
        report: &Report,
    ) -> Result<(), Illegal> {
        let is_spared = self.is_spared(id, attempt, report);
        let stops =
            matches!(self.run, RunState::Stopping { .. }) || self.asked_to_end.contains(&id);
        let nobody_pays = stops || self.may_know_nobody(report);
        let terms = Terms { retries: self.rules.retries, stops };
        let cleared_at = self.cleared_at;
        let batch = self.known(id)?;
        let began_at = batch.running_since();
        let headway = batch.take_stock(id, attempt, report)?;

        let spared = || {
            if nobody_pays {
                return vec![Verdict::Innocent; report.unfinished.len()];
            }
            causes::judge_own(report)
        };
        let is_stuck = causes::is_stuck(report, &headway);
        let is_unexplained = is_stuck && cleared_at.is_some_and(|at| began_at >= Some(at));
        let judgement = if batch.is_stubborn(is_stuck, STUCK_TOLERATED) {
            causes::judge_stubborn(report)
        } else {
            causes::judge(report, &headway)
        };
        let (verdicts, consequence) = match judgement {
            Judgement::Tickers(_) if is_spared => (spared(), None),
            Judgement::Tickers(verdicts) => (verdicts, None),
            other @ (Judgement::PauseRun(_) | Judgement::StopRun(_)) => (spared(), Some(other)),
        };
        let decided = batch.settle(at, report, verdicts, terms);
        self.settled = Some(Settled { batch: id, attempt, decided });
        self.give_up_if_all_are(id)?;
        self.running -= 1;
        self.asked_to_end.remove(&id);
        self.admission.note(report.usage.peak_rss_bytes);
        self.clocks = self.clocks.max(report.clocks);
        let ended = JudgedAttempt { at, id, attempt, report, headway: &headway };
        match consequence {
            Some(Judgement::PauseRun(_))
                if is_unexplained && self.look_for_common_causes(&ended) => {}
            Some(Judgement::PauseRun(why)) => {
                self.pause(at, why, Probe::Folders, BTreeSet::from([id]));
            }
            Some(Judgement::StopRun(what)) => self.give_up(StopWhy::Hopeless { batch: id, what }),
            Some(Judgement::Tickers(_)) | None => {
                self.look_for_common_causes(&ended);
            }
        }
        if headway.is_any() {
            self.pauses_in_a_row = 0;
            self.cleared_at = None;
            self.has_done = true;
            self.advances += 1;
        }
        Ok(())
    }

    /// The first reason stays, except that a disk trouble replaces a canary pause.
    fn pause(&mut self, at: Timestamp, why: String, probe: Probe, led_by: BTreeSet<BatchId>) {
        let may_pause = match &self.run {
            RunState::Open => true,
            RunState::Paused { probe: Probe::Canary { .. }, .. } => probe == Probe::Folders,
            RunState::Planned
            | RunState::Paused { probe: Probe::Folders, .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => false,
        };
        if may_pause {
            let probe_after = causes::probe_after(self.pauses_in_a_row);
            self.pauses_in_a_row += 1;
            self.led_by = led_by;
            self.run = RunState::Paused { why, since: at, probe_after, probe };
        }
    }

    /// Nothing new is proven: gives up the open tickers by name, and ends running attempts.
    fn given_up(&mut self, idle_s: u64) -> Result<(), Illegal> {
        match self.run {
            RunState::Open | RunState::Paused { .. } => {}
            RunState::Planned | RunState::Stopping { .. } | RunState::Closed { .. } => {
                return Err(self.illegal("giving up"));
            }
        }
        let why = giving_up(idle_s);
        self.all_batches().for_each(|batch| batch.give_up(&why));
        self.run = RunState::Stopping { why: StopWhy::GivenUp { idle_s } };
        Ok(())
    }

    /// In a run that was given up, missing files are not fetched again.
    fn give_up_if_all_are(&mut self, id: BatchId) -> Result<(), Illegal> {
        if let RunState::Stopping { why: StopWhy::GivenUp { idle_s } } = self.run {
            self.known(id)?.give_up(&giving_up(idle_s));
        }
        Ok(())
    }

    /// The first reason stands.
    fn give_up(&mut self, why: StopWhy) {
        if matches!(self.run, RunState::Open | RunState::Paused { .. }) {
            self.run = RunState::Stopping { why };
        }
    }

    fn known(&mut self, id: BatchId) -> Result<&mut Batch, Illegal> {
        let batches = self.batches.len();
        let batch =
            index_of(id).and_then(|index| self.batches.get_mut(index)).ok_or_else(|| Illegal {
                fact: format!("a fact about {id}"),
                state: format!("in a run of {batches} batches"),
            })?;
        // Until the fact is taken in it may be either.
        self.open.insert(id);
        self.touched.push(id);
        Ok(batch)
    }

    fn all_batches(&mut self) -> impl Iterator<Item = &mut Batch> {
        let ids = (1..).map(BatchId).take(self.batches.len());
        self.open.extend(ids.clone());
        self.touched.extend(ids);
        self.batches.iter_mut()
    }

    fn illegal(&self, fact: &str) -> Illegal {
        Illegal {
            fact: fact.to_owned(),
            state: format!("while the run is {:?} with {} workers", self.run, self.running),
        }
    }
}

fn launch((batch, it): (BatchId, &Batch)) -> Decision {
    Decision::Launch { batch, attempt: it.attempts + 1 }
}

/// Why a ticker is given up that might have had further attempts.
fn giving_up(idle_s: u64) -> String {
    let idle = SignedDuration::from_secs(idle_s.try_into().unwrap_or(i64::MAX));
    format!("given up: nothing was newly proven for {idle:#} (--give-up-after)")
}

fn index_of(id: BatchId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}
