//! The supervisor's side of whoever attends to an attempt: a shim of our own, or one that an earlier supervisor has
//! started.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use super::claim;
use super::clock;
use super::line::{OwnShim, Word};
use super::signal::{self, Insistence};

/// How long a shim may take from its lock to the name in it.
const NAME_LIMIT: Duration = Duration::from_secs(2);

/// A shim that lived when it was last looked at.
#[derive(Debug)]
pub enum Attendant {
    /// Started by us.
    Own(OwnShim),
    /// Started by an earlier supervisor.
    Adopted {
        /// Who.
        shim: ProcessIdentity,
        /// Names it for as long as we hold it; `None` where the kernel has no such thing.
        handle: Option<OwnedFd>,
    },
}

impl Attendant {
    /// The living shim that holds `lock`; `None` when nobody does.
    pub fn adopt(lock: &Path) -> Option<Self> {
        let mut found = None;
        clock::wait_until(NAME_LIMIT, || {
            let held = Lock::is_held(lock);
            // It writes its name right after it got the lock.
            found = claim::holder(lock, lock);
            !held || found.is_some()
        });
        if !Lock::is_held(lock) {
            return None;
        }
        let shim: ProcessIdentity = found?;
        // The handle first: when the process is still the one we mean after that, the handle names it.
        let handle = signal::handle(shim.pid);
        shim.is_alive().then_some(Self::Adopted { shim, handle })
    }

    /// What it has said meanwhile. Does not wait.
    pub fn hear(&mut self) -> io::Result<Word> {
        let is_gone = match self {
            Self::Own(shim) => return Ok(shim.hear()),
            Self::Adopted { handle: Some(handle), .. } => {
                let mut watched = [PollFd::new(handle, PollFlags::IN)];
                // A signal may come in the middle of the question: it says nothing of the shim.
                retry_on_intr(|| poll(&mut watched, Some(&Timespec::default())))? > 0
            }
            Self::Adopted { shim, handle: None } => !shim.is_alive(),
        };
        Ok(if is_gone { Word::Gone("nobody waited for it".to_owned()) } else { Word::None })
    }

    /// What becomes readable when there is something to hear; `None` where one has to look from time to time.
    pub fn line(&self) -> Option<BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        match self {
            Self::Own(shim) => Some(shim.line()),
            Self::Adopted { handle, .. } => handle.as_ref().map(OwnedFd::as_fd),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &ProcessIdentity {
        match self {
            Self::Own(shim) => shim.identity(),
            Self::Adopted { shim, .. } => shim,
        }
    }

    /// Signals the shim; what that means for its worker is the shim's business.
    pub fn signal(&mut self, how: Insistence) {
        match self {
            Self::Own(shim) => shim.signal(how),
            Self::Adopted { handle: Some(handle), .. } => signal::send_by_handle(handle, how),
            Self::Adopted { shim, handle: None } => signal::send(shim, how),
        }
    }
}
