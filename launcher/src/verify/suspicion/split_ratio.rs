//! `split-ratio`: days whose prices are off by a factor against the daily bars of the same scale.
//! Adjusted rows have come among raw ones, or the other way round.
//!
//! The first and the last price of regular hours must both be off, and by the same factor: a bad
//! print is not enough.

use shared::dataset::kind::Kind;

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rows::facts::DayFacts;
use crate::verify::rule::{Rule, Rules};

/// So far the factors of a day's first and last price may differ.
const AGREE: f64 = 1.1;

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let least = rules.threshold(Rule::SplitRatio);
    let Some(daily) = ticker.tree(Kind::Daily) else { return Vec::new() };
    let mut found = Vec::new();
    let others = ticker.trees.iter().filter(|tree| tree.kind != Kind::Daily);
    // Trees of two scales differ by every later split: that is what scales are.
    for tree in others.filter(|tree| tree.adjusted == daily.adjusted) {
        let mut bars = daily.days().map(|(_, bar)| bar).peekable();
        for file in &tree.files {
            let mut days = Days::none();
            for day in &file.facts.days {
                while bars.next_if(|bar| bar.day < day.day).is_some() {}
                let Some(bar) = bars.peek().filter(|bar| bar.day == day.day) else { continue };
                let Some(factor) = factor(day, bar) else { continue };
                if factor >= least || factor <= 1.0 / least {
                    days.add(day.day, || {
                        format!(
                            "on {} the prices are {} those of the daily bar ({} and {})",
                            day.day,
                            words(factor),
                            day.regular_close.unwrap_or(day.close),
                            bar.close
                        )
                    });
                }
            }
            let new = |reason| ticker.finding(tree, file, Rule::SplitRatio, reason);
            found.extend(days.finding(new));
        }
    }
    found
}

/// By which factor a day's prices differ from those of its daily bar; `None` where they do not do
/// so from the first to the last.
fn factor(day: &DayFacts, bar: &DayFacts) -> Option<f64> {
    let at_open = day.regular_open? / bar.open;
    let at_close = day.regular_close? / bar.close;
    let is_number = at_open > 0.0 && at_close > 0.0 && (at_open / at_close).is_finite();
    let agree = at_open / at_close <= AGREE && at_close / at_open <= AGREE;
    (is_number && agree).then(|| (at_open * at_close).sqrt())
}

/// `4.00 times`, `a 4.00th of`.
pub(super) fn words(factor: f64) -> String {
    if factor >= 1.0 { format!("{factor:.2} times") } else { format!("1/{:.2} of", 1.0 / factor) }
}
