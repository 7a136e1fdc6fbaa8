//! The Python that `scripts/python-env` makes, and what is said where there is none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `SCRIPT` below `tests/` for the Python of `.venv`, which must have `package`; `None`, with a
/// word, where there is no such Python.
pub fn script(name: &str, package: &str) -> Option<Command> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python: PathBuf = project.join(".venv/bin/python");
    if !has(&python, package) {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must have .venv with {package}: scripts/python-env makes it"
        );
        eprintln!("skipped: no .venv with {package}; scripts/python-env makes it");
        return None;
    }
    let mut command = Command::new(python);
    // -B: nothing but target/ and .venv/ is made inside the project.
    command.arg("-B").arg(project.join("tests").join(name));
    Some(command)
}

fn has(python: &Path, package: &str) -> bool {
    let look =
        format!("import importlib.util, sys; sys.exit(not importlib.util.find_spec('{package}'))");
    let looking = Command::new(python).args(["-B", "-c", &look]).stdin(Stdio::null()).status();
    looking.is_ok_and(|status| status.success())
}
