//! Listings: the tickers in the newest snapshot of `worker reference`, for hints on spelling. Only
//! the columns `ticker` and `delisted_utc` are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::reader::{self, ReadError};
use crate::disk::publish::DiskError;
use crate::market::trading_day::TradingDay;

/// With more names than this one letter away there is no hint.
const NEAR_MAX: usize = 3;
/// The letters of symbols.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The tickers of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When it was taken.
    pub date: TradingDay,
    /// Does it name delisted tickers too? `None` if it does not say.
    pub has_delisted: Option<bool>,
    /// The names by their bare form, without case and punctuation.
    names: BTreeMap<String, Vec<String>>,
}

/// Whether and how a name is in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelling<'a> {
    /// In this spelling.
    Right,
    /// In these other spellings only.
    Otherwise(&'a [String]),
    /// In no spelling, but these few names are one letter away: one changed, added, left out, or
    /// two swapped.
    Near(Vec<&'a str>),
    /// In no spelling, with no name near, or too many.
    Unknown,
}

impl Listing {
    /// The newest snapshot below `folder`, the output of `worker reference`; `None` where there is
    /// none.
    pub fn newest(folder: &Path) -> Result<Option<Self>, ReadError> {
        let Some((date, file)) = newest(folder, "tickers_snapshot", "tickers.parquet")? else {
            return Ok(None);
        };
        let has_delisted = reader::texts(&file, "delisted_utc").ok().map(|all| !all.is_empty());
        Ok(Some(Self::of(date, has_delisted, reader::texts(&file, "ticker")?)))
    }

    fn of(
        date: TradingDay,
        has_delisted: Option<bool>,
        all: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in all {
            let alike = names.entry(bare(&name)).or_default();
            if !alike.contains(&name) {
                alike.push(name);
            }
        }
        Self { date, has_delisted, names }
    }

    /// Looks `name` up.
    pub fn spelling(&self, name: &str) -> Spelling<'_> {
        match self.names.get(&bare(name)) {
            Some(alike) if alike.iter().any(|it| it == name) => Spelling::Right,
            Some(alike) => Spelling::Otherwise(alike),
            None => match self.near(&bare(name)) {
                near if near.is_empty() || near.len() > NEAR_MAX => Spelling::Unknown,
                near => Spelling::Near(near),
            },
        }
    }

    /// The names one letter away from `bare`.
    fn near(&self, bare: &str) -> Vec<&str> {
        let found = one_letter_away(bare);
        found
            .iter()
            .filter_map(|other| self.names.get(other))
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

/// The newest snapshot of `table` below `folder`, the output of `worker reference`: its date, and its
/// file called `name`.
pub(super) fn newest(
    folder: &Path,
    table: &str,
    name: &str,
) -> Result<Option<(TradingDay, PathBuf)>, DiskError> {
    let snapshots = folder.join(table);
    let entries = match fs::read_dir(&snapshots) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::at("list", &snapshots)(error)),
    };
    let mut newest = None;
    for entry in entries {
        let entry = entry.map_err(DiskError::at("list", &snapshots))?;
        let (folder, file) = (entry.file_name(), entry.path().join(name));
        let date =
            folder.to_str().and_then(|folder| folder.strip_prefix("snapshot_date=")?.parse().ok());
        newest = newest.max(date.filter(|_| file.exists()).map(|date: TradingDay| (date, file)));
    }
    Ok(newest)
}

/// Every text that differs from `name` by one letter changed, added or left out, or by two
/// neighbours swapped. Their number depends on the length of `name` alone.
fn one_letter_away(name: &str) -> BTreeSet<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut found = BTreeSet::new();
    for at in 0..=letters.len() {
        let (before, after) = letters.split_at(at);
        let mut keep = |middle: &[char], rest: &[char]| {
            found.insert(before.iter().chain(middle).chain(rest).collect::<String>());
        };
        LETTERS.chars().for_each(|letter| keep(&[letter], after));
        if let [_, rest @ ..] = after {
            keep(&[], rest);
            LETTERS.chars().for_each(|letter| keep(&[letter], rest));
        }
        if let [first, second, rest @ ..] = after {
            keep(&[*second, *first], rest);
        }
    }
    found.remove(name);
    found
}

/// The bare form that all spellings of a name share.
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
            Spelling::Near(names) => format!("near {}", names.join(" ")),
            Spelling::Unknown => "unknown".to_owned(),
        };
        let names = ["BRK-B", "brk/b", "BRK B", "mamth", "MAMTH", "BACPA", "a-b", "OLD", "MAR-1"];
        let expected =
            ["BRK.B", "BRK.B", "BRK.B", "MAMTH", "right", "BACpA", "AB A.B", "unknown", "unknown"];
        assert_eq!(names.map(said), expected);
    }

    #[test]
    fn a_name_one_letter_away_is_found_and_too_many_are_not_named() {
        let names = ["EEOW", "ABC", "ABD", "ABE", "ABF", "XY.Z"].map(str::to_owned);
        let listing = Listing::of("2025-02-28".parse().expect("a day"), None, names);
        for (asked, why, expected) in [
            ("EEOX", "a letter changed", vec!["EEOW"]),
            ("EEO", "a letter left out", vec!["EEOW"]),
            ("EEOWW", "a letter added", vec!["EEOW"]),
            ("EOEW", "two letters swapped", vec!["EEOW"]),
            ("eeox", "the case does not matter", vec!["EEOW"]),
            ("XYQ", "signs do not matter", vec!["XY.Z"]),
        ] {
            assert_eq!(listing.spelling(asked), Spelling::Near(expected), "{asked}: {why}");
        }
        for (asked, why) in [
            ("EEXX", "two letters changed"),
            ("ABX", "four names are as near"),
            ("", "nothing is near to nothing"),
        ] {
            assert_eq!(listing.spelling(asked), Spelling::Unknown, "{asked}: {why}");
        }
    }
}
