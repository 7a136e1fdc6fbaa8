//! How missing days become requests. Pure.
//!
//! An illiquid stock misses a day here and a day there, because days without a trade are requested
//! once more. One request a hole would be hundreds, while all rows between the holes fit on a page.
//! So neighbouring holes share a request whose rows, as far as is known, fill at most half a page.
//! The rows between the holes are proven already; they are read and dropped.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::ledger::Ledger;
use shared::run::window::Window;

/// Half a page: what the holes hold is not known before it is asked for.
const SHARED_ROWS: u64 = 25_000;

/// The ranges to ask for, in time order: every day `wanted` is in exactly one of them.
pub fn requests(wanted: &Coverage, window: Window, ledger: &Ledger) -> Vec<DateRange> {
    cut(wanted, window, &ledger.answered(), |days| ledger.rows_at_most(days))
}

fn cut(
    wanted: &Coverage,
    window: Window,
    answered: &Coverage,
    rows_at_most: impl Fn(DateRange) -> u64,
) -> Vec<DateRange> {
    // A piece of a window may begin or end between two holes, or lie there whole.
    let of_piece = |piece: DateRange| wanted.intersection(&piece.into()).hull();
    let joined = join(wanted, answered, rows_at_most);
    joined.into_iter().flat_map(|range| window.pieces(range)).filter_map(of_piece).collect()
}

/// Joins neighbours from the oldest on. Days of which nothing is known, and days that the plan
/// refused, are never asked for on the way.
fn join(
    wanted: &Coverage,
    answered: &Coverage,
    rows_at_most: impl Fn(DateRange) -> u64,
) -> Vec<DateRange> {
    let readable = wanted.union(answered);
    let is_small =
        |range: &DateRange| readable.includes(*range) && rows_at_most(*range) <= SHARED_ROWS;
    let mut joined: Vec<DateRange> = Vec::new();
    for hole in wanted.ranges() {
        let both =
            joined.last().and_then(|last| DateRange::new(last.from(), hole.to())).filter(is_small);
        match (joined.last_mut(), both) {
            (Some(last), Some(both)) => *last = both,
            _ => joined.push(*hole),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::market::trading_day::TradingDay;

    fn day(number: i32) -> TradingDay {
        TradingDay::from_ymd(2024, 1, 1).expect("a date").plus_days(number)
    }

    fn range(from: i32, to: i32) -> DateRange {
        DateRange::new(day(from), day(to)).expect("in order")
    }

    fn coverage(ranges: &[(i32, i32)]) -> Coverage {
        ranges.iter().map(|(from, to)| range(*from, *to)).collect()
    }

    #[test]
    fn holes_share_a_request_until_it_is_half_a_page() {
        let wanted = coverage(&[(3, 3), (10, 10), (40, 41), (60, 60)]);
        let answered = coverage(&[(0, 100)]);
        let at =
            |rows_a_day: u64| join(&wanted, &answered, |days| u64::from(days.days()) * rows_a_day);
        assert_eq!(at(10), [range(3, 60)]);
        assert_eq!(
            at(1_000),
            [range(3, 10), range(40, 60)],
            "39 days are 39,000 rows, 21 are 21,000"
        );
        assert_eq!(at(400_000), wanted.ranges());
    }

    #[test]
    fn days_that_are_unknown_or_refused_are_not_asked_for_on_the_way() {
        let wanted = coverage(&[(3, 3), (10, 10), (20, 20)]);
        let answered = coverage(&[(0, 6), (8, 100)]);
        assert_eq!(join(&wanted, &answered, |_| 0), [range(3, 3), range(10, 20)]);
    }

    #[test]
    fn month_by_month_a_request_begins_and_ends_with_what_is_wanted() {
        let wanted = coverage(&[(3, 4), (20, 22), (95, 95)]);
        let cut = cut(&wanted, Window::Month, &coverage(&[(0, 200)]), |_| 0);
        assert_eq!(cut, [range(3, 22), range(95, 95)]);
    }

    proptest! {
        #[test]
        fn every_day_wanted_is_in_one_request_and_there_are_never_more_than_without_joining(
            wanted in proptest::collection::vec((0..300_i32, 0..20_i32), 0..12),
            answered in proptest::collection::vec((0..300_i32, 0..90_i32), 0..6),
            rows_a_day in prop::sample::select(vec![0, 100, 600, 5_000, 60_000_u64]),
            window in prop::sample::select(vec![Window::Range, Window::Month]),
        ) {
            let days = |pairs: Vec<(i32, i32)>| -> Coverage {
                pairs.into_iter().map(|(from, length)| range(from, from + length)).collect()
            };
            let (wanted, answered) = (days(wanted), days(answered));
            let rows = |days: DateRange| u64::from(days.days()) * rows_a_day;
            let requests = cut(&wanted, window, &answered, rows);

            let of_request = |request: &DateRange| wanted.intersection(&Coverage::from(*request));
            prop_assert!(requests.windows(2).all(|pair| pair[0].to() < pair[1].from()));
            prop_assert_eq!(requests.iter().map(|request| of_request(request).days()).sum::<u64>(), wanted.days());
            let apart: usize = wanted.ranges().iter().map(|range| window.pieces(*range).len()).sum();
            prop_assert!(requests.len() <= apart);
            for request in requests {
                let between = Coverage::from(request).minus(&wanted);
                prop_assert_eq!(between.minus(&answered), Coverage::empty());
                prop_assert!(between.is_empty() || rows(request) <= SHARED_ROWS);
                prop_assert_eq!(of_request(&request).hull(), Some(request));
            }
        }
    }
}
