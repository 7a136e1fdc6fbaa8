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
use super::lie::Lie;
use super::next_url;
use super::page::Page;
use super::progress::Progress;

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
    /// A restart does not make it forgotten.
    progress: Progress,
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
        let (progress, repeated_rows) = (Progress::default(), 0);
        Self { base, endpoint, window, border, next, followed, progress, repeated_rows, duplicates, resolved }
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
        let before = self.border.last().map(Row::stamp);
        let position = rows.last().map(Row::stamp).or(before);
        let next = self.next_after(page.next_url.as_deref(), position)?;
        let progress = self.progress.after(rows.len(), before, position);
        if next != Next::End {
            progress.check(position)?;
        }
        self.repeated_rows += repeated as u64;
        self.resolved.extend(resolved);
        self.progress = progress;
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
mod tests;
