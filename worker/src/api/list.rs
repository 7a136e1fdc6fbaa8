//! A list of the vendor's reference data: which page to ask for next, and whether the one that came can be
//! true. Pure.
//!
//! Lists differ from the chains of [`chain`](super::chain): their rows are ordered by text, several rows may
//! share a key, and the position is in the cursor. The vendor's collation is not documented, so a key counts as
//! fallen only when it falls with and without regard to case and punctuation.

use std::collections::HashSet;

use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use url::Url;

use super::lie::Lie;
use super::next_url;
use super::page::Page;

/// No list has more pages: of a thousand rows each, that is a hundred times the market.
const MAX_PAGES: u32 = 10_000;
/// More pages in a row without a new row are no progress.
const MAX_IDLE_PAGES: u32 = 32;

/// A list and which of its rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `/v3/reference/tickers` of the stock market, ordered by ticker.
    Tickers {
        /// Those that trade, or those that no longer do: the vendor never gives both at once.
        side: Side,
        /// As of this day instead of today.
        date: Option<TradingDay>,
    },
    /// `/stocks/v1/splits`, all of them, ordered by their day of execution.
    Splits,
}

/// Which half of the tickers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Traded on the day asked about.
    Active,
    /// No longer traded.
    Delisted,
}

impl List {
    fn path(self) -> &'static str {
        match self {
            Self::Tickers { .. } => "/v3/reference/tickers",
            Self::Splits => "/stocks/v1/splits",
        }
    }

    /// The URL of all rows, or of those from `key` on.
    fn url(self, base: &BaseUrl, key: Option<&str>) -> Url {
        let mut url = base.join(self.path()).expect("a fixed path stays on its origin");
        let mut query = url.query_pairs_mut();
        match self {
            Self::Tickers { side, date } => {
                let active = if side == Side::Active { "true" } else { "false" };
                query.extend_pairs([("market", "stocks"), ("active", active)]);
                query.extend_pairs([("sort", "ticker"), ("order", "asc"), ("limit", "1000")]);
                if let Some(date) = date {
                    query.append_pair("date", &date.to_string());
                }
            }
            Self::Splits => {
                query.extend_pairs([("sort", "execution_date.asc"), ("limit", "5000")]);
            }
        }
        if let Some(key) = key {
            let name = if self == Self::Splits { "execution_date.gte" } else { "ticker.gte" };
            query.append_pair(name, key);
        }
        drop(query);
        url
    }
}

/// A row of a list.
pub trait ListRow: Clone + PartialEq {
    /// What the list is ordered by.
    fn key(&self) -> &str;

    /// Can it be among the rows of `list`?
    fn belongs_to(&self, list: List) -> bool;
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    Page(Url),
    End,
}

/// The way through one list.
#[derive(Debug)]
pub struct ListChain<R> {
    base: BaseUrl,
    list: List,
    /// The rows accepted last: all of them that share the last key.
    last: Vec<R>,
    next: Next,
    followed: HashSet<Url>,
    pages: u32,
    idle_pages: u32,
    repeated_rows: u64,
}

impl<R: ListRow> ListChain<R> {
    /// The way through all rows of `list`.
    pub fn new(base: BaseUrl, list: List) -> Self {
        let next = Next::Page(list.url(&base, None));
        let (last, followed) = (Vec::new(), HashSet::new());
        Self { base, list, last, next, followed, pages: 0, idle_pages: 0, repeated_rows: 0 }
    }

    /// The page to ask for now; `None` when every page has been read.
    pub fn url(&self) -> Option<&Url> {
        match &self.next {
            Next::Page(url) => Some(url),
            Next::End => None,
        }
    }

    /// Pages accepted.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Rows that stood on two pages and were taken once.
    pub fn repeated_rows(&self) -> u64 {
        self.repeated_rows
    }

    /// Takes the page that [`ListChain::url`] brought and returns its new rows. A lie leaves the chain as it was.
    pub fn accept(&mut self, page: Page<R>) -> Result<Vec<R>, Lie> {
        // Without its status a body may be anything, and an end too early would look like the end.
        match page.status.as_deref() {
            Some("OK" | "DELAYED") => {}
            other => return Err(Lie::Status(other.unwrap_or("absent").to_owned())),
        }
        let held = page.rows.len();
        let rows = self.new_rows(page.rows)?;
        let next = self.next_after(page.next_url.as_deref())?;
        let idle_pages = if rows.is_empty() { self.idle_pages + 1 } else { 0 };
        if next != Next::End && (idle_pages >= MAX_IDLE_PAGES || self.pages >= MAX_PAGES) {
            return Err(Lie::EndlessList);
        }
        self.repeated_rows += (held - rows.len()) as u64;
        self.idle_pages = idle_pages;
        self.pages += 1;
        self.remember_last(&rows);
        self.followed.extend(self.url().cloned());
        self.next = next;
        Ok(rows)
    }

    /// Leaves the vendor's chain and asks with parameters of our own from the position reached.
    pub fn restart(&mut self) {
        let key = self.last.last().map(R::key);
        self.next = Next::Page(self.list.url(&self.base, key));
        self.followed.clear();
        self.idle_pages = 0;
    }

    /// The rows that were not on the page before, in order.
    fn new_rows(&self, rows: Vec<R>) -> Result<Vec<R>, Lie> {
        let mut new: Vec<R> = Vec::with_capacity(rows.len());
        for row in rows {
            if !row.belongs_to(self.list) {
                return Err(Lie::NotAskedFor(row.key().to_owned()));
            }
            if let Some(before) = new.last().or(self.last.last())
                && falls(before.key(), row.key())
            {
                return Err(Lie::KeyFalls { key: row.key().to_owned(), after: before.key().to_owned() });
            }
            let same_key = new.iter().rev().take_while(|known| known.key() == row.key());
            if !same_key.chain(&self.last).any(|known| *known == row) {
                new.push(row);
            }
        }
        Ok(new)
    }

    /// Keeps what is needed to know a row again on the next page.
    fn remember_last(&mut self, rows: &[R]) {
        let Some(key) = rows.last().map(R::key) else { return };
        if self.last.last().is_some_and(|known| known.key() != key) {
            self.last.clear();
        }
        let begin = rows.iter().rposition(|row| row.key() != key).map_or(0, |at| at + 1);
        self.last.extend_from_slice(&rows[begin..]);
    }

    fn next_after(&self, next_url: Option<&str>) -> Result<Next, Lie> {
        let Some(url) = next_url::read(next_url, &self.base)? else { return Ok(Next::End) };
        if url.path() != self.list.path() {
            return Err(Lie::OtherEndpoint(url.path().to_owned()));
        }
        if self.url() == Some(&url) || self.followed.contains(&url) {
            return Err(Lie::RepeatedNextUrl);
        }
        Ok(Next::Page(url))
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
    use shared::run::base_url::PlainHttp;

    const BASE: &str = "http://127.0.0.1:9000";

    /// A ticker and its cik.
    type Row = (&'static str, u32);

    impl ListRow for Row {
        fn key(&self) -> &str {
            self.0
        }

        fn belongs_to(&self, _: List) -> bool {
            self.1 != 0
        }
    }

    fn chain() -> ListChain<Row> {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        ListChain::new(base, List::Tickers { side: Side::Active, date: None })
    }

    fn page(rows: &[Row], next_path: Option<&str>) -> Page<Row> {
        let next_url = next_path
            .map(|path| if path.contains("://") { path.to_owned() } else { format!("{BASE}{path}") });
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
        let first =
            format!("{BASE}/v3/reference/tickers?market=stocks&active=true&sort=ticker&order=asc&limit=1000");
        assert_eq!(chain.url().map(Url::as_str), Some(first.as_str()));
        assert_eq!(chain.accept(page(&[("A", 1), ("THC", 1)], SECOND)), Ok(vec![("A", 1), ("THC", 1)]));
        // A ticker stands twice with two ciks; a row repeated at the border does not count twice.
        assert_eq!(chain.accept(page(&[("THC", 1), ("THC", 2)], None)), Ok(vec![("THC", 2)]));
        assert_eq!((chain.url(), chain.repeated_rows(), chain.pages()), (None, 1, 2));
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
        assert_eq!(chain.url().map(Url::as_str), Some("http://127.0.0.1:9000/v3/reference/tickers?cursor=2"));
        let silent = Page { status: None, ..page(&[], None) };
        assert_eq!(chain.accept(silent), Err(Lie::Status("absent".to_owned())), "no end of a list");
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
