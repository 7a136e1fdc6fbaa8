//! `launcher stop`: ends a run and all its processes, with or without its supervisor.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use shared::disk::lock::{Lock, LockError};
use shared::error_chain::with_causes;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use crate::cli::StopArgs;
use crate::facts::Outcome;
use crate::plan::request::Request;
use crate::process::clock;
use crate::process::lock_holder;
use crate::process::signal::{self, StopSignal};
use crate::process::watch::{self, Marker};
use crate::run::Run;
use crate::shim::containment;
use crate::supervise::drive::{self, GRACE};
use crate::supervise::journal;
use crate::supervise::locks;
use crate::supervise::machine::RunState;
use crate::supervise::prepare;
use crate::view::words::{self, say};

/// How long the supervisor may take beyond its workers' grace, to record their ends and to give
/// back its locks.
const SUPERVISOR_MARGIN: Duration = Duration::from_secs(30);
/// How often a run is stopped again that another process restarts meanwhile.
const ROUNDS: u32 = 3;
/// Our name in the journal.
const OWN_NAME: &str = "launcher stop";

/// Ends the run. On success none of its processes is left, and no process can have restarted it
/// meanwhile.
pub fn stop(args: &StopArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let grace = if args.now {
        Duration::ZERO
    } else {
        Duration::try_from(args.grace).unwrap_or(GRACE).min(GRACE)
    };
    let request = match stored_run::request(&workdir) {
        Ok(request) => request,
        Err(unreadable) => return stop_by_lock(&workdir, grace, unreadable),
    };

    let mut was_running = false;
    let mut rounds = 0;
    let lock = loop {
        was_running |= stop_all(&workdir, &request, grace)?;
        match hold(&workdir, &request.run) {
            Ok(lock) if supervisors(&workdir, &request.run).is_empty() => break lock,
            Ok(_) | Err(LockError::Held { .. }) if rounds < ROUNDS => rounds += 1,
            Ok(_) => return Err(Failure::BegunAgain),
            Err(error) => return Err(error.into()),
        }
    };
    let outcome = settle(request, &workdir, OWN_NAME)?;
    drop(lock);
    let said = if was_running { "stopped" } else { "nothing of this run was running" };
    say(&format!("{said}; {}\n", way_on(outcome.as_ref(), &workdir))).map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}

/// A run whose `run.json` is `unreadable` has no name, so nothing of it is found by that. Its
/// supervisor is: it is named by the pid file, and the kernel shows it with the lock open. Asked to
/// end, it ends its workers, and writes how the run ended.
fn stop_by_lock(
    workdir: &Workdir,
    grace: Duration,
    unreadable: Failure,
) -> Result<ExitStatus, Failure> {
    let Some(supervisor) = holder(workdir) else { return Err(unreadable) };
    stop_supervisor(&supervisor, grace);
    if locks::is_supervised(workdir) {
        return Err(unreadable);
    }
    say(&format!(
        "stopped: process {}, which held the lock of {}, has ended with its workers. Its run can't continue as it is: {}\n",
        supervisor.pid,
        workdir.root().display(),
        with_causes(&unreadable)
    ))
    .map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}

/// Ends the supervisor and every other process of the run; `false` if there was none.
fn stop_all(workdir: &Workdir, request: &Request, grace: Duration) -> Result<bool, Failure> {
    let marker = Marker::of_run(&request.run).of_owner_of(workdir);
    let mut heads = supervisors(workdir, &request.run);
    if let Some(holder) = holder(workdir)
        && !heads.contains(&holder)
    {
        heads.push(holder);
    }
    let was_running = !heads.is_empty() || !watch::marked(&marker).is_empty();
    for head in &heads {
        stop_supervisor(head, grace);
    }
    // There is no supervisor, or it did not finish.
    let left = containment::end_all(workdir, &request.run, grace);
    if left.is_empty() {
        return Ok(was_running);
    }
    Err(Failure::Undead(watch::listed(left)))
}

/// Does a process of the run live: a worker, its shim, a supervisor that starts? The caller may
/// hold the locks of a `closed` run: a supervisor that still lives then has given them back and
/// only waits for its last notification.
pub fn is_at_work(workdir: &Workdir, run: &str, closed: Closed) -> bool {
    let marker = Marker::of_run(run).of_owner_of(workdir);
    let has_supervisor = || match closed {
        Closed::Yes => false,
        Closed::No => !supervisors(workdir, run).is_empty(),
    };
    has_supervisor() || !watch::marked(&marker).is_empty()
}

/// Does the journal say that the run is over?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Its supervisor does nothing any more.
    Yes,
    /// The run goes on, or the journal was not read.
    No,
}

/// Detached supervisors, including those that do not have their locks yet.
fn supervisors(workdir: &Workdir, run: &str) -> Vec<ProcessIdentity> {
    watch::marked(&Marker::of_supervisor(run).of_owner_of(workdir))
}

/// The holder of the lock, as the pid file names it: the supervisor, or a `start` that runs.
pub fn holder(workdir: &Workdir) -> Option<ProcessIdentity> {
    if !locks::is_supervised(workdir) {
        return None;
    }
    let mut identity = None;
    // It writes the file right after it has got its locks.
    clock::wait_until(Duration::from_secs(2), || {
        identity = lock_holder::proven(&workdir.launcher_pid(), &workdir.lock());
        identity.is_some() || !locks::is_supervised(workdir)
    });
    identity
}

/// The lock of the work directory, once its holder has gone.
fn hold(workdir: &Workdir, run: &str) -> Result<Lock, LockError> {
    clock::wait_until(Duration::from_secs(1), || !locks::is_supervised(workdir));
    locks::hold_workdir(workdir, run)
}

fn stop_supervisor(supervisor: &ProcessIdentity, grace: Duration) {
    let is_gone = || !supervisor.is_alive();
    if grace.is_zero() {
        signal::send(supervisor, StopSignal::Hurry);
    } else {
        signal::send(supervisor, StopSignal::Ask);
        if clock::wait_until(grace, is_gone) {
            return;
        }
        signal::send(supervisor, StopSignal::Hurry);
    }
    if !clock::wait_until(SUPERVISOR_MARGIN, is_gone) {
        signal::send(supervisor, StopSignal::Kill);
        clock::wait_until(SUPERVISOR_MARGIN, is_gone);
    }
}

/// Closes in the name of `by` what a dead supervisor has left open, and returns the outcome; `None`
/// if no supervisor has started the run. The caller holds the lock of the work directory, and no
/// process of the run lives.
pub fn settle(request: Request, workdir: &Workdir, by: &str) -> Result<Option<Outcome>, Failure> {
    let machine = journal::follow(workdir, request.first_rules())?;
    match machine.run() {
        RunState::Planned => Ok(None),
        RunState::Closed { .. } if prepare::leaves_work(&machine, &request) => Ok(None),
        RunState::Closed { outcome } => Ok(Some(outcome.clone())),
        RunState::Open | RunState::Paused { .. } | RunState::Stopping { .. } => {
            // No process starts, so neither executable nor key is needed.
            let run = Run::new(request, workdir.clone(), PathBuf::new(), None);
            let outcome = drive::record_stop(&run, by)?;
            drop(fs::remove_file(workdir.launcher_pid()));
            Ok(Some(outcome))
        }
    }
}

fn way_on(outcome: Option<&Outcome>, workdir: &Workdir) -> String {
    let resume = words::resume_command(workdir);
    match outcome {
        Some(Outcome::Complete) => "it is complete".to_owned(),
        Some(Outcome::Incomplete { .. }) => format!("try the failed ones again with: {resume}"),
        Some(Outcome::Stopped { .. }) | None => format!("resume with: {resume}"),
    }
}
