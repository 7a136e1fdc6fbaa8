//! The door to time: no other file of this crate looks at a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The time of day (UTC).
#[expect(clippy::disallowed_methods, reason = "the one door to the time of day")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// How long this process has looked at the clock; the time of day may jump meanwhile.
#[expect(clippy::disallowed_methods, reason = "the one door to elapsed time")]
pub fn uptime() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

/// `at` without the part of its second that has passed, as ledgers keep it.
pub fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A moment after which nobody waits any longer; the time of day may jump meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// `duration` from now.
    #[expect(clippy::disallowed_methods, reason = "the one door to elapsed time")]
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// What is left of it; nothing when it has passed.
    #[expect(clippy::disallowed_methods, reason = "the one door to elapsed time")]
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
