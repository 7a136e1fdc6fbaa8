//! Recovery: a supervisor killed at any moment loses nothing, and no ticker is ever worked on twice
//! at a time.

use std::process::Stdio;

use launcher::process::watch::{self, Marker};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use crate::says::says;
use crate::scene::{Scene, run, service, wait_for};

/// Notes each begin; two at the same time on one list are noted as `doubled`.
const EXCLUSIVE: &str = r#"
(flock -n 9 || echo x >> doubled; echo x >> begun
 while [ ! -e go ]; do sleep 0.05; done) 9>> "lock.$(tail -n 1 "$3")"
"#;

pub(crate) fn kill_supervisor(scene: &Scene) {
    let supervisor = scene.supervisor();
    kill(Pid::from_raw(supervisor.pid), Signal::SIGKILL).expect("it lives");
    wait_for("its end", || !supervisor.is_alive());
}

/// Kills every process of an attempt.
fn kill_attempt(scene: &Scene, attempt: &str) {
    let request: serde_json::Value =
        serde_json::from_str(&scene.read("w/run.json")).expect("a run");
    let run = request["run"].as_str().expect("a name");
    assert_eq!(watch::kill(&Marker::of_attempt(run, attempt.to_owned()).into()), []);
}

#[test]
fn after_kill_9_of_the_supervisor_its_workers_go_on_and_the_next_one_adopts_them() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", EXCLUSIVE);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    for _ in 0..3 {
        kill_supervisor(&scene);
        let status = scene.status();
        assert!(status.starts_with("SUPERVISOR DIED"), "{status}");
        says(&status, &["; 2 workers live on; resume with"]);
        let said = run(&mut scene.launcher("start", &["--resume"])).expect_code(0).stdout;
        says(&said, &["adopts 2 running workers\n"]);
        assert!(scene.status().contains("0 / 3 done, 2 running, 1 pending"), "{}", scene.status());
    }
    assert_eq!(scene.count("begun"), 2, "no second copy, and the cap counts the adopted");
    scene.write("go", "");
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["3 reported by the script, not verified, 0 failed, 0 left"]);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (3, 0));
    let log = scene.read("w/logs/batch_0001.log");
    says(&log, &["==== batch_0001 attempt 1 ended: exit 0 after"]);
    assert!(
        scene.read("w/launcher.log").contains("batch_0001.1 is adopted from the last supervisor")
    );
}

#[test]
fn what_ended_while_nobody_supervised_keeps_its_true_exit_code() {
    let scene = Scene::of(&["A", "B"]);
    scene.script(
        "job",
        r#"echo x >> begun; while [ ! -e go ]; do sleep 0.05; done
        if grep -q A "$3"; then exit 11; fi"#,
    );
    scene.detach("job", &["--batch-size", "1", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    kill_supervisor(&scene);
    scene.write("go", "");
    wait_for("their ends", || scene.processes() == 0);
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    let ended = scene.wait().expect_code(1).stdout;
    says(
        &ended,
        &[
            "1 x failed permanently (exit 11), no ticker named\n      for example A: ",
            "1 reported by the script, not verified, 1 failed, 0 left",
        ],
    );
    assert_eq!(scene.count("begun"), 2);
}

#[test]
fn a_shim_that_is_killed_takes_its_worker_with_it_before_anybody_works_on_its_tickers_again() {
    let scene = Scene::of(&["A"]);
    scene.script("job", EXCLUSIVE);
    scene.detach("job", &["--retries", "1"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let shim: ProcessIdentity =
        serde_json::from_str(&scene.read("w/pids/batch_0001.pid")).expect("a pid file");
    kill(Pid::from_raw(shim.pid), Signal::SIGKILL).expect("it lives");
    wait_for("another attempt", || scene.count("begun") == 2);
    scene.write("go", "");
    scene.wait().expect_code(0);
    assert_eq!(scene.count("doubled"), 0);
    let log = scene.read("w/logs/batch_0001.log");
    says(&log, &["attempt 1 ended: its shim was ended from outside (signal: 9 (SIGKILL))"]);
}

#[test]
fn a_shim_that_comes_late_finds_its_attempt_closed() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    run(&mut scene.launcher("attend", &["--batch", "batch_0001", "--attempt", "1"])).expect_code(0);
    assert_eq!(scene.count("begun"), 1);
}

#[test]
fn without_a_supervisor_stop_ends_what_it_left() {
    let scene = Scene::of(&["A"]);
    scene.script("job", EXCLUSIVE);
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    kill_supervisor(&scene);
    run(&mut scene.launcher("stop", &[])).expect_code(0);
    assert_eq!(scene.processes(), 0);
    let ended = scene.wait().expect_code(1).stdout;
    assert!(ended.starts_with("STOPPED as asked (launcher stop)"), "{ended}");
    says(&ended, &["0 / 1 done, 0 running, 1 pending"]);
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}

#[test]
fn after_a_kill_of_everything_status_counts_only_what_lives_and_drafts_are_swept() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &["--batch-size", "1"]);
    wait_for("two workers", || scene.count("begun") == 2);
    kill_supervisor(&scene);
    kill_attempt(&scene, "batch_0001.1");
    assert!(scene.status().contains("0 / 2 done, 1 running, 1 pending"), "{}", scene.status());
    let draft = "w/pids/_launcher.pid.2000000000.tmp";
    scene.write(draft, "half");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    assert!(!scene.path(draft).exists(), "no kernel numbers a process like that");
}

#[test]
fn a_second_launcher_on_the_workdir_or_the_outdir_is_told_who_holds_it() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "sleep 600");
    scene.detach("job", &[]);
    let holder = format!("is held by launcher (pid {}, run ", scene.supervisor().pid);
    let workdir = run(&mut scene.launcher("start", &["--resume"])).expect_code(2).stderr;
    let going = format!("this run is already going (supervisor pid {});", scene.supervisor().pid);
    says(&workdir, &[&going]);
    let mut other = scene.launcher_in("other", "start", &Scene::usual(&["--ingest-script", "job"]));
    let outdir = run(&mut other).expect_code(2).stderr;
    says(&outdir, &["out/_launcher.lock ", &holder]);
}

#[test]
fn another_run_is_not_begun_on_an_output_into_which_a_dead_run_still_writes() {
    let scene = Scene::of(&["A"]);
    scene.script("job", EXCLUSIVE);
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    kill_supervisor(&scene);
    let begin = || scene.launcher_in("other", "start", &Scene::usual(&["--ingest-script", "job"]));
    for _ in 0..2 {
        let said = run(&mut begin()).expect_code(2).stderr;
        let (name, workdir) = (scene.name(), scene.path("w").display().to_string());
        says(
            &said,
            &[
                &format!("processes of run {name} still live and may write into "),
                &format!("start --workdir {workdir} --resume`, or end its processes: `"),
            ],
        );
        assert!(!scene.path("other").exists(), "a refused run leaves no folder");
    }
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    scene.write("go", "");
    run(&mut begin()).expect_code(0);
    run(&mut scene.launcher_in("other", "wait", &["--timeout", "200s"])).expect_code(0);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (2, 0));
}

#[test]
fn nobody_ever_finds_a_run_unheld_while_it_is_handed_to_its_supervisor() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 10");
    let mut start = scene.start(&["--ingest-script", "job", "--retries", "0"]);
    let mut start = start.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // At once: `start` is over when the supervisor has begun, however late we look.
    let own = ProcessIdentity::of(i32::try_from(start.id()).expect("a pid")).expect("our child");
    let is_held = || Lock::is_held(&scene.path("w/launcher.lock"));
    wait_for("the lock of start", is_held);
    let is_supervised = || scene.read("w/journal.jsonl").contains("{\"opened\":");
    wait_for("the supervisor", || {
        assert!(is_held() || is_supervised(), "it is in nobody's hands");
        is_supervised()
    });
    wait_for("the end of start", || {
        start.try_wait().expect("our child").is_some() || !own.is_alive()
    });
    scene.wait().expect_code(1);
}

#[test]
fn of_many_launchers_at_once_exactly_one_gets_the_run() {
    let scene = Scene::of(&["A"]);
    scene.script("job", EXCLUSIVE);
    let spawn = || {
        let mut start = scene.start(&["--ingest-script", "job"]);
        start.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let racers: Vec<_> = (0..6).map(|_| spawn()).collect();
    let ended: Vec<_> = racers.into_iter().map(crate::scene::collect).collect();
    assert_eq!(ended.iter().filter(|it| it.code == Some(0)).count(), 1, "{ended:?}");
    wait_for("the worker", || scene.count("begun") == 1);
    scene.write("go", "");
    scene.wait().expect_code(0);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (1, 0));
}

#[test]
fn a_resumed_run_refuses_other_arguments_with_both_values() {
    let scene = Scene::of_ended_run();
    scene.write("other.csv", "ticker\nB\n");
    let other = ["--resume", "--adjusted", "--tickers-csv", "other.csv"];
    let said = run(&mut scene.launcher("start", &other)).expect_code(2).stderr;
    says(
        &said,
        &[
            "  --adjusted: the run has no, you say yes\n",
            "--tickers-csv: the run has 1 ticker (SHA-256 ",
        ],
    );
    scene.write("same.csv", "ticker\nA\n");
    let same = ["--resume", "--retries", "2", "--tickers-csv", "same.csv"];
    run(&mut scene.launcher("start", &same)).expect_code(0);
}

#[test]
fn a_source_that_can_not_be_reached_keeps_nobody_from_adopting() {
    let scene = Scene::with_worker(&["A"], EXCLUSIVE);
    let mut start = scene.start(&["--base-url", &service("200 OK", "{}"), "--retries", "0"]);
    run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0);
    wait_for("the worker", || scene.count("begun") == 1);
    kill_supervisor(&scene);
    let resume =
        || run(scene.launcher("start", &["--resume"]).env("POLYGON_API_KEY", "open-sesame"));
    let said = resume().expect_code(0).stdout;
    let warned = said.lines().any(|line| {
        line.starts_with("warning: http://127.0.0.1:") && line.contains(" can't be reached ")
    });
    assert!(warned, "{said}");
    assert!(scene.status().contains("1 running"), "{}", scene.status());
    assert_eq!((scene.count("begun"), scene.count("doubled")), (1, 0));
}
