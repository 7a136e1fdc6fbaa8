//! What runs now: each running batch with what its worker says and what it takes.

use std::path::PathBuf;

use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;
use shared::run::outage::Outage;
use shared::run::workdir::BatchId;

use super::reported::Reported;
use super::sources::{Observed, Sources, seconds_between};
use crate::supervise::batch::BatchState;

/// A batch that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningBatch {
    pub batch: BatchId,
    /// From 1.
    pub attempt: u32,
    /// Since it began.
    pub seconds: u64,
    /// Tickers being worked on, by its events.
    pub tickers: Vec<Ticker>,
    /// Which days of its ticker, New York, inclusive, where that was split by date; null where all.
    pub days: Option<DateRange>,
    /// Rows received in this attempt.
    pub rows: u64,
    /// Of the last minute.
    pub rows_per_second: u64,
    /// What its worker has reported so far and no end of an attempt has proven yet.
    pub reported: Reported,
    /// Pages received in this attempt.
    pub pages: u64,
    /// Resident memory of the worker and everything that it has started.
    pub rss_bytes: Option<u64>,
    /// How the source fails to answer its worker, by the worker's word; null when it answers, and
    /// where nothing was said.
    pub outage: Option<Outage>,
    /// Since its last event; null if it has written none yet.
    pub quiet_seconds: Option<u64>,
    pub log: PathBuf,
}

/// Every batch that really runs.
pub fn running(sources: &Sources) -> Vec<RunningBatch> {
    let running = sources.machine.batches().filter_map(|(batch, it)| {
        let BatchState::Running { attempt, since } = it.state else { return None };
        if !sources.supervised.runs(batch) {
            return None;
        }
        let nothing = Observed::default();
        let observed = sources.observed.get(&batch).unwrap_or(&nothing);
        let summary = &observed.summary;
        Some(RunningBatch {
            batch,
            attempt,
            seconds: seconds_between(since, sources.now),
            tickers: summary.current().cloned().collect(),
            days: it.part().days_if_split(sources.request.days()),
            rows: summary.rows(),
            rows_per_second: observed.rows_per_second,
            reported: Reported::of(it, observed, sources.request),
            pages: summary.pages(),
            rss_bytes: observed.rss_bytes,
            outage: summary.outage,
            quiet_seconds: summary.last_said.map(|at| seconds_between(at, sources.now)),
            log: sources.workdir.batch_log(batch),
        })
    });
    running.collect()
}
