//! Adjustment for splits: prices and sizes of old shares in today's shares.
//!
//! "Today" is the day of the snapshot with the splits. [`Factors`] is pure; [`read_splits`] reads
//! the file.

use std::fs;
use std::path::{Path, PathBuf};

use shared::market::listed_periods::Securities;
use shared::market::security_days::SecurityDays;
use shared::market::ticker::Ticker;
use shared::market::trading_day::{TradingDay, TradingDayError};
use shared::series::parameters::Split;

use crate::reference::output::{TableName, date_of};
use crate::reference::table::{Table, TableError};
use crate::universe::input::{self, InputError};

/// The factors of one ticker, for any day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Factors {
    /// Sorted by day, then by ratio, so the order is unique.
    splits: Vec<Split>,
}

impl Factors {
    /// The factors of a ticker with these splits. Every split counts, also two on one day.
    pub fn new(splits: &[Split]) -> Self {
        let mut splits = splits.to_vec();
        sort(&mut splits);
        Self { splits }
    }

    /// The factors for a price (USD) and a size (shares) of `day`: the products of from/to and of
    /// to/from over all splits after `day`. On its execution day a share already trades as a new
    /// share. (1.0, 1.0) if no split follows.
    ///
    /// Each quotient is rounded, then multiplied into the product, from 1.0 and from the earliest
    /// split to the latest. This order is part of the definition, because the last bit depends on
    /// it. So the two factors are inverses except for rounding.
    pub fn of(&self, day: TradingDay) -> (f64, f64) {
        let later = self.splits.iter().filter(|split| split.execution_date > day);
        later.fold((1.0, 1.0), |(price, size), Split { from, to, .. }| {
            (price * (from / to), size * (to / from))
        })
    }
}

fn sort(splits: &mut [Split]) {
    splits.sort_by(|a, b| {
        let by_day = a.execution_date.cmp(&b.execution_date);
        by_day.then(a.from.total_cmp(&b.from)).then(a.to.total_cmp(&b.to))
    });
}

/// Why splits can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    /// There is no file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{file}: a split of {ticker} has a bad execution_date: {day}; fetch the splits again with `worker reference`", file = file.display())]
    Day { file: PathBuf, ticker: Ticker, day: TradingDayError },
    #[error(
        "{file}: the split of {ticker} on {day}, {to} for {from}, is not a ratio; fetch the splits again with `worker reference`",
        file = file.display()
    )]
    Ratio { file: PathBuf, ticker: Ticker, day: TradingDay, from: f64, to: f64 },
}

/// Checks that there is a table of splits at `path`; [`read_splits`] checks its rows.
pub fn look(path: &Path) -> Result<(), AdjustError> {
    let table = Table::read(&input::find(path, TableName::Splits)?.file)?;
    table.required("ticker")?;
    table.text("execution_date")?;
    table.float("split_from")?;
    table.float("split_to")?;
    Ok(())
}

/// The splits of `ticker` by day, from `path`: `splits.parquet`, or a folder, whose newest snapshot
/// is read.
///
/// The file holds announced splits too. Where it lies in `snapshot_date=YYYY-MM-DD` (by the path
/// that was given or by its real one), those executed after that date had not happened when it was
/// fetched and are left out; anywhere else all are taken. Rows with the same day and the same
/// numbers are one split; different ones of one day are several.
pub fn read_splits(path: &Path, ticker: &Ticker) -> Result<Vec<Split>, AdjustError> {
    let file = input::find(path, TableName::Splits)?.file;
    let table = Table::read(&file)?;
    let today = snapshot_of(&file);
    let tickers = table.required("ticker")?.into_iter();
    let days = table.text("execution_date")?;
    let (froms, tos) = (table.float("split_from")?, table.float("split_to")?);
    let mut splits = Vec::new();
    for (row, _) in tickers.enumerate().filter(|(_, name)| name == ticker.as_str()) {
        let missing = |column| TableError::Missing { path: file.clone(), column, row: row + 1 };
        let day = days[row].as_deref().ok_or_else(|| missing("execution_date"))?;
        let from = froms[row].ok_or_else(|| missing("split_from"))?;
        let to = tos[row].ok_or_else(|| missing("split_to"))?;
        let named = |day| AdjustError::Day { file: file.clone(), ticker: ticker.clone(), day };
        let day: TradingDay = day.parse().map_err(named)?;
        if today.is_some_and(|today| day > today) {
            continue;
        }
        // Check the quotients too: two valid numbers can give 0 or infinity.
        if ![from, to, from / to, to / from]
            .into_iter()
            .all(|value| value > 0.0 && value.is_finite())
        {
            return Err(AdjustError::Ratio { file, ticker: ticker.clone(), day, from, to });
        }
        splits.push(Split { execution_date: day, from, to });
    }
    sort(&mut splits);
    splits.dedup();
    Ok(splits)
}

/// The splits of a security, by day: those of its symbols on its days, whatever symbol it had then,
/// for the source may file a split under a later one. Those of days on which a symbol named another
/// security, as `known` says, are that one's.
pub fn splits_of(
    path: &Path,
    days: &SecurityDays,
    known: &Securities,
) -> Result<Vec<Split>, AdjustError> {
    let on_its_days = |day: TradingDay| {
        days.symbols.iter().any(|symbol| {
            let (from, to) = symbol.ends();
            from <= day && day <= to
        })
    };
    let mut splits = Vec::new();
    for symbol in &days.symbols {
        let holder = |day| known.ticker(&symbol.ticker)?.holder_on(day);
        let is_own = |split: &Split| {
            let day = split.execution_date;
            let holder = holder(day).map(ToString::to_string);
            on_its_days(day) && holder.is_none_or(|holder| holder == days.security)
        };
        splits.extend(read_splits(path, &symbol.ticker)?.into_iter().filter(is_own));
    }
    sort(&mut splits);
    splits.dedup();
    Ok(splits)
}

/// The date of the snapshot with `file`.
fn snapshot_of(file: &Path) -> Option<TradingDay> {
    let date = |file: &Path| date_of(file.parent()?.file_name()?.to_str()?);
    date(file).or_else(|| date(&fs::canonicalize(file).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::splits::{self, SplitRow};
    use crate::spelled::day;
    use proptest::prelude::*;
    use shared::dataset::writer;
    use shared::disk::publish::Draft;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

    fn split(on: &str, from: f64, to: f64) -> Split {
        Split { execution_date: day(on), from, to }
    }

    fn ticker() -> Ticker {
        "AIG".parse().expect("a ticker")
    }

    fn write(file: &Path, rows: &[(&str, &str, f64, f64)]) {
        let row = |(number, (ticker, on, from, to)): (usize, &(&str, &str, f64, f64))| SplitRow {
            ticker: (*ticker).to_owned(),
            execution_date: (*on).to_owned(),
            from: *from,
            to: *to,
            id: Some(number.to_string()),
        };
        let rows: Vec<SplitRow> = rows.iter().enumerate().map(row).collect();
        writer::publish_table(Draft::create(file).expect("begun"), &splits::table(&rows))
            .expect("published");
    }

    #[test]
    fn only_later_splits_count_and_the_day_of_execution_is_in_new_shares() {
        // AIG's real 1:20 of 2009 and a 3:2.
        let factors =
            Factors::new(&[split("2000-07-31", 2.0, 3.0), split("2009-07-01", 20.0, 1.0)]);
        assert_eq!(factors.of(day("2000-07-28")), (2.0 / 3.0 * 20.0, 1.5 * 0.05));
        assert_eq!(factors.of(day("2000-07-31")), (20.0, 0.05));
        assert_eq!(factors.of(day("2009-06-30")), (20.0, 0.05));
        assert_eq!(factors.of(day("2009-07-01")), (1.0, 1.0));
        assert_eq!(Factors::default().of(day("2009-07-01")), (1.0, 1.0));
    }

    #[test]
    fn the_product_goes_from_the_earliest_split_to_the_latest() {
        let splits = [
            split("2001-01-02", 1.0, 3.0),
            split("2002-01-02", 2.0, 3.0),
            split("2003-01-02", 20.0, 1.0),
        ];
        let (price, _) = Factors::new(&splits).of(day("2000-01-03"));
        let (left, right) = (1.0 / 3.0 * (2.0 / 3.0) * 20.0, 1.0 / 3.0 * (2.0 / 3.0 * 20.0));
        assert_ne!(f64::to_bits(left), f64::to_bits(right), "else this proves nothing");
        assert_eq!(price.to_bits(), f64::to_bits(left));
    }

    proptest! {
        #[test]
        fn factors_do_not_depend_on_the_order_of_the_list_and_cancel_each_other(
            ratios in proptest::collection::vec((0..3_000_i32, 1..50_u32, 1..50_u32), 0..12),
            asked in 0..3_000_i32,
        ) {
            let first = day("2003-09-10");
            let mut splits: Vec<Split> = ratios
                .iter()
                .map(|(days, from, to)| Split {
                    execution_date: first.plus_days(*days),
                    from: f64::from(*from),
                    to: f64::from(*to),
                })
                .collect();
            let (price, size) = Factors::new(&splits).of(first.plus_days(asked));
            splits.reverse();
            let (again, size_again) = Factors::new(&splits).of(first.plus_days(asked));
            prop_assert_eq!((price.to_bits(), size.to_bits()), (again.to_bits(), size_again.to_bits()));
            prop_assert!((price * size - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn repeated_rows_are_one_split_and_two_splits_of_a_day_are_two() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("splits.parquet");
        let rows = [
            ("AIG", "2009-07-01", 20.0, 1.0),
            ("AIG", "2000-07-31", 2.0, 3.0),
            ("BAC", "2004-08-30", 1.0, 2.0),
            ("AIG", "2009-07-01", 1.0, 2.0),
            ("AIG", "2009-07-01", 20.0, 1.0),
            ("AIG", "2100-01-04", 1.0, 2.0),
        ];
        write(&file, &rows);
        let read = read_splits(&file, &ticker()).expect("read");
        let expected = [
            split("2000-07-31", 2.0, 3.0),
            split("2009-07-01", 1.0, 2.0),
            split("2009-07-01", 20.0, 1.0),
            // No date of a snapshot in the path: what is announced is taken.
            split("2100-01-04", 1.0, 2.0),
        ];
        assert_eq!(read, expected);
        assert_eq!(Factors::new(&read).of(day("2009-06-30")), (0.5 * 20.0 * 0.5, 2.0 * 0.05 * 2.0));
        assert_eq!(
            read_splits(folder.path(), &"NONE".parse().expect("a ticker")).expect("read"),
            []
        );
    }

    #[test]
    fn a_security_has_the_splits_of_all_its_symbols_and_not_those_of_who_had_them_otherwise() {
        use shared::market::listed_periods::{AskedOf, ListedRow, TickerEvents};
        use shared::market::security_days::{self, WhichSecurity};

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("splits.parquet");
        write(
            &file,
            &[
                ("FB", "2014-03-03", 1.0, 2.0),
                // The source may file an old split under the later symbol, or under both.
                ("META", "2016-05-02", 1.0, 3.0),
                ("FB", "2016-05-02", 1.0, 3.0),
                // The fund's, on a day on which the company was FB.
                ("META", "2021-09-01", 10.0, 1.0),
                ("META", "2024-06-10", 1.0, 20.0),
            ],
        );
        let figis = ["BBG000MM2P62", "BBG011BALL00"];
        let row = |(symbol, figi): (&str, &str)| ListedRow {
            ticker: symbol.parse().expect("a ticker"),
            active: true,
            delisted: None,
            composite: Some(figi.parse().expect("a FIGI")),
            share_class: None,
            place: 0,
            cik: None,
            name: String::new(),
            list_date: None,
        };
        let events = |figi: &str, changes: [(&str, &str); 2]| TickerEvents {
            asked: AskedOf::Composite(figi.parse().expect("a FIGI")),
            composite: None,
            changes: changes
                .map(|(since, symbol)| (day(since), symbol.parse().expect("a ticker")))
                .to_vec(),
        };
        let known = Securities::of(
            &[("META", figis[0]), ("METV", figis[1])].map(row),
            &[
                events(figis[0], [("2012-05-18", "FB"), ("2022-06-09", "META")]),
                events(figis[1], [("2021-06-30", "META"), ("2022-01-31", "METV")]),
            ],
        );
        let which = WhichSecurity::Figi(figis[0].parse().expect("a FIGI"));
        let meta: Ticker = "META".parse().expect("a ticker");
        let days = security_days::of(&known, &meta, &which).expect("dated");
        assert_eq!(
            splits_of(&file, &days, &known).expect("read"),
            [
                split("2014-03-03", 1.0, 2.0),
                split("2016-05-02", 1.0, 3.0),
                split("2024-06-10", 1.0, 20.0),
            ]
        );
    }

    #[test]
    fn splits_announced_for_after_the_snapshot_have_not_happened() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let rows = [
            ("AIG", "2026-11-20", 1.0, 2.0),
            ("AIG", "2026-11-23", 1.0, 3.0),
            // Nothing is asked of what is left out.
            ("AIG", "2026-11-24", 1.0, 0.0),
        ];
        write(&root.join("snapshot_date=2026-11-20/splits.parquet"), &rows);
        write(&root.join("snapshot_date=2026-11-19/splits.parquet"), &[]);
        let expected = [split("2026-11-20", 1.0, 2.0)];
        for path in ["", "snapshot_date=2026-11-20", "snapshot_date=2026-11-20/splits.parquet"] {
            assert_eq!(read_splits(&root.join(path), &ticker()).expect(path), expected, "{path:?}");
        }
        let link = root.join("newest");
        std::os::unix::fs::symlink(root.join("snapshot_date=2026-11-20"), &link).expect("linked");
        assert_eq!(read_splits(&link, &ticker()).expect("read"), expected);
    }

    #[test]
    fn what_can_not_be_a_split_is_refused_with_file_ticker_day_and_values() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("splits.parquet");
        let said = |from, to| {
            write(&file, &[("BAC", "2009-07-01", 0.0, 0.0), ("AIG", "2009-07-01", from, to)]);
            let error = read_splits(&file, &ticker()).expect_err("refused").to_string();
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(
            said(20.0, 0.0),
            "splits.parquet: the split of AIG on 2009-07-01, 0 for 20, is not a ratio; fetch the splits again with `worker reference`"
        );
        for (from, to) in
            [(-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (1e-300, 1e300), (1e300, 1e-300)]
        {
            assert!(said(from, to).contains("is not a ratio"), "{from} {to}");
        }
        write(&file, &[("AIG", "2009-07-32", 1.0, 2.0)]);
        let error = read_splits(&file, &ticker()).expect_err("refused").to_string();
        assert!(error.contains("bad execution_date: \"2009-07-32\" is not a date"), "{error}");
        let columns: [(&str, ArrayRef); 4] = [
            ("ticker", Arc::new(StringArray::from(vec!["AIG"]))),
            ("execution_date", Arc::new(StringArray::from(vec!["2009-07-01"]))),
            ("split_from", Arc::new(Float64Array::from(vec![1.0]))),
            ("split_to", Arc::new(Float64Array::from(vec![None::<f64>]))),
        ];
        let table = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, array)| (name, array, true)),
        );
        writer::publish_table(Draft::create(&file).expect("begun"), &table.expect("a table"))
            .expect("published");
        let error = read_splits(&file, &ticker()).expect_err("refused").to_string();
        assert!(error.ends_with("column \"split_to\" is empty in row 1"), "{error}");
        let nowhere =
            read_splits(&folder.path().join("nowhere"), &ticker()).expect_err("nothing there");
        assert!(matches!(nowhere, AdjustError::Table(TableError::Read(_))), "{nowhere}");
    }
}
