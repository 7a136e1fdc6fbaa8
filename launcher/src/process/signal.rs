//! Signals, both ways: what we hear, as post in an inbox, and what we send to processes we know.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shared::run::identity::ProcessIdentity;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// Something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// A child may have ended.
    Child,
    /// Somebody asks us to stop (`SIGTERM`, `SIGINT`, `SIGHUP`).
    Stop {
        /// The signal.
        signal: i32,
    },
    /// Somebody asks us to stop without grace (`SIGQUIT`).
    StopNow {
        /// The signal.
        signal: i32,
    },
}

/// What is heard.
const HEARD: [i32; 5] = [SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// Where signals arrive. While it exists, none of them ends this process. It needs no thread.
pub struct Inbox {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
}

impl Inbox {
    /// Begins to listen; what was held before ([`hold`]) is heard too.
    pub fn open() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, HEARD)?;
        held().thread_unblock()?;
        Ok(Self { delivery })
    }

    /// Waits at most `patience` for post and returns all there is.
    pub fn wait(&mut self, patience: Duration) -> Vec<Post> {
        let patience = Timespec::try_from(patience).ok();
        let mut watched = [PollFd::new(self.delivery.get_read(), PollFlags::IN)];
        // An interruption is a signal: post.
        let _ = poll(&mut watched, patience.as_ref());
        let said = self.delivery.pending().map(|signal| match signal {
            SIGCHLD => Post::Child,
            SIGQUIT => Post::StopNow { signal },
            _ => Post::Stop { signal },
        });
        said.collect()
    }
}

/// Lets signals wait until this process, or one that it forks, opens an inbox.
pub fn hold() -> io::Result<()> {
    Ok(held().thread_block()?)
}

fn held() -> SigSet {
    HEARD.iter().filter_map(|signal| Signal::try_from(*signal).ok()).collect()
}

/// How hard to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insistence {
    /// `SIGTERM`: end when you can.
    Ask,
    /// `SIGQUIT` to a supervisor: end, and kill what you run.
    Hurry,
    /// `SIGKILL`: the kernel ends it.
    Kill,
}

impl Insistence {
    fn signal(self) -> Signal {
        match self {
            Self::Ask => Signal::SIGTERM,
            Self::Hurry => Signal::SIGQUIT,
            Self::Kill => Signal::SIGKILL,
        }
    }
}

impl From<Insistence> for rustix::process::Signal {
    fn from(how: Insistence) -> Self {
        match how {
            Insistence::Ask => Self::TERM,
            Insistence::Hurry => Self::QUIT,
            Insistence::Kill => Self::KILL,
        }
    }
}

/// Signals one process, if it is still the one we mean. A process that ended meanwhile is no error.
pub fn send(to: &ProcessIdentity, how: Insistence) {
    if to.is_alive() {
        send_to_child(to.pid, how);
    }
}

/// Signals an unreaped child of ours: its pid can't have come back as somebody else.
pub fn send_to_child(pid: i32, how: Insistence) {
    let _ = kill(Pid::from_raw(pid), how.signal());
    // One that is stopped hears only after that.
    let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
}

/// Signals the group led by an unreaped child of ours.
pub fn send_to_group(leader_pid: i32, how: Insistence) {
    let _ = killpg(Pid::from_raw(leader_pid), how.signal());
    let _ = killpg(Pid::from_raw(leader_pid), Signal::SIGCONT);
}

/// A signal for people: `SIGKILL`, or its number where it has no name.
pub fn name_of(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}
