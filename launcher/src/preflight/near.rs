//! Names that are almost those of a run: what somebody may have meant who goes on with a run that
//! is not there.

use std::fs;
use std::path::{Path, PathBuf};

use shared::run::workdir::Workdir;

/// How many letters may be missing, added or different.
const TYPOS: usize = 2;

/// The folder beside `workdir` that holds a run and has almost the same name.
pub fn run_beside(workdir: &Path) -> Option<PathBuf> {
    let name = workdir.file_name()?.to_str()?;
    let beside = fs::read_dir(workdir.parent()?).ok()?.flatten();
    let runs = beside.filter(|entry| Workdir::new(&entry.path()).request().is_file());
    let named =
        runs.filter_map(|entry| Some((distance(name, entry.file_name().to_str()?), entry.path())));
    named.filter(|(typos, _)| (1..=TYPOS).contains(typos)).min().map(|(_, path)| path)
}

/// How many letters must be taken out, put in or changed to make one of the other (Levenshtein), in
/// whatever case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.to_lowercase().chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], at + 1);
        for (column, same) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *same);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_typo_is_near_and_another_word_is_not() {
        for (one, other, expected) in [
            ("minute", "minute", 0),
            ("minuet", "minute", 2),
            ("minut", "minute", 1),
            ("daily", "trades", 5),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["minute", "daily", "minutes-of-2024"] {
            fs::create_dir(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join("run.json"), "{}").expect("written");
        }
        fs::create_dir(folder.path().join("minuta")).expect("made");
        let near = |name: &str| run_beside(&folder.path().join(name));
        assert_eq!(near("minut"), Some(folder.path().join("minute")));
        assert_eq!(near("trades"), None);
        assert_eq!(near("daly"), Some(folder.path().join("daily")));
    }
}
