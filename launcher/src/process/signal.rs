//! Signals, both ways: what we hear, as post in an inbox, and what we send to processes we know.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use shared::run::identity::ProcessIdentity;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

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

/// Where signals arrive. While it exists, none of them ends this process.
pub struct Inbox {
    post: Receiver<Post>,
}

impl Inbox {
    /// Begins to listen.
    pub fn open() -> io::Result<Self> {
        let mut signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT])?;
        let (sender, post) = mpsc::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                let said = match signal {
                    SIGCHLD => Post::Child,
                    SIGQUIT => Post::StopNow { signal },
                    _ => Post::Stop { signal },
                };
                if sender.send(said).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { post })
    }

    /// Waits at most `patience` for post and returns all there is.
    pub fn wait(&self, patience: Duration) -> Vec<Post> {
        match self.post.recv_timeout(patience) {
            Ok(first) => std::iter::once(first).chain(self.post.try_iter()).collect(),
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => unreachable!("the signal thread lives as long as we do"),
        }
    }
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
