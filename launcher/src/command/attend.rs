//! `launcher attend`: a shim. A supervisor starts it, or the script of a cluster job, for one
//! attempt.

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use crate::cli::AttendArgs;
use crate::preflight::executable;
use crate::process::signal::Inbox;
use crate::run::Run;
use crate::shim;
use crate::shim::protocol::{AttemptId, ShimEnd};

/// Attends to one attempt, or to one after the other. Each ends in its `exit.json`.
pub fn attend(args: &AttendArgs) -> Result<ExitStatus, Failure> {
    // First, so that from here on a signal is a message.
    let mut inbox =
        Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })?;
    let run = run(args)?;
    if let (Some(batch), Some(number)) = (args.batch, args.attempt) {
        shim::attend_one(&run, AttemptId { batch, number }, &mut inbox)?;
    } else {
        let doing = "hear from the supervisor";
        let supervisor = ShimEnd::open().map_err(|source| Failure::System { doing, source })?;
        shim::serve(&run, supervisor, &mut inbox)?;
    }
    Ok(ExitStatus::Well)
}

fn run(args: &AttendArgs) -> Result<Run, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let request = stored_run::request(&workdir)?;
    let api_key = stored_run::api_key(&request.settings.program)?;
    // If the executable is gone by now, the record says so. That is not the tickers' fault.
    let executable = executable::place(&request.settings.program)?;
    Ok(Run::new(request, workdir, executable, api_key))
}
