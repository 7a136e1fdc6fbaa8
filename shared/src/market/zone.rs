//! The time zone that days are counted in: New York, unless a tree is to match what an older system
//! wrote.

use std::fmt;
use std::ops::Range;
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

/// Tells the days of stamps that come in time order: the zone is asked once a day, not once a row.
/// In any other order it tells the same, and is slower.
///
/// ```
/// use shared::market::zone::{DayFinder, Zone};
///
/// let mut days = DayFinder::new(Zone::NewYork);
/// let open = 1_709_908_200_000; // 2024-03-08 09:30 in New York
/// assert_eq!(days.day_of_ms(open), "2024-03-08".parse().ok());
/// assert_eq!(days.minute_of_ms(open), Some(9 * 60 + 30));
/// ```
#[derive(Debug, Clone)]
pub struct DayFinder {
    zone: Zone,
    /// The day found last, and the stamps that it has.
    last: Option<(TradingDay, Range<i64>)>,
}

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

impl DayFinder {
    /// Of days in `zone`.
    pub fn new(zone: Zone) -> Self {
        Self { zone, last: None }
    }

    /// The day of an instant in ms since the epoch (UTC); `None` outside the days that can be
    /// named.
    pub fn day_of_ms(&mut self, ms: i64) -> Option<TradingDay> {
        self.find(ms).map(|(day, _)| *day)
    }

    /// How many minutes the clocks of the zone are past midnight at an instant, 0 to 1439; `None`
    /// outside the days that can be named.
    pub fn minute_of_ms(&mut self, ms: i64) -> Option<u16> {
        let (_, stamps) = self.find(ms)?;
        // On the other days the clocks are set.
        if stamps.end - stamps.start == DAY_MS {
            return u16::try_from((ms - stamps.start) / MINUTE_MS).ok();
        }
        let at = self.zone.civil(ms)?;
        u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).ok()
    }

    fn find(&mut self, ms: i64) -> Option<&(TradingDay, Range<i64>)> {
        if !self.last.as_ref().is_some_and(|(_, stamps)| stamps.contains(&ms)) {
            let day = self.zone.day_of_ms(ms)?;
            self.last = Some((day, self.zone.start_ms(day)..self.zone.start_ms(day.next())));
        }
        self.last.as_ref()
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_day_finder_tells_what_the_zone_tells(
            zone in prop::sample::select(vec![Zone::NewYork, Zone::Utc]),
            from in -90_000_000_000_i64..7_300_000_000_000,
            steps in proptest::collection::vec(-8_000_000_i64..30_000_000, 1..200),
        ) {
            let mut days = DayFinder::new(zone);
            let mut ms = from;
            for step in steps {
                ms += step;
                prop_assert_eq!(days.day_of_ms(ms), zone.day_of_ms(ms), "{}", ms);
                let minute = zone.civil(ms).map(|at| i32::from(at.hour()) * 60 + i32::from(at.minute()));
                let minute = minute.filter(|_| zone.day_of_ms(ms).is_some());
                prop_assert_eq!(days.minute_of_ms(ms).map(i32::from), minute, "{}", ms);
            }
        }
    }

    #[test]
    fn a_day_finder_knows_days_on_which_clocks_are_set() {
        for (instant, minute) in [
            ("2024-03-10T06:59:00Z", 119),
            ("2024-03-10T07:00:00Z", 3 * 60),
            ("2024-11-03T05:30:00Z", 90),
            ("2024-11-03T06:30:00Z", 90),
            ("2024-11-04T04:59:59Z", 23 * 60 + 59),
        ] {
            let ms = instant.parse::<Timestamp>().expect(instant).as_millisecond();
            let mut days = DayFinder::new(Zone::NewYork);
            assert_eq!(days.minute_of_ms(ms), Some(minute), "{instant}");
            assert_eq!(days.day_of_ms(ms), Zone::NewYork.day_of_ms(ms), "{instant}");
        }
    }

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
