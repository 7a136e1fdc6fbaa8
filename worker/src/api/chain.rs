//! A chain of pages: which page to ask for next, and whether the one that came can be true. Pure.
//!
//! The chain holds for every [`Query`]: bars and trades of a ticker
//! ([`range_query`](super::range_query)) and lists of reference data ([`list`](super::list)). Which
//! records of a page are new is told by [`sift`](super::sift); nothing else here looks at records,
//! except at the key of the last one.
//!
//! The position is in the path of `next_url`, not in its cursor: asking the first URL again with
//! that cursor would return page one for ever. So the chain follows `next_url` to the letter, or
//! not at all.

use std::collections::HashSet;

use shared::run::base_url::BaseUrl;
use url::Url;

use super::border::Border;
use super::failure::Failure;
use super::lie::Lie;
use super::next_url;
use super::page::Page;
use super::progress::Progress;
use super::query::{Key, Query};
use super::sift::{Sifted, sift};
use super::wire::Record;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// A URL of our own making.
    Own(Url),
    /// A URL that a page led to.
    Followed(Url),
    /// Every page has been read.
    End,
}

/// A second lie in a row: the vendor's chain is left, and the rest is asked for with our own
/// parameters.
const LIES_BEFORE_RESTART: u32 = 2;

/// The way through the pages that answer one query.
#[derive(Debug)]
pub struct Chain<Q: Query> {
    base: BaseUrl,
    query: Q,
    /// The records accepted last.
    border: Border<Q::Row>,
    next: Next,
    followed: HashSet<Url>,
    /// A restart does not make it forgotten.
    progress: Progress,
    /// Pages that lied since a new record came.
    lies: u32,
    repeated_rows: u64,
    /// Records of which another version was kept, since they were last asked for.
    resolved: Vec<Q::Row>,
}

impl<Q: Query> Chain<Q> {
    /// The way through all records that `query` asks for.
    pub fn new(base: BaseUrl, query: Q) -> Self {
        let next = query.url(&base, None).map_or(Next::End, Next::Own);
        let (border, followed, progress) = (Border::default(), HashSet::new(), Progress::default());
        Self {
            base,
            query,
            border,
            next,
            followed,
            progress,
            lies: 0,
            repeated_rows: 0,
            resolved: Vec::new(),
        }
    }

    /// The page to ask for now; `None` when every page has been read.
    pub fn url(&self) -> Option<&Url> {
        match &self.next {
            Next::Own(url) | Next::Followed(url) => Some(url),
            Next::End => None,
        }
    }

    /// Pages accepted.
    pub fn pages(&self) -> u32 {
        self.progress.pages()
    }

    /// Records that stood on two pages and were taken once.
    pub fn repeated_rows(&self) -> u64 {
        self.repeated_rows
    }

    /// Records that came in two versions, of which one was kept, since the last question.
    pub fn resolved(&mut self) -> Vec<Q::Row> {
        std::mem::take(&mut self.resolved)
    }

    /// Takes the page that [`Chain::url`] brought and returns its new records. A lie leaves the
    /// chain as it was.
    pub fn accept(&mut self, page: Page<Q::Row>) -> Result<Vec<Q::Row>, Lie> {
        self.query.check_page(&page)?;
        let held = page.rows.len();
        let Sifted { rows, repeated, resolved } = sift(&self.query, &self.border, page.rows)?;
        debug_assert!(rows.len() + repeated <= held, "no row out of nothing");
        let before = self.border.last().map(Record::key);
        let last = rows.last().map(Record::key).or(before);
        let next = self.next_after(page.next_url.as_deref(), last)?;
        let progress = self.progress.after(rows.len(), last != before);
        if next != Next::End {
            progress.check(Q::MOST_PAGES).map_err(|stall| Q::stalled(stall, last))?;
        }
        self.repeated_rows += repeated as u64;
        self.resolved.extend(resolved);
        self.progress = progress;
        // A page without a new record proves nothing: what lied before may be lying still.
        self.lies = if rows.is_empty() { self.lies } else { 0 };
        self.border.move_to_end_of(&rows);
        self.followed.extend(self.url().cloned());
        self.next = next;
        Ok(rows)
    }

    /// The page that [`Chain::url`] brought lied. How many have done so in a row, or `None` if
    /// those are `most`: then it is not to be asked for again.
    pub fn lied(&mut self, most: u32) -> Option<u32> {
        self.lies += 1;
        if self.lies >= most {
            return None;
        }
        if self.lies == LIES_BEFORE_RESTART {
            self.restart();
        }
        Some(self.lies)
    }

    /// Leaves the vendor's chain and asks with parameters of our own from the position reached.
    pub fn restart(&mut self) {
        let last = self.border.last().map(Record::key);
        self.next = self.query.url(&self.base, last).map_or(Next::End, Next::Own);
        self.followed.clear();
    }

    /// Is `failure` only the vendor's odd way to say that the last page was the last? It may answer
    /// a `next_url` whose `from` has passed its `to` with a 400 (client-python#888). Then the chain
    /// is at its end.
    pub fn ended_by(&mut self, failure: &Failure) -> bool {
        let Failure::BadRequest { status: 400, words } = failure else { return false };
        let Next::Followed(url) = &self.next else { return false };
        let ends = self.query.is_behind_end(url) && words.contains("before 'from'");
        if ends {
            self.next = Next::End;
        }
        ends
    }

    fn next_after(&self, next_url: Option<&str>, last: Option<&Key<Q>>) -> Result<Next, Lie> {
        let Some(url) = next_url::read(next_url, &self.base)? else { return Ok(Next::End) };
        if self.url() == Some(&url) || self.followed.contains(&url) {
            return Err(Lie::RepeatedNextUrl);
        }
        self.query.check_next(&url, last)?;
        Ok(Next::Followed(url))
    }
}

#[cfg(test)]
mod tests;
