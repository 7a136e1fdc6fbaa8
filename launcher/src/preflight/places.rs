//! Do the work directory and the output lie apart? Logs and locks of a run are not data, and a
//! sweep of one folder must not reach the other.

use std::fs;
use std::path::{Path, PathBuf};

/// One folder lies in the other.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--workdir {workdir} {relation} --outdir {outdir}; choose two folders side by side", workdir = workdir.display(), outdir = outdir.display())]
pub struct PlacesError {
    /// As given, absolute.
    pub workdir: PathBuf,
    /// As given, absolute.
    pub outdir: PathBuf,
    /// How they lie.
    pub relation: &'static str,
}

/// Refuses two names for one folder, and folders inside one another, also through links.
pub fn keep_apart(workdir: &Path, outdir: &Path) -> Result<(), PlacesError> {
    let (real_workdir, real_outdir) = (real(workdir), real(outdir));
    let relation =
        match (real_workdir.starts_with(&real_outdir), real_outdir.starts_with(&real_workdir)) {
            (true, true) => "is the same folder as",
            (true, false) => "lies inside",
            (false, true) => "lies around",
            (false, false) => return Ok(()),
        };
    Err(PlacesError { workdir: workdir.to_owned(), outdir: outdir.to_owned(), relation })
}

/// `path` without links and `..`, as far as it exists.
fn real(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => real(parent).join(name),
        (Err(_), _, _) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_meet_are_refused_also_through_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).expect("made");
        std::os::unix::fs::symlink(at("data"), at("link")).expect("linked");
        let relation = |workdir: &str, outdir: &str| {
            keep_apart(&at(workdir), &at(outdir)).map_err(|error| error.relation)
        };
        assert_eq!(relation("data", "link"), Err("is the same folder as"));
        assert_eq!(relation("link/runs/new", "data"), Err("lies inside"));
        assert_eq!(relation("data", "link/daily"), Err("lies around"));
        assert_eq!(relation("data2", "data"), Ok(()));
        assert_eq!(relation("data/run", "data/daily"), Ok(()));
    }
}
