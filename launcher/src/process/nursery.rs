//! The nursery: one small process without threads that forks shims for its parent, the supervisor. An exec costs
//! ten times as much as such a fork. This is the line between the two.
//!
//! A shim is the supervisor's child and shares nothing with the nursery but a copy of its memory. When the
//! supervisor dies the line breaks and the nursery ends; when the nursery dies its shims go on, and another one is
//! started.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Duration;

use nix::unistd::{Pid, getppid};

use super::sibling::{self, Side};

/// How long a nursery may take for anything. It does nothing that takes time.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a nursery says first.
const READY: i32 = 0;
/// What it answers instead of a pid.
const REFUSED: i32 = -1;

/// Which child is wanted: a number that means something to both ends.
pub type Name = u64;

/// Why a child was not born.
#[derive(Debug)]
pub enum BirthError {
    /// The system gives no process in this way.
    Refused,
    /// The nursery was gone before it was asked.
    Absent,
    /// The nursery is gone, or silent; whether it had the child before, nobody knows.
    Lost(io::Error),
}

/// The supervisor's end. Dropped, the nursery is gone and its shims go on.
pub struct Nursery {
    process: Child,
    line: UnixStream,
}

impl Nursery {
    /// Begins to use a nursery that was just started, once it is ready.
    pub fn of(process: Child, line: UnixStream) -> io::Result<Self> {
        line.set_read_timeout(Some(PATIENCE))?;
        line.set_write_timeout(Some(PATIENCE))?;
        let mut nursery = Self { process, line };
        nursery.hear()?;
        Ok(nursery)
    }

    /// The pid of a new child of ours. It becomes `name` all by itself.
    pub fn bear(&mut self, name: Name) -> Result<i32, BirthError> {
        self.line.write_all(&name.to_ne_bytes()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => BirthError::Absent,
            _ => BirthError::Lost(error),
        })?;
        let answer = self.hear().map_err(BirthError::Lost)?;
        if answer > 0 { Ok(answer) } else { Err(BirthError::Refused) }
    }

    fn hear(&mut self) -> io::Result<i32> {
        let mut word = [0; 4];
        self.line.read_exact(&mut word)?;
        Ok(i32::from_ne_bytes(word))
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // It may be stopped, or we have lost patience with it: what it has not forked yet it must not fork later.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The nursery's end.
pub struct Cradle {
    line: UnixStream,
    supervisor: Pid,
}

/// Why a cradle is left.
pub enum Leave {
    /// The supervisor has no more use for it, or is dead.
    Over,
    /// We are a new child, and this is our name.
    Born(Name),
}

impl Cradle {
    /// The line is our standard input.
    pub fn open() -> io::Result<Self> {
        let line: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { line: line.into(), supervisor: getppid() })
    }

    /// Forks a child for each word that comes. Returns in each child, and once in the nursery, at its end.
    pub fn serve(mut self) -> io::Result<Leave> {
        self.say(READY)?;
        let mut name = [0; size_of::<Name>()];
        loop {
            match self.line.read_exact(&mut name) {
                // Words of the dead still arrive; nobody waits any more for what they ask for.
                Ok(()) if getppid() != self.supervisor => return Ok(Leave::Over),
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Leave::Over),
                Err(error) => return Err(error),
            }
            let answer = match sibling::fork() {
                Ok(Side::New) => return Ok(Leave::Born(Name::from_ne_bytes(name))),
                Ok(Side::Old { sibling }) => sibling,
                Err(_) => REFUSED,
            };
            self.say(answer)?;
        }
    }

    fn say(&mut self, word: i32) -> io::Result<()> {
        self.line.write_all(&word.to_ne_bytes())
    }
}
