//! Promise: memory does not grow with the number of tickers, requests are as few as can be, and ten
//! thousand batches are not too many.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use shared::run::identity::ProcessIdentity;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, eventually, peak_rss_bytes, run};
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

const MIB: u64 = 1 << 20;

fn ingest(exchange: &Exchange, count: usize, via: &str) -> Ended {
    let tickers: Vec<String> =
        exchange.source().listings().iter().take(count).map(|l| l.ticker.to_string()).collect();
    assert_eq!(tickers.len(), count);
    let place = Place::with_tickers(&tickers);
    let mut worker = place.worker(&exchange.base_url(), days("2023-01-03", "2024-06-28"));
    run(worker.args(["--via", via])).expect_code(0)
}

#[test]
fn five_hundred_tickers_take_no_more_memory_than_fifty_and_one_request_each() {
    let exchange = Exchange::start(Config::synthetic(9).with_tickers(500)).expect("started");
    let few = ingest(&exchange, 50, "ticker").peak_rss_bytes;
    assert_eq!(exchange.stats().total, 50, "one page each");
    let many = ingest(&exchange, 500, "ticker").peak_rss_bytes;
    assert_eq!(exchange.stats().total, 550, "one page each");
    eprintln!("peak RSS: {} KiB at 50 tickers, {} KiB at 500", few / 1024, many / 1024);
    assert!(many <= 64 * MIB, "{many} bytes");
    // A tenth is the noise of the allocator, not growth: the list itself is 450 tickers longer.
    assert!(many <= few + few / 10, "{few} bytes at 50, {many} at 500");
}

/// The most memory that one worker holds while it brings four elephants on so many threads.
fn peak_of_elephants(
    exchange: &Exchange,
    kind: Kind,
    asked: DateRange,
    arguments: &[&str],
    count: usize,
) -> u64 {
    let tickers =
        exchange.source().listings().iter().map(|listing| listing.ticker.to_string()).take(count);
    let place = Place::with_tickers(tickers);
    let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
    let ended = run(worker.args(["--max-workers", "4"]).args(arguments)).expect_code(0);
    let peak = ended.peak_rss_bytes;
    eprintln!(
        "{kind} {arguments:?} {asked}, {count} elephants: {} KiB in {:.1?}",
        peak / 1024,
        ended.took
    );
    peak
}

#[test]
#[ignore = "two million trades a day take minutes to make up: scripts/soak"]
fn a_worker_on_elephants_of_two_million_trades_a_day_stays_within_64_mib() {
    let config =
        Config::synthetic(9).with_tickers(4).with_elephants(4).with_elephant_trades(2_000_000);
    let exchange = Exchange::start(config).expect("started");
    let peak = |to: &str, columns: &str, count: usize| {
        let arguments = ["--columns", columns];
        peak_of_elephants(&exchange, Kind::Trades, days("2025-03-04", to), &arguments, count)
    };
    for columns in ["narrow", "full"] {
        let (one_day, three_days) =
            (peak("2025-03-04", columns, 1), peak("2025-03-06", columns, 1));
        let four = peak("2025-03-04", columns, 4);
        assert!(three_days <= one_day + one_day / 10, "{columns}: flat over the range");
        assert!(three_days.max(four) <= 64 * MIB, "{columns}");
    }
}

#[test]
#[ignore = "twenty years of minutes take minutes to make up: scripts/soak"]
fn a_worker_on_twenty_years_of_minutes_stays_within_64_mib() {
    let config = Config::synthetic(9).with_tickers(4).with_elephants(4);
    let exchange = Exchange::start(config).expect("started");
    let peak = |from: &str, count: usize| {
        peak_of_elephants(&exchange, Kind::Minute, days(from, "2026-09-30"), &[], count)
    };
    // The last years are the heavy ones: a page is as full in two years as in twenty.
    let (two_years, twenty_years, four) =
        (peak("2025-01-01", 1), peak("2006-10-01", 1), peak("2006-10-01", 4));
    assert!(twenty_years <= two_years + two_years / 10, "flat over the range");
    assert!(twenty_years.max(four) <= 64 * MIB);
}

#[test]
fn the_whole_market_over_months_is_brought_in_rounds_that_fit_into_memory() {
    let exchange = Exchange::start(Config::synthetic(9).with_tickers(3_200)).expect("started");
    let tickers = universe(&exchange, 3_200);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2024-03-01", "2024-05-31");
    let ended =
        run(place.worker(&exchange.base_url(), asked).args(["--via", "auto"])).expect_code(0);
    assert_eq!(exchange.stats().total, 64, "one request a session");
    for ticker in tickers.iter().step_by(29) {
        let on_disk = tree::daily_rows(&place.outdir(), ticker);
        assert_eq!(on_disk, daily_bars(&exchange, ticker, asked), "{ticker}: of two rounds");
    }
    eprintln!("peak RSS: {} KiB at 3,200 tickers and 64 sessions", ended.peak_rss_bytes / 1024);
    assert!(ended.peak_rss_bytes <= 64 * MIB, "{} bytes", ended.peak_rss_bytes);
}

/// A run of batches of one ticker by a script; the last ten wait for a file called `go`.
fn many_batches(count: usize) -> (Place, Command) {
    let place = Place::with_tickers((0..count).map(|number| format!("T{number}")));
    let script = place.path().join("done.sh");
    let last = count - 10;
    let text = format!(
        "#!/bin/sh\necho done\nticker=$(tail -n 1 \"$3\")\n\
         [ \"${{ticker#T}}\" -lt {last} ] || while [ ! -e go ]; do sleep 0.1; done\n"
    );
    std::fs::write(&script, text).expect("written");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("may be run");
    let mut start = place.launcher_start("http://127.0.0.1:9", days("2024-01-02", "2024-01-31"));
    start.args(["--batch-size", "1", "--max-concurrent", "10"]).arg("--ingest-script").arg(&script);
    (place, start)
}

/// The best of five.
fn status_takes(place: &Place) -> Duration {
    let best =
        (0..5).map(|_| run(&mut place.launcher("status")).expect_code(0)).map(|ended| ended.took);
    best.min().expect("five")
}

#[test]
fn the_status_of_a_thousand_batches_is_there_at_once() {
    let (place, mut start) = many_batches(1_000);
    std::fs::write(place.path().join("go"), "").expect("written");
    run(start.arg("--foreground")).expect_code(0);
    // Other tests run at the same time: what the processors gave to it counts, and not what the
    // clock on the wall says.
    let cpu: Duration = (0..5).map(|_| run(&mut place.launcher("status")).expect_code(0).cpu).sum();
    eprintln!("status of 1,000 batches: {:?} of CPU", cpu / 5);
    assert!(cpu / 5 <= Duration::from_millis(100), "{:?}", cpu / 5);
}

#[test]
#[ignore = "measures a release build: scripts/soak"]
fn ten_thousand_batches_are_taken_over_in_a_second_and_shown_in_a_tenth_and_fit_into_30_mib() {
    let (place, mut start) = many_batches(10_000);
    run(&mut start).expect_code(0);
    let log = || std::fs::read_to_string(place.workdir().join("launcher.log")).unwrap_or_default();
    eventually("all but ten batches", || log().matches(" exit 0: 1 done").count() == 9_990);
    let running = status_takes(&place);
    let text =
        std::fs::read_to_string(place.workdir().join("pids/launcher.pid")).expect("a pid file");
    let supervisor: ProcessIdentity = serde_json::from_str(&text).expect("who supervises");
    let peak = peak_rss_bytes(supervisor.pid);
    kill(Pid::from_raw(supervisor.pid), Signal::SIGKILL).expect("it supervises");
    eventually("its end", || !supervisor.is_alive());
    let restart = run(place.launcher("start").arg("--resume")).expect_code(0);
    let taken_over = status_takes(&place);
    std::fs::write(place.path().join("go"), "").expect("written");
    run(&mut place.launcher("wait")).expect_code(0);
    eprintln!(
        "10,000 batches: restart {:?}, status {running:?} and {taken_over:?}, supervisor {} KiB, start {} KiB",
        restart.took,
        peak / 1024,
        restart.peak_rss_bytes / 1024
    );
    assert!(restart.took <= Duration::from_secs(1), "{:?}", restart.took);
    assert!(running.max(taken_over) <= Duration::from_millis(100), "{running:?}, {taken_over:?}");
    assert!(peak.max(restart.peak_rss_bytes) <= 30 * MIB, "{peak}, {}", restart.peak_rss_bytes);
}
