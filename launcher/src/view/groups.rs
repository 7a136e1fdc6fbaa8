//! Troubles by cause: batches that wait for another attempt, tickers that were given up.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;
use shared::run::workdir::{BatchId, Workdir};

use super::log_lines::{self, LogLine, Subject};
use crate::supervise::batch::BatchState;
use crate::supervise::machine::Machine;

/// How much of the end of a log is read to find the line that explains a failure.
const LOG_END_BYTES: u64 = 4 << 20;

/// Batches in backoff with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetryGroup {
    /// In one sentence.
    pub cause: String,
    pub batches: u64,
    /// When the first of them is tried again, UTC.
    pub next_at: Timestamp,
    pub example: BatchId,
    pub log: PathBuf,
}

/// Given-up tickers with causes of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// What their causes have in common; null if all have the same cause.
    pub kind: Option<String>,
    /// In one sentence: the example's.
    pub cause: String,
    pub tickers: u64,
    pub example: Ticker,
    /// Which days of it, New York, inclusive, where it was split by date; null where all.
    pub days: Option<DateRange>,
    pub batch: BatchId,
    /// The last attempt before it was given up.
    pub attempt: u32,
    pub log: PathBuf,
    /// The line of the log about it, once the log was read.
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
    let mut groups: BTreeMap<String, FailureGroup> = BTreeMap::new();
    let mut counted: HashSet<(String, &Ticker)> = HashSet::new();
    for (id, batch) in machine.batches() {
        for (ticker, failure) in batch.failures() {
            let kind = failure.kind.clone().unwrap_or_else(|| kind_of(&failure.cause, ticker));
            let group = groups.entry(kind.clone()).or_insert_with(|| FailureGroup {
                kind: failure.kind.clone(),
                cause: failure.cause.clone(),
                tickers: 0,
                example: ticker.clone(),
                days: batch.part().days_if_split(run),
                batch: id,
                attempt: failure.attempt,
                log: workdir.batch_log(id),
                log_line: None,
            });
            // Several parts of a split ticker may have failed.
            group.tickers += u64::from(counted.insert((kind, ticker)));
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.tickers));
    groups
}

/// A number behind one of these words names the failure; it does not measure it.
const NAMED_BY_NUMBER: [&str; 4] = ["HTTP", "exit", "signal", "status"];

/// A cause without what differs from ticker to ticker: its name, and every number that only
/// measures.
fn kind_of(cause: &str, ticker: &Ticker) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let mut kind = String::with_capacity(cause.len());
    let mut before = "";
    for piece in cause.split_inclusive(|c| !is_of_word(c)) {
        let word = piece.trim_end_matches(|c| !is_of_word(c));
        // A full stop ends a sentence, not a name.
        let name = word.trim_end_matches('.');
        if name == ticker.as_str() {
            kind.push('*');
        } else if word.contains(|c: char| c.is_ascii_digit()) && !NAMED_BY_NUMBER.contains(&before)
        {
            kind.push('#');
        } else {
            kind.push_str(word);
        }
        kind.push_str(&piece[word.len()..]);
        before = word;
    }
    kind
}

impl FailureGroup {
    /// Looks up what the log says of the example.
    pub fn look_up(&mut self, machine: &Machine) {
        let members = machine.batch(self.batch).map_or(&[][..], |batch| batch.members());
        let subject = Subject { ticker: &self.example, members };
        let line = log_lines::telling_of(&self.log, subject, self.attempt, LOG_END_BYTES);
        self.log_line = line.map(|LogLine { text, .. }| text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_differ_in_names_and_numbers_are_of_one_kind() {
        let kind = |cause: &str, name: &str| kind_of(cause, &name.parse().expect("a ticker"));
        let missing =
            "AAA: the ledger does not prove 3 sessions (2024-06-03..2024-06-05); download them";
        assert_eq!(
            kind(missing, "AAA"),
            "*: the ledger does not prove # sessions (#); download them"
        );
        let other =
            "BRK.B: the ledger does not prove 17 sessions (2024-06-03..2024-06-27); download them";
        assert_eq!(kind(missing, "AAA"), kind(other, "BRK.B"));
        assert_eq!(kind("no such thing as A. ask for A", "A"), "no such thing as * ask for *");
        assert_ne!(kind("HTTP 404", "A"), kind("HTTP 500", "A"));
        assert_ne!(kind("it failed (exit 11)", "A"), kind("it failed (exit 101)", "A"));
    }
}
