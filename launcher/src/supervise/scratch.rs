//! Files that only the living read: ticker lists and days of attempts, pid files, batch lists for people. A crash may
//! leave half of one, so nothing is ever decided by them that the journal or a marker does not decide anew.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use shared::disk::publish::DiskError;

use crate::plan::part::Part;

/// Writes `text` at once, without a sync: a durable file costs 15 ms, and a run makes thousands of these.
#[expect(clippy::disallowed_methods, reason = "nobody reads these after a crash")]
pub fn jot(path: &Path, text: &str) -> Result<(), DiskError> {
    fs::write(path, text).map_err(DiskError::at("write", path))
}

/// Tells the shim of an attempt which days it is about; of all days there is no file.
pub fn jot_part(path: &Path, part: Part) -> Result<(), DiskError> {
    if part.is_whole() { Ok(()) } else { jot(path, &part.to_string()) }
}

/// The days that were jotted.
pub fn read_part(path: &Path) -> Result<Part, DiskError> {
    match fs::read_to_string(path) {
        Ok(text) => text.parse().map_err(|what: String| {
            DiskError::at("read", path)(io::Error::new(io::ErrorKind::InvalidData, what))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Part::WHOLE),
        Err(error) => Err(DiskError::at("read", path)(error)),
    }
}

/// The same over a file that may be there already, which is cut only when it is longer: one that was cut to nothing
/// would go to the disk at once when it is closed (ext4).
pub fn jot_over(path: &Path, text: &str) -> Result<(), DiskError> {
    let write = || {
        let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
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
    fn a_part_is_read_as_it_was_jotted_and_what_is_no_part_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part");
        let part: Part = "2024-01-01..2024-06-30".parse().expect("a part");
        jot_part(&path, Part::WHOLE).expect("nothing to write");
        assert!(!path.exists());
        assert_eq!(read_part(&path).expect("no file"), Part::WHOLE);
        jot_part(&path, part).expect("written");
        assert_eq!(read_part(&path).expect("read"), part);
        jot(&path, "2024-01").expect("written");
        assert!(read_part(&path).is_err());
    }
}
