//! Promise: all workers of a run share one rate budget, and the server never has to refuse.

use std::time::Duration;

use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run};
use tests::harness::{tree, truth};
use tests::sim::config::{Config, RetryAfter};
use tests::sim::server::Exchange;

/// The most stamps within any span of `window_ms`.
fn most_in_window(stamps: &[i64], window_ms: i64) -> usize {
    let mut sorted = stamps.to_vec();
    sorted.sort_unstable();
    let within = |(at, first): (usize, &i64)| sorted[at..].partition_point(|stamp| stamp - first < window_ms);
    sorted.iter().enumerate().map(within).max().unwrap_or(0)
}

#[test]
fn four_workers_with_four_threads_each_stay_within_the_rate_and_use_it() {
    // 50 a second, as a window of two seconds: short enough for a test to see it turn over many times.
    let rate = "100/2s".parse().expect("a rate");
    let config =
        Config::synthetic(13).with_tickers(32).with_page_rows_max(400).with_rate(rate, RetryAfter::Silent);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 32);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2024-01-02", "2024-03-28");
    let mut start = place.launcher_start_of(Kind::Minute, &exchange.base_url(), asked);
    start.args(["--batch-size", "8", "--max-concurrent", "4", "--rate", "100/2s", "--foreground"]);
    start.env("XDG_RUNTIME_DIR", place.path());
    let launcher = Running::start(&mut start);
    eventually("the budget is in use", || exchange.stats().total > 60);
    let status = run(place.launcher("status").env("XDG_RUNTIME_DIR", place.path())).expect_code(0).stdout;
    assert!(status.contains(" requests in the last minute, ") && status.contains("(100/2s)"), "{status}");
    launcher.wait().expect_code(0);

    let stats = exchange.stats();
    assert_eq!(stats.status.get("429"), None, "the server never refused: {:?}", stats.status);
    // Two for a late start of the clock on the other side of the socket.
    assert!(
        most_in_window(&stats.requests_at_ms, 2_000) <= 102,
        "{}",
        most_in_window(&stats.requests_at_ms, 2_000)
    );
    let full: Vec<i64> = stats.requests_at_ms.iter().copied().skip(20).take(250).collect();
    let (first, last) = (full.first().expect("many"), full.last().expect("many"));
    let per_second = (full.len() - 1) as f64 * 1000.0 / (last - first) as f64;
    assert!(per_second >= 0.9 * 50.0, "{per_second:.1} of 50 a second used while there was work");
    for ticker in &tickers {
        let on_disk = tree::bars(&place.outdir(), Kind::Minute, ticker);
        assert_eq!(on_disk.len(), truth::minute_bars(&exchange, ticker, asked).len(), "{ticker}");
    }
}

#[test]
fn a_429_from_elsewhere_slows_everybody_and_nobody_fails() {
    // The server allows less than we were told: somebody else uses the key.
    let rate = "10/s".parse().expect("a rate");
    let config =
        Config::synthetic(13).with_tickers(8).with_page_rows_max(400).with_rate(rate, RetryAfter::Said);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 8);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let mut worker = place.worker_of(Kind::Minute, &exchange.base_url(), days("2024-01-02", "2024-02-09"));
    worker.args(["--rate", "100/s", "--max-workers", "8"]).env("XDG_RUNTIME_DIR", place.path());
    let ended = run(&mut worker).expect_code(0);
    let refused = exchange.stats().status.get("429").copied().unwrap_or(0);
    assert!(refused > 0, "the server did refuse");
    let total = exchange.stats().total;
    assert!(refused * 2 < total, "{refused} of {total} refused: the pace was lowered for everybody");
    assert!(ended.took < Duration::from_mins(3));
}
