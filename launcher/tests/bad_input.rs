//! Bad input: one clear sentence each, before anything is started.

use std::net::TcpListener;

use crate::scene::{Scene, run, service};

/// The error of `start` with these arguments, with the scene's folder cut out.
#[track_caller]
fn refused(scene: &Scene, code: i32, arguments: &[&str], with_key: bool) -> String {
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
    assert!(said.contains("2 tickers in 1 batch"), "{said}");
}

#[test]
fn dates_are_refused_with_flag_and_value() {
    let scene = Scene::of(&["A"]);
    let arguments = |from: &str, to: &str| -> Vec<String> {
        let usual = [
            "--job",
            "daily",
            "--tickers-csv",
            "tickers.csv",
            "--outdir",
            "out",
            "--from",
            from,
            "--to",
            to,
        ];
        usual.iter().map(|&word| word.to_owned()).collect()
    };
    let said = |from: &str, to: &str| {
        let words = arguments(from, to);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
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
    let words = [
        "--job",
        "daily",
        "--tickers-csv",
        "tickers.csv",
        "--outdir",
        "out",
        "--from",
        "2020-01-01",
    ];
    let more = ["--to", "2199-01-01", "--dry-run"];
    let said =
        run(&mut scene.launcher("start", &[&words[..], &more[..]].concat())).expect_code(0).stdout;
    assert!(said.starts_with("note: --to 2199-01-01 is not settled yet (a day counts 15h after 20:00 New York); this run ends at "), "{said}");
}

#[test]
fn a_missing_key_is_said_with_the_ways_to_set_it() {
    let scene = Scene::of(&["A"]);
    assert_eq!(
        refused(&scene, 2, &[], false),
        "error: no API key: set POLYGON_API_KEY (or MASSIVE_API_KEY) in the environment, or write POLYGON_API_KEY=... into a file called .env in this folder\n"
    );
}

#[test]
fn a_missing_worker_is_named_with_its_place() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    std::fs::remove_file(scene.path("worker")).expect("removed");
    assert_eq!(
        refused(&scene, 2, &[], true),
        "error: worker: the worker is missing; build it (cargo build -p worker) or put it beside `launcher`\n"
    );
}

#[test]
fn a_script_that_can_not_run_is_named() {
    let scene = Scene::of(&["A"]);
    assert_eq!(
        refused(&scene, 2, &["--ingest-script", "nothing"], false),
        "error: --ingest-script nothing: no such file\n"
    );
    assert_eq!(
        refused(&scene, 2, &["--ingest-script", "tickers.csv"], false),
        "error: --ingest-script tickers.csv: not executable; chmod +x makes it so\n"
    );
}

#[test]
fn an_outdir_that_can_not_be_written_is_named_with_the_reason() {
    let scene = Scene::of(&["A"]);
    scene.write("out", "a file, no folder");
    let said = refused(&scene, 13, &["--ingest-script", "/bin/true"], false);
    assert!(said.starts_with("error: --outdir out can't be written: "), "{said}");
    assert!(said.contains("choose another folder or correct its permissions"), "{said}");
}

#[test]
fn the_work_directory_of_another_run_is_named_with_both_ways_on() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    let said = run(&mut scene.start(&["--ingest-script", "job"])).expect_code(2).stderr;
    assert!(
        said.contains("w is the work directory of run ")
            && said.contains("daily of 1 ticker, 2020-01-01..2020-12-31"),
        "{said}"
    );
    assert!(
        said.contains("launcher start --workdir ")
            && said.contains("--resume`, or choose another --workdir"),
        "{said}"
    );
}

#[test]
fn an_outdir_of_another_dataset_is_refused_with_both_values() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    std::fs::rename(scene.path("w"), scene.path("first")).expect("moved away");
    let said = refused(&scene, 2, &["--ingest-script", "job", "--adjusted"], false);
    assert_eq!(
        said,
        "error: out/_dataset.json: this tree has adjusted false, but adjusted true was requested; choose another --outdir\n"
    );
}

#[test]
fn a_refused_key_is_told_in_the_services_words() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let base = service("401 Unauthorized", r#"{"status":"ERROR","error":"Unknown API Key"}"#);
    let said = refused(&scene, 12, &["--base-url", &base], true);
    let expected = format!(
        "error: {base} refuses the API key (HTTP 401): Unknown API Key; check POLYGON_API_KEY (or MASSIVE_API_KEY) and --base-url\n"
    );
    assert_eq!(said, expected);
    assert!(!said.contains("open-sesame"));
}

#[test]
fn a_service_that_can_not_be_reached_is_named_with_the_reason() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let said = refused(&scene, 10, &["--base-url", &base], true);
    assert!(said.starts_with(&format!("error: {base} can't be reached (")), "{said}");
    assert!(
        said.contains("Connection refused") && said.contains("check the network and --base-url"),
        "{said}"
    );
}

#[test]
fn plain_http_to_another_machine_needs_a_word() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let said = refused(&scene, 2, &["--base-url", "http://example.com"], true);
    assert!(said.contains("would send the API key unencrypted"), "{said}");
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
        assert!(said.contains(&format!("{more} is not a number from 1 to {most}")), "{said}");
        assert!(
            refused(&scene, 2, &["--ingest-script", "/bin/true", flag, "0"], false).contains(flag)
        );
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run", flag, &most]))
            .expect_code(0);
    }
}

#[test]
fn a_work_directory_that_meets_the_output_is_refused() {
    let scene = Scene::of(&["A"]);
    for (workdir, outdir, relation) in [
        ("out", "out", "is the same folder as"),
        ("out/run", "out", "lies inside"),
        ("w", "w/out", "lies around"),
    ] {
        let words = ["--job", "daily", "--tickers-csv", "tickers.csv", "--outdir", outdir];
        let range = ["--from", "2020-01-01", "--to", "2020-12-31", "--ingest-script", "/bin/true"];
        let words = [&words[..], &range[..]].concat();
        let said = run(&mut scene.launcher_in(workdir, "start", &words)).expect_code(2).stderr;
        let at = |name: &str| scene.path(name).display().to_string();
        let (workdir, outdir) = (at(workdir), at(outdir));
        let expected = format!(
            "error: --workdir {workdir} {relation} --outdir {outdir}; choose two folders side by side\n"
        );
        assert_eq!(said, expected);
    }
    assert!(!scene.path("out").exists() && !scene.path("w").exists(), "nothing was made");
}

#[test]
fn a_refused_start_leaves_nothing_behind() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let base = service("401 Unauthorized", "{}");
    refused(&scene, 12, &["--base-url", &base], true);
    assert!(!scene.path("out").exists() && !scene.path("w").exists());
    scene.script("job", "sleep 600");
    scene.detach("job", &[]);
    let more = Scene::usual(&["--ingest-script", "job"]);
    run(&mut scene.launcher_in("other", "start", &more)).expect_code(2);
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    let more = Scene::usual(&["--ingest-script", "job", "--adjusted"]);
    run(&mut scene.launcher_in("other", "start", &more)).expect_code(2);
    assert!(!scene.path("other").exists());
}

#[test]
fn what_stands_in_the_place_of_the_rate_budget_is_found_before_anything_runs() {
    let scene = Scene::with_worker(&["A"], "echo x >> begun");
    scene.write("ingest-pace", "somebody else's");
    let mut start = scene.start(&["--rate", "5/min", "--base-url", "http://127.0.0.1:9"]);
    let place = scene.path("ingest-pace").parent().expect("a folder").to_owned();
    start.env("XDG_RUNTIME_DIR", &place).env("POLYGON_API_KEY", "open-sesame");
    let said = run(&mut start).expect_code(13).stderr;
    assert!(
        said.contains(
            "ingest-pace is not a folder, so the rate budget can't be kept there; remove it"
        ),
        "{said}"
    );
    assert!(
        !scene.path("w").exists() && !scene.path("out").exists() && !scene.path("begun").exists()
    );
}

#[test]
fn an_address_that_the_environment_changes_is_said_to_come_from_there() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    let mut start = scene.launcher("start", &["--resume"]);
    let said = run(start.env("POLYGON_BASE_URL", "https://other.example")).expect_code(2).stderr;
    let expected = "you say https://other.example by POLYGON_BASE_URL in the environment\n";
    assert!(said.contains(expected), "{said}");
    let more = ["--resume", "--base-url", "https://other.example"];
    let said = run(&mut scene.launcher("start", &more)).expect_code(2).stderr;
    assert!(said.contains("you say https://other.example\n"), "{said}");
}

#[test]
fn a_grace_longer_than_workers_get_is_refused() {
    let scene = Scene::of(&["A"]);
    let said = run(&mut scene.launcher("stop", &["--grace", "31s"])).expect_code(2).stderr;
    assert!(said.contains("31s is longer than 30s, the most that workers get"), "{said}");
}

#[test]
fn a_status_that_could_not_be_said_is_no_success() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    let full =
        std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is always there");
    let status =
        scene.launcher("status", &[]).stdout(full).stderr(std::process::Stdio::piped()).output();
    let status = status.expect("run");
    assert_eq!(status.status.code(), Some(13));
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(said.starts_with("error: can't write to standard output: No space left"), "{said}");
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
    let usual = [
        "--job=daily",
        "--tickers-csv=tickers.csv",
        "--outdir=out",
        "--from=2020-01-01",
        "--to=2020-12-31",
    ];
    for (flag, values) in wrong {
        for value in values {
            let given = format!("{flag}={value}");
            let is_other =
                |word: &&str| word.split_once('=').is_none_or(|(known, _)| known != flag);
            let words: Vec<&str> =
                usual.into_iter().filter(is_other).chain([given.as_str()]).collect();
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
fn a_disk_without_the_room_that_must_stay_free_is_refused_before_anything_is_made() {
    let scene = Scene::of(&["A"]);
    let arguments = ["--ingest-script", "/bin/true", "--min-free-disk", "1000000T"];
    let said = refused(&scene, 13, &arguments, false);
    assert!(said.starts_with("error: only ") && said.contains(" MiB are free in "), "{said}");
    let way_on = "; make room, choose a folder on another disk, or lower --min-free-disk\n";
    assert!(said.contains(", less than 1000000T") && said.ends_with(way_on), "{said}");
    assert!(!scene.path("w").exists() && !scene.path("out").exists());
}

#[test]
fn a_damaged_journal_is_named_with_its_line_and_the_way_on() {
    let scene = Scene::of_ended_run();
    let journal = scene.read("w/journal.jsonl");
    scene.write("w/journal.jsonl", &journal.replacen("at", "AT", 1));
    for verb in ["wait", "status"] {
        let said = run(&mut scene.launcher(verb, &[])).expect_code(2).stderr;
        assert!(
            said.contains(
                "w/journal.jsonl:1: not a line of this log (its checksum does not match); "
            ),
            "{said}"
        );
        assert!(
            said.ends_with(
                "with another --workdir and --resume (what the ledgers prove stays proven)\n"
            ),
            "{said}"
        );
    }
    scene.write("w/journal.jsonl", &journal);
}

#[test]
fn a_file_that_can_not_be_used_is_named_with_the_reason_and_the_way_on() {
    let scene = Scene::of(&["A"]);
    std::fs::create_dir_all(scene.path("w/launcher.log")).expect("made");
    let said = run(&mut scene.start(&["--ingest-script", "/bin/true", "--foreground"]))
        .expect_code(13)
        .stderr;
    let expected = "w/launcher.log: it is a folder, not a file; check that its folder exists and its disk is healthy, then continue the run: `";
    assert!(said.starts_with("error: can't open ") && said.contains(expected), "{said}");
    assert!(said.ends_with(" --resume`\n"), "the run is frozen by then: {said}");
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
    assert!(said.contains(note) && said.contains("2 tickers"), "{said}");
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
        assert!(said.contains(&format!("error: invalid value '{value}' for '{flag} <")), "{said}");
        assert!(said.contains(&format!(": {expected}\n")), "{said}");
    }
    let said = refused(&scene, 2, &["--min-free-memory", "100T"], true);
    assert!(
        said.starts_with(
            "error: --min-free-memory 100TiB is more than the memory of this machine ("
        ),
        "{said}"
    );
    assert!(said.contains("--max-concurrent 1"), "{said}");
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
fn who_goes_on_with_a_run_that_is_not_there_is_told_the_name_that_is_near() {
    let scene = Scene::of_ended_run();
    let resume = |workdir: &str| {
        run(&mut scene.launcher_in(workdir, "start", &["--resume"])).expect_code(2).stderr
    };
    let (near, folder) = (resume("ww"), scene.path("").display().to_string());
    let folder = folder.trim_end_matches('/');
    assert_eq!(
        near,
        format!(
            "error: {folder}/ww holds no run to go on with (is {folder}/w meant?); a new run there needs --job, --tickers-csv, --outdir, --from, --to\n"
        )
    );
    let far = resume("elsewhere");
    assert!(
        far.contains("/elsewhere holds no run to go on with; a new run there needs --job"),
        "{far}"
    );
    assert!(!scene.path("ww").exists() && !scene.path("elsewhere").exists(), "nothing is made");
}

#[test]
fn a_list_that_is_separated_by_semicolons_and_named_otherwise_is_refused_once() {
    refused_list(
        "Ticker;Name\nA;Alcoa\n",
        "tickers.csv: no column is called \"ticker\" (found: Ticker;Name); the first line must name the columns; it is separated by semicolons: save it with commas, and call Ticker ticker",
    );
}

#[test]
fn a_plan_says_how_much_is_free_where_its_output_will_be_made() {
    let scene = Scene::of(&["A"]);
    let said =
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run"])).expect_code(0).stdout;
    assert!(!scene.path("out").exists());
    assert!(said.contains("B free); ") && !said.contains("unknown free"), "{said}");
}

#[test]
fn a_run_of_a_newer_launcher_is_refused_by_name_and_left_alone() {
    let scene = Scene::of_ended_run();
    let newer = scene.read("w/run.json").replacen("\"format\": 1", "\"format\": 2", 1);
    assert!(newer.contains("\"format\": 2"), "{newer}");
    // Nothing else need be as we know it.
    scene.write("w/run.json", &newer.replace("\"settings\"", "\"wishes\""));
    for verb in ["status", "stop", "wait"] {
        let said = run(&mut scene.launcher(verb, &[])).expect_code(2).stderr;
        let expected = "run.json: a run.json of version 2, and this program reads 1; use the newer program that wrote it\n";
        assert!(said.ends_with(expected), "{verb}: {said}");
    }
    // As it was before it said a version.
    scene.write("w/run.json", &newer.replacen("  \"format\": 2,\n", "", 1));
    assert!(scene.status().starts_with("COMPLETE"), "{}", scene.status());
}
