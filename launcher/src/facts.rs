//! Facts: everything that can happen to a run, as the journal keeps it. Plain data; the
//! [`machine`](crate::supervise::machine) decides what a fact does to the state.

pub mod ending;

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use shared::dataset::ledger::Summary;
use shared::market::ticker::Ticker;
use shared::run::events::{Origin, Persistence};
use shared::run::identity::ProcessIdentity;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::BatchId;

use crate::plan::knobs::Change;
use crate::plan::part::Part;
use crate::plan::settings::Rules;
use crate::plan::weights::Weight;
use ending::{Ending, Usage};

/// A fact and when it was observed. One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// UTC.
    pub at: Timestamp,
    pub fact: Fact,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Tickers that needed no work when the run was prepared, and so are in no batch. Replaces the
    /// last such fact.
    Surveyed { proven: Tally },
    /// At the start of the run its files were compared with their SHA-256.
    Checked(Checked),
    /// A batch was made. Its members never change.
    Planned {
        /// The next number.
        batch: BatchId,
        /// At least one.
        tickers: Vec<Ticker>,
        /// Which days; fewer than all only for a batch of one ticker.
        #[serde(default, skip_serializing_if = "Part::is_whole")]
        part: Part,
        /// How much work they are likely to be, all together.
        #[serde(default, skip_serializing_if = "Weight::is_unknown")]
        weight: Weight,
    },
    /// The proof of done members of a batch does not hold any more (a file is gone, an empty answer
    /// is to be asked again, the run was extended).
    Reopened {
        batch: BatchId,
        /// Its members that need work.
        unfinished: Vec<Ticker>,
        proven: Tally,
    },
    /// What ledgers prove of members that need work, found when their batch was planned or reopened.
    PartlyProven {
        batch: BatchId,
        /// Those of them of which anything is proven.
        members: Vec<(Ticker, Summary)>,
    },
    /// Knobs of the run have changed. Earlier decisions followed the rules of their time.
    Changed { knobs: Vec<Change>, rules: Rules },
    /// A supervisor starts.
    Opened {
        supervisor: ProcessIdentity,
        /// Version of the journal from here on
        /// ([`Format::Journal`](shared::formats::Format::Journal)).
        #[serde(default, alias = "edition", deserialize_with = "version_of_journal")]
        version: u32,
    },
    /// A worker is about to be started.
    Launched {
        batch: BatchId,
        /// From 1.
        attempt: u32,
    },
    /// A worker has ended.
    Ended {
        batch: BatchId,
        attempt: u32,
        /// How, and what the ledgers then proved.
        report: Report,
    },
    /// Something on this machine keeps every worker from working.
    Hindered {
        /// What, for people.
        what: String,
    },
    /// In a paused run, a look at the folders has found them in order.
    PauseLifted,
    /// Nothing was newly proven for so long that the run is closed as it is.
    GivenUp {
        /// For how long, by the steady clock, in seconds.
        idle_s: u64,
    },
    /// A person or a program asked the run to stop.
    StopAsked {
        /// The signal's name.
        by: String,
    },
    /// The supervisor ends; no worker is left.
    Closed {
        /// How the run stands.
        outcome: Outcome,
    },
}

/// Version 1 was spelled `fourth` before it was a number. What came before it is 0, which nobody
/// reads.
fn version_of_journal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelled {
        Number(u32),
        Name(String),
    }
    Ok(match Spelled::deserialize(deserializer)? {
        Spelled::Number(version) => version,
        Spelled::Name(name) => u32::from(name == "fourth"),
    })
}

/// What an ended attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How the worker ended.
    pub ending: Ending,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// What the ledgers prove about the tickers that this attempt finished.
    pub proven: Tally,
    /// Tickers that a script reports done and that have no ledger.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reported: u64,
    /// Tickers of the attempt that are not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<Unfinished>,
    /// Did the worker say that it ends early on purpose?
    #[serde(default, skip_serializing_if = "is_false")]
    pub yielded: bool,
    /// Is it a script that exited 0 and left no line, no event, and no file of the unfinished
    /// tickers?
    #[serde(default, skip_serializing_if = "is_false")]
    pub left_no_sign: bool,
    /// The difference between this machine's clock and the source's, at its largest, if the worker
    /// saw one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks: Option<SourceClock>,
    /// Pages that the worker has received; `None` if it wrote no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// The line of its log that best explains the end, where that helps.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_words: String,
    /// The random number for backoff, kept so that a replay uses the same one.
    pub dice: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_nothing(summary: &Summary) -> bool {
    *summary == Summary::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A ticker that an attempt did not finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    pub ticker: Ticker,
    /// What the worker last said of it.
    pub word: Word,
    /// How much of it is proven all the same.
    #[serde(default, skip_serializing_if = "Partway::is_nothing")]
    pub partway: Partway,
    /// The partitions of it that are proven all the same.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub proven: Summary,
}

/// How much of an unfinished ticker, or of a part of one, its ledger proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partway {
    /// Days asked for that are proven.
    pub days: u64,
    /// Those of them that were fetched since the attempt began.
    pub fresh_days: u64,
}

impl Partway {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The last thing said about an unfinished ticker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Nothing.
    Untouched,
    /// Its work had begun.
    Begun,
    Failed {
        /// One sentence.
        cause: String,
        /// May another attempt succeed?
        persistence: Persistence,
        /// Whose trouble it is, if the worker said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// The cause without what differs from ticker to ticker, where its worker has said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
}

impl Word {
    /// A failure whose origin is unknown.
    pub fn failed(cause: String, persistence: Persistence) -> Self {
        Self::Failed { cause, persistence, origin: None, kind: None }
    }

    /// Did the worker call it the ticker's own trouble?
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Failed { origin: Some(Origin::Ticker), .. })
    }
}

/// How a run stands when its supervisor ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every ticker is done.
    Complete,
    /// Nothing is left to try, but some tickers failed.
    Incomplete { failed: u64 },
    /// It was stopped with work left.
    Stopped { why: StopWhy },
}

/// Why a run was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopWhy {
    /// On request.
    Asked {
        /// The signal's name.
        by: String,
    },
    /// No attempt can succeed until a person changes something.
    Hopeless {
        /// The batch that found out.
        batch: BatchId,
        /// What it found.
        what: String,
    },
    /// Nothing was newly proven for so long. The outcome is the same as when nothing is left to
    /// try.
    GivenUp {
        /// For how long, in seconds.
        idle_s: u64,
    },
}

/// What a check of all files of a run has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checked {
    /// Tickers with files, all of them intact.
    pub tickers: u64,
    /// Intact files.
    pub files: u64,
    pub bytes: u64,
    /// Damaged files: they are fetched again.
    pub damaged: u64,
    /// Tickers that could not be checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Ticker>,
}

/// Sums over tickers, or over parts of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Tickers whose whole range is proven, or parts that are.
    pub tickers: u64,
    /// Their partitions and rows.
    pub summary: Summary,
    /// Those of them without a single row: every answer was empty, or outside the plan.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_rows: u64,
}

impl Tally {
    /// One proven ticker.
    pub fn of_ticker(summary: Summary) -> Self {
        Self { tickers: 1, summary, without_rows: u64::from(summary.rows == 0) }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.tickers = self.tickers.saturating_add(other.tickers);
        self.summary += other.summary;
        self.without_rows = self.without_rows.saturating_add(other.without_rows);
    }
}
