//! What proves a table of a snapshot: lines of `_ledger.jsonl` beside it, written after the file is
//! in place. A file without its line, or of another length or content, is no table.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::dataset::writer::Fingerprint;
use shared::disk::checked_lines::{self, Appender, LinesError};
use shared::disk::publish::DiskError;

const LEDGER: &str = "_ledger.jsonl";

/// One table is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Name of the file, in the ledger's folder.
    pub file: String,
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, lower-case hex.
    pub sha256: String,
    /// Of a tickers snapshot: were the delisted asked for too?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delisted: Option<bool>,
    /// Of details and events: the SHA-256 of the tickers snapshot that they are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickers_sha256: Option<String>,
    /// When the source was asked, UTC.
    pub asked_at: Timestamp,
    /// The program that wrote it.
    pub version: String,
}

impl Proof {
    /// Proves the file `name` of `rows` rows.
    pub fn of(name: &str, rows: usize, fingerprint: Fingerprint, asked_at: Timestamp) -> Self {
        Self {
            file: name.to_owned(),
            rows: rows as u64,
            bytes: fingerprint.bytes,
            sha256: fingerprint.sha256,
            delisted: None,
            tickers_sha256: None,
            asked_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Appends the proof to the ledger of `folder`, which lies below `root`.
    pub fn write(&self, root: &Path, folder: &Path) -> Result<(), LinesError> {
        let mut ledger = Appender::below(root, &folder.join(LEDGER))?;
        ledger.recover()?;
        Ok(ledger.append(std::slice::from_ref(self))?)
    }
}

/// What is to be thought of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is what its proof says.
    Whole(Proof),
    /// It is there and nothing proves it, or it is not as it was.
    Unproven,
    Absent,
}

/// Looks at the file `name` in `folder` and at its last proof.
pub fn standing(folder: &Path, name: &str) -> Result<Standing, LinesError> {
    let path = folder.join(name);
    if !path.try_exists().map_err(DiskError::at("look at", &path))? {
        return Ok(Standing::Absent);
    }
    let proofs = checked_lines::read::<Proof>(&folder.join(LEDGER))?.entries;
    let Some(proof) = proofs.into_iter().rev().find(|proof| proof.file == name) else {
        return Ok(Standing::Unproven);
    };
    let found = Fingerprint::of_file(&path)?;
    let is_whole = (found.bytes, &found.sha256) == (proof.bytes, &proof.sha256);
    Ok(if is_whole { Standing::Whole(proof) } else { Standing::Unproven })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;

    #[test]
    fn a_file_is_whole_while_it_is_what_its_last_line_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.parquet");
        let look = || standing(folder.path(), "t.parquet").expect("looked at");
        let write = |bytes: &[u8]| {
            publish::publish(&path, bytes).expect("written");
            Proof::of(
                "t.parquet",
                1,
                Fingerprint::of_file(&path).expect("read"),
                Timestamp::UNIX_EPOCH,
            )
        };
        assert_eq!(look(), Standing::Absent);
        let first = write(b"first");
        assert_eq!(look(), Standing::Unproven, "a crash came before the line");
        first.write(folder.path(), folder.path()).expect("proven");
        assert_eq!(look(), Standing::Whole(first));
        let second = write(b"other");
        assert_eq!(look(), Standing::Unproven);
        second.write(folder.path(), folder.path()).expect("proven");
        assert_eq!(look(), Standing::Whole(second));
    }
}
