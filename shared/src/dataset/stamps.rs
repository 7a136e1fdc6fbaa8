//! Stamps of rows: in which unit they count, and to which days they belong. Pure.

use std::ops::Range;

use super::coverage::DateRange;
use super::kind::Kind;
use crate::market::trading_day::{NS_PER_MS, TradingDay};
use crate::market::zone::Zone;

/// Units of a stamp in a millisecond: bars are stamped in ms, trades in ns.
fn per_ms(kind: Kind) -> i64 {
    match kind {
        Kind::Daily | Kind::Minute => 1,
        Kind::Trades => NS_PER_MS,
    }
}

/// The day that a row is filed under, by its stamp since the epoch (UTC) in the unit of its kind; `None` for a stamp that no
/// day can be named for.
pub fn day_of(kind: Kind, zone: Zone, stamp: i64) -> Option<TradingDay> {
    zone.day_of_ms(stamp.div_euclid(per_ms(kind)))
}

/// The half-open range of stamps that `days` cover. Daily bars are stamped with New York midnight whatever zone the tree has.
pub fn of_days(kind: Kind, zone: Zone, days: DateRange) -> Range<i64> {
    let zone = match kind {
        Kind::Daily => Zone::NewYork,
        Kind::Minute | Kind::Trades => zone,
    };
    let start = |day: TradingDay| zone.start_ms(day) * per_ms(kind);
    start(days.from())..start(days.to().next())
}
