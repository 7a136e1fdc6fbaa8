//! Starting processes: workers, and the supervisor that outlives `start`. Nobody else spawns.
//!
//! A worker leads a process group of its own, so that signals to our terminal do not reach it, and holds its
//! log as a file, so that it does not die of our death.

#![expect(clippy::disallowed_methods, reason = "this is the door to new processes")]

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use shared::disk::publish::DiskError;
use shared::run::api_key::ApiKey;
use shared::run::identity::ProcessIdentity;

use super::signal::{self, Insistence};
use super::watch::{Marker, SUPERVISOR_VARIABLE};

/// What the supervisor says when it has taken the run over.
pub const READY: &str = "ready";

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// Nothing can be started from this path until somebody changes it.
    #[error("can't run {path} ({source}); is it an executable of this machine?", path = path.display())]
    Unusable {
        /// The executable.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This machine is in the way for the moment.
    #[error("can't start {path} ({source})", path = path.display())]
    Refused {
        /// The executable.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log could not be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl SpawnError {
    fn of(path: &Path, source: io::Error) -> Self {
        const ENOEXEC: i32 = 8;
        let path = path.to_owned();
        let unusable = matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
        if unusable || source.raw_os_error() == Some(ENOEXEC) {
            Self::Unusable { path, source }
        } else {
            Self::Refused { path, source }
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// By itself.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By a signal.
    Signaled {
        /// Which.
        signal: i32,
    },
}

impl From<ExitStatus> for Departure {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited { code },
            (None, Some(signal)) => Self::Signaled { signal },
            (None, None) => unreachable!("a reaped process has exited or was killed by a signal"),
        }
    }
}

/// Everything about a worker that is to be started.
pub struct Errand<'a> {
    /// The executable.
    pub executable: &'a Path,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Where its output goes, appended.
    pub log: &'a Path,
    /// What its environment says beside ours.
    pub marker: &'a Marker,
    /// Handed over by environment only.
    pub api_key: Option<&'a ApiKey>,
}

/// A running worker, our child.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    pid: i32,
}

impl Worker {
    /// Starts one.
    pub fn start(errand: &Errand) -> Result<Self, SpawnError> {
        let log = open_log(errand.log)?;
        let also_log = log.try_clone().map_err(DiskError::at("open", errand.log))?;
        let mut command = Command::new(errand.executable);
        command.args(errand.arguments).stdin(Stdio::null()).stdout(log).stderr(also_log).process_group(0);
        command.env_remove(SUPERVISOR_VARIABLE);
        command.envs(errand.marker.variables.iter().map(|(name, value)| (name, value)));
        if let Some(key) = errand.api_key {
            command.env(ApiKey::ENV, key.expose());
        }
        let child = command.spawn().map_err(|source| SpawnError::of(errand.executable, source))?;
        let pid = i32::try_from(child.id()).expect("the kernel numbers processes with positive i32");
        Ok(Self { child, pid })
    }

    /// Its process id, and that of its group.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Who it is; `None` once it is dead.
    pub fn identity(&self) -> Option<ProcessIdentity> {
        ProcessIdentity::of(self.pid)
    }

    /// How it ended, if it did. Does not wait.
    pub fn departure(&mut self) -> io::Result<Option<Departure>> {
        Ok(self.child.try_wait()?.map(Departure::from))
    }

    /// Signals it with everything in its group. Only while it is not reaped.
    pub fn signal(&self, how: Insistence) {
        signal::send_to_group(self.pid, how);
    }
}

/// Opens a log for appending.
pub fn open_log(path: &Path) -> Result<File, DiskError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(DiskError::at("open", path))
}

/// A supervisor that was started beside us and is about to say whether it has the run.
pub struct Detached {
    said: BufReader<ChildStdout>,
    child: Child,
}

impl Detached {
    /// Starts `launcher supervise` of this same executable; its errors go to `log`.
    pub fn start(
        arguments: &[OsString],
        log: &Path,
        marker: &Marker,
        api_key: Option<&ApiKey>,
    ) -> Result<Self, SpawnError> {
        let executable =
            std::env::current_exe().map_err(DiskError::at("find", Path::new("/proc/self/exe")))?;
        let mut command = Command::new(&executable);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(open_log(log)?);
        command.envs(marker.variables.iter().map(|(name, value)| (name, value)));
        if let Some(key) = api_key {
            command.env(ApiKey::ENV, key.expose());
        }
        let mut child = command.spawn().map_err(|source| SpawnError::of(&executable, source))?;
        let said = BufReader::new(child.stdout.take().expect("its stdout was asked to be a pipe"));
        Ok(Self { said, child })
    }

    /// Waits for its first word: `Ok` with its pid when it is [`READY`], else what it said instead
    /// (nothing at all when it died). It speaks or dies soon: all it does before is to take two locks, and to
    /// end within bounded time what an earlier supervisor left.
    pub fn first_word(mut self) -> Result<u32, String> {
        let mut line = String::new();
        drop(self.said.read_line(&mut line));
        match line.trim() {
            READY => Ok(self.child.id()),
            other => {
                drop(self.child.wait());
                Err(other.to_owned())
            }
        }
    }
}

/// Leaves the terminal's session, so that nothing that happens to the terminal reaches us.
pub fn leave_terminal() -> io::Result<()> {
    nix::unistd::setsid().map(drop).map_err(io::Error::from)
}
