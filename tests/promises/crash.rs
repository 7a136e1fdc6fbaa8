//! Promise: killed at any moment, the next run goes on; nothing is lost, doubled or half written.

use std::time::Duration;

use nix::sys::signal::Signal;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::load::Watch;
use tests::harness::place::{Place, beside_the_project, days};
use tests::harness::program::{Running, eventually, run, with_environment};
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

#[track_caller]
fn check(place: &Place, exchange: &Exchange, tickers: &[Ticker], asked: DateRange) {
    for ticker in tickers {
        assert!(
            tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked),
            "{ticker} is not proven"
        );
        assert_eq!(
            tree::daily_rows(&place.outdir(), ticker),
            daily_bars(exchange, ticker, asked),
            "{ticker}"
        );
    }
    assert_eq!(tree::strays(&place.outdir()), [] as [std::path::PathBuf; 0]);
}

/// Different moments in each run of the suite are not wanted: a failure must come again.
fn moments(count: u32) -> impl Iterator<Item = Duration> {
    (1..=count)
        .map(|number| Duration::from_micros(u64::from(number * number) * 900 % 190_000 + 15_000))
}

#[test]
fn a_worker_killed_at_any_moment_is_gone_on_with() {
    let exchange = Exchange::start(Config::synthetic(21).with_tickers(10).with_page_rows_max(90))
        .expect("started");
    let tickers = universe(&exchange, 10);
    let asked = days("2019-01-01", "2024-06-28");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    for (round, moment) in moments(12).enumerate() {
        // There is work for 160 answers.
        let answers = round * 7 % 13;
        eventually("the one before is gone", || exchange.stats().in_flight == 0);
        let before = exchange.stats().total;
        exchange.close_the_door_after(answers);
        let worker = Running::start(place.worker(&exchange.base_url(), asked).arg("--resume"));
        eventually("it waits for an answer", || exchange.stats().total > before + answers as u64);
        // With that answer or this one it writes, or does not.
        std::thread::sleep(moment / 10);
        assert!(worker.is_running(), "it waits for an answer");
        worker.signal(Signal::SIGKILL);
        worker.wait();
        // What is on disk between two runs is whole, though not all of it is there.
        for ticker in &tickers {
            let truth = daily_bars(&exchange, ticker, asked);
            assert!(
                tree::daily_rows(&place.outdir(), ticker).iter().all(|row| truth.contains(row)),
                "{ticker}"
            );
        }
    }
    exchange.open_the_door();
    run(place.worker(&exchange.base_url(), asked).arg("--resume")).expect_code(0);
    check(&place, &exchange, &tickers, asked);
}

#[test]
fn a_worker_asked_to_stop_ends_in_time_with_143_and_whole_files() {
    let silent = tests::sim::faults::Fault::SlowBody;
    let config =
        Config::synthetic(21).with_tickers(8).with_page_rows_max(60).with_fault(silent, 1.0);
    let exchange = Exchange::start(config).expect("started");
    let tickers = universe(&exchange, 8);
    let asked = days("2019-01-01", "2024-06-28");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let worker = Running::start(&mut place.worker(&exchange.base_url(), asked));
    eventually("the worker has asked something", || exchange.stats().total > 4);
    worker.signal(Signal::SIGTERM);
    let watch = Watch::begin();
    let asked_at = std::time::Instant::now();
    worker.wait().expect_code(143);
    let took = asked_at.elapsed();
    assert!(took < Duration::from_secs(5) || watch.end().is_crowded(), "{took:?}");
    assert_eq!(tree::strays(&place.outdir()), [] as [std::path::PathBuf; 0]);
}

/// The real market through the launcher, as a user runs it.
struct RealRun {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    place: Place,
    asked: DateRange,
}

impl RealRun {
    fn new() -> Option<Self> {
        let market = beside_the_project("market")?;
        // Short pages: the run lasts long enough to be killed in its middle.
        let exchange =
            Exchange::start(Config::replay(market).with_page_rows_max(400)).expect("started");
        let tickers = universe(&exchange, 8);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        Some(Self { exchange, tickers, place, asked: days("1998-01-01", "2021-12-31") })
    }

    fn start(&self) -> std::process::Command {
        let mut start = self.place.launcher_start(&self.exchange.base_url(), self.asked);
        start.args(["--batch-size", "1", "--max-concurrent", "4"]);
        start
    }

    fn go_on(&self) -> std::process::Command {
        let mut start = self.place.launcher("start");
        start.args(["--resume", "--foreground"]);
        start
    }

    #[track_caller]
    fn check(&self) {
        check(&self.place, &self.exchange, &self.tickers, self.asked);
        let rows: usize = self
            .tickers
            .iter()
            .map(|ticker| tree::daily_rows(&self.place.outdir(), ticker).len())
            .sum();
        assert_eq!(rows, 41_582);
    }

    /// Processes of this run, wherever they are.
    fn processes(&self) -> Vec<i32> {
        let text =
            std::fs::read_to_string(self.place.workdir().join("run.json")).unwrap_or_default();
        let request: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        match request["run"].as_str() {
            Some(id) => with_environment(&format!("LAUNCHER_RUN={id}")),
            None => Vec::new(),
        }
    }
}

#[test]
fn eight_real_tickers_in_batches_of_one_are_equal_to_the_source() {
    let Some(scene) = RealRun::new() else { return };
    run(scene.start().arg("--foreground")).expect_code(0);
    scene.check();
    assert_eq!(scene.processes(), [] as [i32; 0]);
}

#[test]
fn stopped_and_resumed_they_are_equal_to_the_source() {
    let Some(scene) = RealRun::new() else { return };
    scene.exchange.close_the_door_after(12);
    run(&mut scene.start()).expect_code(0);
    eventually("some pages have been read", || scene.exchange.stats().total > 12);
    run(&mut scene.place.launcher("stop")).expect_code(0);
    scene.exchange.open_the_door();
    assert_eq!(scene.processes(), [] as [i32; 0], "stop leaves no process of the run");
    run(&mut scene.go_on()).expect_code(0);
    scene.check();
}

#[test]
fn with_launcher_and_workers_killed_at_any_moment_they_are_equal_to_the_source() {
    let Some(scene) = RealRun::new() else { return };
    let mut first = true;
    for (round, moment) in moments(6).enumerate() {
        let mut command = if first { scene.start() } else { scene.go_on() };
        if first {
            command.arg("--foreground");
        }
        first = false;
        let launcher = Running::start(&mut command);
        eventually("workers run, or the run has ended", || {
            !scene.processes().is_empty()
                || tree::is_proven(
                    &scene.place.outdir(),
                    Kind::Daily,
                    &scene.tickers[7],
                    scene.asked,
                )
        });
        std::thread::sleep(moment);
        launcher.signal(Signal::SIGKILL);
        // Every other time the workers are left as orphans for the next launcher to find.
        if round % 2 == 0 {
            for pid in scene.processes() {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        launcher.wait();
    }
    run(&mut scene.go_on()).expect_code(0);
    scene.check();
    assert_eq!(scene.processes(), [] as [i32; 0]);
}
