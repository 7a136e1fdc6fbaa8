//! `launcher attend`: the shim of one attempt; started by the supervisor, or by a cluster's job script.

use super::existing;
use super::failure::{Ending, Failure};
use crate::check::executable;
use crate::cli::AttendArgs;
use crate::process::signal::Inbox;
use crate::supervise::attend;
use crate::supervise::run::Run;

/// Attends to one attempt. How it went is said in its `exit.json`.
pub fn attend(args: &AttendArgs) -> Result<Ending, Failure> {
    // First of all: from here on a signal is a message.
    let mut inbox =
        Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })?;
    let workdir = existing::workdir(&args.workdir)?;
    let request = existing::request(&workdir)?;
    let api_key = existing::api_key(&request.settings.program)?;
    // Should it be gone meanwhile, the record says so: this is not the tickers' fault.
    let executable = executable::place(&request.settings.program)?;
    let run = Run { request, workdir, executable, api_key };
    attend::attend(&run, args.batch, args.attempt, &mut inbox)?;
    Ok(Ending::Well)
}
