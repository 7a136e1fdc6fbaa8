//! The supervisor's side of a shim: our own child, or one that an earlier supervisor has started.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use super::clock;
use super::signal::{self, Insistence};

/// How long a shim may take from its lock to the name in it.
const NAME_LIMIT: Duration = Duration::from_secs(2);

/// A shim that lived when it was last looked at.
#[derive(Debug)]
pub enum Attendant {
    /// Our child, which nobody else waits for.
    Own {
        /// It names nobody else before we have waited for it.
        pid: i32,
    },
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
            found = fs::read_to_string(lock).ok().and_then(|name| serde_json::from_str(&name).ok());
            !held || found.is_some()
        });
        if !Lock::is_held(lock) {
            return None;
        }
        let shim: ProcessIdentity = found?;
        // The handle first: when the process is still the one we mean after that, the handle names it.
        let handle = Pid::from_raw(shim.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        shim.is_alive().then_some(Self::Adopted { shim, handle })
    }

    /// How it ended, for people, if it did. Does not wait.
    pub fn departure(&mut self) -> io::Result<Option<String>> {
        let is_gone = match self {
            Self::Own { pid } => {
                let ended = waitpid(Pid::from_raw(*pid), WaitOptions::NOHANG)?;
                return Ok(ended.map(|(_, status)| ExitStatus::from_raw(status.as_raw()).to_string()));
            }
            Self::Adopted { handle: Some(handle), .. } => {
                let mut watched = [PollFd::new(handle, PollFlags::IN)];
                poll(&mut watched, Some(&Timespec::default()))? > 0
            }
            Self::Adopted { shim, handle: None } => !shim.is_alive(),
        };
        Ok(is_gone.then(|| "nobody waited for it".to_owned()))
    }

    /// Who it is; `None` once it is dead.
    pub fn identity(&self) -> Option<ProcessIdentity> {
        match self {
            Self::Own { pid } => ProcessIdentity::of(*pid),
            Self::Adopted { shim, .. } => shim.is_alive().then(|| shim.clone()),
        }
    }

    /// Signals the shim; what that means for its worker is the shim's business.
    pub fn signal(&self, how: Insistence) {
        match self {
            Self::Own { pid } => signal::send_to_child(*pid, how),
            Self::Adopted { handle: Some(handle), .. } => {
                let _ = pidfd_send_signal(handle, how.into());
                let _ = pidfd_send_signal(handle, rustix::process::Signal::CONT);
            }
            Self::Adopted { shim, handle: None } => signal::send(shim, how),
        }
    }
}
