//! Calendar days in New York and instants in UTC, and the bridge between them.
//!
//! Which days have a session is the exchange calendar's business, not this file's.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The exchange's time zone, compiled in.
pub static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");

/// Stamps of trades are ns, those of the vendor's bars ms.
pub const NS_PER_MS: i64 = 1_000_000;

/// Extended trading ends at this New York hour; no trade of the day is stamped later.
const SESSION_OVER_HOUR: i8 = 20;

/// A calendar day in `America/New_York`, from 1970-01-01 to 2199-12-31, with a session or without.
///
/// Its text has one form, `YYYY-MM-DD`. Days are ordered by time. No zone database of the machine
/// can shift one: New York's rules are compiled in.
///
/// ```
/// use shared::market::trading_day::TradingDay;
///
/// let day: TradingDay = "2024-03-08".parse()?;
/// assert_eq!(day.start_utc_ms(), 1_709_874_000_000, "midnight in New York is 05:00 UTC in winter");
/// assert_eq!(day.plus_days(3).to_string(), "2024-03-11");
/// assert_eq!(TradingDay::of_utc_ms(day.start_utc_ms() - 1), Some(day.previous()));
/// assert!("2024-3-8".parse::<TradingDay>().is_err());
/// # Ok::<(), shared::market::trading_day::TradingDayError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TradingDay(Date);

/// Why a text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date (YYYY-MM-DD, from 1970-01-01 to 2199-12-31)")]
pub struct TradingDayError(String);

impl TradingDay {
    /// The earliest day that can be named.
    pub const MIN: Self = Self(date(1970, 1, 1));
    /// The latest day that can be named.
    pub const MAX: Self = Self(date(2199, 12, 31));

    /// The day of a Gregorian date; `None` outside `MIN..=MAX` or for a date that does not exist.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().and_then(Self::within)
    }

    /// The New York day of an instant in milliseconds since the epoch (UTC).
    pub fn of_utc_ms(ms: i64) -> Option<Self> {
        let at = Timestamp::from_millisecond(ms).ok()?;
        Self::within(NEW_YORK.to_datetime(at).date())
    }

    /// The New York day of an instant in nanoseconds since the epoch (UTC).
    pub fn of_utc_ns(ns: i64) -> Option<Self> {
        Self::of_utc_ms(ns.div_euclid(NS_PER_MS))
    }

    /// The New York day of an instant.
    pub fn of(at: Timestamp) -> Option<Self> {
        Self::within(NEW_YORK.to_datetime(at).date())
    }

    fn within(date: Date) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&date).then_some(Self(date))
    }

    /// Year, such as 2024.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// Month, 1 to 12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The civil date.
    pub fn date(self) -> Date {
        self.0
    }

    /// The next calendar day; [`TradingDay::MAX`] stays where it is.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.tomorrow().ok().and_then(Self::within).unwrap_or(self)
    }

    /// The calendar day before; [`TradingDay::MIN`] stays where it is.
    #[must_use]
    pub fn previous(self) -> Self {
        self.0.yesterday().ok().and_then(Self::within).unwrap_or(self)
    }

    /// New York midnight that begins the day, ms since the epoch (UTC): `t` of the vendor's daily
    /// bar.
    pub fn start_utc_ms(self) -> i64 {
        self.at_hour(0).as_millisecond()
    }

    /// When extended trading of the day is over (20:00 New York).
    pub fn session_over(self) -> Timestamp {
        self.at_hour(SESSION_OVER_HOUR)
    }

    fn at_hour(self, hour: i8) -> Timestamp {
        // 00:00 and 20:00 never fall into New York's switches, which happen at 02:00.
        NEW_YORK
            .to_timestamp(self.0.at(hour, 0, 0, 0))
            .expect("days from 1970 to 2199 are inside jiff's range")
    }

    /// The last day whose session is over and whose `settle` delay has passed at `now`.
    /// Data of later days may still change: they are never counted as covered.
    pub fn last_settled(now: Timestamp, settle: SignedDuration) -> Self {
        let today = Self::of(now).unwrap_or(Self::MAX);
        let mut day = today;
        while day > Self::MIN && day.session_over().checked_add(settle).map_or(true, |at| at > now)
        {
            day = day.previous();
        }
        day
    }

    /// The last day of its calendar month.
    #[must_use]
    pub fn last_of_month(self) -> Self {
        Self::within(self.0.last_of_month()).unwrap_or(Self::MAX)
    }

    /// Whole days from `self` to `later`; negative when `later` is earlier.
    pub fn days_until(self, later: Self) -> i32 {
        self.0.until(later.0).map_or(0, |span| span.get_days())
    }

    /// The day `days` later (or earlier, when negative), held inside `MIN..=MAX`.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        // More days than a calendar has are no span of days.
        let span = Span::new().try_days(days).ok();
        let moved = span.and_then(|span| self.0.checked_add(span).ok()).and_then(Self::within);
        moved.unwrap_or(if days < 0 { Self::MIN } else { Self::MAX })
    }
}

impl FromStr for TradingDay {
    type Err = TradingDayError;

    fn from_str(text: &str) -> Result<Self, TradingDayError> {
        let wrong = || TradingDayError(text.to_owned());
        // One spelling is enough here, and a tree has millions of them.
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
            return Err(wrong());
        };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_i16, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
            })
        };
        let small = |digits: &[u8]| number(digits).and_then(|number| i8::try_from(number).ok());
        let date = number(&[y1, y2, y3, y4]).zip(small(&[m1, m2])).zip(small(&[d1, d2]));
        date.and_then(|((year, month), day)| Self::from_ymd(year, month, day)).ok_or_else(wrong)
    }
}

crate::as_text!(TradingDay);

impl fmt::Display for TradingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for TradingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    #[test]
    fn only_real_dates_in_one_spelling_are_days() {
        for text in [
            "2024-13-01",
            "2024-02-30",
            "20240131",
            "2024-1-1",
            "1969-12-31",
            "2024-01-01T00",
            "",
            "+024-01-01",
        ] {
            assert!(text.parse::<TradingDay>().is_err(), "{text:?}");
        }
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
    }

    #[test]
    fn midnight_follows_daylight_saving() {
        // The recorded AAPL bars of 2005 on both sides of the change (fixture
        // aggs_day_AAPL_2005_dst_change).
        assert_eq!(day("2005-04-01").start_utc_ms(), 1_112_331_600_000);
        assert_eq!(day("2005-04-04").start_utc_ms(), 1_112_587_200_000);
    }

    #[test]
    fn a_winter_evening_belongs_to_the_new_york_day() {
        let late: Timestamp = "2024-01-03T00:59:59Z".parse().expect("an instant");
        assert_eq!(TradingDay::of(late), Some(day("2024-01-02")));
    }

    #[test]
    fn today_is_never_settled() {
        let settle = SignedDuration::from_hours(15);
        let at = |text: &str| TradingDay::last_settled(text.parse().expect("an instant"), settle);
        // 2024-07-01 20:00 New York is 2024-07-02 00:00Z; fifteen hours later is 15:00Z.
        assert_eq!(at("2024-07-02T14:59:59Z"), day("2024-06-30"));
        assert_eq!(at("2024-07-02T15:00:00Z"), day("2024-07-01"));
        let none = TradingDay::last_settled(
            "2024-07-02T15:00:00Z".parse().expect("an instant"),
            SignedDuration::ZERO,
        );
        assert_eq!(none, day("2024-07-01"));
    }
}
