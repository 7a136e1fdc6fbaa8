//! How an attempt ended, and what it took.

use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By a signal that we did not send.
    Signaled { signal: i32 },
    /// Its shim was asked to end it.
    Stopped { killed: bool },
    /// The shim ended it: it exceeded --max-rss.
    TooLarge {
        /// Resident memory of its whole tree.
        rss_bytes: u64,
    },
    /// The shim ended it: no row and no page came for too long.
    Stalled {
        /// Time in which it could have run.
        quiet_ms: u64,
    },
    /// The shim ended it: it took too long.
    TimedOut {
        /// Time in which it could have run.
        ran_ms: u64,
    },
    /// It never began: the machine refused to start it.
    NotStarted {
        /// The error, for people.
        what: String,
    },
    /// It never began, and no attempt will until a person changes the executable.
    Unusable {
        /// The error, for people.
        what: String,
    },
    /// Its shim was killed from outside, and its processes after that.
    Unattended {
        /// How the shim ended, for people.
        what: String,
    },
    /// Supervisor and shim died first, so nobody knows.
    Interrupted,
}

/// What an attempt has used, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Most resident memory at one time, as far as samples show.
    pub peak_rss_bytes: u64,
    /// Processor time of the processes that were waited for.
    pub cpu_ms: u64,
}

impl Usage {
    /// What two processes have used that need not have lived at the same time.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
        }
    }
}
