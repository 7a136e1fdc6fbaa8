//! Where building starts and which days it reads. Pure interval algebra over the days that a series
//! covers and the days of the request.
//!
//! A range that continues a series starts at its tail. A range that overlaps a series starts at the
//! last year end before it, or at the beginning, and reads on to the end of the series, because
//! later bars depend on earlier trades.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::market::session;
use shared::market::trading_day::TradingDay;

/// Where building starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Before the first trade of the series.
    Start,
    /// At the year end with this index.
    YearEnd(usize),
    /// After the last trade of the series.
    Tail,
}

/// What one run does to a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where building starts.
    pub begin: Begin,
    /// The days to read.
    pub read: Coverage,
    /// The days that the series covers afterwards.
    pub covered: Coverage,
}

/// What to do with missing days between the series and the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Report an error.
    Refused,
    /// Continue as if nothing was traded on them.
    Allowed,
}

/// A point where building can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The point.
    pub begin: Begin,
    /// The last day that the point includes.
    pub through: TradingDay,
}

/// Plans a run. `Err` holds the missing days before or after the series, at least one of them with
/// a session.
///
/// `candidates` are in time order; `usable` tells whether the files of a candidate are intact.
pub fn plan(
    covered: &Coverage,
    candidates: &[Candidate],
    asked: DateRange,
    gaps: Gaps,
    usable: impl Fn(Begin) -> bool,
) -> Result<Plan, DateRange> {
    let asked = bridged(covered, asked, gaps)?;
    let covered = covered.union(&Coverage::from(asked));
    let begins = candidates
        .iter()
        .rfind(|candidate| candidate.through < asked.from() && usable(candidate.begin));
    let Some(Candidate { begin, through }) = begins else {
        return Ok(Plan { begin: Begin::Start, read: covered.clone(), covered });
    };
    let later =
        DateRange::new(through.next(), TradingDay::MAX).filter(|later| later.from() > *through);
    let read = covered.intersection(&later.map(Coverage::from).unwrap_or_default());
    Ok(Plan { begin: *begin, read, covered })
}

/// `asked`, extended over days without a session between it and `covered`.
fn bridged(covered: &Coverage, asked: DateRange, gaps: Gaps) -> Result<DateRange, DateRange> {
    let Some(hull) = covered.hull() else { return Ok(asked) };
    let between = if asked.from() > hull.to() {
        DateRange::new(hull.to().next(), asked.from().previous())
    } else {
        DateRange::new(asked.to().next(), hull.from().previous())
    };
    let Some(gap) = between else { return Ok(asked) };
    if session::sessions(gap.from(), gap.to()).next().is_none() {
        let joined = DateRange::new(asked.from().min(gap.from()), asked.to().max(gap.to()));
        return Ok(joined.expect("the hull of two ranges"));
    }
    match gaps {
        Gaps::Refused => Err(gap),
        Gaps::Allowed => Ok(asked),
    }
}

/// The ranges of `days`, split at the beginnings of years.
pub fn by_year(days: &Coverage) -> impl Iterator<Item = DateRange> {
    let years = |range: DateRange| {
        (range.from().year()..=range.to().year()).filter_map(move |year| {
            let ends = TradingDay::from_ymd(year, 1, 1).zip(TradingDay::from_ymd(year, 12, 31));
            ends.and_then(|(first, last)| DateRange::new(first, last)?.intersection(range))
        })
    };
    days.ranges().iter().copied().flat_map(years)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::{day, days as range};

    fn covered() -> Coverage {
        Coverage::from(range("2022-03-01", "2024-02-02"))
    }

    fn candidates() -> [Candidate; 3] {
        [
            Candidate { begin: Begin::YearEnd(0), through: day("2022-12-31") },
            Candidate { begin: Begin::YearEnd(1), through: day("2023-12-31") },
            Candidate { begin: Begin::Tail, through: day("2024-02-02") },
        ]
    }

    fn planned(asked: DateRange) -> (Begin, String, String) {
        let plan = plan(&covered(), &candidates(), asked, Gaps::Refused, |_| true).expect("no gap");
        (plan.begin, plan.read.to_string(), plan.covered.to_string())
    }

    #[test]
    fn what_continues_begins_at_the_tail_even_over_a_weekend() {
        let expected =
            (Begin::Tail, "2024-02-03..2024-02-09".to_owned(), "2022-03-01..2024-02-09".to_owned());
        assert_eq!(planned(range("2024-02-03", "2024-02-09")), expected);
        assert_eq!(planned(range("2024-02-05", "2024-02-09")), expected, "Friday to Monday");
    }

    #[test]
    fn what_overlaps_begins_at_the_year_end_before_and_ends_where_the_series_ended() {
        let (begin, read, _) = planned(range("2023-05-01", "2023-05-31"));
        assert_eq!((begin, read.as_str()), (Begin::YearEnd(0), "2023-01-01..2024-02-02"));
        let (begin, read, covered) = planned(range("2022-01-03", "2022-03-01"));
        assert_eq!((begin, read.as_str()), (Begin::Start, "2022-01-03..2024-02-02"));
        assert_eq!(covered, read);
        let (begin, read, _) = planned(range("2024-01-01", "2024-02-02"));
        assert_eq!((begin, read.as_str()), (Begin::YearEnd(1), "2024-01-01..2024-02-02"));
    }

    #[test]
    fn a_gap_is_named_and_only_by_leave_jumped_over() {
        let asked = range("2024-02-06", "2024-02-09");
        let gap =
            plan(&covered(), &candidates(), asked, Gaps::Refused, |_| true).expect_err("a gap");
        assert_eq!(gap.to_string(), "2024-02-03..2024-02-05");
        let plan =
            plan(&covered(), &candidates(), asked, Gaps::Allowed, |_| true).expect("allowed");
        assert_eq!(
            (plan.begin, plan.read.to_string()),
            (Begin::Tail, "2024-02-06..2024-02-09".to_owned())
        );
    }

    #[test]
    fn a_new_series_reads_what_is_asked_and_damage_leads_further_back() {
        let asked = range("2024-02-05", "2024-02-09");
        let new = plan(&Coverage::empty(), &[], asked, Gaps::Refused, |_| true).expect("no gap");
        assert_eq!((new.begin, new.read.to_string()), (Begin::Start, asked.to_string()));
        let undamaged = |begin| begin == Begin::YearEnd(0);
        let back =
            plan(&covered(), &candidates(), asked, Gaps::Refused, undamaged).expect("no gap");
        assert_eq!(
            (back.begin, back.read.to_string()),
            (Begin::YearEnd(0), "2023-01-01..2024-02-09".to_owned())
        );
    }

    #[test]
    fn years_are_read_one_after_the_other() {
        let days = Coverage::from(range("2022-12-30", "2024-01-02"));
        let years: Vec<String> = by_year(&days).map(|range| range.to_string()).collect();
        assert_eq!(
            years,
            ["2022-12-30..2022-12-31", "2023-01-01..2023-12-31", "2024-01-01..2024-01-02"]
        );
    }
}
