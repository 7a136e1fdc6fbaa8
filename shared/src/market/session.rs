//! The exchange calendar: which New York days have a session, and its hours as instants.
//!
//! Pure rules of the New York Stock Exchange since 1998, with the exceptions of
//! [`special_days`](super::special_days); other years get the same rules. From 1998 to two years
//! ahead `tests/promises/calendar.rs` holds every day against another calendar. Which ticker was
//! listed or halted on a day is not said here.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday, time};

use super::special_days::{SpecialDay, SpecialHours, special_day};
use super::trading_day::{NEW_YORK, TradingDay};

/// How long regular trading lasts on a day that has a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Session {
    /// 09:30 to 16:00 New York, extended hours from 04:00 to 20:00.
    Full,
    /// 09:30 to 13:00 New York, extended hours from 04:00 to 17:00.
    Half,
}

/// The session of a New York day, by the calendar of the New York Stock Exchange since 1998; `None`
/// on weekends, holidays and unscheduled closures.
///
/// ```
/// use shared::market::session::{Session, session};
///
/// let of = |day: &str| session(day.parse().expect("a day"));
/// assert_eq!(of("2024-07-03"), Some(Session::Half), "the day before the holiday ends early");
/// assert_eq!(of("2024-07-04"), None);
/// assert_eq!(of("2012-10-29"), None, "closed by a hurricane");
/// ```
pub fn session(day: TradingDay) -> Option<Session> {
    let day = day.date();
    if let Some(SpecialDay { hours, .. }) = special_day(day) {
        return match hours {
            SpecialHours::Closed => None,
            SpecialHours::Half => Some(Session::Half),
            SpecialHours::OpensAt(_) => Some(Session::Full),
        };
    }
    if is_weekend(day) || is_holiday(day) {
        return None;
    }
    Some(if is_half_day(day) { Session::Half } else { Session::Full })
}

/// Every session from `from` to `to`, both inclusive, in order; nothing when `to` is earlier.
pub fn sessions(from: TradingDay, to: TradingDay) -> impl Iterator<Item = (TradingDay, Session)> {
    let days =
        std::iter::successors(Some(from), |day| (*day < TradingDay::MAX).then(|| day.next()));
    days.take_while(move |day| *day <= to).filter_map(|day| Some((day, session(day)?)))
}

impl Session {
    /// When regular trading of `day` begins (09:30 New York, later on a [special
    /// day](super::special_days)).
    pub fn regular_open(self, day: TradingDay) -> Timestamp {
        let opens = match special_day(day.date()).map(|it| it.hours) {
            Some(SpecialHours::OpensAt(late)) => late,
            Some(SpecialHours::Closed | SpecialHours::Half) | None => time(9, 30, 0, 0),
        };
        instant(day, opens)
    }

    /// When regular trading of `day` ends (16:00 New York, 13:00 on a half day).
    pub fn regular_close(self, day: TradingDay) -> Timestamp {
        match self {
            Self::Full => instant(day, time(16, 0, 0, 0)),
            Self::Half => instant(day, time(13, 0, 0, 0)),
        }
    }

    /// When extended trading of `day` begins (04:00 New York).
    pub fn extended_open(self, day: TradingDay) -> Timestamp {
        instant(day, time(4, 0, 0, 0))
    }

    /// When extended trading of `day` ends (20:00 New York, 17:00 on a half day).
    pub fn extended_close(self, day: TradingDay) -> Timestamp {
        match self {
            Self::Full => instant(day, time(20, 0, 0, 0)),
            Self::Half => instant(day, time(17, 0, 0, 0)),
        }
    }
}

fn instant(day: TradingDay, at: Time) -> Timestamp {
    // New York's switches happen at 02:00 on Sundays: an hour of a session is never ambiguous.
    NEW_YORK
        .to_timestamp(day.date().to_datetime(at))
        .expect("days from 1970 to 2199 are inside jiff's range")
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn is_holiday(day: Date) -> bool {
    let (year, month, of_month) = (day.year(), day.month(), day.day());
    let nth_monday = |nth: i8| day.weekday() == Weekday::Monday && (of_month - 1) / 7 + 1 == nth;
    match month {
        // New Year on a Saturday is not made up for: the Friday belongs to the old year's books.
        1 => of_month == 1 || is_monday_after(day, 1) || nth_monday(3),
        2 => nth_monday(3),
        3 | 4 => Some(day) == good_friday(year),
        5 => day.weekday() == Weekday::Monday && of_month > 24,
        6 => year >= 2022 && is_observed(day, 19),
        7 => is_observed(day, 4),
        9 => nth_monday(1),
        11 => is_thanksgiving(day),
        12 => is_observed(day, 25),
        _ => false,
    }
}

/// Whether the holiday on `nominal` of this month is kept on `day`: a Saturday's on Friday, a
/// Sunday's on Monday.
fn is_observed(day: Date, nominal: i8) -> bool {
    let on_friday = day.weekday() == Weekday::Friday && day.day() == nominal - 1;
    day.day() == nominal || on_friday || is_monday_after(day, nominal)
}

fn is_monday_after(day: Date, nominal: i8) -> bool {
    day.weekday() == Weekday::Monday && day.day() == nominal + 1
}

/// The fourth Thursday of November.
fn is_thanksgiving(day: Date) -> bool {
    day.month() == 11 && day.weekday() == Weekday::Thursday && (22..=28).contains(&day.day())
}

fn is_half_day(day: Date) -> bool {
    let weekday = day.weekday();
    match (day.month(), day.day()) {
        (7, 3) => match weekday {
            // Before 2013 a Thursday holiday shortened the Friday after it, not the Wednesday
            // before.
            Weekday::Wednesday => day.year() >= 2013,
            other => matches!(other, Weekday::Monday | Weekday::Tuesday | Weekday::Thursday),
        },
        (7, 5) => weekday == Weekday::Friday && day.year() < 2013,
        (11, _) => day.yesterday().is_ok_and(is_thanksgiving),
        (12, 24) => true,
        _ => false,
    }
}

/// Two days before Easter Sunday, by the anonymous Gregorian computus (Meeus, Jones, Butcher).
fn good_friday(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let position = epact + weekday - 7 * late + 114;
    let small = |n: i32| i8::try_from(n).ok();
    let easter =
        Date::new(i16::try_from(year).ok()?, small(position / 31)?, small(position % 31 + 1)?)
            .ok()?;
    easter.yesterday().and_then(Date::yesterday).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn count(year: i16) -> usize {
        let first = TradingDay::from_ymd(year, 1, 1).expect("a first of January");
        let last = TradingDay::from_ymd(year, 12, 31).expect("a last of December");
        sessions(first, last).count()
    }

    #[test]
    fn a_year_has_as_many_sessions_as_the_exchange_held() {
        let known = [
            (1998, 252),
            (1999, 252),
            (2000, 252),
            (2001, 248),
            (2002, 252),
            (2003, 252),
            (2004, 252),
            (2005, 252),
            (2006, 251),
            (2007, 251),
            (2008, 253),
            (2009, 252),
            (2010, 252),
            (2011, 252),
            (2012, 250),
            (2013, 252),
            (2014, 252),
            (2015, 252),
            (2016, 252),
            (2017, 251),
            (2018, 251),
            (2019, 252),
            (2020, 253),
            (2021, 252),
            (2022, 251),
            (2023, 250),
            (2024, 252),
            (2025, 250),
        ];
        for (year, sessions) in known {
            assert_eq!(count(year), sessions, "{year}");
        }
    }

    #[test]
    fn holidays_and_closures_have_no_session() {
        let closed = [
            "2023-01-02",
            "2024-01-15",
            "2024-02-19",
            "2024-03-29",
            "1998-04-10",
            "2024-05-27",
            "2022-06-20",
            "2020-07-03",
            "2021-07-05",
            "2024-09-02",
            "2023-11-23",
            "2021-12-24",
            "2022-12-26",
            "2001-09-11",
            "2001-09-14",
            "2004-06-11",
            "2007-01-02",
            "2012-10-29",
            "2012-10-30",
            "2018-12-05",
            "2025-01-09",
            "2024-06-15",
            "2024-06-16",
        ];
        for text in closed {
            assert_eq!(session(day(text)), None, "{text}");
        }
        // New Year 2022 and 2011 fell on Saturdays; Juneteenth was no holiday before 2022.
        for text in ["2021-12-31", "2010-12-31", "2021-06-18", "2001-09-17", "2012-10-31"] {
            assert_eq!(session(day(text)), Some(Session::Full), "{text}");
        }
    }

    #[test]
    fn half_days_close_at_one() {
        let half = [
            "2024-07-03",
            "2023-07-03",
            "2013-07-03",
            "2002-07-05",
            "2003-07-03",
            "2024-11-29",
            "2024-12-24",
            "1999-12-31",
            "2003-12-26",
            "2001-07-03",
        ];
        for text in half {
            assert_eq!(session(day(text)), Some(Session::Half), "{text}");
        }
        for text in ["2002-07-03", "2019-07-05", "2022-07-01", "2021-12-23", "2016-07-05"] {
            assert_eq!(session(day(text)), Some(Session::Full), "{text}");
        }
    }

    #[test]
    fn hours_follow_daylight_saving() {
        let at = |text: &str| text.parse::<Timestamp>().expect(text);
        assert_eq!(Session::Full.regular_open(day("2024-01-02")), at("2024-01-02T14:30:00Z"));
        assert_eq!(Session::Full.regular_close(day("2024-07-01")), at("2024-07-01T20:00:00Z"));
        assert_eq!(Session::Half.regular_close(day("2024-11-29")), at("2024-11-29T18:00:00Z"));
        assert_eq!(Session::Half.extended_close(day("2024-07-03")), at("2024-07-03T21:00:00Z"));
        // Winter's extended hours end on the next day in UTC.
        assert_eq!(Session::Full.extended_close(day("2024-01-02")), at("2024-01-03T01:00:00Z"));
        assert_eq!(Session::Full.extended_open(day("2024-01-02")), at("2024-01-02T09:00:00Z"));
    }

    #[test]
    fn a_late_opening_moves_the_open_and_nothing_else() {
        let at = |text: &str| text.parse::<Timestamp>().expect(text);
        let late = day("2002-09-11");
        assert_eq!(session(late), Some(Session::Full));
        assert_eq!(Session::Full.regular_open(late), at("2002-09-11T16:00:00Z"), "noon");
        assert_eq!(Session::Full.regular_close(late), at("2002-09-11T20:00:00Z"));
        assert_eq!(Session::Full.regular_open(late.next()), at("2002-09-12T13:30:00Z"));
    }

    #[test]
    fn ranges_are_inclusive_and_may_be_empty() {
        let week: Vec<_> = sessions(day("2024-11-25"), day("2024-11-29")).collect();
        assert_eq!(week.len(), 4);
        assert_eq!(week[3], (day("2024-11-29"), Session::Half));
        assert_eq!(sessions(day("2024-11-29"), day("2024-11-25")).count(), 0);
        assert_eq!(sessions(TradingDay::MAX, TradingDay::MAX).count(), 1);
    }
}
