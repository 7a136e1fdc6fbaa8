//! The URLs of the vendor's API (docs: "Custom Bars", `/v2/aggs/ticker/{t}/range/…`).

use shared::dataset::descriptor::Adjusted;
use shared::market::ticker::Ticker;

/// Rows asked for in one page: the most that the vendor gives.
const PAGE_ROWS: u32 = 50_000;

/// The window of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timespan {
    /// One session.
    Day,
}

impl Timespan {
    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
        }
    }
}

/// Aggregates of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregates {
    /// Of what.
    pub ticker: Ticker,
    /// How wide a window.
    pub timespan: Timespan,
    /// On which scale.
    pub adjusted: Adjusted,
}

impl Aggregates {
    /// The path that every page of these aggregates begins with.
    pub fn path_prefix(&self) -> String {
        // A ticker holds no character that a URL path escapes.
        format!("/v2/aggs/ticker/{}/range/1/{}/", self.ticker, self.timespan.name())
    }

    /// Path and query that ask for the windows between two ends, both inclusive, oldest first. Each end is
    /// `YYYY-MM-DD` (New York) or ms since the epoch.
    pub fn path_and_query(&self, from: &str, to: &str) -> String {
        let adjusted = bool::from(self.adjusted);
        format!("{}{from}/{to}?adjusted={adjusted}&sort=asc&limit={PAGE_ROWS}", self.path_prefix())
    }
}
