//! Listing days: since when the newest snapshot of `worker reference` says that tickers are listed,
//! and until when. How names are spelled is [`listing`](super::listing)'s business.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};

use super::reader::{self, ReadError};
use crate::disk::publish::DiskError;
use crate::market::trading_day::TradingDay;

/// A row of the snapshot: a ticker, or one of the securities that had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingRow {
    /// The symbol.
    pub ticker: String,
    /// Does it trade? `None` where the snapshot does not say.
    pub is_active: Option<bool>,
    /// First day, where the details know it.
    pub first: Option<TradingDay>,
    /// The day of the delisting, where there was one.
    pub delisted: Option<TradingDay>,
}

/// The rows of the newest snapshot below `folder`, the output of `worker reference`, with its day;
/// `None` where there is none.
pub fn newest(folder: &Path) -> Result<Option<(TradingDay, Vec<ListingRow>)>, ReadError> {
    let Some((date, path)) = newest_table(folder, "tickers_snapshot", "tickers.parquet")? else {
        return Ok(None);
    };
    let firsts = match newest_table(folder, "ticker_details", "details.parquet")? {
        Some((_, details)) => first_days(&details)?,
        None => BTreeMap::new(),
    };
    let table = reader::read_table(&path)?;
    let tickers = texts(&table, "ticker");
    let delisted = texts(&table, "delisted_utc");
    let active = table.column_by_name("active").and_then(|column| column.as_boolean_opt());
    let row = |(place, ticker): (usize, Option<&str>)| {
        let ticker = ticker?.to_owned();
        let is_active = active.filter(|it| it.is_valid(place)).map(|it| it.value(place));
        let delisted = delisted.get(place).copied().flatten().and_then(day_of);
        let first = firsts.get(&ticker).copied();
        Some(ListingRow { ticker, is_active, first, delisted })
    };
    let rows = tickers.iter().copied().enumerate().filter_map(row).collect();
    Ok(Some((date, rows)))
}

/// The newest file called `name` below `folder/table/snapshot_date=…`.
fn newest_table(
    folder: &Path,
    table: &str,
    name: &str,
) -> Result<Option<(TradingDay, PathBuf)>, ReadError> {
    let snapshots = folder.join(table);
    let entries = match fs::read_dir(&snapshots) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::at("list", &snapshots)(error).into()),
    };
    let mut newest = None;
    for entry in entries {
        let entry = entry.map_err(DiskError::at("list", &snapshots))?;
        let (folder, file) = (entry.file_name(), entry.path().join(name));
        let date = folder.to_str().and_then(|it| it.strip_prefix("snapshot_date=")?.parse().ok());
        newest = newest.max(date.filter(|_| file.exists()).map(|date| (date, file)));
    }
    Ok(newest)
}

fn first_days(details: &Path) -> Result<BTreeMap<String, TradingDay>, ReadError> {
    let table = reader::read_table(details)?;
    let (tickers, dates) = (texts(&table, "ticker"), texts(&table, "list_date"));
    let known = tickers
        .into_iter()
        .zip(dates)
        .filter_map(|(ticker, date)| Some((ticker?.to_owned(), day_of(date?)?)));
    Ok(known.collect())
}

/// A column of text; nothing where there is no such column.
fn texts<'a>(table: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    let column = table.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.map_or_else(Vec::new, |column| column.iter().collect())
}

/// The day of a date, or of an instant that begins with one.
fn day_of(text: &str) -> Option<TradingDay> {
    text.get(..10)?.parse().ok()
}
