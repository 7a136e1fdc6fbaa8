//! Facts: everything that can happen to a run, as the journal keeps it. Plain data; the
//! [`machine`](crate::supervise::machine) decides what a fact does to the state.

pub mod ending;

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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

/// A fact and when it was seen. One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// UTC.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Tickers that needed no work when the run was prepared and are in no batch. Replaces what was said before.
    Surveyed {
        /// What is proven of them.
        proven: Tally,
    },
    /// The files of the run were held against their SHA-256, at its start.
    Checked(Checked),
    /// A batch was made. Its members never change.
    Planned {
        /// The next number.
        batch: BatchId,
        /// At least one.
        tickers: Vec<Ticker>,
        /// Which days of them; not all only where there is one.
        #[serde(default, skip_serializing_if = "Part::is_whole")]
        part: Part,
        /// What they are likely to be all together.
        #[serde(default, skip_serializing_if = "Weight::is_unknown")]
        weight: Weight,
    },
    /// A batch with done members whose proof does not hold any more (a file is gone, an empty answer is to be asked
    /// again, the run was extended).
    Reopened {
        /// Which.
        batch: BatchId,
        /// Its members that need work.
        unfinished: Vec<Ticker>,
        /// What is still proven of the others.
        proven: Tally,
    },
    /// Knobs of the run were turned. What was decided before was decided by the rules of then.
    Changed {
        /// Which, and how.
        knobs: Vec<Change>,
        /// What governs batches from here on.
        rules: Rules,
    },
    /// A supervisor begins.
    Opened {
        /// Who.
        supervisor: ProcessIdentity,
        /// How it judges.
        #[serde(default, skip_serializing_if = "Edition::is_first")]
        edition: Edition,
    },
    /// A worker is about to be started.
    Launched {
        /// For which batch.
        batch: BatchId,
        /// From 1.
        attempt: u32,
    },
    /// A worker has ended.
    Ended {
        /// Of which batch.
        batch: BatchId,
        /// Which attempt.
        attempt: u32,
        /// How, and what the ledgers then proved.
        report: Report,
    },
    /// Something on this machine keeps everybody from working.
    Hindered {
        /// What, for people.
        what: String,
    },
    /// A look at the folders of a paused run has found nothing in the way.
    PauseLifted,
    /// Nothing was newly proven for so long that the run is closed as it is.
    GivenUp {
        /// For how long, by a clock that nobody sets, in seconds.
        idle_s: u64,
    },
    /// Somebody asked the run to stop.
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

/// Which edition of the rules a supervisor judges attempts by. A replay judges as it was judged then: what came of
/// another verdict can't have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// Three batches make a common cause, and of a batch only the last attempt is taken back.
    #[default]
    First,
    /// The last batches of a run may have one too; memory, time and permanent failures can be common, and so can
    /// places that the run does not look at; all attempts of a streak are taken back, once.
    Second,
    /// What a worker calls a ticker's own trouble is that, whatever others have: it makes no common cause, it is charged
    /// also in a pause, and who was sent ahead and meets it has shown that the reason of the pause is gone.
    Third,
    /// What a worker calls this machine's trouble (its clock is wrong) is charged to nobody: the run pauses until it is gone.
    Fourth,
}

impl Edition {
    /// What new supervisors judge by.
    pub const LATEST: Self = Self::Fourth;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_first(&self) -> bool {
        *self == Self::First
    }
}

/// What an ended attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How the worker ended.
    pub ending: Ending,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// What the ledgers prove of the tickers that this attempt finished.
    pub proven: Tally,
    /// Tickers that a script says are done and no ledger speaks of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reported: u64,
    /// Tickers of the attempt that are not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<Unfinished>,
    /// Did the worker say that it ends early on purpose?
    #[serde(default, skip_serializing_if = "is_false")]
    pub yielded: bool,
    /// A script that ended well and left no line, no event, and no file of the tickers that are not done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub left_no_sign: bool,
    /// This machine's clock beside the source's where it was ahead most, if the worker found it to be off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks: Option<SourceClock>,
    /// Pages that it says to have received; `None` when it said nothing at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// The most telling line of its log, where that helps to understand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_words: String,
    /// A random number for backoff, kept so that a replay throws the same dice.
    pub dice: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A ticker that an attempt did not finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Which.
    pub ticker: Ticker,
    /// What is known of it.
    pub word: Word,
    /// How much of it is proven nevertheless.
    #[serde(default, skip_serializing_if = "Partway::is_nothing")]
    pub partway: Partway,
}

/// How far an unfinished ticker, or a part of one, has come by its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partway {
    /// Days asked for that are proven.
    pub days: u64,
    /// Those of them that were asked for since the attempt began.
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
    /// It failed.
    Failed {
        /// One sentence.
        cause: String,
        /// Is another attempt worth it?
        persistence: Persistence,
        /// Whose trouble it is, where its worker has said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// The cause without what differs from ticker to ticker, where its worker has said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
}

impl Word {
    /// A failure of which nobody has said whose it is.
    pub fn failed(cause: String, persistence: Persistence) -> Self {
        Self::Failed { cause, persistence, origin: None, kind: None }
    }

    /// Is it a failure that is the ticker's own trouble, and nobody else's?
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
    Incomplete {
        /// How many.
        failed: u64,
    },
    /// It was stopped with work left.
    Stopped {
        /// Why.
        why: StopWhy,
    },
}

/// Why a run was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopWhy {
    /// As asked.
    Asked {
        /// The signal's name.
        by: String,
    },
    /// No other worker will do better until a person changes something.
    Hopeless {
        /// The batch that found out.
        batch: BatchId,
        /// What it found.
        what: String,
    },
    /// Nothing was newly proven for so long. Its outcome is that of a run in which nothing is left to try.
    GivenUp {
        /// For how long, in seconds.
        idle_s: u64,
    },
}

/// What a check of all files of a run has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checked {
    /// Tickers with files, all of which were what was written.
    pub tickers: u64,
    /// Files that were.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were not: they are fetched again.
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
    /// Those of them that have not one row: every answer was empty, or beyond the plan.
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
