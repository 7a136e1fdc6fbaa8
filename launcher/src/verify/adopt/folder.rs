//! Folders: all files below a ticker's folder, and what their places say. Nothing is opened, and no
//! link is followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::place::Place;

/// So deep a tree of partitions is, and some more.
const DEEPEST: usize = 8;

/// What stands at a path.
#[derive(Debug)]
pub enum Found {
    /// A file.
    File(Place),
    /// A link, to whatever.
    Link,
    /// What can't be looked at, with the system's words.
    Unreadable(io::Error),
}

/// Everything below `folder`, by its path, in order of names.
pub fn walk(folder: &Path) -> Vec<(PathBuf, Found)> {
    let mut all = Vec::new();
    step(folder, &mut Vec::new(), &mut all);
    all
}

fn step(folder: &Path, names: &mut Vec<String>, all: &mut Vec<(PathBuf, Found)>) {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return all.push((folder.to_owned(), Found::Unreadable(error))),
    };
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match entry.file_type() {
            Err(error) => all.push((path, Found::Unreadable(error))),
            Ok(kind) if kind.is_symlink() => all.push((path, Found::Link)),
            Ok(kind) if kind.is_dir() && names.len() < DEEPEST => {
                names.push(name);
                step(&path, names, all);
                names.pop();
            }
            Ok(kind) if kind.is_file() => {
                let folders: Vec<&str> = names.iter().map(String::as_str).collect();
                all.push((path, Found::File(Place::of(&folders, &name))));
            }
            Ok(_) => {
                let odd = io::Error::other("neither a file nor a folder, or too deep");
                all.push((path, Found::Unreadable(odd)));
            }
        }
    }
}
