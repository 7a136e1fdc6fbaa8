//! Files without a sync, for readers of this boot: ticker lists and days of attempts, pid files,
//! batch lists for people. A crash may tear one, so no decision rests on them that the journal or a
//! marker does not confirm.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use shared::disk::audience::Audience;
use shared::disk::publish::DiskError;
use shared::disk::regular;

/// Writes `text` without a sync: a durable file costs 15 ms, and a run writes thousands.
pub fn write(path: &Path, text: &str) -> Result<(), DiskError> {
    let mut options = File::options();
    let file = Audience::Owner.open(options.create(true).truncate(true).write(true), path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(DiskError::at("write", path))
}

/// Writes `text` at `path`. If `other` has the same text, `path` becomes a hard link to it, which
/// is cheaper.
pub fn write_like(path: &Path, text: &str, other: &Path) -> Result<(), DiskError> {
    let says_it = regular::read(other).is_ok_and(|found| found == text.as_bytes());
    if says_it && fs::hard_link(other, path).is_ok() {
        return Ok(());
    }
    // The old `path` may be a link to `other`.
    drop(fs::remove_file(path));
    write(path, text)
}

/// Writes `text` over a file that may exist. The file is cut only if it was longer: ext4 writes a
/// file that was cut to nothing to the disk as soon as it is closed.
pub fn write_over(path: &Path, text: &str) -> Result<(), DiskError> {
    let write = || {
        let mut options = File::options();
        let mut file =
            Audience::Owner.open(options.create(true).truncate(false).write(true), path)?;
        file.write_all(text.as_bytes())?;
        let length = text.len() as u64;
        if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
    };
    write().map_err(DiskError::at("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_is_to_say_whatever_the_other_one_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let [other, path] = ["batch.csv", "tickers.csv"].map(|name| folder.path().join(name));
        for there in [None, Some("ticker\nA\n"), Some("ticker\nA\nB\n")] {
            if let Some(there) = there {
                write(&other, there).expect("written");
            }
            write_like(&path, "ticker\nA\n", &other).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), "ticker\nA\n", "beside {there:?}");
            assert_eq!(fs::read_to_string(&other).ok().as_deref(), there, "it is not written to");
        }
    }
}
