//! Trees as the old Python scripts left them: written by pyarrow, pandas and polars where
//! `scripts/python-env` has made a `.venv`, and in the same physical form by Rust everywhere.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, LargeStringArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

use super::program::run;
use super::python;
use super::tree::Print;

const SCRIPT: &str = "python/write_old_tree.py";

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// As polars does, by Rust: large strings, all columns nullable, zstd, no statistics.
    Rust,
    /// polars: zstd.
    Polars,
    /// pyarrow: gzip, lz4 or snappy, by the kind of data.
    Pyarrow,
    /// pandas: counts as floats, an index of its own.
    Pandas,
}

impl Writer {
    /// Those that are to be had here; where the gate runs, all.
    pub fn all() -> Vec<Self> {
        let is_there =
            |it: &Self| it.name().is_none_or(|name| python::script(SCRIPT, name).is_some());
        [Self::Rust, Self::Polars, Self::Pyarrow, Self::Pandas]
            .into_iter()
            .filter(is_there)
            .collect()
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Rust => None,
            Self::Polars => Some("polars"),
            Self::Pyarrow => Some("pyarrow"),
            Self::Pandas => Some("pandas"),
        }
    }
}

/// The rows of some tickers, in time order.
pub enum Rows {
    /// Daily bars or minutes.
    Bars(Vec<(Ticker, Vec<Ohlcv>)>),
    /// Trades.
    Trades(Vec<(Ticker, Vec<Print>)>),
}

/// Writes `rows` as a tree of `kind` below `outdir`, filed by the days of `zone`.
pub fn write(writer: Writer, kind: Kind, zone: Zone, rows: &Rows, outdir: &Path) {
    fs::create_dir_all(outdir).expect("made");
    let Some(name) = writer.name() else { return by_rust(kind, zone, rows, outdir) };
    let csv = outdir.with_extension("csv");
    fs::write(&csv, text_of(rows)).expect("written");
    let mut script = python::script(SCRIPT, name).expect("it was looked for");
    run(script.args([name, kind.name(), zone.name()]).arg(&csv).arg(outdir)).expect_code(0);
}

fn text_of(rows: &Rows) -> String {
    let or_empty = |number: Option<String>| number.unwrap_or_default();
    let mut text = String::new();
    match rows {
        Rows::Bars(all) => {
            text.push_str("ticker,t,o,h,l,c,v,n,vw\n");
            for (ticker, bars) in all {
                for bar in bars {
                    let Ohlcv { t, open, high, low, close, volume, trades, vwap } = bar;
                    let n = or_empty(trades.map(|n| n.to_string()));
                    let vw = or_empty(vwap.map(|vw| vw.to_string()));
                    writeln!(text, "{ticker},{t},{open},{high},{low},{close},{volume},{n},{vw}")
                        .expect("taken");
                }
            }
        }
        Rows::Trades(all) => {
            text.push_str("ticker,sip_ts,price,size\n");
            for (ticker, trades) in all {
                for (stamp, price, size) in trades {
                    writeln!(text, "{ticker},{stamp},{price},{size}").expect("taken");
                }
            }
        }
    }
    text
}

fn by_rust(kind: Kind, zone: Zone, rows: &Rows, outdir: &Path) {
    match rows {
        Rows::Bars(all) => {
            for (ticker, bars) in all {
                for (partition, bars) in by_partition(kind, zone, bars, |bar| bar.t) {
                    let columns = bar_columns(kind, zone, ticker, &bars);
                    write_file(&partition.file(outdir, ticker, kind), columns);
                }
            }
        }
        Rows::Trades(all) => {
            for (ticker, trades) in all {
                let ms = |trade: &Print| trade.0.div_euclid(1_000_000);
                for (partition, trades) in by_partition(kind, zone, trades, ms) {
                    let columns = trade_columns(partition, ticker, &trades);
                    write_file(&partition.file(outdir, ticker, kind), columns);
                }
            }
        }
    }
}

fn by_partition<T: Copy>(
    kind: Kind,
    zone: Zone,
    rows: &[T],
    ms: impl Fn(&T) -> i64,
) -> BTreeMap<Partition, Vec<T>> {
    let mut all: BTreeMap<Partition, Vec<T>> = BTreeMap::new();
    for row in rows {
        let day = zone.day_of_ms(ms(row)).expect("a day");
        all.entry(Partition::of(kind, day)).or_default().push(*row);
    }
    all
}

fn texts(all: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(LargeStringArray::from_iter_values(all))
}

fn floats(all: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(all))
}

fn bar_columns(
    kind: Kind,
    zone: Zone,
    ticker: &Ticker,
    bars: &[Ohlcv],
) -> Vec<(&'static str, ArrayRef)> {
    let at = |bar: &Ohlcv| zone.civil(bar.t).expect("a time");
    let all = || bars.iter();
    let mut columns = vec![
        ("ticker", texts(all().map(|_| ticker.to_string()))),
        ("date", texts(all().map(|bar| at(bar).date().to_string()))),
    ];
    if kind == Kind::Minute {
        let label = |bar: &Ohlcv| {
            let at = at(bar);
            format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
        };
        columns.push(("minute", texts(all().map(label))));
    }
    columns.push(("t", Arc::new(Int64Array::from_iter_values(all().map(|bar| bar.t)))));
    columns.push(("o", floats(all().map(|bar| bar.open))));
    columns.push(("h", floats(all().map(|bar| bar.high))));
    columns.push(("l", floats(all().map(|bar| bar.low))));
    columns.push(("c", floats(all().map(|bar| bar.close))));
    columns.push(("v", floats(all().map(|bar| bar.volume))));
    columns.push(("n", Arc::new(all().map(|bar| bar.trades).collect::<Int64Array>())));
    columns.push(("vw", Arc::new(all().map(|bar| bar.vwap).collect::<Float64Array>())));
    columns
}

fn trade_columns(
    partition: Partition,
    ticker: &Ticker,
    trades: &[Print],
) -> Vec<(&'static str, ArrayRef)> {
    let all = || trades.iter();
    vec![
        ("ticker", texts(all().map(|_| ticker.to_string()))),
        ("day", texts(all().map(|_| partition.span().from().to_string()))),
        ("sip_ts", Arc::new(Int64Array::from_iter_values(all().map(|trade| trade.0)))),
        ("price", floats(all().map(|trade| trade.1))),
        ("size", floats(all().map(|trade| trade.2))),
    ]
}

/// Writes a table of these columns, each of which may be null, as polars would.
pub fn write_file(path: &Path, columns: Vec<(&'static str, ArrayRef)>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let table = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("a table");
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(2).expect("a level")))
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let file = fs::File::create(path).expect("made");
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("begun");
    writer.write(&table).expect("written");
    writer.close().expect("written");
}
