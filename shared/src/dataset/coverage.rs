//! Coverage: which days of a ticker are proven to be on disk.
//!
//! Pure interval algebra over New York calendar days, both ends inclusive.
//! [`ledger`](super::ledger) holds the proof; the calendar says which days *ought* to be covered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::market::trading_day::TradingDay;

/// Days from `from` to `to`, both included; never empty.
///
/// ```
/// use shared::dataset::coverage::{Coverage, DateRange};
///
/// let range = |from: &str, to: &str| DateRange::new(from.parse().expect(from), to.parse().expect(to));
/// let march = range("2024-03-01", "2024-03-31").expect("in order");
/// assert_eq!((march.days(), range("2024-03-02", "2024-03-01")), (31, None));
///
/// let proven = Coverage::from(range("2024-03-01", "2024-03-10").expect("in order"));
/// assert_eq!(Coverage::from(march).minus(&proven).to_string(), "2024-03-11..2024-03-31");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct DateRange {
    from: TradingDay,
    to: TradingDay,
}

/// The written form of a range, not yet checked.
#[derive(Serialize, Deserialize)]
struct Ends {
    from: TradingDay,
    to: TradingDay,
}

impl DateRange {
    /// Every day that can be named.
    pub const ALL: Self = Self { from: TradingDay::MIN, to: TradingDay::MAX };

    /// `None` when `to` lies before `from`.
    pub fn new(from: TradingDay, to: TradingDay) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// First day.
    pub fn from(self) -> TradingDay {
        self.from
    }

    /// Last day.
    pub fn to(self) -> TradingDay {
        self.to
    }

    /// Number of calendar days, at least 1.
    pub fn days(self) -> u32 {
        u32::try_from(self.from.days_until(self.to)).map_or(0, |days| days + 1)
    }

    /// Is `day` inside?
    pub fn contains(self, day: TradingDay) -> bool {
        self.from <= day && day <= self.to
    }

    /// The days that both have.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

impl From<TradingDay> for DateRange {
    fn from(day: TradingDay) -> Self {
        Self { from: day, to: day }
    }
}

impl TryFrom<Ends> for DateRange {
    type Error = String;

    fn try_from(ends: Ends) -> Result<Self, String> {
        Self::new(ends.from, ends.to)
            .ok_or_else(|| format!("{} lies before {}", ends.to, ends.from))
    }
}

impl From<DateRange> for Ends {
    fn from(range: DateRange) -> Self {
        Self { from: range.from, to: range.to }
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}..{}", self.from, self.to)
        }
    }
}

/// A set of days, as sorted ranges that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<DateRange>", into = "Vec<DateRange>")]
pub struct Coverage(Vec<DateRange>);

impl Coverage {
    /// No day.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Sorted, disjoint ranges with at least one day between neighbours.
    pub fn ranges(&self) -> &[DateRange] {
        &self.0
    }

    /// Is no day in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of calendar days.
    pub fn days(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.days())).sum()
    }

    /// From its first day to its last, whatever lies between; `None` where there is none.
    pub fn hull(&self) -> Option<DateRange> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        Some(DateRange { from: first.from, to: last.to })
    }

    /// Is `day` in it?
    pub fn contains(&self, day: TradingDay) -> bool {
        self.0.iter().any(|range| range.contains(day))
    }

    /// Is every day of `range` in it?
    pub fn includes(&self, range: DateRange) -> bool {
        // Ranges never touch: one of them must hold it whole.
        self.0.iter().any(|own| own.contains(range.from) && own.contains(range.to))
    }

    /// The days in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// The days in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.iter().flat_map(|a| other.0.iter().filter_map(|b| a.intersection(*b))).collect()
    }

    /// The days here that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for range in &self.0 {
            let mut from = Some(range.from);
            for hole in other.0.iter().filter(|hole| hole.intersection(*range).is_some()) {
                let Some(start) = from else { break };
                if start < hole.from {
                    left.push(DateRange { from: start, to: hole.from.previous() });
                }
                from = (hole.to < range.to).then(|| hole.to.next());
            }
            left.extend(from.map(|start| DateRange { from: start, to: range.to }));
        }
        Self(left)
    }
}

impl FromIterator<DateRange> for Coverage {
    fn from_iter<I: IntoIterator<Item = DateRange>>(ranges: I) -> Self {
        let mut ranges: Vec<DateRange> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut joined: Vec<DateRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.from <= last.to.next() => last.to = last.to.max(range.to),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }
}

impl From<Vec<DateRange>> for Coverage {
    fn from(ranges: Vec<DateRange>) -> Self {
        ranges.into_iter().collect()
    }
}

impl From<Coverage> for Vec<DateRange> {
    fn from(coverage: Coverage) -> Self {
        coverage.0
    }
}

impl From<DateRange> for Coverage {
    fn from(range: DateRange) -> Self {
        Self(vec![range])
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        if texts.is_empty() { f.write_str("nothing") } else { f.write_str(&texts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const EPOCH: TradingDay = TradingDay::MIN;

    fn ranges() -> impl Strategy<Value = Vec<DateRange>> {
        let range = (0..60_i32, 0..12_i32).prop_map(|(from, length)| {
            DateRange::new(EPOCH.plus_days(from), EPOCH.plus_days(from + length)).expect("in order")
        });
        proptest::collection::vec(range, 0..8)
    }

    fn days(coverage: &Coverage) -> BTreeSet<TradingDay> {
        (0..100).map(|day| EPOCH.plus_days(day)).filter(|day| coverage.contains(*day)).collect()
    }

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets_of_days(a in ranges(), b in ranges()) {
            let (a, b): (Coverage, Coverage) = (a.into(), b.into());
            let (in_a, in_b) = (days(&a), days(&b));
            prop_assert_eq!(days(&a.union(&b)), &in_a | &in_b);
            prop_assert_eq!(days(&a.intersection(&b)), &in_a & &in_b);
            prop_assert_eq!(days(&a.minus(&b)), &in_a - &in_b);
            prop_assert_eq!(a.days(), in_a.len() as u64);
            let ends = in_a.first().copied().zip(in_a.last().copied());
            prop_assert_eq!(a.hull().map(|hull| (hull.from(), hull.to())), ends);
            // Normal form: the same set is the same value.
            prop_assert_eq!(a.minus(&b).union(&a.intersection(&b)), a);
        }
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let day = |text: &str| text.parse::<TradingDay>().expect(text);
        let range = |from, to| DateRange::new(day(from), day(to)).expect("in order");
        let coverage: Coverage =
            vec![range("2024-02-01", "2024-02-29"), range("2024-01-01", "2024-01-31")].into();
        assert_eq!(coverage.to_string(), "2024-01-01..2024-02-29");
        assert!(DateRange::new(day("2024-01-02"), day("2024-01-01")).is_none());
    }
}
