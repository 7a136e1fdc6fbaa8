//! `OUT/_dataset.json` of a tree of bars: says what it is, so that no download and no bars of other
//! times mix in it.

use std::path::{Path, PathBuf};

use crate::disk::regular;
use serde::{Deserialize, Serialize};

use crate::disk::publish::{DiskError, Draft};
use crate::market::zone::Zone;

/// What a tree of bars says of itself. What bars were made of is in the state of each series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TreeOfBars {
    kind: String,
    schema_version: u32,
    time_zone: Zone,
}

/// Why a folder can't hold bars.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something else lives there.
    #[error("{path}: this tree does not hold bars ({found}); choose another --outdir", path = path.display())]
    SomethingElse {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        found: String,
    },
}

/// Makes `outdir` a tree of bars, or checks that it is one.
pub fn claim(outdir: &Path) -> Result<(), TreeError> {
    let ours = TreeOfBars { kind: "bars".to_owned(), schema_version: 1, time_zone: Zone::NewYork };
    let path = outdir.join("_dataset.json");
    let mut text = serde_json::to_string_pretty(&ours).expect("a descriptor is plain data");
    text.push('\n');
    if !path.exists() && Draft::below(outdir, &path)?.fill_new(text.as_bytes())? {
        return Ok(());
    }
    let bytes = regular::read(&path).map_err(DiskError::at("read", &path))?;
    if serde_json::from_slice(&bytes).is_ok_and(|found: TreeOfBars| found == ours) {
        return Ok(());
    }
    let kind = serde_json::from_slice::<serde_json::Value>(&bytes)
        .ok()
        .and_then(|found| found.get("kind")?.as_str().map(|kind| format!("its kind is {kind}")));
    Err(TreeError::SomethingElse {
        path,
        found: kind.unwrap_or_else(|| "it is not readable".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_tree_of_downloads_takes_no_bars() {
        let folder = tempfile::tempdir().expect("a folder");
        claim(folder.path()).expect("new");
        claim(folder.path()).expect("again");
        fs::write(folder.path().join("_dataset.json"), r#"{"kind":"trades"}"#).expect("written");
        let error = claim(folder.path()).expect_err("refused").to_string();
        assert!(error.ends_with("(its kind is trades); choose another --outdir"), "{error}");
    }
}
