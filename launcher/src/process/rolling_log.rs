//! A log of bounded size: when it is full it continues in a new file, and the previous file is kept
//! beside it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shared::disk::publish::DiskError;

use super::spawn;

/// Size of each of the two files.
const FULL: u64 = 8 << 20;

/// A log of whole lines.
pub struct RollingLog {
    file: File,
    path: PathBuf,
    full: u64,
}

impl RollingLog {
    /// Continues the log at `path`.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { file: spawn::open_log(path)?, path: path.to_owned(), full: FULL })
    }

    /// Appends one line.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() >= self.full) {
            self.roll();
        }
        self.file.write_all(format!("{line}\n").as_bytes())
    }

    /// If that fails the old file keeps growing. A shim that has the old file open continues to
    /// write there.
    fn roll(&mut self) {
        let older = self.path.with_extension("log.1");
        if fs::rename(&self.path, &older).is_err() {
            return;
        }
        match spawn::open_log(&self.path) {
            Ok(file) => self.file = file,
            Err(_) => drop(fs::rename(&older, &self.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_goes_on_in_a_new_file_and_at_most_one_before_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("launcher.log");
        let mut log = RollingLog { full: 100, ..RollingLog::open(&path).expect("opened") };
        for number in 0..1000 {
            log.write_line(&format!("line {number:03}")).expect("written");
        }
        let read = |path: &Path| fs::read_to_string(path).expect("read");
        let (now, before) = (read(&path), read(&path.with_extension("log.1")));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
        assert!(
            now.len() <= 110 && before.len() <= 110,
            "{} and {} bytes",
            now.len(),
            before.len()
        );
        assert!(now.ends_with("line 999\n"));
        let lines: Vec<String> = format!("{before}{now}").lines().map(str::to_owned).collect();
        let last: Vec<String> =
            (1000 - lines.len()..1000).map(|number| format!("line {number:03}")).collect();
        assert_eq!(lines, last, "whole lines, one after the other");
    }
}
