//! The line between a supervisor and a shim of its own: a socket on which attempts are given, one after the other,
//! and said to be over.
//!
//! To start a shim costs more than all that it does for a short attempt, so it stays for the next one. When either
//! side dies the line breaks: the supervisor learns of it at once, and the shim finishes what it has, and ends.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Duration;

use shared::run::identity::ProcessIdentity;

use super::clock;
use super::signal::{self, Inbox, Insistence, Post};

/// How long a shim that has nothing to do may take to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);
/// How long a shim waits for its next attempt before it waits again.
const IDLE_GLANCE: Duration = Duration::from_hours(1);
/// What a shim says of an attempt that is over.
const OVER: u8 = b'.';

/// Which attempt is meant: a number that means something to both ends.
pub type Name = u64;

/// What is heard on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing: the attempt goes on.
    None,
    /// The attempt is over, and the shim waits for the next one.
    Over,
    /// The shim is dead; how it ended, for people.
    Gone(String),
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

/// The shim's end.
pub struct Orders {
    line: UnixStream,
}

impl Orders {
    /// The line is our standard input.
    pub fn open() -> io::Result<Self> {
        // A copy that no worker inherits.
        let line: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let line = UnixStream::from(line);
        line.set_nonblocking(true)?;
        Ok(Self { line })
    }

    /// Waits for the next attempt; `None` when there will be none: the supervisor is gone, or we are to go.
    pub fn next(&mut self, inbox: &mut Inbox) -> Option<Name> {
        loop {
            let post = inbox.wait(IDLE_GLANCE, &[self.line.as_fd()]);
            if post.iter().any(|post| !matches!(post, Post::Child)) {
                return None;
            }
            let mut name = [0; size_of::<Name>()];
            match self.line.read(&mut name) {
                Ok(length) if length == name.len() => return Some(Name::from_ne_bytes(name)),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Says that the attempt is over. A supervisor that is gone finds out by itself.
    pub fn over(&mut self) {
        drop(self.line.write_all(&[OVER]));
    }
}
