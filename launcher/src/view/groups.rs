//! Troubles by cause: batches that wait for another attempt, tickers that were given up.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;
use shared::run::workdir::{BatchId, Workdir};

use super::log_lines::{self, LogLine, Reach, Subject};
use crate::supervise::batch::BatchState;
use crate::supervise::machine::Machine;

/// How much of a log's end is read for its telling line: a glance takes no time.
const LOG_END_BYTES: u64 = 64 * 1024;

/// Batches in backoff with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetryGroup {
    /// In one sentence.
    pub cause: String,
    /// How many.
    pub batches: u64,
    /// When the first of them is tried again, UTC.
    pub next_at: Timestamp,
    /// One of them.
    pub example: BatchId,
    /// Its log.
    pub log: PathBuf,
}

/// Given-up tickers with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// In one sentence.
    pub cause: String,
    /// How many.
    pub tickers: u64,
    /// One of them.
    pub example: Ticker,
    /// Which days of it, New York, inclusive, where it was split by date; null where all.
    pub days: Option<DateRange>,
    /// Its batch.
    pub batch: BatchId,
    /// The attempt that was the last straw.
    pub attempt: u32,
    /// Its log.
    pub log: PathBuf,
    /// What the log says of it, once somebody has looked.
    pub log_line: Option<String>,
}

/// What batches wait for, most frequent first.
pub fn retries(machine: &Machine, workdir: &Workdir) -> Vec<RetryGroup> {
    let mut groups: BTreeMap<&str, RetryGroup> = BTreeMap::new();
    for (id, batch) in machine.batches() {
        if let BatchState::Backoff { cause, until } = &batch.state {
            let group = groups.entry(cause).or_insert_with(|| RetryGroup {
                cause: cause.clone(),
                batches: 0,
                next_at: *until,
                example: id,
                log: workdir.batch_log(id),
            });
            group.batches += 1;
            group.next_at = group.next_at.min(*until);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.batches));
    groups
}

/// Why tickers were given up, most frequent first.
pub fn failures(machine: &Machine, workdir: &Workdir, run: DateRange) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<&str, FailureGroup> = BTreeMap::new();
    let mut counted: HashSet<(&str, &Ticker)> = HashSet::new();
    for (id, batch) in machine.batches() {
        for (ticker, failure) in batch.failures() {
            let group = groups.entry(&failure.cause).or_insert_with(|| FailureGroup {
                cause: failure.cause.clone(),
                tickers: 0,
                example: ticker.clone(),
                days: batch.part().days_if_split(run),
                batch: id,
                attempt: failure.attempt,
                log: workdir.batch_log(id),
                log_line: None,
            });
            // Of a ticker that was split, several parts may have failed.
            group.tickers += u64::from(counted.insert((&failure.cause, ticker)));
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.tickers));
    groups
}

impl FailureGroup {
    /// Looks up what the log says of the example.
    pub fn look_up(&mut self, machine: &Machine) {
        let members = machine.batch(self.batch).map_or(&[][..], |batch| batch.members());
        let subject = Subject { ticker: &self.example, members };
        let mut lines = log_lines::telling(&self.log, subject, Reach::End(LOG_END_BYTES));
        self.log_line = lines.remove(&self.attempt).map(|LogLine { text, .. }| text);
    }
}
