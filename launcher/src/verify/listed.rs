//! Listings: between which days a ticker was listed, and as which security, as far as the reference
//! data say so. Pure.
//!
//! Who does not know is told as not knowing: the days on which the source has rows bound what is
//! expected then, and only where the source has confirmed that there is nothing beyond them.

use std::collections::BTreeMap;

use shared::dataset::coverage::DateRange;
use shared::dataset::reference::Reference;
use shared::market::listed_periods::{Doubt, Securities};
use shared::market::security::{End, ListedPeriod, Security};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::thousands::{counted, grouped};

/// When a ticker was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its first day; `None` where nobody says it.
    pub first: Option<TradingDay>,
    /// Its end.
    pub last: Last,
    /// Days between them on which it was listed for nobody, or perhaps for nobody: that the source
    /// has no rows of them means nothing.
    pub off: &'a [DateRange],
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

impl Listed<'_> {
    /// Nobody says anything.
    pub const UNKNOWN: Self = Self { first: None, last: Last::Unknown, off: &[] };

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

/// The listings of the newest reference data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listings {
    securities: Securities,
    /// Of each ticker that has such days.
    off: BTreeMap<Ticker, Vec<DateRange>>,
    has_events: bool,
}

impl Listings {
    /// By these securities. A symbol that several of them had is listed from the first day of the
    /// first to the end of the last.
    pub fn of_securities(securities: Securities) -> Self {
        let mut off: BTreeMap<Ticker, Vec<DateRange>> = BTreeMap::new();
        let mut before: Option<&ListedPeriod> = None;
        for period in securities.all() {
            let own = before.filter(|before| before.ticker == period.ticker);
            let begin = own.and_then(|before| gap(before, period));
            let end = match period.to {
                End::By(day) => DateRange::new(day, day),
                End::On(_) | End::Open | End::Unknown => None,
            };
            for days in begin.into_iter().chain(end) {
                off.entry(period.ticker.clone()).or_default().push(days);
            }
            before = Some(period);
        }
        Self { securities, off, has_events: true }
    }

    /// By the tables of `worker reference`.
    pub fn of_reference(reference: Reference) -> Self {
        let has_events = reference.events.is_some();
        Self { has_events, ..Self::of_securities(reference.securities) }
    }

    /// What they do not tell of `tickers`, which are sorted, and what is not believed of it.
    pub fn unknown(&self, tickers: &[Ticker]) -> Vec<String> {
        let mut said = Vec::new();
        if !self.has_events {
            said.push(
                "the reference has no ticker events (`worker reference --ticker-events`): the day on \
                 which a symbol came to another security is not known"
                    .to_owned(),
            );
        }
        let is_asked = |doubt: &&Doubt| tickers.binary_search(&doubt.ticker).is_ok();
        let mut doubts = self.securities.doubts.iter().filter(is_asked);
        if let Some(first) = doubts.next() {
            let count = counted(1 + doubts.count() as u64, "statement");
            said.push(format!(
                "the reference contradicts itself; left out: {count}, such as {first}"
            ));
        }
        said
    }

    /// Of `ticker`; unknown where nothing is known of it.
    pub fn of(&self, ticker: &Ticker) -> Listed<'_> {
        let periods = self.periods(ticker);
        let (Some(first), Some(last)) = (periods.first(), periods.last()) else {
            return Listed::UNKNOWN;
        };
        Listed {
            first: first.from,
            last: match last.to {
                End::On(day) | End::By(day) => Last::Day(day),
                End::Open => Last::Open,
                End::Unknown => Last::Unknown,
            },
            off: self.off.get(ticker).map_or(&[], Vec::as_slice),
        }
    }

    /// The periods of `ticker`, each of one security, in time order.
    pub fn periods(&self, ticker: &Ticker) -> &[ListedPeriod] {
        self.securities.ticker(ticker).map_or(&[], |periods| periods.periods())
    }

    /// The days between two securities on which nobody had `ticker`.
    pub fn gaps(&self, ticker: &Ticker) -> Vec<DateRange> {
        self.periods(ticker).windows(2).filter_map(|pair| gap(&pair[0], &pair[1])).collect()
    }

    /// A security for people: its FIGI and its name.
    pub fn called(&self, security: &Security) -> String {
        match self.securities.name(security) {
            Some(name) => format!("{security} ({name})"),
            None => security.to_string(),
        }
    }
}

/// So many tickers are named.
const NAMED_MAX: usize = 5;

/// What is said of `unlisted`, the tickers of `all` whose listing dates are not known.
pub fn undated(listings: Option<&Listings>, unlisted: &[&Ticker], all: u64) -> Vec<String> {
    let of = |some: usize| format!("{} of {}", grouped(&some.to_string()), counted(all, "ticker"));
    let are = |some: usize| if some == 1 { "is" } else { "are" };
    let effect = "days without rows before their first and behind their last row count as outside \
                  the listing where the source has confirmed them";
    let dates = |some: usize| format!("the listing dates of {} are not known", of(some));
    let Some(listings) = listings else {
        let some = unlisted.len();
        let said = || format!("{} (no --reference); {effect}", dates(some));
        return (some > 0).then(said).into_iter().collect();
    };
    let is_absent = |ticker: &&Ticker| listings.periods(ticker).is_empty();
    let (absent, undated): (Vec<&Ticker>, Vec<&Ticker>) =
        unlisted.iter().copied().partition(is_absent);
    let mut said = Vec::new();
    if !absent.is_empty() {
        let (of, are) = (of(absent.len()), are(absent.len()));
        let names = named(&absent);
        said.push(format!(
            "{of} {are} not known to the snapshot of --reference: {names}; {effect}"
        ));
    }
    if !undated.is_empty() {
        let (dates, names) = (dates(undated.len()), named(&undated));
        said.push(format!("{dates} to the snapshot of --reference: {names}; {effect}"));
    }
    said
}

/// `MAMTH, NOPE and 3 more`.
fn named(tickers: &[&Ticker]) -> String {
    let names: Vec<&str> = tickers.iter().take(NAMED_MAX).map(|it| it.as_str()).collect();
    match tickers.len().saturating_sub(NAMED_MAX) {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), grouped(&more.to_string())),
    }
}

/// The days between two periods, where both ends are known.
fn gap(before: &ListedPeriod, period: &ListedPeriod) -> Option<DateRange> {
    let behind = match before.to {
        End::On(day) | End::By(day) => day.next(),
        End::Open | End::Unknown => return None,
    };
    DateRange::new(behind, period.from?.previous())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::market::listed_periods::{AskedOf, ListedRow, TickerEvents};

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn row(ticker: &str, active: bool, first: &str, delisted: &str) -> ListedRow {
        let day_of = |text: &str| (!text.is_empty()).then(|| day(text));
        ListedRow {
            ticker: ticker.parse().expect("a ticker"),
            active,
            delisted: day_of(delisted),
            composite: None,
            share_class: None,
            place: 0,
            cik: None,
            name: String::new(),
            list_date: day_of(first),
        }
    }

    #[test]
    fn what_a_snapshot_does_not_say_is_unknown_and_bounds_nothing() {
        let rows = [
            row("NOW", true, "2012-06-29", ""),
            row("GONE", false, "2001-02-01", "2020-05-04"),
            row("OLD", true, "", ""),
            row("TWICE", false, "1999-01-04", "2005-01-03"),
            row("TWICE", true, "2010-01-04", ""),
            row("LOST", false, "2001-02-01", ""),
        ];
        let listings = Listings::of_securities(Securities::of(&rows, &[]));
        let asked = DateRange::new(day("2004-01-01"), day("2024-12-31")).expect("in order");
        let within = |ticker: &str| {
            let listed = listings.of(&ticker.parse().expect("a ticker"));
            let off: Vec<String> = listed.off.iter().map(ToString::to_string).collect();
            (listed.within(asked).map(|days| days.to_string()), listed.is_known(), off.join(" "))
        };
        let said =
            |days: &str, is_known, off: &str| (Some(days.to_owned()), is_known, off.to_owned());
        assert_eq!(within("NOW"), said("2012-06-29..2024-12-31", true, ""));
        assert_eq!(
            within("GONE"),
            said("2004-01-01..2020-05-04", true, "2020-05-04"),
            "whether it traded on the day of its delisting is not known"
        );
        assert_eq!(within("OLD"), said("2004-01-01..2024-12-31", false, ""));
        assert_eq!(
            within("TWICE"),
            said("2004-01-01..2024-12-31", true, "2005-01-03 2005-01-04..2010-01-03")
        );
        assert_eq!(within("LOST"), said("2004-01-01..2024-12-31", false, ""));
        assert_eq!(within("NOBODY"), said("2004-01-01..2024-12-31", false, ""));
    }

    #[test]
    fn tickers_that_the_snapshot_does_not_know_are_named_five_at_most() {
        let rows = [row("NOW", true, "2012-06-29", ""), row("OLD", true, "", "")];
        let listings = Listings::of_securities(Securities::of(&rows, &[]));
        let said = |names: &[&str]| {
            let tickers: Vec<Ticker> =
                names.iter().map(|name| name.parse().expect("a ticker")).collect();
            let said = undated(Some(&listings), &tickers.iter().collect::<Vec<_>>(), 9);
            let heads = said.iter().map(|it| it.split("; ").next().unwrap_or_default().to_owned());
            heads.collect::<Vec<_>>()
        };
        assert_eq!(
            said(&["MAMTH", "NOPE", "OLD"]),
            [
                "2 of 9 tickers are not known to the snapshot of --reference: MAMTH, NOPE",
                "the listing dates of 1 of 9 tickers are not known to the snapshot of --reference: OLD"
            ]
        );
        assert_eq!(
            said(&["A", "B", "C", "D", "E", "F", "G"]),
            [
                "7 of 9 tickers are not known to the snapshot of --reference: A, B, C, D, E and 2 more"
            ]
        );
        assert_eq!(said(&[]), [] as [String; 0]);
    }

    #[test]
    fn what_the_reference_does_not_tell_and_what_contradicts_is_said_of_those_asked_about() {
        let figi = "BBG000D40Z80".parse().expect("a FIGI");
        let tssi = ListedRow { composite: Some(figi), ..row("TSSI", true, "", "") };
        let events = TickerEvents {
            asked: AskedOf::Composite("BBG000D40Z80".parse().expect("a FIGI")),
            composite: None,
            changes: [("2021-09-23", "TSSI"), ("2023-11-18", "S258")]
                .map(|(since, symbol)| (day(since), symbol.parse().expect("a ticker")))
                .to_vec(),
        };
        let reference = |events: Vec<TickerEvents>, day| Reference {
            listed: "2026-10-30".parse().expect("a day"),
            details: None,
            events: day,
            securities: Securities::of(std::slice::from_ref(&tssi), &events),
        };
        let asked = |symbol: &str| [symbol.parse::<Ticker>().expect("a ticker")];
        let bare = Listings::of_reference(reference(Vec::new(), None));
        assert!(bare.unknown(&asked("TSSI"))[0].starts_with("the reference has no ticker events"));
        let full = Listings::of_reference(reference(vec![events], Some(day("2026-10-30"))));
        assert_eq!(full.unknown(&asked("TSSI")), [] as [String; 0]);
        assert_eq!(
            full.unknown(&asked("S258")),
            [
                "the reference contradicts itself; left out: 1 statement, such as S258 as BBG000D40Z80: it trades under another symbol"
            ]
        );
    }
}
