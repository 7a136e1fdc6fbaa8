//! Does the input have the days that bars are to be made from? Read from the ledgers of the input
//! before the first worker starts. A tree without ledgers says nothing about its days.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor;
use shared::dataset::ledger::Ledger;
use shared::market::session;
use shared::market::ticker::Ticker;

use crate::job::BarsOrder;
use crate::plan::words_of_bars::{self, ALLOW_GAP};

/// Which of the days asked for the input has.
#[derive(Debug, PartialEq, Eq)]
pub enum InputDays {
    /// Every session of every ticker, as far as the ledgers show.
    Whole,
    /// Some tickers lack sessions. Their bars can't be made; those of the others can.
    Some {
        /// How many tickers lack sessions.
        short: usize,
        example: Ticker,
        /// What it lacks.
        missing: Coverage,
    },
    /// No ticker has them all.
    Beyond {
        example: Ticker,
        /// What it lacks.
        missing: Coverage,
    },
}

/// Compares `days` with what the input of `order` proves about `tickers`.
pub fn reach(order: &BarsOrder, tickers: &[Ticker], days: DateRange) -> InputDays {
    let (_, root, kind) = order.input.parts();
    let is_ours = matches!(descriptor::read(root), Ok(Some(_)));
    let is_of_one = words_of_bars::is_of_one_security(&order.arguments);
    if !is_ours || is_of_one || order.arguments.iter().any(|word| word == ALLOW_GAP) {
        return InputDays::Whole;
    }
    // A ledger that can't be read concerns its ticker alone.
    let missing = |ticker: &Ticker| {
        Some(lacking(&Ledger::read_by_length(root, kind, ticker).ok()?.answered(), days))
    };
    let short = tickers.iter().filter_map(|ticker| Some((ticker, missing(ticker)?)));
    let mut short = short.filter(|(_, missing)| !missing.is_empty());
    let Some((example, missing)) = short.next() else { return InputDays::Whole };
    let example = example.clone();
    match 1 + short.count() {
        all if all == tickers.len() => InputDays::Beyond { example, missing },
        short => InputDays::Some { short, example, missing },
    }
}

/// The sessions of `days` without an answer.
fn lacking(answered: &Coverage, days: DateRange) -> Coverage {
    let unknown = Coverage::from(days).minus(answered);
    let sessions = |range: &DateRange| session::sessions(range.from(), range.to());
    let on_days = unknown.ranges().iter().flat_map(sessions);
    on_days.filter_map(|(day, _)| DateRange::new(day, day)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_with_a_session_are_lacking() {
        let range = |from: &str, to: &str| {
            DateRange::new(from.parse().expect("a day"), to.parse().expect("a day"))
                .expect("in order")
        };
        let answered = Coverage::from(range("2024-06-03", "2024-06-28"));
        assert!(lacking(&answered, range("2024-06-03", "2024-06-30")).is_empty(), "a weekend");
        let beyond = lacking(&answered, range("2024-06-03", "2024-07-04"));
        assert_eq!(beyond, Coverage::from(range("2024-07-01", "2024-07-03")), "and a holiday");
    }
}
