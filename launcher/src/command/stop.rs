//! `launcher stop`: ends a run and every process of it, with or without its supervisor.

use std::fs;
use std::time::Duration;

use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::existing;
use super::failure::{Ending, Failure};
use crate::cli::StopArgs;
use crate::process::clock;
use crate::process::signal::{self, Insistence};
use crate::process::watch::{self, Marker};
use crate::supervise::drive::GRACE;
use crate::supervise::locks;
use crate::view::words::{self, say};

/// What the supervisor may take beyond its workers' grace: to record their ends and to give back its locks.
const SUPERVISOR_MARGIN: Duration = Duration::from_secs(30);

/// Ends the run; well when nothing of it is left.
pub fn stop(args: &StopArgs) -> Result<Ending, Failure> {
    let workdir = existing::workdir(&args.workdir)?;
    let request = existing::request(&workdir)?;
    let marker = Marker::of_run(&request.run);
    let grace =
        if args.now { Duration::ZERO } else { Duration::try_from(args.grace).unwrap_or(GRACE).min(GRACE) };

    let supervisor = supervisor(&workdir);
    let was_running = supervisor.is_some() || !watch::marked(&marker).is_empty();
    if let Some(supervisor) = supervisor {
        stop_supervisor(&supervisor, grace);
    }
    // Without a supervisor, or when it did not manage: by the marker of the run.
    let left = watch::stop_marked(&marker, grace);
    if !left.is_empty() {
        let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
        return Err(Failure::Undead(pids.join(", ")));
    }
    let said = if was_running { "stopped" } else { "nothing of this run was running" };
    say(&format!("{said}; go on with: {}\n", words::resume_command(&workdir)));
    Ok(Ending::Well)
}

/// The live supervisor: who holds the lock and is still who the pid file says.
fn supervisor(workdir: &Workdir) -> Option<ProcessIdentity> {
    if !locks::is_supervised(workdir) {
        return None;
    }
    let mut identity = None;
    // It writes the file right after it got its locks.
    clock::wait_until(Duration::from_secs(2), || {
        let text = fs::read_to_string(workdir.launcher_pid()).unwrap_or_default();
        identity = serde_json::from_str(&text).ok().filter(ProcessIdentity::is_alive);
        identity.is_some() || !locks::is_supervised(workdir)
    });
    identity
}

fn stop_supervisor(supervisor: &ProcessIdentity, grace: Duration) {
    let is_gone = || !supervisor.is_alive();
    if grace.is_zero() {
        signal::send(supervisor, Insistence::Hurry);
    } else {
        signal::send(supervisor, Insistence::Ask);
        if clock::wait_until(grace, is_gone) {
            return;
        }
        signal::send(supervisor, Insistence::Hurry);
    }
    if !clock::wait_until(SUPERVISOR_MARGIN, is_gone) {
        signal::send(supervisor, Insistence::Kill);
        clock::wait_until(SUPERVISOR_MARGIN, is_gone);
    }
}
