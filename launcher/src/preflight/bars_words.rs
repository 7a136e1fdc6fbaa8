//! Does `bars` accept the options behind `--`? Asked before a run is frozen with them: frozen
//! options can't be taken back, and each worker would refuse them. [`bars_days`](super::bars_days)
//! asks whether the input has the days.

use shared::run::workdir::{BatchId, Workdir};

use super::executable::{self, ExecutableError};
use crate::job::Task;
use crate::plan::part::Part;
use crate::plan::request::Request;
use crate::plan::worker_command;
use crate::process::spawn::{self, SpawnError};

/// Makes `bars` check its arguments and do nothing else.
const CHECK_ONLY: &str = "--check-only";

/// Why a run does not start with these options.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    #[error("`bars` refuses its arguments: {said}\n(nothing was started or changed)")]
    Refused { said: String },
    /// There is no `bars`.
    #[error(transparent)]
    Executable(#[from] ExecutableError),
    /// It could not be asked.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Asks `bars` with the arguments that a worker of `request` would get. Downloads need no such
/// check: their options are ours.
pub fn prove(request: &Request, workdir: &Workdir) -> Result<(), WordsError> {
    let Task::Bars(_) = request.settings.task() else { return Ok(()) };
    let executable = executable::find(&request.settings.program)?;
    let mut arguments = vec![CHECK_ONLY.into()];
    arguments.extend(worker_command::arguments(request, workdir, BatchId(1), 1, Part::WHOLE));
    match spawn::objection(&executable, &arguments)? {
        Some(said) => Err(WordsError::Refused { said }),
        None => Ok(()),
    }
}
