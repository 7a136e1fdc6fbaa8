//! What supervisor and shim say to each other: a command line, a file that names the days of an attempt, and a socket
//! on which attempts are given, one after the other, and said to be over.
//!
//! To start a shim costs more than all that it does for a short attempt, so it stays for the next one. When either
//! side dies the line breaks: the supervisor learns of it at once, and the shim finishes what it has, and ends.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
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
/// What a shim says of an attempt that is over.
pub const OVER: u8 = b'.';

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

/// An attempt as supervisor and shim call it.
pub fn name_of(batch: BatchId, number: u32) -> Name {
    u64::from(batch.0) << 32 | u64::from(number)
}

/// Which attempt is meant.
pub fn attempt_of(name: Name) -> (BatchId, u32) {
    let [upper, lower] = [name >> 32, name & u64::from(u32::MAX)];
    let half = |half: u64| u32::try_from(half).expect("32 bits of 64");
    (BatchId(half(upper)), half(lower))
}

/// The command line of a shim.
pub fn arguments(workdir: &Workdir) -> [OsString; 3] {
    ["attend".into(), "--workdir".into(), workdir.root().into()]
}

/// Tells the shim of an attempt which days it is about; of all days there is no file.
pub fn write_part(path: &Path, part: Part) -> Result<(), DiskError> {
    if part.is_whole() { Ok(()) } else { unsynced::write(path, &part.to_string()) }
}

/// The days that were written.
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
            assert_eq!(attempt_of(name_of(BatchId(batch), number)), (BatchId(batch), number));
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_jotted_and_what_is_no_part_is_an_error() {
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
