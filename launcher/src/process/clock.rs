//! The time of day, and waiting for a condition. Nothing else in the crate reads a clock or sleeps.

#![expect(clippy::disallowed_methods, reason = "this is the door to the clock")]

use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};

/// How soon a condition is checked again: often at first, then less often.
const FIRST_GLANCE: Duration = Duration::from_millis(5);
const LATER_GLANCE: Duration = Duration::from_millis(250);

/// Now, UTC, in whole milliseconds.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}

/// A moment by the clock of a run, which stamps its facts. It must not be compared with the wall
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunTime(Timestamp);

impl RunTime {
    /// The moment of a fact, by its stamp.
    pub fn of_fact(at: Timestamp) -> Self {
        Self(at)
    }

    /// The stamp, for facts and for the machine.
    pub fn stamp(self) -> Timestamp {
        self.0
    }

    /// Time since `earlier`.
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0.duration_since(earlier.0)
    }
}

/// The clock of a run: it continues from a stamp by the steady clock. Changes of the time of day do
/// not move it.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    begun: Timestamp,
    since: Instant,
}

impl RunClock {
    /// Starts now, or at `latest` if that is later: the wall clock was ahead then, or has been set
    /// back.
    pub fn going_on_from(latest: Option<Timestamp>) -> Self {
        Self { begun: begun(now(), latest), since: Instant::now() }
    }

    /// Never earlier than the last answer.
    pub fn now(&self) -> RunTime {
        RunTime(after(self.begun, self.since.elapsed()))
    }
}

/// Where the time of a run begins.
fn begun(now: Timestamp, latest: Option<Timestamp>) -> Timestamp {
    latest.map_or(now, |latest| latest.max(now))
}

fn after(begun: Timestamp, passed: Duration) -> Timestamp {
    let passed = Duration::from_millis(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
    begun.checked_add(passed).unwrap_or(Timestamp::MAX)
}

/// Time since a moment, by the steady clock, which stands still while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits until `condition` holds, at most `limit`; returns whether it holds.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now().checked_add(limit);
    let mut glance = FIRST_GLANCE;
    loop {
        if condition() {
            return true;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        thread::sleep(deadline.map_or(glance, |deadline| {
            glance.min(deadline.saturating_duration_since(Instant::now()))
        }));
        glance = (glance * 3 / 2).min(LATER_GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_run_goes_on_from_its_last_stamp_when_the_clock_was_set_back_a_day() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let (yesterday, today) = (at("2024-07-01T12:00:00Z"), at("2024-07-02T12:00:00Z"));
        assert_eq!(begun(yesterday, Some(today)), today);
        assert_eq!(begun(today, Some(yesterday)), today);
        assert_eq!(begun(today, None), today);
        assert_eq!(after(today, Duration::from_millis(1500)), at("2024-07-02T12:00:01.5Z"));
    }
}
