use super::*;
use crate::api::lie::Lie;
use crate::spelled::days;
use proptest::prelude::*;
use std::collections::BTreeSet;

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
    requests: &[DateRange],
) -> Result<(Coverage, Vec<Bad>, Coverage), Failure> {
    visit_after(source, requests, &[])
}

fn visit_after(
    source: &mut Source,
    requests: &[DateRange],
    refused: &[Partition],
) -> Result<(Coverage, Vec<Bad>, Coverage), Failure> {
    let mut division = Division::after(Kind::Minute, requests, refused);
    let mut came = Coverage::empty();
    while let Some(piece) = division.next_request() {
        match source.ask(piece.days) {
            Ok(()) => {
                came = came.union(&piece.days.into());
                division.served(piece);
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
            let (came, bad, left_out) = visit(&mut source, &all()).expect("goes on");
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
    let (came, bad, _) =
        visit(&mut source, &(0..MONTHS).map(month).collect::<Vec<_>>()).expect("goes on");
    assert_eq!((bad.len(), bad[0].days), (1, month(4)));
    assert_eq!((came.days(), source.questions), (730 - 31, 25), "the bad one twice");
}

#[test]
fn a_source_that_serves_nothing_right_is_left_after_a_few_questions() {
    let mut source = Source::with(0..MONTHS, false);
    let (came, bad, left_out) = visit(&mut source, &all()).expect("goes on");
    assert!(came.is_empty() && bad.len() == 3 && left_out.days() > 600, "{bad:?}");
    assert!(source.questions <= 10, "{} questions", source.questions);
}

#[test]
fn a_source_in_trouble_is_no_tickers_fault_and_costs_four_more_questions() {
    let mut source = Source { is_well: false, ..Source::with([], false) };
    let failure = visit(&mut source, &all()).expect_err("the source's trouble");
    assert_eq!((failure.kind(), source.questions), ("the server is in trouble", 5));
    let silent = Failure::Transport("connection refused".to_owned());
    let mut division = Division::new(Kind::Minute, &all());
    let piece = division.next_request().expect("one");
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
        let (came, bad, left_out) = visit(&mut source, &all()).expect("goes on");
        assert_eq!((came.days(), bad.len(), left_out.days()), (730, 0, 0));
        assert!(source.failed <= 6, "at most {most}: {} failed", source.failed);
    }
}

#[test]
fn known_bad_partitions_of_an_earlier_visit_come_last() {
    let requests = vec![month(2), days("2022-05-01", "2022-09-30"), month(11)];
    let mut division = Division::new(Kind::Minute, &requests);
    let order: Vec<_> =
        std::iter::from_fn(|| division.next_request()).map(|piece| piece.days).collect();
    assert_eq!(
        order,
        [days("2022-05-01", "2022-09-30"), month(11), month(2)],
        "the newest may be new"
    );

    let refused = [month(11), month(2)].map(|days| Partition::of(Kind::Minute, days.from()));
    let mut division = Division::after(Kind::Minute, &all(), &refused);
    let order: Vec<_> =
        std::iter::from_fn(|| division.next_request()).map(|piece| piece.days).collect();
    let between = days("2022-04-01", "2022-11-30");
    let ends = [days("2022-01-01", "2022-02-28"), days("2023-01-01", "2023-12-31")];
    assert_eq!(order, [ends[0], between, ends[1], month(11), month(2)], "longest ago first");
}

/// Visits until nothing more can come, as a tree remembers them: what came is not asked for again,
/// and what was refused is known in the order of its refusal. Returns what was missing after each.
fn visits(source: &mut Source, month_by_month: bool, count: usize) -> Vec<BTreeSet<usize>> {
    let mut missing: BTreeSet<usize> = (0..MONTHS).collect();
    let mut refused: Vec<Partition> = Vec::new();
    let mut after = Vec::new();
    for _ in 0..count {
        let wanted: Coverage = missing.iter().map(|n| month(*n)).collect();
        let requests = if month_by_month {
            missing.iter().map(|n| month(*n)).collect()
        } else {
            wanted.ranges().to_vec()
        };
        let (came, bad, _) = visit_after(source, &requests, &refused).expect("the source is well");
        missing.retain(|n| !came.includes(month(*n)));
        let now = bad.iter().map(|bad| Partition::of(Kind::Minute, bad.days.from()));
        let now: Vec<Partition> = now.collect();
        refused.retain(|partition| !now.contains(partition));
        refused.extend(now);
        after.push(missing.clone());
    }
    after
}

#[test]
fn three_bad_months_in_front_starve_nothing_of_what_is_behind_them() {
    for month_by_month in [true, false] {
        for says_where in [true, false] {
            let bad: BTreeSet<usize> = [0, 1, 2].into();
            let mut source = Source::with(bad.clone(), says_where);
            assert_eq!(
                visits(&mut source, month_by_month, 1),
                [bad],
                "{month_by_month} {says_where}"
            );
        }
    }
}

#[test]
fn a_month_that_is_new_or_was_lost_is_asked_for_before_those_that_were_refused() {
    for wanted in [0, 5, 10, 23] {
        let refused = [2, 7, 14].map(|n| Partition::of(Kind::Minute, month(n).from()));
        let mut source = Source::with([2, 7, 14], true);
        let requests: Vec<_> = BTreeSet::from([2, 7, 14, wanted]).into_iter().map(month).collect();
        let (came, bad, left_out) = visit_after(&mut source, &requests, &refused).expect("goes on");
        assert_eq!(came, month(wanted).into());
        assert_eq!(
            (bad.len(), left_out.days(), source.questions),
            (3, 0, 7),
            "{wanted}: each bad one twice"
        );
    }
    // Nothing is known of earlier visits: the newest goes first.
    let mut source = Source::with([2, 7, 14], true);
    let (came, ..) = visit(&mut source, &[2, 7, 14, 23].map(month)).expect("goes on");
    assert_eq!(came, month(23).into());
}

#[test]
fn of_many_refused_months_each_has_its_turn_and_one_that_was_mended_comes() {
    let refused: Vec<Partition> =
        (0..MONTHS).map(|n| Partition::of(Kind::Minute, month(n).from())).collect();
    let mut source = Source::with((0..MONTHS).filter(|n| *n != 7), true);
    let (came, bad, _) = visit_after(&mut source, &all(), &refused).expect("goes on");
    assert!(came.is_empty() && bad.len() == 3);
    let turned: Vec<Partition> = refused[3..].iter().chain(&refused[..3]).copied().collect();
    let (came, bad, _) = visit_after(&mut source, &all(), &turned).expect("goes on");
    assert!(came.is_empty() && bad.len() == 3);
    let turned: Vec<Partition> = refused[6..].iter().chain(&refused[..6]).copied().collect();
    let (came, ..) = visit_after(&mut source, &all(), &turned).expect("goes on");
    assert_eq!(came, month(7).into());
}

proptest! {
    #[test]
    fn every_month_comes_or_is_bad_or_left_out_and_questions_are_bounded(
        bad in proptest::collection::btree_set(0..MONTHS, 0..MONTHS),
        says_where in any::<bool>(),
        most in 1..=MONTHS,
    ) {
        let mut source = Source { most, ..Source::with(bad.clone(), says_where) };
        let (came, found, left_out) = visit(&mut source, &all()).expect("the source is well");
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

proptest! {
    #[test]
    fn good_months_come_whatever_is_bad_for_each_visit_finds_at_least_three_of_those(
        bad in proptest::collection::btree_set(0..MONTHS, 0..MONTHS),
        says_where in any::<bool>(),
        month_by_month in any::<bool>(),
    ) {
        let mut source = Source::with(bad.clone(), says_where);
        let most = 1 + bad.len().div_ceil(3);
        let after = visits(&mut source, month_by_month, most);
        prop_assert_eq!(after.last(), Some(&bad));
        prop_assert!(source.questions <= most * (3 + 2 * MONTHS), "{} questions", source.questions);
    }
}
