//! Promise: daily bars that come a session at a time for the whole market are those that come
//! ticker by ticker, for fewer requests.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::load::Watch;
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, named_as_failed, right_or_named, universe};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

/// A market, and a place for the first of its tickers.
struct Scene {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    place: Place,
    asked: DateRange,
}

impl Scene {
    fn new(config: Config, tickers: usize, asked: DateRange) -> Self {
        let (exchange, tickers, place) = market(config, tickers);
        Self { exchange, tickers, place, asked }
    }

    fn worker(&self, via: &str) -> Command {
        let mut worker = self.place.worker(&self.exchange.base_url(), self.asked);
        worker.args(["--via", via]);
        worker
    }

    /// Requests that `deed` makes.
    fn requests<T>(&self, deed: impl FnOnce() -> T) -> (u64, T) {
        let before = self.exchange.stats().total;
        let result = deed();
        (self.exchange.stats().total - before, result)
    }

    #[track_caller]
    fn check(&self, failed: &BTreeSet<String>) {
        right_or_named(&self.place, &self.exchange, &self.tickers, self.asked, failed);
    }

    /// Every ledger line, without what differs from one day to the next: instants, the check over
    /// them, and pages, which are not shared in the same way.
    fn ledgers(&self) -> Vec<serde_json::Value> {
        let lines = |ticker: &Ticker| {
            let path = Ledger::path(&self.place.outdir(), ticker);
            let text = fs::read_to_string(path).expect("read");
            text.lines().map(without_instants).collect::<Vec<_>>()
        };
        self.tickers.iter().flat_map(lines).collect()
    }
}

/// And which process asked: each is a run of its own here.
const INSTANTS: [&str; 3] = ["asked_at", "until", "run"];

fn without_instants(line: &str) -> serde_json::Value {
    let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let fields = line.as_object_mut().expect("an object");
    fields.retain(|name, _| ["partition", "answers", "file"].contains(&name.as_str()));
    if let Some(file) = fields.get_mut("file") {
        file.as_object_mut().expect("an object").remove("seen");
    }
    for answer in fields["answers"].as_array_mut().expect("answers") {
        answer
            .as_object_mut()
            .expect("an object")
            .retain(|name, _| !INSTANTS.contains(&name.as_str()));
    }
    line
}

/// Ten sessions from 2 to 16 January 2024, over the turn of a year.
fn fortnight() -> DateRange {
    days("2023-12-30", "2024-01-16")
}

#[test]
fn both_ways_make_the_same_bytes_and_the_same_proofs() {
    // Over two years, splits, half days, both switches of the clock and a ticker that nobody knows.
    let asked = days("2022-10-01", "2024-03-15");
    for adjusted in [false, true] {
        let made = |via: &str| {
            let mut scene = Scene::new(Config::synthetic(7).with_tickers(40), 39, asked);
            scene.tickers.push("NOSUCH".parse().expect("a ticker"));
            let names: String = scene.tickers.iter().map(|ticker| format!("{ticker}\n")).collect();
            fs::write(scene.place.tickers_csv(), format!("ticker\n{names}")).expect("written");
            let mut worker = scene.worker(via);
            run(if adjusted { worker.arg("--adjusted") } else { &mut worker }).expect_code(0);
            if !adjusted {
                scene.check(&BTreeSet::new());
            }
            (
                tree::parquet_bytes(&scene.place.outdir()),
                scene.ledgers(),
                scene.exchange.stats().requests,
            )
        };
        let (by_ticker, by_session) = (made("ticker"), made("grouped"));
        assert!(by_ticker.0.len() > 60, "several years of many tickers");
        assert_eq!(by_session.0, by_ticker.0);
        assert_eq!(by_session.1, by_ticker.1);
        assert_eq!((by_ticker.2["aggs/day"], by_session.2["grouped"]), (40, 365));
    }
}

#[test]
fn auto_asks_for_ten_sessions_instead_of_three_hundred_tickers_and_for_nothing_twice() {
    let mut scene = Scene::new(Config::synthetic(9), 299, fortnight());
    let (requests, ended) = scene.requests(|| run(&mut scene.worker("auto")).expect_code(0));
    let said = ended.stderr;
    assert_eq!(requests, 10, "{said}");
    says(&said, &["one request a session for the whole market: 10 instead of 299"]);
    scene.check(&BTreeSet::new());
    assert_eq!(scene.requests(|| run(scene.worker("auto").arg("--resume")).expect_code(0)).0, 0);

    // One more ticker, and auto goes the other way.
    scene.tickers = universe(&scene.exchange, 300);
    let names: String = scene.tickers.iter().map(|ticker| format!("{ticker}\n")).collect();
    fs::write(scene.place.tickers_csv(), format!("ticker\n{names}")).expect("written");
    let (requests, ended) =
        scene.requests(|| run(scene.worker("auto").arg("--resume")).expect_code(0));
    assert_eq!(requests, 1);
    says(&ended.stderr, &["ticker by ticker: 1 request"]);
    // Two more sessions, and it goes back.
    scene.asked = days("2023-12-30", "2024-01-18");
    assert_eq!(scene.requests(|| run(scene.worker("auto").arg("--resume")).expect_code(0)).0, 2);
    scene.check(&BTreeSet::new());
}

#[test]
fn events_tell_of_every_ticker_and_count_each_page_once() {
    let scene = Scene::new(Config::synthetic(9).with_tickers(30), 30, fortnight());
    let events = scene.place.path().join("events.jsonl");
    run(scene.worker("grouped").arg("--events").arg(&events)).expect_code(0);
    let text = fs::read_to_string(&events).expect("read");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| -> Vec<&serde_json::Value> {
        events.iter().filter(|event| event["event"] == kind).collect()
    };
    assert_eq!((of("ticker_start").len(), of("ticker_done").len(), of("end").len()), (30, 30, 1));
    let sum =
        |name: &str| of("ticker_done").iter().filter_map(|event| event[name].as_u64()).sum::<u64>();
    let rows = scene
        .tickers
        .iter()
        .map(|ticker| daily_bars(&scene.exchange, ticker, scene.asked).len() as u64);
    assert_eq!((sum("pages"), sum("rows")), (10, rows.sum()));
    assert!(of("progress").len() >= 10, "something is heard while the market comes");
}

#[test]
fn a_process_that_takes_only_so_many_tickers_weighs_only_those() {
    let scene = Scene::new(Config::synthetic(9).with_tickers(30), 30, fortnight());
    let worker = || {
        let mut worker = scene.worker("auto");
        worker.args(["--resume", "--max-tickers-per-process", "20"]);
        worker
    };
    let (requests, ended) = scene.requests(|| run(&mut worker()).expect_code(0));
    assert_eq!(requests, 10, "of 20 tickers");
    says(&ended.stderr, &["10 tickers are left to another process"]);
    assert_eq!(
        scene.requests(|| run(&mut worker()).expect_code(0)).0,
        10,
        "of 10 tickers: not cheaper"
    );
    scene.check(&BTreeSet::new());
}

#[test]
fn with_every_fault_at_five_percent_the_market_is_complete_or_its_tickers_are_named() {
    let config = Config::synthetic(11).with_tickers(60).with_all_faults(3, 0.05);
    let scene = Scene::new(config, 60, days("2024-01-02", "2024-06-28"));
    // One try a request: some sessions fail, and with them every ticker; what the others brought
    // stays.
    let ended = run(scene.worker("grouped").args(["--tries", "1"])).expect_code(10);
    let failed = named_as_failed(&ended.stderr);
    assert_eq!(failed.len(), 60, "{}", ended.stderr);
    scene.check(&failed);
    assert!(tree::parquet_bytes(&scene.place.outdir()).len() > 20, "most sessions came through");
    for _ in 0..4 {
        run(scene.worker("grouped").arg("--resume"));
    }
    scene.check(&BTreeSet::new());
    let faults = scene.exchange.stats().faults;
    assert!(faults.len() >= 10, "nearly every kind of fault showed: {faults:?}");
}

#[test]
fn a_day_that_always_lies_fails_every_ticker_by_name_and_never_becomes_data() {
    let config = Config::synthetic(11).with_tickers(5).with_fault(Fault::AdjustedFlip, 1.0);
    let scene = Scene::new(config, 5, days("2024-01-09", "2024-01-10"));
    let ended = run(&mut scene.worker("grouped")).expect_code(10);
    says(&ended.stderr, &["adjusted=true, but the request said adjusted=false"]);
    let failed = named_as_failed(&ended.stderr);
    assert_eq!(
        (failed.len(), scene.exchange.stats().total),
        (5, 6),
        "each session is asked for three times"
    );
    scene.check(&failed);
    assert!(tree::parquet_bytes(&scene.place.outdir()).is_empty());
}

#[test]
fn days_outside_the_plan_are_recorded_after_a_few_requests_and_not_asked_again() {
    let begins = "2024-01-08".parse().expect("a day");
    let config = Config::synthetic(5).with_tickers(6).with_plan_begins(begins);
    let scene = Scene::new(config, 6, days("2019-01-01", "2024-01-16"));
    let (requests, ended) =
        scene.requests(|| run(scene.worker("grouped").arg("--resume")).expect_code(0));
    says(&ended.stderr, &["2019-01-01..2024-01-05 is outside the plan of the API key"]);
    assert!(
        (7..=11).contains(&requests),
        "six sessions, and a refusal a thread at most: {requests}"
    );
    for ticker in &scene.tickers {
        let reached = daily_bars(&scene.exchange, ticker, days("2024-01-08", "2024-01-16"));
        assert_eq!(tree::daily_rows(&scene.place.outdir(), ticker), reached, "{ticker}");
    }
    assert_eq!(scene.requests(|| run(scene.worker("grouped").arg("--resume")).expect_code(0)).0, 0);
}

#[test]
fn a_key_that_is_refused_ends_the_batch() {
    let config = Config::synthetic(5).with_tickers(6).with_key("another");
    let scene = Scene::new(config, 6, fortnight());
    let said = run(&mut scene.worker("grouped")).expect_code(12).stderr;
    says(&said, &["the batch ends here: the whole market on 2024-01-1"]);
    assert!(scene.exchange.stats().total <= 4, "one request a thread at most");
}

#[test]
fn a_session_without_a_single_row_is_said_and_recorded_as_empty() {
    // The synthetic market has no rows after this day.
    let scene =
        Scene::new(Config::synthetic(5).with_tickers(6), 6, days("2026-10-30", "2026-11-03"));
    let said = run(&mut scene.worker("grouped")).expect_code(0).stderr;
    says(&said, &["2026-11-03: the source has no row at all for this session"]);
    scene.check(&BTreeSet::new());
    for ticker in &scene.tickers {
        // However the sessions beside it went: who has traded then may have traded here.
        let ledger = Ledger::read(&scene.place.outdir(), Kind::Daily, ticker).expect("read");
        let answers = ledger.answers(Partition::Year(2026));
        let empty = answers.days(|answer| matches!(answer.said, Said::Empty { .. }));
        assert!(empty.includes(days("2026-10-31", "2026-11-03")), "{ticker}: {empty}");
    }
}

#[test]
fn a_source_that_does_not_answer_is_not_asked_for_every_session_of_many_years() {
    let config = Config::synthetic(5).with_tickers(6).with_fault(Fault::ServerError, 1.0);
    let scene = Scene::new(config, 6, days("2014-01-01", "2024-01-16"));
    let ended = run(scene.worker("grouped").args(["--tries", "2"])).expect_code(10);
    let asked = scene.exchange.stats().total;
    assert!(asked <= 2 * 13, "two tries for ten sessions and those under way: {asked}");
    assert_eq!(named_as_failed(&ended.stderr).len(), 6, "{}", ended.stderr);
    scene.check(&named_as_failed(&ended.stderr));
}

#[test]
fn a_file_that_is_damaged_while_the_market_comes_is_not_called_done() {
    let mut scene =
        Scene::new(Config::synthetic(9).with_tickers(3), 3, days("2024-01-02", "2024-02-29"));
    run(&mut scene.worker("grouped")).expect_code(0);
    scene.asked = days("2024-01-02", "2024-03-08");
    let before = scene.exchange.stats().total;
    let mut worker = scene.worker("grouped");
    worker.args(["--resume", "--rate-limit", "0.5"]).env("XDG_RUNTIME_DIR", scene.place.path());
    let worker = Running::start(&mut worker);
    eventually("the market comes", || scene.exchange.stats().total > before);
    let file = Partition::Year(2024).file(&scene.place.outdir(), &scene.tickers[0], Kind::Daily);
    fs::write(&file, "damaged").expect("written");
    let said = worker.wait().expect_code(10).stderr;
    says(&said, &["2024-01-02..2024-02-29: proven when this run began, but damaged since"]);
    scene.check(&named_as_failed(&said));
    run(scene.worker("grouped").arg("--resume")).expect_code(0);
    scene.check(&BTreeSet::new());
}

#[test]
fn a_worker_killed_at_any_moment_is_gone_on_with() {
    let scene =
        Scene::new(Config::synthetic(21).with_tickers(150), 150, days("2024-03-01", "2024-05-31"));
    let ledger = |number: usize| Ledger::path(&scene.place.outdir(), &scene.tickers[number]);
    let killed_when = |level: &dyn Fn() -> bool| {
        let worker = Running::start(scene.worker("grouped").arg("--resume"));
        eventually("the level, or the end", || level() || !worker.is_running());
        let is_running = worker.is_running();
        worker.signal(Signal::SIGKILL);
        worker.wait();
        for ticker in &scene.tickers {
            let truth = daily_bars(&scene.exchange, ticker, scene.asked);
            let on_disk = tree::daily_rows(&scene.place.outdir(), ticker);
            assert!(on_disk.iter().all(|row| truth.contains(row)), "{ticker}");
        }
        is_running
    };
    // While the market comes: 63 sessions are needed, and not all of them are answered.
    for answers in [0, 1, 7, 31, 62] {
        eventually("the one before is gone", || scene.exchange.stats().in_flight == 0);
        scene.exchange.close_the_door_after(answers);
        let before = scene.exchange.stats().total;
        let level = || scene.exchange.stats().total > before + answers as u64;
        assert!(killed_when(&level), "it waits for an answer");
    }
    scene.exchange.open_the_door();
    // While the tickers are written. Who is too late, on a machine that is busy with others, comes
    // again.
    for written in [0, 20, 80] {
        let is_met = (0..20).any(|_| {
            fs::remove_dir_all(scene.place.outdir()).expect("removed");
            killed_when(&|| ledger(written).exists())
        });
        assert!(
            is_met,
            "a worker that writes 150 tickers is never met when it has written {written}"
        );
    }
    run(scene.worker("auto").arg("--resume")).expect_code(0);
    scene.check(&BTreeSet::new());
}

#[test]
fn a_worker_asked_to_stop_ends_in_time_with_143_and_whole_files() {
    let config = Config::synthetic(21).with_tickers(20).with_fault(Fault::SlowBody, 1.0);
    let scene = Scene::new(config, 20, days("2024-01-02", "2024-06-28"));
    let worker = Running::start(&mut scene.worker("grouped"));
    eventually("the worker has asked something", || scene.exchange.stats().total > 4);
    worker.signal(Signal::SIGTERM);
    let watch = Watch::begin();
    let asked_at = Instant::now();
    worker.wait().expect_code(143);
    let took = asked_at.elapsed();
    assert!(took < Duration::from_secs(5) || watch.end().is_crowded(), "{took:?}");
    assert_eq!(tree::strays(&scene.place.outdir()), [] as [std::path::PathBuf; 0]);
}

#[test]
fn the_launcher_makes_one_batch_of_what_comes_by_the_session_and_says_so() {
    let scene = Scene::new(Config::synthetic(9).with_tickers(60), 60, fortnight());
    let start = |via: &str| {
        let mut start = scene.place.launcher_start(&scene.exchange.base_url(), scene.asked);
        start.args(["--via", via]);
        start
    };
    let plan = run(start("auto").arg("--dry-run")).expect_code(0).stdout;
    says(
        &plan,
        &[
            "one request a session for the whole market where that is cheaper (10 sessions)",
            "60 tickers in 1 batch",
        ],
    );
    for (via, own_cut) in [("auto", &["--batch-size", "25"][..]), ("ticker", &[])] {
        let plan = run(start(via).arg("--dry-run").args(own_cut)).expect_code(0).stdout;
        assert!(plan.contains("60 tickers in 3 batches") && !plan.contains("a session"), "{plan}");
    }
    run(start("auto").arg("--foreground")).expect_code(0);
    // The launcher itself asks once whether the key is good.
    assert_eq!(scene.exchange.stats().requests.get("grouped"), Some(&10));
    assert_eq!(scene.exchange.stats().requests.get("aggs/day"), None);
    scene.check(&BTreeSet::new());

    let said = run(scene.place.launcher("start").args(["--resume", "--via", "ticker"]))
        .expect_code(0)
        .stdout;
    says(&said, &["changes the run: --via auto → ticker\nalready complete"]);
    let minute = Place::with_tickers(["AIG"]);
    let mut start = minute.launcher_start_of(Kind::Minute, &scene.exchange.base_url(), scene.asked);
    let said = run(start.args(["--via", "grouped"])).expect_code(2).stderr;
    says(&said, &["--via does not apply to --job minute"]);
}
