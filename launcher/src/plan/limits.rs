//! Limits: what one attempt may use, what must stay free for the run to continue, and how long the
//! run continues without a result.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use shared::run::size::Size;

const DEFAULT_STALL_TIMEOUT: SignedDuration = SignedDuration::from_mins(30);
const DEFAULT_MAX_LOG: Size = Size(64 << 20);
const DEFAULT_MIN_FREE_DISK: Size = Size(256 << 20);
const DEFAULT_MIN_FREE_MEMORY: Size = Size(256 << 20);
const DEFAULT_GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(12);
const DEFAULT_KEEP_ATTEMPTS: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");

/// What one attempt may use, what must stay free, and how long a run is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of a worker with everything that it has started.
    pub max_rss: Option<Size>,
    /// How long an attempt may take.
    pub batch_timeout: Option<SignedDuration>,
    /// How long an attempt may go without a row or a page; zero is no limit.
    pub stall_timeout: SignedDuration,
    /// How large the log of a batch may grow before it is cut. The cut part is kept until the next
    /// cut.
    pub max_log: Size,
    /// Free space below which nothing new is started.
    pub min_free_disk: Size,
    /// Free memory below which no further worker is started.
    #[serde(default = "default_min_free_memory")]
    pub min_free_memory: Size,
    /// How long a run may go without a new proof before it is closed; zero is no limit.
    #[serde(default = "default_give_up_after")]
    pub give_up_after: SignedDuration,
    /// How many attempts of a batch keep their folders, beside those that tell why a ticker failed.
    #[serde(default = "default_keep_attempts")]
    pub keep_attempts: NonZeroU32,
}

/// Also for runs from before this could be chosen.
fn default_min_free_memory() -> Size {
    DEFAULT_MIN_FREE_MEMORY
}

fn default_give_up_after() -> SignedDuration {
    DEFAULT_GIVE_UP_AFTER
}

fn default_keep_attempts() -> NonZeroU32 {
    DEFAULT_KEEP_ATTEMPTS
}

/// A size as given: zero is no limit.
pub fn size_or_none(said: Size) -> Option<Size> {
    Some(said).filter(|size| size.0 > 0)
}

/// A time limit as given: zero is none.
pub fn span_or_none(said: SignedDuration) -> Option<SignedDuration> {
    Some(said).filter(|span| !span.is_zero())
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rss: None,
            batch_timeout: None,
            stall_timeout: DEFAULT_STALL_TIMEOUT,
            max_log: DEFAULT_MAX_LOG,
            min_free_disk: DEFAULT_MIN_FREE_DISK,
            min_free_memory: DEFAULT_MIN_FREE_MEMORY,
            give_up_after: DEFAULT_GIVE_UP_AFTER,
            keep_attempts: DEFAULT_KEEP_ATTEMPTS,
        }
    }
}
