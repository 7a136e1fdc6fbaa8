//! What one ticker of the batch waits for.

use shared::dataset::coverage::Coverage;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use crate::api::failure::Failure;
use crate::ingest::odd_rows::OddRows;
use crate::ingest::tally::{Received, TickerError};

/// A ticker and the days that it misses.
#[derive(Debug)]
pub struct Order {
    pub ticker: Ticker,
    /// Its number among those of the batch.
    pub number: u32,
    /// What was brought for it.
    pub received: Received,
    /// Why it will not be done, whatever else is brought.
    pub failure: Option<Failure>,
    /// What of it could not be brought to its place, or came shorter than it was; the rest is.
    pub in_part: Option<TickerError>,
    /// Why some of its days are to be asked for without the market, if any are.
    pub alone: Option<String>,
    /// What is odd about its rows.
    pub odd: OddRows,
    /// The days of earlier rounds that were answered for.
    pub brought: Coverage,
    missing: Coverage,
}

impl Order {
    /// For the days that `ticker` misses, at least one.
    pub fn new(ticker: &Ticker, number: u32, missing: Coverage) -> Self {
        let (received, odd) = (Received::default(), OddRows::default());
        Self {
            ticker: ticker.clone(),
            number,
            received,
            failure: None,
            in_part: None,
            alone: None,
            odd,
            brought: Coverage::empty(),
            missing,
        }
    }

    /// The days to bring.
    pub fn missing(&self) -> &Coverage {
        &self.missing
    }

    /// Is nothing missing before `day`?
    pub fn ends_at(&self, day: TradingDay) -> bool {
        self.missing.ranges().first().is_none_or(|oldest| oldest.from() >= day)
    }
}
