//! Days as unit tests spell them.

use shared::dataset::coverage::DateRange;
use shared::market::trading_day::TradingDay;

/// `2024-03-11`.
pub(crate) fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

/// From `from` to `to`, both included.
pub(crate) fn days(from: &str, to: &str) -> DateRange {
    DateRange::new(day(from), day(to)).expect("in order")
}
