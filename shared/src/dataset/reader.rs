//! Reads a published Parquet file back into rows. A file whose rows are not exactly ours is an
//! error. Files of other writers that say the same with other types are read (see
//! [`fit`](super::fit)).

use std::fmt::Display;
use std::fs::File;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{FieldRef, Fields, Float64Type, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::fit::Fit;
use super::kind::{Columns, Kind};
use super::merge::DatedBar;
use super::schema;
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::disk::shortage::Shortage;
use crate::market::ohlcv::Ohlcv;
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is no whole Parquet file.
    #[error("{path}: not a whole Parquet file ({what})", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It has other columns, or rows that can't be.
    #[error("{path}: not a file of this dataset ({what})", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl ReadError {
    /// `path` is no whole Parquet file.
    pub fn broken(path: &Path, what: String) -> Self {
        Self::of_machine(path, &what)
            .unwrap_or_else(|| Self::Broken { path: path.to_owned(), what })
    }

    /// `path` has other columns, or rows that can't be.
    pub fn foreign(path: &Path, what: String) -> Self {
        Self::of_machine(path, &what)
            .unwrap_or_else(|| Self::Foreign { path: path.to_owned(), what })
    }

    /// The decoder opens the file again for each column and reports a failure to open it in words
    /// only. Such a failure does not mean that the file is damaged.
    fn of_machine(path: &Path, what: &str) -> Option<Self> {
        let source = Shortage::in_words(what)?;
        Some(Self::Disk(DiskError::at("read", path)(source)))
    }
}

/// The number of trades in `path`. All must be of `ticker` and within `stamps` (ns UTC, half-open);
/// other columns are not read.
pub fn check_trades(
    path: &Path,
    columns: Columns,
    ticker: &Ticker,
    stamps: &Range<i64>,
) -> Result<u64, ReadError> {
    decoding(path, || count_trades(path, columns, ticker, stamps))
}

fn count_trades(
    path: &Path,
    columns: Columns,
    ticker: &Ticker,
    stamps: &Range<i64>,
) -> Result<u64, ReadError> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let (builder, fit) = open(path, Kind::Trades, columns)?;
    let fit = fit.only(&["ticker", "sip_ts"]);
    let mut rows = 0;
    let mask = ProjectionMask::roots(builder.parquet_schema(), fit.places());
    for batch in builder.with_projection(mask).build().map_err(broken(path))? {
        let batch = fit.batch(&batch.map_err(broken(path))?).map_err(foreign)?;
        let column = |name: &str| batch.column_by_name(name).expect("the schema was checked");
        let tickers = column("ticker").as_string::<i32>();
        if let Some(theirs) = tickers.iter().flatten().find(|theirs| *theirs != ticker.as_str()) {
            return Err(foreign(format!("a row of {theirs} in a file of {ticker}")));
        }
        let of_other_days = |stamp: &&i64| !stamps.contains(*stamp);
        if let Some(stamp) =
            column("sip_ts").as_primitive::<Int64Type>().values().iter().find(of_other_days)
        {
            return Err(foreign(format!(
                "a trade of {ticker} stamped {stamp}, which is another day"
            )));
        }
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

/// The ticker of the rows in `path`, by the first row; `None` if there is none.
pub fn whose(path: &Path) -> Option<String> {
    decoding(path, || Ok(first_ticker(path))).ok().flatten()
}

fn first_ticker(path: &Path) -> Option<String> {
    let builder = plain(regular::open(path).ok()?).ok()?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["ticker"]);
    let first = builder.with_projection(mask).with_batch_size(1).build().ok()?.next()?.ok()?;
    let tickers = first.column_by_name("ticker")?.as_string_opt::<i32>()?;
    (!tickers.is_empty() && tickers.is_valid(0)).then(|| tickers.value(0).to_owned())
}

/// Is `path` a whole Parquet file without a row?
pub fn has_no_row(path: &Path) -> bool {
    let rows = || {
        let file = regular::open(path).map_err(DiskError::at("open", path))?;
        let builder = plain(file).map_err(broken(path))?;
        Ok(builder.metadata().file_metadata().num_rows())
    };
    decoding(path, rows).is_ok_and(|rows| rows == 0)
}

/// The texts in `column` of any table; no other column is read.
pub fn texts(path: &Path, column: &str) -> Result<Vec<String>, ReadError> {
    let file = regular::open(path).map_err(DiskError::at("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken(path))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [column]);
    let mut all = Vec::new();
    for batch in builder.with_projection(mask).build().map_err(broken(path))? {
        let batch = batch.map_err(broken(path))?;
        let found = batch.column_by_name(column).and_then(|found| found.as_string_opt::<i32>());
        let Some(found) = found else {
            let what = format!("it has no column `{column}` of text");
            return Err(ReadError::Foreign { path: path.to_owned(), what });
        };
        all.extend(found.iter().flatten().map(str::to_owned));
    }
    Ok(all)
}

/// The decoder panics on some damaged pages; that file is broken like any other that can't be read.
pub(super) fn decoding<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    // Everything it was reading is dropped, so nothing half-done is visible.
    panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(broken(path)("its pages make no sense")))
}

pub(super) fn broken<E: Display>(path: &Path) -> impl Fn(E) -> ReadError {
    move |error| ReadError::broken(path, error.to_string())
}

/// A reader by the types of Parquet itself: what another writer has noted of its own types (large
/// strings, dictionaries) changes no value.
pub(super) fn plain(file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
}

fn open(
    path: &Path,
    kind: Kind,
    columns: Columns,
) -> Result<(ParquetRecordBatchReaderBuilder<File>, Fit), ReadError> {
    let file = regular::open(path).map_err(DiskError::at("open", path))?;
    let builder = plain(file).map_err(broken(path))?;
    let expected = schema::of(kind, columns);
    match Fit::whole(builder.schema(), &expected) {
        Ok(fit) => Ok((builder, fit)),
        Err(why) => {
            let (theirs, ours) = (spelled(builder.schema().fields()), spelled(expected.fields()));
            let what = format!("its columns are {theirs}; ours are {ours}: {why}");
            Err(ReadError::Foreign { path: path.to_owned(), what })
        }
    }
}

fn spelled(fields: &Fields) -> String {
    let field = |field: &FieldRef| {
        let or_null = if field.is_nullable() { " or null" } else { "" };
        format!("{} {}{or_null}", field.name(), field.data_type())
    };
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// How the columns of `path` become those of `kind`, if they do.
pub fn fit(path: &Path, kind: Kind, columns: Columns) -> Result<Fit, ReadError> {
    decoding(path, || open(path, kind, columns).map(|(_, fit)| fit))
}

/// Reads the file of `ticker` with bars of `kind`: sorted by key, each key once.
pub fn read_bars(path: &Path, kind: Kind, ticker: &Ticker) -> Result<Vec<DatedBar>, ReadError> {
    decoding(path, || bars_of(path, kind, ticker))
}

fn bars_of(path: &Path, kind: Kind, ticker: &Ticker) -> Result<Vec<DatedBar>, ReadError> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let (builder, fit) = open(path, kind, Columns::Narrow)?;
    let mut rows = Vec::new();
    let mask = ProjectionMask::roots(builder.parquet_schema(), fit.places());
    for batch in builder.with_projection(mask).build().map_err(broken(path))? {
        let batch = fit.batch(&batch.map_err(broken(path))?).map_err(foreign)?;
        append_bars(&batch, ticker, &mut rows).map_err(foreign)?;
    }
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].key(kind) >= pair[1].key(kind)) {
        return Err(foreign(format!(
            "{} t={} comes after {} t={}",
            pair[1].date, pair[1].bar.t, pair[0].date, pair[0].bar.t
        )));
    }
    Ok(rows)
}

/// Reads a whole table with any columns.
pub fn read_table(path: &Path) -> Result<RecordBatch, ReadError> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let file = regular::open(path).map_err(DiskError::at("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| foreign(error.to_string()))?;
    let schema = Arc::clone(builder.schema());
    let batches: Result<Vec<RecordBatch>, _> =
        builder.build().map_err(|error| foreign(error.to_string()))?.collect();
    let batches = batches.map_err(|error| foreign(error.to_string()))?;
    concat_batches(&schema, &batches).map_err(|error| foreign(error.to_string()))
}

/// The schema was checked before: columns have their names and types.
fn append_bars(
    batch: &RecordBatch,
    ticker: &Ticker,
    rows: &mut Vec<DatedBar>,
) -> Result<(), String> {
    let column = |name: &str| batch.column_by_name(name).expect("the schema was checked");
    let (tickers, dates) = (column("ticker").as_string::<i32>(), column("date").as_string::<i32>());
    let float = |name: &str| column(name).as_primitive::<Float64Type>();
    let int = |name: &str| column(name).as_primitive::<Int64Type>();
    let [open, high, low, close, volume, vwap] = ["o", "h", "l", "c", "v", "vw"].map(float);
    let [t, trades] = ["t", "n"].map(int);
    for row in 0..batch.num_rows() {
        if tickers.value(row) != ticker.as_str() {
            return Err(format!("a row of {} in a file of {ticker}", tickers.value(row)));
        }
        let date: TradingDay = dates.value(row).parse().map_err(|error| format!("{error}"))?;
        let bar = Ohlcv {
            t: t.value(row),
            open: open.value(row),
            high: high.value(row),
            low: low.value(row),
            close: close.value(row),
            volume: volume.value(row),
            trades: trades.is_valid(row).then(|| trades.value(row)),
            vwap: vwap.is_valid(row).then(|| vwap.value(row)),
        };
        rows.push(DatedBar { date, bar });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::writer::{Fingerprint, publish_bars};
    use crate::disk::publish::Draft;
    use crate::market::zone::Zone;

    fn rows() -> Vec<DatedBar> {
        let bar = |date: &str, trades, vwap| {
            let date: TradingDay = date.parse().expect(date);
            let bar = Ohlcv {
                t: date.start_utc_ms(),
                open: 0.1 + 0.2,
                high: 1e300,
                low: 5e-324,
                close: 48.9999,
                volume: 25_933.6,
                trades,
                vwap,
            };
            DatedBar { date, bar }
        };
        vec![bar("2024-03-08", Some(17), None), bar("2024-03-11", None, Some(48.123_456_789))]
    }

    #[test]
    fn rows_come_back_bit_for_bit_and_the_fingerprint_is_that_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, ticker) =
            (folder.path().join("AIG/year=2024/daily.parquet"), "AIG".parse().expect("a ticker"));
        let fingerprint = publish_bars(
            Draft::create(&path).expect("begun"),
            Kind::Daily,
            Zone::NewYork,
            &ticker,
            &rows(),
        )
        .expect("published");
        assert_eq!(read_bars(&path, Kind::Daily, &ticker).expect("read"), rows());
        assert_eq!(Fingerprint::of_file(&path).expect("read"), fingerprint);
        let again = publish_bars(
            Draft::create(&path).expect("begun"),
            Kind::Daily,
            Zone::NewYork,
            &ticker,
            &rows(),
        )
        .expect("published");
        assert_eq!(again, fingerprint, "same rows, same bytes");
    }

    #[test]
    fn a_file_of_another_ticker_or_a_torn_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("daily.parquet");
        let (aig, bac): (Ticker, Ticker) =
            ("AIG".parse().expect("a ticker"), "BAC".parse().expect("a ticker"));
        publish_bars(
            Draft::create(&path).expect("begun"),
            Kind::Daily,
            Zone::NewYork,
            &aig,
            &rows(),
        )
        .expect("published");
        let error = read_bars(&path, Kind::Daily, &bac).expect_err("refused").to_string();
        assert!(error.ends_with("(a row of AIG in a file of BAC)"), "{error}");
        let bytes = std::fs::read(&path).expect("read");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        assert!(matches!(read_bars(&path, Kind::Daily, &aig), Err(ReadError::Broken { .. })));
    }
}
