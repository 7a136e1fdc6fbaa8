//! The rate rule: when may the next request be sent? Pure: time comes in, in nanoseconds of any
//! steady clock, and the state is a value that can be written down between two questions.
//!
//! Slots are spaced evenly, and a burst is allowed after a pause (the generic cell rate algorithm,
//! ITU-T I.371); together they never exceed the rate in one of its windows ([`Rate`] does the
//! arithmetic). A slot is promised at most a twentieth of a second ahead; an earlier asker has to
//! ask again. So processes that die or are interrupted waste at most that much time, however many
//! were waiting.
//!
//! A 429 halves the pace for everybody, once for all requests under way; the pace recovers with
//! time. Time that goes backward counts as standing still.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::Rate;

const SECOND_NS: u64 = 1_000_000_000;
/// No slot is promised further ahead.
const HORIZON_NS: u64 = SECOND_NS / 20;
/// A waiting process asks at least this often, because pace and pauses change.
const LONGEST_WAIT_NS: u64 = SECOND_NS;
/// A slower rate holds for everybody until nobody has used it for this long.
const RATE_MEMORY_NS: u64 = 60 * SECOND_NS;

const FULL_PACE: u64 = 1000;
const SLOWEST_PACE: u64 = 100;
/// The time from zero to full pace. From the slowest pace it takes 36 s, less than the promised
/// minute.
const RECOVERY_NS: u64 = 40 * SECOND_NS;
/// Refusals within this time answer requests sent before the first of them slowed us down.
const VOLLEY_NS: u64 = 5 * SECOND_NS;
/// The longest pause, whatever a server asks for.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// The last minute, in buckets of two seconds.
const BUCKETS: usize = 30;
const BUCKET_NS: u64 = 2 * SECOND_NS;

/// What an asker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The slot is the asker's: send one request after this time. An unused slot is lost.
    Send {
        /// At most a twentieth of a second.
        after: Duration,
    },
    /// Nothing is promised yet: ask again after this time.
    AskAgain {
        /// At most a second.
        after: Duration,
    },
}

/// The state of one key's budget. It never grants more than its rate in any window, however many
/// processes ask, and slows everybody after a 429. Times are nanoseconds; `now_ns` of every call
/// comes from one clock.
///
/// ```
/// use shared::pace::budget::{Budget, Slot};
///
/// let rate = "60/min".parse().expect("a rate");
/// let mut budget = Budget::unused(rate, 0);
/// assert!(matches!(budget.take(rate, 0), Slot::Send { .. }), "the first request may go at once");
/// assert!(matches!(budget.take(rate, 0), Slot::AskAgain { .. }), "the next comes a second later");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The slowest rate used lately.
    rate: Rate,
    rate_asked_at_ns: u64,
    seen_at_ns: u64,
    /// When the next slot would come if all were spaced evenly; a burst may run ahead of it.
    next_even_ns: u64,
    last_slot_ns: u64,
    paused_until_ns: u64,
    /// Per mille of full pace after the last refusal that counted, and when that was.
    pace_then: u64,
    slowed_at_ns: u64,
    taken: u64,
    sent_back: u64,
    refused: u64,
    waited_ns: u64,
    /// Slots of the last minute, newest bucket first.
    recent: [u32; BUCKETS],
    bucket_began_ns: u64,
}

/// What a budget allows and what was used of it: for people and programs to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The rate in force: the slowest of those that ask.
    pub rate: Rate,
    /// Requests a minute allowed right now, after what 429s took off.
    pub allowed_per_minute: u64,
    /// Requests of the last minute.
    pub used_last_minute: u64,
    /// Requests of eight seconds, which ended at most two seconds ago.
    #[serde(default)]
    pub used_in_8_s: u64,
    /// How long a request that asked now would wait for its turn.
    #[serde(default)]
    pub next_turn_ms: u64,
    /// 100 unless a 429 came in the last forty seconds.
    pub pace_percent: u64,
    /// How long nobody sends, because a server said when to come back.
    pub paused_ms: u64,
    /// Slots given since the budget began.
    pub taken: u64,
    /// 429s reported since then.
    pub refused: u64,
    /// All waiting of all askers together since then.
    pub waited_ms: u64,
}

impl Budget {
    /// A budget nobody has used: the first request may go at once, the next in its turn.
    pub fn unused(rate: Rate, now_ns: u64) -> Self {
        Self {
            rate,
            rate_asked_at_ns: now_ns,
            seen_at_ns: now_ns,
            next_even_ns: now_ns + (rate.burst() - 1) * rate.interval_ns(),
            last_slot_ns: 0,
            paused_until_ns: 0,
            pace_then: FULL_PACE,
            slowed_at_ns: 0,
            taken: 0,
            sent_back: 0,
            refused: 0,
            waited_ns: 0,
            recent: [0; BUCKETS],
            bucket_began_ns: now_ns,
        }
    }

    /// A budget whose past is lost: every slot that could be promised may have been used.
    pub fn past_unknown(rate: Rate, now_ns: u64) -> Self {
        let promised_ns = now_ns + HORIZON_NS;
        let next_even_ns = promised_ns + rate.burst() * rate.interval_ns();
        Self { next_even_ns, last_slot_ns: promised_ns, ..Self::unused(rate, now_ns) }
    }

    /// Gives a slot, or says when to ask again. `own` is the asker's rate; the slowest rate of the
    /// last minute holds for everybody.
    pub fn take(&mut self, own: Rate, now_ns: u64) -> Slot {
        self.advance(now_ns);
        self.agree_on(own, now_ns);
        let slot_ns = self.next_slot_ns(now_ns);
        let early_ns = slot_ns.saturating_sub(now_ns + HORIZON_NS);
        if early_ns > 0 {
            // The askers are spread out, and none comes too late for its slot.
            let spread_ns = HORIZON_NS / 32 * (1 + self.sent_back % 16);
            let wait_ns = (early_ns + spread_ns).min(LONGEST_WAIT_NS);
            self.sent_back += 1;
            self.waited_ns += wait_ns;
            return Slot::AskAgain { after: Duration::from_nanos(wait_ns) };
        }
        self.next_even_ns = self.next_even_ns.max(slot_ns) + self.rate.interval_ns();
        self.last_slot_ns = slot_ns;
        self.taken += 1;
        self.recent[0] += 1;
        self.waited_ns += slot_ns - now_ns;
        Slot::Send { after: Duration::from_nanos(slot_ns - now_ns) }
    }

    /// A server answered 429, perhaps with a time to wait.
    pub fn refused(&mut self, retry_after: Option<Duration>, now_ns: u64) {
        self.advance(now_ns);
        self.refused += 1;
        let pause = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        let pause_ns = u64::try_from(pause.as_nanos()).expect("two minutes are few nanoseconds");
        self.paused_until_ns = self.paused_until_ns.max(now_ns + pause_ns);
        let pace = self.pace(now_ns);
        let is_of_a_volley = self.pace_then < FULL_PACE && now_ns - self.slowed_at_ns < VOLLEY_NS;
        if !is_of_a_volley {
            self.pace_then = (pace / 2).max(SLOWEST_PACE);
            self.slowed_at_ns = now_ns;
        }
    }

    /// What is allowed and used at `now_ns`.
    pub fn usage(&self, now_ns: u64) -> Usage {
        let mut then = self.clone();
        then.advance(now_ns);
        let pace = then.pace(now_ns);
        Usage {
            rate: then.rate,
            allowed_per_minute: then.rate.per_minute() * pace / FULL_PACE,
            used_last_minute: then.recent.iter().copied().map(u64::from).sum(),
            used_in_8_s: then.recent[1..=4].iter().copied().map(u64::from).sum(),
            next_turn_ms: (then.next_slot_ns(now_ns) - now_ns) / 1_000_000,
            pace_percent: pace * 100 / FULL_PACE,
            paused_ms: then.paused_until_ns.saturating_sub(now_ns).div_ceil(1_000_000),
            taken: then.taken,
            refused: then.refused,
            waited_ms: then.waited_ns / 1_000_000,
        }
    }

    fn next_slot_ns(&self, now_ns: u64) -> u64 {
        let interval_ns = self.rate.interval_ns();
        let with_burst_ns = self.next_even_ns.saturating_sub((self.rate.burst() - 1) * interval_ns);
        // Computed when asked, not when the last slot was given: a gap shrinks while the pace
        // recovers.
        let slowed_ns = match self.pace(now_ns) {
            FULL_PACE => 0,
            pace => self.last_slot_ns + interval_ns * FULL_PACE / pace,
        };
        now_ns.max(with_burst_ns).max(slowed_ns).max(self.paused_until_ns)
    }

    /// Per mille of full pace.
    fn pace(&self, now_ns: u64) -> u64 {
        let recovered = (now_ns - self.slowed_at_ns) / (RECOVERY_NS / FULL_PACE);
        (self.pace_then + recovered).min(FULL_PACE)
    }

    fn agree_on(&mut self, own: Rate, now_ns: u64) {
        let is_slower = own.interval_ns() >= self.rate.interval_ns();
        if is_slower || now_ns - self.rate_asked_at_ns > RATE_MEMORY_NS {
            self.rate = own;
            self.rate_asked_at_ns = now_ns;
        }
    }

    /// Brings all stamps up to `now_ns`.
    fn advance(&mut self, now_ns: u64) {
        let back_ns = self.seen_at_ns.saturating_sub(now_ns);
        for stamp in [
            &mut self.rate_asked_at_ns,
            &mut self.next_even_ns,
            &mut self.last_slot_ns,
            &mut self.paused_until_ns,
            &mut self.slowed_at_ns,
            &mut self.bucket_began_ns,
        ] {
            *stamp = stamp.saturating_sub(back_ns);
        }
        self.seen_at_ns = now_ns;
        let buckets = (now_ns - self.bucket_began_ns) / BUCKET_NS;
        self.bucket_began_ns += buckets * BUCKET_NS;
        let fresh = usize::try_from(buckets).unwrap_or(BUCKETS).min(BUCKETS);
        self.recent.rotate_right(fresh);
        self.recent[..fresh].fill(0);
    }
}

#[cfg(test)]
mod tests;
