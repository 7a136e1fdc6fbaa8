//! Promise: memory does not grow with the number of tickers, and requests are as few as can be.

use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

const MIB: u64 = 1 << 20;

fn ingest(exchange: &Exchange, count: usize) -> Ended {
    let tickers: Vec<String> =
        exchange.source().listings().iter().take(count).map(|l| l.ticker.to_string()).collect();
    assert_eq!(tickers.len(), count);
    let place = Place::with_tickers(&tickers);
    run(&mut place.worker(&exchange.base_url(), days("2023-01-03", "2024-06-28"))).expect_code(0)
}

#[test]
fn five_hundred_tickers_take_no_more_memory_than_fifty_and_one_request_each() {
    let exchange = Exchange::start(Config::synthetic(9).with_tickers(500)).expect("started");
    let few = ingest(&exchange, 50).peak_rss_bytes;
    assert_eq!(exchange.stats().total, 50, "one page each");
    let many = ingest(&exchange, 500).peak_rss_bytes;
    assert_eq!(exchange.stats().total, 550, "one page each");
    eprintln!("peak RSS: {} KiB at 50 tickers, {} KiB at 500", few / 1024, many / 1024);
    assert!(many <= 64 * MIB, "{many} bytes");
    // A tenth is the noise of the allocator, not growth: the list itself is 450 tickers longer.
    assert!(many <= few + few / 10, "{few} bytes at 50, {many} at 500");
}
