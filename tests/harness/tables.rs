//! Rows as tables and files: what a test writes that has something wrong in it, which no writer of
//! ours would.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
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

/// The row of a bar.
pub fn bar_row(ticker: &Ticker, kind: Kind, day: TradingDay, bar: &Ohlcv) -> BarRow {
    let minute = (bar.t - day.start_utc_ms()) / 60_000;
    let date = day.to_string();
    BarRow {
        ticker: ticker.to_string(),
        minute: (kind == Kind::Minute)
            .then(|| format!("{date} {:02}:{:02}", minute / 60, minute % 60)),
        date,
        t: bar.t,
        prices: [bar.open, bar.high, bar.low, bar.close],
        volume: bar.volume,
        trades: bar.trades,
        vwap: bar.vwap,
    }
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
