//! What to ask for next when a part of a ticker is not to be had: its range is divided along partitions until what is
//! bad stands alone, and everything else is asked for. Pure.
//!
//! Division costs requests, so it is bounded: what does not answer at all is not divided, a source in trouble is found
//! out by two small questions, and after a few bad partitions in a row without a page between them the rest is left: two
//! next to each other and one as far from all that is bad as there is. What was refused in an earlier visit comes last,
//! longest ago first: whatever is left in one visit has its turn in one of the next.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::trading_day::TradingDay;

use crate::api::failure::{Failure, Meaning};

/// Questions in a row that may fail with one partition each and without a page between them.
const BARREN: u32 = 3;
/// The same where nobody knows whether the partitions are bad or the source is in trouble.
const BARREN_IN_TROUBLE: u32 = 2;
/// More bad partitions of a ticker are not looked for in one visit.
const MOST_BAD: usize = 16;

/// Why a piece is asked for, and so how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing is known against it.
    Wanted,
    /// One of its partitions may be bad.
    Suspect,
    /// One partition, the likely culprit.
    Alone,
    /// One partition that has had its tries.
    LastTime,
    /// One partition, to see whether the source serves anything.
    Probe,
}

/// Days to ask for in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which.
    pub days: DateRange,
    /// Why.
    pub why: Why,
}

/// Days that are not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Which; of one partition, but where the question as such was refused.
    pub days: DateRange,
    /// How it failed alone.
    pub failure: Failure,
}

/// What is still to be asked of one ticker, and what is known to be bad.
#[derive(Debug)]
pub struct Division {
    kind: Kind,
    /// The next one last.
    to_ask: Vec<Piece>,
    /// Partitions that were refused in an earlier visit, asked for when nothing else is left; the next one last.
    refused: Vec<DateRange>,
    bad: Vec<Bad>,
    /// Not asked for any more.
    left_out: Coverage,
    /// Has any page come in this visit?
    came: bool,
    /// Single partitions that failed since a page came.
    barren: u32,
    /// A range of so many days took the server too long.
    too_heavy: Option<u32>,
}

impl Division {
    /// For `requests` in time order, when nothing is known of earlier visits.
    pub fn new(kind: Kind, requests: &[DateRange]) -> Self {
        Self::after(kind, requests, &[])
    }

    /// For `requests` in time order, when `refused` were refused in earlier visits, in this order. They come last, and
    /// before them what is one partition: it may be the bad one of an earlier visit of which nothing is known. The
    /// newest of those goes first: it may be one that the days have added.
    pub fn after(kind: Kind, requests: &[DateRange], refused: &[Partition]) -> Self {
        let all: Coverage = refused.iter().map(|partition| partition.span()).collect();
        let of_partition = |partition: &Partition| {
            requests.iter().find_map(|days| partition.span().intersection(*days)).into_iter()
        };
        let refused = refused.iter().rev().flat_map(of_partition).collect();
        let without = |days: &DateRange| Coverage::from(*days).minus(&all).ranges().to_vec();
        let fresh = requests.iter().flat_map(without);
        let (mut single, wide): (Vec<_>, Vec<_>) = fresh.partition(|days| is_single(kind, *days));
        let newest = single.pop();
        let pieces =
            wide.into_iter().chain(newest).chain(single).map(|days| Piece { days, why: Why::Wanted });
        let to_ask = pieces.rev().collect();
        let (bad, left_out) = (Vec::new(), Coverage::empty());
        Self { kind, to_ask, refused, bad, left_out, came: false, barren: 0, too_heavy: None }
    }

    /// What to ask for now.
    pub fn next_piece(&mut self) -> Option<Piece> {
        loop {
            if self.to_ask.is_empty() {
                return self.refused.pop().map(|days| Piece { days, why: Why::Wanted });
            }
            let piece = if self.barren + 1 == BARREN { self.far_probe() } else { self.to_ask.pop() }?;
            match self.halves_of_the_heavy(piece) {
                Some((older, newer)) => self.to_ask.extend([newer, older]),
                None => return Some(piece),
            }
        }
    }

    /// A page has come: the source serves this ticker.
    pub fn page_came(&mut self) {
        self.came = true;
        self.barren = 0;
    }

    /// `piece` failed while the days `left` of it were not answered for; the row that was wrong, if it was one, is of
    /// the day `hint`. What is no reason to go on comes back.
    pub fn failed(
        &mut self,
        piece: Piece,
        failure: Failure,
        left: DateRange,
        hint: Option<TradingDay>,
    ) -> Result<(), Failure> {
        match failure.meaning() {
            Meaning::Nothing => Err(failure),
            Meaning::Unanswerable => {
                self.found_bad(left, failure);
                Ok(())
            }
            Meaning::BadPart => {
                match piece.why {
                    Why::Wanted | Why::Suspect => self.divide(left, piece.why, hint),
                    // It serves something, if not this: one try tells no more.
                    Why::Probe => self.push(left, Why::Alone),
                    Why::Alone | Why::LastTime => self.found_bad(left, failure),
                }
                Ok(())
            }
            Meaning::TooHeavyOrInTrouble => self.too_heavy_or_in_trouble(piece, failure, left),
        }
    }

    /// What is bad, in time order, and what was not asked for any more.
    pub fn end(mut self) -> (Vec<Bad>, Coverage) {
        self.bad.sort_by_key(|bad| bad.days);
        (self.bad, self.left_out)
    }

    /// Has any page come?
    pub fn has_come_to_something(&self) -> bool {
        self.came
    }

    fn too_heavy_or_in_trouble(
        &mut self,
        piece: Piece,
        failure: Failure,
        left: DateRange,
    ) -> Result<(), Failure> {
        match piece.why {
            Why::Wanted => {
                if let Some((first, rest)) = self.split_off_first(left) {
                    // A range that took long is remembered once the source is known to serve less of it.
                    self.to_ask.push(Piece { days: rest, why: Why::Suspect });
                    self.push(first, Why::Probe);
                } else if self.came || !self.is_at_its_end() {
                    self.push(left, Why::LastTime);
                } else {
                    return Err(failure);
                }
            }
            Why::Suspect => {
                if failure.is_out_of_time() {
                    self.too_heavy = Some(self.too_heavy.map_or(left.days(), |days| days.min(left.days())));
                }
                self.divide(left, piece.why, None);
            }
            Why::Probe => {
                self.barren += 1;
                if self.barren >= BARREN_IN_TROUBLE {
                    return Err(failure);
                }
                self.to_ask.insert(0, Piece { days: left, why: Why::Alone });
                self.probe_the_end();
            }
            Why::Alone | Why::LastTime => {
                let nothing_else_tells = !self.came && self.is_at_its_end();
                if self.barren + 1 >= BARREN_IN_TROUBLE || nothing_else_tells {
                    return Err(failure);
                }
                self.found_bad(left, failure);
            }
        }
        Ok(())
    }

    fn found_bad(&mut self, days: DateRange, failure: Failure) {
        self.bad.push(Bad { days, failure });
        self.barren += 1;
        if self.barren >= BARREN || self.bad.len() >= MOST_BAD {
            let fresh = self.to_ask.drain(..).map(|piece| piece.days);
            self.left_out = fresh.chain(self.refused.drain(..)).collect();
        }
    }

    fn is_at_its_end(&self) -> bool {
        self.to_ask.is_empty() && self.refused.is_empty()
    }

    /// Around the day that is known to be wrong, else in halves.
    fn divide(&mut self, days: DateRange, why: Why, hint: Option<TradingDay>) {
        if is_single(self.kind, days) {
            let had_its_tries = why == Why::Wanted;
            return self.push(days, if had_its_tries { Why::LastTime } else { Why::Alone });
        }
        let hinted = hint.and_then(|day| Partition::of(self.kind, day).span().intersection(days));
        let Some(culprit) = hinted else {
            let (older, newer) = halves_of_partitions(self.kind, days).expect("of more than one partition");
            self.push(newer, Why::Suspect);
            return self.push(older, Why::Suspect);
        };
        if let Some(behind) = DateRange::new(culprit.to().next(), days.to()) {
            self.push(behind, Why::Wanted);
        }
        self.push(culprit, Why::Alone);
        let before =
            (days.from() < culprit.from()).then(|| DateRange::new(days.from(), culprit.from().previous()));
        if let Some(before) = before.flatten() {
            self.push(before, Why::Wanted);
        }
    }

    fn push(&mut self, days: DateRange, why: Why) {
        let why = if why == Why::Suspect && is_single(self.kind, days) { Why::Alone } else { why };
        self.to_ask.push(Piece { days, why });
    }

    fn split_off_first(&self, days: DateRange) -> Option<(DateRange, DateRange)> {
        let first = Partition::of(self.kind, days.from()).span().intersection(days)?;
        Some((first, DateRange::new(first.to().next(), days.to())?))
    }

    /// The last partition of the next piece is asked for before it.
    fn probe_the_end(&mut self) {
        let Some(piece) = self.to_ask.pop() else { return };
        let (rest, last) = split_off_last(self.kind, piece.days);
        self.to_ask.extend(rest.map(|days| Piece { days, ..piece }));
        self.to_ask.push(Piece { days: last, why: Why::Probe });
    }

    /// The partition that is farthest from all that is bad. If it comes, what is near it is asked for first.
    fn far_probe(&mut self) -> Option<Piece> {
        let bad: Vec<DateRange> =
            self.bad.iter().map(|bad| bad.days).chain(self.refused.iter().copied()).collect();
        let distance = |days: DateRange| bad.iter().map(|bad| days_between(*bad, days)).min();
        let of_piece = |(at, piece): (usize, &Piece)| {
            let parts = Partition::within(self.kind, piece.days);
            let part = parts.filter_map(|partition| partition.span().intersection(piece.days));
            part.max_by_key(|days| distance(*days)).map(|days| (at, days))
        };
        let farthest = self.to_ask.iter().enumerate().filter_map(of_piece);
        let (at, days) = farthest.max_by_key(|(_, days)| distance(*days))?;
        let piece = self.to_ask.remove(at);
        let why = piece.why;
        let before = (piece.days.from() < days.from())
            .then(|| DateRange::new(piece.days.from(), days.from().previous()));
        let behind = DateRange::new(days.to().next(), piece.days.to());
        self.to_ask.reverse();
        if let Some(before) = before.flatten() {
            match halves_of_partitions(self.kind, before) {
                // Near what is bad: last of all.
                Some((older, newer)) => {
                    self.to_ask.insert(0, Piece { days: older, why });
                    self.to_ask.push(Piece { days: newer, why });
                }
                None => self.to_ask.push(Piece { days: before, why }),
            }
        }
        self.to_ask.extend(behind.map(|days| Piece { days, why }));
        Some(Piece { days, why: Why::Alone })
    }

    fn halves_of_the_heavy(&self, piece: Piece) -> Option<(Piece, Piece)> {
        self.too_heavy.filter(|days| piece.days.days() >= *days)?;
        let (older, newer) = halves_of_partitions(self.kind, piece.days)?;
        Some((Piece { days: older, ..piece }, Piece { days: newer, ..piece }))
    }
}

fn is_single(kind: Kind, days: DateRange) -> bool {
    Partition::of(kind, days.from()) == Partition::of(kind, days.to())
}

/// Days from the end of the one to the beginning of the other.
fn days_between(one: DateRange, other: DateRange) -> i64 {
    let (older, newer) = if one.from() < other.from() { (one, other) } else { (other, one) };
    i64::from(DateRange::new(older.to(), newer.from()).map_or(0, DateRange::days))
}

/// What comes before the last partition, if anything does, and the last partition.
fn split_off_last(kind: Kind, days: DateRange) -> (Option<DateRange>, DateRange) {
    let last = Partition::of(kind, days.to()).span().intersection(days).expect("it ends there");
    let rest = (days.from() < last.from()).then(|| DateRange::new(days.from(), last.from().previous()));
    (rest.flatten(), last)
}

/// The older and the newer half; `None` for a single day.
pub fn halves(range: DateRange) -> Option<(DateRange, DateRange)> {
    let middle = range.from().plus_days(i32::try_from(range.days() / 2).unwrap_or(i32::MAX));
    cut_before(range, middle)
}

/// The older and the newer half of the partitions; `None` for a single one.
fn halves_of_partitions(kind: Kind, range: DateRange) -> Option<(DateRange, DateRange)> {
    let partitions = Partition::within(kind, range).count();
    let middle = Partition::within(kind, range).nth(partitions / 2)?;
    cut_before(range, middle.span().from())
}

fn cut_before(range: DateRange, day: TradingDay) -> Option<(DateRange, DateRange)> {
    let older = DateRange::new(range.from(), day.previous()).filter(|older| older.to() < day)?;
    Some((older, DateRange::new(day, range.to())?))
}

#[cfg(test)]
mod tests;
