//! What the source has really said of which day, beside everything that is looked at; and whether the tree says the same.

use std::collections::BTreeMap;

use shared::dataset::coverage::Coverage;
use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::disk::Folder;
use super::fate::Fate;

/// One answer for one day.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// These rows, and they were in the tree.
    Rows(Vec<Ohlcv>),
    /// No row.
    Empty,
    /// The plan does not reach it.
    Outside,
}

/// All answers for one ticker, and when they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    given: BTreeMap<TradingDay, Vec<(u64, Given)>>,
    /// When what was known of it was destroyed: nobody can know what rows there were.
    forgotten_at: Option<u64>,
}

impl Truth {
    /// A file with `draft` was brought into its place; the answer was for `days`.
    pub(crate) fn published(&mut self, t: u64, fate: &Fate, draft: &[DatedBar], days: &Coverage) {
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let rows: Vec<_> = draft.iter().filter(|row| row.date == *day).map(|row| row.bar).collect();
            let given = if rows.is_empty() { Given::Empty } else { Given::Rows(rows) };
            self.given.entry(*day).or_default().push((t, given));
        }
    }

    /// An answer without rows was recorded for `days`.
    pub(crate) fn said(&mut self, t: u64, fate: &Fate, days: &Coverage, given: &Given) {
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            self.given.entry(*day).or_default().push((t, given.clone()));
        }
    }

    /// Its ledger was damaged.
    pub(crate) fn forget(&mut self, t: u64) {
        self.forgotten_at = Some(t);
    }

    /// Why the tree does not hold what somebody who is called done must have; nothing when it does.
    pub(crate) fn contradicts(
        &self,
        fate: &Fate,
        folder: &Folder,
        days: shared::dataset::coverage::DateRange,
        since: Option<u64>,
    ) -> Option<String> {
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let found = folder.rows_of(*day);
            let given = self.given.get(day).map(Vec::as_slice).unwrap_or_default();
            let of_run = |(t, _): &&(u64, Given)| since.is_none_or(|since| *t >= since);
            if !given.iter().any(|given| of_run(&given)) {
                return Some(format!("{day}: no answer was ever given for it"));
            }
            let rows_given: Vec<&Vec<Ohlcv>> = given.iter().filter_map(rows).collect();
            let rows_found: Vec<Ohlcv> = found.iter().map(|row| row.bar).collect();
            let is_known = |(t, _): &&(u64, Given)| self.forgotten_at.is_none_or(|forgotten| *t > forgotten);
            let rows_known = given.iter().filter(is_known).any(|given| rows(given).is_some());
            if !rows_known && rows_found.is_empty() && given.iter().any(|given| is_known(&given)) {
                continue;
            }
            let Some(last) = rows_given.last() else {
                if rows_found.is_empty() {
                    continue;
                }
                return Some(format!("{day}: {} rows that nobody has sent", rows_found.len()));
            };
            if rows_found.is_empty() {
                return Some(format!("{day}: {} rows were in the tree and are gone", last.len()));
            }
            if rows_found.windows(2).any(|pair| pair[0].t >= pair[1].t) {
                return Some(format!("{day}: a row is doubled or out of order"));
            }
            let foreign = rows_found.iter().find(|row| !rows_given.iter().any(|given| given.contains(row)));
            if let Some(row) = foreign {
                return Some(format!("{day}: {row:?} was never sent"));
            }
            if let Some(row) = last.iter().find(|row| !rows_found.contains(row)) {
                return Some(format!("{day}: {row:?}, sent last, is not in the tree"));
            }
            if fate.kind == Kind::Trades && rows_found.len() != last.len() {
                return Some(format!("{day}: {} trades where {} were sent", rows_found.len(), last.len()));
            }
        }
        None
    }
}

fn rows((_, given): &(u64, Given)) -> Option<&Vec<Ohlcv>> {
    match given {
        Given::Rows(rows) => Some(rows),
        Given::Empty | Given::Outside => None,
    }
}
