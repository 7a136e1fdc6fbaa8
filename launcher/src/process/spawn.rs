//! Starts processes: the supervisor that outlives `start`, its shims, and their workers. Nothing
//! else does.
//!
//! Shims and workers lead process groups of their own, so that signals to our terminal do not reach
//! them. A worker's log is a file and not a pipe, so that the worker survives our death.

#![expect(clippy::disallowed_methods, reason = "this is the door to new processes")]

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::publish::DiskError;
use shared::run::api_key::ApiKey;
use shared::run::exit::Exit;

use super::clock;
use super::watch::{ATTEMPT_VARIABLE, Marker, SUPERVISOR_VARIABLE};

/// The first word of a supervisor that has the run.
pub const READY: &str = "ready";
/// How long a program may take to accept or refuse its arguments; they may name a file on a slow
/// disk.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("can't run {path} ({source}); is it an executable of this machine?", path = path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("can't start {path} ({source})", path = path.display())]
    Refused { path: PathBuf, source: io::Error },
    /// The log could not be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl SpawnError {
    fn of(path: &Path, source: io::Error) -> Self {
        const ENOEXEC: i32 = 8;
        let path = path.to_owned();
        let unusable =
            matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
        if unusable || source.raw_os_error() == Some(ENOEXEC) {
            Self::Unusable { path, source }
        } else {
            Self::Refused { path, source }
        }
    }
}

/// How to start a worker.
pub struct WorkerCommand<'a> {
    pub executable: &'a Path,
    pub arguments: &'a [OsString],
    /// Where its output goes, appended.
    pub log: &'a Path,
    /// What its environment has in addition to ours.
    pub marker: &'a Marker,
    /// Passed by environment only.
    pub api_key: Option<&'a ApiKey>,
}

/// Starts a worker and returns its pid, which is also the id of its group. It is our child, not yet
/// waited for.
pub fn worker(worker: &WorkerCommand) -> Result<i32, SpawnError> {
    let log = open_log(worker.log)?;
    let also_log = log.try_clone().map_err(DiskError::at("open", worker.log))?;
    let mut command = Command::new(worker.executable);
    command
        .args(worker.arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(also_log)
        .process_group(0);
    hand_over(&mut command, worker.marker, worker.api_key);
    let child = command.spawn().map_err(|source| SpawnError::of(worker.executable, source))?;
    Ok(i32::try_from(child.id()).expect("the kernel numbers processes with positive i32"))
}

/// Runs a worker to its end in our own process group, so that whoever ends us from a terminal ends
/// it too; returns its exit code, `None` where a signal ended it.
pub fn to_its_end(
    executable: &Path,
    arguments: &[OsString],
    log: &Path,
    api_key: &ApiKey,
) -> Result<Option<i32>, SpawnError> {
    let output = open_log(log)?;
    let also_output = output.try_clone().map_err(DiskError::at("open", log))?;
    let mut command = Command::new(executable);
    command.args(arguments).stdin(Stdio::null()).stdout(output).stderr(also_output);
    command.env_remove(ATTEMPT_VARIABLE).env_remove(SUPERVISOR_VARIABLE);
    command.env(ApiKey::ENV, api_key.expose());
    let ended = command.status().map_err(|source| SpawnError::of(executable, source))?;
    Ok(ended.code())
}

/// Starts this executable as a shim, in a group of its own, and returns it with our end of its
/// socket. Its errors go to `log`.
pub fn shim(
    arguments: &[OsString],
    log: &Path,
    marker: &Marker,
    api_key: Option<&ApiKey>,
) -> Result<(Child, UnixStream), SpawnError> {
    let executable = own_executable()?;
    let refused = |source| SpawnError::of(&executable, source);
    let (own_end, its_end) = UnixStream::pair().map_err(refused)?;
    let mut command = Command::new(&executable);
    command
        .args(arguments)
        .stdin(OwnedFd::from(its_end))
        .stdout(Stdio::null())
        .stderr(open_log(log)?)
        .process_group(0);
    // This launcher may have been started by a worker of another run.
    command.env_remove(ATTEMPT_VARIABLE);
    hand_over(&mut command, marker, api_key);
    let process = command.spawn().map_err(refused)?;
    // While our copy of its end is open, we could not see that the shim has closed it.
    drop(command);
    Ok((process, own_end))
}

/// Asks `executable` whether it accepts `arguments`: `None` if it does, else what it says.
pub fn objection(executable: &Path, arguments: &[OsString]) -> Result<Option<String>, SpawnError> {
    let refused = |source| SpawnError::of(executable, source);
    let mut command = Command::new(executable);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.env_remove(ATTEMPT_VARIABLE).env_remove(SUPERVISOR_VARIABLE);
    let mut child = command.spawn().map_err(refused)?;
    // It writes less than a pipe holds, so it ends before we read.
    let mut ended = None;
    clock::wait_until(ANSWER_WITHIN, || {
        ended = child.try_wait().transpose();
        ended.is_some()
    });
    let Some(ended) = ended else {
        // An unreaped child: the pid is still its own.
        drop(child.kill().and_then(|()| child.wait()));
        return Err(refused(io::Error::new(
            io::ErrorKind::TimedOut,
            "it did not look at its arguments in time",
        )));
    };
    let (ended, mut said) = (ended.map_err(refused)?, String::new());
    if ended.success() {
        return Ok(None);
    }
    let mut errors = child.stderr.take().expect("its stderr was asked to be a pipe");
    errors.read_to_string(&mut said).map_err(refused)?;
    let said = said.trim().trim_start_matches("error: ");
    Ok(Some(if said.is_empty() { ended.to_string() } else { said.to_owned() }))
}

fn hand_over(command: &mut Command, marker: &Marker, api_key: Option<&ApiKey>) {
    command.env_remove(SUPERVISOR_VARIABLE);
    command.envs(marker.variables.iter().map(|(name, value)| (name, value)));
    if let Some(key) = api_key {
        command.env(ApiKey::ENV, key.expose());
    }
}

/// This program, even if its file has been replaced: the kernel still has the old one.
fn own_executable() -> Result<PathBuf, DiskError> {
    let kernels = Path::new("/proc/self/exe");
    let path = std::env::current_exe().map_err(DiskError::at("find", kernels))?;
    Ok(if path.exists() { path } else { kernels.to_owned() })
}

/// Opens a log for appending.
pub fn open_log(path: &Path) -> Result<File, DiskError> {
    let mut options = OpenOptions::new();
    Audience::Owner
        .open(options.create(true).append(true), path)
        .map_err(DiskError::at("open", path))
}

/// A supervisor that ended before it was ready.
pub struct Unready {
    /// Why, in its own words.
    pub said: String,
    /// How it ended, if its exit code is one of ours.
    pub exit: Option<Exit>,
}

/// A detached supervisor that has not yet said whether it has the run.
pub struct Detached {
    said: BufReader<ChildStdout>,
    child: Child,
}

impl Detached {
    /// Starts `launcher supervise` with this executable; `handed` becomes its standard input, its
    /// errors go to `log`.
    pub fn start(
        arguments: &[OsString],
        handed: OwnedFd,
        log: &Path,
        marker: &Marker,
        api_key: Option<&ApiKey>,
    ) -> Result<Self, SpawnError> {
        let executable = own_executable()?;
        let mut command = Command::new(&executable);
        command.args(arguments).stdin(handed).stdout(Stdio::piped()).stderr(open_log(log)?);
        command.envs(marker.variables.iter().map(|(name, value)| (name, value)));
        if let Some(key) = api_key {
            command.env(ApiKey::ENV, key.expose());
        }
        let mut child = command.spawn().map_err(|source| SpawnError::of(&executable, source))?;
        let said = BufReader::new(child.stdout.take().expect("its stdout was asked to be a pipe"));
        Ok(Self { said, child })
    }

    /// Waits for its first word: `Ok` with its pid for [`READY`], else what it said. The wait is
    /// bounded: before that word it only ends what an earlier supervisor left, which takes bounded
    /// time.
    pub fn first_word(mut self) -> Result<u32, Unready> {
        let mut line = String::new();
        drop(self.said.read_line(&mut line));
        match line.trim() {
            READY => Ok(self.child.id()),
            other => {
                let code = self.child.wait().ok().and_then(|status| status.code());
                let said = if other.is_empty() { "it died without a word" } else { other };
                Err(Unready { said: said.to_owned(), exit: code.and_then(Exit::of_code) })
            }
        }
    }
}

/// Leaves the session of the terminal, so that its signals do not reach us.
pub fn leave_terminal() -> io::Result<()> {
    nix::unistd::setsid().map(drop).map_err(io::Error::from)
}
