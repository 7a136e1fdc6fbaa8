//! Sweeping: removes the folders of attempts that nobody needs any more (`--keep-attempts`).

use std::fs;

use shared::run::workdir::BatchId;

use super::Supervisor;
use crate::supervise::retention;

impl Supervisor<'_> {
    /// Sweeps batches whose attempts have ended, once the journal has the end: until then the
    /// record is its only witness. A folder that can't be removed does no harm.
    pub(super) fn sweep(&mut self) {
        if !self.unwritten.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.unswept) {
            self.sweep_after(id);
        }
    }

    /// Every batch, because an earlier supervisor may have kept more.
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
