//! Suspicion: what is unlikely to be right although every file is what was written. Pure: one rule
//! a file, from what is known of a ticker to findings.
//!
//! [`of_ticker`] asks all rules that are on. Where files were not read, the rules that need no more
//! than the numbers of their rows still hold. How often each rule is wrong was measured:
//! docs/suspicion.md.

pub mod facts;
mod thin_month;
mod page_cut;
mod identical_days;
mod split_ratio;
mod step_and_back;
mod zero_values;
mod one_bar_volume;
mod price_spike;
mod rows_outside_listing;
mod outside_sessions;

use self::facts::TickerFacts;
use super::finding::Finding;
use super::rule::Rules;

/// Everything that is suspect of a ticker.
pub fn of_ticker(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let all = [
        thin_month::find,
        page_cut::find,
        identical_days::find,
        split_ratio::find,
        step_and_back::find,
        zero_values::find,
        one_bar_volume::find,
        price_spike::find,
        rows_outside_listing::find,
        outside_sessions::find,
    ];
    let found = all.iter().flat_map(|find| find(ticker, rules));
    found.filter(|finding| rules.is_on(finding.rule)).collect()
}

#[cfg(test)]
mod tests;
