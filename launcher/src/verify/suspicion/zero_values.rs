//! `zero-price` and `zero-size`: rows with a price of nothing, and days of which many rows have no
//! share. The source sends some; what is made of them divides by nothing.

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let most_prices = rules.threshold(Rule::ZeroPrice);
    let most_sizes = rules.threshold(Rule::ZeroSize) / 100.0;
    let mut found = Vec::new();
    for tree in &ticker.trees {
        for file in &tree.files {
            let (mut prices, mut sizes) = (Days::none(), Days::none());
            let rows = file.facts.rows as f64;
            let without_size: u32 = file.facts.days.iter().map(|day| day.zero_sizes).sum();
            for day in &file.facts.days {
                let (date, of) = (day.day, day.rows);
                if f64::from(day.zero_prices) > most_prices {
                    let zero = day.zero_prices;
                    prices.add(date, || format!("{zero} of {of} rows of {date} have a price of 0"));
                }
                if day.zero_sizes > 0 && f64::from(without_size) > most_sizes * rows {
                    let zero = day.zero_sizes;
                    sizes.add(date, || format!("{zero} of {of} rows of {date} have a size of 0"));
                }
            }
            for (rule, days) in [(Rule::ZeroPrice, prices), (Rule::ZeroSize, sizes)] {
                found.extend(days.finding(|reason| ticker.finding(tree, file, rule, reason)));
            }
        }
    }
    found
}
