//! Portion: how many days at a time the source serves of a ticker, learned from what did not come
//! as a whole and then came in pieces. Pure.
//!
//! What did not come and has something bad in it tells nothing of sizes. Pieces of one partition
//! may be that partition's own; only where a second one comes in pieces too, all others are asked
//! for like that.

use std::collections::BTreeMap;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;

use super::cuts::{is_single, last_session};

/// What is known of one ticker in one visit.
#[derive(Debug)]
pub(super) struct Portion {
    kind: Kind,
    served: Coverage,
    /// Took the server too long, and nobody knows why yet.
    unexplained: Vec<DateRange>,
    /// So many days were too many where they were of several partitions.
    of_several: Option<u32>,
    /// So many days were too many of this one.
    of_one: BTreeMap<Partition, u32>,
}

impl Portion {
    /// Nothing is known.
    pub(super) fn new(kind: Kind) -> Self {
        let (served, unexplained) = (Coverage::empty(), Vec::new());
        Self { kind, served, unexplained, of_several: None, of_one: BTreeMap::new() }
    }

    /// `days` took the server too long.
    pub(super) fn took_too_long(&mut self, days: DateRange) {
        self.unexplained.push(days);
    }

    /// `days` came in one go.
    pub(super) fn served(&mut self, days: DateRange) {
        self.unexplained.retain(|slow| days.intersection(*slow) != Some(*slow));
        self.served = self.served.union(&days.into());
        let has_come = |slow: &DateRange| self.served.includes(*slow);
        let (mut in_pieces, others): (Vec<_>, Vec<_>) =
            self.unexplained.iter().partition(|slow| has_come(slow));
        self.unexplained = others;
        in_pieces.sort_by_key(|slow: &DateRange| slow.days());
        for slow in in_pieces {
            self.was_too_much(slow);
        }
    }

    /// `days` are not to be had: that explains whatever they are a part of.
    pub(super) fn is_bad(&mut self, days: DateRange) {
        self.unexplained.retain(|slow| slow.intersection(days).is_none());
    }

    /// Has something of the partition come in which `days` begin?
    pub(super) fn serves_some_of_partition(&self, days: DateRange) -> bool {
        let span = Partition::of(self.kind, days.from()).span();
        !self.served.intersection(&span.into()).is_empty()
    }

    /// The newest session that has come.
    pub(super) fn newest_session(&self) -> Option<DateRange> {
        self.served.ranges().iter().rev().find_map(|days| last_session(*days))
    }

    /// Would asking for all of `days` at once be in vain, as far as is known?
    pub(super) fn is_too_much(&self, days: DateRange) -> bool {
        let mut sizes: Vec<u32> = self.of_one.values().copied().collect();
        sizes.sort_unstable();
        let of_its_own = self
            .of_one
            .get(&Partition::of(self.kind, days.from()))
            .filter(|_| is_single(self.kind, days));
        let most = [self.of_several.as_ref(), sizes.get(1), of_its_own].into_iter().flatten().min();
        most.is_some_and(|most| days.days() >= *most)
    }

    fn was_too_much(&mut self, days: DateRange) {
        if is_single(self.kind, days) {
            let size =
                self.of_one.entry(Partition::of(self.kind, days.from())).or_insert(days.days());
            *size = days.days().min(*size);
            return;
        }
        let explains = |partition: &Partition| partition.span().intersection(days).is_some();
        if !self.of_one.keys().any(explains) {
            self.of_several =
                Some(self.of_several.map_or(days.days(), |least| least.min(days.days())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::days;

    fn portion() -> Portion {
        Portion::new(Kind::Minute)
    }

    #[test]
    fn what_came_in_pieces_was_too_much_and_so_is_what_is_as_long() {
        let mut portion = portion();
        portion.took_too_long(days("2024-01-01", "2024-04-30"));
        portion.served(days("2024-01-01", "2024-02-29"));
        assert!(
            !portion.is_too_much(days("2023-01-01", "2023-12-31")),
            "the other half may be bad"
        );
        portion.served(days("2024-03-01", "2024-04-30"));
        assert!(portion.is_too_much(days("2023-01-01", "2023-12-31")));
        assert!(!portion.is_too_much(days("2023-01-01", "2023-03-31")));
    }

    #[test]
    fn what_is_bad_or_came_as_a_whole_later_tells_nothing_of_sizes() {
        let all = days("2024-01-01", "2024-04-30");
        let mut one = portion();
        one.took_too_long(all);
        one.is_bad(days("2024-02-01", "2024-02-29"));
        one.served(days("2024-01-01", "2024-01-31"));
        one.served(days("2024-03-01", "2024-04-30"));
        assert!(!one.is_too_much(all));
        let mut other = portion();
        other.took_too_long(all);
        other.served(all);
        assert!(!other.is_too_much(all));
    }

    #[test]
    fn pieces_of_one_month_are_its_own_and_of_two_months_they_are_the_rule() {
        let (first, second) = (days("2024-01-01", "2024-01-31"), days("2024-02-01", "2024-02-29"));
        let (third, year) = (days("2024-03-01", "2024-03-31"), days("2023-01-01", "2023-12-31"));
        let mut portion = portion();
        for month in [first, second] {
            assert!(!portion.is_too_much(third) && !portion.is_too_much(year));
            portion.took_too_long(month);
            let (older, newer) = super::super::cuts::halves(month).expect("of many days");
            portion.served(older);
            portion.served(newer);
            assert!(portion.is_too_much(month));
        }
        assert!(portion.is_too_much(third) && portion.is_too_much(year));
        assert!(!portion.is_too_much(days("2024-03-01", "2024-03-15")));
    }
}
