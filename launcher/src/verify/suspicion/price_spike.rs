//! `price-spike`: one row whose price is a hundred times, or a hundredth, of the rows before and
//! after it. A decimal point has moved, or another ticker's print has come in.

use shared::dataset::kind::Kind;

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let least = rules.threshold(Rule::PriceSpike);
    let mut found = Vec::new();
    for tree in &ticker.trees {
        let unit = match tree.kind {
            Kind::Daily | Kind::Minute => "ms",
            Kind::Trades => "ns",
        };
        for file in &tree.files {
            let mut days = Days::none();
            for day in &file.facts.days {
                let Some(spike) = day.spike.filter(|spike| spike.times >= least) else { continue };
                days.add(day.day, || {
                    format!(
                        "on {} one row has the price {}, {:.0} times off its neighbours (stamp {} \
                         {unit})",
                        day.day, spike.price, spike.times, spike.stamp
                    )
                });
            }
            let new = |reason| ticker.finding(tree, file, Rule::PriceSpike, reason);
            found.extend(days.finding(new));
        }
    }
    found
}
