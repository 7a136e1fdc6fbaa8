//! The time zone that days are counted in: New York, unless a tree is to match what an older system
//! wrote.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::trading_day::{NEW_YORK, TradingDay};

/// The time zone in which days begin and end, and so in which rows are assigned to files.
///
/// ```
/// use shared::market::zone::Zone;
///
/// let evening = 1_709_946_000_000; // 2024-03-09 01:00 UTC, 20:00 in New York
/// assert_eq!(Zone::NewYork.day_of_ms(evening), "2024-03-08".parse().ok());
/// assert_eq!(Zone::Utc.day_of_ms(evening), "2024-03-09".parse().ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Zone {
    /// The exchange's own days.
    #[default]
    NewYork,
    /// Days as the Python system wrote them: a winter evening's trades fall on the next day.
    Utc,
}

impl Zone {
    /// The name in `_dataset.json` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewYork => "America/New_York",
            Self::Utc => "UTC",
        }
    }

    /// The day of an instant in ms since the epoch (UTC); `None` outside the days that can be
    /// named.
    pub fn day_of_ms(self, ms: i64) -> Option<TradingDay> {
        let date = self.civil(ms)?.date();
        TradingDay::from_ymd(date.year(), date.month(), date.day())
    }

    /// Midnight that begins `day`, ms since the epoch (UTC).
    pub fn start_ms(self, day: TradingDay) -> i64 {
        match self {
            Self::NewYork => day.start_utc_ms(),
            Self::Utc => i64::from(TradingDay::MIN.days_until(day)) * 86_400_000,
        }
    }

    /// Date and time of day in this zone; `None` for an instant that can't be named.
    pub fn civil(self, ms: i64) -> Option<DateTime> {
        let at = Timestamp::from_millisecond(ms).ok()?;
        Some(match self {
            Self::NewYork => NEW_YORK.to_datetime(at),
            Self::Utc => TimeZone::UTC.to_datetime(at),
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::NewYork, Self::Utc];
        let named = known.into_iter().find(|zone| zone.name().eq_ignore_ascii_case(text));
        named.ok_or_else(|| {
            format!("{text:?} is not a time zone for days (America/New_York or UTC)")
        })
    }
}

crate::as_text!(Zone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winter_evening_falls_on_two_days() {
        let ms = "2024-01-03T00:59:59Z".parse::<Timestamp>().expect("an instant").as_millisecond();
        assert_eq!(Zone::NewYork.day_of_ms(ms).map(String::from).as_deref(), Some("2024-01-02"));
        assert_eq!(Zone::Utc.day_of_ms(ms).map(String::from).as_deref(), Some("2024-01-03"));
    }

    #[test]
    fn a_day_begins_where_its_zone_says() {
        for (zone, date, start) in [
            (Zone::NewYork, "2024-03-10", "2024-03-10T05:00:00Z"),
            (Zone::NewYork, "2024-03-11", "2024-03-11T04:00:00Z"),
            (Zone::NewYork, "2024-11-04", "2024-11-04T05:00:00Z"),
            (Zone::Utc, "2024-03-11", "2024-03-11T00:00:00Z"),
        ] {
            let day: TradingDay = date.parse().expect(date);
            let start: Timestamp = start.parse().expect(start);
            assert_eq!(zone.start_ms(day), start.as_millisecond(), "{zone} {date}");
            assert_eq!(zone.day_of_ms(zone.start_ms(day)), Some(day));
            assert_eq!(zone.day_of_ms(zone.start_ms(day) - 1), Some(day.previous()));
        }
    }
}
