//! Facts: what one file of another program holds, read once from its first row to its last. What
//! follows from them is [`whole`](super::whole)'s business.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use jiff::Timestamp;
use shared::dataset::column_stream::{self as columns, Column, Nulls};
use shared::dataset::fit::Unlike;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::dataset::seen::Seen;
use shared::dataset::writer::Fingerprint;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::market::zone::Zone;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// The rows of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayFacts {
    /// Which, as the rows name it.
    pub day: TradingDay,
    /// How many, at least one.
    pub rows: u64,
    /// Is every number one that can be, no infinity and no NaN?
    pub is_finite: bool,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Where it stands.
    pub partition: Partition,
    /// Rows, at least one.
    pub rows: u64,
    /// First and last stamp, in the unit of the rows.
    pub stamps: (i64, i64),
    /// Day by day, in time order.
    pub days: Vec<DayFacts>,
    /// The zones in which every row is of the day that it names.
    pub zones: Vec<Zone>,
    /// What is unlike ours in it.
    pub unlike: BTreeSet<Unlike>,
    /// When it was written last.
    pub written_at: Timestamp,
    /// How it was found.
    pub seen: Seen,
    /// Length and SHA-256.
    pub fingerprint: Fingerprint,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It has no row.
    #[error("it has no row")]
    Empty,
    /// It is no whole Parquet file, it has other columns, or it can't be opened.
    #[error("{}", without_path(.0))]
    Unread(#[from] ReadError),
    /// Rows of somebody else.
    #[error("a row of {0:?}")]
    OtherTicker(String),
    /// Rows of days beyond its partition.
    #[error("a row of {0:?}, which is not in its folder's days")]
    OtherDay(String),
    /// A row comes after a later one, or twice.
    #[error("row {row} ({day}, {stamp}) does not come after the one before")]
    Order {
        /// From 0.
        row: u64,
        /// Its day.
        day: TradingDay,
        /// Its stamp.
        stamp: i64,
    },
}

/// The file is named beside it.
fn without_path(error: &ReadError) -> String {
    match error {
        ReadError::Broken { what, .. } | ReadError::Foreign { what, .. } => what.clone(),
        ReadError::Disk(error) => error.source.to_string(),
    }
}

static BARS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut all = vec![wanted("ticker", DataType::Utf8), wanted("date", DataType::Utf8)];
    all.push(wanted("t", DataType::Int64));
    all.extend(["o", "h", "l", "c", "v"].map(|name| wanted(name, DataType::Float64)));
    all
});

static MINUTES: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut all = BARS.clone();
    all.push(wanted("minute", DataType::Utf8));
    all
});

static TRADES: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut all = vec![wanted("ticker", DataType::Utf8), wanted("day", DataType::Utf8)];
    all.push(wanted("sip_ts", DataType::Int64));
    all.extend(["price", "size"].map(|name| wanted(name, DataType::Float64)));
    all
});

fn wanted(name: &'static str, data_type: DataType) -> Column {
    Column { name, data_type, nulls: Nulls::Refused }
}

/// Reads the file at `path`, which stands in the place of `partition` of `ticker`.
pub fn read(
    path: &Path,
    columns: Columns,
    ticker: &Ticker,
    partition: Partition,
) -> Result<FileFacts, Unusable> {
    let kind = partition.kind();
    // Looked at first: who writes to it while it is read changes how it is found.
    let look = || fs::metadata(path).and_then(|found| Ok((Seen::of(&found), found.modified()?)));
    let (seen, modified) =
        look().map_err(|error| ReadError::Disk(DiskError::at("look at", path)(error)))?;
    let unlike = reader::fit(path, kind, columns)?.unlike().clone();
    let mut reading = Reading::new(ticker, partition);
    let asked = match kind {
        Kind::Daily => &*BARS,
        Kind::Minute => &*MINUTES,
        Kind::Trades => &*TRADES,
    };
    columns::stream(path, ticker, asked, |first, batch| reading.take(first, batch))?;
    let fingerprint = Fingerprint::of_file(path).map_err(ReadError::Disk)?;
    let Reading { rows, stamps, days, new_york, utc, .. } = reading;
    let stamps = stamps.ok_or(Unusable::Empty)?;
    let fits = [(Zone::NewYork, new_york), (Zone::Utc, utc)];
    Ok(FileFacts {
        partition,
        rows,
        stamps,
        days,
        zones: fits.into_iter().filter_map(|(zone, fits)| fits.then_some(zone)).collect(),
        unlike,
        written_at: Timestamp::try_from(modified).unwrap_or(Timestamp::MAX),
        seen,
        fingerprint,
    })
}

/// A file that is being read.
struct Reading<'a> {
    ticker: &'a Ticker,
    partition: Partition,
    rows: u64,
    stamps: Option<(i64, i64)>,
    days: Vec<DayFacts>,
    new_york: bool,
    utc: bool,
    /// The day of the last row, and where it begins (ms UTC).
    today: Option<Today>,
}

/// A day as rows name it.
struct Today {
    text: String,
    day: TradingDay,
    new_york: (i64, i64),
    utc: (i64, i64),
}

impl Today {
    fn named(text: &str) -> Option<Self> {
        let day: TradingDay = text.parse().ok()?;
        let ends = |zone: Zone| (zone.start_ms(day), zone.start_ms(day.next()));
        let (new_york, utc) = (ends(Zone::NewYork), ends(Zone::Utc));
        Some(Self { text: text.to_owned(), day, new_york, utc })
    }
}

impl<'a> Reading<'a> {
    fn new(ticker: &'a Ticker, partition: Partition) -> Self {
        Self {
            ticker,
            partition,
            rows: 0,
            stamps: None,
            days: Vec::new(),
            new_york: true,
            utc: true,
            today: None,
        }
    }

    fn take(&mut self, first: u64, batch: &RecordBatch) -> Result<(), Unusable> {
        let text = |place: usize| batch.column(place).as_string::<i32>();
        let (tickers, dates) = (text(0), text(1));
        let stamps = batch.column(2).as_primitive::<Int64Type>().values();
        let kind = self.partition.kind();
        let labels = (kind == Kind::Minute).then(|| text(8));
        let numbers = 3..batch.num_columns().min(8);
        let numbers: Vec<&[f64]> = numbers
            .map(|place| &**batch.column(place).as_primitive::<Float64Type>().values())
            .collect();
        for row in 0..batch.num_rows() {
            if tickers.value(row) != self.ticker.as_str() {
                return Err(Unusable::OtherTicker(tickers.value(row).to_owned()));
            }
            let stamp = stamps[row];
            let is_finite = numbers.iter().all(|column| column[row].is_finite());
            self.row((first + row as u64, dates.value(row), stamp), is_finite)?;
            let ms = if kind == Kind::Trades { stamp.div_euclid(NS_PER_MS) } else { stamp };
            self.look_at_zones(ms, labels.map(|labels: &StringArray| labels.value(row)));
        }
        Ok(())
    }

    /// One more row, with its number, day and stamp.
    fn row(
        &mut self,
        (number, date, stamp): (u64, &str, i64),
        is_finite: bool,
    ) -> Result<(), Unusable> {
        let kind = self.partition.kind();
        let before = self.today.as_ref().map(|today| today.day);
        if self.today.as_ref().is_none_or(|today| today.text != date) {
            let named = Today::named(date);
            let inside = named.filter(|today| self.partition.span().contains(today.day));
            self.today = Some(inside.ok_or_else(|| Unusable::OtherDay(date.to_owned()))?);
        }
        let day = self.today.as_ref().map_or(TradingDay::MIN, |today| today.day);
        let last = self.stamps.map(|(_, last)| last);
        let is_later = match kind {
            Kind::Daily => before.is_none_or(|before| before < day),
            Kind::Minute => before.zip(last).is_none_or(|before| before < (day, stamp)),
            // The tape's own order, which may go back within a moment.
            Kind::Trades => true,
        };
        if !is_later {
            return Err(Unusable::Order { row: number, day, stamp });
        }
        let (first, last) = match (self.stamps, kind) {
            (None, _) => (stamp, stamp),
            (Some((first, last)), Kind::Trades) => (first.min(stamp), last.max(stamp)),
            (Some((first, _)), Kind::Daily | Kind::Minute) => (first, stamp),
        };
        self.stamps = Some((first, last));
        self.rows += 1;
        match self.days.last_mut() {
            Some(facts) if facts.day == day => {
                facts.rows += 1;
                facts.is_finite &= is_finite;
            }
            Some(_) | None => self.days.push(DayFacts { day, rows: 1, is_finite }),
        }
        Ok(())
    }

    /// In which zones is a row of this moment one of its day, and its minute what it says?
    fn look_at_zones(&mut self, ms: i64, label: Option<&str>) {
        let Some(today) = &self.today else { return };
        let fits = |(start, end): (i64, i64)| {
            (start..end).contains(&ms)
                && label.is_none_or(|label| is_label(label, &today.text, (start, end), ms))
        };
        self.new_york &= fits(today.new_york);
        self.utc &= fits(today.utc);
    }
}

/// Does `2024-03-11 09:30` name the minute `ms` of the day that has these ends?
fn is_label(label: &str, date: &str, (start, end): (i64, i64), ms: i64) -> bool {
    let Some((day, time)) = label.split_once(' ') else { return false };
    let clock = time.split_once(':').and_then(|(hours, minutes)| {
        Some(hours.parse::<i64>().ok()? * 60 + minutes.get(..2)?.parse::<i64>().ok()?)
    });
    // Clocks are changed on days without a session.
    let is_plain = end - start == DAY_MS;
    day == date && clock.is_some_and(|clock| !is_plain || (ms - start) / MINUTE_MS == clock)
}
