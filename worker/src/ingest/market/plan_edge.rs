//! How far back the plan of the key reaches, learnt from what it refuses. Pure.

use std::collections::BTreeSet;

use shared::market::trading_day::TradingDay;

/// What is known of the plan. Plans reach back a number of years from today, so what is older than
/// a refused day is refused. The newest day alone proves nothing: a plan may refuse that for being
/// too new. Nor does any other day alone, or one with an answered day before it: what is taken for
/// refused is never asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEdge {
    newest: Option<TradingDay>,
    oldest_answered: TradingDay,
    refused: BTreeSet<TradingDay>,
}

impl PlanEdge {
    /// Nothing is known yet; `newest` is the newest session that will be asked for.
    pub fn new(newest: Option<TradingDay>) -> Self {
        Self { newest, oldest_answered: TradingDay::MAX, refused: BTreeSet::new() }
    }

    /// `day` was answered.
    pub fn answer(&mut self, day: TradingDay) {
        self.oldest_answered = self.oldest_answered.min(day);
    }

    /// `day` was refused.
    pub fn refuse(&mut self, day: TradingDay) {
        if Some(day) < self.newest {
            self.refused.insert(day);
        }
    }

    /// Is `day` known to be refused?
    pub fn refuses(&self, day: TradingDay) -> bool {
        let mut beyond = self.refused.range(..self.oldest_answered);
        beyond.next_back().is_some_and(|edge| day <= *edge) && beyond.next_back().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::day;

    #[test]
    fn what_is_older_than_two_refused_days_is_refused_unless_one_is_the_newest_of_all() {
        let mut edge = PlanEdge::new(Some(day("2024-03-08")));
        edge.refuse(day("2024-03-08"));
        edge.refuse(day("2024-03-05"));
        assert!(!edge.refuses(day("2024-03-04")), "one is too new, perhaps, and the other alone");
        edge.refuse(day("2024-03-04"));
        let refused =
            ["2024-03-06", "2024-03-05", "2022-01-03"].map(|text| edge.refuses(day(text)));
        assert_eq!(refused, [false, true, true]);
    }

    #[test]
    fn a_refused_day_in_the_middle_of_answered_ones_is_no_edge() {
        let mut edge = PlanEdge::new(Some(day("2024-03-08")));
        edge.refuse(day("2024-03-06"));
        edge.answer(day("2024-03-05"));
        edge.refuse(day("2024-03-04"));
        assert!(!edge.refuses(day("2024-03-01")), "the 6th lies before an answered day");
        edge.refuse(day("2024-03-01"));
        assert!(edge.refuses(day("2024-02-29")));
    }
}
