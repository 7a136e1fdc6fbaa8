//! Rows to the columns of a file, in the schema's order. How columns are encoded is the business of
//! [`writer`](super::writer).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int32Builder, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder,
};

use super::kind::{Columns, Kind};
use super::merge::DatedBar;
use super::schema;
use crate::market::ticker::Ticker;
use crate::market::trade::Trade;
use crate::market::trading_day::TradingDay;
use crate::market::zone::{DayFinder, Zone};

/// The text of a day, `YYYY-MM-DD`.
const DATE_BYTES: usize = 10;

/// The text of a minute, `YYYY-MM-DD HH:MM`.
const MINUTE_BYTES: usize = 16;

/// Bars as the columns of `kind`; their days and minutes are texts in `zone`.
pub(super) fn bar_columns(
    kind: Kind,
    zone: Zone,
    ticker: &Ticker,
    rows: &[DatedBar],
) -> RecordBatch {
    let float = |value: fn(&DatedBar) -> f64| {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| ticker.as_str()))),
        Arc::new(dates(rows)),
    ];
    if kind == Kind::Minute {
        columns.push(Arc::new(minutes(zone, rows)));
    }
    columns.extend::<[ArrayRef; 8]>([
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.bar.t))),
        float(|row| row.bar.open),
        float(|row| row.bar.high),
        float(|row| row.bar.low),
        float(|row| row.bar.close),
        float(|row| row.bar.volume),
        Arc::new(rows.iter().map(|row| row.bar.trades).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.bar.vwap).collect::<Float64Array>()),
    ]);
    RecordBatch::try_new(schema::of(kind, Columns::Narrow), columns)
        .expect("the columns are built in the schema's order")
}

/// The days of rows, whose text is made once for all neighbours of a day.
fn dates(rows: &[DatedBar]) -> StringArray {
    let mut dates = StringBuilder::with_capacity(rows.len(), rows.len() * DATE_BYTES);
    for of_day in rows.chunk_by(|row, next| row.date == next.date) {
        let date = of_day[0].date.to_string();
        for _ in of_day {
            dates.append_value(&date);
        }
    }
    dates.finish()
}

/// `YYYY-MM-DD HH:MM` in the tree's zone.
fn minutes(zone: Zone, rows: &[DatedBar]) -> StringArray {
    let mut days = DayFinder::new(zone);
    let mut labels = StringBuilder::with_capacity(rows.len(), rows.len() * MINUTE_BYTES);
    let (mut label, mut labelled) = (String::new(), None);
    for row in rows {
        let (day, minute) = days
            .day_of_ms(row.bar.t)
            .zip(days.minute_of_ms(row.bar.t))
            .expect("a row has a date, so its stamp can be named");
        if labelled != Some(day) {
            label = format!("{day} ");
            labelled = Some(day);
        }
        label.truncate(DATE_BYTES + 1);
        let digits = [minute / 600, minute / 60 % 10, minute % 60 / 10, minute % 10];
        for (at, digit) in digits.into_iter().enumerate() {
            if at == 2 {
                label.push(':');
            }
            label.push(char::from_digit(digit.into(), 10).expect("below ten"));
        }
        labels.append_value(&label);
    }
    labels.finish()
}

/// Trades of one day as the columns that `columns` asks for.
pub(super) fn trade_columns(
    ticker: &Ticker,
    day: TradingDay,
    columns: Columns,
    trades: &[Trade],
) -> RecordBatch {
    let day = day.to_string();
    let int =
        |value: fn(&Trade) -> i64| Arc::new(Int64Array::from_iter_values(trades.iter().map(value)));
    let float = |value: fn(&Trade) -> f64| {
        Arc::new(Float64Array::from_iter_values(trades.iter().map(value)))
    };
    let small = |value: fn(&Trade) -> Option<i32>| {
        Arc::new(trades.iter().map(value).collect::<Int32Array>())
    };
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(trades.iter().map(|_| ticker.as_str()))),
        Arc::new(StringArray::from_iter_values(trades.iter().map(|_| day.as_str()))),
        int(|trade| trade.sip_ns),
        float(|trade| trade.price),
        float(|trade| trade.size),
    ];
    if columns == Columns::Full {
        let mut conditions = ListBuilder::new(Int32Builder::new()).with_field(schema::condition());
        for trade in trades {
            match &trade.conditions {
                Some(ids) => conditions.append_value(ids.iter().map(Some)),
                None => conditions.append_null(),
            }
        }
        arrays.extend::<[ArrayRef; 8]>([
            int(|trade| trade.sequence_number),
            small(|trade| Some(trade.exchange)),
            Arc::new(conditions.finish()),
            small(|trade| trade.correction),
            small(|trade| Some(trade.tape)),
            int(|trade| trade.participant_ns),
            Arc::new(trades.iter().map(|trade| trade.trf_ns).collect::<Int64Array>()),
            Arc::new(StringArray::from_iter_values(trades.iter().map(|trade| &*trade.id))),
        ]);
    }
    RecordBatch::try_new(schema::of(Kind::Trades, columns), arrays)
        .expect("the columns are built in the schema's order")
}
