//! The supervisor's handle on one shim: its own child, or a shim that an earlier supervisor has
//! started.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use super::protocol::{AttemptId, Heard, SupervisorEnd};
use crate::process::clock;
use crate::process::lock_holder;
use crate::process::signal::{self, StopSignal};

/// How long an idle shim may take to exit.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);
/// How long a shim may take from its lock to the name in it.
const NAME_LIMIT: Duration = Duration::from_secs(2);

/// What a shim does, as far as the supervisor knows.
#[derive(Debug, PartialEq, Eq)]
pub enum ShimState {
    /// It attends to its attempt.
    Working,
    /// Its attempt is over, and it waits for the next one.
    Idle,
    /// It is dead; how it ended, for people.
    Dead(String),
}

/// A shim that lived when it was last looked at.
#[derive(Debug)]
pub enum ShimHandle {
    /// Started by this supervisor.
    Child(ChildShim),
    /// Started by an earlier one.
    Adopted {
        shim: ProcessIdentity,
        /// A pidfd, which names the process for as long as we hold it; `None` where the kernel has
        /// none.
        pidfd: Option<OwnedFd>,
    },
}

impl ShimHandle {
    /// The living shim that holds `lock`; `None` when no shim does.
    pub fn adopt(lock: &Path) -> Option<Self> {
        let mut found = None;
        clock::wait_until(NAME_LIMIT, || {
            let held = Lock::is_held(lock);
            // A shim writes its name right after it got the lock.
            found = lock_holder::proven(lock, lock);
            !held || found.is_some()
        });
        if !Lock::is_held(lock) {
            return None;
        }
        let shim: ProcessIdentity = found?;
        // The pidfd first: if the process is still the right one after that, the pidfd names it.
        let pidfd = signal::handle(shim.pid);
        shim.is_alive().then_some(Self::Adopted { shim, pidfd })
    }

    /// What the shim does now. Does not wait.
    pub fn state(&mut self) -> io::Result<ShimState> {
        let is_dead = match self {
            Self::Child(shim) => return Ok(shim.state()),
            Self::Adopted { pidfd: Some(pidfd), .. } => {
                let mut watched = [PollFd::new(pidfd, PollFlags::IN)];
                // A signal may interrupt the question; that says nothing about the shim.
                retry_on_intr(|| poll(&mut watched, Some(&Timespec::default())))? > 0
            }
            Self::Adopted { shim, pidfd: None } => !shim.is_alive(),
        };
        Ok(if is_dead {
            ShimState::Dead("nobody waited for it".to_owned())
        } else {
            ShimState::Working
        })
    }

    /// Becomes readable when the state changes; `None` where the supervisor has to look from time
    /// to time.
    pub fn line(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Child(shim) => Some(shim.line.as_fd()),
            Self::Adopted { pidfd, .. } => pidfd.as_ref().map(OwnedFd::as_fd),
        }
    }

    pub fn identity(&self) -> &ProcessIdentity {
        match self {
            Self::Child(shim) => shim.identity(),
            Self::Adopted { shim, .. } => shim,
        }
    }

    /// Signals the shim, which decides what that means for its worker.
    pub fn signal(&mut self, how: StopSignal) {
        match self {
            Self::Child(shim) => shim.signal(how),
            Self::Adopted { pidfd: Some(pidfd), .. } => signal::send_by_handle(pidfd, how),
            Self::Adopted { shim, pidfd: None } => signal::send(shim, how),
        }
    }
}

/// A shim that is our child, and our end of its socket.
#[derive(Debug)]
pub struct ChildShim {
    process: Child,
    identity: ProcessIdentity,
    line: SupervisorEnd,
    /// Was it signalled? Then it exits after its attempt.
    is_leaving: bool,
}

impl ChildShim {
    /// A shim that was just started.
    pub fn of(mut process: Child, line: UnixStream) -> io::Result<Self> {
        let pid =
            i32::try_from(process.id()).expect("the kernel numbers processes with positive i32");
        let found =
            ProcessIdentity::look(pid).and_then(|found| Ok((found, SupervisorEnd::of(line)?)));
        match found {
            Ok((Some(identity), line)) => Ok(Self { process, identity, line, is_leaving: false }),
            Ok((None, _)) => {
                let status = process.wait()?;
                Err(io::Error::other(format!("it ended at once ({status})")))
            }
            // It waits for attempts, and no later look could tell it from another process.
            Err(error) => {
                bury(&mut process);
                Err(error)
            }
        }
    }

    /// Gives it an attempt. After an error it is dead and has never heard of the attempt.
    pub fn give(&mut self, attempt: AttemptId) -> io::Result<()> {
        self.line.give(attempt)
    }

    fn state(&mut self) -> ShimState {
        match self.line.hear() {
            Heard::Nothing => ShimState::Working,
            Heard::Done => ShimState::Idle,
            Heard::Broken => ShimState::Dead(bury(&mut self.process)),
        }
    }

    fn signal(&mut self, how: StopSignal) {
        self.is_leaving = true;
        signal::send_to_child(self.identity.pid, how);
    }

    /// Can it take another attempt?
    pub fn stays(&self) -> bool {
        !self.is_leaving
    }

    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// Lets an idle shim go: it exits when the line is closed.
    pub fn dismiss(self) {
        let Self { mut process, line, .. } = self;
        drop(line);
        if !clock::wait_until(LEAVE_LIMIT, || !matches!(process.try_wait(), Ok(None))) {
            bury(&mut process);
        }
    }
}

/// Kills a shim that is no longer needed, and returns how it ended, for people.
fn bury(process: &mut Child) -> String {
    drop(process.kill());
    process.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}
