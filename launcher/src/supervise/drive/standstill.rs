//! Standstill: how long nothing was newly proven, by a clock that nobody can set. A run that stands
//! still for too long is closed with the names of all tickers that are left (`--give-up-after`); a
//! pause does not stop that clock.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use shared::run::workdir::BatchId;

use super::{DriveError, Supervisor};
use crate::facts::Fact;
use crate::process::clock::{self, Stopwatch};
use crate::supervise::disk_progress::DiskProgress;
use crate::supervise::machine::RunState;

/// How often running attempts are checked within the allowed time.
const LOOKS: u32 = 12;

/// How long a run has stood still.
pub(super) struct Standstill {
    /// How long it may.
    limit: Option<Duration>,
    since: Stopwatch,
    /// How many attempts had made headway when that began.
    advances: u64,
    looked: Stopwatch,
    /// The progress of each running attempt at the last check.
    seen: BTreeMap<(BatchId, u32), DiskProgress>,
}

impl Standstill {
    /// Zero means no limit.
    pub(super) fn from_now(limit: SignedDuration) -> Self {
        let limit = Duration::try_from(limit).ok().filter(|limit| !limit.is_zero());
        let (since, looked) = (Stopwatch::start(), Stopwatch::start());
        Self { limit, since, advances: 0, looked, seen: BTreeMap::new() }
    }
}

impl Supervisor<'_> {
    /// Closes a run in which nothing was newly proven for too long.
    pub(super) fn mind_the_standstill(&mut self) -> Result<(), DriveError> {
        let Some(limit) = self.standstill.limit else { return Ok(()) };
        match self.machine.run() {
            RunState::Open | RunState::Paused { .. } => {}
            RunState::Planned | RunState::Stopping { .. } | RunState::Closed { .. } => {
                return Ok(());
            }
        }
        if self.machine.advances() != self.standstill.advances {
            self.standstill.advances = self.machine.advances();
            self.standstill.since = Stopwatch::start();
        }
        let is_due = self.standstill.since.elapsed() >= limit;
        if is_due || self.standstill.looked.elapsed() >= limit / LOOKS {
            self.standstill.looked = Stopwatch::start();
            if self.something_moves_on() {
                self.standstill.since = Stopwatch::start();
                return Ok(());
            }
        }
        if !is_due {
            return Ok(());
        }
        self.note(self.clock.now().stamp(), Fact::GivenUp { idle_s: limit.as_secs() })?;
        // If the fact can't be written it waits; the end does not.
        self.write(Vec::new())?;
        self.ask_to_stop();
        Ok(())
    }

    /// Has a running attempt made progress since the last check? A long attempt proves days before
    /// it ends.
    fn something_moves_on(&mut self) -> bool {
        let now = clock::now();
        let mark = |(batch, attempt): (&BatchId, &super::LiveAttempt)| {
            let mark = DiskProgress::of(&self.run.request, &attempt.work, now);
            ((*batch, attempt.number), mark)
        };
        let marks: BTreeMap<_, _> = self.attempts.iter().map(mark).collect();
        let before = std::mem::replace(&mut self.standstill.seen, marks);
        let is_further = |(name, mark): (&_, &DiskProgress)| {
            before.get(name).is_some_and(|before| mark.is_further_than(before))
        };
        self.standstill.seen.iter().any(is_further)
    }
}
