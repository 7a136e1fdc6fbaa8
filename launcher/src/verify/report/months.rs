//! Months: the columns of the map, numbered from the first month asked about.

use shared::dataset::coverage::DateRange;
use shared::market::trading_day::TradingDay;

/// The calendar months that a range of days touches, in order; at least one.
///
/// ```
/// use launcher::verify::report::Months;
/// use shared::dataset::coverage::DateRange;
///
/// let day = |text: &str| text.parse().expect("a day");
/// let months = Months::of(DateRange::new(day("2023-12-31"), day("2024-02-01")).expect("in order"));
/// assert_eq!((months.count(), months.name(1)), (3, "2024-01".to_owned()));
/// assert_eq!(months.index(day("2024-02-29")), Some(2));
/// assert_eq!(months.index(day("2023-11-30")), None);
/// assert_eq!(months.days(2).to_string(), "2024-02-01..2024-02-29");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    /// Months since year 0.
    first: u32,
    count: usize,
}

impl Months {
    /// Those of `days`.
    pub fn of(days: DateRange) -> Self {
        let (first, last) = (number(days.from()), number(days.to()));
        Self { first, count: (last - first) as usize + 1 }
    }

    /// How many, at least 1.
    pub fn count(self) -> usize {
        self.count
    }

    /// The place of the month of `day`; `None` where it is none of these.
    pub fn index(self, day: TradingDay) -> Option<usize> {
        let place = number(day).checked_sub(self.first)? as usize;
        (place < self.count).then_some(place)
    }

    /// The places of the months that `days` touch; nothing where none is among these.
    pub fn touched(self, days: DateRange) -> std::ops::Range<usize> {
        let place = |day: TradingDay| number(day).saturating_sub(self.first) as usize;
        let (from, to) = (place(days.from()).min(self.count), self.end_of(days.to()));
        from.min(to)..to
    }

    fn end_of(self, day: TradingDay) -> usize {
        match number(day).checked_sub(self.first) {
            Some(place) => (place as usize + 1).min(self.count),
            None => 0,
        }
    }

    /// `2024-03`.
    pub fn name(self, index: usize) -> String {
        let (year, month) = self.year_and_month(index);
        format!("{year:04}-{month:02}")
    }

    /// All days of the month, whatever was asked about.
    pub fn days(self, index: usize) -> DateRange {
        let (year, month) = self.year_and_month(index);
        let first = TradingDay::from_ymd(year, month, 1).expect("a month of days that were asked");
        DateRange::new(first, first.last_of_month()).expect("a month ends after it begins")
    }

    fn year_and_month(self, index: usize) -> (i16, i8) {
        let number = self.first + u32::try_from(index).unwrap_or(u32::MAX - self.first);
        let year = i16::try_from(number / 12).unwrap_or(i16::MAX);
        let month = i8::try_from(number % 12 + 1).expect("1 to 12");
        (year, month)
    }
}

/// Months since year 0.
fn number(day: TradingDay) -> u32 {
    let year = u32::try_from(day.year()).expect("days begin in 1970");
    year * 12 + u32::try_from(day.month() - 1).expect("a month is 1 to 12")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_touches_the_months_between_its_ends_as_far_as_they_were_asked_about() {
        let day = |text: &str| text.parse::<TradingDay>().expect(text);
        let range = |from, to| DateRange::new(day(from), day(to)).expect("in order");
        let months = Months::of(range("2024-01-15", "2024-06-10"));
        for (from, to, expected) in [
            ("2024-01-01", "2024-01-31", 0..1),
            ("2023-01-01", "2024-02-01", 0..2),
            ("2024-05-31", "2025-12-31", 4..6),
            ("2020-01-01", "2023-12-31", 0..0),
        ] {
            assert_eq!(months.touched(range(from, to)), expected, "{from}..{to}");
        }
        assert!(months.touched(range("2024-07-01", "2024-08-01")).is_empty());
    }
}
