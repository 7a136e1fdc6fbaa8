//! The supervisor's side of whoever attends to an attempt: a shim of our own, or one that an earlier supervisor has
//! started.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use super::protocol::{Name, OVER, Word};
use crate::process::claim;
use crate::process::clock;
use crate::process::signal::{self, Insistence};

/// How long a shim that has nothing to do may take to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);
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

/// A shim of ours: our child, and our end of its line.
#[derive(Debug)]
pub struct OwnShim {
    process: Child,
    identity: ProcessIdentity,
    line: UnixStream,
    /// Was it signalled? Then it ends with what it has.
    is_leaving: bool,
}

impl OwnShim {
    /// A shim that was just started.
    pub fn of(mut process: Child, line: UnixStream) -> io::Result<Self> {
        let pid = i32::try_from(process.id()).expect("the kernel numbers processes with positive i32");
        let found = ProcessIdentity::look(pid).and_then(|found| line.set_nonblocking(true).map(|()| found));
        let identity = match found {
            Ok(Some(identity)) => identity,
            Ok(None) => {
                let status = process.wait()?;
                return Err(io::Error::other(format!("it ended at once ({status})")));
            }
            // It waits for orders, and nobody could tell it from another.
            Err(error) => {
                bury(&mut process);
                return Err(error);
            }
        };
        Ok(Self { process, identity, line, is_leaving: false })
    }

    /// Gives it an attempt; on an error it is dead, and has never heard of it.
    pub fn give(&mut self, attempt: Name) -> io::Result<()> {
        self.line.write_all(&attempt.to_ne_bytes())
    }

    /// What it has said meanwhile. Does not wait.
    pub fn hear(&mut self) -> Word {
        let mut word = [0; 1];
        match self.line.read(&mut word) {
            Ok(1) if word == [OVER] => Word::Over,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Word::None
            }
            // Its end of the line is closed when it ends, or when it has lost its senses.
            Ok(_) | Err(_) => Word::Gone(bury(&mut self.process)),
        }
    }

    /// Signals it; what that means for its worker is the shim's business.
    pub fn signal(&mut self, how: Insistence) {
        self.is_leaving = true;
        let pid = self.identity.pid;
        signal::send_to_child(pid, how);
    }

    /// May it be given another attempt after the one that is over?
    pub fn stays(&self) -> bool {
        !self.is_leaving
    }

    /// Who it is.
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// What becomes readable when it says something, or dies.
    pub fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Lets it go: it has nothing to do, and ends when the line is closed.
    pub fn dismiss(self) {
        let Self { mut process, line, .. } = self;
        drop(line);
        if !clock::wait_until(LEAVE_LIMIT, || !matches!(process.try_wait(), Ok(None))) {
            bury(&mut process);
        }
    }
}

/// Ends a shim that is of no use any more, and says how it ended, for people.
fn bury(process: &mut Child) -> String {
    drop(process.kill());
    process.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}
