//! Promise: the calendar is the exchange's, day by day, open and close included. Another calendar,
//! made by others, says the same (`exchange_calendars`, XNYS), but for days on which it is wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::market::session::session;
use shared::market::special_days::{SPECIAL_DAYS, SpecialHours};
use shared::market::trading_day::TradingDay;
use tests::harness::place::days;
use tests::harness::program::run;
use tests::harness::python;

/// The first year in which the exchange kept Martin Luther King Day, and with it today's holidays.
const FROM: &str = "1998-01-01";

/// What the other calendar has wrong: day, its open, ours. The source is in [`SPECIAL_DAYS`].
const OTHERS_ERRORS: [(&str, &str, &str); 1] =
    [("2002-09-11", "2002-09-11T13:30:00Z", "2002-09-11T16:00:00Z")];

type Hours = (Timestamp, Timestamp);

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

fn ours(day: TradingDay) -> Option<Hours> {
    session(day).map(|it| (it.regular_open(day), it.regular_close(day)))
}

/// `date,open,close` lines.
fn theirs(text: &str) -> BTreeMap<TradingDay, Hours> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [date, opens, closes] = fields[..] else { panic!("{line}") };
        (day(date), (at(opens), at(closes)))
    };
    text.lines().map(line).collect()
}

#[test]
fn every_day_from_1998_to_two_years_ahead_opens_and_closes_as_another_calendar_says() {
    let Some(mut calendar) = python::script("python/nyse_sessions.py", "exchange_calendars") else {
        return;
    };
    // The rules, not the hour, decide: whole years.
    let year = TradingDay::of(Timestamp::now()).expect("a day").year();
    let asked = days(FROM, &format!("{:04}-12-31", year + 2));
    let said = run(calendar.args([asked.from().to_string(), asked.to().to_string()]));
    let mut theirs = theirs(&said.expect_code(0).stdout);
    for (date, wrong, right) in OTHERS_ERRORS {
        let hours = theirs.get_mut(&day(date)).expect("a session");
        assert_eq!(hours.0, at(wrong), "{date} is right there now: take it out of the list");
        hours.0 = at(right);
    }
    let all = std::iter::successors(Some(asked.from()), |day| Some(day.next()))
        .take_while(|day| asked.contains(*day));
    let differ: Vec<String> = all
        .filter(|day| ours(*day) != theirs.get(day).copied())
        .map(|day| format!("{day}: ours {:?}, theirs {:?}", ours(day), theirs.get(&day)))
        .collect();
    assert_eq!(
        differ,
        [] as [String; 0],
        "who is right? a closure that was announced is a line in shared/src/market/special_days.rs"
    );
    assert!(theirs.len() > 7_500, "{} sessions", theirs.len());
}

#[test]
fn special_days_are_in_order_on_weekdays_and_have_a_reason_and_a_source() {
    assert!(SPECIAL_DAYS.is_sorted_by_key(|it| it.day));
    for it in SPECIAL_DAYS {
        let (day, weekday) = (it.day, it.day.weekday());
        assert!(weekday.to_monday_one_offset() <= 5, "{day} is a {weekday:?}");
        assert!(!it.why.is_empty() && !it.source.is_empty(), "{day}");
        let is_closed = session(day.to_string().parse().expect("a day")).is_none();
        assert_eq!(is_closed, it.hours == SpecialHours::Closed, "{day}");
    }
}
