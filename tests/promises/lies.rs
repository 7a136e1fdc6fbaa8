//! Promise: whatever goes wrong on the way, a ticker is right or named as failed; a lie never
//! becomes data.

use std::collections::BTreeSet;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

const TICKERS: usize = 60;

fn asked() -> DateRange {
    days("2022-01-03", "2024-06-28")
}

/// What a ticker has on disk must be true, and must be proven exactly when the worker did not name
/// it failed.
#[track_caller]
fn check(place: &Place, exchange: &Exchange, tickers: &[Ticker], failed: &BTreeSet<String>) {
    for ticker in tickers {
        let truth = daily_bars(exchange, ticker, asked());
        let on_disk = tree::daily_rows(&place.outdir(), ticker);
        let proven = tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked());
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
    assert_eq!(tree::strays(&place.outdir()), [] as [std::path::PathBuf; 0]);
}

fn named_as_failed(stderr: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        line.split_once(" ERROR ")
            .and_then(|(_, rest)| Some(rest.split_once(": failed")?.0.to_owned()))
    };
    stderr.lines().filter_map(name).collect()
}

#[test]
fn with_every_fault_at_five_percent_each_ticker_is_complete_or_named() {
    let config = Config::synthetic(11)
        .with_tickers(TICKERS)
        .with_page_rows_max(120)
        .with_all_faults(3, 0.05);
    let exchange = Exchange::start(config).expect("started");
    let tickers = universe(&exchange, TICKERS);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let ended = run(&mut place.worker(&exchange.base_url(), asked()));
    let failed = named_as_failed(&ended.stderr);
    let code = if failed.is_empty() { 0 } else { 10 };
    let ended = ended.expect_code(code);
    check(&place, &exchange, &tickers, &failed);
    let faults = exchange.stats().faults;
    assert!(faults.len() >= 12, "nearly every kind of fault showed: {faults:?}");
    assert!(failed.len() < TICKERS / 4, "most get through: {failed:?}\n{}", ended.stderr);

    // Those that were named are retried by whoever supervises: in the end nothing is missing.
    for _ in 0..10 {
        run(place.worker(&exchange.base_url(), asked()).arg("--resume"));
    }
    check(&place, &exchange, &tickers, &BTreeSet::new());

    let calm = Exchange::start(Config::synthetic(11).with_tickers(TICKERS)).expect("started");
    let undisturbed = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    run(&mut undisturbed.worker(&calm.base_url(), asked())).expect_code(0);
    assert_eq!(tree::parquet_bytes(&place.outdir()), tree::parquet_bytes(&undisturbed.outdir()));
}

#[test]
fn a_page_that_always_lies_fails_its_ticker_by_name_and_never_becomes_data() {
    let cases = [
        (Fault::AdjustedFlip, "adjusted=true"),
        (Fault::RepeatedNextUrl, "next_url leads to a page that was read before"),
        (Fault::ForeignNextUrl, "next_url leads to https://evil.example"),
    ];
    for (fault, words) in cases {
        let config =
            Config::synthetic(11).with_tickers(3).with_page_rows_max(100).with_fault(fault, 1.0);
        let exchange = Exchange::start(config).expect("started");
        let tickers = universe(&exchange, 3);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let ended = run(&mut place.worker(&exchange.base_url(), asked()));
        let failed = named_as_failed(&ended.stderr);
        check(&place, &exchange, &tickers, &failed);
        if !failed.is_empty() {
            assert!(ended.stderr.contains(words), "{fault}: {}", ended.stderr);
            ended.expect_code(10);
        }
    }
}

#[test]
fn a_cut_body_is_asked_again_and_in_the_end_named() {
    // Four small questions tell a source in trouble from a range that is too heavy. What answers
    // with something else is asked for three years, each alone, and twice for two of them together.
    let cases = [
        (Fault::CutJson, 4),
        (Fault::Html200, 3 * 3 + 2),
        (Fault::Reset, 4),
        (Fault::BadGateway, 4),
    ];
    for (fault, more) in cases {
        let config = Config::synthetic(11).with_tickers(1).with_fault(fault, 1.0);
        let exchange = Exchange::start(config).expect("started");
        let tickers = universe(&exchange, 1);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let ended =
            run(place.worker(&exchange.base_url(), asked()).args(["--tries", "3"])).expect_code(10);
        assert_eq!(
            named_as_failed(&ended.stderr),
            BTreeSet::from([tickers[0].to_string()]),
            "{fault}"
        );
        assert_eq!(
            exchange.stats().total,
            3 + more,
            "{fault}: as many tries as asked, and a few more"
        );
        assert!(tree::parquet_bytes(&place.outdir()).is_empty(), "{fault}");
    }
}
