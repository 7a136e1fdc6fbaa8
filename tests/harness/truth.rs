//! What a right answer is, straight from the exchange's own rows.

use shared::dataset::coverage::DateRange;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;

use super::tree::Print;
use crate::sim::record::{Adjustment, Span};
use crate::sim::server::Exchange;
use crate::sim::source::{true_bars, true_trades};

/// Every daily bar that the exchange has of `ticker` within `range`, as traded.
pub fn daily_bars(exchange: &Exchange, ticker: &Ticker, range: DateRange) -> Vec<Ohlcv> {
    let range = (range.from(), range.to());
    true_bars(exchange.source(), ticker.as_str(), Span::Day, range, Adjustment::Unadjusted)
        .expect("known rows")
}

/// Every 1-minute bar that the exchange has of `ticker` within `range`, as traded.
pub fn minute_bars(exchange: &Exchange, ticker: &Ticker, range: DateRange) -> Vec<Ohlcv> {
    let range = (range.from(), range.to());
    true_bars(exchange.source(), ticker.as_str(), Span::Minute, range, Adjustment::Unadjusted)
        .expect("known rows")
}

/// Every trade that the exchange has of `ticker` within `range`, in the order of the tape.
pub fn trades(exchange: &Exchange, ticker: &Ticker, range: DateRange) -> Vec<Print> {
    let trades =
        true_trades(exchange.source(), ticker.as_str(), (range.from(), range.to())).expect("known rows");
    trades.iter().map(|trade| (trade.sip_ns, trade.price.as_f64(), trade.size.as_f64())).collect()
}

/// The first `count` tickers of the exchange.
pub fn universe(exchange: &Exchange, count: usize) -> Vec<Ticker> {
    exchange.source().listings().iter().map(|listing| listing.ticker.clone()).take(count).collect()
}
