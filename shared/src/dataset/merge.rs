//! Merging: what a partition holds after a new fetch of some of its days. Pure.

use super::kind::Kind;
use crate::market::ohlcv::Ohlcv;
use crate::market::trading_day::TradingDay;

/// A bar and the day it is filed under.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatedBar {
    /// Day in the tree's zone.
    pub date: TradingDay,
    /// The bar.
    pub bar: Ohlcv,
}

impl DatedBar {
    /// Two rows with one key are one row: a day has one daily bar whatever its stamp (grouped bars
    /// are stamped at the close), a minute one minute bar.
    pub fn key(&self, kind: Kind) -> (TradingDay, i64) {
        match kind {
            Kind::Minute => (self.date, self.bar.t),
            Kind::Daily | Kind::Trades => (self.date, 0),
        }
    }
}

/// The rows of both, sorted by key; where both have a key, `newer` wins. A row is never dropped
/// because a later fetch lacks it: an answer that is empty by mistake must not erase proven rows.
///
/// Both sides must be sorted by key without repeats, as files and pages are.
pub fn by_key(kind: Kind, older: &[DatedBar], newer: &[DatedBar]) -> Vec<DatedBar> {
    let mut merged = Vec::with_capacity(older.len() + newer.len());
    let (mut old, mut new) = (older.iter().peekable(), newer.iter().peekable());
    loop {
        let take_old = match (old.peek(), new.peek()) {
            (Some(o), Some(n)) if o.key(kind) == n.key(kind) => {
                old.next();
                false
            }
            (Some(o), Some(n)) => o.key(kind) < n.key(kind),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return merged,
        };
        merged.extend(if take_old { old.next() } else { new.next() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn bars(close: f64) -> impl Strategy<Value = Vec<DatedBar>> {
        proptest::collection::btree_set(0..40_i32, 0..20).prop_map(move |days| {
            let bar = |day: i32| {
                let date = TradingDay::MIN.plus_days(day);
                let bar = Ohlcv {
                    t: date.start_utc_ms(),
                    open: 1.0,
                    high: 2.0,
                    low: 1.0,
                    close,
                    volume: 100.0,
                    trades: None,
                    vwap: None,
                };
                DatedBar { date, bar }
            };
            days.into_iter().map(bar).collect()
        })
    }

    proptest! {
        #[test]
        fn every_date_stays_and_the_newest_fetch_wins(older in bars(1.5), newer in bars(1.75)) {
            let expected: BTreeMap<_, _> = older.iter().chain(&newer).map(|row| (row.date, *row)).collect();
            prop_assert_eq!(by_key(Kind::Daily, &older, &newer), expected.into_values().collect::<Vec<_>>());
        }
    }
}
