//! Who a process is: a pid alone names nobody, because pids come back. Linux `/proc`, read only.

use std::io::ErrorKind::NotFound;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use nix::libc;
use serde::{Deserialize, Serialize};

use crate::disk::publish::DiskError;
use crate::disk::regular;

/// More than a line of `/proc/PID/stat` ever has: 52 numbers and a name of at most 64 characters.
/// The kernel gives it in one piece.
const STAT_BYTES: usize = 2048;

/// A process, told apart from every other that ever had its pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: i32,
    /// Start, in clock ticks since boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

impl ProcessIdentity {
    /// The process that has `pid` now; `None` when there is none, or only its zombie. An error
    /// tells nothing of it: this machine does not let us look, as where we may open no file more.
    pub fn look(pid: i32) -> io::Result<Option<Self>> {
        let mut stat = [0; STAT_BYTES];
        let read =
            regular::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut stat));
        let length = match read {
            Ok(length) => length,
            Err(error) if tells_of_no_process(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        // The command may be anything; what is read of the line stands in ASCII behind it.
        let start = start_of_living(&String::from_utf8_lossy(&stat[..length]));
        let boot_id = boot_id()?;
        Ok(start.map(|start_ticks| Self { pid, start_ticks, boot_id: boot_id.to_owned() }))
    }

    /// The same for callers that do not care why there is none.
    pub fn of(pid: i32) -> Option<Self> {
        Self::look(pid).ok().flatten()
    }

    /// This very process.
    pub fn own() -> Result<Self, DiskError> {
        let own = i32::try_from(std::process::id()).map_err(io::Error::other);
        let found = own.and_then(Self::look).and_then(|own| own.ok_or_else(|| NotFound.into()));
        found.map_err(DiskError::at("read", Path::new("/proc/self/stat")))
    }

    /// Does this process, and not a later one with its pid, still run? Zombies do not. Nobody
    /// counts as dead because we can't look.
    pub fn is_alive(&self) -> bool {
        Self::look(self.pid).map_or(true, |found| found.as_ref() == Some(self))
    }
}

/// A process that ends while it is looked at takes the file along.
fn tells_of_no_process(error: &io::Error) -> bool {
    error.kind() == NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// The kernel's name for the time since it was started: the same for as long as we live.
fn boot_id() -> io::Result<&'static str> {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    if let Some(known) = BOOT_ID.get() {
        return Ok(known);
    }
    let read = regular::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(BOOT_ID.get_or_init(|| read.trim().to_owned()))
}

/// Start ticks from a line of `/proc/PID/stat`; `None` for the dead (states Z and X).
fn start_of_living(stat: &str) -> Option<u64> {
    // The command stands in brackets and may itself hold brackets and blanks: fields begin after
    // the last ')'.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_another_start_is_another_process() {
        let own = ProcessIdentity::own().expect("we run");
        assert!(own.is_alive());
        let earlier = ProcessIdentity { start_ticks: own.start_ticks - 1, ..own };
        assert!(!earlier.is_alive(), "the pid came back as somebody else");
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = std::process::Command::new("true").spawn().expect("spawned");
        let pid = i32::try_from(child.id()).expect("a pid");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while ProcessIdentity::of(pid).is_some() {
            assert!(std::time::Instant::now() < deadline, "the child never ended");
            std::thread::yield_now();
        }
        child.wait().expect("reaped");
    }

    #[test]
    fn brackets_in_a_command_do_not_move_the_fields() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194304 1 0 0 0 1 2 3 4 20 0 1 0 4711 1000 2";
        assert_eq!(start_of_living(stat), Some(4711));
        assert_eq!(start_of_living(&stat.replace(" S ", " Z ")), None);
    }
}
