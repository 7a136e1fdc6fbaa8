//! Promise: what a run has downloaded is complete to `verify`, whatever its kind; and neither
//! `verify` nor `status --check` calls complete what has something beside its ledgers.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use shared::dataset::answers::{Answers, Said};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Entry;
use shared::disk::checked_lines;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, command, run};
use tests::harness::truth::universe;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// A run that has ended well.
struct Scene {
    _exchange: Exchange,
    place: Place,
    tickers: Vec<Ticker>,
    days: DateRange,
}

impl Scene {
    fn of(kind: Kind, days: DateRange) -> Self {
        let exchange = Exchange::start(Config::synthetic(5).with_tickers(6)).expect("started");
        let tickers = universe(&exchange, 6);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let mut start = place.launcher_start_of(kind, &exchange.base_url(), days);
        run(start.arg("--foreground")).expect_code(0);
        Self { _exchange: exchange, place, tickers, days }
    }

    fn check(&self) -> Ended {
        run(self.place.launcher("status").arg("--check"))
    }

    fn verify(&self) -> (Value, i32) {
        let mut verify = command("launcher");
        verify.current_dir(self.place.path()).args(["verify", "--json", "--tickers-csv"]);
        verify.arg(self.place.tickers_csv()).arg("--outdir").arg(self.place.outdir());
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        let ended = run(verify.args(["--from", &from, "--to", &to]));
        let code = ended.code().expect("it ended by itself");
        (serde_json::from_str(&ended.stdout).expect("JSON"), code)
    }

    /// Folders of minutes of the first ticker that has any.
    fn month(&self, name: &str) -> PathBuf {
        let of = |ticker: &Ticker| self.place.outdir().join(ticker.as_str()).join(name);
        self.tickers.iter().map(of).find(|path| path.exists()).expect("somebody has rows")
    }
}

#[test]
fn what_a_run_has_downloaded_is_complete_to_verify_by_its_arguments_and_by_its_run() {
    for (kind, days) in [
        (Kind::Daily, days("2022-06-01", "2024-02-29")),
        (Kind::Minute, days("2024-01-10", "2024-03-11")),
        (Kind::Trades, days("2024-03-08", "2024-03-12")),
    ] {
        let scene = Scene::of(kind, days);
        let (said, code) = scene.verify();
        let partitions = &said["trees"][0]["partitions"];
        // Who was not traded on a day, and the source says so, is no alarm.
        assert!(code == 0 || code == 3, "{kind}: {said}");
        let bad = |state: &str| partitions[state].as_u64().expect("a number");
        assert_eq!((bad("missing"), bad("damaged"), bad("suspect")), (0, 0, 0), "{kind}: {said}");
        assert!(bad("covered") > 0, "{kind}: {said}");
        let by_run = run(scene.place.launcher("verify").arg("--json"));
        assert_eq!(by_run.code(), Some(code));
        let by_run: Value = serde_json::from_str(&by_run.stdout).expect("JSON");
        assert_eq!(by_run["trees"], said["trees"], "{kind}");
        scene.check().expect_code(0);
    }
}

#[test]
fn status_check_does_not_call_complete_what_has_something_beside_its_ledgers() {
    let scene = Scene::of(Kind::Minute, days("2024-01-10", "2024-03-11"));
    let february = scene.month("year=2024/month=02");
    let odd = february.join("minute (1).parquet");
    let unlisted = february.parent().expect("a year").join("month=03").join("day=2024-03-04");
    let descriptor = scene.place.outdir().join("_dataset.json");
    let aside = scene.place.path().join("aside");
    assert!(scene.check().expect_code(0).stdout.starts_with("COMPLETE"));
    let is_told = |rule: &str, words: &str| {
        let ended = scene.check().expect_code(1);
        assert!(ended.stdout.starts_with("INCOMPLETE"), "{rule}: {ended:?}");
        assert!(ended.stderr.contains(words), "{rule}: {ended:?}");
        let (said, code) = scene.verify();
        assert!(code >= 4, "{rule}: {said}");
        let rules = said["findings"].as_array().expect("an array").iter();
        assert!(rules.clone().any(|it| it["rule"] == rule), "{rule}: {said}");
    };

    fs::copy(february.join("minute.parquet"), &odd).expect("copied");
    is_told("stray-file", "minute (1).parquet");
    fs::remove_file(&odd).expect("removed");

    fs::create_dir(&unlisted).expect("made");
    fs::copy(february.join("minute.parquet"), unlisted.join("minute.parquet")).expect("copied");
    is_told("stray-file", "day=2024-03-04");
    fs::remove_dir_all(&unlisted).expect("removed");

    // The line of a month, cut out of the ledger: its file proves nothing.
    let ledger = february.join("../../_ledger.jsonl");
    let whole = fs::read_to_string(&ledger).expect("read");
    let without = whole.lines().filter(|line| !line.contains("year=2024/month=02"));
    fs::write(&ledger, without.map(|line| format!("{line}\n")).collect::<String>()).expect("cut");
    is_told("no-ledger-line", "does not prove it any more");
    fs::write(&ledger, whole).expect("put back");

    fs::rename(&descriptor, &aside).expect("moved");
    is_told("no-descriptor", "_dataset.json");
    fs::rename(&aside, &descriptor).expect("moved back");
    scene.check().expect_code(0);
}

#[test]
fn trees_of_one_market_agree_and_a_session_with_volume_and_no_trades_is_suspect() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(6)).expect("started");
    let tickers = universe(&exchange, 6);
    let days = days("2024-03-04", "2024-03-12");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    for kind in Kind::ALL {
        let mut start = command("worker");
        start.current_dir(place.path()).arg(kind.name()).arg("--tickers-csv");
        start.arg(place.tickers_csv()).args(["--outdir", kind.name()]);
        start.args(["--from", &days.from().to_string(), "--to", &days.to().to_string()]);
        run(start.args(["--base-url", &exchange.base_url(), "--backoff-base", "5ms"]))
            .expect_code(0);
    }
    let verify = || {
        let mut verify = command("launcher");
        verify.current_dir(place.path()).args(["verify", "--json", "--tickers-csv"]);
        verify.arg(place.tickers_csv());
        verify.args(["--from", &days.from().to_string(), "--to", &days.to().to_string()]);
        for kind in Kind::ALL {
            verify.args([&format!("--{kind}"), kind.name()]);
        }
        let said: Value = serde_json::from_str(&run(&mut verify).stdout).expect("JSON");
        said
    };
    let said = verify();
    for tree in said["trees"].as_array().expect("an array") {
        for state in ["suspect", "missing", "damaged"] {
            assert_eq!(tree["partitions"][state], 0, "{said}");
        }
    }

    // As if the source had had nothing to say of that day.
    let busy = tickers.iter().map(|ticker| place.path().join("trades").join(ticker.as_str()));
    let busy = busy.filter(|folder| folder.join("year=2024/month=03/day=2024-03-06").exists());
    let folder = busy.into_iter().next().expect("somebody was traded on a Wednesday");
    fs::remove_dir_all(folder.join("year=2024/month=03/day=2024-03-06")).expect("removed");
    let ledger = folder.join("_ledger.jsonl");
    let mut entries: Vec<Entry> = checked_lines::read(&ledger).expect("a ledger").entries;
    for entry in &mut entries {
        if entry.partition.period() == "2024-03-06" {
            let asked_at = entry.answers.iter().next().expect("an answer").asked_at;
            entry.answers = Answers::default();
            entry.answers.record(entry.partition.span(), Said::Empty { asks: 2 }, asked_at);
            entry.file = None;
        }
    }
    let lines: String = entries.iter().map(checked_lines::encode).collect();
    fs::write(&ledger, lines).expect("written");
    let said = verify();
    assert_eq!(said["verdict"], "suspect", "{said}");
    let first = &said["findings"][0];
    assert_eq!(
        (&first["rule"], &first["partition"]),
        (&"volume-without-trades".into(), &"2024-03-06".into())
    );
}

#[test]
fn a_series_without_a_trade_is_empty_and_a_series_that_is_not_there_names_no_file() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(6)).expect("started");
    let tickers = universe(&exchange, 6);
    let names = tickers.iter().map(Ticker::as_str).chain(["ZZZZ"]);
    let place = Place::with_tickers(names.clone());
    let days = ["--from", "2024-03-04", "--to", "2024-03-08"];
    let mut start = command("worker");
    start.current_dir(place.path()).args(["trades", "--outdir", "trades", "--tickers-csv"]);
    start.arg(place.tickers_csv()).args(days);
    run(start.args(["--base-url", &exchange.base_url(), "--backoff-base", "5ms"])).expect_code(0);
    let mut bars = command("bars");
    bars.current_dir(place.path()).args(["--trades-root", "trades", "--outdir", "bars"]);
    bars.args(["--mode", "TB", "--target", "50", "--tickers-csv"]).arg(place.tickers_csv());
    run(bars.args(days)).expect_code(0);
    let more: String = names.chain(["NOPE"]).map(|name| format!("{name}\n")).collect();
    fs::write(place.path().join("more.csv"), format!("ticker\n{more}")).expect("written");
    let mut verify = command("launcher");
    verify.current_dir(place.path()).args(["verify", "--json", "--bars", "bars"]);
    verify.args(["--tickers-csv", "more.csv"]).args(days);
    let said: Value = serde_json::from_str(&run(&mut verify).stdout).expect("JSON");
    let partitions = &said["trees"][0]["partitions"];
    let of = |state: &str| partitions[state].as_u64().expect("a number");
    let (covered, empty) = (of("covered"), of("empty_confirmed"));
    assert!(covered > 0 && covered + empty == 7 && of("missing") == 1, "{said}");
    let findings = said["findings"].as_array().expect("an array");
    let of = |ticker: &str| findings.iter().find(|it| it["ticker"] == ticker).expect("a finding");
    assert_eq!(of("ZZZZ")["rule"], "nothing-traded", "{said}");
    assert_eq!((&of("NOPE")["rule"], &of("NOPE")["file"]), (&"no-proof".into(), &Value::Null));
}
