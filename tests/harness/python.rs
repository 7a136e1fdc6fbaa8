//! The Python with pyarrow that `scripts/python-env` makes, and what is said where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

/// `SCRIPT` below `tests/` for the Python of `.venv`; `None`, with a word, where there is no such
/// Python.
pub fn script(name: &str) -> Option<Command> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python: PathBuf = project.join(".venv/bin/python");
    if !python.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must have .venv: scripts/python-env makes it"
        );
        eprintln!("skipped: no .venv with pyarrow; scripts/python-env makes it");
        return None;
    }
    let mut command = Command::new(python);
    // -B: nothing but target/ and .venv/ is made inside the project.
    command.arg("-B").arg(project.join("tests").join(name));
    Some(command)
}
