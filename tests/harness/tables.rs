//! Rows as tables and files: what a test writes that has something wrong in it, which no writer of
//! ours would.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StringBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::schema;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// A row of daily or minute bars.
#[derive(Debug, Clone, PartialEq)]
pub struct BarRow {
    /// Whose.
    pub ticker: String,
    /// New York date.
    pub date: String,
    /// New York minute; none in daily bars.
    pub minute: Option<String>,
    /// ms UTC.
    pub t: i64,
    /// Open, high, low, close.
    pub prices: [f64; 4],
    /// Shares.
    pub volume: f64,
    /// Trades.
    pub trades: Option<i64>,
    /// Average price.
    pub vwap: Option<f64>,
}

/// A row of trades.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeRow {
    /// Whose.
    pub ticker: String,
    /// New York date.
    pub day: String,
    /// ns UTC.
    pub sip_ns: i64,
    /// USD.
    pub price: f64,
    /// Shares.
    pub size: f64,
}

/// The columns of bars of `ticker` as our writer makes them: nothing is wrong with them.
pub fn table_of(ticker: &Ticker, kind: Kind, bars: &[(TradingDay, Ohlcv)]) -> RecordBatch {
    let float = |value: fn(&Ohlcv) -> f64| {
        let values = bars.iter().map(|(_, bar)| value(bar));
        Arc::new(Float64Array::from_iter_values(values)) as ArrayRef
    };
    let (mut dates, mut minutes) = (StringBuilder::new(), StringBuilder::new());
    let (mut date, mut start) = (String::new(), 0);
    let mut last = None;
    for (day, bar) in bars {
        if last != Some(*day) {
            (last, date, start) = (Some(*day), day.to_string(), day.start_utc_ms());
        }
        dates.append_value(&date);
        if kind == Kind::Minute {
            let minute = (bar.t - start) / 60_000;
            minutes.append_value(format!("{date} {:02}:{:02}", minute / 60, minute % 60));
        }
    }
    let tickers = StringArray::from_iter_values(bars.iter().map(|_| ticker.as_str()));
    let mut columns = vec![Arc::new(tickers) as ArrayRef, Arc::new(dates.finish())];
    if kind == Kind::Minute {
        columns.push(Arc::new(minutes.finish()));
    }
    columns.extend::<[ArrayRef; 8]>([
        Arc::new(Int64Array::from_iter_values(bars.iter().map(|(_, bar)| bar.t))),
        float(|bar| bar.open),
        float(|bar| bar.high),
        float(|bar| bar.low),
        float(|bar| bar.close),
        float(|bar| bar.volume),
        Arc::new(bars.iter().map(|(_, bar)| bar.trades).collect::<Int64Array>()),
        Arc::new(bars.iter().map(|(_, bar)| bar.vwap).collect::<Float64Array>()),
    ]);
    RecordBatch::try_new(schema::of(kind, Columns::Narrow), columns).expect("our columns")
}

/// The columns of bars.
pub fn bar_table(kind: Kind, rows: &[BarRow]) -> RecordBatch {
    let text = |value: fn(&BarRow) -> &str| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(value))) as ArrayRef
    };
    let float = |value: &dyn Fn(&BarRow) -> f64| {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(value))) as ArrayRef
    };
    let mut columns = vec![text(|row| &row.ticker), text(|row| &row.date)];
    if kind == Kind::Minute {
        columns.push(text(|row| row.minute.as_deref().unwrap_or_default()));
    }
    columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.t))));
    columns.extend((0..4).map(|at| float(&|row: &BarRow| row.prices[at])));
    columns.push(float(&|row: &BarRow| row.volume));
    columns.push(Arc::new(rows.iter().map(|row| row.trades).collect::<Int64Array>()));
    columns.push(Arc::new(rows.iter().map(|row| row.vwap).collect::<Float64Array>()));
    RecordBatch::try_new(schema::of(kind, Columns::Narrow), columns).expect("our columns")
}

/// The columns of trades.
pub fn trade_table(rows: &[TradeRow]) -> RecordBatch {
    let text = |value: fn(&TradeRow) -> &str| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(value))) as ArrayRef
    };
    let float = |value: fn(&TradeRow) -> f64| {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(value))) as ArrayRef
    };
    let columns = vec![
        text(|row| &row.ticker),
        text(|row| &row.day),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.sip_ns))) as ArrayRef,
        float(|row| row.price),
        float(|row| row.size),
    ];
    RecordBatch::try_new(schema::of(Kind::Trades, Columns::Narrow), columns).expect("our columns")
}

/// A table as the bytes of a file.
pub fn parquet(table: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties)).expect("begun");
    writer.write(table).expect("written");
    writer.into_inner().expect("ended")
}
