//! What a source knows: bars, trades, listings and splits, before they are written as JSON.
//!
//! Prices are as traded (unadjusted); [`Rescale`] turns a bar into its split-adjusted twin.

use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::fixed::{Price, Shares};

/// Length of a bar's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// One New York calendar day; `t` is its midnight.
    Day,
    /// One minute; `t` is its start.
    Minute,
}

/// Whether prices are rewritten for later splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adjustment {
    /// As traded on the day.
    Unadjusted,
    /// In the shares of the last day of the data.
    Splits,
}

impl Adjustment {
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Unadjusted => Self::Splits,
            Self::Splits => Self::Unadjusted,
        }
    }
}

/// How the numbers of a bar are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Whole numbers without a point.
    Plain,
    /// A whole volume as `642646396.0`.
    PointedVolume,
    /// Whole prices as `16.0`, volumes plain: the replay files.
    PointedPrices,
}

/// One aggregate bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Start of the window, ms UTC.
    pub t_ms: i64,
    /// First price.
    pub open: Price,
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Shares traded.
    pub volume: Shares,
    /// Number of trades that moved the volume.
    pub trades: Option<i64>,
    /// Volume-weighted average price.
    pub vwap: Option<Price>,
    /// How it looks on the wire.
    pub spelling: Spelling,
}

impl From<&Bar> for Ohlcv {
    fn from(bar: &Bar) -> Self {
        Self {
            t: bar.t_ms,
            open: bar.open.as_f64(),
            high: bar.high.as_f64(),
            low: bar.low.as_f64(),
            close: bar.close.as_f64(),
            volume: bar.volume.as_f64(),
            trades: bar.trades,
            vwap: bar.vwap.map(Price::as_f64),
        }
    }
}

/// One trade of the tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// When the processor published it, ns UTC.
    pub sip_ns: i64,
    /// When the venue made it, ns UTC; may precede `sip_ns` by hours.
    pub participant_ns: i64,
    /// Trade reporting facility and its stamp (ns UTC), off-exchange prints only.
    pub trf: Option<(i32, i64)>,
    /// Increasing within the day, not contiguous.
    pub sequence: i64,
    /// Price as traded.
    pub price: Price,
    /// Exact size.
    pub size: Shares,
    /// Whether `decimal_size` is sent beside the integer `size`.
    pub spells_decimal_size: bool,
    /// Trade id; `None` is sent as `""`.
    pub id: Option<u64>,
    /// Id of the exchange; 4 is off-exchange.
    pub exchange: i32,
    /// Condition codes; empty is sent as no key at all.
    pub conditions: &'static [i32],
    /// Correction indicator.
    pub correction: Option<i32>,
    /// 1, 2 or 3; 0 in 2003.
    pub tape: i32,
}

/// One row of the list of tickers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The symbol.
    pub ticker: Ticker,
    /// Company name.
    pub name: String,
    /// `CS`, `PFD`, `WARRANT`, …
    pub kind: &'static str,
    /// Primary exchange as a MIC.
    pub mic: &'static str,
    /// First day of trading, where known.
    pub listed: Option<TradingDay>,
    /// First day on which it no longer trades.
    pub delisted: Option<TradingDay>,
    /// What its details say: its company's first day, under whatever symbol.
    pub list_date: Option<TradingDay>,
    /// SEC number, absent on some rows.
    pub cik: Option<String>,
    /// Composite FIGI, absent on some rows.
    pub figi: Option<String>,
    pub shares_outstanding: i64,
}

impl Listing {
    /// Whether it trades on `day`, halts aside.
    pub fn trades_on(&self, day: TradingDay) -> bool {
        self.listed.is_none_or(|listed| listed <= day) && !self.is_gone_on(day)
    }

    /// Whether it was delisted by `day`.
    pub fn is_gone_on(&self, day: TradingDay) -> bool {
        self.delisted.is_some_and(|gone| gone <= day)
    }
}

/// `from` shares become `to` before the open of `execution`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The symbol.
    pub ticker: Ticker,
    /// First day in new shares.
    pub execution: TradingDay,
    /// Old shares.
    pub from: i64,
    /// New shares.
    pub to: i64,
}

/// The ratio by which prices of one day are rewritten; volumes by its inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescale {
    numerator: i128,
    denominator: i128,
}

impl Rescale {
    /// Changes nothing.
    pub const NONE: Self = Self { numerator: 1, denominator: 1 };
    /// Doubles prices: a lie told by the `adjusted-flip` fault where no split makes a difference.
    pub const DOUBLE: Self = Self { numerator: 2, denominator: 1 };

    /// The effect of all `splits` that come after the window starting at `t_ms`.
    pub fn at<'a>(t_ms: i64, splits: impl IntoIterator<Item = &'a Split>) -> Self {
        let later = splits.into_iter().filter(|split| t_ms < split.execution.start_utc_ms());
        later.fold(Self::NONE, |ratio, split| Self {
            numerator: ratio.numerator * i128::from(split.from),
            denominator: ratio.denominator * i128::from(split.to),
        })
    }

    /// The multiplier of prices, as a double.
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The bar in other shares.
    #[must_use]
    pub fn apply(self, bar: &Bar) -> Bar {
        if self == Self::NONE {
            return *bar;
        }
        let price = |p: Price| Price(ratio(p.0, self.numerator, self.denominator));
        Bar {
            open: price(bar.open),
            high: price(bar.high),
            low: price(bar.low),
            close: price(bar.close),
            volume: Shares(ratio(bar.volume.0, self.denominator, self.numerator)),
            vwap: bar.vwap.map(price),
            ..*bar
        }
    }
}

/// `units × numerator ÷ denominator`, rounded to nearest, halves up. Units are never negative here.
fn ratio(units: i64, numerator: i128, denominator: i128) -> i64 {
    let scaled = (i128::from(units) * numerator * 2 + denominator) / (denominator * 2);
    i64::try_from(scaled).expect("prices and volumes stay far below 2^63 units")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_rescales_only_what_came_before_it() {
        let day: TradingDay = "2020-08-31".parse().expect("a day");
        let split =
            Split { ticker: "AAPL".parse().expect("a ticker"), execution: day, from: 1, to: 4 };
        let bar = |t_ms| Bar {
            t_ms,
            open: Price(4_000_000),
            high: Price(4_000_002),
            low: Price(4_000_000),
            close: Price(4_000_001),
            volume: Shares::whole(10),
            trades: Some(3),
            vwap: None,
            spelling: Spelling::Plain,
        };
        let before = bar(day.previous().start_utc_ms());
        let adjusted = Rescale::at(before.t_ms, [&split]).apply(&before);
        assert_eq!(
            (adjusted.open, adjusted.high, adjusted.close),
            (Price(1_000_000), Price(1_000_001), Price(1_000_000))
        );
        assert_eq!(adjusted.volume, Shares::whole(40));
        let after = bar(day.start_utc_ms());
        assert_eq!(Rescale::at(after.t_ms, [&split]).apply(&after), after);
    }
}
