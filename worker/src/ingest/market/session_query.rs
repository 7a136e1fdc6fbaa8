//! Which sessions to ask for, and which days each of their replies answers for. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::market::session;
use shared::market::trading_day::TradingDay;

/// One request for the whole market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionQuery {
    /// The days that the reply answers for: the session, the days without one before it, and at the
    /// end of a range those after it.
    pub days: DateRange,
    /// The session to ask for; where none is among the days, the calendar alone answers.
    pub session: Option<TradingDay>,
}

/// Cuts `missing` into queries, oldest first; together they answer for every day of it and no
/// other.
pub fn cut(missing: &Coverage) -> Vec<SessionQuery> {
    missing.ranges().iter().flat_map(|range| within(*range)).collect()
}

/// The sessions among `queries`: as many requests.
pub fn sessions(queries: &[SessionQuery]) -> impl DoubleEndedIterator<Item = TradingDay> {
    queries.iter().filter_map(|query| query.session)
}

fn within(range: DateRange) -> Vec<SessionQuery> {
    let mut queries: Vec<SessionQuery> = Vec::new();
    let mut from = range.from();
    for (day, _) in session::sessions(range.from(), range.to()) {
        queries.extend(
            DateRange::new(from, day).map(|days| SessionQuery { days, session: Some(day) }),
        );
        from = day.next();
    }
    let (last_from, session) =
        queries.pop().map_or((from, None), |last| (last.days.from(), last.session));
    queries
        .extend(DateRange::new(last_from, range.to()).map(|days| SessionQuery { days, session }));
    queries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::days as range;
    use proptest::prelude::*;

    fn spelled(missing: &Coverage) -> Vec<String> {
        let line = |query: &SessionQuery| match query.session {
            Some(session) => format!("{session} for {}", query.days),
            None => format!("nothing for {}", query.days),
        };
        cut(missing).iter().map(line).collect()
    }

    #[test]
    fn days_without_a_session_go_with_the_next_one_and_the_last_take_the_rest() {
        let week = range("2024-07-03", "2024-07-07");
        let apart = range("2024-07-13", "2024-07-14");
        assert_eq!(
            spelled(&[week, apart].into_iter().collect()),
            [
                "2024-07-03 for 2024-07-03",
                "2024-07-05 for 2024-07-04..2024-07-07",
                "nothing for 2024-07-13..2024-07-14"
            ]
        );
        assert_eq!(
            spelled(&range("2024-01-13", "2024-01-16").into()),
            ["2024-01-16 for 2024-01-13..2024-01-16"]
        );
    }

    proptest! {
        #[test]
        fn every_day_has_one_answer_and_every_session_one_request(
            spans in proptest::collection::vec((0..900_i32, 0..40_i32), 0..6),
        ) {
            let day = |number| "2023-01-01".parse::<TradingDay>().expect("a day").plus_days(number);
            let span = |(from, length)| DateRange::new(day(from), day(from + length)).expect("in order");
            let missing: Coverage = spans.into_iter().map(span).collect();
            let queries = cut(&missing);
            let answered: Coverage = queries.iter().map(|query| query.days).collect();
            prop_assert_eq!(&answered, &missing);
            let days: u64 = queries.iter().map(|query| u64::from(query.days.days())).sum();
            prop_assert_eq!(days, missing.days(), "no day twice");
            let expected: Vec<TradingDay> = missing
                .ranges()
                .iter()
                .flat_map(|range| session::sessions(range.from(), range.to()).map(|(day, _)| day))
                .collect();
            prop_assert_eq!(sessions(&queries).collect::<Vec<_>>(), expected);
            prop_assert!(queries.iter().all(|q| q.session.is_none_or(|session| q.days.contains(session))));
        }
    }
}
