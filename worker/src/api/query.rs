//! A query that is answered page by page: what [`chain`](super::chain) needs to know of it to
//! follow and check its pages.

use shared::run::base_url::BaseUrl;
use url::Url;

use super::lie::Lie;
use super::page::Page;
use super::progress::Stall;
use super::wire::Record;

/// What becomes of records that share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameKey {
    /// All are taken, equal ones too: two trades may be alike.
    KeepAll,
    /// Equal ones are one.
    KeepDistinct,
    /// A key has one record: of two versions the first is taken.
    KeepFirst,
    /// A key has one record: of two versions the last is taken.
    KeepLast,
}

/// A question that is answered page by page, by records in the order of their keys.
pub trait Query {
    /// What the pages hold.
    type Row: Record;

    /// No honest answer has more pages.
    const MOST_PAGES: u32;

    /// The URL that asks for all records, or for those behind the `last` one read; `None` where
    /// none can be left.
    fn url(&self, base: &BaseUrl, last: Option<&Key<Self>>) -> Option<Url>;

    /// What becomes of records that share a key.
    fn same_key(&self) -> SameKey;

    /// Is a page, by what it says of itself, one of those asked for?
    fn check_page(&self, page: &Page<Self::Row>) -> Result<(), Lie>;

    /// Was `record` asked for, and may it come after the one `before`?
    fn check_record(&self, record: &Self::Row, before: Option<&Self::Row>) -> Result<(), Lie>;

    /// Does the `url` that a page leads to ask for what follows the `last` record read, and for all
    /// of it?
    fn check_next(&self, url: &Url, last: Option<&Key<Self>>) -> Result<(), Lie>;

    /// Does the `url` that a page led to ask for what lies behind the end?
    fn is_behind_end(&self, url: &Url) -> bool;

    /// The lie of a chain that leads on and does not advance; `last` is the record that it has come
    /// to.
    fn stalled(stall: Stall, last: Option<&Key<Self>>) -> Lie;
}

/// What the records of a query are ordered by.
pub type Key<Q> = <<Q as Query>::Row as Record>::Key;
