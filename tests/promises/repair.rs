//! Promise: `verify --repair` makes a damaged tree what a clean download makes, byte by byte. It
//! asks for nothing that was whole, deletes nothing, and says what can't be had.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::damage;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, Running, command, eventually, run};
use tests::harness::tree;
use tests::harness::truth;
use tests::sim::config::Config;
use tests::sim::revising::{Change, change};
use tests::sim::server::Exchange;

const SEED: u64 = 11;

/// A market, a tree of it as it ought to be, and the same tree to be damaged.
struct Scene {
    exchange: Exchange,
    kind: Kind,
    asked: DateRange,
    tickers: Vec<Ticker>,
    clean: Place,
    place: Place,
}

impl Scene {
    fn new(kind: Kind, asked: DateRange, count: usize) -> Self {
        let exchange =
            Exchange::start(Config::synthetic(5).with_tickers(60).revising(SEED)).expect("started");
        let lively = |ticker: &Ticker| {
            let first = DateRange::new(asked.from(), asked.from().plus_days(4)).expect("in order");
            let last = DateRange::new(asked.to().plus_days(-4), asked.to()).expect("in order");
            [first, last].iter().all(|days| {
                (20..2_000).contains(&truth::minute_bars(&exchange, ticker, *days).len())
            })
        };
        let tickers: Vec<Ticker> =
            truth::universe(&exchange, 60).into_iter().filter(lively).take(count).collect();
        assert_eq!(tickers.len(), count, "as many lively tickers");
        let place = || Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let scene = Self { clean: place(), place: place(), exchange, kind, asked, tickers };
        for place in [&scene.clean, &scene.place] {
            scene.fetch(place);
        }
        assert_eq!(scene.files(), tree::parquet_bytes(&scene.clean.outdir()));
        scene
    }

    fn fetch(&self, place: &Place) {
        let mut worker = place.worker_of(self.kind, &self.exchange.base_url(), self.asked);
        run(worker.arg("--resume")).expect_code(0);
    }

    fn outdir(&self) -> PathBuf {
        self.place.outdir()
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree::parquet_bytes(&self.outdir())
    }

    fn file(&self, ticker: &Ticker, partition: Partition) -> PathBuf {
        partition.file(&self.outdir(), ticker, self.kind)
    }

    fn verify(&self, more: &[&str]) -> Ended {
        let mut verify = command("launcher");
        verify.current_dir(self.place.path()).arg("verify");
        verify.arg("--outdir").arg(self.outdir());
        verify.arg("--tickers-csv").arg(self.place.tickers_csv());
        verify.args(["--from", &self.asked.from().to_string()]);
        verify.args(["--to", &self.asked.to().to_string()]);
        run(verify.args(more))
    }

    fn repair(&self, more: &[&str]) -> Ended {
        let base = self.exchange.base_url();
        let workdir = self.place.workdir().display().to_string();
        let is_named = more.iter().any(|flag| flag.starts_with("--repair"));
        let repair: &[&str] = if is_named { &[] } else { &["--repair"] };
        let flags = ["--workdir", &workdir, "--base-url", &base, "--backoff-base", "5ms"];
        self.verify(&[repair, &flags, more].concat())
    }

    fn repairing(&self) -> Running {
        let mut verify = command("launcher");
        verify.current_dir(self.place.path()).arg("verify");
        verify.arg("--outdir").arg(self.outdir());
        verify.arg("--tickers-csv").arg(self.place.tickers_csv());
        verify.args(["--from", &self.asked.from().to_string()]);
        verify.args(["--to", &self.asked.to().to_string(), "--repair"]);
        verify.arg("--workdir").arg(self.place.workdir());
        Running::start(verify.args(["--base-url", &self.exchange.base_url()]))
    }

    fn asked_of(&self, ticker: &Ticker) -> u64 {
        self.exchange.stats().requests_by_ticker.get(ticker.as_str()).copied().unwrap_or(0)
    }
}

fn quarter() -> DateRange {
    days("2024-01-02", "2024-03-28")
}

const FEBRUARY: Partition = Partition::Month(2024, 2);

/// Is it what a verify of a tree without a fault ends with: complete, or with sessions confirmed
/// empty?
#[track_caller]
fn is_whole(ended: Ended) -> Ended {
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    assert!(matches!(ended.code(), Some(0 | 3)), "{:?}\n{said}", ended.status);
    ended
}

#[test]
fn a_damaged_tree_becomes_what_a_clean_download_is_and_nothing_whole_is_asked_for() {
    let scene = Scene::new(Kind::Minute, quarter(), 7);
    let [gone, cut, unproven, garbled, unasked, foreign, whole] = &scene.tickers[..] else {
        panic!("seven")
    };
    let outdir = scene.outdir();
    let february = |ticker: &Ticker| scene.file(ticker, FEBRUARY);
    fs::remove_file(february(gone)).expect("removed");
    let bytes = fs::read(february(cut)).expect("read");
    fs::write(february(cut), &bytes[..bytes.len() / 2]).expect("cut");
    fs::remove_file(Ledger::path(&outdir, unproven)).expect("removed");
    let ledger = Ledger::path(&outdir, garbled);
    let lines = fs::read_to_string(&ledger).expect("read");
    fs::write(&ledger, format!("not a line\n{lines}")).expect("written");
    damage::rewrite_ledger(&outdir, unasked, |line| (line.partition != FEBRUARY).then_some(line));
    fs::remove_file(february(unasked)).expect("removed");
    fs::copy(february(whole), february(foreign)).expect("copied");
    let damaged = scene.files();
    let before = scene.exchange.stats().requests_by_ticker;

    let said = is_whole(scene.repair(&[])).stdout;
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()), "{said}");
    for (ticker, expected, why) in [
        (gone, 1, "a month without its file"),
        (cut, 1, "a month cut short"),
        (unproven, 1, "all of it, since nothing proves it"),
        (garbled, 0, "every line of its ledger was sound"),
        (unasked, 1, "a month that nobody had asked for"),
        (foreign, 1, "a month of somebody else"),
        (whole, 0, "nothing"),
    ] {
        let asked = scene.asked_of(ticker) - before.get(ticker.as_str()).copied().unwrap_or(0);
        assert_eq!(asked, expected, "{ticker}: {why}\n{said}");
    }
    let kept = kept_aside(&outdir);
    for ticker in [cut, foreign] {
        let path = february(ticker).strip_prefix(&outdir).expect("below").to_owned();
        assert!(kept.iter().any(|bytes| *bytes == damaged[&path]), "{ticker} is kept aside");
    }

    let asked = scene.exchange.stats().total;
    is_whole(scene.repair(&[]));
    assert_eq!(scene.exchange.stats().total, asked, "what is whole asks for nothing");

    // As after a try that broke off when it had set a file aside.
    fs::remove_file(february(cut)).expect("removed");
    let said = is_whole(scene.repair(&[])).stdout;
    assert!(said.contains("set aside by an earlier repair: 1 file, such as "), "{said}");
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()), "{said}");
}

#[test]
fn what_only_a_look_into_the_files_finds_is_mended_too() {
    let scene = Scene::new(Kind::Minute, quarter(), 3);
    let [flipped, lying, whole] = &scene.tickers[..] else { panic!("three") };
    let february = |ticker: &Ticker| scene.file(ticker, FEBRUARY);
    flip(&february(flipped));
    damage::rewrite_bars(&scene.outdir(), lying, FEBRUARY, |rows| {
        rows.swap(7, 8);
    });
    let damaged = scene.files();
    let before = scene.exchange.stats().requests_by_ticker;
    let said = is_whole(scene.repair(&["--deep"])).stdout;
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()), "{said}");
    for (ticker, expected, why) in [
        (flipped, 1, "a month with a byte changed"),
        (lying, 1, "a month whose rows can't be, though its ledger line proves the file"),
        (whole, 0, "nothing"),
    ] {
        let asked = scene.asked_of(ticker) - before.get(ticker.as_str()).copied().unwrap_or(0);
        assert_eq!(asked, expected, "{ticker}: {why}\n{said}");
    }
    let kept = kept_aside(&scene.outdir());
    for ticker in [flipped, lying] {
        let path = february(ticker).strip_prefix(scene.outdir()).expect("below").to_owned();
        assert!(kept.iter().any(|bytes| *bytes == damaged[&path]), "{ticker} is kept aside");
    }
}

/// Changes a byte in the middle of a file, not its length.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(path, bytes).expect("written");
}

#[test]
fn the_rest_of_a_file_that_is_set_aside_comes_back_even_where_nobody_asked_about_it() {
    let mut scene = Scene::new(Kind::Daily, days("2023-01-03", "2024-03-28"), 2);
    let ticker = scene.tickers[0].clone();
    let year = Partition::Year(2023);
    damage::rewrite_bars(&scene.outdir(), &ticker, year, |rows| rows.swap(7, 8));
    scene.asked = days("2023-11-01", "2024-03-28");
    is_whole(scene.repair(&["--deep"]));
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));
}

/// The content of every file that was set aside.
fn kept_aside(outdir: &Path) -> Vec<Vec<u8>> {
    let files = tree::files(&outdir.join("_set_aside"));
    files.iter().map(|path| fs::read(path).expect("read")).collect()
}

#[test]
fn what_the_source_has_no_more_stays_missing_and_is_said_so_after_one_round() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-12"), 2);
    let (ticker, day) = (&scene.tickers[0], scene.asked.from());
    let file = scene.file(ticker, Partition::Day(day));
    fs::remove_file(&file).expect("removed");
    let vanishes = |epoch: &u64| change(SEED, *epoch, ticker.as_str(), day) == Change::Vanished;
    scene.exchange.turn_to_epoch((0..1_000).find(vanishes).expect("some epoch does it"));
    let ended = scene.repair(&["--tries", "2"]).expect_code(4);
    let said = ended.stdout;
    assert!(said.contains("stays as it was, though it was asked for again"), "{said}");
    assert!(said.contains(&format!("{ticker} {day}")), "{said}");
    let asked = scene.asked_of(ticker);
    scene.exchange.turn_to_epoch(0);
    is_whole(scene.repair(&[]));
    assert_eq!(scene.asked_of(ticker), asked + 1, "the same command goes on when there is more");
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));
}

#[test]
fn a_repair_that_is_stopped_in_the_middle_loses_nothing_and_the_same_command_goes_on() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-13"), 2);
    for (ticker, day) in [(0, "2024-03-11"), (0, "2024-03-13"), (1, "2024-03-12")] {
        let day = Partition::Day(day.parse().expect("a day"));
        let file = scene.file(&scene.tickers[ticker], day);
        let bytes = fs::read(&file).expect("read");
        fs::write(&file, &bytes[..bytes.len() - 3]).expect("cut");
    }
    // The question before anything is changed, the one of `start`, and one of a worker.
    scene.exchange.close_the_door_after(3);
    let repairing = scene.repairing();
    eventually("a worker waits for its answer", || scene.exchange.holds_somebody_up());
    repairing.signal(Signal::SIGTERM);
    let said = repairing.wait().expect_code(143).stderr;
    scene.exchange.open_the_door();
    assert!(said.contains("the run that repairs was stopped as asked"), "{said}");
    assert!(said.contains("the same command goes on"), "{said}");
    is_whole(scene.repair(&[]));
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));
}

#[test]
fn the_run_that_made_a_tree_repairs_it_and_another_run_is_refused() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-12"), 2);
    let (base, day) = (scene.exchange.base_url(), Partition::Day(scene.asked.from()));
    let mut start = scene.place.launcher_start_of(scene.kind, &base, scene.asked);
    run(start.args(["--foreground", "--resume"])).expect_code(0);
    let file = scene.file(&scene.tickers[0], day);
    fs::remove_file(&file).expect("removed");
    is_whole(scene.repair(&[]));
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));

    fs::remove_file(&file).expect("removed");
    let elsewhere = scene.clean.workdir();
    let mut other: Command = scene.clean.launcher_start_of(scene.kind, &base, scene.asked);
    run(other.args(["--foreground", "--resume"])).expect_code(0);
    let elsewhere = elsewhere.display().to_string();
    let flags = ["--repair", "--workdir", &elsewhere, "--base-url", &base];
    let said = scene.verify(&flags).expect_code(2).stderr;
    assert!(said.contains("can't repair this tree: it writes into"), "{said}");
    assert!(!file.exists() && !scene.outdir().join("_set_aside").exists(), "nothing was changed");
}

#[test]
fn a_repair_needs_a_work_directory_and_one_that_lies_apart() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-11"), 1);
    let said = scene.verify(&["--repair"]).expect_code(2).stderr;
    assert!(said.contains("--workdir"), "{said}");
}

#[test]
fn a_repair_that_can_not_ask_changes_nothing_and_says_what_to_give() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-12"), 1);
    let file = scene.file(&scene.tickers[0], Partition::Day(scene.asked.from()));
    let bytes = fs::read(&file).expect("read");
    fs::write(&file, &bytes[..bytes.len() - 3]).expect("cut");
    let before = tree::files(&scene.outdir());
    let workdir = scene.place.workdir().display().to_string();
    let inside = scene.outdir().join("runs").display().to_string();
    let base = scene.exchange.base_url();
    let nobody = "http://127.0.0.1:1";
    for (why, workdir, base, said) in [
        ("no source", &workdir, None, "holds data of 127.0.0.1"),
        ("another", &workdir, Some("http://localhost:9"), "give --base-url of 127.0.0.1"),
        ("it does not answer", &workdir, Some(nobody), "can't be reached"),
        ("runs in the tree", &inside, Some(base.as_str()), "lies inside --outdir"),
    ] {
        let source: Vec<&str> = base.iter().flat_map(|base| ["--base-url", *base]).collect();
        let ended = scene.verify(&[&["--repair", "--workdir", workdir], &source[..]].concat());
        assert!(ended.stderr.contains(said), "{why}: {}", ended.stderr);
        assert!(!ended.status.success(), "{why}");
        assert_eq!(tree::files(&scene.outdir()), before, "{why}");
    }
    let mut keyless = command("launcher");
    keyless.env_remove("POLYGON_API_KEY").env_remove("MASSIVE_API_KEY");
    keyless.current_dir(scene.place.path()).args(["verify", "--from", "2024-03-11", "--repair"]);
    keyless.arg("--outdir").arg(scene.outdir()).args(["--workdir", &workdir, "--base-url", &base]);
    let said = run(&mut keyless).expect_code(2).stderr;
    assert!(said.contains("POLYGON_API_KEY"), "{said}");
    assert_eq!(tree::files(&scene.outdir()), before, "without a key");
    is_whole(scene.repair(&[]));
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));
}

#[test]
fn what_is_suspect_is_asked_for_again_only_when_that_is_asked_for() {
    let scene = Scene::new(Kind::Minute, quarter(), 2);
    let [odd, whole] = &scene.tickers[..] else { panic!("two") };
    damage::rewrite_bars(&scene.outdir(), odd, FEBRUARY, |rows| {
        rows[7].bar.high = rows[7].bar.low - 0.01;
    });
    let asked = scene.exchange.stats().total;
    let said = scene.repair(&["--deep"]).expect_code(6).stdout;
    assert!(said.contains("price-bounds") && said.contains("nothing that a download"), "{said}");
    assert_eq!(scene.exchange.stats().total, asked, "nothing is asked for");

    let before = scene.exchange.stats().requests_by_ticker;
    is_whole(scene.repair(&["--deep", "--repair=suspect"]));
    assert!(scene.files() == tree::parquet_bytes(&scene.clean.outdir()));
    assert_eq!(scene.asked_of(whole), before[whole.as_str()], "its neighbour was whole");
}

#[test]
fn a_file_that_nothing_proves_is_kept_aside_or_not_written_over() {
    let scene = Scene::new(Kind::Trades, days("2024-03-11", "2024-03-12"), 2);
    let (ticker, day) = (&scene.tickers[0], scene.asked.from());
    let file = scene.file(ticker, Partition::Day(day));
    let good = fs::read(&file).expect("read");
    fs::remove_file(Ledger::path(&scene.outdir(), ticker)).expect("removed");
    let aside = scene.outdir().join("_set_aside");
    fs::write(&aside, "in the way").expect("written");
    let asked = scene.asked_of(ticker);
    let ended = scene.repair(&["--tries", "2"]);
    assert_ne!(ended.code(), Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("not done"), "{}", ended.stdout);
    assert!(fs::read(&file).expect("read") == good && scene.asked_of(ticker) == asked);

    fs::remove_file(&aside).expect("removed");
    let vanishes = |epoch: &u64| change(SEED, *epoch, ticker.as_str(), day) == Change::Vanished;
    scene.exchange.turn_to_epoch((0..1_000).find(vanishes).expect("some epoch does it"));
    scene.repair(&["--tries", "2"]);
    assert!(kept_aside(&scene.outdir()).contains(&good), "the source has it no more");
}
