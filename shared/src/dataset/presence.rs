//! Presence: on which days a file has rows, and how much was traded on each. For who holds several
//! trees of one market against each other; files are read as
//! [`column_stream`] reads them.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};

use super::column_stream::{self, Column, Nulls};
use super::reader::ReadError;
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

const DATE: Column = Column { name: "date", data_type: DataType::Utf8, nulls: Nulls::Refused };
const VOLUME: Column = Column { name: "v", data_type: DataType::Float64, nulls: Nulls::Refused };

/// The days on which the file of `ticker` with bars has any, in its order, each once where they are
/// in order.
pub fn days(path: &Path, ticker: &Ticker) -> Result<Vec<TradingDay>, ReadError> {
    let mut days: Vec<TradingDay> = Vec::new();
    let mut text = String::new();
    column_stream::stream::<ReadError>(path, ticker, &[DATE], |_, batch| {
        for date in batch.column(0).as_string::<i32>().iter().flatten() {
            // Hundreds of rows have the same one.
            if date != text {
                date.clone_into(&mut text);
                days.push(day_of(path, date)?);
            }
        }
        Ok(())
    })?;
    Ok(days)
}

/// Shares traded on each day, by the file of `ticker` with daily bars, in its order.
pub fn volumes(path: &Path, ticker: &Ticker) -> Result<Vec<(TradingDay, f64)>, ReadError> {
    let mut volumes = Vec::new();
    column_stream::stream::<ReadError>(path, ticker, &[DATE, VOLUME], |_, batch| {
        let dates = batch.column(0).as_string::<i32>();
        let shares = batch.column(1).as_primitive::<Float64Type>();
        for (date, shares) in dates.iter().flatten().zip(shares.values()) {
            volumes.push((day_of(path, date)?, *shares));
        }
        Ok(())
    })?;
    Ok(volumes)
}

fn day_of(path: &Path, text: &str) -> Result<TradingDay, ReadError> {
    text.parse().map_err(|error| ReadError::foreign(path, format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::kind::Kind;
    use crate::dataset::merge::DatedBar;
    use crate::dataset::writer::publish_bars;
    use crate::disk::publish::Draft;
    use crate::market::ohlcv::Ohlcv;
    use crate::market::zone::Zone;

    #[test]
    fn the_days_of_a_file_and_what_was_traded_on_each_come_back() {
        let day = |text: &str| text.parse::<TradingDay>().expect(text);
        let row = |date: &str, minute: i64, volume: f64| {
            let t = day(date).start_utc_ms() + minute * 60_000;
            let bar = Ohlcv {
                t,
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0,
                volume,
                trades: None,
                vwap: None,
            };
            DatedBar { date: day(date), bar }
        };
        let folder = tempfile::tempdir().expect("a folder");
        let ticker: Ticker = "A".parse().expect("a ticker");
        let publish = |name: &str, kind, rows: &[DatedBar]| {
            let path = folder.path().join(name);
            let draft = Draft::create(&path).expect("begun");
            publish_bars(draft, kind, Zone::NewYork, &ticker, rows).expect("published");
            path
        };
        let minutes =
            [row("2024-03-11", 570, 1.0), row("2024-03-11", 571, 1.0), row("2024-03-12", 570, 2.0)];
        let path = publish("minute.parquet", Kind::Minute, &minutes);
        assert_eq!(days(&path, &ticker).expect("read"), [day("2024-03-11"), day("2024-03-12")]);
        let daily = [row("2024-03-11", 0, 0.0), row("2024-03-12", 0, 7.5)];
        let path = publish("daily.parquet", Kind::Daily, &daily);
        let expected = [(day("2024-03-11"), 0.0), (day("2024-03-12"), 7.5)];
        assert_eq!(volumes(&path, &ticker).expect("read"), expected);
        assert!(days(&path, &"B".parse().expect("a ticker")).is_err(), "rows of somebody else");
    }
}
