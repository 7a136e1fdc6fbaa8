//! A market read from files: `daily/TICKER.csv.gz`, `minute/TICKER/DATE.csv.gz`,
//! `trades/TICKER.parquet`.
//!
//! Rows are served as the files have them, unadjusted whatever is asked; files are opened when
//! first needed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shared::market::trading_day::{NEW_YORK, TradingDay};

use super::fixed::{Price, Shares};
use super::record::{Bar, Listing, Spelling, Split, Trade};
use super::source::{Source, SourceError};

type ByYear = HashMap<i16, Arc<Vec<Bar>>>;
type ByDay = HashMap<TradingDay, Arc<Vec<Trade>>>;

/// A folder of recorded market data.
pub struct Replay {
    folder: PathBuf,
    listings: Vec<Listing>,
    daily: Mutex<HashMap<String, Arc<ByYear>>>,
    trades: Mutex<HashMap<String, Arc<ByDay>>>,
    no_splits: HashMap<String, Vec<Split>>,
}

impl Replay {
    /// Lists the tickers of a folder; an error when it can't be read or holds none.
    pub fn open(folder: &Path) -> Result<Self, SourceError> {
        let mut tickers = BTreeSet::new();
        list(folder).map_err(|source| unreadable(folder, source))?;
        for (kind, ending) in [("daily", ".csv.gz"), ("minute", ""), ("trades", ".parquet")] {
            let names = match list(&folder.join(kind)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(|source| unreadable(&folder.join(kind), source))?,
            };
            tickers.extend(names.iter().filter_map(|name| name.strip_suffix(ending)?.parse().ok()));
        }
        if tickers.is_empty() {
            let what =
                "holds no daily/TICKER.csv.gz, minute/TICKER/DATE.csv.gz or trades/TICKER.parquet"
                    .to_owned();
            return Err(SourceError::Content { path: folder.to_owned(), what });
        }
        let listing = |ticker| Listing {
            name: format!("{ticker} (replayed)"),
            ticker,
            kind: "CS",
            mic: "XNYS",
            listed: None,
            delisted: None,
            list_date: None,
            cik: None,
            figi: None,
            shares_outstanding: 1_000_000,
        };
        Ok(Self {
            folder: folder.to_owned(),
            listings: tickers.into_iter().map(listing).collect(),
            daily: Mutex::default(),
            trades: Mutex::default(),
            no_splits: HashMap::new(),
        })
    }

    fn knows(&self, ticker: &str) -> bool {
        self.listings.binary_search_by(|listing| listing.ticker.as_str().cmp(ticker)).is_ok()
    }

    fn years(&self, ticker: &str) -> Result<Arc<ByYear>, SourceError> {
        // Locked while reading: two requests never read one file twice.
        let mut daily = self.daily.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = daily.get(ticker) {
            return Ok(Arc::clone(known));
        }
        let years = Arc::new(self.read_years(ticker)?);
        daily.insert(ticker.to_owned(), Arc::clone(&years));
        Ok(years)
    }

    fn read_years(&self, ticker: &str) -> Result<ByYear, SourceError> {
        let mut years: BTreeMap<i16, Vec<Bar>> = BTreeMap::new();
        if self.knows(ticker) {
            let path = self.folder.join("daily").join(format!("{ticker}.csv.gz"));
            for bar in
                read_bars(&path, |date| Some(date.parse::<TradingDay>().ok()?.start_utc_ms()))?
            {
                let day = TradingDay::of_utc_ms(bar.t_ms).expect("made from a day");
                years.entry(day.year()).or_default().push(bar);
            }
        }
        Ok(years.into_iter().map(|(year, bars)| (year, Arc::new(bars))).collect())
    }

    fn trade_days(&self, ticker: &str) -> Result<Arc<ByDay>, SourceError> {
        let mut trades = self.trades.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = trades.get(ticker) {
            return Ok(Arc::clone(known));
        }
        let days = if self.knows(ticker) {
            read_trades(&self.folder.join("trades").join(format!("{ticker}.parquet")))?
        } else {
            HashMap::new()
        };
        let days = Arc::new(days);
        trades.insert(ticker.to_owned(), Arc::clone(&days));
        Ok(days)
    }
}

impl Source for Replay {
    fn daily_bars(&self, ticker: &str, year: i16) -> Result<Arc<Vec<Bar>>, SourceError> {
        Ok(self.years(ticker)?.get(&year).map(Arc::clone).unwrap_or_default())
    }

    fn day_bar(&self, ticker: &str, day: TradingDay) -> Result<Option<Bar>, SourceError> {
        let bars = self.daily_bars(ticker, day.year())?;
        Ok(bars.iter().find(|bar| bar.t_ms == day.start_utc_ms()).copied())
    }

    fn minute_bars(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Bar>>, SourceError> {
        if !self.knows(ticker) {
            return Ok(Arc::default());
        }
        let path = self.folder.join("minute").join(ticker).join(format!("{day}.csv.gz"));
        let bars = read_bars(&path, |minute| {
            let at = minute.parse::<jiff::civil::Time>().ok().filter(|_| minute.len() == 5)?;
            Some(NEW_YORK.to_timestamp(day.date().to_datetime(at)).ok()?.as_millisecond())
        })?;
        Ok(Arc::new(bars))
    }

    fn trades(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Trade>>, SourceError> {
        Ok(self.trade_days(ticker)?.get(&day).map(Arc::clone).unwrap_or_default())
    }

    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn splits(&self) -> &HashMap<String, Vec<Split>> {
        &self.no_splits
    }

    fn days(&self) -> (TradingDay, TradingDay) {
        let date = |year, month, day| TradingDay::from_ymd(year, month, day).expect("a date");
        (date(1990, 1, 1), date(2035, 12, 31))
    }
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let names = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

fn unreadable(path: &Path, source: io::Error) -> SourceError {
    SourceError::Read { path: path.to_owned(), source }
}

/// The bars of one file, in time order; none when there is no such file. `stamp` reads the first
/// column.
fn read_bars(path: &Path, stamp: impl Fn(&str) -> Option<i64>) -> Result<Vec<Bar>, SourceError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| unreadable(path, source))?,
    };
    let mut text = String::new();
    MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(|source| unreadable(path, source))?;
    let mut bars: Vec<Bar> = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        let wrong = |what: &str| SourceError::Content {
            path: path.to_owned(),
            what: format!("line {}: {what}: {line:?}", index + 1),
        };
        let bar = read_bar(line, &stamp).ok_or_else(|| wrong("not a bar"))?;
        if bars.last().is_some_and(|before| before.t_ms >= bar.t_ms) {
            return Err(wrong("not later than the line before"));
        }
        bars.push(bar);
    }
    Ok(bars)
}

fn read_bar(line: &str, stamp: impl Fn(&str) -> Option<i64>) -> Option<Bar> {
    let mut cells = line.split(',');
    let t_ms = stamp(cells.next()?)?;
    let mut price = || Price::parse(cells.next()?);
    let (open, high, low, close) = (price()?, price()?, price()?, price()?);
    let volume = Shares::parse(cells.next()?)?;
    let spelling = Spelling::PointedPrices;
    let bar = Bar { t_ms, open, high, low, close, volume, trades: None, vwap: None, spelling };
    cells.next().is_none().then_some(bar)
}

/// The trades of one file by day, numbered in the order of the file; none when there is no such
/// file.
fn read_trades(path: &Path) -> Result<ByDay, SourceError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        other => other.map_err(|source| unreadable(path, source))?,
    };
    let wrong = |what: String| SourceError::Content { path: path.to_owned(), what };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| wrong(error.to_string()))?;
    let mut days: BTreeMap<TradingDay, Vec<Trade>> = BTreeMap::new();
    for batch in reader {
        let batch = batch.map_err(|error| wrong(error.to_string()))?;
        let column = |name: &str, kind: &DataType| {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| wrong(format!("has no column {name:?}")))?;
            arrow::compute::cast(column, kind)
                .map_err(|error| wrong(format!("column {name:?}: {error}")))
        };
        let stamps = column("sip_ts", &DataType::Int64)?;
        let prices = column("price", &DataType::Float64)?;
        let sizes = column("size", &DataType::Float64)?;
        let exchanges = column("exchange", &DataType::Utf8)?;
        for row in 0..batch.num_rows() {
            let sip_ns = stamps.as_primitive::<Int64Type>().value(row);
            let day = TradingDay::of_utc_ms(sip_ns.div_euclid(1_000_000));
            let day = day.ok_or_else(|| wrong(format!("sip_ts {sip_ns} is not in this age")))?;
            let trades = days.entry(day).or_default();
            let price = units(prices.as_primitive::<Float64Type>().value(row), 1e4);
            let size = units(sizes.as_primitive::<Float64Type>().value(row), 1e6);
            let exchange = exchange_id(exchanges.as_string::<i32>().value(row));
            let number = i64::try_from(trades.len()).expect("fewer trades than 2^63") + 1;
            trades.push(trade(sip_ns, number, Price(price), Shares(size), exchange));
        }
    }
    for (day, trades) in &days {
        if !trades.is_sorted_by_key(|trade| trade.sip_ns) {
            return Err(wrong(format!("trades of {day} are not in the order of sip_ts")));
        }
    }
    Ok(days.into_iter().map(|(day, trades)| (day, Arc::new(trades))).collect())
}

fn trade(sip_ns: i64, sequence: i64, price: Price, size: Shares, exchange: i32) -> Trade {
    Trade {
        sip_ns,
        participant_ns: sip_ns,
        trf: (exchange == 4).then_some((201, sip_ns)),
        sequence,
        price,
        size,
        spells_decimal_size: true,
        id: Some(sequence.unsigned_abs()),
        exchange,
        conditions: &[],
        correction: None,
        tape: 1,
    }
}

/// Floats of the file to exact units; the files have at most four decimals.
#[expect(clippy::cast_possible_truncation, reason = "prices and sizes are far below 2^53 units")]
fn units(value: f64, scale: f64) -> i64 {
    (value * scale).round() as i64
}

/// The vendor's number for a tape letter (`/v3/reference/exchanges`, `participant_id`); unknown
/// letters are 0.
fn exchange_id(letter: &str) -> i32 {
    const LETTERS: [(&str, i32); 20] = [
        ("A", 1),
        ("B", 2),
        ("C", 3),
        ("D", 4),
        ("E", 5),
        ("I", 6),
        ("J", 7),
        ("K", 8),
        ("M", 9),
        ("N", 10),
        ("P", 11),
        ("T", 12),
        ("S", 13),
        ("V", 15),
        ("X", 16),
        ("Y", 17),
        ("W", 18),
        ("Z", 19),
        ("H", 20),
        ("U", 21),
    ];
    LETTERS.iter().find(|(known, _)| *known == letter).map_or(0, |(_, id)| *id)
}
