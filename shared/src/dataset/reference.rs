//! Which security a ticker names on a day, out of the tables of `worker reference`: the list of
//! tickers, and where they are there the details (listing dates) and the ticker events. What follows
//! from their rows is [`listed_periods`](crate::market::listed_periods)' business.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::listing::newest;
use super::reader::{self, ReadError};
use crate::market::listed_periods::{AskedOf, ListedRow, Securities, TickerEvents};
use crate::market::security::Figi;
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

/// What the newest tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The day of the list of tickers.
    pub listed: TradingDay,
    /// The day of the details; `None` where there are none, so no listing date is known.
    pub details: Option<TradingDay>,
    /// The day of the ticker events; `None` where there are none, so no change of a symbol is dated.
    pub events: Option<TradingDay>,
    /// Whose the days are.
    pub securities: Securities,
}

impl Reference {
    /// The newest tables below `folder`, the output of `worker reference`; `None` where it holds no
    /// list of tickers.
    pub fn newest(folder: &Path) -> Result<Option<Self>, ReadError> {
        let Some((listed, tickers)) = newest(folder, "tickers_snapshot", "tickers.parquet")? else {
            return Ok(None);
        };
        let details = newest(folder, "ticker_details", "details.parquet")?;
        let events = newest(folder, "ticker_events_snapshot", "events.parquet")?;
        let file = |table: &Option<(TradingDay, _)>| table.as_ref().map(|(_, file)| file).cloned();
        let securities = read(&tickers, file(&details).as_deref(), file(&events).as_deref())?;
        let day = |table: Option<(TradingDay, _)>| table.map(|(day, _)| day);
        Ok(Some(Self { listed, details: day(details), events: day(events), securities }))
    }
}

/// Whose the days of every ticker are, by these tables. A name that is no ticker is passed over:
/// nobody can have asked for its data.
pub fn read(
    tickers: &Path,
    details: Option<&Path>,
    events: Option<&Path>,
) -> Result<Securities, ReadError> {
    let mut rows = listed_rows(&Columns::read(tickers)?)?;
    if let Some(details) = details {
        date(&mut rows, &Columns::read(details)?)?;
    }
    let events = match events {
        Some(events) => events_of(&Columns::read(events)?)?,
        None => Vec::new(),
    };
    Ok(Securities::of(&rows, &events))
}

fn listed_rows(table: &Columns<'_>) -> Result<Vec<ListedRow>, ReadError> {
    let names = table.texts("ticker")?;
    // A list that somebody else has made may know less.
    let (called, ciks) = (table.perhaps("name")?, table.perhaps("cik")?);
    let (active, gone) = (table.truths("active")?, table.perhaps("delisted_utc")?);
    let (composites, share_classes) =
        (table.perhaps("composite_figi")?, table.perhaps("share_class_figi")?);
    let figi = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Figi>().ok());
    let row = |at: usize| {
        let ticker = names[at].as_deref()?.parse::<Ticker>().ok()?;
        Some(ListedRow {
            ticker,
            active: active[at].unwrap_or(gone[at].is_none()),
            delisted: gone[at].as_deref().and_then(day_in),
            composite: figi(&composites[at]),
            share_class: figi(&share_classes[at]),
            place: at,
            cik: ciks[at].clone(),
            name: called[at].clone().unwrap_or_default(),
            list_date: None,
        })
    };
    Ok((0..names.len()).filter_map(row).collect())
}

/// The day of an instant: the vendor writes a bare date as midnight UTC, so the day is in the text
/// and not in a time zone.
fn day_in(instant: &str) -> Option<TradingDay> {
    instant.get(..10)?.parse().ok()
}

/// Notes the listing dates of `details`: of a ticker's rows, the one with the FIGI of its details
/// has it, or where they name none, the one that trades, else the one that traded last.
fn date(rows: &mut [ListedRow], details: &Columns<'_>) -> Result<(), ReadError> {
    let (names, days) = (details.texts("ticker")?, details.texts("list_date")?);
    let composites = details.texts("composite_figi")?;
    let known = names.into_iter().zip(days.into_iter().zip(composites));
    let known: BTreeMap<String, (TradingDay, Option<String>)> = known
        .filter_map(|(name, (day, composite))| Some((name?, (day_in(&day?)?, composite))))
        .collect();
    let mut of_ticker: BTreeMap<Ticker, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        of_ticker.entry(row.ticker.clone()).or_default().push(at);
    }
    for (ticker, own) in of_ticker {
        let Some((day, composite)) = known.get(ticker.as_str()) else { continue };
        let has_it = |at: &usize| {
            let own = rows[*at].composite.as_ref().map(Figi::as_str);
            composite.is_some() && own == composite.as_deref()
        };
        let last = own.iter().max_by_key(|at| (rows[**at].active, rows[**at].delisted)).copied();
        let dated: Vec<usize> = match own.iter().copied().filter(has_it).collect::<Vec<_>>() {
            none if none.is_empty() => last.into_iter().collect(),
            some => some,
        };
        for at in dated {
            rows[at].list_date = Some(*day);
        }
    }
    Ok(())
}

fn events_of(table: &Columns<'_>) -> Result<Vec<TickerEvents>, ReadError> {
    let (ids, composites) = (table.texts("id")?, table.texts("composite_figi")?);
    let (days, symbols) = (table.texts("date")?, table.texts("ticker")?);
    let mut of_id: BTreeMap<String, TickerEvents> = BTreeMap::new();
    for (at, id) in ids.into_iter().enumerate() {
        let Some(id) = id else { continue };
        let asked = match (id.parse::<Figi>(), id.parse::<Ticker>()) {
            (Ok(figi), _) => AskedOf::Composite(figi),
            (Err(_), Ok(ticker)) => AskedOf::Ticker(ticker),
            (Err(_), Err(_)) => continue,
        };
        let composite = composites[at].as_deref().and_then(|text| text.parse().ok());
        let own = || TickerEvents { asked, composite, changes: Vec::new() };
        let known = of_id.entry(id).or_insert_with(own);
        let change = days[at]
            .as_deref()
            .and_then(day_in)
            .zip(symbols[at].as_deref().and_then(|symbol| symbol.parse::<Ticker>().ok()));
        known.changes.extend(change);
    }
    Ok(of_id.into_values().collect())
}

/// A table by its columns.
struct Columns<'a> {
    path: &'a Path,
    batch: RecordBatch,
}

impl<'a> Columns<'a> {
    fn read(path: &'a Path) -> Result<Self, ReadError> {
        Ok(Self { path, batch: reader::read_table(path)? })
    }

    fn of_type(&self, name: &str, wanted: &DataType) -> Result<ArrayRef, ReadError> {
        let foreign = |what: String| ReadError::foreign(self.path, what);
        let found = self.batch.column_by_name(name);
        let found = found.ok_or_else(|| foreign(format!("it has no column `{name}`")))?;
        cast(found, wanted)
            .map_err(|_| foreign(format!("its column `{name}` is of type {}", found.data_type())))
    }

    fn texts(&self, name: &str) -> Result<Vec<Option<String>>, ReadError> {
        let column = self.of_type(name, &DataType::Utf8)?;
        Ok(column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
    }

    /// The texts of a column that may not be there.
    fn perhaps(&self, name: &str) -> Result<Vec<Option<String>>, ReadError> {
        match self.batch.column_by_name(name) {
            Some(_) => self.texts(name),
            None => Ok(vec![None; self.batch.num_rows()]),
        }
    }

    /// The same for yes and no.
    fn truths(&self, name: &str) -> Result<Vec<Option<bool>>, ReadError> {
        if self.batch.column_by_name(name).is_none() {
            return Ok(vec![None; self.batch.num_rows()]);
        }
        let column = self.of_type(name, &DataType::Boolean)?;
        let column = column.as_boolean();
        Ok((0..column.len()).map(|at| column.is_valid(at).then(|| column.value(at))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::writer::publish_table;
    use crate::disk::publish::Draft;
    use crate::market::listed_periods::Contradiction;
    use arrow::array::{BooleanArray, StringArray};
    use std::sync::Arc;

    /// Writes a table of text: the names of its columns, then its rows; `-` is null.
    fn write(path: &Path, names: &str, rows: &[&str]) {
        let names: Vec<&str> = names.split(' ').collect();
        let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split(' ').collect()).collect();
        let column = |at: usize| {
            let texts = rows.iter().map(|row| Some(row[at]).filter(|text| *text != "-"));
            if names[at] == "active" {
                let truths = texts.map(|text| text.map(|text| text == "yes"));
                return Arc::new(truths.collect::<BooleanArray>()) as ArrayRef;
            }
            Arc::new(texts.collect::<StringArray>()) as ArrayRef
        };
        let columns = names.iter().enumerate().map(|(at, name)| (*name, column(at), true));
        let table = RecordBatch::try_from_iter_with_nullable(columns).expect("a table");
        publish_table(Draft::create(path).expect("begun"), &table).expect("published");
    }

    const LIST: &str = "ticker name active delisted_utc composite_figi share_class_figi cik";
    const DETAILS: &str = "ticker list_date composite_figi";
    const EVENTS: &str = "id composite_figi date ticker";

    #[test]
    fn the_newest_tables_say_whose_the_days_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        assert_eq!(Reference::newest(root).expect("read"), None);
        let at = |table: &str, day: &str, name: &str| {
            root.join(table).join(format!("snapshot_date={day}")).join(name)
        };
        write(&at("tickers_snapshot", "2024-01-31", "tickers.parquet"), LIST, &[]);
        write(
            &at("tickers_snapshot", "2026-10-30", "tickers.parquet"),
            LIST,
            &[
                "META Meta yes - BBG000MM2P62 BBG001SQCQC5 1326801",
                "META Ball no 2022-01-31T00:00:00Z BBG011BALL00 BBG011BALL01 -",
                "FB Facebook no 2022-06-09T04:00:00Z BBG000MM2P62 BBG001SQCQC5 1326801",
                "METV Ball yes - BBG011BALL00 BBG011BALL01 -",
                "O:X Option yes - - - -",
                "GONE Gone no - not-a-figi - -",
            ],
        );
        let bare = Reference::newest(root).expect("read").expect("there");
        assert_eq!((bare.details, bare.events), (None, None), "and what is not known is said");
        write(
            &at("ticker_details", "2026-10-29", "details.parquet"),
            DETAILS,
            &["META 2012-05-18 BBG000MM2P62", "METV 2021-06-30 -", "GONE 2010-01-04 -"],
        );
        write(
            &at("ticker_events_snapshot", "2026-10-30", "events.parquet"),
            EVENTS,
            &[
                "BBG000MM2P62 BBG000MM2P62 2012-05-18 FB",
                "BBG000MM2P62 BBG000MM2P62 2022-06-09 META",
                "BBG011BALL00 - 2021-06-30 META",
                "BBG011BALL00 - 2022-01-31 METV",
                "GONE - - -",
            ],
        );
        let found = Reference::newest(root).expect("read").expect("there");
        let day = |text: &str| text.parse::<TradingDay>().expect(text);
        assert_eq!(found.listed, day("2026-10-30"));
        assert_eq!(found.details, Some(day("2026-10-29")));
        assert_eq!(found.events, Some(day("2026-10-30")));
        let said: Vec<String> = found.securities.all().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "FB 2012-05-18..2022-06-08 BBG001SQCQC5",
                "GONE 2010-01-04..? GONE@2010-01-04",
                "META 2021-06-30..2022-01-30 BBG011BALL01",
                "META 2022-06-09.. BBG001SQCQC5",
                "METV 2022-01-31.. BBG011BALL01",
            ]
        );
        assert!(
            !found.securities.doubts.iter().any(|doubt| doubt.why == Contradiction::Others),
            "{:?}",
            found.securities.doubts
        );
    }

    #[test]
    fn a_list_may_know_less_and_a_table_without_tickers_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tickers.parquet");
        write(&path, "ticker delisted_utc", &["A -", "GONE 2010-05-04T00:00:00Z"]);
        let said: Vec<String> =
            read(&path, None, None).expect("read").all().map(ToString::to_string).collect();
        assert_eq!(said, ["A ?.. A@?", "GONE ?..2010-05-04 GONE@..2010-05-04"]);
        write(&path, "name active", &["Agilent yes"]);
        let error = read(&path, None, None).expect_err("no ticker").to_string();
        assert!(error.ends_with("(it has no column `ticker`)"), "{error}");
    }
}
