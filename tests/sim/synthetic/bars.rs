//! Bars out of prints: the aggregates of the very trades that are served.

use shared::market::trading_day::TradingDay;

use super::tape::Print;
use crate::sim::chance::mix;
use crate::sim::fixed::{Price, Shares};
use crate::sim::record::{Bar, Spelling};

const MINUTE_MS: i64 = 60_000;
const MS_NS: i64 = 1_000_000;

/// A bar while its window is open. Volume without any print that moves the price makes no bar.
#[derive(Debug, Clone, Copy)]
struct Growing {
    prices: Option<(Price, Price, Price, Price)>,
    volume: Shares,
    notional: i128,
    trades: i64,
}

impl Growing {
    const EMPTY: Self = Self { prices: None, volume: Shares(0), notional: 0, trades: 0 };

    fn price(&mut self, price: Price) {
        self.prices = Some(match self.prices {
            None => (price, price, price, price),
            Some((open, high, low, _)) => (open, high.max(price), low.min(price), price),
        });
    }

    fn volume(&mut self, print: &Print) {
        self.volume.0 += print.size.0;
        self.notional += i128::from(print.price.0) * i128::from(print.size.0);
        self.trades += 1;
    }

    fn finish(self, t_ms: i64, year: i16) -> Option<Bar> {
        let (open, high, low, close) = self.prices?;
        let shares = i128::from(self.volume.0);
        let vwap = (self.notional * 2 + shares) / (shares * 2);
        // The oldest rows of the vendor lack the extras now and then.
        let lacks_extras = year < 2005 && mix(t_ms.cast_unsigned()).is_multiple_of(8);
        let is_pointed = year < 2012 && mix(t_ms.cast_unsigned()).is_multiple_of(2);
        Some(Bar {
            t_ms,
            open,
            high,
            low,
            close,
            volume: self.volume,
            trades: (!lacks_extras).then_some(self.trades),
            vwap: (!lacks_extras)
                .then(|| Price(i64::try_from(vwap).expect("between the lowest and highest price"))),
            spelling: if is_pointed { Spelling::PointedVolume } else { Spelling::Plain },
        })
    }
}

/// The daily bar: prices and volume of regular hours and the closing auction. `t` is New York
/// midnight.
pub fn day_bar(day: TradingDay, prints: impl Iterator<Item = Print>) -> Option<Bar> {
    let mut bar = Growing::EMPTY;
    for print in prints {
        if print.kind.moves_day_price() {
            bar.price(print.price);
        }
        if print.kind.moves_day_volume() {
            bar.volume(&print);
        }
    }
    bar.finish(day.start_utc_ms(), day.year())
}

/// The minute bars of a day, extended hours included; a minute that moved no price has none.
pub fn minute_bars(day: TradingDay, prints: impl Iterator<Item = Print>) -> Vec<Bar> {
    let mut bars = Vec::new();
    let (mut minute_ms, mut bar) = (i64::MIN, Growing::EMPTY);
    for print in prints {
        let of_print = (print.sip_ns / MS_NS).div_euclid(MINUTE_MS) * MINUTE_MS;
        if of_print != minute_ms {
            bars.extend(bar.finish(minute_ms, day.year()));
            (minute_ms, bar) = (of_print, Growing::EMPTY);
        }
        if print.kind.moves_minute_price() {
            bar.price(print.price);
        }
        if print.kind.moves_minute_volume() {
            bar.volume(&print);
        }
    }
    bars.extend(bar.finish(minute_ms, day.year()));
    bars
}
