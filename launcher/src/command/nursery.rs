//! `launcher nursery`: forks the shims of one supervisor, and is each of them after that.

use std::io::{self, Write};

use shared::run::workdir::BatchId;

use super::existing;
use super::failure::{Ending, Failure};
use crate::check::executable;
use crate::cli::NurseryArgs;
use crate::process::nursery::{Cradle, Leave};
use crate::process::sibling;
use crate::process::signal::{self, Inbox};
use crate::process::spawn;
use crate::supervise::attempt::with_cause;
use crate::supervise::attend;
use crate::supervise::run::Run;
use crate::supervise::shims::attempt_of;

/// Serves its supervisor to the end, or attends to one attempt as `launcher attend` does. No threads before the fork.
pub fn nursery(args: &NurseryArgs) -> Result<Ending, Failure> {
    // Nobody signals a nursery; a shim hears what came for it before it could listen.
    signal::hold().map_err(|source| Failure::System { doing: "hold signals back", source })?;
    let workdir = existing::workdir(&args.workdir)?;
    let request = existing::request(&workdir)?;
    let api_key = existing::api_key(&request.settings.program)?;
    let executable = executable::place(&request.settings.program)?;
    let run = Run { request, workdir, executable, api_key };
    let left = Cradle::open().and_then(Cradle::serve);
    match left.map_err(|source| Failure::System { doing: "fork shims", source })? {
        Leave::Over => Ok(Ending::Well),
        Leave::Born(name) => {
            let (batch, number) = attempt_of(name);
            let Err(failure) = shim(&run, batch, number) else { sibling::leave(0) };
            drop(writeln!(io::stderr(), "error: {}", with_cause(&failure)));
            sibling::leave(failure.exit().code())
        }
    }
}

fn shim(run: &Run, batch: BatchId, number: u32) -> Result<(), Failure> {
    spawn::become_shim(&run.workdir.batch_log(batch), &run.marker(batch, number))?;
    let mut inbox =
        Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })?;
    Ok(attend::attend(run, batch, number, &mut inbox)?)
}
