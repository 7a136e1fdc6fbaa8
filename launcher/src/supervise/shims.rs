//! Who starts shims: a nursery for as long as one works, else an exec for each.

use std::ffi::OsString;
use std::io;

use shared::run::workdir::{BatchId, Workdir};

use super::attend;
use super::run::Run;
use crate::process::attendant::Attendant;
use crate::process::nursery::{BirthError, Nursery};
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
            match nursery.bear([batch.0, number]) {
                Ok(pid) => return Ok(Attendant::Own { pid }),
                Err(BirthError::Refused(source)) => {
                    let path = run.executable.clone();
                    return Err(SpawnError::Refused { path, source }.into());
                }
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

/// The command line of a nursery.
fn arguments(workdir: &Workdir) -> [OsString; 3] {
    ["nursery".into(), "--workdir".into(), workdir.root().into()]
}
