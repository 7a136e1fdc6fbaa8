//! Sweeping: removes the folders of attempts that nobody needs any more (`--keep-attempts`).

use std::fs;

use shared::run::workdir::BatchId;

use super::Supervisor;
use crate::supervise::retention;

impl Supervisor<'_> {
    /// Sweeps after the batches of which an attempt has ended, once the journal says so: until then its record is the only
    /// witness. What can't be removed is in nobody's way.
    pub(super) fn sweep(&mut self) {
        if !self.unwritten.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.unswept) {
            self.sweep_after(id);
        }
    }

    /// Every batch: an earlier supervisor may have kept more.
    pub(super) fn all_batches(&self) -> Vec<BatchId> {
        self.machine.batches().map(|(id, _)| id).collect()
    }

    fn sweep_after(&self, id: BatchId) {
        let keep = self.run.request.settings.limits.keep_attempts.get();
        let Some(batch) = self.machine.batch(id) else { return };
        for attempt in retention::may_go(batch, keep) {
            drop(fs::remove_dir_all(self.run.workdir.attempt(id, attempt)));
        }
    }
}
