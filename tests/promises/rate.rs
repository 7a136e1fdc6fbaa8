//! Promise: all workers of a run share one rate budget, and the server never has to refuse.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::effort;
use tests::harness::load::{Load, Watch};
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, command, eventually, run, with_environment};
use tests::harness::says::says;
use tests::harness::{tree, truth};
use tests::sim::config::{Config, RetryAfter};
use tests::sim::server::Exchange;

/// The most stamps within any span of `window_ms`.
fn most_in_window(stamps: &[i64], window_ms: i64) -> usize {
    let mut sorted = stamps.to_vec();
    sorted.sort_unstable();
    let within = |(at, first): (usize, &i64)| {
        sorted[at..].partition_point(|stamp| stamp - first < window_ms)
    };
    sorted.iter().enumerate().map(within).max().unwrap_or(0)
}

#[test]
fn four_workers_with_four_threads_each_stay_within_the_rate_and_use_it() {
    // 50 a second, as a window of two seconds: short enough for a test to see it turn over many
    // times.
    let rate = "100/2s".parse().expect("a rate");
    let config = Config::synthetic(13)
        .with_tickers(32)
        .with_page_rows_max(400)
        .with_rate(rate, RetryAfter::Silent);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 32);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2024-01-02", "2024-03-28");
    let mut start = place.launcher_start_of(Kind::Minute, &exchange.base_url(), asked);
    start.args(["--batch-size", "8", "--max-concurrent", "4", "--rate", "100/2s", "--foreground"]);
    start.env("XDG_RUNTIME_DIR", place.path());
    let watch = Watch::begin();
    let launcher = Running::start(&mut start);
    eventually("the budget is in use", || exchange.stats().total > 60);
    let status =
        run(place.launcher("status").env("XDG_RUNTIME_DIR", place.path())).expect_code(0).stdout;
    says(&status, &[" requests in the last minute, ", "(100/2s)"]);
    launcher.wait().expect_code(0);
    let load = watch.end();

    let stats = exchange.stats();
    // Two for a late start of the clock on the other side of the socket. A request for which a
    // thread woke late comes among those of the next slots, 20 ms apart.
    let late = usize::try_from(load.worst_delay.as_millis() / 20).expect("a short test");
    let most = most_in_window(&stats.requests_at_ms, 2_000);
    assert!(most <= 102 + late, "{most} within two seconds, {load:?}");
    if late == 0 {
        assert_eq!(stats.status.get("429"), None, "the server never refused: {:?}", stats.status);
    }
    let full: Vec<i64> = stats.requests_at_ms.iter().copied().skip(20).take(250).collect();
    let (first, last) = (full.first().expect("many"), full.last().expect("many"));
    let per_second = (full.len() - 1) as f64 * 1000.0 / (last - first) as f64;
    assert!(
        per_second >= 0.9 * 50.0 || load.is_crowded(),
        "{per_second:.1} of 50 a second used while there was work, {load:?}"
    );
    for ticker in &tickers {
        let on_disk = tree::bars(&place.outdir(), Kind::Minute, ticker);
        assert_eq!(on_disk.len(), truth::minute_bars(&exchange, ticker, asked).len(), "{ticker}");
    }
}

#[test]
fn a_429_from_elsewhere_slows_everybody_and_nobody_fails() {
    // The server allows less than we were told: somebody else uses the key.
    let rate = "10/s".parse().expect("a rate");
    let config = Config::synthetic(13)
        .with_tickers(8)
        .with_page_rows_max(400)
        .with_rate(rate, RetryAfter::Said);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 8);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let mut worker =
        place.worker_of(Kind::Minute, &exchange.base_url(), days("2024-01-02", "2024-02-09"));
    worker.args(["--rate", "100/s", "--max-workers", "8"]).env("XDG_RUNTIME_DIR", place.path());
    run(&mut worker).expect_code(0);
    let refused = exchange.stats().status.get("429").copied().unwrap_or(0);
    assert!(refused > 0, "the server did refuse");
    let total = exchange.stats().total;
    assert!(
        refused * 2 < total,
        "{refused} of {total} refused: the pace was lowered for everybody"
    );
}

/// How full pace came back after a storm.
#[derive(Debug)]
struct Aftermath {
    /// From the end of the storm to the first of five seconds in which the rate was used to nine
    /// tenths.
    back_after: Duration,
    /// Refused requests of each second of the storm, on average.
    refused_per_second: f64,
    /// What else the machine did.
    load: Load,
}

impl Aftermath {
    #[track_caller]
    fn check(&self) {
        assert!(self.back_after < Duration::from_mins(1) || self.load.is_crowded(), "{self:?}");
        assert!(self.refused_per_second < 20.0, "the pace was lowered for everybody: {self:?}");
    }
}

/// Three workers with four threads each under one rate, while every request is refused for `lasts`.
/// Ends when full pace is back; no ticker may have failed until then.
fn weather_a_storm(per_second: u16, lasts: Duration, flags: &[&str]) -> Aftermath {
    const BEGINS: Duration = Duration::from_secs(3);
    const WINDOW_MS: i64 = 5_000;
    let config =
        Config::synthetic(13).with_tickers(36).with_page_rows_max(100).with_storm(BEGINS, lasts);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 36);
    let home = tempfile::tempdir().expect("a folder");
    let places: Vec<Place> = tickers
        .chunks(12)
        .map(|tickers| Place::with_tickers(tickers.iter().map(Ticker::as_str)))
        .collect();
    let start = |place: &Place| {
        let mut worker = command("worker");
        worker
            .arg("minute")
            .arg("--tickers-csv")
            .arg(place.tickers_csv())
            .arg("--outdir")
            .arg(place.outdir());
        worker.args([
            "--from",
            "2024-01-02",
            "--to",
            "2024-12-30",
            "--base-url",
            &exchange.base_url(),
        ]);
        worker.args(["--rate", &format!("{per_second}/s"), "--max-workers", "4"]).args(flags);
        Running::start(worker.env("XDG_RUNTIME_DIR", home.path()))
    };
    let watch = Watch::begin();
    let workers: Vec<Running> = places.iter().map(start).collect();

    let enough = (i64::from(per_second) * WINDOW_MS / 1000 * 9 / 10).try_into().expect("a count");
    let storm_ms = |stamps: &[i64]| {
        let begin = stamps.first()? + i64::try_from(BEGINS.as_millis()).ok()?;
        Some(begin..begin + i64::try_from(lasts.as_millis()).ok()?)
    };
    let mut back_at_ms = None;
    eventually("full pace is back, or a minute over", || {
        assert!(workers.iter().all(Running::is_running), "there is work left, and nobody gives up");
        let stamps = exchange.stats().requests_at_ms;
        let Some(storm) = storm_ms(&stamps) else { return false };
        let later = &stamps[stamps.partition_point(|at| *at < storm.end)..];
        let is_full = |some: &&[i64]| some[enough - 1] - some[0] < WINDOW_MS;
        back_at_ms = later.windows(enough).find(is_full).map(|some| some[0]);
        back_at_ms.is_some() || jiff::Timestamp::now().as_millisecond() > storm.end + 70_000
    });
    let stamps = exchange.stats().requests_at_ms;
    let mut counts = vec![0_u32; 1];
    for at in &stamps {
        let second = usize::try_from((at - stamps[0]).max(0) / 1000).expect("a short test");
        counts.resize(counts.len().max(second + 1), 0);
        counts[second] += 1;
    }
    eprintln!("requests in each second: {counts:?}");
    for worker in &workers {
        worker.signal(Signal::SIGTERM);
    }
    for worker in workers {
        let said = worker.wait().expect_code(143).stderr;
        assert!(said.contains("the rate limit was exceeded (429)"), "the storm was felt: {said}");
        assert!(!said.contains(": failed"), "nobody fails: {said}");
    }
    let storm = storm_ms(&exchange.stats().requests_at_ms).expect("requests were sent");
    let load = watch.end();
    // Where it did not come back within the minute it may have been the machine.
    let back_at_ms = back_at_ms.unwrap_or(i64::MAX);
    let back_after = u64::try_from(back_at_ms.saturating_sub(storm.end)).expect("after the storm");
    let refused = exchange.stats().status.get("429").copied().unwrap_or(0);
    let aftermath = Aftermath {
        back_after: Duration::from_millis(back_after),
        refused_per_second: refused as f64 / lasts.as_secs_f64(),
        load,
    };
    eprintln!("after {lasts:?} of 429: {aftermath:?}");
    aftermath
}

#[test]
fn after_a_storm_of_429_full_pace_is_back_and_nobody_has_failed() {
    // It takes half a minute, in which the machine must have time for it.
    if !effort::choose(false, true) {
        eprintln!("left to scripts/test --gate");
        return;
    }
    // A refusal uses up no try.
    weather_a_storm(20, Duration::from_secs(4), &["--tries", "1"]).check();
}

#[test]
#[ignore = "takes a minute and a half: scripts/soak"]
fn after_half_a_minute_of_429_full_pace_is_back_within_a_minute_and_nobody_has_failed() {
    for flags in [["--tries", "8"], ["--tries", "1"]] {
        weather_a_storm(20, Duration::from_secs(30), &flags).check();
    }
}

#[test]
#[ignore = "takes more than two minutes: scripts/soak"]
fn twelve_workers_keep_600_a_minute_for_two_minutes_and_use_it_while_some_are_killed() {
    const WORKERS: usize = 12;
    const LASTS: Duration = Duration::from_secs(125);
    let config = Config::synthetic(13).with_tickers(48).with_page_rows_max(100);
    let exchange = Exchange::start(config).expect("started");
    let tickers = truth::universe(&exchange, 48);
    let home = tempfile::tempdir().expect("a folder");
    let places: Vec<Place> = tickers
        .chunks(tickers.len() / WORKERS)
        .map(|tickers| Place::with_tickers(tickers.iter().map(Ticker::as_str)))
        .collect();
    let start = |place: &Place| {
        let mut worker: Command =
            place.worker_of(Kind::Minute, &exchange.base_url(), days("2024-01-02", "2024-12-30"));
        worker.args(["--rate", "600/min", "--max-workers", "4", "--resume"]);
        Running::start(worker.env("XDG_RUNTIME_DIR", home.path()))
    };
    let mut workers: Vec<Running> = places.iter().map(start).collect();
    let began = Instant::now();
    let mut killed = 0;
    while began.elapsed() < LASTS {
        std::thread::sleep(Duration::from_millis(1_700));
        let victim = killed * 5 % WORKERS;
        assert!(workers[victim].is_running(), "there is work for all the time");
        workers[victim].signal(Signal::SIGKILL);
        workers[victim] = start(&places[victim]);
        killed += 1;
    }
    let stamps = exchange.stats().requests_at_ms;
    drop(workers);

    let (worst, used) = (most_in_window(&stamps, 60_000), stamps.len());
    let seconds = (stamps[used - 1] - stamps[0]) as f64 / 1000.0;
    let share = used as f64 / seconds / 10.0;
    eprintln!(
        "{used} requests in {seconds:.1} s ({:.1} %), worst minute {worst}, {killed} killed",
        share * 100.0
    );
    assert!(seconds >= 120.0 && killed >= 60);
    assert!(worst <= 610, "{worst} within a minute");
    assert!(share >= 0.95, "{:.1} % of the rate used", share * 100.0);
    assert_eq!(
        with_environment(&format!("XDG_RUNTIME_DIR={}", home.path().display())),
        [] as [i32; 0]
    );
}
