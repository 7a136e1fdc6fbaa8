//! What supervisor and shim say to each other: the command line of a shim, a file with the days of
//! an attempt, and a socket.
//!
//! Over the socket the supervisor names one attempt after the other, and the shim reports each one
//! done. A shim serves many attempts because starting one costs more than all that it does for a
//! short attempt. When either side dies the socket breaks: the supervisor learns of it at once; the
//! shim finishes its attempt and exits.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use shared::disk::publish::DiskError;
use shared::disk::regular;
use shared::run::workdir::{BatchId, Workdir};

use crate::plan::part::Part;
use crate::process::signal::{Inbox, Post};
use crate::process::unsynced;

/// How long a shim waits for its next attempt before it waits again.
const IDLE_GLANCE: Duration = Duration::from_hours(1);
/// The shim's report that an attempt is over.
const DONE: u8 = b'.';

/// One attempt at one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId {
    pub batch: BatchId,
    /// Counted from 1 in each batch.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.batch, self.number)
    }
}

impl AttemptId {
    /// Length of an attempt's name on the socket.
    const BYTES: usize = 8;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        (u64::from(self.batch.0) << 32 | u64::from(self.number)).to_ne_bytes()
    }

    fn of_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let both = u64::from_ne_bytes(bytes);
        let half = |half: u64| u32::try_from(half).expect("32 bits of 64");
        Self { batch: BatchId(half(both >> 32)), number: half(both & u64::from(u32::MAX)) }
    }
}

/// The supervisor's end of the socket.
#[derive(Debug)]
pub struct SupervisorEnd(UnixStream);

/// What the supervisor finds at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: the attempt goes on.
    Nothing,
    /// The attempt is over.
    Done,
    /// The shim has closed its end, or says what no shim says.
    Broken,
}

impl SupervisorEnd {
    /// `line` leads to a shim.
    pub fn of(line: UnixStream) -> io::Result<Self> {
        line.set_nonblocking(true)?;
        Ok(Self(line))
    }

    /// Gives the shim an attempt. After an error the shim is dead and has never heard of the
    /// attempt.
    pub fn give(&mut self, attempt: AttemptId) -> io::Result<()> {
        self.0.write_all(&attempt.to_bytes())
    }

    /// Does not wait.
    pub fn hear(&mut self) -> Heard {
        let mut said = [0; 1];
        match self.0.read(&mut said) {
            Ok(1) if said == [DONE] => Heard::Done,
            Err(error) if is_silence(&error) => Heard::Nothing,
            Ok(_) | Err(_) => Heard::Broken,
        }
    }
}

impl AsFd for SupervisorEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The shim's end of the socket: its standard input.
pub struct ShimEnd(UnixStream);

impl ShimEnd {
    /// Takes standard input for it.
    pub fn open() -> io::Result<Self> {
        // A copy that no worker inherits.
        let line: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let line = UnixStream::from(line);
        line.set_nonblocking(true)?;
        Ok(Self(line))
    }

    /// Waits for the next attempt; `None` when the supervisor is gone, or a signal asks the shim to
    /// end.
    pub fn next(&mut self, inbox: &mut Inbox) -> Option<AttemptId> {
        loop {
            let post = inbox.wait(IDLE_GLANCE, &[self.0.as_fd()]);
            if post.iter().any(|post| !matches!(post, Post::Child)) {
                return None;
            }
            let mut name = [0; AttemptId::BYTES];
            match self.0.read(&mut name) {
                Ok(AttemptId::BYTES) => return Some(AttemptId::of_bytes(name)),
                Err(error) if is_silence(&error) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Reports the attempt done. A supervisor that is gone needs no report.
    pub fn done(&mut self) {
        drop(self.0.write_all(&[DONE]));
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The command line of a shim that waits for attempts.
pub fn arguments(workdir: &Workdir) -> [OsString; 3] {
    ["attend".into(), "--workdir".into(), workdir.root().into()]
}

/// Tells the shim of an attempt which days it covers. An attempt at all days has no such file.
pub fn write_part(path: &Path, part: Part) -> Result<(), DiskError> {
    if part.is_whole() { Ok(()) } else { unsynced::write(path, &part.to_string()) }
}

/// The days of an attempt.
pub fn read_part(path: &Path) -> Result<Part, DiskError> {
    match regular::read_to_string(path) {
        Ok(text) => text.parse().map_err(|what: String| {
            DiskError::at("read", path)(io::Error::new(io::ErrorKind::InvalidData, what))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Part::WHOLE),
        Err(error) => Err(DiskError::at("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_goes_through_its_name() {
        for (batch, number) in [(1, 1), (10_000, 3), (u32::MAX, u32::MAX), (0, 7)] {
            let attempt = AttemptId { batch: BatchId(batch), number };
            assert_eq!(AttemptId::of_bytes(attempt.to_bytes()), attempt);
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_written_and_what_is_no_part_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part");
        let part: Part = "2024-01-01..2024-06-30".parse().expect("a part");
        write_part(&path, Part::WHOLE).expect("nothing to write");
        assert!(!path.exists());
        assert_eq!(read_part(&path).expect("no file"), Part::WHOLE);
        write_part(&path, part).expect("written");
        assert_eq!(read_part(&path).expect("read"), part);
        unsynced::write(&path, "2024-01").expect("written");
        assert!(read_part(&path).is_err());
    }
}
