//! What the workers of running attempts report, which is more than is proven: an attempt proves
//! what it did when it ends. Pure.

use std::ops::AddAssign;

use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::dataset::summary::Summary;
use shared::market::ticker::Ticker;

use super::counts::partitions_of_a_ticker;
use super::sources::{Observed, SoFar};
use crate::plan::request::Request;
use crate::plan::weights::Weight;
use crate::supervise::batch::Batch;

/// What is reported of tickers that are not verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Reported {
    /// Their workers report them done.
    pub tickers: u64,
    /// Partitions of these, and those of the tickers in work that their ledgers list so far; without
    /// those that were proven before.
    pub partitions: u64,
    /// Rows that came for these, and rows of the tickers in work so far.
    pub rows: u64,
}

impl Reported {
    /// Of `batch`, of which `observed` was seen.
    pub fn of(batch: &Batch, observed: &Observed, request: &Request) -> Self {
        let days = batch.part().days(request.days());
        let mut reported = Self::default();
        for (ticker, proven) in batch.left_with_proof() {
            let known = partitions_of(proven);
            let (rows, _) = observed.summary.totals_of(ticker);
            if observed.summary.calls_done(ticker) {
                let partitions = partitions_of_a_ticker(request, days).saturating_sub(known);
                reported += Self { tickers: 1, partitions, rows };
            } else if let Some(SoFar { summary, .. }) = observed.so_far.get(ticker) {
                let partitions = partitions_of(*summary).saturating_sub(known);
                let rows = rows.max(summary.rows.saturating_sub(proven.rows));
                reported += Self { tickers: 0, partitions, rows };
            } else {
                reported.rows = reported.rows.saturating_add(rows);
            }
        }
        reported
    }

    /// Is there nothing reported?
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn partitions_of(summary: Summary) -> u64 {
    summary.partitions_data + summary.partitions_empty + summary.partitions_outside_plan
}

impl AddAssign for Reported {
    fn add_assign(&mut self, other: Self) {
        self.tickers += other.tickers;
        self.partitions = self.partitions.saturating_add(other.partitions);
        self.rows = self.rows.saturating_add(other.rows);
    }
}

/// How many tickers of `batch` its running attempt has finished by its own word; of those in work,
/// the part that is there.
pub fn finished(batch: &Batch, observed: &Observed, days: DateRange) -> f64 {
    let days = f64::from(batch.part().days(days).days());
    let rows_of_each = match batch.weight() {
        Weight::Known(rows) if rows > 0 => Some(rows as f64 / batch.members().len() as f64),
        Weight::Known(_) | Weight::Guessed(_) | Weight::Unknown => None,
    };
    let part = |ticker: &Ticker| {
        if observed.summary.calls_done(ticker) {
            return 1.0;
        }
        let by_days =
            || observed.so_far.get(ticker).map_or(0.0, |so_far| so_far.days as f64 / days);
        let by_rows = |each: f64| observed.summary.totals_of(ticker).0 as f64 / each;
        rows_of_each.map_or_else(by_days, by_rows).min(1.0)
    };
    batch.left().map(part).sum()
}
