//! Promise: the API key appears in no file, argument list, log or error.

use std::fs;

use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, Running, SECRET, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

fn holds_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

#[track_caller]
fn check_output(ended: &Ended) {
    assert!(!holds_secret(ended.stdout.as_bytes()) && !holds_secret(ended.stderr.as_bytes()));
}

#[track_caller]
fn check_files(place: &Place) {
    let files = tree::files(place.path());
    assert!(files.len() > 5, "there is something to look through");
    for path in files {
        assert!(!holds_secret(&fs::read(&path).expect("read")), "{}", path.display());
    }
}

/// Argument lists of every process that can be seen.
fn argument_lists_with_secret() -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("a Linux").filter_map(Result::ok);
    let lists = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lists
        .filter(|list| holds_secret(list))
        .map(|list| String::from_utf8_lossy(&list).into_owned())
        .collect()
}

#[test]
fn the_key_is_nowhere_while_a_run_works_and_after_it() {
    let config = Config::synthetic(3).with_tickers(12).with_page_rows_max(50).with_key(SECRET);
    let exchange = Exchange::start(
        config.with_fault(Fault::ServerError, 0.1).with_fault(Fault::SlowBody, 0.05),
    )
    .expect("started");
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|l| l.ticker.to_string()).collect();
    let place = Place::with_tickers(&tickers);
    let mut start = place.launcher_start(&exchange.base_url(), days("2022-01-03", "2023-12-29"));
    let launcher = Running::start(start.args(["--batch-size", "3", "--foreground"]));
    let mut looks = 0;
    while launcher.is_running() {
        assert_eq!(argument_lists_with_secret(), [] as [String; 0]);
        looks += 1;
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(looks > 2, "the run was over before anybody looked");
    check_output(&launcher.wait().expect_code(0));
    check_output(&run(place.launcher("status").arg("--json")));
    check_files(&place);
}

#[test]
fn a_refused_key_is_said_without_the_key() {
    let exchange =
        Exchange::start(Config::synthetic(3).with_tickers(3).with_key("another")).expect("started");
    let place = Place::with_tickers(["A"]);
    let asked = days("2022-01-03", "2023-12-29");
    let ended = run(&mut place.worker(&exchange.base_url(), asked)).expect_code(12);
    says(&ended.stderr, &["the API key was refused (401): Unknown API Key"]);
    check_output(&ended);
    let ended = run(&mut place.launcher_start(&exchange.base_url(), asked));
    assert_ne!(ended.code(), Some(0));
    says(&ended.stderr, &["401", "Unknown API Key"]);
    check_output(&ended);
}

#[test]
fn a_proxy_that_could_read_the_key_is_passed_by() {
    let exchange =
        Exchange::start(Config::synthetic(3).with_tickers(3).with_key(SECRET)).expect("started");
    let place = Place::with_tickers(["A"]);
    let asked = days("2022-01-03", "2022-12-29");
    let mut worker = place.worker(&exchange.base_url(), asked);
    let mut launcher = place.launcher_start(&exchange.base_url(), asked);
    for command in [&mut worker, launcher.arg("--foreground")] {
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            // Nobody listens there: a request through it would fail.
            command.env(name, "http://127.0.0.1:9");
        }
        run(command).expect_code(0);
    }
    assert_eq!(
        exchange.stats().total,
        3,
        "the worker's page, the launcher's question, its worker's page"
    );
}
