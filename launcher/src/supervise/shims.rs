//! Who starts shims: a nursery for as long as one works, else an exec for each.

use std::ffi::OsString;
use std::io;

use shared::run::workdir::{BatchId, Workdir};

use super::attend;
use super::run::Run;
use crate::process::attendant::Attendant;
use crate::process::nursery::{BirthError, Name, Nursery};
use crate::process::spawn::{self, SpawnError};
use crate::process::watch::Marker;

/// So many nurseries are lost before shims are started without one.
const LOSSES_TOLERATED: u32 = 3;

/// Why there is no shim that we know of.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// There is none.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// There may be one: the nursery broke off in the middle of it.
    #[error("the nursery of shims is gone ({0})")]
    Lost(io::Error),
}

/// Starts the shims of one supervisor.
#[derive(Default)]
pub struct Shims {
    nursery: Option<Nursery>,
    losses: u32,
}

impl Shims {
    /// Starts a shim for an attempt that the journal knows.
    pub fn start(&mut self, run: &Run, batch: BatchId, number: u32) -> Result<Attendant, ShimError> {
        while let Some(nursery) = self.nursery(run) {
            match nursery.bear(name_of(batch, number)) {
                Ok(pid) => return Ok(Attendant::Own { pid }),
                // A sandbox may refuse this kind of fork alone; where no process can be had, an exec says so too.
                Err(BirthError::Refused) => break,
                Err(BirthError::Absent) => self.lose(),
                Err(BirthError::Lost(source)) => {
                    self.lose();
                    return Err(ShimError::Lost(source));
                }
            }
        }
        let arguments = attend::arguments(&run.workdir, batch, number);
        let (log, marker) = (run.workdir.batch_log(batch), run.marker(batch, number));
        let pid = spawn::shim(&arguments, &log, &marker, run.api_key.as_ref())?;
        Ok(Attendant::Own { pid })
    }

    /// The nursery, started when there is none; `None` when none can be had.
    fn nursery(&mut self, run: &Run) -> Option<&mut Nursery> {
        while self.nursery.is_none() && self.losses < LOSSES_TOLERATED {
            let marker = Marker::of_nursery(&run.request.run);
            match spawn::nursery(&arguments(&run.workdir), &marker, run.api_key.as_ref()) {
                Ok(nursery) => self.nursery = Some(nursery),
                Err(_) => self.losses += 1,
            }
        }
        self.nursery.as_mut()
    }

    fn lose(&mut self) {
        self.nursery = None;
        self.losses += 1;
    }
}

/// An attempt as the nursery calls it.
fn name_of(batch: BatchId, number: u32) -> Name {
    u64::from(batch.0) << 32 | u64::from(number)
}

/// Which attempt a nursery means.
pub fn attempt_of(name: Name) -> (BatchId, u32) {
    let [upper, lower] = [name >> 32, name & u64::from(u32::MAX)];
    let half = |half: u64| u32::try_from(half).expect("32 bits of 64");
    (BatchId(half(upper)), half(lower))
}

/// The command line of a nursery.
fn arguments(workdir: &Workdir) -> [OsString; 3] {
    ["nursery".into(), "--workdir".into(), workdir.root().into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_goes_through_its_name() {
        for (batch, number) in [(1, 1), (10_000, 3), (u32::MAX, u32::MAX), (0, 7)] {
            assert_eq!(attempt_of(name_of(BatchId(batch), number)), (BatchId(batch), number));
        }
    }
}
