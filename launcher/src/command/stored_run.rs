//! The run in a work directory, as every command except a new `start` needs it.

use std::io;
use std::path::{Path, PathBuf};

use shared::run::api_key::{ApiKey, ApiKeyError};
use shared::run::workdir::Workdir;

use super::failure::Failure;
use crate::plan::request::Request;
use crate::plan::settings::Program;
use crate::preflight::executable;
use crate::run::Run;

pub fn current_folder() -> Result<PathBuf, Failure> {
    let doing = "find the current folder";
    std::env::current_dir().map_err(|source: io::Error| Failure::System { doing, source })
}

/// A work directory, made absolute.
pub fn workdir(given: &Path) -> Result<Workdir, Failure> {
    Ok(Workdir::new(&current_folder()?.join(given).components().collect::<PathBuf>()))
}

/// The run in `workdir`, which must hold one.
pub fn request(workdir: &Workdir) -> Result<Request, Failure> {
    Request::read(workdir)?.ok_or_else(|| Failure::NoRun { workdir: workdir.root().to_owned() })
}

/// The key. A script may do without, bars need none.
pub fn api_key(program: &Program) -> Result<Option<ApiKey>, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "here, once, the environment is asked for the key"
    )]
    let variable = |name: &str| std::env::var(name).ok();
    let found = ApiKey::find(variable, &current_folder()?);
    match (found, program) {
        (_, Program::Bars(_)) | (Err(ApiKeyError::Missing), Program::Script(_)) => Ok(None),
        (Ok(key), _) => Ok(Some(key)),
        (Err(error), _) => Err(error.into()),
    }
}

/// What all attempts of `request` share.
pub fn run(request: Request, workdir: Workdir) -> Result<Run, Failure> {
    let api_key = api_key(&request.settings.program)?;
    let executable = executable::find(&request.settings.program)?;
    Ok(Run::new(request, workdir, executable, api_key))
}
