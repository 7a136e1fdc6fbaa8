//! What a snapshot is made from: everything that can be known of a run from outside.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::dataset::summary::Summary;
use shared::market::ticker::Ticker;
use shared::pace::budget::Usage;
use shared::run::workdir::{BatchId, Workdir};

use crate::plan::request::Request;
use crate::supervise::event_summary::EventSummary;
use crate::supervise::machine::Machine;

use super::recent::Recent;

/// Does a supervisor hold the run's lock?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervised {
    Yes,
    /// No; with the last line of its log, and the batches that outlived it.
    No {
        /// Empty when there is none.
        last_words: String,
        /// Batches of which a process still lives.
        alive: BTreeSet<BatchId>,
    },
}

impl Supervised {
    /// Does a batch that runs according to the journal really run? Without a supervisor only if its
    /// processes live.
    pub fn runs(&self, batch: BatchId) -> bool {
        match self {
            Self::Yes => true,
            Self::No { alive, .. } => alive.contains(&batch),
        }
    }
}

/// What a snapshot is made from.
pub struct Sources<'a> {
    /// What was asked.
    pub request: &'a Request,
    pub workdir: &'a Workdir,
    /// What its last attempts did.
    pub recent: &'a Recent,
    /// What the journal adds up to.
    pub machine: &'a Machine,
    /// What can be seen of the attempts that run.
    pub observed: BTreeMap<BatchId, Observed>,
    pub supervised: Supervised,
    /// On the outdir's file system.
    pub free_bytes: Option<u64>,
    /// On the work directory's file system.
    pub workdir_free_bytes: Option<u64>,
    /// What new processes could get, in bytes.
    pub free_memory: Option<u64>,
    /// The rate budget of the key, where this process knows the key.
    pub budget: Option<Usage>,
    /// The time of the question.
    pub now: Timestamp,
}

/// What can be seen of a running attempt.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// What its events add up to.
    pub summary: EventSummary,
    /// How far the tickers in work have come by their ledgers.
    pub so_far: BTreeMap<Ticker, SoFar>,
    /// Rows a second in the last minute.
    pub rows_per_second: u64,
    /// Memory of all its processes; `None` if unknown.
    pub rss_bytes: Option<u64>,
}

/// How far a ticker in work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// Days of those asked for that its ledger proves at a glance.
    pub days: u64,
    /// What these hold.
    pub summary: Summary,
}

/// Whole seconds; 0 where time went backward.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}
