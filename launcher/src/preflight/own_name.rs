//! What does a person type to run this program?

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "launcher";

/// `launcher` if `PATH` leads to `executable`, else `typed` if that is a path to it, else its path.
pub fn of(executable: &Path, typed: &Path, path: Option<&OsStr>) -> PathBuf {
    let real = fs::canonicalize(executable).ok();
    let is_it = |path: &Path| real.is_some() && fs::canonicalize(path).ok() == real;
    let first = path.into_iter().flat_map(std::env::split_paths).map(|folder| folder.join(NAME));
    let mut found = first.filter(|candidate| candidate.is_file());
    if found.next().is_some_and(|found| is_it(&found)) {
        return PathBuf::from(NAME);
    }
    if typed.components().count() > 1 && is_it(typed) {
        typed.to_owned()
    } else {
        executable.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_name_is_shown_only_where_it_leads_here() {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |name: &str| {
            let path = folder.path().join(name);
            shared::disk::publish::publish(&path, b"").expect("written");
            path
        };
        let (ours, other) = (make("ours/launcher"), make("other/launcher"));
        let path = |folders: &[&PathBuf]| {
            std::env::join_paths(folders.iter().filter_map(|it| it.parent())).expect("plain names")
        };
        let shown = |typed: &Path, folders: &[&PathBuf]| of(&ours, typed, Some(&path(folders)));
        assert_eq!(shown(Path::new("launcher"), &[&ours, &other]), Path::new("launcher"));
        assert_eq!(shown(Path::new("launcher"), &[&other, &ours]), ours, "another one comes first");
        assert_eq!(
            shown(&ours.with_file_name("../ours/launcher"), &[]),
            ours.with_file_name("../ours/launcher")
        );
        assert_eq!(shown(Path::new("elsewhere/launcher"), &[]), ours);
    }
}
