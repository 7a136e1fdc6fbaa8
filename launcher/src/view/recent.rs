//! What the last attempts of a run did: all that an estimate needs of a journal, however long that
//! is.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use shared::run::workdir::BatchId;

use crate::facts::ending::Ending;
use crate::facts::{Fact, JournalEntry};

/// How many of the last attempts an estimate uses.
const ATTEMPTS_MAX: usize = 500;

/// An attempt whose end was observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservedAttempt {
    pub batch: BatchId,
    /// How long it took.
    pub seconds: f64,
    /// Tickers that it was given.
    pub given: usize,
    /// Tickers that it finished.
    pub done: usize,
}

/// The last attempts whose end was observed.
#[derive(Debug, Default)]
pub struct Recent {
    began: BTreeMap<BatchId, Timestamp>,
    ended: VecDeque<ObservedAttempt>,
}

impl Recent {
    pub fn of(entries: &[JournalEntry]) -> Self {
        let mut recent = Self::default();
        for entry in entries {
            recent.hear(entry);
        }
        recent
    }

    /// Takes the next entry of the journal in.
    pub fn hear(&mut self, entry: &JournalEntry) {
        match &entry.fact {
            Fact::Launched { batch, .. } => drop(self.began.insert(*batch, entry.at)),
            Fact::Ended { batch, report, .. } => {
                // The time of an end that nobody observed is unknown.
                let began =
                    self.began.remove(batch).filter(|_| report.ending != Ending::Interrupted);
                let Some(at) = began else { return };
                let done = usize::try_from(report.proven.tickers.saturating_add(report.reported));
                let done = done.unwrap_or(usize::MAX);
                let given = done.saturating_add(report.unfinished.len());
                let seconds = entry.at.duration_since(at).as_secs_f64();
                if self.ended.len() == ATTEMPTS_MAX {
                    self.ended.pop_front();
                }
                self.ended.push_back(ObservedAttempt { batch: *batch, seconds, given, done });
            }
            _ => {}
        }
    }

    /// The oldest first.
    pub fn attempts(&self) -> impl Iterator<Item = &ObservedAttempt> {
        self.ended.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64, fact: &str) -> JournalEntry {
        let fact = serde_json::from_str(fact).expect("a fact");
        JournalEntry { at: Timestamp::from_second(second).expect("a time"), fact }
    }

    #[test]
    fn of_two_thousand_attempts_the_last_five_hundred_are_held() {
        let mut recent = Recent::default();
        let nothing = r#"{"partitions_data":0,"partitions_empty":0,"partitions_outside_plan":0,"partitions_partly_outside_plan":0,"rows":0}"#;
        let report = format!(
            r#"{{"ending":{{"exited":{{"code":0}}}},"peak_rss_bytes":0,"cpu_ms":0,"proven":{{"tickers":1,"summary":{nothing}}},"dice":0}}"#
        );
        for number in 1..=2_000 {
            let batch = BatchId(number);
            let at = i64::from(number);
            recent
                .hear(&entry(at, &format!(r#"{{"launched":{{"batch":"{batch}","attempt":1}}}}"#)));
            let ended =
                format!(r#"{{"ended":{{"batch":"{batch}","attempt":1,"report":{report}}}}}"#);
            recent.hear(&entry(at + 7, &ended));
        }
        assert!(recent.began.is_empty());
        assert_eq!(recent.attempts().count(), ATTEMPTS_MAX);
        let last = ObservedAttempt { batch: BatchId(2_000), seconds: 7.0, given: 1, done: 1 };
        assert_eq!(recent.attempts().last(), Some(&last));
    }
}
