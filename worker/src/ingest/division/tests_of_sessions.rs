//! Partitions that do not come as a whole: pieces of days, down to one session.

use super::*;
use crate::spelled::{day, days};
use proptest::prelude::*;
use shared::market::session::sessions;
use std::collections::{BTreeMap, BTreeSet};

/// What the source does with a question, by its days.
struct Source {
    /// More days than these are answered 504.
    most: u32,
    /// The same, where the question touches this month.
    of_month: BTreeMap<Partition, u32>,
    /// Whatever has one of these is answered 504.
    mute: BTreeSet<TradingDay>,
    /// So many answers until nothing comes any more.
    silent_after: usize,
    questions: usize,
    failed: usize,
    controls: usize,
}

impl Source {
    fn serving(most: u32) -> Self {
        let (of_month, mute) = (BTreeMap::new(), BTreeSet::new());
        Self {
            most,
            of_month,
            mute,
            silent_after: usize::MAX,
            questions: 0,
            failed: 0,
            controls: 0,
        }
    }

    fn without(mute: &[&str]) -> Self {
        Self { mute: mute.iter().map(|text| day(text)).collect(), ..Self::serving(u32::MAX) }
    }

    fn ask(&mut self, days: DateRange) -> Result<(), Failure> {
        self.questions += 1;
        let months = Partition::within(Kind::Minute, days);
        let most = months.filter_map(|month| self.of_month.get(&month)).min().unwrap_or(&self.most);
        let is_mute = self.mute.iter().any(|mute| days.contains(*mute));
        if days.days() > *most || is_mute || self.questions > self.silent_after {
            self.failed += 1;
            return Err(Failure::Server { status: 504, words: "no words".to_owned() });
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Visit {
    came: Coverage,
    pieces: usize,
    bad: Vec<DateRange>,
    left_out: Coverage,
}

fn visit_with(
    source: &mut Source,
    kind: Kind,
    requests: &[DateRange],
    in_place: Option<DateRange>,
) -> Result<Visit, Failure> {
    let mut division = Division::new(kind, requests).with_control(in_place);
    let (mut came, mut pieces) = (Coverage::empty(), 0);
    while let Some(piece) = division.next_request() {
        source.controls += usize::from(piece.why == Why::Control);
        match source.ask(piece.days) {
            Ok(()) => {
                if piece.why != Why::Control {
                    assert!(came.intersection(&piece.days.into()).is_empty(), "{piece:?} twice");
                    came = came.union(&piece.days.into());
                    pieces += 1;
                }
                division.served(piece);
            }
            Err(failure) => division.failed(piece, failure, piece.days, None)?,
        }
    }
    let (bad, left_out) = division.end();
    Ok(Visit { came, pieces, bad: bad.iter().map(|bad| bad.days).collect(), left_out })
}

fn visit(source: &mut Source, kind: Kind, asked: DateRange) -> Result<Visit, Failure> {
    visit_with(source, kind, &[asked], None)
}

/// All of `asked` comes from a source that serves so many days at a time, and few questions fail on
/// the way.
#[track_caller]
fn all_comes(kind: Kind, asked: DateRange, at_a_time: u32, most_failed: usize) {
    let mut source = Source::serving(at_a_time);
    let visit = visit(&mut source, kind, asked).expect("goes on");
    assert_eq!((visit.came, visit.bad.len()), (asked.into(), 0), "{at_a_time} at a time");
    assert!(source.failed <= most_failed, "{at_a_time} at a time: {} failed", source.failed);
}

#[test]
fn a_month_that_is_too_heavy_as_a_whole_comes_in_pieces_down_to_single_sessions() {
    for (at_a_time, most_failed) in [(20, 1), (15, 3), (7, 5), (3, 9), (1, 27)] {
        all_comes(Kind::Minute, days("2024-03-01", "2024-03-31"), at_a_time, most_failed);
    }
}

#[test]
fn how_much_comes_at_a_time_is_learned_from_two_months_and_holds_for_all() {
    for at_a_time in [20, 10, 5] {
        all_comes(Kind::Minute, days("2005-01-01", "2024-12-31"), at_a_time, 24);
    }
}

#[test]
fn years_that_are_too_heavy_come_in_pieces() {
    for at_a_time in [300, 100, 31] {
        all_comes(Kind::Daily, days("2005-01-03", "2024-12-31"), at_a_time, 20);
    }
}

#[test]
fn one_heavy_month_of_240_comes_in_pieces_and_all_others_in_one_go_with_their_neighbours() {
    let asked = days("2005-01-01", "2024-12-31");
    for month in ["2005-01-01", "2013-07-01", "2024-12-01"] {
        let mut source = Source::serving(u32::MAX);
        source.of_month.insert(Partition::of(Kind::Minute, day(month)), 10);
        let visit = visit(&mut source, Kind::Minute, asked).expect("goes on");
        assert_eq!((visit.came, visit.bad.len()), (asked.into(), 0));
        assert!(source.questions <= 30, "{month}: {} questions", source.questions);
    }
}

#[test]
fn a_session_that_never_comes_stands_alone_and_everything_else_comes() {
    let asked = days("2022-01-01", "2023-12-31");
    for mute in ["2022-01-03", "2022-06-08", "2023-05-26", "2023-12-29"] {
        let mut source = Source::without(&[mute]);
        let visit = visit(&mut source, Kind::Minute, asked).expect("goes on");
        assert_eq!(visit.bad, [day(mute).into()]);
        assert_eq!((visit.came.days(), visit.left_out.days()), (729, 0), "{mute}");
        assert!(source.failed <= 13, "{mute}: {} failed", source.failed);
        assert!(source.questions <= 28, "{mute}: {} questions", source.questions);
    }
}

#[test]
fn two_sessions_side_by_side_that_never_come_are_told_from_a_source_in_trouble_by_a_control() {
    let asked = days("2023-01-01", "2023-12-31");
    let mut source = Source::without(&["2023-05-03", "2023-05-04"]);
    let visit = visit(&mut source, Kind::Minute, asked).expect("goes on");
    let bad: Coverage = visit.bad.iter().copied().collect();
    assert_eq!((bad.days(), visit.came.days(), visit.left_out.days()), (2, 363, 0));
}

#[test]
fn a_month_of_which_nothing_comes_is_bad_as_a_whole_after_three_sessions_of_it() {
    let asked = days("2022-01-01", "2023-12-31");
    let march = days("2023-03-01", "2023-03-31");
    let mute: Vec<TradingDay> = sessions(march.from(), march.to()).map(|(day, _)| day).collect();
    let mut source = Source { mute: mute.into_iter().collect(), ..Source::serving(u32::MAX) };
    let visit = visit(&mut source, Kind::Minute, asked).expect("goes on");
    assert_eq!(visit.bad, [march]);
    assert_eq!((visit.came.days(), visit.left_out.days()), (730 - 31, 0));
    assert!(source.failed <= 10, "{} failed", source.failed);
}

#[test]
fn where_only_a_session_is_missing_that_does_not_come_a_session_in_place_tells_whose_trouble_it_is()
{
    let (missing, in_place) = (days("2023-05-04", "2023-05-04"), days("2023-05-03", "2023-05-03"));
    let mut source = Source::without(&["2023-05-04"]);
    let visit = visit_with(&mut source, Kind::Minute, &[missing], Some(in_place))
        .expect("the ticker's own");
    assert_eq!((visit.bad, source.questions, source.controls), (vec![missing], 2, 1));
    let mut source = Source { silent_after: 0, ..Source::without(&[]) };
    visit_with(&mut source, Kind::Minute, &[missing], Some(in_place)).expect_err("the source's");
    assert_eq!(source.questions, 2);
    let mut source = Source::without(&["2023-05-04"]);
    visit_with(&mut source, Kind::Minute, &[missing], None).expect_err("nobody knows");
}

#[test]
fn a_control_that_the_plan_refuses_is_an_answer() {
    let (missing, in_place) = (days("2023-05-04", "2023-05-04"), days("2023-05-03", "2023-05-03"));
    let mut division = Division::new(Kind::Minute, &[missing]).with_control(Some(in_place));
    let piece = division.next_request().expect("one");
    let mute = Failure::Server { status: 504, words: String::new() };
    division.failed(piece, mute, piece.days, None).expect("a control is asked for");
    let control = division.next_request().expect("a control");
    assert_eq!(control, RangeRequest { days: in_place, why: Why::Control });
    let refused = Failure::OutsidePlan("not these dates".to_owned());
    division.failed(control, refused, control.days, None).expect("the source is well");
    assert_eq!((division.next_request(), division.end().0.len()), (None, 1));
}

#[test]
fn an_outage_costs_four_questions_more_whatever_is_asked_for_and_whenever_it_begins() {
    let of_years = days("2005-01-01", "2024-12-31");
    let of_a_month = days("2024-03-01", "2024-03-31");
    let in_place = days("2004-12-31", "2004-12-31");
    for (kind, asked) in [
        (Kind::Minute, of_years),
        (Kind::Daily, of_years),
        (Kind::Trades, of_years),
        (Kind::Minute, of_a_month),
    ] {
        for in_place in [None, Some(in_place)] {
            let mut source = Source { silent_after: 0, ..Source::serving(u32::MAX) };
            let failure = visit_with(&mut source, kind, &[asked], in_place)
                .expect_err("the source's trouble");
            assert_eq!(failure.kind(), "the server is in trouble");
            let most = if in_place.is_some() { 3 } else { 1 + 4 };
            assert!(source.questions <= most, "{kind:?} {asked}: {}", source.questions);
        }
    }
    let by_month: Vec<DateRange> =
        Partition::within(Kind::Minute, of_years).map(Partition::span).collect();
    let mut source = Source { silent_after: 0, ..Source::serving(u32::MAX) };
    visit_with(&mut source, Kind::Minute, &by_month, None).expect_err("the source's trouble");
    assert!(source.questions <= 1 + 4, "{}", source.questions);
    // While a range is being divided.
    for silent_after in 1..60 {
        let mut source = Source { silent_after, ..Source::serving(10) };
        visit(&mut source, Kind::Minute, of_years).expect_err("the source's trouble");
        assert!(source.questions <= silent_after + 20, "{silent_after}: {}", source.questions);
    }
}

/// What is bad and what is missing of `asked`, where nothing is in place and what has a day of
/// `mute` does not come.
#[track_caller]
fn only_the_mute_are_bad(kind: Kind, most: u32, requests: &[DateRange], mute: &[&str]) {
    let mut source = Source { most, ..Source::without(mute) };
    let visit = visit_with(&mut source, kind, requests, None).expect("the source is well");
    let expected: Vec<DateRange> = mute.iter().map(|text| day(text).into()).collect();
    assert_eq!(visit.bad, expected, "{requests:?}");
    let asked: u64 = requests.iter().map(|days| u64::from(days.days())).sum();
    assert_eq!((visit.came.days(), visit.left_out.days()), (asked - expected.len() as u64, 0));
}

#[test]
fn where_no_month_comes_as_a_whole_a_mute_session_at_the_end_is_not_the_sources_trouble() {
    for (from, to) in
        [("2020-03-08", "2025-03-07"), ("2020-03-08", "2025-03-08"), ("2025-02-03", "2025-03-07")]
    {
        only_the_mute_are_bad(Kind::Minute, 20, &[days(from, to)], &["2025-03-07"]);
    }
    let by_month: Vec<DateRange> =
        Partition::within(Kind::Minute, days("2024-01-01", "2025-03-31"))
            .filter_map(|month| month.span().intersection(days("2024-01-01", "2025-03-07")))
            .collect();
    only_the_mute_are_bad(Kind::Minute, 20, &by_month, &["2025-03-07"]);
    only_the_mute_are_bad(Kind::Daily, 200, &[days("2020-03-08", "2025-03-08")], &["2025-03-07"]);
}

#[test]
fn two_mute_sessions_at_both_ends_are_not_the_sources_trouble() {
    for to in ["2025-03-07", "2025-03-08", "2025-03-09"] {
        for kind in [Kind::Minute, Kind::Daily, Kind::Trades] {
            let asked = [days("2025-02-03", to)];
            only_the_mute_are_bad(kind, u32::MAX, &asked, &["2025-02-03", "2025-03-07"]);
            only_the_mute_are_bad(kind, 20, &asked, &["2025-02-03", "2025-03-07"]);
        }
    }
    let of_years = [days("2020-03-09", "2025-03-07")];
    only_the_mute_are_bad(Kind::Minute, u32::MAX, &of_years, &["2020-03-09", "2025-03-07"]);
    only_the_mute_are_bad(Kind::Minute, u32::MAX, &of_years, &["2020-03-18", "2025-03-07"]);
    only_the_mute_are_bad(Kind::Minute, 20, &of_years, &["2020-03-09", "2025-03-07"]);
}

#[test]
fn of_one_month_alone_the_first_and_the_last_session_may_be_mute() {
    for (from, to) in
        [("2024-03-01", "2024-03-31"), ("2024-03-01", "2024-03-28"), ("2024-02-29", "2024-03-31")]
    {
        for most in [u32::MAX, 10, 1] {
            only_the_mute_are_bad(
                Kind::Minute,
                most,
                &[days(from, to)],
                &["2024-03-01", "2024-03-28"],
            );
        }
    }
    only_the_mute_are_bad(
        Kind::Minute,
        31,
        &[days("2024-03-04", "2024-03-06")],
        &["2024-03-04", "2024-03-06"],
    );
}

#[test]
fn a_probe_that_is_not_asked_for_calls_nothing_bad() {
    let mute = || Failure::Server { status: 504, words: String::new() };
    let mut division = Division::new(
        Kind::Trades,
        &[days("2024-03-04", "2024-03-04"), days("2024-03-06", "2024-03-06")],
    );
    for _ in 0..2 {
        let piece = division.next_request().expect("the newer day, twice");
        division.failed(piece, mute(), piece.days, None).expect("goes on");
    }
    let probe = division.next_request().expect("the older day");
    assert_eq!(probe, RangeRequest { days: days("2024-03-04", "2024-03-04"), why: Why::Probe });
    division.not_wanted(probe);
    let again = division.next_request().expect("the newer day again");
    division.failed(again, mute(), again.days, None).expect_err("nobody knows");
}

#[test]
fn trades_are_not_divided_within_a_day() {
    let asked = days("2024-01-02", "2024-01-12");
    let mut source = Source::without(&["2024-01-09"]);
    let visit = visit(&mut source, Kind::Trades, asked).expect("goes on");
    assert_eq!(visit.bad, [day("2024-01-09").into()]);
    assert_eq!(visit.came.days(), 10);
}

#[test]
fn a_page_without_sense_in_a_piece_of_a_month_costs_that_piece_alone() {
    let asked = days("2024-03-01", "2024-03-31");
    let mut division = Division::new(Kind::Minute, &[asked]);
    let mut asked_for = Vec::new();
    while let Some(piece) = division.next_request() {
        asked_for.push(piece.days);
        let is_bad = piece.days.contains(day("2024-03-06"));
        if piece.days.days() > 5 {
            let failure = Failure::Server { status: 504, words: String::new() };
            division.failed(piece, failure, piece.days, None).expect("goes on");
        } else if is_bad {
            division
                .failed(piece, Failure::NotAPage("x".into()), piece.days, None)
                .expect("goes on");
        } else {
            division.served(piece);
        }
    }
    let (bad, left_out) = division.end();
    assert!(
        bad.len() == 1 && bad[0].days.days() <= 5 && bad[0].days.contains(day("2024-03-06")),
        "{bad:?}"
    );
    assert!(left_out.is_empty());
}

proptest! {
    #[test]
    fn questions_are_bounded(
        kind in prop::sample::select(vec![Kind::Daily, Kind::Minute, Kind::Trades]),
        mute in proptest::collection::btree_set(0..520_i32, 0..24),
        most in prop::sample::select(vec![1, 2, 5, 12, 20, 60, 200, 400, 4000_u32]),
        knows_a_session in any::<bool>(),
    ) {
        let asked = days("2022-01-03", "2023-12-29");
        let mute = mute.into_iter().map(|number| asked.from().plus_days(number)).collect();
        let mut source = Source { mute, ..Source::serving(most) };
        let in_place = knows_a_session.then(|| days("2021-12-31", "2021-12-31"));
        let visited = visit_with(&mut source, kind, &[asked], in_place);
        prop_assert!(visited.is_ok() || !knows_a_session && source.mute.len() >= 3, "{visited:?}");
        let Ok(Visit { came, pieces, bad, left_out }) = visited else { return Ok(()) };
        let of_bad: Coverage = bad.iter().copied().collect();
        prop_assert_eq!(came.days() + of_bad.days() + left_out.days(), u64::from(asked.days()), "each once");
        for days in &bad {
            prop_assert!(source.mute.iter().any(|mute| days.contains(*mute)), "no innocent: {}", days);
        }
        prop_assert!(bad.len() <= MOST_BAD);
        prop_assert!(
            source.failed <= 3 + pieces + 4 * bad.len(),
            "{} failed, {} pieces came, {} are bad", source.failed, pieces, bad.len()
        );
        prop_assert!(source.controls <= 1 + bad.len());
    }
}
