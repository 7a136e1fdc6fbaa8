//! Which endpoint a path means.

use super::endpoint::aggs::AggsPath;
use super::endpoint::splits::Edition;
use super::record::Span;

/// A path that is served.
pub enum Route<'a> {
    /// Bars of one ticker.
    Aggs(AggsPath<'a>),
    /// Daily bars of the whole market, by date.
    Grouped(&'a str),
    /// Trades of one ticker.
    Trades(&'a str),
    /// The list of tickers.
    Tickers,
    Ticker(&'a str),
    /// The symbols of one security.
    Events(&'a str),
    /// Splits, old and new.
    Splits(Edition),
    /// Turns a source that changes its mind to another epoch: no key, no faults, not counted.
    Epoch(u64),
    /// Our own counters: no key, no faults, not counted.
    Stats,
}

impl<'a> Route<'a> {
    /// The endpoint of a path; `None` is answered by 404 in plain text.
    pub fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments[..] {
            ["v2", "aggs", "ticker", ticker, "range", "1", span, from, to] => {
                let span = match span {
                    "day" => Span::Day,
                    "minute" => Span::Minute,
                    _ => return None,
                };
                Self::Aggs(AggsPath { ticker, span, from, to })
            }
            ["v2", "aggs", "grouped", "locale", "us", "market", "stocks", date] => {
                Self::Grouped(date)
            }
            ["v3", "trades", ticker] => Self::Trades(ticker),
            ["v3", "reference", "tickers"] => Self::Tickers,
            ["v3", "reference", "tickers", ticker] if ticker != "types" => Self::Ticker(ticker),
            ["vX", "reference", "tickers", id, "events"] => Self::Events(id),
            ["v3", "reference", "splits"] => Self::Splits(Edition::V3),
            ["stocks", "v1", "splits"] => Self::Splits(Edition::V1),
            ["__stats"] => Self::Stats,
            ["__epoch", number] => Self::Epoch(number.parse().ok()?),
            _ => return None,
        })
    }

    /// Its name in the counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aggs(AggsPath { span: Span::Day, .. }) => "aggs/day",
            Self::Aggs(AggsPath { span: Span::Minute, .. }) => "aggs/minute",
            Self::Grouped(_) => "grouped",
            Self::Trades(_) => "trades",
            Self::Tickers => "tickers",
            Self::Ticker(_) => "ticker",
            Self::Events(_) => "events",
            Self::Splits(_) => "splits",
            Self::Stats => "stats",
            Self::Epoch(_) => "epoch",
        }
    }
}
