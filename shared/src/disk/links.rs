//! Links below a root: what is written there stays there. The root itself may be a link; who set it up has chosen it.
//!
//! Each name on the way is looked at when a place is taken and again before a file is put into it. A link that is made
//! between look and deed is not seen: this keeps from mistakes, and from links that were there before.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::publish::DiskError;

/// Refuses `path`, which lies below `root`, where any name behind `root` is a link, dangling ones too. What is not there yet
/// is none.
pub fn refuse(root: &Path, path: &Path) -> Result<(), DiskError> {
    let Ok(below) = path.strip_prefix(root) else { return Ok(()) };
    let mut place = root.to_owned();
    for name in below.components() {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => return Err(DiskError::at("follow", &place)(a_link())),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(DiskError::at("look at", &place)(error)),
        }
    }
    Ok(())
}

fn a_link() -> io::Error {
    let text = "it is a link, and below an output folder nothing is written through links: put what it leads to in its place, \
                or remove it, and run again";
    io::Error::new(ErrorKind::NotADirectory, text)
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
        let refused = |path: &str| refuse(&at("out"), &at("out").join(path)).err().map(|error| error.path);
        assert_eq!(refused("A/year=2024/daily.parquet"), None);
        assert_eq!(refused("NEW/year=2024/daily.parquet"), None);
        assert_eq!(refused("B/_ledger.jsonl"), Some(at("out/B")));
        assert_eq!(refused("A/_ledger.jsonl"), Some(at("out/A/_ledger.jsonl")));
        assert_eq!(refused("A/year=2023/daily.parquet"), Some(at("out/A/year=2023")));
    }
}
