//! `identical-days`: two sessions in a row whose rows are the same. One of them was written twice.
//!
//! That their number, times, prices and volume agree to the last digit is taken for that: for a day
//! of several rows it does not happen by chance. A daily bar is one row: two of them must agree in
//! all five numbers, and three of its prices must differ. Of names with a few trades of a hundred
//! shares a day, bars of two prices do come twice.

use shared::dataset::kind::Kind;

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rows::facts::DayFacts;
use crate::verify::rule::{Rule, Rules};

/// A week with a holiday lies between two sessions in a row, no more.
const MOST_DAYS_BETWEEN: i32 = 5;

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let least_rows = rules.threshold(Rule::IdenticalDays);
    let mut found = Vec::new();
    for tree in &ticker.trees {
        let mut before: Option<&DayFacts> = None;
        for file in &tree.files {
            let mut days = Days::none();
            for day in &file.facts.days {
                let is_telling = match tree.kind {
                    Kind::Daily => day.volume > 0.0 && prices(day) >= 3,
                    Kind::Minute | Kind::Trades => f64::from(day.rows) >= least_rows,
                };
                if let Some(before) =
                    before.filter(|before| is_telling && are_identical(before, day))
                {
                    days.add(day.day, || {
                        format!("{} has the {} rows of {}", day.day, day.rows, before.day)
                    });
                }
                before = Some(day);
            }
            let new = |reason| ticker.finding(tree, file, Rule::IdenticalDays, reason);
            found.extend(days.finding(new));
        }
    }
    found
}

/// How many different prices a bar has.
fn prices(bar: &DayFacts) -> usize {
    let mut prices = [bar.open, bar.high, bar.low, bar.close];
    prices.sort_by(f64::total_cmp);
    1 + prices.windows(2).filter(|pair| pair[0] < pair[1]).count()
}

fn are_identical(one: &DayFacts, next: &DayFacts) -> bool {
    let numbers = |day: &DayFacts| {
        [day.open, day.high, day.low, day.close, day.volume, day.most].map(f64::to_bits)
    };
    let times = |day: &DayFacts| (day.rows, day.first, day.last);
    times(one) == times(next)
        && numbers(one) == numbers(next)
        && (1..=MOST_DAYS_BETWEEN).contains(&one.day.days_until(next.day))
}
