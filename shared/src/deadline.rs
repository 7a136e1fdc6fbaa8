//! A deadline by the steady clock. Changes of the time of day do not move it.

use std::time::{Duration, Instant};

/// A moment after which nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

#[expect(clippy::disallowed_methods, reason = "a door to the steady clock")]
impl Deadline {
    /// `wait` from now.
    pub fn after(wait: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(wait).unwrap_or(now))
    }

    /// Has it passed?
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// Time until then; zero once it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
