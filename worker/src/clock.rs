//! The door to time: no other file of this crate looks at a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// The time of day (UTC).
#[expect(clippy::disallowed_methods, reason = "the one door to the time of day")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A moment by both clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time of day, which anybody may set.
    pub at: Timestamp,
    /// The time since the machine was started, its sleep included, which nobody sets.
    pub steady: Duration,
}

pub fn moment() -> Moment {
    let steady = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .expect("every Linux has a clock that goes on in sleep");
    Moment { at: now(), steady: steady.into() }
}

/// How long this process has looked at the clock; the time of day may jump meanwhile.
#[expect(clippy::disallowed_methods, reason = "the one door to elapsed time")]
pub fn uptime() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

/// The time of day at which [`uptime`] was `then`, by today's clock.
pub fn at(then: Duration) -> Timestamp {
    let passed =
        SignedDuration::try_from(uptime().saturating_sub(then)).unwrap_or(SignedDuration::MAX);
    now().checked_sub(passed).unwrap_or(Timestamp::MIN)
}

/// `at` without the part of its second that has passed, as ledgers keep it.
pub fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
