//! Common causes: what attempts without any result may have in common with attempts at other
//! batches. Pure.
//!
//! The [`machine`](super::machine) decides what follows from one.

use std::collections::{BTreeMap, BTreeSet};

use shared::run::events::Persistence;
use shared::run::exit::Exit;
use shared::run::workdir::BatchId;

use super::causes::{NO_SIGN, phrase, said};
use crate::facts::ending::Ending;
use crate::facts::{Report, Word};

/// A trouble that may concern every batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommonCause {
    /// Nothing comes from the source, whatever the error: one attempt meets a refused connection,
    /// the next a timeout.
    Source,
    /// Workers can't use something on this machine that the supervisor does not check.
    Place,
    /// The source knows none of the tickers.
    Unknown,
    /// Workers end like this.
    Worker(String),
}

impl CommonCause {
    /// Can it pass without a change of the run? A source comes back, and a person may make room. A
    /// program that crashes on everything stays broken.
    pub fn passes(&self) -> bool {
        match self {
            Self::Source | Self::Place => true,
            Self::Unknown | Self::Worker(_) => false,
        }
    }
}

/// What an attempt without any result may have in common with others, and the words for it.
pub fn cause(report: &Report) -> Option<(CommonCause, String)> {
    if report.unfinished.is_empty() {
        return None;
    }
    let of_worker = |words: String| Some((CommonCause::Worker(words.clone()), words));
    // Numbers differ from batch to batch; the trouble is one.
    let of_limit =
        |flag: &str| Some((CommonCause::Worker(flag.to_owned()), phrase(&report.ending)));
    match &report.ending {
        Ending::Exited { code } => match Exit::of_code(*code) {
            Some(Exit::Transient) if is_own(report) => None,
            Some(Exit::Transient) => {
                Some((CommonCause::Source, failed(report, Persistence::Transient)))
            }
            Some(Exit::Done) if report.left_no_sign => of_worker(NO_SIGN.to_owned()),
            Some(Exit::Done) => of_worker("exit 0 with nothing done".to_owned()),
            None => of_worker(phrase(&report.ending)),
            Some(Exit::Permanent) => {
                Some((CommonCause::Unknown, failed(report, Persistence::Permanent)))
            }
            Some(Exit::LocalResource) => {
                Some((CommonCause::Place, said(report, "a local resource is in the way (exit 13)")))
            }
            Some(Exit::Usage | Exit::Refused | Exit::Stopped) => None,
        },
        Ending::Signaled { .. } => of_worker(phrase(&report.ending)),
        Ending::Stalled { .. } => Some((CommonCause::Source, phrase(&report.ending))),
        Ending::TooLarge { .. } => of_limit("--max-rss"),
        Ending::TimedOut { .. } => of_limit("--batch-timeout"),
        Ending::Stopped { .. }
        | Ending::NotStarted { .. }
        | Ending::Unusable { .. }
        | Ending::Unattended { .. }
        | Ending::Interrupted => None,
    }
}

/// Did the worker report that not a single page came?
pub fn heard_nothing(report: &Report) -> bool {
    report.pages == Some(0)
}

/// Did tickers fail in an attempt that exited in order, all of them for reasons of their own?
pub fn is_own(report: &Report) -> bool {
    let in_order = matches!(&report.ending, Ending::Exited { code }
        if matches!(Exit::of_code(*code), Some(Exit::Transient | Exit::Permanent)));
    let mut failed = report
        .unfinished
        .iter()
        .map(|left| &left.word)
        .filter(|word| matches!(word, Word::Failed { .. }));
    in_order && failed.clone().next().is_some() && failed.all(Word::is_own)
}

/// The cause of the first ticker that failed like this, else how the attempt ended. A ticker that
/// did not fail for a reason of its own comes first.
fn failed(report: &Report, wanted: Persistence) -> String {
    let says = |own: bool| {
        report.unfinished.iter().find_map(|left| match &left.word {
            Word::Failed { cause, persistence, .. }
                if *persistence == wanted && (own || !left.word.is_own()) =>
            {
                Some(cause.clone())
            }
            Word::Failed { .. } | Word::Untouched | Word::Begun => None,
        })
    };
    says(false).or_else(|| says(true)).unwrap_or_else(|| phrase(&report.ending))
}

/// Attempts of several batches.
pub type Attempts = BTreeMap<BatchId, BTreeSet<u32>>;

/// Attempts in a row with the same trouble and nothing done in between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streak {
    cause: Option<CommonCause>,
    pub attempts: Attempts,
}

impl Streak {
    /// One more attempt; another trouble starts a new streak.
    pub fn note(&mut self, cause: CommonCause, batch: BatchId, attempt: u32) {
        let cause = Some(cause);
        if cause != self.cause {
            *self = Self { cause, attempts: Attempts::new() };
        }
        self.attempts.entry(batch).or_default().insert(attempt);
    }

    /// What they have in common, if there are any.
    pub fn cause(&self) -> Option<&CommonCause> {
        self.cause.as_ref()
    }
}
