//! Streaks: when batch after batch has the same trouble, no batch is to blame. The run pauses,
//! sends one batch ahead (the canary), and takes back what the attempts have cost.
//!
//! A streak ends: a pause ends when something gets done, and a canary pays for itself, except for
//! its first attempt and for a silent source, [`PATIENCE`] times.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::run::workdir::BatchId;

use super::{Machine, Probe, RunState};
use crate::facts::{Report, StopWhy};
use crate::supervise::batch::Pardon;
use crate::supervise::causes;
use crate::supervise::common_cause::{self, Attempts, CommonCause, Streak};
use crate::supervise::headway::Headway;

/// How many batches in a row with one trouble, and nothing done in between, have a common cause.
const COMMON: usize = 3;
/// How many are enough if the trouble is a place, and the known places are in order.
const COMMON_PLACE: usize = 2;
/// How many canaries fail before a trouble that does not pass by itself is left to a person.
const CANARIES: u32 = 5;
/// How many canaries that hear nothing from the source cost no attempt, four minutes in all: with
/// few batches left the same ones are sent again and again.
const PATIENCE: u32 = 8;

/// An attempt that has ended.
#[derive(Clone, Copy)]
pub(super) struct JudgedAttempt<'a> {
    pub(super) at: Timestamp,
    pub(super) id: BatchId,
    pub(super) attempt: u32,
    pub(super) report: &'a Report,
    pub(super) headway: &'a Headway,
}

impl Machine {
    /// What ends while the run is being stopped ends because of that. In a pause for a common cause
    /// what still runs is likely to have the same trouble, and so has a batch that had never been
    /// tried before it was sent ahead; one that had failed already answers for itself, unless it is
    /// the source that says nothing, for a while.
    pub(super) fn is_spared(&self, id: BatchId, attempt: u32, report: &Report) -> bool {
        match &self.run {
            // Any batch will do.
            RunState::Stopping { .. } => true,
            RunState::Paused { probe: Probe::Canary { sent, failed }, .. } => {
                let source_is_silent = common_cause::heard_nothing(report)
                    && matches!(common_cause::cause(report), Some((CommonCause::Source, _)));
                *sent != Some(id) || attempt == 1 || source_is_silent && *failed < PATIENCE
            }
            RunState::Planned
            | RunState::Open
            | RunState::Paused { probe: Probe::Folders, .. }
            | RunState::Closed { .. } => self.asked_to_end.contains(&id),
        }
    }

    /// The same trouble on several batches in a row, with nothing done in between, is nobody's
    /// fault. Says whether the run goes on, or waits, as that demands.
    pub(super) fn look_for_common_causes(&mut self, ended: &JudgedAttempt) -> bool {
        let JudgedAttempt { at, id, attempt, report, headway } = *ended;
        if headway.is_any() {
            self.streak = Streak::default();
            self.doubt_others(id);
            if matches!(self.run, RunState::Paused { probe: Probe::Canary { .. }, .. }) {
                self.run = RunState::Open;
            }
            return true;
        }
        let is_canary = matches!(&self.run, RunState::Paused { probe: Probe::Canary { sent: Some(sent), .. }, .. } if *sent == id);
        if self.is_own_trouble(report) {
            // It was charged, so this can't go on for ever. Of those that wait it proves nothing.
            self.streak = Streak::default();
            if is_canary {
                self.doubted = Attempts::new();
                self.run = RunState::Open;
            }
            return true;
        }
        if is_canary {
            self.canary_failed(at, id, report);
            return true;
        }
        let Some((cause, words)) = common_cause::cause(report) else { return false };
        // Where something got done the right place is asked, and whom it does not know does not
        // exist.
        if cause == CommonCause::Unknown && self.has_done {
            return false;
        }
        // The folders of the run were looked at before, and nothing was found there.
        let is_hidden = cause == CommonCause::Place;
        self.streak.note(cause, id, attempt);
        match &self.run {
            RunState::Open if self.is_common(report) => self.pause_for_a_streak(at, &words),
            RunState::Paused { probe: Probe::Folders, .. }
                if is_hidden && self.is_common(report) =>
            {
                self.run = RunState::Open;
                self.pause_for_a_streak(at, &words);
            }
            RunState::Paused { probe: Probe::Canary { .. }, .. } => {}
            RunState::Planned
            | RunState::Open
            | RunState::Paused { probe: Probe::Folders, .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => return false,
        }
        true
    }

    /// Does `report` show only troubles of the tickers' own?
    fn is_own_trouble(&self, report: &Report) -> bool {
        common_cause::is_own(report) && !self.may_know_nobody(report)
    }

    /// Did the source say that it does not know these tickers, and might it know none at all?
    pub(super) fn may_know_nobody(&self, report: &Report) -> bool {
        let is_open = match &self.run {
            RunState::Paused { probe: Probe::Canary { .. }, .. } => {
                self.paused_for == Some(CommonCause::Unknown)
            }
            RunState::Planned
            | RunState::Open
            | RunState::Paused { probe: Probe::Folders, .. }
            | RunState::Stopping { .. }
            | RunState::Closed { .. } => !self.has_done,
        };
        is_open && matches!(common_cause::cause(report), Some((CommonCause::Unknown, _)))
    }

    /// Is the streak, to which `report` belongs, long enough for a common cause?
    fn is_common(&self, report: &Report) -> bool {
        // A ticker with a trouble has it in all of its parts, so they count once.
        let whose = |id: BatchId| self.batch(id).and_then(|batch| batch.members().first());
        let troubled: BTreeSet<_> = self.streak.attempts.keys().copied().map(whose).collect();
        let enough = match self.streak.cause() {
            Some(CommonCause::Place) => COMMON_PLACE,
            Some(CommonCause::Source) if common_cause::heard_nothing(report) => {
                let mut concerned = troubled.clone();
                let mut open = self.open_batches().filter(|(_, batch)| !batch.is_over());
                while concerned.len() < COMMON
                    && let Some((id, _)) = open.next()
                {
                    concerned.insert(whose(id));
                }
                COMMON.min(concerned.len())
            }
            Some(CommonCause::Source | CommonCause::Unknown | CommonCause::Worker(_)) | None => {
                COMMON
            }
        };
        troubled.len() >= enough
    }

    /// Takes back what the attempts of the streak have cost and sends somebody ahead. A batch that
    /// has the same trouble again after somebody else got through may well be to blame: it is given
    /// nothing back a second time unless who is sent ahead has it, too. Who was given up for good
    /// stays so until the run is.
    fn pause_for_a_streak(&mut self, at: Timestamp, words: &str) {
        self.paused_for = self.streak.cause().cloned();
        let attempts = std::mem::take(&mut self.streak).attempts;
        let why = match attempts.len() {
            1 => format!("the last batch got nothing done: {words}"),
            several => format!("{several} batches in a row got nothing done: {words}"),
        };
        for (id, attempts) in &attempts {
            let Ok(batch) = self.known(*id) else { continue };
            if !batch.is_doubted() {
                batch.absolve(attempts, Pardon::Charges);
            }
        }
        let led_by = attempts.keys().copied().collect();
        self.doubted = attempts;
        self.pause(at, why, Probe::Canary { sent: None, failed: 0 }, led_by);
    }

    /// Batch `id` has got something done while others waited that had got nothing.
    fn doubt_others(&mut self, id: BatchId) {
        for (other, _) in std::mem::take(&mut self.doubted) {
            if let Ok(batch) = self.known(other)
                && other != id
            {
                batch.doubt();
            }
        }
    }

    fn absolve_doubted(&mut self, pardon: Pardon) {
        for (id, attempts) in self.doubted.clone() {
            if let Ok(batch) = self.known(id) {
                batch.absolve(&attempts, pardon);
            }
        }
    }

    fn canary_failed(&mut self, at: Timestamp, id: BatchId, report: &Report) {
        let RunState::Paused { why, since, probe: Probe::Canary { sent, failed }, probe_after } =
            &mut self.run
        else {
            return;
        };
        self.led_by.insert(id);
        *sent = None;
        *failed += 1;
        *since = at;
        *probe_after = causes::canary_after(*failed);
        let cause = common_cause::cause(report).map(|(cause, _)| cause);
        if *failed >= CANARIES && cause.as_ref().is_some_and(|cause| !cause.passes()) {
            let what = format!("{why}; {failed} batches sent ahead ended the same way");
            self.absolve_doubted(Pardon::Everything);
            self.give_up(StopWhy::Hopeless { batch: id, what });
        } else if cause.is_some() {
            self.absolve_doubted(Pardon::Charges);
        }
    }
}
