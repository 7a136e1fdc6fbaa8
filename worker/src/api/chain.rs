//! A chain of pages: which page to ask for next, and whether the one that came can be true. Pure.
//!
//! The position is in the path of `next_url`, not in its cursor: asking the first URL again with that cursor
//! would return page one for ever. So `next_url` is followed to the letter, or not at all.

use std::collections::HashSet;
use std::ops::Range;

use shared::dataset::row::{Row, Stamps};
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use shared::run::duplicates::Duplicates;
use url::Url;

use super::border::Border;
use super::endpoints::Endpoint;
use super::envelope;
use super::failure::Failure;
use super::lie::{Lie, MAX_IDLE_PAGES};
use super::next_url;
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
pub struct Chain<R> {
    base: BaseUrl,
    endpoint: Endpoint,
    /// The stamps asked for, half-open.
    window: Range<i64>,
    /// The rows accepted last.
    border: Border<R>,
    next: Next,
    followed: HashSet<Url>,
    /// Pages in a row that brought nothing new; a restart does not make them forgotten.
    idle_pages: u32,
    repeated_rows: u64,
    duplicates: Duplicates,
    /// Stamps of two different rows of which one was kept, since they were last asked for.
    resolved: Vec<i64>,
}

/// What is new on a page.
struct Sifted<R> {
    rows: Vec<R>,
    /// Rows that were read before.
    repeated: usize,
    /// Stamps of two different rows of which one was kept.
    resolved: Vec<i64>,
}

impl<R: Row> Chain<R> {
    /// The way through the rows of `endpoint` with stamps in `window`, asked for in one go.
    pub fn new(base: BaseUrl, endpoint: Endpoint, window: Range<i64>) -> Self {
        let next = own(&base, &endpoint, &window);
        let (border, followed) = (Border::default(), HashSet::new());
        let (duplicates, resolved) = (Duplicates::Refuse, Vec::new());
        let (idle_pages, repeated_rows) = (0, 0);
        Self {
            base,
            endpoint,
            window,
            border,
            next,
            followed,
            idle_pages,
            repeated_rows,
            duplicates,
            resolved,
        }
    }

    /// The same, where this becomes of two different rows with one stamp.
    #[must_use]
    pub fn with(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// The stamps of two different rows of which one was kept, since the last question.
    pub fn resolved(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.resolved)
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
    pub fn accept(&mut self, page: Page<R>) -> Result<Vec<R>, Lie> {
        self.check_envelope(&page)?;
        let held = page.rows.len();
        let Sifted { rows, repeated, resolved } = self.new_rows(page.rows)?;
        debug_assert!(rows.len() + repeated <= held, "no row out of nothing");
        let position = rows.last().or(self.border.last()).map(Row::stamp);
        let next = self.next_after(page.next_url.as_deref(), position)?;
        let idle_pages = if rows.is_empty() { self.idle_pages + 1 } else { 0 };
        if idle_pages >= MAX_IDLE_PAGES && next != Next::End {
            return Err(Lie::NothingNew);
        }
        self.repeated_rows += repeated as u64;
        self.resolved.extend(resolved);
        self.idle_pages = idle_pages;
        self.border.move_to_end_of(&rows);
        self.followed.extend(self.url().cloned());
        self.next = next;
        Ok(rows)
    }

    /// Leaves the vendor's chain and asks with parameters of our own from the position reached.
    pub fn restart(&mut self) {
        let start = self.border.last().map_or(self.window.start, |row| self.endpoint.after(row.stamp()));
        let rest = start..self.window.end;
        self.next = if rest.is_empty() { Next::End } else { own(&self.base, &self.endpoint, &rest) };
        self.followed.clear();
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

    /// Every page says what it is; bars also say of what, on which scale and how many.
    fn check_envelope(&self, page: &Page<R>) -> Result<(), Lie> {
        envelope::check_status(page)?;
        let other = |name: &&String| *name != self.endpoint.ticker().as_str();
        if let Some(name) = page.rows_ticker.as_ref().filter(other) {
            return Err(Lie::RowsOfOther(name.clone()));
        }
        if let Some(name) = page.ticker.as_ref().filter(other) {
            return Err(Lie::OtherTicker(name.clone()));
        }
        if let Endpoint::Trades(_) = self.endpoint {
            return Ok(());
        }
        if page.ticker.is_none() {
            return Err(Lie::Silent("ticker"));
        }
        envelope::check_scale(page, self.endpoint.adjusted())?;
        envelope::check_count(page, page.rows.len() as u64)
    }

    /// The rows that were not on the page before, in order. A page is large: it is sifted where it is.
    fn new_rows(&self, mut rows: Vec<R>) -> Result<Sifted<R>, Lie> {
        let mut is_new = Vec::with_capacity(rows.len());
        let mut before = self.border.last();
        // Where it stands on this page, if it does.
        let mut before_at = None;
        let mut repeats = self.border.repeats();
        let (mut repeated, mut resolved) = (0, Vec::new());
        for (at, row) in rows.iter().enumerate() {
            let stamp = row.stamp();
            if !self.window.contains(&stamp) {
                return Err(Lie::OutsideRange(stamp));
            }
            if !self.endpoint.begins_window(stamp) {
                return Err(Lie::NotAWindow(stamp));
            }
            if let Some(before) = before.filter(|before| stamp < before.stamp()) {
                return Err(Lie::StampFalls { stamp, after: before.stamp() });
            }
            let is_repeated = repeats.take(row);
            let twin = before.filter(|before| R::STAMPS == Stamps::Unique && before.stamp() == stamp);
            let is_other = twin.is_some_and(|twin| twin != row);
            let keeps_first = match self.duplicates {
                Duplicates::Refuse if is_other => return Err(Lie::TwoRows(stamp)),
                Duplicates::KeepFirst => true,
                Duplicates::Refuse | Duplicates::KeepLast => false,
            };
            if is_other && !is_repeated {
                resolved.push(stamp);
                is_new.push(!keeps_first);
                if keeps_first {
                    continue;
                }
                // One that stands on an earlier page was handed on: who takes the rows lets this one take its place.
                if let Some(at) = before_at {
                    is_new[at] = false;
                }
            } else {
                let is_again = is_repeated || twin.is_some();
                repeated += usize::from(is_again);
                is_new.push(!is_again);
                if is_again && is_other {
                    continue;
                }
            }
            (before, before_at) = (Some(row), Some(at));
        }
        let mut is_new = is_new.into_iter();
        rows.retain(|_| is_new.next() == Some(true));
        Ok(Sifted { rows, repeated, resolved })
    }

    fn next_after(&self, next_url: Option<&str>, position: Option<i64>) -> Result<Next, Lie> {
        let Some(url) = next_url::read(next_url, &self.base)? else { return Ok(Next::End) };
        if !self.is_ours(&url) {
            return Err(Lie::OtherEndpoint(url.path().to_owned()));
        }
        if self.url() == Some(&url) || self.followed.contains(&url) {
            return Err(Lie::RepeatedNextUrl);
        }
        if let Endpoint::Trades(_) = self.endpoint {
            // The position is inside the cursor, which is the vendor's own business.
            return Ok(Next::Followed(url));
        }
        let (from, to) = ends_in(&url).ok_or_else(|| Lie::OtherEndpoint(url.path().to_owned()))?;
        let expected = position.map_or(self.window.start, |stamp| self.endpoint.after(stamp));
        // A page may begin with the row that ended the one before, no earlier.
        if position.is_some_and(|position| from < position) {
            return Err(Lie::DoesNotAdvance);
        }
        if from > expected || to < self.window.end - 1 {
            return Err(Lie::Skips);
        }
        Ok(Next::Followed(url))
    }

    /// Does `url` lead to more of what was asked for, as far as its path says it?
    fn is_ours(&self, url: &Url) -> bool {
        let rest = url.path().strip_prefix(&self.endpoint.path_prefix());
        match self.endpoint {
            Endpoint::DailyBars(..) | Endpoint::MinuteBars(..) => rest.is_some(),
            Endpoint::Trades(_) => rest.is_some_and(str::is_empty),
        }
    }
}

fn own(base: &BaseUrl, endpoint: &Endpoint, window: &Range<i64>) -> Next {
    let path = endpoint.path_and_query(window);
    Next::Own(base.join(&path).expect("a path of letters, digits and dates stays on its origin"))
}

/// The two ends in the path of an aggregates URL, ms UTC: the first instant of the first, the last of the last.
/// Other paths have no ends in them.
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
    use shared::dataset::descriptor::Adjusted;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::trade::Trade;
    use shared::run::base_url::PlainHttp;

    const BASE: &str = "http://127.0.0.1:9000";

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn chain() -> Chain<Ohlcv> {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let ticker = "AIG".parse().expect("a ticker");
        let window = day("2024-01-02").start_utc_ms()..day("2024-01-13").start_utc_ms();
        Chain::new(base, Endpoint::DailyBars(ticker, Adjusted::No), window)
    }

    fn row(date: &str) -> Ohlcv {
        let t = day(date).start_utc_ms();
        Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 5.0, trades: None, vwap: None }
    }

    fn next_from(date: &str) -> String {
        format!("{BASE}/v2/aggs/ticker/AIG/range/1/day/{}/2024-01-12?cursor=bGlt", day(date).start_utc_ms())
    }

    fn page(dates: &[&str], next_url: Option<String>) -> Page<Ohlcv> {
        Page {
            ticker: Some("AIG".to_owned()),
            rows_ticker: None,
            adjusted: Some(false),
            results_count: Some(dates.len() as u64),
            status: Some("OK".to_owned()),
            next_url,
            rows: dates.iter().map(|date| row(date)).collect(),
        }
    }

    /// A chain that has read 2 and 3 January.
    fn begun() -> Chain<Ohlcv> {
        let mut chain = chain();
        chain.accept(page(&["2024-01-02", "2024-01-03"], Some(next_from("2024-01-04")))).expect("true");
        chain
    }

    /// Bars of 2 January in two versions, by their volumes.
    fn versions(volumes: &[f64]) -> Vec<Ohlcv> {
        volumes.iter().map(|volume| Ohlcv { volume: *volume, ..row("2024-01-02") }).collect()
    }

    #[test]
    fn of_two_versions_of_a_bar_the_one_that_was_chosen_is_kept() {
        let read = |duplicates, rows: Vec<Ohlcv>| {
            let mut chain = chain().with(duplicates);
            let page = Page { results_count: Some(rows.len() as u64), rows, ..page(&[], None) };
            let volumes = |rows: Vec<Ohlcv>| rows.iter().map(|row| row.volume).collect::<Vec<_>>();
            let rows = chain.accept(page).map(volumes);
            (rows, chain.resolved().len(), chain.repeated_rows())
        };
        let stamp = row("2024-01-02").t;
        assert_eq!(read(Duplicates::Refuse, versions(&[1.0, 2.0])).0, Err(Lie::TwoRows(stamp)));
        assert_eq!(read(Duplicates::KeepLast, versions(&[1.0, 2.0])), (Ok(vec![2.0]), 1, 0));
        assert_eq!(read(Duplicates::KeepFirst, versions(&[1.0, 2.0])), (Ok(vec![1.0]), 1, 0));
        assert_eq!(read(Duplicates::KeepLast, versions(&[1.0, 2.0, 3.0])), (Ok(vec![3.0]), 2, 0));
        assert_eq!(read(Duplicates::KeepFirst, versions(&[1.0, 2.0, 1.0])), (Ok(vec![1.0]), 1, 1));
        assert_eq!(
            read(Duplicates::KeepLast, versions(&[1.0, 1.0])),
            (Ok(vec![1.0]), 0, 1),
            "a repeat is none"
        );
    }

    #[test]
    fn a_bar_that_is_revised_at_a_page_border_comes_in_two_versions_too() {
        let begun = |duplicates| {
            let mut chain = chain().with(duplicates);
            chain.accept(page(&["2024-01-02"], Some(next_from("2024-01-02")))).expect("true");
            let revised = Page { rows: versions(&[7.0]), ..page(&["2024-01-02"], None) };
            let rows = chain.accept(revised);
            (rows.map(|rows| rows.len()), chain.resolved().len())
        };
        assert_eq!(begun(Duplicates::Refuse).0, Err(Lie::TwoRows(row("2024-01-02").t)));
        assert_eq!(begun(Duplicates::KeepFirst), (Ok(0), 1));
        assert_eq!(begun(Duplicates::KeepLast), (Ok(1), 1), "it takes the place of the one before");
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
    fn an_end_beyond_all_time_is_followed_like_any_later_end() {
        let mut chain = begun();
        let url = next_from("2024-01-05").replace("/2024-01-12?", &format!("/{}?", i64::MAX));
        chain.accept(page(&["2024-01-04"], Some(url.clone()))).expect("nothing is skipped");
        assert_eq!(chain.url().map(Url::as_str), Some(url.as_str()));
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
        let at_close = Ohlcv { t: day("2024-01-04").start_utc_ms() + 57_600_000, ..row("2024-01-04") };
        let revised = Ohlcv { close: 2.0, ..row("2024-01-03") };
        let lead = |url: &str| Page { next_url: Some(url.to_owned()), ..good() };
        let lies = [
            (Page { status: Some("ERROR".to_owned()), ..good() }, Lie::Status("ERROR".to_owned())),
            (Page { ticker: Some("BAC".to_owned()), ..good() }, Lie::OtherTicker("BAC".to_owned())),
            (Page { rows_ticker: Some("BAC".to_owned()), ..good() }, Lie::RowsOfOther("BAC".to_owned())),
            (Page { adjusted: Some(true), ..good() }, Lie::Adjusted(true)),
            (Page { results_count: Some(2), ..good() }, Lie::RowCount { announced: 2, held: 1 }),
            (page(&["2024-02-01"], None), Lie::OutsideRange(day("2024-02-01").start_utc_ms())),
            (page(&["2024-01-02"], None), Lie::StampFalls { stamp: early, after: border }),
            (
                page(&["2024-01-05", "2024-01-04"], None),
                Lie::StampFalls {
                    stamp: day("2024-01-04").start_utc_ms(),
                    after: day("2024-01-05").start_utc_ms(),
                },
            ),
            (
                Page { rows: vec![row("2024-01-04"), other_row], results_count: Some(2), ..good() },
                Lie::TwoRows(other_row.t),
            ),
            (Page { status: None, ..good() }, Lie::Silent("status")),
            (Page { ticker: None, ..good() }, Lie::Silent("ticker")),
            (Page { adjusted: None, ..good() }, Lie::Silent("adjusted")),
            (Page { results_count: None, ..good() }, Lie::Silent("resultsCount")),
            (Page { rows: vec![at_close], results_count: Some(1), ..good() }, Lie::NotAWindow(at_close.t)),
            (Page { rows: vec![revised], results_count: Some(1), ..good() }, Lie::TwoRows(revised.t)),
            (lead(&next_from("2024-01-08")), Lie::Skips),
            (lead(&next_from("2024-01-05").replace("/2024-01-12?", "/2024-01-11?")), Lie::Skips),
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
    fn pages_without_a_new_row_do_not_lead_on_for_ever() {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let mut chain: Chain<Trade> =
            Chain::new(base, Endpoint::Trades("AIG".parse().expect("a ticker")), 0..100);
        chain.accept(tape(&[(5, 1)], Some("first"))).expect("true");
        let lie = (0..MAX_IDLE_PAGES).find_map(|number| {
            if number == MAX_IDLE_PAGES / 2 {
                chain.restart();
            }
            let prints: &[_] = if number % 2 == 0 { &[(5, 1)] } else { &[] };
            chain.accept(tape(prints, Some(&number.to_string()))).err()
        });
        assert_eq!(
            lie,
            Some(Lie::NothingNew),
            "a repeated row is nothing new, and a restart forgets nothing"
        );
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

    fn print(sip_ns: i64, sequence_number: i64) -> Trade {
        Trade {
            sip_ns,
            price: 1.0,
            size: 1.0,
            sequence_number,
            exchange: 11,
            id: "7".into(),
            conditions: None,
            correction: None,
            tape: 1,
            participant_ns: sip_ns,
            trf_ns: None,
        }
    }

    fn tape(prints: &[(i64, i64)], next_url: Option<&str>) -> Page<Trade> {
        let rows = prints.iter().map(|(stamp, sequence)| print(*stamp, *sequence)).collect();
        let next_url = next_url.map(|cursor| format!("{BASE}/v3/trades/AIG?cursor={cursor}"));
        Page {
            ticker: None,
            rows_ticker: None,
            adjusted: None,
            results_count: None,
            status: Some("OK".to_owned()),
            next_url,
            rows,
        }
    }

    #[test]
    fn prints_of_one_nanosecond_are_all_taken_and_those_read_before_are_not() {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let mut chain: Chain<Trade> =
            Chain::new(base, Endpoint::Trades("AIG".parse().expect("a ticker")), 0..100);
        let stamps =
            |rows: &[Trade]| rows.iter().map(|row| (row.sip_ns, row.sequence_number)).collect::<Vec<_>>();
        let first = chain.accept(tape(&[(5, 1), (7, 2), (7, 3)], Some("a"))).expect("true");
        assert_eq!(stamps(&first), [(5, 1), (7, 2), (7, 3)]);
        let second = chain.accept(tape(&[(7, 3), (7, 4)], Some("b"))).expect("true");
        assert_eq!(stamps(&second), [(7, 4)], "one border repeats one print");
        chain.restart();
        let url = chain.url().map(Url::as_str).expect("stamps are left");
        assert!(url.contains("?timestamp.gte=7&timestamp.lte=99&order=asc"), "{url}");
        let third = chain.accept(tape(&[(7, 2), (7, 3), (7, 4), (7, 4), (9, 6)], None)).expect("true");
        assert_eq!(
            stamps(&third),
            [(7, 4), (9, 6)],
            "the whole nanosecond is asked for again; a twin is no repeat"
        );
        assert_eq!(chain.repeated_rows(), 4);
    }

    #[test]
    fn a_path_that_only_begins_like_ours_is_another_ticker_s() {
        let base = BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin");
        let mut chain: Chain<Trade> =
            Chain::new(base, Endpoint::Trades("AIG".parse().expect("a ticker")), 0..100);
        let mut page = tape(&[(5, 1)], None);
        page.next_url = Some(format!("{BASE}/v3/trades/AIGX?cursor=a"));
        assert_eq!(chain.accept(page), Err(Lie::OtherEndpoint("/v3/trades/AIGX".to_owned())));
    }
}
