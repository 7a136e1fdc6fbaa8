//! Promise: whatever goes wrong on the way, a ticker is right or named as failed; a lie never
//! becomes data.

use std::collections::BTreeSet;

use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::tree;
use tests::harness::truth::{named_as_failed, right_or_named};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

const TICKERS: usize = 60;

fn asked() -> DateRange {
    days("2022-01-03", "2024-06-28")
}

#[test]
fn with_every_fault_at_five_percent_each_ticker_is_complete_or_named() {
    let config = Config::synthetic(11)
        .with_tickers(TICKERS)
        .with_page_rows_max(120)
        .with_all_faults(3, 0.05);
    let (exchange, tickers, place) = market(config, TICKERS);
    let ended = run(&mut place.worker(&exchange.base_url(), asked()));
    let failed = named_as_failed(&ended.stderr);
    let code = if failed.is_empty() { 0 } else { 10 };
    let ended = ended.expect_code(code);
    right_or_named(&place, &exchange, &tickers, asked(), &failed);
    let faults = exchange.stats().faults;
    assert!(faults.len() >= 12, "nearly every kind of fault showed: {faults:?}");
    assert!(failed.len() < TICKERS / 4, "most get through: {failed:?}\n{}", ended.stderr);

    // Those that were named are retried by whoever supervises: in the end nothing is missing.
    for _ in 0..10 {
        run(place.worker(&exchange.base_url(), asked()).arg("--resume"));
    }
    right_or_named(&place, &exchange, &tickers, asked(), &BTreeSet::new());

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
        let (exchange, tickers, place) = market(config, 3);
        let ended = run(&mut place.worker(&exchange.base_url(), asked()));
        let failed = named_as_failed(&ended.stderr);
        right_or_named(&place, &exchange, &tickers, asked(), &failed);
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
        let (exchange, tickers, place) = market(config, 1);
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
