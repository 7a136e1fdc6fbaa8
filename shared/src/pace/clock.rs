//! The door to time: no other file of this room looks at a clock.
//!
//! `CLOCK_MONOTONIC`: one clock for all processes since boot, which nobody sets. It stands still
//! while the machine sleeps, as do the threads that wait for their turn. A slot promised before the
//! sleep is used after it, and the server only sees longer gaps.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since boot, without the time the machine slept.
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has a monotonic clock");
    let seconds = u64::try_from(time.tv_sec()).expect("time since boot is not negative");
    let nanoseconds = u64::try_from(time.tv_nsec()).expect("a part of a second is not negative");
    seconds * 1_000_000_000 + nanoseconds
}
