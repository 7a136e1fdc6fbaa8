//! `one-bar-volume`: a day of many rows of which one has all the volume. A sum stands where a part
//! belongs. Of daily bars that is asked of a year.

use shared::dataset::kind::Kind;
use shared::market::trading_day::TradingDay;

use super::facts::{Days, PartitionFacts, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

/// With fewer rows it may well be so.
const LEAST_ROWS: u64 = 20;

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let share = rules.threshold(Rule::OneBarVolume) / 100.0;
    let is_odd = |rows: u64, most: f64, volume: f64| {
        rows >= LEAST_ROWS && volume > 0.0 && most >= share * volume
    };
    let mut found = Vec::new();
    for tree in &ticker.trees {
        for file in &tree.files {
            let mut days = Days::none();
            let mut add = |day: TradingDay, rows: u64, most: f64, volume: f64| {
                if is_odd(rows, most, volume) {
                    days.add(day, || {
                        format!(
                            "one of the {rows} rows around {day} has {most} of the {volume} shares"
                        )
                    });
                }
            };
            match tree.kind {
                Kind::Daily => {
                    if let Some((day, most, volume)) = of_year(file) {
                        add(day, file.facts.rows, most, volume);
                    }
                }
                Kind::Minute | Kind::Trades => {
                    for day in &file.facts.days {
                        add(day.day, u64::from(day.rows), day.most, day.volume);
                    }
                }
            }
            let new = |reason| ticker.finding(tree, file, Rule::OneBarVolume, reason);
            found.extend(days.finding(new));
        }
    }
    found
}

/// The day with the most volume, that volume, and all of it.
fn of_year(file: &PartitionFacts) -> Option<(TradingDay, f64, f64)> {
    let days = &file.facts.days;
    let most = days.iter().max_by(|one, other| one.volume.total_cmp(&other.volume))?;
    Some((most.day, most.volume, days.iter().map(|day| day.volume).sum()))
}
