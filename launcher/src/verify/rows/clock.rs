//! Clock: to which day of the tree, and to which part of a session, a stamp belongs. Rows come in
//! the order of time: the day of the last one is remembered, and hardly ever another is looked up.

use std::ops::Range;

use shared::market::session::{Session, session};
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

/// A day, and the stamps that belong to it.
#[derive(Debug, Clone)]
pub(super) struct Day {
    /// In the tree's zone.
    pub(super) day: TradingDay,
    /// Half-open.
    pub(super) stamps: Range<i64>,
}

/// The hours of the New York day of a stamp.
#[derive(Debug, Clone)]
pub(super) struct Hours {
    /// Stamps of the New York day, half-open.
    day: Range<i64>,
    /// Extended trading, half-open, and regular trading, with the stamp at which it ends; `None`
    /// where there is no session.
    session: Option<(Range<i64>, Range<i64>)>,
}

/// Where a stamp lies in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In regular hours.
    Regular,
    /// Before or after them.
    Extended,
    /// So many units before extended trading begins, or after it has ended.
    Beyond(i64),
    /// There is no session on that day.
    NoSession,
}

impl Day {
    /// The day of `stamp`, of which there are `per_ms` in a millisecond.
    pub(super) fn of(zone: Zone, per_ms: i64, stamp: i64) -> Option<Self> {
        let day = zone.day_of_ms(stamp.div_euclid(per_ms))?;
        let stamps = zone.start_ms(day) * per_ms..zone.start_ms(day.next()) * per_ms;
        Some(Self { day, stamps })
    }
}

impl Hours {
    /// Those of the New York day of `stamp`.
    pub(super) fn of(per_ms: i64, stamp: i64) -> Option<Self> {
        let Day { day, stamps } = Day::of(Zone::NewYork, per_ms, stamp)?;
        let hours = |session: Session| {
            let at = |at: jiff::Timestamp| at.as_millisecond() * per_ms;
            let extended = at(session.extended_open(day))..at(session.extended_close(day));
            (extended, at(session.regular_open(day))..at(session.regular_close(day)))
        };
        Some(Self { day: stamps, session: session(day).map(hours) })
    }

    /// Do all stamps from `first` to `last` lie in extended or regular hours of this day?
    pub(super) fn hold(&self, first: i64, last: i64) -> bool {
        self.session
            .as_ref()
            .is_some_and(|(extended, _)| extended.start <= first && last < extended.end)
    }

    /// Is `stamp` on this New York day?
    pub(super) fn are_of(&self, stamp: i64) -> bool {
        self.day.contains(&stamp)
    }

    /// The stamps of regular hours.
    pub(super) fn regular(&self) -> Option<&Range<i64>> {
        self.session.as_ref().map(|(_, regular)| regular)
    }

    /// Where `stamp`, which is on this day, lies.
    pub(super) fn place(&self, stamp: i64) -> Place {
        match &self.session {
            None => Place::NoSession,
            Some((_, regular)) if regular.contains(&stamp) => Place::Regular,
            Some((extended, _)) if extended.contains(&stamp) => Place::Extended,
            Some((extended, _)) => Place::Beyond(if stamp < extended.start {
                extended.start - stamp
            } else {
                stamp - extended.end
            }),
        }
    }
}
