//! Listings: which tickers the newest snapshot of `worker reference` names, for telling how a
//! ticker is spelled. Of a snapshot only the column `ticker` is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::reader::{self, ReadError};
use crate::disk::publish::DiskError;
use crate::market::trading_day::TradingDay;

/// Everybody of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When it was taken.
    pub date: TradingDay,
    /// The names that are one when case and signs between letters are left out.
    names: BTreeMap<String, Vec<String>>,
}

/// How a name stands in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelling<'a> {
    /// As it is.
    Right,
    /// Not so, but these are there.
    Otherwise(&'a [String]),
    /// In no spelling.
    Unknown,
}

impl Listing {
    /// The newest snapshot below `folder`, the output of `worker reference`; `None` where there is
    /// none.
    pub fn newest(folder: &Path) -> Result<Option<Self>, ReadError> {
        let snapshots = folder.join("tickers_snapshot");
        let entries = match fs::read_dir(&snapshots) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::at("list", &snapshots)(error).into()),
        };
        let mut newest = None;
        for entry in entries {
            let entry = entry.map_err(DiskError::at("list", &snapshots))?;
            let (name, file) = (entry.file_name(), entry.path().join("tickers.parquet"));
            let date =
                name.to_str().and_then(|name| name.strip_prefix("snapshot_date=")?.parse().ok());
            newest =
                newest.max(date.filter(|_| file.exists()).map(|date: TradingDay| (date, file)));
        }
        newest.map(|(date, file)| Ok(Self::of(date, reader::texts(&file, "ticker")?))).transpose()
    }

    fn of(date: TradingDay, all: impl IntoIterator<Item = String>) -> Self {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in all {
            let alike = names.entry(bare(&name)).or_default();
            if !alike.contains(&name) {
                alike.push(name);
            }
        }
        Self { date, names }
    }

    /// How `name` stands in it.
    pub fn spelling(&self, name: &str) -> Spelling<'_> {
        match self.names.get(&bare(name)) {
            Some(alike) if alike.iter().any(|it| it == name) => Spelling::Right,
            Some(alike) => Spelling::Otherwise(alike),
            None => Spelling::Unknown,
        }
    }
}

/// What all spellings of a name have in common.
fn bare(name: &str) -> String {
    name.chars().filter(|c| !"-./_ ".contains(*c)).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::writer::publish_table;
    use crate::disk::publish::Draft;
    use arrow::array::{RecordBatch, StringArray};
    use std::sync::Arc;

    #[test]
    fn a_name_is_found_in_other_spellings_in_the_newest_snapshot() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Listing::newest(folder.path()).expect("read"), None);
        for (date, names) in [
            ("2024-01-31", vec!["OLD"]),
            ("2025-02-28", vec!["BRK.B", "MAMTH", "BACpA", "AB", "A.B"]),
        ] {
            let path = folder
                .path()
                .join(format!("tickers_snapshot/snapshot_date={date}/tickers.parquet"));
            let column = Arc::new(StringArray::from(names)) as _;
            publish_table(
                Draft::create(&path).expect("begun"),
                &RecordBatch::try_from_iter([("ticker", column)]).expect("a table"),
            )
            .expect("published");
        }
        fs::create_dir(folder.path().join("tickers_snapshot/snapshot_date=2026-01-01"))
            .expect("made");
        let listing = Listing::newest(folder.path()).expect("read").expect("a snapshot");
        assert_eq!(listing.date.to_string(), "2025-02-28");
        let said = |name: &str| match listing.spelling(name) {
            Spelling::Right => "right".to_owned(),
            Spelling::Otherwise(names) => names.join(" "),
            Spelling::Unknown => "unknown".to_owned(),
        };
        let names = ["BRK-B", "brk/b", "BRK B", "mamth", "MAMTH", "BACPA", "a-b", "OLD", "MAR-1"];
        let expected =
            ["BRK.B", "BRK.B", "BRK.B", "MAMTH", "right", "BACpA", "AB A.B", "unknown", "unknown"];
        assert_eq!(names.map(said), expected);
    }
}
