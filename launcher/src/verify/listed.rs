//! Listings: between which days a ticker was listed, as far as somebody says so. Pure.
//!
//! Who does not know is told as not knowing: the days on which the source has rows bound what is
//! expected then, and only where the source has confirmed that there is nothing beyond them.

use std::collections::BTreeMap;

use shared::dataset::coverage::DateRange;
use shared::dataset::listing_days::ListingRow;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// When a ticker was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its first day; `None` where nobody says it.
    pub first: Option<TradingDay>,
    /// Its end.
    pub last: Last,
}

/// When a listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It goes on.
    Open,
    /// On this day.
    Day(TradingDay),
    /// Nobody says whether it has ended.
    Unknown,
}

impl Listed {
    /// Nobody says anything.
    pub const UNKNOWN: Self = Self { first: None, last: Last::Unknown };

    /// Those of `days` on which it may have been listed; `None` where it was not.
    pub fn within(self, days: DateRange) -> Option<DateRange> {
        let from = self.first.unwrap_or(TradingDay::MIN);
        let to = match self.last {
            Last::Day(day) => day,
            Last::Open | Last::Unknown => TradingDay::MAX,
        };
        DateRange::new(from, to)?.intersection(days)
    }

    /// Are both ends known?
    pub fn is_known(self) -> bool {
        self.first.is_some() && self.last != Last::Unknown
    }
}

/// The listings of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listings {
    of: BTreeMap<Ticker, Listed>,
}

impl Listings {
    /// Those of `rows`. A symbol that several securities had is listed from the first day of the
    /// first, if all are known, to the end of the last.
    pub fn of_rows(rows: &[ListingRow]) -> Self {
        let mut of: BTreeMap<Ticker, Listed> = BTreeMap::new();
        for row in rows {
            let Ok(ticker) = row.ticker.parse::<Ticker>() else { continue };
            let last = match (row.is_active, row.delisted) {
                (Some(true), _) | (None, None) => Last::Open,
                (Some(false) | None, Some(day)) => Last::Day(day),
                (Some(false), None) => Last::Unknown,
            };
            let listed = Listed { first: row.first, last };
            of.entry(ticker).and_modify(|known| *known = joined(*known, listed)).or_insert(listed);
        }
        Self { of }
    }

    /// Of `ticker`; unknown where no row has it.
    pub fn of(&self, ticker: &Ticker) -> Listed {
        self.of.get(ticker).copied().unwrap_or(Listed::UNKNOWN)
    }
}

fn joined(one: Listed, other: Listed) -> Listed {
    let last = match (one.last, other.last) {
        (Last::Open, _) | (_, Last::Open) => Last::Open,
        (Last::Day(one), Last::Day(other)) => Last::Day(one.max(other)),
        (Last::Unknown, _) | (_, Last::Unknown) => Last::Unknown,
    };
    Listed { first: one.first.zip(other.first).map(|(one, other)| one.min(other)), last }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn row(
        ticker: &str,
        is_active: Option<bool>,
        first: Option<&str>,
        delisted: Option<&str>,
    ) -> ListingRow {
        ListingRow {
            ticker: ticker.to_owned(),
            is_active,
            first: first.map(day),
            delisted: delisted.map(day),
        }
    }

    #[test]
    fn what_a_snapshot_does_not_say_is_unknown_and_bounds_nothing() {
        let listings = Listings::of_rows(&[
            row("NOW", Some(true), Some("2012-06-29"), None),
            row("GONE", Some(false), Some("2001-02-01"), Some("2020-05-04")),
            row("OLD", Some(true), None, None),
            row("TWICE", Some(false), Some("1999-01-04"), Some("2005-01-03")),
            row("TWICE", Some(true), Some("2010-01-04"), None),
        ]);
        let asked = DateRange::new(day("2004-01-01"), day("2024-12-31")).expect("in order");
        let within = |ticker: &str| {
            let listed = listings.of(&ticker.parse().expect("a ticker"));
            (listed.within(asked).map(|days| days.to_string()), listed.is_known())
        };
        let said = |days: &str| Some(days.to_owned());
        assert_eq!(within("NOW"), (said("2012-06-29..2024-12-31"), true));
        assert_eq!(within("GONE"), (said("2004-01-01..2020-05-04"), true));
        assert_eq!(within("OLD"), (said("2004-01-01..2024-12-31"), false));
        assert_eq!(within("TWICE"), (said("2004-01-01..2024-12-31"), true));
        assert_eq!(within("NOBODY"), (said("2004-01-01..2024-12-31"), false));
    }
}
