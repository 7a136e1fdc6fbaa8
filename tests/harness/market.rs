//! A market, and a place for the first of its tickers.

use shared::market::ticker::Ticker;

use super::place::Place;
use super::truth::universe;
use crate::sim::config::Config;
use crate::sim::server::Exchange;

/// The exchange that `config` says, the first `count` of its tickers, and a place with their list.
pub fn market(config: Config, count: usize) -> (Exchange, Vec<Ticker>, Place) {
    let exchange = Exchange::start(config).expect("started");
    let tickers = universe(&exchange, count);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    (exchange, tickers, place)
}
