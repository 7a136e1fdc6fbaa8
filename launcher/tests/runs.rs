//! Runs of scripts through the real program, from start to end.

use crate::says::says;
use crate::scene::{Scene, prove, run, service, wait_for};

#[test]
fn a_run_detaches_works_and_is_complete() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.silent_script("job", r#"tail -n +2 "$3" >> done; echo "worked on $3""#);
    let said = scene.detach("job", &["--batch-size", "2"]).stdout;
    says(
        &said,
        &[
            "3 tickers in 2 batches",
            &format!("  stop    {} stop --workdir ", scene.program().display()),
        ],
    );
    let ended = scene.wait().expect_code(0).stdout;
    assert!(ended.starts_with("COMPLETE"), "{ended}");
    says(&ended, &["0 / 3 verified, 3 reported by the script, not verified, 0 failed, 0 left"]);
    let mut done: Vec<String> = scene.read("done").lines().map(str::to_owned).collect();
    done.sort();
    assert_eq!(done, ["A", "B", "C"]);
    assert_eq!(scene.read("w/batches/batch_0001.csv"), "ticker\nA\nB\n");
    let log = scene.read("w/logs/batch_0001.log");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("==== batch_0001 attempt 1, 20"), "{log}");
    assert!(
        lines[0].contains("Z, tickers: 2, command: ")
            && lines[0].contains("job daily --tickers-csv "),
        "{log}"
    );
    assert!(lines[1].starts_with("worked on "), "{log}");
    assert!(
        lines[2].starts_with("==== batch_0001 attempt 1 ended: exit 0 after ")
            && lines[2].contains(" s, 2 done, 0 left, peak "),
        "{log}"
    );
    assert!(
        !scene.path("w/pids/launcher.pid").exists()
            && !scene.path("w/pids/batch_0001.pid").exists()
    );
    assert_eq!(scene.processes(), 0);
}

#[test]
fn a_finished_run_leaves_no_process_behind_whatever_its_workers_started() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "setsid sleep 600 & echo x >> begun; sleep 0.1");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    assert_eq!(scene.count("begun"), 1);
    assert_eq!(scene.processes(), 0);
}

#[test]
fn a_transient_failure_is_tried_again_in_the_same_log() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo try >> tries; [ $(wc -l < tries) -ge 2 ] || exit 10");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    assert_eq!(scene.count("tries"), 2);
    let log = scene.read("w/logs/batch_0001.log");
    says(&log, &["attempt 1 ended: exit 10", "attempt 2 ended: exit 0"]);
}

#[test]
fn a_worker_that_always_dies_fails_its_tickers_by_name_after_its_retries() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "echo try >> tries; kill -9 $$");
    scene.detach("job", &["--retries", "1"]);
    let ended = scene.wait().expect_code(1).stdout;
    assert_eq!(scene.count("tries"), 1 + 2 + 2, "together, then each alone, twice");
    assert!(ended.starts_with("INCOMPLETE (2 tickers failed)"), "{ended}");
    says(&ended, &["  2 x killed by SIGKILL\n      for example A: "]);
    let again = run(&mut scene.launcher("start", &["--resume"])).expect_code(0).stdout;
    says(&again, &["2 tickers in 1 batch"]);
    scene.wait().expect_code(1);
    assert_eq!(scene.count("tries"), 10, "a person asked for another try");
}

#[test]
fn an_exit_0_is_not_believed_where_a_ledger_says_otherwise() {
    let scene = Scene::of(&["A", "B"]);
    prove(&scene.path("out"), "A", &[("2019-01-01", "2019-12-31")]);
    scene.script("job", "exit 0");
    scene.detach("job", &["--retries", "0"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(
        &ended,
        &[
            "1 x exit 0, but work is missing and no yield was reported\n      for example A: ",
            "1 reported by the script, not verified, 1 failed, 0 left",
        ],
    );
}

#[test]
fn a_run_with_resume_leaves_alone_what_is_proven() {
    let scene = Scene::of(&["A", "B"]);
    prove(&scene.path("out"), "A", &[("2020-01-01", "2020-12-31")]);
    scene.script("job", r#"cat "$3" >> given"#);
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["1 / 2 verified, 1 reported by the script"]);
    assert_eq!(scene.read("given"), "ticker\nB\n");
}

#[test]
fn a_refusal_stops_the_run_in_the_workers_words() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", "echo x >> tries; echo 'the key is unknown'; exit 12");
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1"]);
    let ended = scene.wait().expect_code(1).stdout;
    assert!(
        ended.starts_with(
            "STOPPED by batch_0001: key or plan refused (exit 12): the key is unknown"
        ),
        "{ended}"
    );
    assert_eq!(scene.count("tries"), 1);
}

#[test]
fn a_local_resource_pauses_the_run_by_name_and_it_goes_on_by_itself() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> tries; [ -e fixed ] || { echo 'disk full'; exit 13; }");
    scene.detach("job", &["--retries", "0"]);
    wait_for("the pause", || {
        scene.status().starts_with("PAUSED: a local resource is in the way (exit 13): disk full")
    });
    scene.write("fixed", "");
    scene.wait().expect_code(0);
    assert!(scene.count("tries") >= 2);
}

#[test]
fn in_the_foreground_the_run_is_told_line_by_line() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    let ended = run(&mut scene.start(&["--ingest-script", "job", "--foreground"])).expect_code(0);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("supervisor "), "{lines:?}");
    assert_eq!(
        &lines[1..],
        [
            "batch_0001.1 starts with 1 ticker",
            "batch_0001.1 exit 0: 1 done as the script reports, 0 unfinished",
            "complete: every ticker is done",
        ]
    );
    says(&ended.stdout, &["\nCOMPLETE"]);
    let again = run(&mut scene.launcher("start", &["--resume"])).expect_code(0).stdout;
    assert!(again.ends_with("already complete: every ticker is done, nothing to do\n"), "{again}");
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let scene = Scene::of(&["A", "B"]);
    let said = run(&mut scene.start(&["--dry-run", "--shards", "2"])).expect_code(0).stdout;
    says(&said, &["2 tickers in 2 batches"]);
    assert!(!scene.path("w").exists() && !scene.path("out").exists());
}

#[test]
fn status_as_json_is_one_object_with_the_documented_fields() {
    let scene = Scene::of_ended_run();
    let text = run(&mut scene.launcher("status", &["--json"])).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status["state"], "complete");
    assert_eq!(status["tickers"]["reported_by_script"], 1);
    assert_eq!(status["batches"]["done"], 1);
}

#[test]
fn a_worker_gets_the_key_by_environment_only_and_its_clean_exit_proves_nothing() {
    let scene = Scene::with_worker(
        &["A"],
        r#"echo "$POLYGON_API_KEY" > key; tr '\0' ' ' < /proc/$$/cmdline > argv"#,
    );
    let base = service("200 OK", "{}");
    let mut start = scene.start(&["--base-url", &base, "--retries", "0"]);
    run(start.env("MASSIVE_API_KEY", "open-sesame")).expect_code(0);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["1 x exit 0, but work is missing and no yield was reported"]);
    assert_eq!(scene.read("key"), "open-sesame\n");
    let argv = scene.read("argv");
    assert!(
        argv.contains(&format!("--base-url {base} ")) && !argv.contains("open-sesame"),
        "{argv}"
    );
    for file in ["w/run.json", "w/journal.jsonl", "w/launcher.log", "w/logs/batch_0001.log"] {
        assert!(
            !scene.read(file).is_empty() && !scene.read(file).contains("open-sesame"),
            "{file}"
        );
    }
}

#[test]
fn a_busy_service_is_a_warning() {
    let scene = Scene::with_worker(&["A"], "exit 11");
    let base = service("503 Service Unavailable", "");
    let mut start = scene.start(&["--base-url", &base]);
    let said = run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0).stdout;
    says(&said, &[&format!("warning: {base} answers HTTP 503 at the moment")]);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["1 x failed permanently (exit 11), no ticker named"]);
}
