//! The rule by which threads may hold bytes. Pure; [`buffers`](super) does the waiting.
//!
//! Threads stand in a line, in the order in which they came. Together they hold at most a bound,
//! except the first: it gets whatever it asks for, so one thread always advances and each becomes
//! the first in the end. A thread gets nothing while an older one waits.

use std::collections::VecDeque;

/// A place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePlace(u64);

/// The line.
#[derive(Debug)]
pub struct WaitingLine {
    most: u64,
    holders: VecDeque<Waiter>,
    /// The next place.
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    place: LinePlace,
    holds: u64,
    /// All that it wants to hold, where that is more.
    asks: Option<u64>,
}

impl WaitingLine {
    /// Of holders that hold `most` bytes together.
    pub fn new(most: u64) -> Self {
        Self { most, holders: VecDeque::new(), next: 0 }
    }

    /// A place at its end, which holds nothing.
    pub fn join(&mut self) -> LinePlace {
        let place = LinePlace(self.next);
        self.next += 1;
        self.holders.push_back(Waiter { place, holds: 0, asks: None });
        place
    }

    /// Gives back all that was held.
    pub fn leave(&mut self, place: LinePlace) {
        self.holders.retain(|holder| holder.place != place);
    }

    /// `place` waits until it holds `bytes` in all.
    pub fn ask(&mut self, place: LinePlace, bytes: u64) {
        if let Some(holder) = self.holder(place) {
            holder.asks = (bytes > holder.holds).then_some(bytes);
        }
    }

    /// It waits no more.
    pub fn ask_no_more(&mut self, place: LinePlace) {
        if let Some(holder) = self.holder(place) {
            holder.asks = None;
        }
    }

    /// Gives all who wait what they may have by now.
    pub fn serve(&mut self) {
        let mut held = self.held();
        for (at, holder) in self.holders.iter_mut().enumerate() {
            let Some(bytes) = holder.asks else { continue };
            let after = held - holder.holds + bytes;
            if at > 0 && after > self.most {
                return;
            }
            held = after;
            holder.holds = bytes;
            holder.asks = None;
        }
    }

    pub fn waits(&self, place: LinePlace) -> bool {
        self.holders.iter().any(|holder| holder.place == place && holder.asks.is_some())
    }

    /// Lets `place` hold `bytes` in all, if it need not wait for that.
    pub fn try_grow(&mut self, place: LinePlace, bytes: u64) -> bool {
        self.ask(place, bytes);
        self.serve();
        let has_grown = !self.waits(place);
        self.ask_no_more(place);
        has_grown
    }

    /// `place` holds no more than `bytes`.
    pub fn shrink(&mut self, place: LinePlace, bytes: u64) {
        if let Some(holder) = self.holder(place) {
            holder.holds = holder.holds.min(bytes);
        }
    }

    /// What all hold together.
    pub fn held(&self) -> u64 {
        self.holders.iter().map(|holder| holder.holds).sum()
    }

    fn holder(&mut self, place: LinePlace) -> Option<&mut Waiter> {
        self.holders.iter_mut().find(|holder| holder.place == place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(line: &WaitingLine) -> Vec<u64> {
        line.holders.iter().map(|holder| holder.holds).collect()
    }

    #[test]
    fn the_first_gets_all_that_it_asks_for_and_others_what_is_left() {
        let mut line = WaitingLine::new(10);
        let places = [line.join(), line.join(), line.join()];
        for (place, bytes) in places.into_iter().zip([4, 4, 4]) {
            line.ask(place, bytes);
        }
        line.serve();
        assert_eq!(holds(&line), [4, 4, 0]);
        assert!(line.try_grow(places[0], 25), "the first passes always");
        assert!(!line.try_grow(places[1], 5), "and so the bound is passed by nobody else");
        line.leave(places[0]);
        line.serve();
        assert_eq!(holds(&line), [4, 4]);
        line.shrink(places[1], 1);
        assert!(line.try_grow(places[2], 9));
    }

    #[test]
    fn nobody_overtakes_an_older_one_who_waits() {
        let mut line = WaitingLine::new(10);
        let places = [line.join(), line.join(), line.join()];
        line.ask(places[0], 8);
        line.ask(places[1], 5);
        line.ask(places[2], 1);
        line.serve();
        assert_eq!(holds(&line), [8, 0, 0]);
        assert!(!line.try_grow(places[2], 1));
        line.ask_no_more(places[1]);
        assert!(line.try_grow(places[2], 1), "who has given up is in nobody's way");
    }

    /// What a thread does, one step after the other: joins, holds so much in turn, leaves.
    #[derive(Debug, Clone)]
    struct Visit(Vec<u64>);

    proptest! {
        #[test]
        fn everybody_comes_to_an_end_in_the_bound_and_in_order(
            most in 1..100_u64,
            visits in proptest::collection::vec(proptest::collection::vec(0..150_u64, 1..5).prop_map(Visit), 1..20),
            threads in 1..8_usize,
            order in proptest::collection::vec(0..8_usize, 0..400),
        ) {
            let mut line = WaitingLine::new(most);
            let mut waiting = visits.into_iter();
            let mut at_work: Vec<(LinePlace, VecDeque<u64>)> = Vec::new();
            let mut order = order.into_iter();
            // In each step a thread that can move does so; then no thread waits for ever.
            loop {
                while at_work.len() < threads && let Some(Visit(steps)) = waiting.next() {
                    at_work.push((line.join(), steps.into()));
                }
                if at_work.is_empty() {
                    break;
                }
                let movable: Vec<usize> = (0..at_work.len()).filter(|at| !line.waits(at_work[*at].0)).collect();
                prop_assert!(!movable.is_empty(), "all wait: {line:?}");
                let at = movable[order.next().unwrap_or(0) % movable.len()];
                let (place, steps) = &mut at_work[at];
                let place = *place;
                if let Some(bytes) = steps.pop_front() {
                    line.ask(place, bytes);
                } else {
                    line.leave(place);
                    at_work.remove(at);
                }
                line.serve();
                let others: u64 = line.holders.iter().skip(1).map(|holder| holder.holds).sum();
                let first = line.holders.front().map_or(0, |holder| holder.holds);
                prop_assert!(line.held() <= most || others <= most && first > 0, "{line:?}");
                let first_waits = line.holders.front().is_some_and(|holder| holder.asks.is_some());
                prop_assert!(!first_waits, "the first never waits: {line:?}");
            }
            prop_assert_eq!(line.held(), 0);
        }
    }
}
