//! The shims of one supervisor: each attends to one attempt at a time, and stays for the next.

use std::io;

use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use super::handle::{Attendant, OwnShim};
use super::protocol;
use crate::process::spawn::{self, SpawnError};
use crate::process::watch::Marker;
use crate::run::Run;

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
        let name = protocol::name_of(batch, number);
        while let Some(mut shim) = self.idle.pop() {
            if shim.give(name).is_ok() {
                return Ok(Attendant::Own(shim));
            }
        }
        let marker = Marker::of_run(&run.request.run);
        let log = run.workdir.launcher_log();
        let arguments = protocol::arguments(&run.workdir);
        let (process, line) = spawn::shim(&arguments, &log, &marker, run.api_key.as_ref())?;
        let mut shim = OwnShim::of(process, line).map_err(ShimError::Dead)?;
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
