//! The door to time: no other file of this crate looks at a clock.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The time of day (UTC).
#[expect(clippy::disallowed_methods, reason = "the one door to the time of day")]
pub fn now() -> Timestamp {
    Timestamp::now()
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
