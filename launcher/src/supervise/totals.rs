//! Totals over the tickers of a run. Each ticker counts once, however many batches have a part of
//! it. Pure.

use std::collections::BTreeMap;

use shared::market::ticker::Ticker;

use super::batch::Batch;
use crate::facts::Tally;

/// Tickers by state; a ticker in none of these is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Every day is proven.
    pub verified: u64,
    /// Reported done by a script.
    pub reported: u64,
    /// Given up, at least in one part.
    pub failed: u64,
}

/// How far a split ticker is.
#[derive(Default)]
struct Split {
    is_open: bool,
    is_failed: bool,
}

impl Totals {
    /// Totals of the tickers that were `surveyed` as proven and of those in `batches`.
    pub fn of<'a>(surveyed: Tally, batches: impl IntoIterator<Item = &'a Batch>) -> Self {
        let mut totals = Self { verified: surveyed.tickers, ..Self::default() };
        let mut splits: BTreeMap<&Ticker, Split> = BTreeMap::new();
        for batch in batches {
            let failed = batch.failures().len() as u64;
            if batch.part().is_whole() {
                totals.verified = totals.verified.saturating_add(batch.proven.tickers);
                totals.reported = totals.reported.saturating_add(batch.reported);
                totals.failed = totals.failed.saturating_add(failed);
                continue;
            }
            for ticker in batch.members() {
                let split = splits.entry(ticker).or_default();
                split.is_failed |= failed > 0;
                split.is_open |= batch.left().len() > 0;
            }
        }
        for Split { is_open, is_failed } in splits.into_values() {
            totals.failed = totals.failed.saturating_add(u64::from(is_failed));
            totals.verified = totals.verified.saturating_add(u64::from(!is_failed && !is_open));
        }
        totals
    }
}
