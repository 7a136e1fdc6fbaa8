//! The snapshot and its details, read from disk. Folders stand for the newest snapshot in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shared::disk::publish::DiskError;

use super::rule::ListedTicker;
use crate::reference::output::{TableName, date_of};
use crate::reference::table::{Table, TableError};

/// Why there is nothing to choose from.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A folder can't be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("{folder}: no {file} in it and none in a snapshot_date=YYYY-MM-DD below it; `worker reference` makes one", folder = folder.display())]
    NoSnapshot { folder: PathBuf, file: &'static str },
}

/// A file found through a path that a person gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    pub file: PathBuf,
    /// Of how many snapshots it is the newest; `None` when the path left no choice.
    pub newest_of: Option<usize>,
}

/// The file of `table` that `path` means: itself, the one in that folder, or the newest of its
/// snapshots.
pub fn find(path: &Path, table: TableName) -> Result<FoundTable, InputError> {
    // What isn't there, or is no folder, is a file: reading it says what is wrong.
    if !path.is_dir() {
        return Ok(FoundTable { file: path.to_owned(), newest_of: None });
    }
    let own = path.join(table.file());
    if own.exists() {
        return Ok(FoundTable { file: own, newest_of: None });
    }
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(path).map_err(DiskError::at("list", path))? {
        let entry = entry.map_err(DiskError::at("list", path))?;
        let file = entry.path().join(table.file());
        if let Some(date) = date_of(&entry.file_name().to_string_lossy())
            && file.exists()
        {
            snapshots.push((date, file));
        }
    }
    let count = snapshots.len();
    match snapshots.into_iter().max() {
        Some((_, file)) => Ok(FoundTable { file, newest_of: Some(count) }),
        None => Err(InputError::NoSnapshot { folder: path.to_owned(), file: table.file() }),
    }
}

/// What the details say of a ticker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownDetails {
    market_cap: Option<f64>,
    list_date: Option<String>,
    industry: Option<String>,
}

/// Details by ticker.
pub fn read_details(file: &Path) -> Result<BTreeMap<String, KnownDetails>, InputError> {
    let table = Table::read(file)?;
    let values = table.float("market_cap")?.into_iter();
    let values = values.zip(table.text("list_date")?).zip(table.text("sic_description")?);
    let known = values.map(|((market_cap, list_date), industry)| KnownDetails {
        market_cap,
        list_date,
        industry,
    });
    Ok(table.required("ticker")?.into_iter().zip(known).collect())
}

/// The rows of a snapshot, with what `details` say of them.
pub fn read_candidates(
    file: &Path,
    details: &BTreeMap<String, KnownDetails>,
) -> Result<Vec<ListedTicker>, InputError> {
    let table = Table::read(file)?;
    let (mut names, mut exchanges) =
        (table.text("name")?.into_iter(), table.text("primary_exchange")?.into_iter());
    let (mut kinds, mut ciks) = (table.text("type")?.into_iter(), table.text("cik")?.into_iter());
    let (mut updates, mut sides) =
        (table.text("last_updated_utc")?.into_iter(), table.truth("active")?.into_iter());
    let candidate = |ticker: String| {
        let KnownDetails { market_cap, list_date, industry } =
            details.get(&ticker).cloned().unwrap_or_default();
        ListedTicker {
            ticker,
            name: names.next().flatten(),
            primary_exchange: exchanges.next().flatten(),
            kind: kinds.next().flatten(),
            active: sides.next().flatten() == Some(true),
            cik: ciks.next().flatten(),
            last_updated_utc: updates.next().flatten(),
            market_cap,
            list_date,
            industry,
            days: None,
        }
    };
    Ok(table.required("ticker")?.into_iter().map(candidate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;

    #[test]
    fn a_folder_stands_for_its_newest_whole_snapshot() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let error = find(root, TableName::Tickers).expect_err("nothing there").to_string();
        assert!(error.ends_with("`worker reference` makes one"), "{error}");
        for day in ["2024-01-31", "2025-02-28"] {
            let file = root.join(format!("snapshot_date={day}/tickers.parquet"));
            publish::publish(&file, b"x").expect("written");
        }
        fs::create_dir(root.join("snapshot_date=2026-01-01")).expect("made");
        let newest = root.join("snapshot_date=2025-02-28/tickers.parquet");
        let found = find(root, TableName::Tickers).expect("found");
        assert_eq!(found, FoundTable { file: newest.clone(), newest_of: Some(2) });
        let in_folder =
            find(&root.join("snapshot_date=2025-02-28"), TableName::Tickers).expect("found");
        assert_eq!(in_folder, FoundTable { file: newest, newest_of: None });
    }
}
