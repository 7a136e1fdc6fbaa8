//! The story of one ticker in one of its batches: every attempt that had it and what became of it.
//! Pure: told while the journal is replayed, by what is seen on the way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use crate::facts::{Fact, JournalEntry, Outcome, Report, Word};
use crate::supervise::batch::{Batch, Decided};
use crate::supervise::causes;
use crate::supervise::machine::{Machine, RunState};

/// An event in the life of the ticker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Chapter {
    /// It came into a batch.
    Planned {
        /// UTC.
        at: Timestamp,
        batch: BatchId,
        /// Its members, this one included.
        members: usize,
    },
    /// A worker got it.
    Attempt(AttemptStory),
    /// Its proof did not hold any more.
    Reopened {
        /// UTC.
        at: Timestamp,
    },
    /// It had been given up, and a person started the run again.
    Forgiven {
        /// UTC.
        at: Timestamp,
    },
}

/// One attempt that had the ticker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptStory {
    /// Counted from 1 in its batch.
    pub attempt: u32,
    /// UTC.
    pub began_at: Timestamp,
    /// Tickers that it was given.
    pub tickers: usize,
    /// How it ended; null while it runs.
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptEnd {
    /// UTC.
    pub at: Timestamp,
    /// How its worker ended.
    pub ending: String,
    /// The line of its log that best explains the end, if there is one for all tickers.
    pub last_words: String,
    /// What it meant for the ticker.
    #[serde(flatten)]
    pub result: Result,
}

/// What an attempt meant for the ticker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Result {
    Done,
    /// It is not, and the attempt counts against it.
    Charged {
        /// In one sentence.
        cause: String,
    },
    /// It is not, and the attempt does not count.
    NotCharged {
        /// In one sentence.
        cause: String,
    },
    /// The ticker was given up after it.
    GivenUp {
        /// In one sentence.
        cause: String,
    },
}

/// The stories of one ticker, gathered while the journal is read.
pub struct Stories {
    ticker: Ticker,
    told: BTreeMap<BatchId, Told>,
    /// Had the run come to its end with failures before this entry?
    is_incomplete: bool,
}

#[derive(Default)]
struct Told {
    chapters: Vec<Chapter>,
    /// Had it been given up when the last entry was heard?
    is_given_up: bool,
}

impl Stories {
    /// Of a ticker of which nothing was heard.
    pub fn of(ticker: Ticker) -> Self {
        Self { ticker, told: BTreeMap::new(), is_incomplete: false }
    }

    /// What was told of it in `batch`.
    pub fn take(&mut self, batch: BatchId) -> Vec<Chapter> {
        self.told.remove(&batch).map(|told| told.chapters).unwrap_or_default()
    }

    /// Takes the next entry of the journal in, with the state after it.
    pub fn hear(&mut self, machine: &Machine, entry: &JournalEntry) {
        if let Fact::Planned { batch, tickers, .. } = &entry.fact
            && tickers.contains(&self.ticker)
        {
            self.told.insert(*batch, Told::default());
        }
        let begins_again = self.is_incomplete && matches!(entry.fact, Fact::Opened { .. });
        for (batch, told) in &mut self.told {
            told.hear(&self.ticker, *batch, machine, entry, begins_again);
        }
        let outcome = machine.run();
        self.is_incomplete =
            matches!(outcome, RunState::Closed { outcome: Outcome::Incomplete { .. } });
    }
}

impl Told {
    fn hear(
        &mut self,
        ticker: &Ticker,
        batch: BatchId,
        machine: &Machine,
        entry: &JournalEntry,
        begins_again: bool,
    ) {
        let given_up = || machine.batch(batch).into_iter().flat_map(Batch::failures);
        let is_given_up = given_up().any(|(it, _)| it == ticker);
        let was_given_up = std::mem::replace(&mut self.is_given_up, is_given_up);
        let chapters = &mut self.chapters;
        match &entry.fact {
            Fact::Planned { batch: id, tickers, .. } if *id == batch => {
                chapters.push(Chapter::Planned { at: entry.at, batch, members: tickers.len() });
            }
            Fact::Opened { .. } if begins_again && was_given_up => {
                chapters.push(Chapter::Forgiven { at: entry.at });
            }
            Fact::Launched { batch: id, attempt } if *id == batch => {
                let trial = || machine.batch(batch).into_iter().flat_map(Batch::trial);
                if trial().any(|it| it == ticker) {
                    let (began_at, tickers) = (entry.at, trial().count());
                    let attempt = AttemptStory { attempt: *attempt, began_at, tickers, end: None };
                    chapters.push(Chapter::Attempt(attempt));
                }
            }
            Fact::Ended { batch: id, attempt, report } if *id == batch => {
                if let Some(Chapter::Attempt(last)) = chapters.last_mut()
                    && last.attempt == *attempt
                {
                    let result = result(ticker, report, *attempt, machine, batch);
                    last.end = Some(AttemptEnd {
                        at: entry.at,
                        ending: causes::phrase(&report.ending),
                        last_words: report.last_words.clone(),
                        result,
                    });
                }
            }
            Fact::Reopened { batch: id, unfinished, .. }
                if *id == batch && unfinished.contains(ticker) =>
            {
                chapters.push(Chapter::Reopened { at: entry.at });
            }
            _ => {}
        }
    }
}

fn result(
    ticker: &Ticker,
    report: &Report,
    attempt: u32,
    machine: &Machine,
    batch: BatchId,
) -> Result {
    let Some(left) = report.unfinished.iter().find(|left| left.ticker == *ticker) else {
        return Result::Done;
    };
    let it = machine.batch(batch);
    if let Some((_, failure)) =
        it.into_iter().flat_map(Batch::failures).find(|(it, _)| *it == ticker)
    {
        return Result::GivenUp { cause: failure.cause.clone() };
    }
    let is_charged = it.is_some_and(|batch| batch.is_charged_with(ticker, attempt));
    match machine.decided(batch, attempt, ticker) {
        Some(Decided::Charged { cause }) if is_charged => Result::Charged { cause: cause.clone() },
        Some(Decided::Charged { .. } | Decided::Spared) | None => {
            let cause = match &left.word {
                Word::Failed { cause, .. } => cause.clone(),
                Word::Begun => "it was being worked on".to_owned(),
                Word::Untouched => "no event mentions it".to_owned(),
            };
            Result::NotCharged { cause }
        }
    }
}
