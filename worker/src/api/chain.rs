//! A chain of pages: which page to ask for next, and whether the one that came can be true. Pure.
//!
//! The position is in the path of `next_url`, not in its cursor: asking the first URL again with that cursor
//! would return page one for ever. So `next_url` is followed to the letter, or not at all.

use std::collections::HashSet;
use std::ops::Range;

use shared::dataset::coverage::DateRange;
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use url::Url;

use super::endpoints::Aggregates;
use super::failure::Failure;
use super::lie::{Lie, MAX_EMPTY_PAGES};
use super::page::Page;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// A URL of our own making.
    Own(Url),
    /// A URL that a page led to.
    Followed(Url),
    /// Every page has been read.
    End,
}

/// The way through one range of one ticker, oldest row first.
#[derive(Debug)]
pub struct Chain {
    base: BaseUrl,
    aggregates: Aggregates,
    range: DateRange,
    /// The instants asked for, ms UTC, half-open.
    window: Range<i64>,
    /// Stamp of the last row accepted, ms UTC.
    position: Option<i64>,
    next: Next,
    followed: HashSet<Url>,
    empty_pages: u32,
    repeated_rows: u64,
}

impl Chain {
    /// The way through `range`, asked for in one go.
    pub fn new(base: BaseUrl, aggregates: Aggregates, range: DateRange) -> Self {
        let window = range.from().start_utc_ms()..range.to().next().start_utc_ms();
        let next = own(&base, &aggregates, range);
        let followed = HashSet::new();
        Self {
            base,
            aggregates,
            range,
            window,
            position: None,
            next,
            followed,
            empty_pages: 0,
            repeated_rows: 0,
        }
    }

    /// The page to ask for now; `None` when every page has been read.
    pub fn url(&self) -> Option<&Url> {
        match &self.next {
            Next::Own(url) | Next::Followed(url) => Some(url),
            Next::End => None,
        }
    }

    /// Rows that stood on two pages and were taken once.
    pub fn repeated_rows(&self) -> u64 {
        self.repeated_rows
    }

    /// Takes the page that [`Chain::url`] brought and returns its new rows. A lie leaves the chain as it was.
    pub fn accept(&mut self, page: Page) -> Result<Vec<Ohlcv>, Lie> {
        self.check_envelope(&page)?;
        let held = page.rows.len();
        let rows = self.new_rows(page.rows)?;
        let position = rows.last().map(|row| row.t).or(self.position);
        let next = self.next_after(page.next_url.as_deref(), position)?;
        let empty_pages = if held == 0 { self.empty_pages + 1 } else { 0 };
        if empty_pages >= MAX_EMPTY_PAGES && next != Next::End {
            return Err(Lie::OnlyEmptyPages);
        }
        self.repeated_rows += (held - rows.len()) as u64;
        self.empty_pages = empty_pages;
        self.position = position;
        self.followed.extend(self.url().cloned());
        self.next = next;
        Ok(rows)
    }

    /// Leaves the vendor's chain and asks with parameters of our own from the position reached.
    pub fn restart(&mut self) {
        let from = self.position.and_then(TradingDay::of_utc_ms).map_or(self.range.from(), TradingDay::next);
        self.next = match DateRange::new(from, self.range.to()) {
            Some(rest) => own(&self.base, &self.aggregates, rest),
            None => Next::End,
        };
        self.followed.clear();
        self.empty_pages = 0;
    }

    /// Is `failure` only the vendor's odd way to say that the last page was the last? It may answer a
    /// `next_url` whose `from` has passed its `to` with a 400 (client-python#888). Then the chain is at its end.
    pub fn ended_by(&mut self, failure: &Failure) -> bool {
        let Failure::BadRequest { status: 400, words } = failure else { return false };
        let Next::Followed(url) = &self.next else { return false };
        let ends = ends_in(url);
        let crossed = ends.is_some_and(|(from, to)| from > to);
        if crossed && words.contains("before 'from'") {
            self.next = Next::End;
            return true;
        }
        false
    }

    fn check_envelope(&self, page: &Page) -> Result<(), Lie> {
        match page.status.as_deref() {
            None | Some("OK" | "DELAYED") => {}
            Some(other) => return Err(Lie::Status(other.to_owned())),
        }
        if let Some(ticker) = &page.ticker
            && ticker != self.aggregates.ticker.as_str()
        {
            return Err(Lie::OtherTicker(ticker.clone()));
        }
        if let Some(adjusted) = page.adjusted
            && adjusted != bool::from(self.aggregates.adjusted)
        {
            return Err(Lie::Adjusted(adjusted));
        }
        let held = page.rows.len() as u64;
        match page.results_count {
            Some(announced) if announced != held => Err(Lie::RowCount { announced, held }),
            _ => Ok(()),
        }
    }

    /// The rows that were not on the page before, in order.
    fn new_rows(&self, rows: Vec<Ohlcv>) -> Result<Vec<Ohlcv>, Lie> {
        let mut new: Vec<Ohlcv> = Vec::with_capacity(rows.len());
        for row in rows {
            if !self.window.contains(&row.t) {
                return Err(Lie::OutsideRange(row.t));
            }
            match new.last() {
                Some(last) if row.t == last.t && row == *last => continue,
                Some(last) if row.t == last.t => return Err(Lie::TwoRows(row.t)),
                Some(last) if row.t < last.t => return Err(Lie::StampFalls { t: row.t, after: last.t }),
                Some(_) => {}
                None => match self.position {
                    Some(position) if row.t == position => continue,
                    Some(position) if row.t < position => {
                        return Err(Lie::StampFalls { t: row.t, after: position });
                    }
                    _ => {}
                },
            }
            new.push(row);
        }
        Ok(new)
    }

    fn next_after(&self, next_url: Option<&str>, position: Option<i64>) -> Result<Next, Lie> {
        let Some(text) = next_url.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Next::End);
        };
        let parsed =
            Url::parse(text).map_err(|_| Lie::ForeignNextUrl("something that is no URL".to_owned()))?;
        let foreign = || Lie::ForeignNextUrl(parsed.origin().ascii_serialization());
        let url = self.base.own(&parsed).ok_or_else(foreign)?;
        if !url.path().starts_with(&self.aggregates.path_prefix()) {
            return Err(Lie::OtherEndpoint(url.path().to_owned()));
        }
        if self.url() == Some(&url) || self.followed.contains(&url) {
            return Err(Lie::RepeatedNextUrl);
        }
        match (ends_in(&url), position) {
            (Some((from, _)), Some(position)) if from <= position => Err(Lie::DoesNotAdvance),
            _ => Ok(Next::Followed(url)),
        }
    }
}

fn own(base: &BaseUrl, aggregates: &Aggregates, range: DateRange) -> Next {
    let path = aggregates.path_and_query(&range.from().to_string(), &range.to().to_string());
    Next::Own(base.join(&path).expect("a path of letters, digits and dates stays on its origin"))
}

/// The two ends in the path of an aggregates URL, ms UTC: the first instant of the first, the last of the last.
fn ends_in(url: &Url) -> Option<(i64, i64)> {
    let mut segments = url.path().rsplit('/');
    let (to, from) = (segments.next()?, segments.next()?);
    let day = |text: &str| text.parse::<TradingDay>().ok();
    let from = from.parse().ok().or_else(|| Some(day(from)?.start_utc_ms()))?;
    let to = to.parse().ok().or_else(|| Some(day(to)?.next().start_utc_ms() - 1))?;
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::endpoints::Timespan;
    use shared::dataset::descriptor::Adjusted;
    use shared::run::base_url::PlainHttp;

    const BASE: &str = "http://127.0.0.1:9000";

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn chain() -> Chain {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let ticker = "AIG".parse().expect("a ticker");
        let aggregates = Aggregates { ticker, timespan: Timespan::Day, adjusted: Adjusted::No };
        Chain::new(base, aggregates, DateRange::new(day("2024-01-02"), day("2024-01-12")).expect("in order"))
    }

    fn row(date: &str) -> Ohlcv {
        let t = day(date).start_utc_ms();
        Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 5.0, trades: None, vwap: None }
    }

    fn next_from(date: &str) -> String {
        format!("{BASE}/v2/aggs/ticker/AIG/range/1/day/{}/2024-01-12?cursor=bGlt", day(date).start_utc_ms())
    }

    fn page(dates: &[&str], next_url: Option<String>) -> Page {
        Page {
            ticker: Some("AIG".to_owned()),
            adjusted: Some(false),
            results_count: Some(dates.len() as u64),
            status: Some("OK".to_owned()),
            next_url,
            rows: dates.iter().map(|date| row(date)).collect(),
        }
    }

    /// A chain that has read 2 and 3 January.
    fn begun() -> Chain {
        let mut chain = chain();
        chain.accept(page(&["2024-01-02", "2024-01-03"], Some(next_from("2024-01-04")))).expect("true");
        chain
    }

    #[test]
    fn the_range_is_asked_in_one_go_and_next_url_is_followed_to_the_letter() {
        let mut chain = chain();
        let first = format!(
            "{BASE}/v2/aggs/ticker/AIG/range/1/day/2024-01-02/2024-01-12?adjusted=false&sort=asc&limit=50000"
        );
        assert_eq!(chain.url().map(Url::as_str), Some(first.as_str()));
        chain.accept(page(&["2024-01-02"], Some(next_from("2024-01-03")))).expect("true");
        assert_eq!(chain.url().map(Url::as_str), Some(next_from("2024-01-03").as_str()));
        chain.accept(page(&["2024-01-03"], None)).expect("true");
        assert_eq!(chain.url(), None);
    }

    #[test]
    fn a_row_repeated_at_a_border_is_taken_once_and_counted() {
        let mut chain = begun();
        let rows = chain.accept(page(&["2024-01-03", "2024-01-04"], None)).expect("true");
        assert_eq!(rows, [row("2024-01-04")]);
        assert_eq!(chain.repeated_rows(), 1);
    }

    #[test]
    fn a_lie_is_named_and_leaves_the_chain_as_it_was() {
        let good = || page(&["2024-01-04"], None);
        let early = day("2024-01-02").start_utc_ms();
        let border = day("2024-01-03").start_utc_ms();
        let mut other_row = row("2024-01-04");
        other_row.close = 2.0;
        let lead = |url: &str| Page { next_url: Some(url.to_owned()), ..good() };
        let lies = [
            (Page { status: Some("ERROR".to_owned()), ..good() }, Lie::Status("ERROR".to_owned())),
            (Page { ticker: Some("BAC".to_owned()), ..good() }, Lie::OtherTicker("BAC".to_owned())),
            (Page { adjusted: Some(true), ..good() }, Lie::Adjusted(true)),
            (Page { results_count: Some(2), ..good() }, Lie::RowCount { announced: 2, held: 1 }),
            (page(&["2024-02-01"], None), Lie::OutsideRange(day("2024-02-01").start_utc_ms())),
            (page(&["2024-01-02"], None), Lie::StampFalls { t: early, after: border }),
            (
                page(&["2024-01-05", "2024-01-04"], None),
                Lie::StampFalls {
                    t: day("2024-01-04").start_utc_ms(),
                    after: day("2024-01-05").start_utc_ms(),
                },
            ),
            (
                Page { rows: vec![row("2024-01-04"), other_row], results_count: None, ..good() },
                Lie::TwoRows(other_row.t),
            ),
            (lead(&next_from("2024-01-04")), Lie::RepeatedNextUrl),
            (lead(&next_from("2024-01-03")), Lie::DoesNotAdvance),
            (lead("https://evil.example/v2/aggs"), Lie::ForeignNextUrl("https://evil.example".to_owned())),
            (
                lead(&next_from("2024-01-05").replace("AIG", "BAC")),
                Lie::OtherEndpoint(format!(
                    "/v2/aggs/ticker/BAC/range/1/day/{}/2024-01-12",
                    day("2024-01-05").start_utc_ms()
                )),
            ),
        ];
        for (page, lie) in lies {
            let mut chain = begun();
            assert_eq!(chain.accept(page), Err(lie.clone()), "{lie}");
            assert_eq!(chain.url().map(Url::as_str), Some(next_from("2024-01-04").as_str()), "{lie}");
            assert_eq!(chain.accept(good()).as_deref(), Ok([row("2024-01-04")].as_slice()), "{lie}");
        }
    }

    #[test]
    fn a_restart_asks_with_our_own_parameters_from_the_day_after_the_last_row() {
        let mut chain = begun();
        chain.restart();
        let url = chain.url().map(Url::as_str).expect("days are left");
        assert!(url.contains("/2024-01-04/2024-01-12?adjusted=false&"), "{url}");
        chain.accept(page(&["2024-01-12"], Some(next_from("2024-01-13")))).expect("true");
        chain.restart();
        assert_eq!(chain.url(), None, "no day is left to ask for");
    }

    #[test]
    fn empty_pages_do_not_lead_on_for_ever() {
        let mut chain = begun();
        let lie = (0..MAX_EMPTY_PAGES).find_map(|number| {
            let url = format!("{}{number}", next_from("2024-01-05"));
            chain.accept(page(&[], Some(url))).err()
        });
        assert_eq!(lie, Some(Lie::OnlyEmptyPages));
    }

    #[test]
    fn a_400_ends_a_chain_only_where_the_url_that_was_followed_really_crosses() {
        let words = "The parameter 'to' cannot be a time that occurs before 'from'".to_owned();
        let refusal = Failure::BadRequest { status: 400, words };
        assert!(!chain().ended_by(&refusal), "our own request");
        assert!(!begun().ended_by(&refusal), "from is not past to");
        let mut at_end = chain();
        at_end.accept(page(&["2024-01-12"], Some(next_from("2024-01-13")))).expect("true");
        assert!(at_end.ended_by(&refusal));
        assert_eq!(at_end.url(), None);
    }
}
