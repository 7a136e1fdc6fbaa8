//! Answers: what the source has said of which days of a partition, and when. Pure.
//!
//! Each range of days keeps its own answer: a new one for June says nothing of March.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::coverage::{Coverage, DateRange};
use crate::market::session;

/// An empty answer is asked again at the earliest after this time.
pub const RECHECK_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What the source said of some days. Existence of a file is not among the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Said {
    /// The page chain was followed to its end and every row is in the file.
    Data,
    /// No rows, said so many times, at least a day apart.
    Empty {
        /// At least 1.
        asks: u32,
    },
    /// The plan of the API key does not reach these days.
    OutsidePlan,
    /// There were rows, and the file that held them is damaged: to be asked again.
    Lost,
}

impl Said {
    /// Does it say what the days hold, rows or none?
    pub fn is_known(self) -> bool {
        matches!(self, Self::Data | Self::Empty { .. })
    }
}

/// An answer and the days it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Days in the tree's zone.
    #[serde(flatten)]
    pub days: DateRange,
    /// What.
    #[serde(flatten)]
    pub said: Said,
    /// When the source was asked (UTC).
    pub asked_at: Timestamp,
}

/// Which answers count, for whom.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// The time of the question.
    pub now: Timestamp,
    /// Only what was asked at or after this instant counts: a run that wants everything anew.
    pub since: Option<Timestamp>,
    /// How often an empty answer is asked again before it is believed for good.
    pub recheck_empty: u32,
}

impl Trust {
    /// Does this answer spare a request?
    pub fn believes(&self, answer: &Answer) -> bool {
        let fresh = self.since.is_none_or(|since| answer.asked_at >= since);
        let settled = match answer.said {
            Said::Data | Said::OutsidePlan => true,
            Said::Empty { asks } => {
                asks > self.recheck_empty
                    || self.now.duration_since(answer.asked_at) < RECHECK_AFTER
                    || !has_session(answer.days)
            }
            Said::Lost => false,
        };
        fresh && settled
    }
}

/// Was the exchange open on any of these days? Where it was not, nothing is what one expects.
fn has_session(days: DateRange) -> bool {
    session::sessions(days.from(), days.to()).next().is_some()
}

/// The last answer for each day, as sorted ranges that do not overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Answer>", into = "Vec<Answer>")]
pub struct Answers(Vec<Answer>);

impl Answers {
    /// In time order.
    pub fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.0.iter()
    }

    /// The days whose answer `wanted` accepts.
    pub fn days(&self, wanted: impl Fn(&Answer) -> bool) -> Coverage {
        self.0.iter().filter(|answer| wanted(answer)).map(|answer| answer.days).collect()
    }

    /// Takes a new answer for `days`; it replaces the older ones there. Asking an empty range again within a day
    /// is asking once.
    pub fn record(&mut self, days: DateRange, said: Said, asked_at: Timestamp) {
        let asked: Coverage = days.into();
        let mut pieces: Vec<Answer> = Vec::new();
        let mut known = Coverage::empty();
        for before in &self.0 {
            let Some(both) = before.days.intersection(days) else { continue };
            known = known.union(&both.into());
            let said = match (said, before.said) {
                (Said::Empty { .. }, Said::Empty { asks }) => {
                    let again = asked_at.duration_since(before.asked_at) >= RECHECK_AFTER;
                    Said::Empty { asks: asks + u32::from(again) }
                }
                _ => said,
            };
            pieces.push(Answer { days: both, said, asked_at });
        }
        let new = asked.minus(&known);
        pieces.extend(new.ranges().iter().map(|days| Answer { days: *days, said, asked_at }));
        self.keep_outside(&asked, pieces);
    }

    /// The file that held the rows is damaged: where there was data, it is to be asked for again.
    pub fn lose_data(&mut self) {
        for answer in &mut self.0 {
            if answer.said == Said::Data {
                answer.said = Said::Lost;
            }
        }
    }

    fn keep_outside(&mut self, replaced: &Coverage, mut pieces: Vec<Answer>) {
        for before in &self.0 {
            let rest = Coverage::from(before.days).minus(replaced);
            pieces.extend(rest.ranges().iter().map(|days| Answer { days: *days, ..*before }));
        }
        *self = pieces.into();
    }
}

impl From<Vec<Answer>> for Answers {
    fn from(mut answers: Vec<Answer>) -> Self {
        answers.sort_unstable_by_key(|answer| answer.days);
        let mut joined: Vec<Answer> = Vec::with_capacity(answers.len());
        for answer in answers {
            match joined.last_mut() {
                Some(last)
                    if last.said == answer.said
                        && last.asked_at == answer.asked_at
                        && answer.days.from() == last.days.to().next() =>
                {
                    last.days = DateRange::new(last.days.from(), answer.days.to()).expect("sorted by day");
                }
                _ => joined.push(answer),
            }
        }
        Self(joined)
    }
}

impl From<Answers> for Vec<Answer> {
    fn from(answers: Answers) -> Self {
        answers.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::trading_day::TradingDay;
    use proptest::prelude::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    const EMPTY: Said = Said::Empty { asks: 1 };

    #[test]
    fn an_empty_answer_for_june_says_nothing_of_march() {
        let mut answers = Answers::default();
        answers.record(range("2024-01-01", "2024-03-31"), Said::Data, at("2024-07-01T00:00:00Z"));
        answers.record(range("2024-04-01", "2024-06-30"), EMPTY, at("2024-07-02T00:00:00Z"));
        let trust = |now| Trust { now: at(now), since: None, recheck_empty: 1 };
        let missing = |trust: Trust| {
            Coverage::from(range("2024-01-01", "2024-06-30"))
                .minus(&answers.days(|answer| trust.believes(answer)))
        };
        assert!(missing(trust("2024-07-02T12:00:00Z")).is_empty(), "not a day old");
        assert_eq!(missing(trust("2024-07-03T00:00:00Z")).to_string(), "2024-04-01..2024-06-30");
    }

    #[test]
    fn each_range_counts_its_own_empty_answers() {
        let mut answers = Answers::default();
        answers.record(range("2024-01-01", "2024-01-31"), EMPTY, at("2024-07-01T00:00:00Z"));
        answers.record(range("2024-01-01", "2024-02-29"), EMPTY, at("2024-07-02T00:00:00Z"));
        answers.record(range("2024-01-10", "2024-01-20"), EMPTY, at("2024-07-02T09:00:00Z"));
        let asks: Vec<_> = answers.iter().map(|answer| (answer.days.to_string(), answer.said)).collect();
        assert_eq!(
            asks,
            [
                ("2024-01-01..2024-01-09".to_owned(), Said::Empty { asks: 2 }),
                ("2024-01-10..2024-01-20".to_owned(), Said::Empty { asks: 2 }),
                ("2024-01-21..2024-01-31".to_owned(), Said::Empty { asks: 2 }),
                ("2024-02-01..2024-02-29".to_owned(), EMPTY),
            ]
        );
    }

    #[test]
    fn a_weekend_without_rows_is_believed_at_once() {
        let trust = Trust { now: at("2030-01-01T00:00:00Z"), since: None, recheck_empty: 1 };
        let empty = |days| Answer { days, said: EMPTY, asked_at: at("2024-07-01T00:00:00Z") };
        assert!(trust.believes(&empty(range("2024-06-29", "2024-06-30"))));
        assert!(!trust.believes(&empty(range("2024-06-28", "2024-06-30"))));
    }

    #[test]
    fn a_fresh_run_believes_only_the_days_that_it_has_asked_itself() {
        let mut answers = Answers::default();
        answers.record(range("2024-01-01", "2024-12-31"), Said::Data, at("2025-01-01T00:00:00Z"));
        answers.record(range("2024-07-01", "2024-12-31"), Said::Data, at("2025-02-01T00:00:00Z"));
        let since = Some(at("2025-02-01T00:00:00Z"));
        let trust = Trust { now: at("2025-02-02T00:00:00Z"), since, recheck_empty: 1 };
        assert_eq!(answers.days(|answer| trust.believes(answer)).to_string(), "2024-07-01..2024-12-31");
    }

    #[test]
    fn lost_data_is_remembered_until_it_is_asked_again() {
        let mut answers = Answers::default();
        answers.record(range("2024-01-01", "2024-12-31"), Said::Data, at("2025-01-01T00:00:00Z"));
        answers.lose_data();
        answers.record(range("2024-01-01", "2024-01-31"), Said::Data, at("2025-02-01T00:00:00Z"));
        assert_eq!(answers.days(|answer| answer.said == Said::Lost).to_string(), "2024-02-01..2024-12-31");
    }

    proptest! {
        #[test]
        fn every_day_has_its_last_answer_and_ranges_never_overlap(
            asks in proptest::collection::vec((0..40_i32, 0..15_i32, 0..3_u8), 0..12),
        ) {
            let mut answers = Answers::default();
            let mut last = std::collections::BTreeMap::new();
            for (order, (from, length, kind)) in asks.into_iter().enumerate() {
                let day = |number| TradingDay::MIN.plus_days(number);
                let asked_at = Timestamp::from_second(i64::try_from(order).expect("small")).expect("a time");
                let said = [Said::Data, EMPTY, Said::OutsidePlan][usize::from(kind)];
                answers.record(DateRange::new(day(from), day(from + length)).expect("in order"), said, asked_at);
                last.extend((from..=from + length).map(|number| (day(number), (said, asked_at))));
            }
            let days: u64 = answers.iter().map(|answer| u64::from(answer.days.days())).sum();
            prop_assert_eq!(days, last.len() as u64);
            for (day, (said, asked_at)) in last {
                let of_day: Vec<_> = answers.iter().filter(|answer| answer.days.contains(day)).collect();
                prop_assert_eq!(of_day.len(), 1);
                prop_assert_eq!((of_day[0].said, of_day[0].asked_at), (said, asked_at));
            }
            let text = serde_json::to_string(&answers).expect("written");
            prop_assert_eq!(serde_json::from_str::<Answers>(&text).expect("read"), answers);
        }
    }
}
