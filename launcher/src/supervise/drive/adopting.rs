//! Adopting: attempts of an earlier supervisor continue under this one, or are closed.

use shared::disk::lock::LockError;
use shared::run::workdir::BatchId;

use super::{DriveError, Notice, Supervisor};
use crate::facts::ending::Ending;
use crate::process::clock::RunTime;
use crate::shim::fence::OpenStill;
use crate::supervise::batch::{BatchState, Work};
use crate::supervise::machine::Machine;

/// An attempt that runs according to the journal; its shim may be dead.
pub(super) struct Orphan {
    pub(super) batch: BatchId,
    pub(super) number: u32,
    pub(super) work: Work,
    pub(super) began_at: RunTime,
}

pub(super) fn running(machine: &Machine) -> Vec<Orphan> {
    let running = machine.batches().filter_map(|(batch, it)| match it.state {
        BatchState::Running { attempt: number, since } => {
            let began_at = RunTime::of_fact(since);
            Some(Orphan { batch, number, work: it.work(), began_at })
        }
        BatchState::Pending
        | BatchState::Backoff { .. }
        | BatchState::Done
        | BatchState::Failed => None,
    });
    running.collect()
}

impl Supervisor<'_> {
    /// Adopts every running attempt whose shim lives; returns the others.
    pub(super) fn adopt(&mut self) -> Vec<Orphan> {
        running(&self.machine)
            .into_iter()
            .filter_map(|orphan| self.adopt_one(orphan).err())
            .collect()
    }

    fn adopt_one(&mut self, orphan: Orphan) -> Result<(), Orphan> {
        let Orphan { batch, number, ref work, began_at } = orphan;
        let Some(attempt) = self.run.adopt(batch, number, work.clone(), began_at) else {
            return Err(orphan);
        };
        (self.listener)(&self.machine, &Notice::Adopted { batch, attempt: number });
        self.write_pid_file(batch, &attempt);
        self.attempts.insert(batch, attempt);
        Ok(())
    }

    /// Closes an attempt without a shim, unless a late shim has taken it meanwhile: then it is
    /// adopted.
    pub(super) fn close_or_adopt(&mut self, orphan: Orphan) -> Result<(), DriveError> {
        match self.conclude(&orphan, Ending::Interrupted) {
            Err(DriveError::Attempt(OpenStill::Lock(LockError::Held { .. }))) => {
                let Err(orphan) = self.adopt_one(orphan) else { return Ok(()) };
                // The late shim has ended too: now there is a record, or no shim.
                self.conclude(&orphan, Ending::Interrupted)
            }
            concluded => concluded,
        }
    }
}
