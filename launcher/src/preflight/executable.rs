//! Is there an executable to run?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use shared::disk::publish::DiskError;

use crate::plan::settings::Program;

const ANY_EXECUTE_BIT: u32 = 0o111;

/// Why there is no executable.
#[derive(Debug, thiserror::Error)]
pub enum ExecutableError {
    #[error("--ingest-script {path}: {what}", path = path.display())]
    Script { path: PathBuf, what: &'static str },
    #[error("{path}: {name} is missing; build it (cargo build -p worker) or put it beside `launcher`", path = path.display())]
    Worker { path: PathBuf, name: &'static str },
    /// The path of this program is unknown.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The executable of `program`, whether it exists or not.
pub fn place(program: &Program) -> Result<PathBuf, DiskError> {
    let beside_us = |name: &str| {
        let own =
            std::env::current_exe().map_err(DiskError::at("find", Path::new("/proc/self/exe")))?;
        Ok(own.with_file_name(name))
    };
    match program {
        Program::Worker => beside_us("worker"),
        Program::Bars(_) => beside_us("bars"),
        Program::Script(path) => Ok(path.clone()),
    }
}

/// The executable of `program`, which must exist and be executable.
pub fn find(program: &Program) -> Result<PathBuf, ExecutableError> {
    match program {
        Program::Worker | Program::Bars(_) => {
            let path = place(program)?;
            let name =
                if *program == Program::Worker { "the worker" } else { "the executable bars" };
            if is_executable(&path) {
                Ok(path)
            } else {
                Err(ExecutableError::Worker { path, name })
            }
        }
        Program::Script(path) => {
            let wrong = |what| Err(ExecutableError::Script { path: path.clone(), what });
            match fs::metadata(path) {
                Err(_) => wrong("no such file"),
                Ok(found) if !found.is_file() => wrong("not a file"),
                Ok(_) if !is_executable(path) => wrong("not executable; chmod +x makes it so"),
                Ok(_) => Ok(path.clone()),
            }
        }
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & ANY_EXECUTE_BIT != 0)
}
