//! `launcher attend`: the shim of one attempt; started by the supervisor, or by a cluster's job script.

use super::existing;
use super::failure::{Ending, Failure};
use crate::cli::AttendArgs;
use crate::process::signal::Inbox;
use crate::supervise::attend;

/// Attends to one attempt. How it went is said in its `exit.json`.
pub fn attend(args: &AttendArgs) -> Result<Ending, Failure> {
    // First of all: from here on a signal is a message.
    let inbox = Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })?;
    let workdir = existing::workdir(&args.workdir)?;
    let run = existing::run(existing::request(&workdir)?, workdir)?;
    attend::attend(&run, args.batch, args.attempt, &inbox)?;
    Ok(Ending::Well)
}
