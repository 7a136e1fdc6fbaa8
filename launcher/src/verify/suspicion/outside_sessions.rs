//! `rows-beyond-hours` and `rows-without-session`: rows before extended trading begins (04:00 New
//! York) or after it has ended (20:00, 17:00 on half days), and rows of days on which the exchange
//! was closed. Clocks or zones are mixed up.

use super::facts::{Days, TickerFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let most_minutes = rules.threshold(Rule::RowsBeyondHours);
    let mut found = Vec::new();
    for tree in &ticker.trees {
        for file in &tree.files {
            let (mut beyond, mut closed) = (Days::none(), Days::none());
            for day in &file.facts.days {
                let (date, of, (rows, minutes)) = (day.day, day.rows, day.beyond_hours);
                if rows > 0 && minutes as f64 >= most_minutes {
                    beyond.add(date, || {
                        format!(
                            "{rows} of {of} rows of {date} lie up to {minutes} minutes outside \
                             extended hours"
                        )
                    });
                }
                if day.without_session > 0 {
                    let rows = day.without_session;
                    closed.add(date, || format!("{rows} rows of {date}, a day without session"));
                }
            }
            for (rule, days) in
                [(Rule::RowsBeyondHours, beyond), (Rule::RowsWithoutSession, closed)]
            {
                found.extend(days.finding(|reason| ticker.finding(tree, file, rule, reason)));
            }
        }
    }
    found
}
