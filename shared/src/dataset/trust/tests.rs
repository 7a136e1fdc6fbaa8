//! What is known of days after several answers, and which of them count.

use super::*;
use crate::dataset::answers::Asking;
use crate::dataset::run_mark::RunMark;
use crate::market::trading_day::TradingDay;
use proptest::prelude::*;

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

const EMPTY: Said = Said::Empty { asks: 1 };

#[test]
fn an_empty_answer_for_june_says_nothing_of_march() {
    let mut answers = Answers::default();
    answers.record(range("2024-01-01", "2024-03-31"), Said::Data, at("2024-07-01T00:00:00Z"));
    answers.record(range("2024-04-01", "2024-06-30"), EMPTY, at("2024-07-02T00:00:00Z"));
    let trust = |now| Trust::at(at(now), 1);
    let missing = |trust: Trust| {
        Coverage::from(range("2024-01-01", "2024-06-30")).minus(&trust.days(&answers))
    };
    assert!(missing(trust("2024-07-02T12:00:00Z")).is_empty(), "not a day old");
    assert_eq!(missing(trust("2024-07-03T00:00:00Z")).to_string(), "2024-04-01..2024-06-30");
}

#[test]
fn each_range_counts_its_own_empty_answers() {
    let mut answers = Answers::default();
    answers.record(range("2024-01-01", "2024-01-31"), EMPTY, at("2024-07-01T00:00:00Z"));
    answers.record(range("2024-01-01", "2024-02-29"), EMPTY, at("2024-07-02T00:00:00Z"));
    answers.record(range("2024-01-10", "2024-01-20"), EMPTY, at("2024-07-02T09:00:00Z"));
    let asks: Vec<_> =
        answers.iter().map(|answer| (answer.days.to_string(), answer.said)).collect();
    assert_eq!(
        asks,
        [
            ("2024-01-01..2024-01-09".to_owned(), Said::Empty { asks: 2 }),
            ("2024-01-10..2024-01-20".to_owned(), Said::Empty { asks: 2 }),
            ("2024-01-21..2024-01-31".to_owned(), Said::Empty { asks: 2 }),
            ("2024-02-01..2024-02-29".to_owned(), EMPTY),
        ]
    );
}

#[test]
fn a_weekend_without_rows_is_believed_at_once() {
    let trust = Trust::at(at("2030-01-01T00:00:00Z"), 1);
    let empty = |days| Answer {
        days,
        said: EMPTY,
        asked_at: at("2024-07-01T00:00:00Z"),
        until: None,
        run: None,
    };
    assert!(trust.believed(&empty(range("2024-06-29", "2024-06-30"))).is_some());
    assert!(trust.believed(&empty(range("2024-06-28", "2024-06-30"))).is_none());
}

#[test]
fn a_fresh_run_believes_only_the_days_that_it_has_asked_itself() {
    let mut answers = Answers::default();
    answers.record(range("2024-01-01", "2024-12-31"), Said::Data, at("2025-01-01T00:00:00Z"));
    let run = Asker::Anew(RunMark::of_run("ab12"));
    let asking = Asking { at: at("2025-02-01T00:00:00Z"), run: Some(run) };
    answers.record(range("2024-07-01", "2024-12-31"), Said::Data, asking);
    let since = Some(at("2025-02-01T00:00:00Z"));
    let trust = Trust { since, ..Trust::at(at("2025-02-02T00:00:00Z"), 1) };
    assert_eq!(trust.days(&answers).to_string(), "2024-07-01..2024-12-31");
}

#[test]
fn a_fresh_run_believes_no_other_runs_answer_though_the_clock_was_set_back_between_them() {
    let mut answers = Answers::default();
    let asker = |name| Some(Asker::Anew(RunMark::of_run(name)));
    let later = at("2025-02-01T06:00:00Z");
    answers.record(
        range("2024-01-01", "2024-06-30"),
        Said::Data,
        Asking { at: later, run: asker("before") },
    );
    answers.record(range("2024-07-01", "2024-12-31"), Said::Data, later);
    let since = Some(at("2025-02-01T00:00:00Z"));
    let trust = Trust { since, run: asker("now"), ..Trust::at(at("2025-02-02T00:00:00Z"), 1) };
    assert_eq!(
        trust.days(&answers).to_string(),
        "2024-07-01..2024-12-31",
        "a line without a mark may be its own"
    );
}

#[test]
fn days_that_were_refused_for_being_too_new_are_asked_for_again_and_old_ones_are_not() {
    let mut answers = Answers::default();
    answers.record(
        range("2024-01-01", "2024-03-08"),
        Said::OutsidePlan,
        at("2024-03-09T12:00:00Z"),
    );
    let believed = |now| Trust::at(at(now), 1).days(&answers).to_string();
    assert_eq!(believed("2024-03-10T06:00:00Z"), "2024-01-01..2024-03-08", "not a day old");
    assert_eq!(believed("2024-03-10T12:00:00Z"), "2024-01-01..2024-03-01");
}

#[test]
fn lost_data_is_remembered_until_it_is_asked_again() {
    let mut answers = Answers::default();
    answers.record(range("2024-01-01", "2024-12-31"), Said::Data, at("2025-01-01T00:00:00Z"));
    answers.lose_data();
    answers.record(range("2024-01-01", "2024-01-31"), Said::Data, at("2025-02-01T00:00:00Z"));
    assert_eq!(
        answers.days(|answer| answer.said == Said::Lost).to_string(),
        "2024-02-01..2024-12-31"
    );
}

#[test]
fn an_answer_without_rows_takes_the_place_of_nothing_that_has_rows() {
    for said in [EMPTY, Said::OutsidePlan] {
        let mut answers = Answers::default();
        answers.record(range("2024-03-04", "2024-03-08"), Said::Data, at("2024-07-01T00:00:00Z"));
        answers.record(range("2024-03-04", "2024-03-11"), said, at("2024-07-05T00:00:00Z"));
        let days = |wanted| answers.days(move |answer| answer.said == wanted).to_string();
        assert_eq!(days(Said::Data), "2024-03-04..2024-03-08");
        assert_eq!(days(said), "2024-03-09..2024-03-11");
        let anew = Trust {
            since: Some(at("2024-07-05T00:00:00Z")),
            ..Trust::at(at("2024-07-05T01:00:00Z"), 1)
        };
        assert_eq!(anew.days(&answers).days(), 8, "who asked for everything anew has asked");
    }
}

#[test]
fn a_year_that_grew_day_by_day_has_one_answer_and_tells_when_it_was_asked_first_and_last() {
    let mut answers = Answers::default();
    let mut asked_at = at("2024-01-03T12:00:00Z");
    for number in 0..250 {
        let day = TradingDay::from_ymd(2024, 1, 2).expect("a day").plus_days(number);
        let run = Some(Asker::Trusting(RunMark::of_run(&number.to_string())));
        // Now and then a day without a row, asked twice.
        for said in if number % 9 == 4 { [EMPTY, EMPTY] } else { [Said::Data, Said::Data] } {
            answers.record(day.into(), said, Asking { at: asked_at, run });
            asked_at += RECHECK_AFTER;
        }
    }
    let all: Vec<_> = answers.iter().collect();
    let [answer] = all[..] else { panic!("{all:?}") };
    assert_eq!((answer.said, answer.days.days()), (Said::Data, 250));
    assert_eq!(
        (answer.asked_at, answer.latest()),
        (at("2024-01-04T12:00:00Z"), asked_at - RECHECK_AFTER)
    );
}

#[test]
fn what_a_run_asked_anew_is_never_joined_with_what_others_said_nor_what_came_from_the_future() {
    let mut answers = Answers::default();
    let run = Some(Asker::Anew(RunMark::of_run("ab12")));
    answers.record(range("2024-01-01", "2024-01-31"), Said::Data, at("2024-07-01T00:00:00Z"));
    answers.record(
        range("2024-02-01", "2024-02-29"),
        Said::Data,
        Asking { at: at("2024-07-02T00:00:00Z"), run },
    );
    assert_eq!(answers.iter().count(), 2);
    let mut answers = Answers::default();
    answers.record(range("2024-01-01", "2024-01-31"), Said::Data, at("2024-07-09T00:00:00Z"));
    answers.record(range("2024-02-01", "2024-02-29"), Said::Data, at("2024-07-02T00:00:00Z"));
    assert_eq!(answers.iter().count(), 2, "the clock was ahead when January was asked for");
}

fn told(days: DateRange, asking: impl Into<Asking>) -> Answers {
    let mut answers = Answers::default();
    answers.record(days, Said::Data, asking);
    answers
}

#[test]
fn no_answer_is_believed_from_the_future_not_even_by_a_run_that_wants_everything_anew() {
    let asked_at = at("2024-07-03T09:00:00Z");
    let told = told(range("2024-06-01", "2024-07-02"), asked_at);
    let since = |now: &str| Trust { since: Some(at(now)), ..Trust::at(at(now), 1) };
    for now in ["2024-07-01T09:00:00Z", "2024-07-03T08:54:59Z"] {
        assert!(Trust::at(at(now), 1).days(&told).is_empty(), "{now}");
        assert!(since(now).days(&told).is_empty(), "{now}");
    }
    let soon = Trust::at(at("2024-07-03T08:55:00Z"), 1);
    assert_eq!(soon.days(&told).days(), 32, "clocks of two machines differ by minutes");
}

#[test]
fn a_run_whose_clock_is_set_back_keeps_what_it_has_but_for_days_that_may_not_have_been_over() {
    let run = Asker::Anew(RunMark::of_run("ab12"));
    let asking = Asking { at: at("2024-07-03T09:00:00Z"), run: Some(run) };
    let told = told(range("2024-06-01", "2024-07-02"), asking);
    let now = at("2024-07-02T09:00:00Z");
    let trust = Trust { since: Some(asking.at), run: Some(run), ..Trust::at(now, 1) };
    assert_eq!(trust.days(&told).to_string(), "2024-06-01..2024-06-24");
    let other = Some(Asker::Anew(RunMark::of_run("ab13")));
    assert!(
        Trust { run: other, ..trust }.days(&told).is_empty(),
        "another run's answers are asked again"
    );
    let later = Trust { now: at("2024-07-04T00:00:00Z"), ..trust };
    assert_eq!(later.days(&told).days(), 32);
}

#[test]
fn an_own_answer_counts_whatever_the_clock_said_when_the_run_was_created() {
    let run = Asker::Anew(RunMark::of_run("ab12"));
    let asking = Asking { at: at("2024-07-02T09:00:00Z"), run: Some(run) };
    let told = told(range("2024-06-01", "2024-06-30"), asking);
    let now = at("2024-07-02T10:00:00Z");
    let trust =
        Trust { since: Some(at("2024-07-03T00:00:00Z")), run: Some(run), ..Trust::at(now, 1) };
    assert_eq!(trust.days(&told).days(), 30, "the clock was set back after the run was created");
    assert!(Trust { run: None, ..trust }.days(&told).is_empty());
}

proptest! {
    #[test]
    fn every_day_has_its_last_answer_but_for_rows_and_ranges_never_overlap(
        asks in proptest::collection::vec((0..40_i32, 0..15_i32, 0..3_u8), 0..12),
    ) {
        let mut answers = Answers::default();
        let mut last = std::collections::BTreeMap::new();
        for (order, (from, length, kind)) in asks.into_iter().enumerate() {
            let day = |number| TradingDay::MIN.plus_days(number);
            let asked_at = Timestamp::from_second(i64::try_from(order).expect("small")).expect("a time");
            let said = [Said::Data, EMPTY, Said::OutsidePlan][usize::from(kind)];
            answers.record(DateRange::new(day(from), day(from + length)).expect("in order"), said, asked_at);
            for number in from..=from + length {
                let known = last.entry(day(number)).or_insert((said, asked_at));
                *known = (if known.0 == Said::Data { Said::Data } else { said }, asked_at);
            }
        }
        let days: u64 = answers.iter().map(|answer| u64::from(answer.days.days())).sum();
        prop_assert_eq!(days, last.len() as u64);
        for (day, (said, asked_at)) in last {
            let of_day: Vec<_> = answers.iter().filter(|answer| answer.days.contains(day)).collect();
            prop_assert_eq!(of_day.len(), 1);
            let is_joined = of_day[0].said == Said::Data && !has_session(day.into());
            prop_assert!(of_day[0].said == said || is_joined);
            prop_assert!(of_day[0].asked_at <= asked_at && asked_at <= of_day[0].latest());
        }
        let text = serde_json::to_string(&answers).expect("written");
        prop_assert_eq!(serde_json::from_str::<Answers>(&text).expect("read"), answers);
    }
}
