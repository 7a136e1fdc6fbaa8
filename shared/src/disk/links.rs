//! Finds links below a root. [`folder`](super::folder) ensures that nothing is written through a
//! link, even one that appears late; this check names a link before any work is done.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::DiskError;

/// Refuses `path`, which lies below `root`, if any name after `root` is a link, even a dangling
/// one. A name that does not exist yet is no link.
pub fn refuse(root: &Path, path: &Path) -> Result<(), DiskError> {
    let Ok(below) = path.strip_prefix(root) else { return Ok(()) };
    let mut place = root.to_owned();
    for name in below.components() {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => return Err(error(&place)),
            Ok(_) => {}
            Err(other)
                if matches!(other.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(());
            }
            Err(other) => return Err(DiskError::at("look at", &place)(other)),
        }
    }
    Ok(())
}

/// `path` is a link.
pub(super) fn error(path: &Path) -> DiskError {
    let text = "it is a link, and below an output folder nothing is written through links: put what it leads to in its place, \
                or remove it, and run again";
    DiskError::at("follow", path)(io::Error::new(ErrorKind::NotADirectory, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_on_the_way_is_named_and_the_root_may_be_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("real/A/year=2024")).expect("made");
        symlink(at("real"), at("out")).expect("linked");
        symlink(at("elsewhere"), at("real/B")).expect("linked, dangling");
        symlink(at("real/A/year=2024"), at("real/A/year=2023")).expect("linked");
        symlink("nowhere", at("real/A/_ledger.jsonl")).expect("linked");
        let refused =
            |path: &str| refuse(&at("out"), &at("out").join(path)).err().map(|error| error.path);
        assert_eq!(refused("A/year=2024/daily.parquet"), None);
        assert_eq!(refused("NEW/year=2024/daily.parquet"), None);
        assert_eq!(refused("B/_ledger.jsonl"), Some(at("out/B")));
        assert_eq!(refused("A/_ledger.jsonl"), Some(at("out/A/_ledger.jsonl")));
        assert_eq!(refused("A/year=2023/daily.parquet"), Some(at("out/A/year=2023")));
    }
}
