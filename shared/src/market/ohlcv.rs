//! An aggregate bar as the exchange reports it: one day or one minute of one ticker.

use std::hash::{Hash, Hasher};

/// Open, high, low, close and volume of one window, with the vendor's extras.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ohlcv {
    /// Start of the window, ms since the epoch (UTC).
    pub t: i64,
    /// First price, USD.
    pub open: f64,
    /// Highest price, USD.
    pub high: f64,
    /// Lowest price, USD.
    pub low: f64,
    /// Last price, USD.
    pub close: f64,
    /// Shares traded; may be fractional.
    pub volume: f64,
    /// Number of trades, where the source says it.
    pub trades: Option<i64>,
    /// Volume-weighted average price, USD, where the source says it.
    pub vwap: Option<f64>,
}

/// Equal bars feed the same.
impl Hash for Ohlcv {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { t, open, high, low, close, volume, trades, vwap } = self;
        (t, trades, vwap.map(bits)).hash(state);
        [open, high, low, close, volume].map(|value| bits(*value)).hash(state);
    }
}

/// The same for all values that are equal: there are two zeros.
pub(super) fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}
