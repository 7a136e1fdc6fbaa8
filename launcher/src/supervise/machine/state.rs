//! The states of a run as a whole, and what can be decided in them.

use jiff::{SignedDuration, Timestamp};
use shared::run::workdir::BatchId;

use crate::facts::{Outcome, StopWhy};

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// No supervisor has started it yet.
    Planned,
    /// A supervisor works on it.
    Open,
    /// Nothing new is started until the reason is gone; what runs goes on.
    Paused {
        /// The reason, for people.
        why: String,
        since: Timestamp,
        /// How long to wait before looking whether it is gone.
        probe_after: SignedDuration,
        /// How to look.
        probe: Probe,
    },
    /// Nothing new is started any more; what runs is being stopped.
    Stopping {
        /// The reason.
        why: StopWhy,
    },
    /// Its supervisor has ended in good order.
    Closed {
        /// How the run stands.
        outcome: Outcome,
    },
}

/// How to find out whether the reason of a pause is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// By writing into the folders of the run.
    Folders,
    /// By a canary: a batch that goes ahead of the others.
    Canary {
        /// The canary that runs.
        sent: Option<BatchId>,
        /// How many canaries have failed.
        failed: u32,
    },
}

/// What a decision depends on beside the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings {
    /// UTC.
    pub now: Timestamp,
    /// Memory that new processes could get; `None` where nobody can tell.
    pub free_memory: Option<u64>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start a worker, after the journal says so.
    Launch { batch: BatchId, attempt: u32 },
    /// Nothing is left to do.
    Close(Outcome),
}
