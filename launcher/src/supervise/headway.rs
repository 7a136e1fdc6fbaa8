//! Headway: what an attempt has added to what is done. Pure.
//!
//! A ticker that makes headway gets done, however its attempts end: the rest only gets smaller.

use crate::facts::Report;

/// What one attempt has added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headway {
    /// Tickers that are done now.
    tickers: u64,
    /// For each unfinished ticker, in the order of the report: is more of it proven than ever
    /// before?
    moved_on: Vec<bool>,
}

impl Headway {
    /// The headway of the attempt that `report` is about.
    pub fn of(report: &Report, moved_on: Vec<bool>) -> Self {
        debug_assert_eq!(moved_on.len(), report.unfinished.len(), "one for each");
        Self { tickers: report.proven.tickers.saturating_add(report.reported), moved_on }
    }

    /// Has the attempt added anything?
    pub fn is_any(&self) -> bool {
        self.tickers > 0 || self.moved_on.contains(&true)
    }

    /// For each unfinished ticker: is more of it proven than before?
    pub fn of_unfinished(&self) -> impl Iterator<Item = bool> {
        self.moved_on.iter().copied()
    }
}
