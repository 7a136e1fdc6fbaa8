//! Whose ticker events there are to ask for: each security of a snapshot once, by the FIGI of its
//! composite where it has one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::market::security::Figi;
use shared::market::ticker::Ticker;

use super::answers::Answer;
use super::ask::ReferenceSource;
use super::events::{self, EventsOf, SecurityEvents};
use super::survey::Question;
use super::tickers::Listed;
use crate::api::failure::Failure;

/// What the source said of one security.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsAnswer {
    /// Whose events were asked for.
    pub of: EventsOf,
    /// `None`: nothing is known of it (404).
    pub events: Option<SecurityEvents>,
}

impl Answer for EventsAnswer {
    type Key = EventsOf;

    fn key(&self) -> EventsOf {
        self.of.clone()
    }

    fn is_known(&self) -> bool {
        self.events.is_some()
    }
}

/// One security to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsQuery {
    /// Whose.
    pub of: EventsOf,
    /// A symbol of it, for people.
    pub ticker: Ticker,
    /// FIGI of the share class, by the list.
    pub share_class_figi: Option<String>,
}

impl Question for EventsQuery {
    type Answer = EventsAnswer;

    fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    fn key(&self) -> EventsOf {
        self.of.clone()
    }

    fn ask(&self, source: &ReferenceSource<'_>) -> Result<EventsAnswer, Failure> {
        let url = events::url(&source.base, &self.of);
        let events = source.known(&self.ticker, &url, |body| events::decode(body, &self.of))?;
        Ok(EventsAnswer { of: self.of.clone(), events })
    }
}

/// What there is to ask about the rows of a snapshot, in order, and how many of them can't be asked
/// about: without a FIGI, under a symbol that names another security by now, or under a name that is
/// no ticker.
pub fn queries(listed: &[Listed]) -> (Vec<EventsQuery>, usize) {
    let mut of_figi: BTreeMap<Figi, &Listed> = BTreeMap::new();
    let mut of_ticker: BTreeMap<Ticker, &Listed> = BTreeMap::new();
    let mut companies: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for row in listed {
        if row.active {
            taken.insert(&row.ticker);
        }
        let Some(figi) = figi_of(row) else { continue };
        companies.extend(row.cik.as_deref().map(|cik| (row.ticker.as_str(), cik)));
        let kept = of_figi.entry(figi).or_insert(row);
        if later(row) > later(kept) {
            *kept = row;
        }
    }
    let mut left_out = 0;
    for row in listed.iter().filter(|row| figi_of(row).is_none()) {
        let company = row.cik.as_deref().map(|cik| (row.ticker.as_str(), cik));
        // Another row of the same symbol and company has the FIGI.
        if company.is_some_and(|company| companies.contains(&company)) {
            continue;
        }
        let names_another = !row.active && taken.contains(row.ticker.as_str());
        let Some(ticker) = row.ticker.parse::<Ticker>().ok().filter(|_| !names_another) else {
            left_out += 1;
            continue;
        };
        let kept = of_ticker.entry(ticker).or_insert(row);
        if later(row) > later(kept) {
            *kept = row;
        }
    }
    let by_figi = of_figi.into_iter().filter_map(|(figi, row)| {
        Some(EventsQuery {
            of: EventsOf::Composite(figi),
            ticker: row.ticker.parse().ok()?,
            share_class_figi: row.share_class_figi.clone(),
        })
    });
    let by_ticker = of_ticker.into_iter().map(|(ticker, row)| EventsQuery {
        of: EventsOf::Ticker(ticker.clone()),
        ticker,
        share_class_figi: row.share_class_figi.clone(),
    });
    (by_figi.chain(by_ticker).collect(), left_out)
}

fn figi_of(row: &Listed) -> Option<Figi> {
    row.composite_figi.as_deref()?.parse().ok()
}

/// The row that trades comes after the others, the one that traded last before it.
fn later(row: &Listed) -> impl Ord + use<'_> {
    (row.active, &row.delisted_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_security_is_asked_about_once_by_its_figi_and_by_symbol_only_where_that_names_it() {
        let row =
            |ticker: &str, gone: Option<&str>, figi: Option<&str>, cik: Option<&str>| Listed {
                ticker: ticker.to_owned(),
                active: gone.is_none(),
                delisted_utc: gone.map(str::to_owned),
                cik: cik.map(str::to_owned),
                composite_figi: figi.map(str::to_owned),
                share_class_figi: figi.map(|figi| figi.replace("BBG000", "BBG001")),
            };
        let old = Some("2010-05-04T00:00:00Z");
        let rows = [
            row("FB", old, Some("BBG000MM2P62"), None),
            row("META", None, Some("BBG000MM2P62"), None),
            row("NOFIGI", None, None, None),
            // The symbol names another security by now.
            row("META", old, None, None),
            // Nobody has it any more.
            row("GONE", old, None, None),
            row("GONE", Some("2015-01-02T00:00:00Z"), None, None),
            // The company's other row has the FIGI.
            row("THC", None, Some("BBG000CPHYL4"), Some("70318")),
            row("THC", old, None, Some("70318")),
            row("O:X", None, None, None),
            row("ODD", None, Some("no figi"), None),
        ];
        let (queries, left_out) = queries(&rows);
        let asked: Vec<(&str, &str)> =
            queries.iter().map(|query| (query.of.id(), query.ticker.as_str())).collect();
        assert_eq!(
            asked,
            [
                ("BBG000CPHYL4", "THC"),
                ("BBG000MM2P62", "META"),
                ("GONE", "GONE"),
                ("NOFIGI", "NOFIGI"),
                ("ODD", "ODD"),
            ]
        );
        assert_eq!(queries[1].share_class_figi.as_deref(), Some("BBG001MM2P62"));
        assert_eq!(left_out, 2, "META of 2010 and O:X");
    }
}
