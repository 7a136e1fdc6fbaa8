//! `rows-outside-listing`: rows of days before the security was listed, or after it was delisted.
//! They belong to another security that had the symbol, or the dates are wrong.

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

pub(super) fn find(ticker: &TickerFacts, _: &Rules) -> Vec<Finding> {
    let (from, to) = (ticker.listed.from(), ticker.listed.to());
    let mut found = Vec::new();
    for tree in &ticker.trees {
        for file in &tree.files {
            let mut days = Days::none();
            for day in &file.facts.days {
                let date = day.day;
                if date < from {
                    days.add(date, || format!("rows of {date}, and the listing began on {from}"));
                } else if date > to {
                    days.add(date, || format!("rows of {date}, and the listing ended on {to}"));
                } else if let Some(gap) = ticker.gaps.iter().find(|gap| gap.contains(date)) {
                    days.add(date, || {
                        format!("rows of {date}, and nobody had the symbol in {gap}")
                    });
                }
            }
            let new = |reason| ticker.finding(tree, file, Rule::RowsOutsideListing, reason);
            found.extend(days.finding(new));
        }
    }
    found
}
