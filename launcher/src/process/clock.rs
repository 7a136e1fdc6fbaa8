//! The time of day, and waiting for a condition. Nothing else in the crate reads a clock or sleeps.

use std::thread;
use std::time::{Duration, Instant};

use jiff::{Timestamp, TimestampRound, Unit};

/// How often a condition is looked at again.
const GLANCE: Duration = Duration::from_millis(25);

/// Now, UTC, in whole milliseconds.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}

/// A moment by the steady clock, which nobody sets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// So far from now.
    pub fn after(wait: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(wait).unwrap_or(now))
    }

    /// Has it come?
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// Time until then.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Waits until `condition` holds, at most `limit`; says whether it came to hold.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now().checked_add(limit);
    loop {
        if condition() {
            return true;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        thread::sleep(GLANCE);
    }
}
