//! Parts: which days of a run a batch covers. Nearly always all; a ticker that is too heavy for one
//! worker is split by date into several parts. Pure.
//!
//! The first part is open at the start of the run, the last one at its end: an extension of the run
//! extends them too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared::dataset::coverage::DateRange;
use shared::market::trading_day::TradingDay;

/// Days of a run, both ends inclusive. Without a first day it starts with the run, without a last
/// day it ends with the run. Written `2024-01-01..2024-06-30`, `..2024-06-30`, `2024-07-01..`; all
/// days are `..`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Part {
    from: Option<TradingDay>,
    to: Option<TradingDay>,
}

impl Part {
    /// All days of a run.
    pub const WHOLE: Self = Self { from: None, to: None };

    /// `None` when `to` lies before `from`.
    pub fn new(from: Option<TradingDay>, to: Option<TradingDay>) -> Option<Self> {
        let is_backwards = from.zip(to).is_some_and(|(from, to)| to < from);
        (!is_backwards).then_some(Self { from, to })
    }

    /// `days` as a part of a run over the days `run`.
    pub fn of(days: DateRange, run: DateRange) -> Self {
        Self {
            from: Some(days.from()).filter(|from| *from > run.from()),
            to: Some(days.to()).filter(|to| *to < run.to()),
        }
    }

    /// Its first day, unless it starts with the run.
    pub fn from(self) -> Option<TradingDay> {
        self.from
    }

    /// Its last day, unless it ends with the run.
    pub fn to(self) -> Option<TradingDay> {
        self.to
    }

    /// Is it all days?
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// Its days in a run over the days `run`.
    pub fn days(self, run: DateRange) -> DateRange {
        let from = self.from.map_or(run.from(), |from| from.max(run.from()));
        let to = self.to.map_or(run.to(), |to| to.min(run.to()));
        // A run never shrinks, so each part has days. Asking for too many days would lose nothing.
        DateRange::new(from, to).unwrap_or(run)
    }

    /// Its days, unless it is all of them, for people.
    pub fn days_if_split(self, run: DateRange) -> Option<DateRange> {
        (!self.is_whole()).then(|| self.days(run))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |day: Option<TradingDay>| day.map_or_else(String::new, |day| day.to_string());
        write!(f, "{}..{}", text(self.from), text(self.to))
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a part of a run (2024-01-01..2024-06-30, ..2024-06-30, 2024-07-01..)"
            )
        };
        let (from, to) = text.split_once("..").ok_or_else(wrong)?;
        let day = |text: &str| {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) }
        };
        Self::new(day(from)?, day(to)?).ok_or_else(wrong)
    }
}

shared::as_text!(Part);

/// Days that must stay together, and their likely rows.
pub type Slice = (DateRange, u64);

/// Cuts a run into at most `count` parts, so that the heaviest is as light as possible. `slices`
/// cover the run from its first day to its last; each goes whole into one part.
pub fn cut(slices: &[Slice], count: u64) -> Vec<(Part, u64)> {
    let total = slices.iter().fold(0, |sum: u64, (_, rows)| sum.saturating_add(*rows));
    let heaviest = slices.iter().map(|(_, rows)| *rows).max().unwrap_or(0);
    let (mut too_little, mut enough) = (heaviest.max(total / count.max(1)), total);
    while too_little < enough {
        let middle = too_little + (enough - too_little) / 2;
        if filled(slices, middle).len() as u64 <= count {
            enough = middle;
        } else {
            too_little = middle + 1;
        }
    }
    let parts = filled(slices, enough);
    let (Some((first, _)), Some((last, _))) = (parts.first(), parts.last()) else {
        return Vec::new();
    };
    let run = DateRange::new(first.from(), last.to()).expect("slices follow one another");
    parts.into_iter().map(|(days, rows)| (Part::of(days, run), rows)).collect()
}

/// Joins slices from the first on, as long as they are together not heavier than `most`.
fn filled(slices: &[Slice], most: u64) -> Vec<Slice> {
    let mut parts: Vec<Slice> = Vec::new();
    for &(days, rows) in slices {
        match parts.last_mut() {
            Some((of_part, sum)) if sum.saturating_add(rows) <= most => {
                *of_part =
                    DateRange::new(of_part.from(), days.to()).expect("slices follow one another");
                *sum = sum.saturating_add(rows);
            }
            _ => parts.push((days, rows)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::dataset::kind::Kind;
    use shared::dataset::partition::Partition;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    fn spelled(parts: &[(Part, u64)]) -> Vec<String> {
        parts.iter().map(|(part, rows)| format!("{part} {rows}")).collect()
    }

    #[test]
    fn a_year_of_equal_months_is_cut_into_equal_parts() {
        let year = range("2024-01-15", "2024-12-10");
        let slices: Vec<Slice> = Partition::within(Kind::Minute, year)
            .map(|month| (month.span().intersection(year).expect("touched"), 100))
            .collect();
        assert_eq!(
            spelled(&cut(&slices, 3)),
            ["..2024-04-30 400", "2024-05-01..2024-08-31 400", "2024-09-01.. 400"]
        );
        assert_eq!(spelled(&cut(&slices, 1)), [".. 1200"]);
        assert_eq!(cut(&slices, 100).len(), 12, "a month is not cut");
        assert_eq!(cut(&[], 3), []);
    }

    #[test]
    fn a_part_that_is_open_goes_with_the_run_when_it_is_extended() {
        let (run, longer) = (range("2024-01-15", "2024-12-10"), range("2023-01-01", "2025-03-03"));
        let part = |text: &str| text.parse::<Part>().expect(text);
        assert_eq!(part("..2024-04-30").days(run), range("2024-01-15", "2024-04-30"));
        assert_eq!(part("..2024-04-30").days(longer), range("2023-01-01", "2024-04-30"));
        assert_eq!(part("2024-05-01..").days(longer), range("2024-05-01", "2025-03-03"));
        assert_eq!(part("2024-05-01..2024-05-31").days(longer), range("2024-05-01", "2024-05-31"));
        assert_eq!((part(".."), Part::WHOLE.days(run)), (Part::WHOLE, run));
        for wrong in ["", "2024-05-01", "2024-05-01..2024-04-01", "x..", "..2024-13-01"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn parts_follow_one_another_from_end_to_end_and_are_about_equal(
            rows in proptest::collection::vec(prop_oneof![Just(0_u64), 1..100_000_u64], 1..300),
            from in 0..2_000_i32,
            length in 0..8_000_i32,
            count in 1..40_u64,
            kind in prop::sample::select(vec![Kind::Minute, Kind::Trades]),
        ) {
            let day = |number| TradingDay::MIN.plus_days(10_000 + number);
            let run = DateRange::new(day(from), day(from + length)).expect("in order");
            let slices: Vec<Slice> = Partition::within(kind, run)
                .zip(rows.iter().copied().cycle())
                .map(|(partition, rows)| (partition.span().intersection(run).expect("touched"), rows))
                .collect();
            let parts = cut(&slices, count);
            prop_assert!(!parts.is_empty() && parts.len() as u64 <= count);
            prop_assert_eq!(parts[0].0.from, None);
            prop_assert_eq!(parts[parts.len() - 1].0.to, None);
            for pair in parts.windows(2) {
                let (end, begin) = (pair[0].0.to.expect("inside"), pair[1].0.from.expect("inside"));
                prop_assert_eq!(end.next(), begin, "no day is lost or doubled");
                prop_assert_eq!(Partition::of(kind, begin).span().from(), begin, "whole partitions");
            }
            let total: u64 = slices.iter().map(|(_, rows)| rows).sum();
            let heaviest = slices.iter().map(|(_, rows)| *rows).max().unwrap_or(0);
            prop_assert_eq!(parts.iter().map(|(_, rows)| rows).sum::<u64>(), total);
            for (part, rows) in &parts {
                prop_assert!(*rows <= total / count + 1 + heaviest, "{} has {} of {}", part, rows, total);
                prop_assert!(*rows > 0 || total == 0, "each has something to do");
                prop_assert_eq!(part.to_string().parse(), Ok(*part));
                let days = part.days(run);
                let own = slices.iter().filter(|(slice, _)| days.intersection(*slice).is_some());
                prop_assert_eq!(own.map(|(_, rows)| rows).sum::<u64>(), *rows);
            }
        }
    }
}
