//! Promise: what is on disk is what the source has, row for row.

use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::market::market;
use tests::harness::place::{Place, beside_the_project, days, ticker};
use tests::harness::program::run;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

#[test]
fn the_real_market_survives_the_trip_row_for_row() {
    let Some(recorded) = beside_the_project("market") else { return };
    let (exchange, tickers, place) = market(Config::replay(recorded), 100);
    let asked = days("1998-01-01", "2021-12-31");
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    let mut rows = 0;
    for ticker in &tickers {
        let on_disk = tree::daily_rows(&place.outdir(), ticker);
        assert_eq!(on_disk, daily_bars(&exchange, ticker, asked), "{ticker}");
        assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked), "{ticker}");
        rows += on_disk.len();
    }
    assert_eq!((tickers.len(), rows), (8, 41_582));
    assert_eq!(exchange.stats().total, 8, "one page holds all daily bars of a ticker");
}

#[test]
fn short_pages_make_the_same_bytes_as_one_page() {
    let asked = days("2019-06-03", "2024-03-15");
    let tree_of = |config: Config| {
        let (exchange, tickers, place) = market(config, 12);
        run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
        for ticker in &tickers {
            assert_eq!(
                tree::daily_rows(&place.outdir(), ticker),
                daily_bars(&exchange, ticker, asked),
                "{ticker}"
            );
        }
        tree::parquet_bytes(&place.outdir())
    };
    let whole = tree_of(Config::synthetic(7).with_tickers(12));
    assert!(whole.len() > 24, "several years of several tickers");
    assert_eq!(tree_of(Config::synthetic(7).with_tickers(12).with_page_rows_max(17)), whole);
}

#[test]
fn half_the_range_and_the_other_half_make_the_whole() {
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(6)).expect("started");
    let tickers = universe(&exchange, 6);
    let tree_of = |ranges: &[(&str, &str)]| {
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        for (from, to) in ranges {
            run(place.worker(&exchange.base_url(), days(from, to)).arg("--resume")).expect_code(0);
        }
        tree::parquet_bytes(&place.outdir())
    };
    let whole = tree_of(&[("2021-01-01", "2023-12-31")]);
    assert_eq!(tree_of(&[("2022-05-17", "2023-12-31"), ("2021-01-01", "2022-05-16")]), whole);
    assert_eq!(
        tree_of(&[
            ("2021-01-01", "2022-03-01"),
            ("2023-02-01", "2023-12-31"),
            ("2021-06-01", "2023-06-01")
        ]),
        whole
    );
}

#[test]
fn a_second_run_without_resume_fetches_anew_and_changes_no_byte() {
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(5)).expect("started");
    let tickers = universe(&exchange, 5);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2022-02-02", "2023-03-03");
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    let first = tree::parquet_bytes(&place.outdir());
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    assert_eq!(tree::parquet_bytes(&place.outdir()), first);
    assert_eq!(exchange.stats().total, 10);
}

#[test]
fn a_ticker_that_nobody_knows_is_empty_and_not_an_error() {
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(5)).expect("started");
    let place = Place::with_tickers(["NOSUCH"]);
    let asked = days("2022-02-02", "2023-03-03");
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    assert!(tree::parquet_bytes(&place.outdir()).is_empty());
    assert!(
        tree::is_proven(&place.outdir(), Kind::Daily, &ticker("NOSUCH"), asked),
        "the answer is in the ledger"
    );
}
