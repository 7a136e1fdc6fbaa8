//! What reading and storing need to know of a row, be it a bar or a trade.

use super::kind::Kind;
use crate::market::ohlcv::Ohlcv;
use crate::market::trade::Trade;
use crate::market::trading_day::{NS_PER_MS, TradingDay};
use crate::market::zone::Zone;

/// May two rows of one source share a stamp?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// Each window has one bar.
    Unique,
    /// Many prints can carry one nanosecond.
    Shared,
}

/// A row with its place in time.
pub trait Row: Clone + PartialEq {
    /// Rows may share a stamp, or not.
    const STAMPS: Stamps;
    /// Units of [`Row::stamp`] in a millisecond.
    const STAMPS_PER_MS: i64;

    /// When, since the epoch (UTC), in the row's own unit.
    fn stamp(&self) -> i64;

    /// The day it is filed under; `None` for a stamp that no day can be named for.
    fn day(&self, zone: Zone) -> Option<TradingDay> {
        zone.day_of_ms(self.stamp().div_euclid(Self::STAMPS_PER_MS))
    }
}

impl Row for Ohlcv {
    const STAMPS: Stamps = Stamps::Unique;
    const STAMPS_PER_MS: i64 = 1;

    fn stamp(&self) -> i64 {
        self.t
    }
}

impl Row for Trade {
    const STAMPS: Stamps = Stamps::Shared;
    const STAMPS_PER_MS: i64 = NS_PER_MS;

    fn stamp(&self) -> i64 {
        self.sip_ns
    }
}

/// The half-open span of stamps that the days of a request cover. Daily bars are stamped with New York midnight
/// whatever zone the tree has.
pub fn window<R: Row>(kind: Kind, zone: Zone, days: super::coverage::DateRange) -> std::ops::Range<i64> {
    let zone = match kind {
        Kind::Daily => Zone::NewYork,
        Kind::Minute | Kind::Trades => zone,
    };
    let start = |day: TradingDay| zone.start_ms(day) * R::STAMPS_PER_MS;
    start(days.from())..start(days.to().next())
}
