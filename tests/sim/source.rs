//! Where rows come from: the one interface that the endpoints ask, and the truth that tests compare
//! with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::record::{Adjustment, Bar, Listing, Rescale, Span, Split, Trade};

/// Why a source could not answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder can't be read.
    #[error("{path}: can't be read")]
    Read {
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path}: {what}")]
    Content {
        path: PathBuf,
        /// What is wrong, with the row where there is one.
        what: String,
    },
}

/// A deterministic store of market data, synthetic or replayed. All rows are unadjusted and in time
/// order.
pub trait Source: Send + Sync {
    /// Daily bars of one year; empty for an unknown ticker.
    fn daily_bars(&self, ticker: &str, year: i16) -> Result<Arc<Vec<Bar>>, SourceError>;
    /// One day's bar, without work for its year where the source can help it.
    fn day_bar(&self, ticker: &str, day: TradingDay) -> Result<Option<Bar>, SourceError>;
    /// Minute bars of one New York day.
    fn minute_bars(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Bar>>, SourceError>;
    /// Trades of one New York day, by stamp and sequence number.
    fn trades(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Trade>>, SourceError>;
    /// Every ticker there ever was, sorted by symbol.
    fn listings(&self) -> &[Listing];
    /// Every split by ticker.
    fn splits(&self) -> &HashMap<String, Vec<Split>>;
    /// First and last day that can have data, both inclusive.
    fn days(&self) -> (TradingDay, TradingDay);
}

/// The splits of one ticker, oldest first.
pub fn splits_of<'a>(source: &'a dyn Source, ticker: &str) -> &'a [Split] {
    source.splits().get(ticker).map_or(&[], Vec::as_slice)
}

/// Every bar a right answer holds for the days `from` to `to`, both inclusive.
pub fn true_bars(
    source: &dyn Source,
    ticker: &str,
    span: Span,
    (from, to): (TradingDay, TradingDay),
    adjustment: Adjustment,
) -> Result<Vec<Ohlcv>, SourceError> {
    let (first, last) = source.days();
    let (from, to) = (from.max(first), to.min(last));
    let mut bars = Vec::new();
    match span {
        Span::Day => {
            let (lowest, highest) = (from.start_utc_ms(), to.start_utc_ms());
            for year in from.year()..=to.year() {
                let of_year = source.daily_bars(ticker, year)?;
                bars.extend(
                    of_year.iter().filter(|bar| (lowest..=highest).contains(&bar.t_ms)).copied(),
                );
            }
        }
        Span::Minute => {
            let mut day = from;
            while day <= to {
                bars.extend(source.minute_bars(ticker, day)?.iter().copied());
                day = day.next();
            }
        }
    }
    let splits = splits_of(source, ticker);
    let rescale = |bar: &Bar| match adjustment {
        Adjustment::Unadjusted => Rescale::NONE,
        Adjustment::Splits => Rescale::at(bar.t_ms, splits),
    };
    Ok(bars.iter().map(|bar| Ohlcv::from(&rescale(bar).apply(bar))).collect())
}

/// Every trade of the days `from` to `to`, both inclusive, oldest first.
pub fn true_trades(
    source: &dyn Source,
    ticker: &str,
    (from, to): (TradingDay, TradingDay),
) -> Result<Vec<Trade>, SourceError> {
    let (first, last) = source.days();
    let (mut day, to) = (from.max(first), to.min(last));
    let mut trades = Vec::new();
    while day <= to {
        trades.extend(source.trades(ticker, day)?.iter().cloned());
        day = day.next();
    }
    Ok(trades)
}
