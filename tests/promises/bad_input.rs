//! Promise: bad input is refused before anything starts, with the file, line and value, and what to
//! do.

use std::fs;

use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::says::says;
use tests::harness::{tree, truth};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

/// Nobody listens here.
const NOBODY: &str = "http://127.0.0.1:9";

fn worker(place: &Place, change: impl FnOnce(&mut std::process::Command)) -> Ended {
    let mut worker = place.worker(NOBODY, days("2022-01-03", "2022-12-30"));
    change(&mut worker);
    run(&mut worker)
}

/// Refused with exactly this, and nothing was made.
#[track_caller]
fn refused(place: &Place, ended: Ended, words: &str) {
    let ended = ended.expect_code(2);
    let said = ended.stderr.replace(&format!("{}/", place.path().display()), "");
    assert_eq!(said.lines().next(), Some(format!("error: {words}").as_str()), "{said}");
    assert_eq!(tree::files(&place.outdir()), [] as [std::path::PathBuf; 0]);
}

#[track_caller]
fn refused_list(text: &str, words: &str) {
    let place = Place::with_tickers([""]);
    fs::write(place.tickers_csv(), text).expect("written");
    refused(&place, worker(&place, |_| {}), &format!("--tickers-csv: {words}"));
}

#[test]
fn a_missing_key_is_said_with_the_ways_to_set_it() {
    let place = Place::with_tickers(["A"]);
    let words = "no API key: set POLYGON_API_KEY (or MASSIVE_API_KEY) in the environment, or write POLYGON_API_KEY=... into a file called .env in this folder";
    let without = worker(&place, |command| {
        command.env_remove("POLYGON_API_KEY");
    });
    refused(&place, without, words);
}

#[test]
fn a_ticker_list_is_refused_by_file_line_and_value() {
    refused_list(
        "symbol\nA\n",
        "tickers.csv: no column is called \"ticker\" (found: symbol); the first line must name the columns",
    );
    refused_list(
        "ticker\nA\n../x\n",
        "tickers.csv:3: \"../x\" is not a ticker (letters, digits, '.' and '-' only)",
    );
    refused_list(
        "ticker,ticker\nA,B\n",
        "tickers.csv:1: 2 columns are called \"ticker\"; rename or remove all but one",
    );
    refused_list("ticker\n", "tickers.csv: contains no tickers");
    let place = Place::with_tickers(["A"]);
    fs::remove_file(place.tickers_csv()).expect("removed");
    let words = "--tickers-csv: can't read tickers.csv: No such file or directory (os error 2)";
    refused(&place, worker(&place, |_| {}), words);
}

#[test]
fn a_ticker_that_stands_twice_is_kept_once_and_that_is_said() {
    let exchange = Exchange::start(Config::synthetic(3).with_tickers(3)).expect("started");
    let place = Place::with_tickers(["ZZZ", "ZZZ"]);
    let ended = run(&mut place.worker(&exchange.base_url(), days("2022-01-03", "2022-12-30")))
        .expect_code(0);
    says(&ended.stderr, &["ZZZ: stands more than once in the ticker list; kept once"]);
    assert_eq!(exchange.stats().total, 1);
}

#[test]
fn dates_must_exist_and_be_in_order() {
    let place = Place::with_tickers(["A"]);
    let with = |from: &str, to: &str| {
        let mut worker = tests::harness::program::command("worker");
        worker
            .arg("daily")
            .arg("--tickers-csv")
            .arg(place.tickers_csv())
            .arg("--outdir")
            .arg(place.outdir());
        run(worker.args(["--from", from, "--to", to, "--base-url", NOBODY]))
    };
    refused(
        &place,
        with("2024-02-02", "2024-02-01"),
        "--to 2024-02-01 lies before --from 2024-02-02",
    );
    refused(
        &place,
        with("2024-13-01", "2024-02-01"),
        "invalid value '2024-13-01' for '--from <YYYY-MM-DD>': \"2024-13-01\" is not a date (YYYY-MM-DD, from 1970-01-01 to 2199-12-31)",
    );
    let said = with("2190-01-01", "2190-02-01").expect_code(2).stderr;
    assert!(
        said.starts_with(
            "error: nothing from 2190-01-01 on is settled yet: the last settled day is 2"
        ),
        "{said}"
    );
}

#[test]
fn an_address_that_would_give_the_key_away_is_refused() {
    let place = Place::with_tickers(["A"]);
    let to = |url: &str| {
        let mut worker = place.worker(url, days("2022-01-03", "2022-12-30"));
        run(&mut worker)
    };
    refused(
        &place,
        to("http://192.0.2.1"),
        "--base-url http://192.0.2.1 would send the API key unencrypted; use https, or add --allow-http if you mean it",
    );
    refused(
        &place,
        to("api.massive.com"),
        "--base-url \"api.massive.com\" is not an address like https://api.massive.com (scheme, host and port only)",
    );
}

#[test]
fn a_tree_of_another_scale_is_refused_with_both_values() {
    let exchange = Exchange::start(Config::synthetic(3).with_tickers(3)).expect("started");
    let place = Place::with_tickers(["ZZZ"]);
    let asked = days("2022-01-03", "2022-12-30");
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    let said =
        run(place.worker(&exchange.base_url(), asked).arg("--adjusted")).expect_code(2).stderr;
    says(&said, &["_dataset.json: this tree has adjusted false, but adjusted true was requested"]);
}

#[test]
fn a_tree_that_can_not_be_written_is_this_machine_s_fault() {
    let place = Place::with_tickers(["A"]);
    fs::write(place.outdir(), "a file, not a folder").expect("written");
    let ended = worker(&place, |_| {}).expect_code(13);
    says(&ended.stderr, &["error: can't "]);
}

#[test]
fn a_server_that_is_not_there_is_a_transient_failure_by_name() {
    let place = Place::with_tickers(["A"]);
    let ended = worker(&place, |command| {
        command.args(["--tries", "2"]);
    })
    .expect_code(10);
    let words =
        "A: failed, may be tried again: no complete reply from the server (Connection refused";
    says(&ended.stderr, &[words]);
}

#[test]
fn a_file_in_the_place_of_one_ticker_s_folder_fails_that_ticker_alone() {
    let exchange = Exchange::start(Config::synthetic(3).with_tickers(3)).expect("started");
    let place = Place::with_tickers(["AAA", "BBB", "CCC"]);
    fs::create_dir(place.outdir()).expect("made");
    fs::write(place.outdir().join("BBB"), "in the way").expect("written");
    let said = run(&mut place.worker(&exchange.base_url(), days("2022-01-03", "2022-12-30")))
        .expect_code(11)
        .stderr;
    says(&said, &["BBB: failed for good: can't create folder", "end: 2 tickers done, 1 failed"]);
}

#[test]
fn a_settling_delay_can_not_be_negative() {
    let place = Place::with_tickers(["A"]);
    let ended = worker(&place, |command| {
        command.args(["--settle=-24h"]);
    });
    let words = "invalid value '-24h' for '--settle <DURATION>': a duration can't be negative";
    refused(&place, ended, words);
}

/// Flags of every download, and values that make no sense.
const DOWNLOAD: [(&str, &[&str]); 8] = [
    ("--tickers-csv", &["nowhere.csv"]),
    ("--from", &["yesterday", "2024-02-30", "1969-12-31", ""]),
    ("--to", &["2024-13-01", "2024-1-1", "2200-01-01"]),
    ("--max-tickers-per-process", &["0", "-1", "all"]),
    ("--tz", &["Mars/Olympus", "EST"]),
    ("--window", &["week", ""]),
    ("--settle", &["soon", "-1s", "15"]),
    ("--recheck-empty", &["-1", "often"]),
];
/// Flags of everything that asks the source.
const SOURCE: [(&str, &[&str]); 6] = [
    ("--max-workers", &["0", "65", "many"]),
    ("--base-url", &["api.massive.com", "ftp://api.massive.com", "https://api.massive.com/v2"]),
    ("--rate", &["fast", "0/s", "-5/min", "5/fortnight"]),
    ("--rate-limit", &["-1", "slow", "nan"]),
    ("--tries", &["0", "101", "once"]),
    ("--backoff-base", &["-5ms", "long", "5"]),
];
/// Where things go, or names that may be any: what is wrong with these is found when they are used.
const FREE: [&str; 8] = [
    "--ticker-events",
    "--outdir",
    "--events",
    "--out-csv",
    "--out-parquet",
    "--out-weights",
    "--exchanges",
    "--types",
];

/// `worker SUBCOMMAND` with every flag that it needs but this one.
fn complete(place: &Place, subcommand: &str, but: &str) -> std::process::Command {
    let needed = match subcommand {
        "universe" => vec!["--snapdir=out", "--out-csv=list.csv"],
        "reference" => vec!["--outdir=out"],
        _ => vec![
            "--tickers-csv=tickers.csv",
            "--outdir=out",
            "--from=2024-01-02",
            "--to=2024-02-09",
        ],
    };
    let mut worker = tests::harness::program::command("worker");
    worker.current_dir(place.path()).env("POLYGON_BASE_URL", NOBODY).arg(subcommand);
    worker.args(
        needed.into_iter().filter(|word| word.split_once('=').is_none_or(|(flag, _)| flag != but)),
    );
    worker
}

/// Flags with a value, as `--help` lists them.
fn flags_with_a_value(subcommand: &str) -> Vec<String> {
    let help = run(tests::harness::program::command("worker").args([subcommand, "--help"]))
        .expect_code(0)
        .stdout;
    let flag = |line: &str| {
        let (flag, rest) = line.trim_start().split_once(' ')?;
        (flag.starts_with("--") && rest.starts_with('<')).then(|| flag.to_owned())
    };
    help.lines().filter_map(flag).collect()
}

#[test]
fn every_flag_of_the_worker_refuses_a_wrong_value_by_name_and_makes_nothing() {
    let covered_since: (&str, &[&str]) = ("--covered-since", &["yesterday", "2024-01-02", "12:00"]);
    let run_mark: (&str, &[&str]) = ("--run-mark", &["ab12", "ABCDEF01", "run-one1"]);
    let columns: (&str, &[&str]) = ("--columns", &["all", "NARROW"]);
    let via: (&str, &[&str]) = ("--via", &["market", ""]);
    let duplicates: (&str, &[&str]) = ("--duplicates", &["keep", "both"]);
    let download = [&DOWNLOAD[..], &SOURCE[..], &[covered_since, run_mark]].concat();
    let reference =
        [&SOURCE[..], &[("--date", &["today", "2024-02-30", "2199-01-01"][..])]].concat();
    let universe: Vec<(&str, &[&str])> = vec![
        ("--snapdir", &["nowhere"]),
        ("--details", &["nowhere.parquet", "tickers.csv"]),
        ("--cap-max", &["0", "-1", "much", "inf", "nan"]),
        ("--as-of", &["yesterday", "2024-02-30", "2200-01-01"]),
        ("--security", &["META", "bbg000mm2p62", "BBG000MM2P621"]),
    ];
    for (subcommand, table) in [
        ("daily", [&download[..], &[via, duplicates]].concat()),
        ("minute", [&download[..], &[duplicates]].concat()),
        ("trades", [&download[..], &[columns]].concat()),
        ("reference", reference),
        ("universe", universe),
    ] {
        for flag in flags_with_a_value(subcommand) {
            let is_known =
                FREE.contains(&flag.as_str()) || table.iter().any(|(known, _)| *known == flag);
            assert!(is_known, "{subcommand} {flag}: no wrong value of it is tried here");
        }
        for (flag, values) in table {
            for value in values {
                let place = Place::with_tickers(["A"]);
                let mut worker = complete(&place, subcommand, flag);
                worker.arg(format!("{flag}={value}"));
                if flag == "--covered-since" {
                    worker.arg("--resume");
                }
                let ended = run(&mut worker);
                let said = &ended.stderr;
                assert_eq!(ended.code(), Some(2), "{subcommand} {flag}={value}: {said}");
                let first = said.lines().next().unwrap_or_default();
                let is_named =
                    first.starts_with("error: ") && first.contains(flag) && first.contains(value);
                assert!(is_named, "{subcommand} {flag}={value}: {said}");
                let only = [place.tickers_csv()];
                assert_eq!(
                    tree::files(place.path()),
                    only,
                    "{subcommand} {flag}={value} made something"
                );
                let folders = fs::read_dir(place.path()).expect("listed").count();
                assert_eq!(folders, 1, "{subcommand} {flag}={value} made a folder");
            }
        }
    }
}

#[test]
fn a_string_where_a_number_belongs_is_named_with_ticker_days_page_row_field_and_stamp() {
    for (kind, rows) in [(Kind::Daily, 20), (Kind::Minute, 100), (Kind::Trades, 100)] {
        let config = Config::synthetic(3).with_tickers(3).with_page_rows_max(rows);
        let exchange = Exchange::start(config.with_fault(Fault::TextPrice, 0.3)).expect("started");
        let ticker = truth::universe(&exchange, 1).remove(0);
        let place = Place::with_tickers([ticker.as_str()]);
        let mut worker =
            place.worker_of(kind, &exchange.base_url(), days("2024-01-02", "2024-06-28"));
        let said = run(worker.args(["--tries", "1"])).expect_code(10).stderr;
        let line = said
            .lines()
            .find(|line| line.contains(&format!("ERROR {ticker}: failed")))
            .unwrap_or_else(|| panic!("{said}"));
        let page = line
            .split_once("page ")
            .and_then(|(_, rest)| rest.split_once(", row "))
            .map(|(page, _)| page);
        let page: u32 = page.and_then(|page| page.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        assert!((1..=exchange.stats().total).contains(&page.into()), "{line}");
        let field = if kind == Kind::Trades { "price" } else { "c" };
        says(
            line,
            &[
                "invalid type: string",
                &format!("(field `{field}`, stamped 17"),
                &format!("ERROR {ticker}: failed, may be tried again: 2024"),
            ],
        );
        // What is wrong on the way only is overcome: asked again, the page is as it should be.
        run(&mut place.worker_of(kind, &exchange.base_url(), days("2024-01-02", "2024-06-28")))
            .expect_code(0);
    }
}
