//! Promise: a resumed run asks for exactly what is missing, and says what it found damaged.

use std::fs;

use jiff::SignedDuration;
use shared::dataset::answers::Answer;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger};
use shared::dataset::partition::Partition;
use shared::disk::checked_lines;
use shared::market::session;
use shared::market::ticker::Ticker;
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::{self, daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// Four tickers, 2021 to 2023, already on disk.
struct Scene {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    place: Place,
}

const FROM: &str = "2021-01-01";
const TO: &str = "2023-12-31";

impl Scene {
    fn new() -> Self {
        let (exchange, tickers, place) = market(Config::synthetic(5).with_tickers(4), 4);
        let scene = Self { exchange, tickers, place };
        scene.resume(FROM, TO).expect_code(0);
        scene
    }

    fn resume(&self, from: &str, to: &str) -> Ended {
        run(self.place.worker(&self.exchange.base_url(), days(from, to)).arg("--resume"))
    }

    /// Requests that `deed` makes.
    fn requests(&self, deed: impl FnOnce()) -> u64 {
        let before = self.exchange.stats().total;
        deed();
        self.exchange.stats().total - before
    }

    #[track_caller]
    fn check(&self, from: &str, to: &str) {
        for ticker in &self.tickers {
            let truth = daily_bars(&self.exchange, ticker, days(from, to));
            assert_eq!(tree::daily_rows(&self.place.outdir(), ticker), truth, "{ticker}");
        }
    }

    /// A ticker with rows in every year.
    fn busy(&self) -> &Ticker {
        let years = |ticker: &&Ticker| {
            let found =
                fs::read_dir(self.place.outdir().join(ticker.as_str())).expect("listed").flatten();
            found.filter(|entry| entry.file_name().to_string_lossy().starts_with("year=")).count()
                == 3
        };
        self.tickers.iter().find(years).expect("one is listed for the whole range")
    }

    fn file(&self, ticker: &Ticker, year: i16) -> std::path::PathBuf {
        Partition::Year(year).file(&self.place.outdir(), ticker, Kind::Daily)
    }
}

#[test]
fn nothing_is_asked_when_nothing_is_missing_and_no_byte_changes() {
    let scene = Scene::new();
    let before = tree::parquet_bytes(&scene.place.outdir());
    assert_eq!(scene.requests(|| drop(scene.resume(FROM, TO).expect_code(0))), 0);
    assert_eq!(scene.requests(|| drop(scene.resume("2021-03-01", "2022-02-02").expect_code(0))), 0);
    assert_eq!(tree::parquet_bytes(&scene.place.outdir()), before);
}

#[test]
fn another_year_and_another_ticker_cost_one_request_each() {
    let scene = Scene::new();
    assert_eq!(scene.requests(|| drop(scene.resume(FROM, "2024-12-31").expect_code(0))), 4);
    scene.check(FROM, "2024-12-31");

    let names = scene.tickers.iter().rev().chain(&scene.tickers[..2]).map(Ticker::as_str);
    let lines: String = names.chain(["NEWONE"]).map(|name| format!("x,{name}\n")).collect();
    fs::write(scene.place.tickers_csv(), format!("name,ticker\n{lines}")).expect("written");
    assert_eq!(
        scene.requests(|| drop(scene.resume(FROM, "2024-12-31").expect_code(0))),
        1,
        "shuffled, doubled and grown"
    );
}

#[test]
fn a_deleted_and_a_truncated_file_are_named_and_fetched_again() {
    let scene = Scene::new();
    let ticker = scene.busy().clone();
    let before = tree::parquet_bytes(&scene.place.outdir());
    fs::remove_file(scene.file(&ticker, 2021)).expect("removed");
    let whole = fs::read(scene.file(&ticker, 2023)).expect("read");
    fs::write(scene.file(&ticker, 2023), &whole[..whole.len() / 2]).expect("cut");
    let mut said = String::new();
    let requests = scene.requests(|| said = scene.resume(FROM, TO).expect_code(0).stderr);
    assert_eq!(
        requests, 1,
        "two holes in one ticker, and the year between them fits on their page"
    );
    says(
        &said,
        &[
            &format!("{ticker}: year=2021 is damaged and will be fetched again"),
            &format!("{} bytes where the ledger says {}", whole.len() / 2, whole.len()),
        ],
    );
    assert_eq!(tree::parquet_bytes(&scene.place.outdir()), before);
}

#[test]
fn a_file_whose_ledger_line_is_lost_proves_nothing() {
    let scene = Scene::new();
    let ticker = scene.busy().clone();
    let before = tree::parquet_bytes(&scene.place.outdir());
    let path = Ledger::path(&scene.place.outdir(), &ticker);
    let text = fs::read_to_string(&path).expect("read");
    let kept: String = text
        .lines()
        .filter(|line| !line.contains("year=2022"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&path, kept).expect("written");
    assert_eq!(scene.requests(|| drop(scene.resume(FROM, TO).expect_code(0))), 1);
    assert_eq!(tree::parquet_bytes(&scene.place.outdir()), before);
}

#[test]
fn a_torn_last_line_is_ignored_and_a_damaged_line_is_an_error_that_names_it() {
    let scene = Scene::new();
    let ticker = scene.busy().clone();
    let path = Ledger::path(&scene.place.outdir(), &ticker);
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, &text[..text.len() - 9]).expect("torn");
    assert_eq!(scene.requests(|| drop(scene.resume(FROM, TO).expect_code(0))), 1);
    scene.check(FROM, TO);

    let damaged = text.replacen("year=2021", "year=2011", 1);
    fs::write(&path, &damaged).expect("written");
    let said = scene.resume(FROM, TO).expect_code(11).stderr;
    says(&said, &["_ledger.jsonl:1: not a ledger line (its checksum does not match)"]);
    assert_eq!(fs::read_to_string(&path).expect("read"), damaged, "nothing starts from zero");
    scene.check(FROM, TO);
}

#[test]
fn an_extended_run_asks_only_for_the_days_and_the_tickers_that_are_new() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(6)).expect("started");
    let tickers = universe(&exchange, 6);
    let (four, five) = (&tickers[..4], &tickers[..5]);
    let place = Place::with_tickers(four.iter().map(Ticker::as_str));
    let extend = |arguments: &[&str]| {
        let before = exchange.stats().total;
        let mut start = place.launcher("start");
        let said =
            run(start.args(["--resume", "--foreground"]).args(arguments)).expect_code(0).stdout;
        // The launcher itself asks once whether the key is good.
        (exchange.stats().total - before - 1, said)
    };
    let check = |tickers: &[Ticker], from: &str, to: &str| {
        for ticker in tickers {
            let truth = daily_bars(&exchange, ticker, days(from, to));
            assert_eq!(tree::daily_rows(&place.outdir(), ticker), truth, "{ticker}");
        }
    };
    // Everything is fetched anew, and what this very run has fetched counts when it is extended.
    let mut start = place.launcher_start(&exchange.base_url(), days("2021-01-01", "2022-12-31"));
    run(start.args(["--foreground", "--batch-size", "3"])).expect_code(0);
    check(four, "2021-01-01", "2022-12-31");
    let before = tree::parquet_bytes(&place.outdir());

    let (requests, said) = extend(&["--to", "2023-12-31"]);
    assert_eq!(requests, 4, "the new year of each");
    says(
        &said,
        &[
            "extends the run: --to 2022-12-31 → 2023-12-31\n",
            "what this run has fetched itself is not fetched again",
        ],
    );
    check(four, "2021-01-01", "2023-12-31");
    let after = tree::parquet_bytes(&place.outdir());
    assert!(
        before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)),
        "the other years stay"
    );

    let lines: String = five.iter().rev().map(|ticker| format!("{ticker}\n")).collect();
    fs::write(place.path().join("five.csv"), format!("ticker\n{lines}")).expect("written");
    assert_eq!(extend(&["--tickers-csv", "five.csv"]).0, 1, "the new ticker");
    assert_eq!(
        extend(&["--from", "2020-01-01", "--to", "2023-12-31"]).0,
        5,
        "the year before, of each"
    );
    check(five, "2020-01-01", "2023-12-31");

    let (requests, said) = extend(&["--from", "2020-01-01", "--tickers-csv", "five.csv"]);
    assert_eq!(requests, 0);
    assert!(said.contains("already complete") && !said.contains("extends"), "{said}");
    let status = run(place.launcher("status").arg("--json")).expect_code(0).stdout;
    says(&status, &[r#""from":"2020-01-01","to":"2023-12-31""#]);
    assert_eq!(
        fs::read_to_string(place.workdir().join("run.json"))
            .expect("read")
            .matches("\"before\"")
            .count(),
        3
    );
}

/// What the ledger says was asked a day earlier.
fn let_a_day_pass(place: &Place, ticker: &Ticker) {
    let path = Ledger::path(&place.outdir(), ticker);
    let earlier = |mut entry: Entry| {
        let mut answers: Vec<Answer> = entry.answers.into();
        for answer in &mut answers {
            answer.asked_at -= SignedDuration::from_hours(25);
        }
        entry.answers = answers.into();
        checked_lines::encode(&entry)
    };
    let entries = checked_lines::read(&path).expect("a ledger").entries;
    fs::write(path, entries.into_iter().map(earlier).collect::<String>()).expect("written");
}

#[test]
fn a_day_later_all_quiet_days_of_a_thin_stock_are_asked_again_with_one_request() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(40)).expect("started");
    let asked = days("2024-01-02", "2024-03-28");
    let prints = |ticker: &Ticker| truth::trades(&exchange, ticker, asked).len();
    let sessions = session::sessions(asked.from(), asked.to()).count();
    let thin = universe(&exchange, 40)
        .into_iter()
        .find(|ticker| (20..2 * sessions).contains(&prints(ticker)));
    let thin = thin.expect("one has less than two trades a day");
    let place = Place::with_tickers([thin.as_str()]);
    let resume = || {
        let before = exchange.stats().total;
        run(place.worker_of(Kind::Trades, &exchange.base_url(), asked).arg("--resume"))
            .expect_code(0);
        exchange.stats().total - before
    };
    assert_eq!(resume(), 1);
    let files = tree::parquet_bytes(&place.outdir());
    let quiet = sessions - files.len();
    assert!(quiet > 8, "{quiet} days without a trade, and trades between them");
    assert_eq!(tree::trades(&place.outdir(), &thin), truth::trades(&exchange, &thin, asked));

    let_a_day_pass(&place, &thin);
    let path = Ledger::path(&place.outdir(), &thin);
    let lines = || fs::read_to_string(&path).expect("read").lines().count();
    let before = lines();
    assert_eq!(resume(), 1, "{quiet} days in one request");
    assert_eq!(tree::parquet_bytes(&place.outdir()), files);
    assert_eq!(lines() - before, quiet, "of the days with trades nothing is written again");
    let_a_day_pass(&place, &thin);
    assert_eq!(resume(), 0, "said twice is believed");
}

#[test]
fn days_outside_the_plan_are_recorded_by_the_day_and_not_asked_again() {
    let begins = "2022-08-17".parse().expect("a day");
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(6).with_plan_begins(begins))
        .expect("started");
    let tickers = universe(&exchange, 6);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let worker = || {
        let mut worker = place.worker(&exchange.base_url(), days(FROM, TO));
        worker.args(["--resume", "--max-workers", "1"]);
        worker
    };
    let said = run(&mut worker()).expect_code(0).stderr;
    says(&said, &["2021-01-01..2022-08-16 is outside the plan of the API key"]);
    for ticker in &tickers {
        let reached = daily_bars(&exchange, ticker, days("2022-08-17", TO));
        assert_eq!(tree::daily_rows(&place.outdir(), ticker), reached, "{ticker}");
    }
    let asked = exchange.stats().total;
    assert!(
        asked <= 24 + 2 * 5,
        "one search for the first day, then a refusal and a request a ticker: {asked}"
    );
    run(&mut worker()).expect_code(0);
    assert_eq!(exchange.stats().total, asked, "known to be refused");
}

#[test]
fn what_the_plan_refuses_of_one_ticker_is_not_recorded_of_another() {
    let begins = "2022-08-17".parse().expect("a day");
    let tickers = {
        let exchange = Exchange::start(Config::synthetic(5).with_tickers(6)).expect("started");
        universe(&exchange, 6)
    };
    let whole = &tickers[5];
    let config = Config::synthetic(5)
        .with_tickers(6)
        .with_plan_begins(begins)
        .with_all_days_of(whole.as_str());
    let exchange = Exchange::start(config).expect("started");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let mut worker = place.worker(&exchange.base_url(), days(FROM, TO));
    run(worker.args(["--resume", "--max-workers", "1"])).expect_code(0);
    for ticker in &tickers {
        let from = if ticker == whole { FROM } else { "2022-08-17" };
        let reached = daily_bars(&exchange, ticker, days(from, TO));
        assert_eq!(tree::daily_rows(&place.outdir(), ticker), reached, "{ticker}");
    }
}

#[test]
fn a_crash_between_file_and_ledger_line_loses_no_row_even_if_the_source_says_less_today() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(4)).expect("started");
    let ticker = universe(&exchange, 1).remove(0);
    let place = Place::with_tickers([ticker.as_str()]);
    let resume = |exchange: &Exchange, from, to| {
        run(place.worker(&exchange.base_url(), days(from, to)).arg("--resume"))
    };
    resume(&exchange, "2024-01-01", "2024-03-31").expect_code(0);
    let ledger = Ledger::path(&place.outdir(), &ticker);
    let before = fs::read_to_string(&ledger).expect("read");
    resume(&exchange, "2024-01-01", "2024-06-28").expect_code(0);
    // The crash: the new file is in place, its line is not.
    fs::write(&ledger, &before).expect("written");
    let known = tree::daily_rows(&place.outdir(), &ticker);
    assert_eq!(known, daily_bars(&exchange, &ticker, days("2024-01-01", "2024-06-28")));

    let begins = "2024-05-01".parse().expect("a day");
    let shorter = Exchange::start(Config::synthetic(5).with_tickers(4).with_plan_begins(begins))
        .expect("started");
    let said = resume(&shorter, "2024-01-01", "2024-06-28").expect_code(11).stderr;
    says(&said, &["2024-01-01..2024-03-31: 61 rows were there that no file proves now"]);
    assert_eq!(tree::daily_rows(&place.outdir(), &ticker), known, "no row is gone");
    resume(&exchange, "2024-01-01", "2024-06-28").expect_code(0);
    assert_eq!(tree::daily_rows(&place.outdir(), &ticker), known);
}

#[test]
fn a_file_that_is_not_ours_is_never_overwritten() {
    let scene = Scene::new();
    let ticker = scene.busy().clone();
    let other = scene.tickers.iter().find(|other| **other != ticker).expect("four tickers").clone();
    let foreign = fs::read(scene.file(&ticker, 2022)).expect("read");
    let path = Partition::Year(2024).file(&scene.place.outdir(), &other, Kind::Daily);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, &foreign).expect("written");
    let said = scene.resume(FROM, "2024-12-31").expect_code(11).stderr;
    says(
        &said,
        &[
            &format!("{other}: failed for good:"),
            &format!("a row of {ticker} in a file of {other}"),
            "move it away",
        ],
    );
    assert_eq!(fs::read(&path).expect("read"), foreign);
}

#[test]
fn a_file_whose_content_was_changed_is_fetched_again_whole_in_the_same_run() {
    let scene = Scene::new();
    let ticker = scene.busy().clone();
    let mut bytes = fs::read(scene.file(&ticker, 2023)).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(scene.file(&ticker, 2023), &bytes).expect("written");
    // Only a month is asked for; the rest of that year was in the file too.
    let march = days("2023-03-01", "2023-03-31");
    let said =
        run(&mut scene.place.worker(&scene.exchange.base_url(), march)).expect_code(0).stderr;
    says(
        &said,
        &[
            "year=2023 is damaged and will be fetched again",
            "its content is not what was written (SHA-256)",
        ],
    );
    assert_eq!(scene.requests(|| drop(scene.resume(FROM, TO).expect_code(0))), 0);
    scene.check(FROM, TO);
}

#[test]
fn a_worker_that_is_told_to_stops_after_so_many_tickers_and_says_what_it_leaves() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(7)).expect("started");
    let tickers = universe(&exchange, 7);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    for (round, left) in [(1, Some(4)), (2, Some(1)), (3, None)] {
        let mut worker = place.worker(&exchange.base_url(), days(FROM, TO));
        let events = place.path().join(format!("events-{round}.jsonl"));
        worker.args(["--resume", "--max-tickers-per-process", "3"]).arg("--events").arg(&events);
        run(&mut worker).expect_code(0);
        let said = fs::read_to_string(&events).expect("read");
        let yielded = left.map(|left| format!(r#""event":"yield","remaining":{left}"#));
        assert_eq!(said.contains("yield"), left.is_some(), "{said}");
        assert!(yielded.is_none_or(|yielded| said.contains(&yielded)), "{said}");
    }
    assert_eq!(exchange.stats().total, 7);
}
