//! What is still to be asked of a ticker, in its order. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;

use super::cuts::{
    around, days_between, halves_of_partitions, is_single, least_distance, session_far_from,
};
use super::{RangeRequest, Why};

/// Pieces that wait for their turn.
#[derive(Debug)]
pub(super) struct Queue {
    kind: Kind,
    /// The next one last.
    fresh: Vec<RangeRequest>,
    /// Partitions that were refused in an earlier visit, asked for when nothing else is left; the
    /// next one last.
    refused: Vec<DateRange>,
}

impl Queue {
    /// `requests` in time order, but last what was `refused` in earlier visits, in this order, and
    /// before that what is one partition: it may be the bad one of an earlier visit of which
    /// nothing is known. The newest of those goes first: it may be one that the days have added.
    pub(super) fn new(kind: Kind, requests: &[DateRange], refused: &[Partition]) -> Self {
        let all: Coverage = refused.iter().map(|partition| partition.span()).collect();
        let of_partition = |partition: &Partition| {
            requests.iter().find_map(|days| partition.span().intersection(*days)).into_iter()
        };
        let refused = refused.iter().rev().flat_map(of_partition).collect();
        let without = |days: &DateRange| Coverage::from(*days).minus(&all).ranges().to_vec();
        let of_requests = requests.iter().flat_map(without);
        let (mut single, wide): (Vec<_>, Vec<_>) =
            of_requests.partition(|days| is_single(kind, *days));
        let newest = single.pop();
        let pieces = wide
            .into_iter()
            .chain(newest)
            .chain(single)
            .map(|days| RangeRequest { days, why: Why::Wanted });
        Self { kind, fresh: pieces.rev().collect(), refused }
    }

    /// Is nothing to be asked?
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.refused.is_empty()
    }

    /// The next one.
    pub(super) fn pop(&mut self) -> Option<RangeRequest> {
        let refused = |days| RangeRequest { days, why: Why::Wanted };
        self.fresh.pop().or_else(|| self.refused.pop().map(refused))
    }

    /// Takes one that comes first.
    pub(super) fn push(&mut self, piece: RangeRequest) {
        self.fresh.push(piece);
    }

    /// Takes one that comes behind all that was never refused.
    pub(super) fn push_last(&mut self, piece: RangeRequest) {
        self.fresh.insert(0, piece);
    }

    /// Lets what is left of `partition` wait for the others.
    pub(super) fn put_behind(&mut self, partition: Partition) {
        let span = partition.span();
        let is_part = |piece: &RangeRequest| span.intersection(piece.days) == Some(piece.days);
        let (behind, before): (Vec<_>, Vec<_>) = self.fresh.drain(..).partition(is_part);
        self.fresh.extend(behind.into_iter().chain(before));
    }

    /// Gives up all there is.
    pub(super) fn clear(&mut self) -> Coverage {
        let fresh = self.fresh.drain(..).map(|piece| piece.days);
        fresh.chain(self.refused.drain(..)).collect()
    }

    /// Takes out the session that is farthest from those `asked` for; one of a refused partition,
    /// or a day that is no session, only where there is no other.
    pub(super) fn take_far_from(&mut self, asked: &[DateRange]) -> Option<DateRange> {
        let fresh = self.fresh.iter().map(|piece| piece.days);
        if let Some((at, session)) = farthest_session(fresh, asked) {
            return Some(self.take_out(at, session));
        }
        if let Some((at, session)) = farthest_session(self.refused.iter().copied(), asked) {
            let parts = around(self.refused[at], session);
            self.refused.splice(at..=at, parts.into_iter().rev());
            return Some(session);
        }
        let first_day = |piece: &RangeRequest| -> DateRange { piece.days.from().into() };
        let at = self.fresh.iter().rposition(|piece| !asked.contains(&first_day(piece)))?;
        Some(self.take_out(at, first_day(&self.fresh[at])))
    }

    fn take_out(&mut self, at: usize, days: DateRange) -> DateRange {
        let piece = self.fresh[at];
        let parts =
            around(piece.days, days).into_iter().rev().map(|days| RangeRequest { days, ..piece });
        self.fresh.splice(at..=at, parts);
        days
    }

    /// The partition that is farthest from all that is bad. If it comes, what is near it is asked
    /// for first.
    pub(super) fn pop_far_from(
        &mut self,
        bad: impl Iterator<Item = DateRange>,
    ) -> Option<RangeRequest> {
        let bad: Vec<DateRange> = bad.chain(self.refused.iter().copied()).collect();
        let distance = |days: DateRange| bad.iter().map(|bad| days_between(*bad, days)).min();
        let of_piece = |(at, piece): (usize, &RangeRequest)| {
            let parts = Partition::within(self.kind, piece.days);
            let part = parts.filter_map(|partition| partition.span().intersection(piece.days));
            part.max_by_key(|days| distance(*days)).map(|days| (at, days))
        };
        let farthest = self.fresh.iter().enumerate().filter_map(of_piece);
        let Some((at, days)) = farthest.max_by_key(|(_, days)| distance(*days)) else {
            return self.pop();
        };
        let piece = self.fresh.remove(at);
        let why = piece.why;
        let before = (piece.days.from() < days.from())
            .then(|| DateRange::new(piece.days.from(), days.from().previous()));
        let behind = DateRange::new(days.to().next(), piece.days.to());
        self.fresh.reverse();
        if let Some(before) = before.flatten() {
            match halves_of_partitions(self.kind, before) {
                // Near what is bad: last of all.
                Some((older, newer)) => {
                    self.fresh.insert(0, RangeRequest { days: older, why });
                    self.fresh.push(RangeRequest { days: newer, why });
                }
                None => self.fresh.push(RangeRequest { days: before, why }),
            }
        }
        self.fresh.extend(behind.map(|days| RangeRequest { days, why }));
        Some(RangeRequest { days, why: Why::Alone })
    }
}

fn farthest_session(
    pieces: impl Iterator<Item = DateRange>,
    asked: &[DateRange],
) -> Option<(usize, DateRange)> {
    let of_piece = |(at, days)| session_far_from(days, asked).map(|session| (at, session));
    pieces
        .enumerate()
        .filter_map(of_piece)
        .max_by_key(|(_, session)| least_distance(*session, asked))
}
