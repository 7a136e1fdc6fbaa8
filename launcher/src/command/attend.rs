//! `launcher attend`: a shim; started by the supervisor, or for one attempt by a cluster's job script.

use super::existing;
use super::failure::{Ending, Failure};
use crate::check::executable;
use crate::cli::AttendArgs;
use crate::process::signal::Inbox;
use crate::run::Run;
use crate::shim;
use crate::shim::protocol::Orders;

/// Attends to one attempt, or to one after the other. How each went is said in its `exit.json`.
pub fn attend(args: &AttendArgs) -> Result<Ending, Failure> {
    // First of all: from here on a signal is a message.
    let mut inbox =
        Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })?;
    let run = run(args)?;
    if let (Some(batch), Some(attempt)) = (args.batch, args.attempt) {
        shim::attend_one(&run, batch, attempt, &mut inbox)?;
    } else {
        let orders = Orders::open();
        let orders = orders.map_err(|source| Failure::System { doing: "read orders", source })?;
        shim::serve(&run, orders, &mut inbox)?;
    }
    Ok(Ending::Well)
}

fn run(args: &AttendArgs) -> Result<Run, Failure> {
    let workdir = existing::workdir(&args.workdir)?;
    let request = existing::request(&workdir)?;
    let api_key = existing::api_key(&request.settings.program)?;
    // Should it be gone meanwhile, the record says so: this is not the tickers' fault.
    let executable = executable::place(&request.settings.program)?;
    Ok(Run::new(request, workdir, executable, api_key))
}
