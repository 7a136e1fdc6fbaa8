//! How an attempt ended, and what it took.

use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By a signal that was not ours.
    Signaled {
        /// Which.
        signal: i32,
    },
    /// Its shim was asked to end it.
    Stopped {
        /// It did not go by itself.
        killed: bool,
    },
    /// We ended it: it had more memory than it may have.
    TooLarge {
        /// Resident memory of its whole tree.
        rss_bytes: u64,
    },
    /// We ended it: no row and no page for so long.
    Stalled {
        /// Time in which it could have run.
        quiet_ms: u64,
    },
    /// We ended it: it took longer than an attempt may take.
    TimedOut {
        /// Time in which it could have run.
        ran_ms: u64,
    },
    /// It never began: this machine was in the way.
    NotStarted {
        /// The error, for people.
        what: String,
    },
    /// It never began, and no other will until somebody changes the executable.
    Unusable {
        /// The error, for people.
        what: String,
    },
    /// Its shim was ended from outside, and its processes after it.
    Unattended {
        /// How the shim ended, for people.
        what: String,
    },
    /// Supervisor and shim died first, so nobody knows.
    Interrupted,
}

/// What an attempt took, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Most resident memory at one time, as far as it was seen.
    pub peak_rss_bytes: u64,
    /// Time on processors, of those that have been waited for.
    pub cpu_ms: u64,
}

impl Usage {
    /// What two processes took that need not have lived at the same time.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
        }
    }
}
