//! Hindrances: what on this machine keeps every worker from working, and whether it is gone.

use std::path::Path;
use std::time::Duration;

use shared::disk::audience::Audience;

use super::{DriveError, GLANCE, Notice, Supervisor};
use crate::facts::Fact;
use crate::supervise::folders;
use crate::supervise::machine::{Probe, RunState};
use shared::deadline::Deadline;
use shared::error_chain::with_causes;

impl Supervisor<'_> {
    /// Checks from time to time whether the reason of a pause is gone.
    pub(super) fn mind_the_pause(&mut self) -> Result<(), DriveError> {
        let RunState::Paused { probe_after, probe: Probe::Folders, .. } = self.machine.run() else {
            self.probe_at = None;
            return Ok(());
        };
        let wait = Duration::try_from(*probe_after).unwrap_or(GLANCE);
        let due = *self.probe_at.get_or_insert_with(|| Deadline::after(wait));
        if !due.is_over() || !self.unwritten.is_empty() || !self.departed.is_empty() {
            return Ok(());
        }
        self.probe_at = None;
        let still = self
            .places()
            .into_iter()
            .try_for_each(|place| folders::prove_writable(place, Audience::AsUmaskSays))
            .err();
        match still.map(|error| with_causes(&error)).or_else(|| self.too_full()) {
            None => self.note(self.clock.now().stamp(), Fact::PauseLifted),
            Some(what) => {
                (self.listener)(&self.machine, &Notice::Trouble(&what));
                Ok(())
            }
        }
    }

    fn places(&self) -> [&Path; 2] {
        [self.run.request.settings.outdir.as_path(), self.run.workdir.root()]
    }

    /// Is there less free space than required?
    fn too_full(&self) -> Option<String> {
        let floor = self.run.request.settings.limits.min_free_disk;
        self.places().into_iter().find_map(|place| folders::lacks(place, floor))
    }

    /// Pauses before the disk is full, so that running workers can finish their files.
    pub(super) fn mind_the_disk(&mut self) -> Result<(), DriveError> {
        match self.machine.run() {
            RunState::Open => self.too_full().map_or(Ok(()), |what| self.hinder(what)),
            _ => Ok(()),
        }
    }

    /// Pauses the run, once.
    pub(super) fn hinder(&mut self, what: String) -> Result<(), DriveError> {
        match self.machine.run() {
            RunState::Open => self.note(self.clock.now().stamp(), Fact::Hindered { what }),
            _ => Ok(()),
        }
    }
}
