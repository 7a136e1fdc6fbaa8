//! The shims of one supervisor: each attends to one attempt at a time, and stays for the next.

use std::ffi::OsString;
use std::io;

use shared::run::identity::ProcessIdentity;
use shared::run::workdir::{BatchId, Workdir};

use super::run::Run;
use crate::process::attendant::Attendant;
use crate::process::line::{Name, OwnShim};
use crate::process::spawn::{self, SpawnError};
use crate::process::watch::Marker;

/// Why nobody attends to an attempt. None has heard of it.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// None could be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It died before it could be given anything.
    #[error("a shim died at its start ({0}); launcher.log may tell why")]
    Dead(#[source] io::Error),
}

/// Those that have nothing to do.
#[derive(Default)]
pub struct Shims {
    idle: Vec<OwnShim>,
}

impl Shims {
    /// Gives an attempt that the journal knows to a shim.
    pub fn start(&mut self, run: &Run, batch: BatchId, number: u32) -> Result<Attendant, ShimError> {
        let name = name_of(batch, number);
        while let Some(mut shim) = self.idle.pop() {
            if shim.give(name).is_ok() {
                return Ok(Attendant::Own(shim));
            }
        }
        let marker = Marker::of_run(&run.request.run);
        let log = run.workdir.launcher_log();
        let mut shim = spawn::shim(&arguments(&run.workdir), &log, &marker, run.api_key.as_ref())?;
        shim.give(name).map_err(ShimError::Dead)?;
        Ok(Attendant::Own(shim))
    }

    /// Takes a shim back whose attempt is over.
    pub fn take_back(&mut self, shim: Attendant) {
        match shim {
            Attendant::Own(shim) if shim.stays() => self.idle.push(shim),
            Attendant::Own(shim) => shim.dismiss(),
            Attendant::Adopted { .. } => {}
        }
    }

    /// Those that have nothing to do.
    pub fn idle(&self) -> impl Iterator<Item = &ProcessIdentity> {
        self.idle.iter().map(OwnShim::identity)
    }

    /// Lets all go that have nothing to do.
    pub fn dismiss(&mut self) {
        self.idle.drain(..).for_each(OwnShim::dismiss);
    }
}

/// An attempt as supervisor and shim call it.
fn name_of(batch: BatchId, number: u32) -> Name {
    u64::from(batch.0) << 32 | u64::from(number)
}

/// Which attempt is meant.
pub fn attempt_of(name: Name) -> (BatchId, u32) {
    let [upper, lower] = [name >> 32, name & u64::from(u32::MAX)];
    let half = |half: u64| u32::try_from(half).expect("32 bits of 64");
    (BatchId(half(upper)), half(lower))
}

/// The command line of a shim.
fn arguments(workdir: &Workdir) -> [OsString; 3] {
    ["attend".into(), "--workdir".into(), workdir.root().into()]
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
