//! What a right answer is, straight from the exchange's own rows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::place::Place;
use super::tree::{self, Print};
use crate::sim::record::{Adjustment, Listing, Span};
use crate::sim::server::Exchange;
use crate::sim::source::{true_bars, true_trades};
use crate::sim::synthetic::ELEPHANT;

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
    let trades = true_trades(exchange.source(), ticker.as_str(), (range.from(), range.to()))
        .expect("known rows");
    trades.iter().map(|trade| (trade.sip_ns, trade.price.as_f64(), trade.size.as_f64())).collect()
}

/// What `place` has of daily bars must be true, and must be proven unless its worker has named the
/// ticker as `failed`.
#[track_caller]
pub fn right_or_named(
    place: &Place,
    exchange: &Exchange,
    tickers: &[Ticker],
    asked: DateRange,
    failed: &BTreeSet<String>,
) {
    for ticker in tickers {
        let truth = daily_bars(exchange, ticker, asked);
        let on_disk = tree::daily_rows(&place.outdir(), ticker);
        let proven = tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked);
        assert_eq!(
            proven,
            !failed.contains(ticker.as_str()),
            "{ticker}: proven or named as failed"
        );
        if proven {
            assert_eq!(on_disk, truth, "{ticker}");
        } else {
            assert!(on_disk.iter().all(|row| truth.contains(row)), "{ticker}: only true rows");
        }
    }
    assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0]);
}

/// Tickers that a worker's log calls failed.
pub fn named_as_failed(stderr: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let (_, rest) = line.split_once(" ERROR ")?;
        Some(rest.split_once(": failed")?.0.to_owned())
    };
    stderr.lines().filter_map(name).collect()
}

/// A symbol that no exchange lists.
pub const NOBODY: &str = "NOSUCH";

/// So many tickers with every trouble within `asked`: the elephant, one that nobody lists, some
/// that were listed, delisted or gone by then, and some that merely trade.
pub fn cast(exchange: &Exchange, count: usize, asked: DateRange) -> Vec<Ticker> {
    let (listings, each) = (exchange.source().listings(), count / 8);
    let on = |day: Option<TradingDay>| day.is_some_and(|day| asked.contains(day));
    let some = |trouble: &dyn Fn(&Listing) -> bool, most: usize| -> Vec<Ticker> {
        let found = listings.iter().filter(|listing| trouble(listing)).take(most);
        let found: Vec<Ticker> = found.map(|listing| listing.ticker.clone()).collect();
        assert_eq!(found.len(), most, "as many as there should be");
        found
    };
    let mut cast = some(&|listing| listing.ticker.as_str() == ELEPHANT, 1);
    cast.push(NOBODY.parse().expect("a symbol"));
    cast.extend(some(&|listing| on(listing.listed), each));
    cast.extend(some(&|listing| on(listing.delisted), each));
    cast.extend(some(&|listing| listing.delisted.is_some_and(|gone| gone < asked.from()), each));
    let trades_throughout = |listing: &Listing| {
        listing.trades_on(asked.from())
            && listing.trades_on(asked.to())
            && listing.ticker.as_str() != ELEPHANT
    };
    cast.extend(some(&trades_throughout, count - cast.len()));
    cast
}

/// The first `count` tickers of the exchange.
pub fn universe(exchange: &Exchange, count: usize) -> Vec<Ticker> {
    exchange.source().listings().iter().map(|listing| listing.ticker.clone()).take(count).collect()
}
