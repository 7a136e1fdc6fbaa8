//! Signals, both ways: those that we receive, in an inbox, and those that we send to processes we
//! know.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use shared::disk::regular;
use shared::run::identity::ProcessIdentity;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// A child may have ended.
    Child,
    /// A request to stop (`SIGTERM`, `SIGINT`, `SIGHUP`).
    Stop { signal: i32 },
    /// A request to stop without grace (`SIGQUIT`).
    StopNow { signal: i32 },
}

/// The signals that we receive.
const HEARD: [i32; 5] = [SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// Receives signals. While it exists, none of them ends this process. It needs no thread.
pub struct Inbox {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
}

impl Inbox {
    /// Starts to receive.
    pub fn open() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        // With `nohup` we are to outlive the terminal.
        let heard = HEARD.into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
        Ok(Self { delivery: SignalDelivery::with_pipe(read, write, SignalOnly, heard)? })
    }

    /// Waits at most `patience` for a signal, or until one of `lines` is readable. Returns all
    /// signals that have arrived.
    pub fn wait(&mut self, patience: Duration, lines: &[BorrowedFd<'_>]) -> Vec<Post> {
        let patience = Timespec::try_from(patience).ok();
        let mut watched = vec![PollFd::new(self.delivery.get_read(), PollFlags::IN)];
        watched.extend(lines.iter().map(|line| PollFd::new(line, PollFlags::IN)));
        // An interruption is a signal, which is read below.
        let _ = poll(&mut watched, patience.as_ref());
        let said = self.delivery.pending().map(|signal| match signal {
            SIGCHLD => Post::Child,
            SIGQUIT => Post::StopNow { signal },
            _ => Post::Stop { signal },
        });
        said.collect()
    }
}

/// Did our caller have this signal ignored? `false` where that can't be read.
fn is_ignored(signal: i32) -> bool {
    let status = regular::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// From here on orphans of our children become our children.
pub fn inherit_orphans() {
    // Without it orphans are found by their marker only.
    let _ = prctl::set_child_subreaper(true);
}

/// How forcefully to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// `SIGTERM`: end when you can.
    Ask,
    /// `SIGQUIT` to a supervisor: end, and kill what you run.
    Hurry,
    /// `SIGKILL`: the kernel ends it.
    Kill,
}

impl StopSignal {
    fn signal(self) -> Signal {
        match self {
            Self::Ask => Signal::SIGTERM,
            Self::Hurry => Signal::SIGQUIT,
            Self::Kill => Signal::SIGKILL,
        }
    }
}

impl From<StopSignal> for rustix::process::Signal {
    fn from(how: StopSignal) -> Self {
        match how {
            StopSignal::Ask => Self::TERM,
            StopSignal::Hurry => Self::QUIT,
            StopSignal::Kill => Self::KILL,
        }
    }
}

/// Signals one process, if it still has that identity. A process that has ended is no error.
pub fn send(to: &ProcessIdentity, how: StopSignal) {
    // The pidfd first: if the identity still matches after that, the pidfd names the right process.
    let handle = handle(to.pid);
    if to.is_alive() {
        match handle {
            Some(handle) => send_by_handle(&handle, how),
            // A kernel without pidfds (before 5.3): a pid is not reused in so short a time.
            None => send_to_child(to.pid, how),
        }
    }
}

/// A pidfd of the process that has `pid` now; `None` if there is no such process, or the kernel has
/// no pidfds.
pub fn handle(pid: i32) -> Option<OwnedFd> {
    // The pid may come from a file, so it may be any number.
    let pid = (pid > 0).then_some(pid)?;
    rustix::process::Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
}

/// Signals the process that `handle` names.
pub fn send_by_handle(handle: &OwnedFd, how: StopSignal) {
    let _ = pidfd_send_signal(handle, how.into());
    let _ = pidfd_send_signal(handle, rustix::process::Signal::CONT);
}

/// Signals an unreaped child of ours: its pid can't be reused yet.
pub fn send_to_child(pid: i32, how: StopSignal) {
    let _ = kill(Pid::from_raw(pid), how.signal());
    // A stopped process receives the signal only after that.
    let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
}

/// Signals the group led by an unreaped child of ours.
pub fn send_to_group(leader_pid: i32, how: StopSignal) {
    let _ = killpg(Pid::from_raw(leader_pid), how.signal());
    let _ = killpg(Pid::from_raw(leader_pid), Signal::SIGCONT);
}

/// A signal for people: `SIGKILL`, or its number where it has no name.
pub fn name_of(signal: i32) -> String {
    Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}
