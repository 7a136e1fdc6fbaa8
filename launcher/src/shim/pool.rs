//! The pool of one supervisor's shims: a shim attends to one attempt at a time and stays for the
//! next.

use std::io;

use shared::run::identity::ProcessIdentity;

use super::handle::{ChildShim, ShimHandle};
use super::protocol::{self, AttemptId};
use crate::process::spawn::{self, SpawnError};
use crate::process::watch::Marker;
use crate::run::Run;

/// Why no shim attends to an attempt. None has heard of it.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// None could be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("a shim died at its start ({0}); launcher.log may tell why")]
    Dead(#[source] io::Error),
}

/// The idle shims.
#[derive(Default)]
pub struct ShimPool {
    idle: Vec<ChildShim>,
}

impl ShimPool {
    /// Gives an attempt that the journal knows to an idle shim, or else to a new one.
    pub fn start(&mut self, run: &Run, attempt: AttemptId) -> Result<ShimHandle, ShimError> {
        while let Some(mut shim) = self.idle.pop() {
            if shim.give(attempt).is_ok() {
                return Ok(ShimHandle::Child(shim));
            }
        }
        let marker = Marker::of_run(&run.request.run);
        let arguments = protocol::arguments(&run.workdir);
        let log = run.workdir.launcher_log();
        let (process, line) = spawn::shim(&arguments, &log, &marker, run.api_key.as_ref())?;
        let mut shim = ChildShim::of(process, line).map_err(ShimError::Dead)?;
        shim.give(attempt).map_err(ShimError::Dead)?;
        Ok(ShimHandle::Child(shim))
    }

    /// Takes a shim back whose attempt is over.
    pub fn take_back(&mut self, shim: ShimHandle) {
        match shim {
            ShimHandle::Child(shim) if shim.stays() => self.idle.push(shim),
            ShimHandle::Child(shim) => shim.dismiss(),
            ShimHandle::Adopted { .. } => {}
        }
    }

    /// The idle shims.
    pub fn idle(&self) -> impl Iterator<Item = &ProcessIdentity> {
        self.idle.iter().map(ChildShim::identity)
    }

    /// Lets all idle shims go.
    pub fn dismiss(&mut self) {
        self.idle.drain(..).for_each(ChildShim::dismiss);
    }
}
