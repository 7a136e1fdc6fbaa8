//! Bad input: lists, dates and flags that can't be, refused in one clear sentence each before anything
//! is started.

use crate::says::says;
use crate::scene::{Scene, run};

/// The error of `start` with these arguments, with the scene's folder cut out.
#[track_caller]
pub(crate) fn refused(scene: &Scene, code: i32, arguments: &[&str], with_key: bool) -> String {
    let mut start = scene.start(arguments);
    if with_key {
        start.env("POLYGON_API_KEY", "open-sesame");
    }
    let ended = run(&mut start).expect_code(code);
    assert!(!scene.path("w/journal.jsonl").exists(), "nothing was begun");
    ended
        .stderr
        .replace(&format!("{}/", scene.path("").display().to_string().trim_end_matches('/')), "")
}

#[track_caller]
fn refused_list(text: &str, expected: &str) {
    let scene = Scene::of(&["A"]);
    scene.write("tickers.csv", text);
    assert_eq!(
        refused(&scene, 2, &["--ingest-script", "/bin/true"], false),
        format!("error: --tickers-csv: {expected}\n")
    );
}

#[test]
fn a_ticker_list_is_refused_by_file_line_and_value() {
    refused_list(
        "symbol\nA\n",
        "tickers.csv: no column is called \"ticker\" (found: symbol); the first line must name the columns",
    );
    refused_list(
        "ticker\n../x\n",
        "tickers.csv:2: \"../x\" is not a ticker (letters, digits, '.' and '-' only)",
    );
    refused_list(
        "ticker,ticker\nA,B\n",
        "tickers.csv:1: 2 columns are called \"ticker\"; rename or remove all but one",
    );
    refused_list("ticker\n", "tickers.csv: contains no tickers");
    let scene = Scene::of(&["A"]);
    std::fs::remove_file(scene.path("tickers.csv")).expect("removed");
    let said = refused(&scene, 2, &["--ingest-script", "/bin/true"], false);
    assert!(
        said.starts_with("error: --tickers-csv: can't read tickers.csv: No such file"),
        "{said}"
    );
}

#[test]
fn a_repeated_ticker_is_kept_once_and_said() {
    let scene = Scene::of(&["A", "B", "A"]);
    let said =
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run"])).expect_code(0).stdout;
    assert!(
        said.starts_with("note: 1 repeated line left out, each ticker is taken once (A)\n"),
        "{said}"
    );
    says(&said, &["2 tickers in 1 batch"]);
}

#[test]
fn dates_are_refused_with_flag_and_value() {
    let scene = Scene::of(&["A"]);
    let said = |from: &str, to: &str| {
        let words = Scene::usual(&[]);
        let words = [&words[..6], &["--from", from, "--to", to]].concat();
        run(&mut scene.launcher("start", &words)).expect_code(2).stderr
    };
    assert_eq!(
        said("2021-01-01", "2020-01-01"),
        "error: --to 2020-01-01 is before --from 2021-01-01; swap them or correct one\n"
    );
    let month = said("2024-13-01", "2024-12-31");
    assert!(
        month.starts_with(
            "error: invalid value '2024-13-01' for '--from <DATE>': \"2024-13-01\" is not a date (YYYY-MM-DD"
        ),
        "{month}"
    );
    let future = said("2190-01-01", "2190-01-02");
    assert!(
        future.starts_with("error: no day from 2190-01-01 on is settled yet: the last one is "),
        "{future}"
    );
}

#[test]
fn an_unfinished_day_is_left_out_and_said() {
    let scene = Scene::of(&["A"]);
    let words = Scene::usual(&[]);
    let more = ["--from", "2020-01-01", "--to", "2199-01-01", "--dry-run"];
    let words = [&words[..6], &more].concat();
    let said = run(&mut scene.launcher("start", &words)).expect_code(0).stdout;
    assert!(said.starts_with("note: --to 2199-01-01 is not settled yet (a day counts 15h after 20:00 New York); this run ends at "), "{said}");
}

#[test]
fn plain_http_to_another_machine_needs_a_word() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let said = refused(&scene, 2, &["--base-url", "http://example.com"], true);
    says(&said, &["would send the API key unencrypted"]);
}

#[test]
fn a_new_run_names_every_flag_that_it_misses() {
    let scene = Scene::of(&["A"]);
    let said = run(&mut scene.launcher("start", &["--job", "daily"])).expect_code(2).stderr;
    assert_eq!(
        said,
        "error: a new run needs --tickers-csv, --outdir, --from, --to; `launcher start --help` lists every option\n"
    );
}

#[test]
fn a_number_that_no_worker_takes_is_refused_before_a_run_is_frozen_with_it() {
    let scene = Scene::of(&["A"]);
    for (flag, most) in [("--per-shard-workers", 64), ("--tries", 100)] {
        let (most, more) = (most.to_string(), (most + 1).to_string());
        let said = refused(&scene, 2, &["--ingest-script", "/bin/true", flag, &more], false);
        says(&said, &[&format!("{more} is not a number from 1 to {most}")]);
        assert!(
            refused(&scene, 2, &["--ingest-script", "/bin/true", flag, "0"], false).contains(flag)
        );
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run", flag, &most]))
            .expect_code(0);
    }
}

#[test]
fn an_address_that_the_environment_changes_is_said_to_come_from_there() {
    let scene = Scene::of_ended_run();
    let mut start = scene.launcher("start", &["--resume"]);
    let said = run(start.env("POLYGON_BASE_URL", "https://other.example")).expect_code(2).stderr;
    let expected = "you say https://other.example by POLYGON_BASE_URL in the environment\n";
    says(&said, &[expected]);
    let more = ["--resume", "--base-url", "https://other.example"];
    let said = run(&mut scene.launcher("start", &more)).expect_code(2).stderr;
    says(&said, &["you say https://other.example\n"]);
}

#[test]
fn a_grace_longer_than_workers_get_is_refused() {
    let scene = Scene::of(&["A"]);
    let said = run(&mut scene.launcher("stop", &["--grace", "31s"])).expect_code(2).stderr;
    says(&said, &["31s is longer than 30s, the most that workers get"]);
}

#[test]
fn every_flag_of_start_refuses_a_wrong_value_by_name_and_makes_nothing() {
    let wrong: [(&str, &[&str]); 31] = [
        ("--job", &["weekly", ""]),
        ("--mode", &["XB", ""]),
        ("--tickers-csv", &["nowhere.csv"]),
        ("--from", &["yesterday", "2024-02-30"]),
        ("--to", &["2024-13-01", "2200-01-01"]),
        ("--weights", &["nowhere.csv", "nowhere"]),
        ("--batch-size", &["0", "-1", "few"]),
        ("--shards", &["0", "some"]),
        ("--max-concurrent", &["0", "all"]),
        ("--per-shard-workers", &["0", "65"]),
        ("--retries", &["-1", "often"]),
        ("--base-url", &["api.massive.com", "ftp://api.massive.com"]),
        ("--columns", &["all"]),
        ("--duplicates", &["keep", "both"]),
        ("--tz", &["Mars/Olympus"]),
        ("--window", &["week"]),
        ("--rate", &["fast", "0/s"]),
        ("--rate-limit", &["-1", "slow"]),
        ("--settle", &["soon", "-24h"]),
        ("--recheck-empty", &["-1"]),
        ("--tries", &["0", "101"]),
        ("--backoff-base", &["-5ms", "5"]),
        ("--via", &["market", ""]),
        ("--max-rss", &["much", "-1", "64X", "1", "512", "64K"]),
        ("--batch-timeout", &["soon", "-1s"]),
        ("--stall-timeout", &["never", "5"]),
        ("--max-log", &["1.5G", "-1"]),
        ("--min-free-disk", &["all", "99999999T"]),
        ("--min-free-memory", &["all", "99999999T"]),
        ("--give-up-after", &["never", "-1h"]),
        ("--keep-attempts", &["all", "0"]),
    ];
    // Paths: what is wrong with these is found when they are used.
    // An address to be notified at may hold a secret, and so is not repeated (see notify.rs).
    let free = [
        "--workdir",
        "--outdir",
        "--ingest-script",
        "--notify-url",
        "--trades-root",
        "--agg1m-root",
        "--reference",
    ];
    let scene = Scene::of(&["A"]);
    let help = run(&mut scene.launcher("start", &["--help"])).expect_code(0).stdout;
    for line in help.lines() {
        let Some((flag, rest)) = line.trim_start().split_once(' ') else { continue };
        if flag.starts_with("--") && rest.starts_with('<') {
            let is_known = free.contains(&flag) || wrong.iter().any(|(known, _)| *known == flag);
            assert!(is_known, "{flag}: no wrong value of it is tried here");
        }
    }
    let usual =
        "--job=daily --tickers-csv=tickers.csv --outdir=out --from=2020-01-01 --to=2020-12-31";
    for (flag, values) in wrong {
        for value in values {
            let given = format!("{flag}={value}");
            let is_other =
                |word: &&str| word.split_once('=').is_none_or(|(known, _)| known != flag);
            let words: Vec<&str> =
                usual.split(' ').filter(is_other).chain([given.as_str()]).collect();
            let mut start = scene.launcher("start", &words);
            let said = run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(2).stderr;
            let first = said.lines().next().unwrap_or_default();
            assert!(
                first.starts_with("error: ") && first.contains(flag) && first.contains(value),
                "{given}: {said}"
            );
            assert!(
                !scene.path("out").exists() && !scene.path("w").exists(),
                "{given} made something"
            );
        }
    }
}

#[test]
fn a_name_that_is_no_text_is_refused_with_its_bytes_wherever_it_stands() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let scene = Scene::of(&["A"]);
    let name = OsStr::from_bytes(b"b\xfccher");
    let expected = |what: &str, name: &str| {
        format!("error: {what} \"{name}\" is not UTF-8, and a run stores names as text")
    };
    for flag in
        ["--workdir", "--outdir", "--tickers-csv", "--ingest-script", "--weights", "--reference"]
    {
        let usual =
            ["--job", "daily", "--tickers-csv", "tickers.csv", "--outdir", "out", "--workdir", "w"];
        let mut words: Vec<&OsStr> = usual.iter().map(OsStr::new).collect();
        if let Some(at) = words.iter().position(|word| *word == flag) {
            words.drain(at..at + 2);
        }
        words.extend(["--from", "2020-01-01", "--to", "2020-12-31", flag].map(OsStr::new));
        words.push(name);
        let mut start = scene.bare("start");
        let said = run(start.args(words)).expect_code(2).stderr;
        assert!(said.starts_with(&expected("the argument", r"b\xFCcher")), "{flag}: {said}");
    }
    let folder = scene.path("").join(name);
    std::fs::create_dir(&folder).expect("made");
    let mut start = scene.start(&["--ingest-script", "/bin/true"]);
    let said = run(start.current_dir(&folder)).expect_code(2).stderr;
    let shown = format!("{}{}", scene.path("").display(), r"b\xFCcher");
    assert!(said.starts_with(&expected("the current folder", &shown)), "{said}");
    assert!(!scene.path("w").exists() && !scene.path("out").exists());
}

#[test]
fn what_a_list_has_that_harms_nobody_is_taken_and_said() {
    let scene = Scene::of(&["A"]);
    std::fs::write(scene.path("tickers.csv"), b"\xef\xbb\xbfticker,name\nA,Nestl\xe9\n,,\n\nB,x\n")
        .expect("written");
    let said =
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run"])).expect_code(0).stdout;
    let note = "tickers.csv: 2 lines, the first of them 3, passed over: blank; line 2 with letters that are not UTF-8, in a column that is not used; a byte-order mark at its beginning passed over\n";
    says(&said, &[note, "2 tickers"]);
}

#[test]
fn values_that_nobody_means_are_refused_with_what_may_be_meant() {
    let scene = Scene::of(&["A"]);
    for (flag, value, expected) in [
        (
            "--batch-timeout",
            "1ns",
            "1ns is too short for any work; at least 1s, such as 30m, or 0s for no limit",
        ),
        (
            "--stall-timeout",
            "1ns",
            "1ns is too short for any work; at least 1s, such as 30m, or 0s for no limit",
        ),
        (
            "--give-up-after",
            "999ms",
            "999ms is too short for any work; at least 1s, such as 30m, or 0s for no limit",
        ),
        ("--backoff-base", "999999h", "999999h is longer than 2m: no wait between two tries is"),
        ("--max-log", "1", "1 bytes hold no log; at least 1KiB, such as 64MiB"),
        ("--batch-size", "0", "0 is not a number from 1 to 4294967295"),
        ("--shards", "0", "0 is not a number from 1 to 4294967295"),
        ("--max-concurrent", "0", "0 is not a number from 1 to 4294967295"),
        ("--keep-attempts", "0", "0 is not a number from 1 to 4294967295"),
    ] {
        let said = refused(&scene, 2, &[flag, value], true);
        says(
            &said,
            &[&format!("error: invalid value '{value}' for '{flag} <"), &format!(": {expected}\n")],
        );
    }
    let said = refused(&scene, 2, &["--min-free-memory", "100T"], true);
    assert!(
        said.starts_with(
            "error: --min-free-memory 100TiB is more than the memory of this machine ("
        ),
        "{said}"
    );
    says(&said, &["--max-concurrent 1"]);
}

#[test]
fn an_option_of_bars_in_the_wrong_place_is_told_its_place() {
    let scene = Scene::of(&["A"]);
    for flag in ["--target", "--target=50", "--allow-gap"] {
        let said = refused(&scene, 2, &[flag], true);
        let name = flag.split('=').next().expect("a flag");
        let expected = format!(
            "error: {name} is an option of `bars`; options of `bars` stand last, behind --: `"
        );
        assert!(
            said.starts_with(&expected) && said.contains(&format!(" start ... -- {name} ...`")),
            "{said}"
        );
        assert!(!said.contains("--rate"), "{said}");
    }
}

#[test]
fn a_list_that_is_separated_by_semicolons_and_named_otherwise_is_refused_once() {
    refused_list(
        "Ticker;Name\nA;Alcoa\n",
        "tickers.csv: no column is called \"ticker\" (found: Ticker;Name); the first line must name the columns; it is separated by semicolons: save it with commas, and call Ticker ticker",
    );
}
