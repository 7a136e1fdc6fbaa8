//! What reading and storing need to know of a row, be it a bar or a trade.

use std::hash::{Hash, Hasher};

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

/// What the source really sends now and then, and can hardly be so: kept, and said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A bar whose high lies below its low.
    HighBelowLow,
    /// A price of nothing.
    ZeroPrice,
}

/// A row with its place in time.
pub trait Row: Clone + PartialEq {
    /// Rows may share a stamp, or not.
    const STAMPS: Stamps;
    /// Units of [`Row::stamp`] in a millisecond.
    const STAMPS_PER_MS: i64;

    /// When, since the epoch (UTC), in the row's own unit.
    fn stamp(&self) -> i64;

    /// Feeds what tells rows apart: equal rows feed the same.
    fn feed<H: Hasher>(&self, state: &mut H);

    /// What is odd about it, if anything.
    fn oddity(&self) -> Option<Oddity> {
        None
    }

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

    fn feed<H: Hasher>(&self, state: &mut H) {
        let Self { t, open, high, low, close, volume, trades, vwap } = self;
        (t, trades, vwap.map(bits)).hash(state);
        [open, high, low, close, volume].map(|value| bits(*value)).hash(state);
    }

    fn oddity(&self) -> Option<Oddity> {
        let zero = [self.open, self.high, self.low, self.close].contains(&0.0);
        if self.high < self.low { Some(Oddity::HighBelowLow) } else { zero.then_some(Oddity::ZeroPrice) }
    }
}

impl Row for Trade {
    const STAMPS: Stamps = Stamps::Shared;
    const STAMPS_PER_MS: i64 = NS_PER_MS;

    fn stamp(&self) -> i64 {
        self.sip_ns
    }

    fn feed<H: Hasher>(&self, state: &mut H) {
        (self.sip_ns, self.participant_ns, self.trf_ns, bits(self.price), bits(self.size)).hash(state);
        (self.sequence_number, self.exchange, &self.id, &self.conditions, self.correction, self.tape)
            .hash(state);
    }
}

/// The same for all values that are equal: there are two zeros.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
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
