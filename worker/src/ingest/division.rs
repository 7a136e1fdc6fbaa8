//! What to ask for next when a part of a ticker is not to be had: its range is divided along partitions until what is
//! bad stands alone, and everything else is asked for. Pure.
//!
//! Division costs requests, so it is bounded: what does not answer at all is not divided, a source in trouble is found
//! out by two small questions, and after a few bad partitions in a row without a page between them the rest is left.

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
    /// For `requests` in time order. What is one partition, perhaps the bad one of an earlier visit, comes last.
    pub fn new(kind: Kind, requests: Vec<DateRange>) -> Self {
        let (single, wide): (Vec<_>, Vec<_>) = requests.into_iter().partition(|days| is_single(kind, *days));
        let pieces = wide.into_iter().chain(single).map(|days| Piece { days, why: Why::Wanted });
        let to_ask = pieces.rev().collect();
        let (bad, left_out) = (Vec::new(), Coverage::empty());
        Self { kind, to_ask, bad, left_out, came: false, barren: 0, too_heavy: None }
    }

    /// What to ask for now.
    pub fn next_piece(&mut self) -> Option<Piece> {
        loop {
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
                } else if self.came || !self.to_ask.is_empty() {
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
                let nothing_else_tells = !self.came && self.to_ask.is_empty();
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
            self.left_out = self.to_ask.drain(..).map(|piece| piece.days).collect();
        }
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

    /// Far from what has failed: the last partition of the longest piece.
    fn far_probe(&mut self) -> Option<Piece> {
        let longest = (0..self.to_ask.len()).max_by_key(|at| self.to_ask[*at].days.days())?;
        let piece = self.to_ask.remove(longest);
        let (rest, last) = split_off_last(self.kind, piece.days);
        self.to_ask.extend(rest.map(|days| Piece { days, ..piece }));
        Some(Piece { days: last, why: Why::Alone })
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
mod tests {
    use super::*;
    use crate::api::lie::Lie;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn days(from: &str, to: &str) -> DateRange {
        DateRange::new(day(from), day(to)).expect("in order")
    }

    /// What the source does with a question about some months, by their number.
    struct Source {
        /// These can't be believed.
        bad: BTreeSet<usize>,
        /// Does it tell where the bad row is?
        says_where: bool,
        /// More months than this are too much at a time.
        most: usize,
        /// Is it there at all?
        is_well: bool,
        questions: usize,
        failed: usize,
    }

    const MONTHS: usize = 24;

    impl Source {
        fn with(bad: impl IntoIterator<Item = usize>, says_where: bool) -> Self {
            let bad = bad.into_iter().collect();
            Self { bad, says_where, most: MONTHS, is_well: true, questions: 0, failed: 0 }
        }

        fn ask(&mut self, days: DateRange) -> Result<(), (Failure, Option<TradingDay>)> {
            self.questions += 1;
            let numbers: BTreeSet<usize> =
                (0..MONTHS).filter(|n| days.intersection(month(*n)).is_some()).collect();
            let failure = if !self.is_well || numbers.len() > self.most {
                Some((Failure::Server { status: 504, words: "no words".to_owned() }, None))
            } else {
                let wrong = numbers.intersection(&self.bad).next();
                let hint = wrong.filter(|_| self.says_where).map(|n| month(*n).from());
                wrong.map(|_| (Failure::Lie(Lie::TwoRows(1)), hint))
            };
            self.failed += usize::from(failure.is_some());
            failure.map_or(Ok(()), Err)
        }
    }

    fn month(number: usize) -> DateRange {
        let all = days("2022-01-01", "2023-12-31");
        Partition::within(Kind::Minute, all).nth(number).expect("one of 24").span()
    }

    /// What came, what is bad and what was left out; or what ended it.
    fn visit(
        source: &mut Source,
        requests: Vec<DateRange>,
    ) -> Result<(Coverage, Vec<Bad>, Coverage), Failure> {
        let mut division = Division::new(Kind::Minute, requests);
        let mut came = Coverage::empty();
        while let Some(piece) = division.next_piece() {
            match source.ask(piece.days) {
                Ok(()) => {
                    came = came.union(&piece.days.into());
                    division.page_came();
                }
                Err((failure, hint)) => division.failed(piece, failure, piece.days, hint)?,
            }
        }
        let (bad, left_out) = division.end();
        Ok((came, bad, left_out))
    }

    fn all() -> Vec<DateRange> {
        vec![days("2022-01-01", "2023-12-31")]
    }

    #[test]
    fn one_bad_month_of_24_is_found_with_few_questions_wherever_it_is() {
        for number in 0..MONTHS {
            for (says_where, most_failed, most) in [(true, 2, 4), (false, 7, 12)] {
                let mut source = Source::with([number], says_where);
                let (came, bad, left_out) = visit(&mut source, all()).expect("goes on");
                assert_eq!(bad.iter().map(|bad| bad.days).collect::<Vec<_>>(), [month(number)]);
                assert_eq!((came.days(), left_out.days()), (u64::from(730 - month(number).days()), 0));
                assert!(source.failed <= most_failed, "{number}: {} failed", source.failed);
                assert!(source.questions <= most, "{number}: {} questions", source.questions);
            }
        }
    }

    #[test]
    fn month_by_month_the_months_behind_a_bad_one_are_asked_for() {
        let mut source = Source::with([4], true);
        let (came, bad, _) = visit(&mut source, (0..MONTHS).map(month).collect()).expect("goes on");
        assert_eq!((bad.len(), bad[0].days), (1, month(4)));
        assert_eq!((came.days(), source.questions), (730 - 31, 25), "the bad one twice");
    }

    #[test]
    fn a_source_that_serves_nothing_right_is_left_after_a_few_questions() {
        let mut source = Source::with(0..MONTHS, false);
        let (came, bad, left_out) = visit(&mut source, all()).expect("goes on");
        assert!(came.is_empty() && bad.len() == 3 && left_out.days() > 600, "{bad:?}");
        assert!(source.questions <= 10, "{} questions", source.questions);
    }

    #[test]
    fn a_source_in_trouble_is_no_tickers_fault_and_costs_two_more_questions() {
        let mut source = Source { is_well: false, ..Source::with([], false) };
        let failure = visit(&mut source, all()).expect_err("the source's trouble");
        assert_eq!((failure.kind(), source.questions), ("the server is in trouble", 3));
        let silent = Failure::Transport("connection refused".to_owned());
        let mut division = Division::new(Kind::Minute, all());
        let piece = division.next_piece().expect("one");
        assert_eq!(
            division.failed(piece, silent.clone(), piece.days, None),
            Err(silent),
            "silence is not divided"
        );
    }

    #[test]
    fn what_is_too_heavy_is_halved_until_it_is_served_and_the_size_is_remembered() {
        for most in [1, 3, 6, 12] {
            let mut source = Source { most, ..Source::with([], false) };
            let (came, bad, left_out) = visit(&mut source, all()).expect("goes on");
            assert_eq!((came.days(), bad.len(), left_out.days()), (730, 0, 0));
            assert!(source.failed <= 6, "at most {most}: {} failed", source.failed);
        }
    }

    #[test]
    fn known_bad_partitions_of_an_earlier_visit_come_last() {
        let requests = vec![month(2), days("2022-05-01", "2022-09-30"), month(11)];
        let mut division = Division::new(Kind::Minute, requests);
        let order: Vec<_> = std::iter::from_fn(|| division.next_piece()).map(|piece| piece.days).collect();
        assert_eq!(order, [days("2022-05-01", "2022-09-30"), month(2), month(11)]);
    }

    proptest! {
        #[test]
        fn every_month_comes_or_is_bad_or_left_out_and_questions_are_bounded(
            bad in proptest::collection::btree_set(0..MONTHS, 0..MONTHS),
            says_where in any::<bool>(),
            most in 1..=MONTHS,
        ) {
            let mut source = Source { most, ..Source::with(bad.clone(), says_where) };
            let (came, found, left_out) = visit(&mut source, all()).expect("the source is well");
            let of_found: Coverage = found.iter().map(|bad| bad.days).collect();
            prop_assert_eq!(came.union(&of_found).union(&left_out).days(), 730);
            prop_assert_eq!(came.days() + of_found.days() + left_out.days(), 730, "each once");
            for bad in &found {
                prop_assert!((0..MONTHS).any(|n| month(n) == bad.days && source.bad.contains(&n)), "no innocent");
            }
            prop_assert!(found.len() <= MOST_BAD);
            prop_assert!(source.questions <= 3 + 2 * MONTHS, "{} questions", source.questions);
            if bad.len() < 3 {
                prop_assert!(left_out.is_empty());
            }
        }
    }

    #[test]
    fn halving_ends_at_a_single_day_and_loses_none() {
        let day = |number| TradingDay::MIN.plus_days(number);
        let range = |from, to| DateRange::new(day(from), day(to)).expect("in order");
        assert_eq!(halves(range(0, 0)), None);
        assert_eq!(halves(range(0, 1)), Some((range(0, 0), range(1, 1))));
        assert_eq!(halves(range(3, 9)), Some((range(3, 5), range(6, 9))));
    }
}
