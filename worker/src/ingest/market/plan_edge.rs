//! How far back the plan of the key reaches, learnt from what it refuses. Pure.

use shared::market::trading_day::TradingDay;

/// What is known of the plan. Plans reach back a number of years from today, so what is older than a refused day is
/// refused. The newest day alone proves nothing: a plan may refuse that for being too new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanEdge {
    newest: Option<TradingDay>,
    refused: Option<TradingDay>,
}

impl PlanEdge {
    /// Nothing is known yet; `newest` is the newest session that will be asked for.
    pub fn new(newest: Option<TradingDay>) -> Self {
        Self { newest, refused: None }
    }

    /// `day` was refused.
    pub fn refuse(&mut self, day: TradingDay) {
        if Some(day) < self.newest {
            self.refused = self.refused.max(Some(day));
        }
    }

    /// Is `day` known to be refused?
    pub fn refuses(&self, day: TradingDay) -> bool {
        self.refused.is_some_and(|refused| day <= refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_refused_day_is_refused_unless_that_is_the_newest_of_all() {
        let day = |text: &str| text.parse::<TradingDay>().expect(text);
        let mut edge = PlanEdge::new(Some(day("2024-03-08")));
        edge.refuse(day("2024-03-08"));
        assert!(!edge.refuses(day("2024-03-07")), "too new, perhaps");
        edge.refuse(day("2024-03-05"));
        edge.refuse(day("2024-03-04"));
        let refused = ["2024-03-06", "2024-03-05", "2022-01-03"].map(|text| edge.refuses(day(text)));
        assert_eq!(refused, [false, true, true]);
    }
}
