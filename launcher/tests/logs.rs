//! `logs`: a batch's log by its name or by a ticker's, and as it grows.

use std::process::Stdio;

use crate::says::says;
use crate::scene::{Scene, collect, prove, run, wait_for};

#[test]
fn a_ticker_leads_to_the_log_of_its_batch() {
    let scene = Scene::of(&["A", "B", "C"]);
    prove(&scene.path("out"), "C", &[("2020-01-01", "2020-12-31")]);
    scene.script("job", r#"echo "worked on $(tail -n 1 "$3")""#);
    scene.detach("job", &["--resume", "--batch-size", "1"]);
    scene.wait().expect_code(0);
    let logs = |name: &str| run(scene.launcher("logs", &[]).arg(name));
    let said = logs("B").expect_code(0).stdout;
    assert_eq!(said, scene.read("w/logs/batch_0002.log"));
    says(&said, &["worked on B\n"]);
    assert_eq!(logs("batch_0002").expect_code(0).stdout, said);
    let said = logs("batch_0007").expect_code(2).stderr;
    assert_eq!(
        said,
        "error: \"batch_0007\" is not a batch of this run: it has batch_0001 to batch_0002\n"
    );
    let said = logs("D").expect_code(2).stderr;
    assert!(
        said.starts_with("error: \"D\" is not a ticker of this run; it has A, B, C ("),
        "{said}"
    );
    let said = logs("C").expect_code(2).stderr;
    assert!(
        said.starts_with("error: C is in no batch: it was proven before this run began"),
        "{said}"
    );
}

#[test]
fn a_followed_log_is_whole_to_its_end_although_it_was_cut_on_the_way() {
    let scene = Scene::of(&["A"]);
    let body = r#"
i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo "line $i of those that are many"; done
echo x >> begun; while [ ! -e go ]; do sleep 0.05; done
echo "the last line""#;
    scene.script("job", body);
    scene.detach("job", &["--max-log", "4KiB"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let mut follow = scene.launcher("logs", &["-f", "A"]);
    let follow = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    wait_for("the cut", || scene.path("w/logs/batch_0001.log.1").exists());
    scene.write("go", "");
    let said = collect(follow).expect_code(0).stdout;
    says(&said, &["the last line\n==== batch_0001 attempt 1 ended: exit 0"]);
    scene.wait().expect_code(0);
}

#[test]
fn a_log_is_no_longer_than_it_may_be_after_the_end_too_and_the_last_words_are_still_told() {
    let scene = Scene::of(&["A"]);
    // All in one go: it is over before anybody looks at the length.
    let body = r#"
i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo "line $i of those that are many"; done
echo "error: the reason of it all"; exit 3"#;
    scene.script("job", body);
    scene.detach("job", &["--max-log", "4KiB", "--retries", "0"]);
    scene.wait().expect_code(1);
    let log = scene.read("w/logs/batch_0001.log");
    assert!(log.len() < 4096, "{} bytes", log.len());
    assert!(log.starts_with("==== the log had grown to "), "{log}");
    assert!(scene.read("w/logs/batch_0001.log.1").contains("the reason of it all"));
    let said = scene.status();
    says(&said, &["error: the reason of it all"]);
    let said = run(&mut scene.launcher("logs", &["A"])).expect_code(0).stdout;
    says(&said, &["line 400 of those that are many\nerror: the reason of it all\n"]);
}

#[test]
fn a_batch_that_nobody_has_begun_has_no_log() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let said = run(&mut scene.launcher("logs", &["B"])).expect_code(2).stderr;
    assert!(said.starts_with("error: batch_0002 has not started yet, so there is no "), "{said}");
}
