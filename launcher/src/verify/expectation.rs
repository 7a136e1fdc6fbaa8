//! Expectations: on which days of which partitions rows are expected, by the exchange calendar and
//! the days asked about. Pure, and never from what is there.

use std::ops::Range;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::session;
use shared::market::trading_day::TradingDay;

use super::report::Months;

/// The sessions of some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessions(Vec<TradingDay>);

impl Sessions {
    /// Those of `days`.
    pub fn of(days: DateRange) -> Self {
        Self(session::sessions(days.from(), days.to()).map(|(day, _)| day).collect())
    }

    /// Those in `range`, in order.
    pub fn within(&self, range: DateRange) -> &[TradingDay] {
        let from = self.0.partition_point(|day| *day < range.from());
        let to = self.0.partition_point(|day| *day <= range.to());
        &self.0[from..to]
    }

    /// How many are in `days`.
    pub fn count(&self, days: &Coverage) -> usize {
        days.ranges().iter().map(|range| self.within(*range).len()).sum()
    }

    /// From the first session in `days` to the last, each range for itself; what has none is left
    /// out, and ranges with no session between them are one.
    pub fn ranges(&self, days: &Coverage) -> Vec<DateRange> {
        let mut joined: Vec<DateRange> = Vec::new();
        for range in days.ranges() {
            let within = self.within(*range);
            let Some(range) =
                within.first().zip(within.last()).and_then(|(a, b)| DateRange::new(*a, *b))
            else {
                continue;
            };
            if let Some(last) = joined.last_mut()
                && let Some(both) = DateRange::new(last.from(), range.to())
                && self.within(both).len() == self.within(*last).len() + self.within(range).len()
            {
                *last = both;
            } else {
                joined.push(range);
            }
        }
        joined
    }
}

/// A partition on which rows are expected of whoever is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Which.
    pub partition: Partition,
    /// From its first expected session to its last.
    pub days: DateRange,
    /// The months that these days touch.
    pub months: Range<usize>,
}

/// What is expected of a tree of downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What the tree holds.
    pub kind: Kind,
    /// The days asked about; all of them are settled.
    pub days: DateRange,
    /// The months of `days`.
    pub months: Months,
    /// The sessions of `days`.
    pub sessions: Sessions,
    /// Every partition with a session in `days`, in the order of time.
    pub partitions: Vec<Expected>,
}

impl Expectation {
    /// Of a tree of `kind` on `days`.
    pub fn of(kind: Kind, days: DateRange) -> Self {
        let (months, sessions) = (Months::of(days), Sessions::of(days));
        let expected = |partition: Partition| {
            let within = sessions.within(partition.span());
            let days = DateRange::new(*within.first()?, *within.last()?)?;
            Some(Expected { partition, days, months: months.touched(days) })
        };
        let partitions = Partition::within(kind, days).filter_map(expected).collect();
        Self { kind, days, months, sessions, partitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    #[test]
    fn partitions_without_a_session_are_not_expected_and_days_begin_and_end_with_one() {
        // New Year's Eve of 2023 was a Sunday, and the 2nd of January the first session.
        let days = range("2023-12-30", "2024-01-06");
        let of = |kind| {
            let expected = Expectation::of(kind, days).partitions.into_iter();
            expected.map(|it| format!("{} {}", it.partition.period(), it.days)).collect::<Vec<_>>()
        };
        assert_eq!(of(Kind::Daily), ["2024 2024-01-02..2024-01-05"]);
        assert_eq!(of(Kind::Minute), ["2024-01 2024-01-02..2024-01-05"]);
        assert_eq!(of(Kind::Trades).len(), 4);
        let months = Expectation::of(Kind::Daily, days);
        assert_eq!((months.months.count(), &months.partitions[0].months), (2, &(1..2)));
    }

    #[test]
    fn ranges_with_only_a_weekend_between_them_are_one() {
        let sessions = Sessions::of(range("2024-01-01", "2024-01-31"));
        let days: Coverage = [
            range("2024-01-04", "2024-01-05"),
            range("2024-01-08", "2024-01-09"),
            range("2024-01-13", "2024-01-14"),
            range("2024-01-17", "2024-01-18"),
        ]
        .into_iter()
        .collect();
        let found = sessions.ranges(&days);
        assert_eq!(found, [range("2024-01-04", "2024-01-09"), range("2024-01-17", "2024-01-18")]);
        assert_eq!(sessions.count(&days), 6);
    }
}
