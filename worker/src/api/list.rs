//! A list of the vendor's reference data: what to ask for, and what may come. Pure.
//!
//! Lists differ from ranges of bars and trades ([`range_query`](super::range_query)): their rows
//! are ordered by text, several rows may share a key, and the position is in the cursor. The
//! vendor's collation is not documented, so a key counts as fallen only when it falls with and
//! without regard to case and punctuation.

use shared::run::base_url::BaseUrl;
use url::Url;

use super::envelope;
use super::lie::Lie;
use super::page::Page;
use super::progress::Stall;
use super::query::{Query, SameKey};
use super::wire::Record;

/// A list and which of its rows are asked for.
#[derive(Debug, Clone)]
pub struct List<R> {
    /// Its path, which every page has.
    pub path: &'static str,
    /// What narrows and orders it.
    pub parameters: Vec<(&'static str, String)>,
    /// The parameter that asks for the rows from a key on.
    pub from: &'static str,
    /// Can a row be among those asked for?
    pub holds: fn(&R) -> bool,
}

impl<R: Record<Key = str>> Query for List<R> {
    type Row = R;

    /// Of a thousand rows each, that is a hundred times the market.
    const MOST_PAGES: u32 = 10_000;

    fn url(&self, base: &BaseUrl, last: Option<&str>) -> Option<Url> {
        let mut url = base.join(self.path).expect("a fixed path stays on its origin");
        url.query_pairs_mut()
            .extend_pairs(&self.parameters)
            .extend_pairs(last.map(|key| (self.from, key)));
        Some(url)
    }

    fn same_key(&self) -> SameKey {
        SameKey::KeepDistinct
    }

    /// Without its status a body may be anything, and an end too early would look like the end.
    fn check_page(&self, page: &Page<R>) -> Result<(), Lie> {
        envelope::check_status(page)
    }

    fn check_record(&self, record: &R, before: Option<&R>) -> Result<(), Lie> {
        let key = record.key();
        if !(self.holds)(record) {
            return Err(Lie::NotAskedFor(key.to_owned()));
        }
        match before.map(Record::key).filter(|before| falls(before, key)) {
            Some(after) => Err(Lie::KeyFalls { key: key.to_owned(), after: after.to_owned() }),
            None => Ok(()),
        }
    }

    fn check_next(&self, url: &Url, _: Option<&str>) -> Result<(), Lie> {
        if url.path() == self.path {
            Ok(())
        } else {
            Err(Lie::OtherEndpoint(url.path().to_owned()))
        }
    }

    /// The position is inside the cursor, which is the vendor's own business.
    fn is_behind_end(&self, _: &Url) -> bool {
        false
    }

    fn stalled(_: Stall, _: Option<&str>) -> Lie {
        Lie::EndlessList
    }
}

/// Does `key` come before `before` in every order that a list of tickers may have?
fn falls(before: &str, key: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    key < before && letters(key) < letters(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chain::Chain;
    use crate::api::progress::MAX_IDLE_PAGES;
    use shared::run::base_url::PlainHttp;

    const BASE: &str = "http://127.0.0.1:9000";

    /// A ticker and its cik.
    type Row = (&'static str, u32);

    impl Record for Row {
        type Wire = ();
        type Key = str;

        fn from_wire((): ()) -> Result<Self, String> {
            Err("never sent".to_owned())
        }

        fn key(&self) -> &str {
            self.0
        }
    }

    fn chain() -> Chain<List<Row>> {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let parameters = vec![("sort", "ticker".to_owned()), ("limit", "1000".to_owned())];
        let holds = |row: &Row| row.1 != 0;
        Chain::new(
            base,
            List { path: "/v3/reference/tickers", parameters, from: "ticker.gte", holds },
        )
    }

    fn page(rows: &[Row], next_path: Option<&str>) -> Page<Row> {
        let next_url = next_path.map(|path| {
            if path.contains("://") { path.to_owned() } else { format!("{BASE}{path}") }
        });
        Page {
            ticker: None,
            rows_ticker: None,
            adjusted: None,
            results_count: None,
            status: Some("OK".to_owned()),
            next_url,
            rows: rows.to_vec(),
        }
    }

    const SECOND: Option<&str> = Some("/v3/reference/tickers?cursor=2");

    #[test]
    fn a_list_is_asked_for_whole_and_followed_to_its_end() {
        let mut chain = chain();
        let first = format!("{BASE}/v3/reference/tickers?sort=ticker&limit=1000");
        assert_eq!(chain.url().map(Url::as_str), Some(first.as_str()));
        assert_eq!(
            chain.accept(page(&[("A", 1), ("THC", 1)], SECOND)),
            Ok(vec![("A", 1), ("THC", 1)])
        );
        // A ticker stands twice with two ciks; a row repeated at the border does not count twice.
        assert_eq!(chain.accept(page(&[("THC", 1), ("THC", 2)], None)), Ok(vec![("THC", 2)]));
        assert_eq!((chain.url(), chain.repeated_rows(), chain.pages()), (None, 1, 2));
    }

    #[test]
    fn rows_of_a_list_that_are_equal_are_one_however_often_they_come() {
        let mut chain = chain();
        let twins = [("THC", 1), ("THC", 2), ("THC", 1), ("THC", 1)];
        assert_eq!(chain.accept(page(&twins, SECOND)), Ok(vec![("THC", 1), ("THC", 2)]));
        assert_eq!(chain.accept(page(&twins, None)), Ok(vec![]));
        assert_eq!(chain.repeated_rows(), 6);
    }

    #[test]
    fn a_page_that_can_not_be_is_refused_and_changes_nothing() {
        let mut chain = chain();
        chain.accept(page(&[("A", 1), ("B", 1)], SECOND)).expect("true");
        let falls = Lie::KeyFalls { key: "A".to_owned(), after: "B".to_owned() };
        for (rows, next, lie) in [
            (&[("A", 1)], None, falls),
            (&[("C", 0)], None, Lie::NotAskedFor("C".to_owned())),
            (&[("C", 1)], SECOND, Lie::RepeatedNextUrl),
            (&[("C", 1)], Some("/v2/x"), Lie::OtherEndpoint("/v2/x".to_owned())),
            (
                &[("C", 1)],
                Some("https://evil.example/"),
                Lie::ForeignNextUrl("https://evil.example".to_owned()),
            ),
        ] {
            assert_eq!(chain.accept(page(rows, next)), Err(lie));
        }
        assert_eq!(
            chain.url().map(Url::as_str),
            Some("http://127.0.0.1:9000/v3/reference/tickers?cursor=2")
        );
        let silent = Page { status: None, ..page(&[], None) };
        assert_eq!(chain.accept(silent), Err(Lie::Silent("status")), "no end of a list");
        chain.restart();
        assert!(chain.url().is_some_and(|url| url.as_str().ends_with("&limit=1000&ticker.gte=B")));
        assert_eq!(chain.accept(page(&[("B", 1), ("C", 1)], None)), Ok(vec![("C", 1)]));
    }

    #[test]
    fn tickers_in_either_collation_are_in_order() {
        assert!(!falls("BACpA", "BACQ"), "as people sort");
        assert!(!falls("BACQ", "BACpA"), "as bytes sort");
        assert!(!falls("BRKA", "BRK.B"), "without punctuation");
        assert!(falls("BACQ", "BACPA"));
    }

    #[test]
    fn empty_pages_do_not_lead_on_for_ever() {
        let mut chain = chain();
        let mut number = 0;
        let lie = loop {
            number += 1;
            let next = format!("/v3/reference/tickers?cursor={number}");
            if let Err(lie) = chain.accept(page(&[], Some(&next))) {
                break lie;
            }
        };
        assert_eq!((lie, number), (Lie::EndlessList, MAX_IDLE_PAGES));
    }
}
