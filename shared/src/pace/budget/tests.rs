//! The rule against simulated takers: many, slow, fast, dying; and a server that counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

const START_NS: u64 = 5_000 * SECOND_NS;
const MINUTE_NS: u64 = 60 * SECOND_NS;

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("short")
}

/// Takers at work on one budget from `START_NS` on, one event after the other.
struct World {
    budget: Budget,
    rate: Rate,
    /// What happens next, and to whom: a taker asks, or (`true`) its request reaches the server.
    events: BinaryHeap<Reverse<(u64, usize, bool)>>,
    think_ns: Vec<u64>,
    /// When a server refuses everything.
    storm_ns: std::ops::Range<u64>,
    arrived_ns: Vec<u64>,
}

impl World {
    fn new(rate: Rate, think_ns: Vec<u64>) -> Self {
        let events = (0..think_ns.len()).map(|taker| Reverse((START_NS, taker, false))).collect();
        let budget = Budget::unused(rate, START_NS);
        Self { budget, rate, events, think_ns, storm_ns: 0..0, arrived_ns: Vec::new() }
    }

    fn run_until(&mut self, end_ns: u64) {
        while let Some(Reverse((now_ns, taker, is_sent))) = self.events.pop() {
            if now_ns >= end_ns {
                self.events.push(Reverse((now_ns, taker, is_sent)));
                return;
            }
            if is_sent {
                self.arrive(now_ns);
                self.events.push(Reverse((now_ns + self.think_ns[taker], taker, false)));
                continue;
            }
            let (after, is_sent) = match self.budget.take(self.rate, now_ns) {
                Slot::Send { after } => (after, true),
                Slot::AskAgain { after } => (after, false),
            };
            assert!(after <= Duration::from_secs(1));
            self.events.push(Reverse((now_ns + nanoseconds(after), taker, is_sent)));
        }
    }

    fn arrive(&mut self, now_ns: u64) {
        self.arrived_ns.push(now_ns);
        if self.storm_ns.contains(&now_ns) {
            self.budget.refused(None, now_ns);
        }
    }

    fn arrived_within(&self, range: std::ops::Range<u64>) -> usize {
        self.arrived_ns.iter().filter(|at| range.contains(at)).count()
    }

    /// The most that any window saw: a window is half-open.
    fn worst_window(&self) -> usize {
        let window_ns = nanoseconds(self.rate.window());
        let seen = |first: usize| {
            let end_ns = self.arrived_ns[first] + window_ns;
            self.arrived_ns[first..].partition_point(|at| *at < end_ns)
        };
        (0..self.arrived_ns.len()).map(seen).max().unwrap_or(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_window_ever_sees_more_than_the_rate_whoever_dies_and_whatever_is_lost(
        text in prop::sample::select(vec!["600/min", "61/min", "5/min", "40/s", "500/20s", "90/120s"]),
        think_ms in prop::collection::vec(0..3_000_u64, 1..40),
        // After so many milliseconds something happens: the state is lost, everybody pauses, or all
        // die and others take their place.
        mishaps in prop::collection::vec((1..40_000_u64, 0..3_u8), 0..8),
    ) {
        let mut world = World::new(rate(text), think_ms.iter().map(|ms| ms * 1_000_000).collect());
        let mut now_ns = START_NS;
        for (after_ms, what) in mishaps {
            now_ns += after_ms * 1_000_000;
            world.run_until(now_ns);
            match what {
                0 => world.budget = Budget::past_unknown(world.rate, now_ns),
                1 => {
                    let later = |Reverse((at, taker, is_sent)): Reverse<(u64, usize, bool)>| {
                        Reverse(if is_sent { (at, taker, true) } else { (at + 30 * SECOND_NS, taker, false) })
                    };
                    world.events = world.events.drain().map(later).collect();
                }
                _ => {
                    let takers = 0..world.think_ns.len();
                    world.events = takers.map(|taker| Reverse((now_ns, taker, false))).collect();
                }
            }
        }
        world.run_until(now_ns + 2 * MINUTE_NS);
        let most = usize::try_from(world.rate.requests()).expect("few");
        prop_assert!(world.worst_window() <= most, "{} in a window of {text}", world.worst_window());
    }

    #[test]
    fn the_budget_is_used_when_there_is_work(
        text in prop::sample::select(vec!["600/min", "61/min", "5/min", "100/s", "500/20s", "90/120s"]),
        takers in 24..64_usize,
        latency_ms in 0..200_u64,
    ) {
        let mut world = World::new(rate(text), vec![latency_ms * 1_000_000; takers]);
        let minutes = 4;
        world.run_until(START_NS + minutes * MINUTE_NS);
        let whole = world.rate.per_minute() * minutes;
        let used = world.arrived_ns.len() as u64;
        prop_assert!(used * 100 >= whole * 95, "{used} of {whole}");
        // The counters tell the same story; some slots are a twentieth of a second away.
        let usage = world.budget.usage(START_NS + minutes * MINUTE_NS);
        prop_assert!(usage.taken - used <= world.rate.per_minute() / 600 + 1);
        prop_assert!((usage.used_last_minute + 1) * 100 >= usage.allowed_per_minute * 93, "{usage:?}");
    }

    #[test]
    fn any_clock_gives_bounded_answers(jumps in prop::collection::vec((0..u64::MAX / 4, 0..4_u8), 1..60)) {
        let mut budget = Budget::unused(rate("500/min"), START_NS);
        for (now_ns, what) in jumps {
            match what {
                0 => budget.refused(Some(Duration::MAX), now_ns),
                1 => drop(budget.usage(now_ns)),
                _ => match budget.take(rate("500/min"), now_ns) {
                    Slot::Send { after } => prop_assert!(after <= Duration::from_millis(50)),
                    Slot::AskAgain { after } => prop_assert!(after <= Duration::from_secs(1)),
                },
            }
            prop_assert!(budget.usage(now_ns).paused_ms <= 120_000);
        }
    }
}

#[test]
fn full_pace_is_back_within_a_minute_of_a_storm_of_thirty_seconds() {
    for text in ["600/min", "100/s", "5/min"] {
        let mut world = World::new(rate(text), vec![200_000_000; 48]);
        let storm_begins = START_NS + 2 * MINUTE_NS;
        let storm_ends = storm_begins + 30 * SECOND_NS;
        world.storm_ns = storm_begins..storm_ends;
        world.run_until(storm_ends);
        let usage = world.budget.usage(storm_ends);
        let most = usage.rate.per_minute() / 2;
        assert!(
            usage.refused <= most / 2 + 1,
            "{text}: {} refused at a pace of {most}",
            usage.refused
        );
        assert!(usage.pace_percent < 80, "{usage:?}");

        world.run_until(storm_ends + 40 * SECOND_NS);
        assert_eq!(world.budget.usage(storm_ends + 40 * SECOND_NS).pace_percent, 100, "{text}");
        world.run_until(storm_ends + 3 * MINUTE_NS);
        let used = world.arrived_within(storm_ends + MINUTE_NS..storm_ends + 3 * MINUTE_NS) as u64;
        assert!(used * 100 >= usage.rate.per_minute() * 2 * 95, "{text}: {used} in two minutes");
        assert!(world.worst_window() <= usize::try_from(usage.rate.requests()).expect("few"));
    }
}

#[test]
fn a_volley_of_refusals_counts_once() {
    let mut budget = Budget::unused(rate("600/min"), START_NS);
    budget.refused(None, START_NS);
    let usage = budget.usage(START_NS);
    assert_eq!((usage.pace_percent, usage.allowed_per_minute), (50, 300));
    for answer in 1..48 {
        budget.refused(None, START_NS + answer * SECOND_NS / 10);
    }
    let usage = budget.usage(START_NS + 4_700_000_000);
    assert_eq!(
        (usage.refused, usage.pace_percent),
        (48, 61),
        "nothing but recovery since the first"
    );
    budget.refused(None, START_NS + VOLLEY_NS);
    assert_eq!(
        budget.usage(START_NS + VOLLEY_NS).pace_percent,
        31,
        "half of 50 and what had come back"
    );
}

#[test]
fn nobody_sends_before_the_server_said_to_come_back() {
    let mut world = World::new(rate("600/min"), vec![0; 8]);
    world.run_until(START_NS + SECOND_NS);
    world.budget.refused(Some(Duration::from_secs(7)), START_NS + SECOND_NS);
    assert_eq!(world.budget.usage(START_NS + SECOND_NS).paused_ms, 7_000);
    world.run_until(START_NS + MINUTE_NS);
    // What was promised before is sent still.
    let pause = START_NS + SECOND_NS + HORIZON_NS + 1..START_NS + 8 * SECOND_NS;
    assert_eq!(world.arrived_within(pause), 0);
    assert!(world.arrived_within(START_NS + 8 * SECOND_NS..START_NS + 9 * SECOND_NS) > 0);
}

#[test]
fn the_slowest_rate_of_the_last_minute_counts() {
    let (fast, slow) = (rate("600/min"), rate("60/min"));
    let mut budget = Budget::unused(fast, START_NS);
    let in_force = |budget: &Budget, now_ns| budget.usage(now_ns).rate;
    budget.take(slow, START_NS);
    budget.take(fast, START_NS + 1);
    assert_eq!(in_force(&budget, START_NS + 1), slow);
    budget.take(fast, START_NS + MINUTE_NS);
    assert_eq!(in_force(&budget, START_NS + MINUTE_NS), slow);
    budget.take(fast, START_NS + MINUTE_NS + 1);
    assert_eq!(in_force(&budget, START_NS + MINUTE_NS + 1), fast);
}

#[test]
fn a_single_asker_bursts_after_a_pause_and_then_keeps_the_pace() {
    let per_minute = rate("600/min");
    let mut budget = Budget::unused(per_minute, START_NS);
    let now_ns = START_NS + 10 * SECOND_NS;
    let at_once = (0..100)
        .filter(|_| budget.take(per_minute, now_ns) == Slot::Send { after: Duration::ZERO });
    assert_eq!(at_once.count(), 10, "one second's worth");
}

#[test]
fn waiting_and_the_last_minute_are_counted() {
    let mut world = World::new(rate("60/min"), vec![0; 4]);
    world.run_until(START_NS + 10 * MINUTE_NS);
    let usage = world.budget.usage(START_NS + 10 * MINUTE_NS);
    assert!((57..=60).contains(&usage.used_last_minute), "{usage:?}");
    let waited_s = usage.waited_ms / 1000;
    assert!((2_350..=2_404).contains(&waited_s), "four takers wait nearly all the time: {usage:?}");
    assert_eq!(world.budget.usage(START_NS + 12 * MINUTE_NS).used_last_minute, 0);
}
