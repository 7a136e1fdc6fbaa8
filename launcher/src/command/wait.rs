//! `launcher wait`: waits for the end of the supervisor and returns where the run stands.

use std::time::Duration;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::status;
use super::stored_run;
use crate::cli::WaitArgs;
use crate::process::clock;
use crate::supervise::locks;
use crate::view::status as text;
use crate::view::words::say;

/// Waits for the supervisor of the run.
pub fn wait(args: &WaitArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    stored_run::request(&workdir)?;
    let limit = args
        .timeout
        .map_or(Duration::MAX, |limit| Duration::try_from(limit).unwrap_or(Duration::ZERO));
    if !clock::wait_until(limit, || !locks::is_supervised(&workdir)) {
        say("still running\n").map_err(Failure::Output)?;
        return Ok(ExitStatus::TimedOut);
    }
    let snapshot = status::take(&workdir)?;
    say(&text::render(&snapshot)).map_err(Failure::Output)?;
    Ok(ExitStatus::from(&snapshot))
}
