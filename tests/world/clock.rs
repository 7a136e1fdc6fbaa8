//! Time: how long a life has gone on, which nothing changes, and what the clock on the wall says,
//! which is anybody's guess.

use jiff::Timestamp;
use shared::dataset::answers::TOLERANCE;
use tests::sim::chance::Dice;

pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// 2024-03-20T12:00:00Z: when a life begins.
const BIRTH_MS: i64 = 1_710_936_000_000;

/// The clock on the wall: how far it is off, from when on.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    jumps: Vec<(u64, i64)>,
}

impl Clock {
    /// One that is right.
    pub(crate) fn right() -> Self {
        Self { jumps: Vec::new() }
    }

    /// One that jumps back and forth by seconds to days.
    pub(crate) fn jumping(dice: &mut Dice) -> Self {
        let count = 1 + dice.below(3);
        let mut jumps: Vec<(u64, i64)> = (0..count)
            .map(|_| {
                let at = if dice.once_in(3) { 0 } else { moment(dice) };
                let far = i64::try_from(moment(dice)).expect("days");
                (at, if dice.once_in(2) { far } else { -far })
            })
            .collect();
        // In the end somebody sets it right.
        jumps.sort_unstable();
        let last = jumps.last().map_or(0, |(at, _)| *at);
        jumps.push((last + moment(dice), 0));
        Self { jumps }
    }

    /// UTC, as this machine believes `t` ms after the life began.
    pub(crate) fn wall(&self, t: u64) -> Timestamp {
        let off = self.jumps.iter().rev().find(|(at, _)| *at <= t).map_or(0, |(_, off)| *off);
        Timestamp::from_millisecond(BIRTH_MS + i64::try_from(t).expect("years") + off)
            .expect("in range")
    }

    /// Does nobody set it between `from` and `to`?
    pub(crate) fn is_steady(&self, from: u64, to: u64) -> bool {
        !self.jumps.iter().any(|(at, _)| from < *at && *at <= to)
    }

    /// Is it set back between `from` and `to`, so far that what was said by it before then lies in
    /// the future? Of what was said by a clock that is then set ahead nothing is lost.
    pub(crate) fn is_set_back(&self, from: u64, to: u64) -> bool {
        let before = self.jumps.iter().rev().find(|(at, _)| *at <= from).map_or(0, |(_, off)| *off);
        let within = self.jumps.iter().filter(|(at, _)| from < *at && *at <= to);
        let mut most_ahead = before;
        within.map(|(_, off)| *off).any(|off| {
            most_ahead = most_ahead.max(off);
            u128::from((most_ahead - off).unsigned_abs()) > TOLERANCE.unsigned_abs().as_millis()
        })
    }

    /// From when on it is right.
    pub(crate) fn right_from(&self) -> u64 {
        self.jumps.last().map_or(0, |(at, _)| *at)
    }
}

/// Any time from a second to two days, each order of magnitude as likely.
pub(crate) fn moment(dice: &mut Dice) -> u64 {
    let longest = dice.pick(&[10 * SECOND, 2 * MINUTE, 20 * MINUTE, 3 * HOUR, 2 * DAY]);
    SECOND + dice.below(longest)
}
