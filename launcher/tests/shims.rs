//! Shims, each of which attends to one attempt after the other: whatever happens to one costs no
//! ticker, doubles none, and leaves nothing behind.

use std::collections::BTreeSet;

use launcher::process::watch::{self, Marker};
use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::recovery::kill_supervisor;
use crate::scene::{Scene, run, send, wait_for};

/// Waits for its own `go`; two at the same time on one ticker are noted as `doubled`. Says who its
/// shim is.
const ONE_BY_ONE: &str = r#"
ticker=$(tail -n 1 "$3")
echo $PPID >> shims
(flock -n 9 || echo x >> doubled; echo x >> begun
 while [ ! -e go -a ! -e "go.$ticker" ]; do sleep 0.02; done) 9>> "lock.$ticker"
"#;

/// Of the attempts that have begun, each once.
fn shims(scene: &Scene) -> BTreeSet<i32> {
    scene.read("shims").lines().map(|pid| pid.parse().expect("a pid")).collect()
}

fn at_a_time(workers: &str, tickers: &[&str]) -> Scene {
    let scene = Scene::of(tickers);
    scene.script("job", ONE_BY_ONE);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", workers, "--retries", "0"]);
    let count: usize = workers.parse().expect("a number");
    wait_for("the first workers", || scene.count("begun") == count);
    scene
}

#[track_caller]
fn ends_well(scene: &Scene, begun: usize) {
    scene.write("go", "");
    scene.wait().expect_code(0);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (begun, 0));
    assert_eq!(scene.processes(), 0);
}

#[test]
fn a_shim_attends_to_one_attempt_after_the_other_and_each_has_a_record_of_its_own() {
    let scene = at_a_time("2", &["A", "B", "C", "D", "E", "F"]);
    ends_well(&scene, 6);
    assert_eq!(shims(&scene).len(), 2, "one for each worker at the same time");
    for number in 1..=6 {
        let exit = scene.read(&format!("w/attempts/batch_000{number}.1/exit.json"));
        let exit: serde_json::Value = serde_json::from_str(&exit).expect("JSON");
        assert_eq!(exit["ending"]["exited"]["code"], 0, "batch {number}");
        assert!(exit["peak_rss_bytes"].as_u64() > Some(0), "{exit}");
    }
}

#[test]
fn a_shim_that_is_killed_while_it_waits_for_work_is_replaced() {
    let scene = at_a_time("2", &["A", "B", "C"]);
    let [first, second] = shims(&scene).into_iter().collect::<Vec<_>>()[..] else { panic!("two") };
    scene.write("go.C", "");
    scene.write("go.A", "");
    // C is done by the shim of A, which has nothing to do after it.
    let log = || scene.read("w/launcher.log");
    wait_for("C", || log().contains("batch_0003.1 exit 0"));
    let idle = [first, second].into_iter().find(|shim| {
        let held = scene.read("w/attempts/batch_0002.1/shim.lock");
        !held.contains(&format!("\"pid\":{shim},"))
    });
    let idle = ProcessIdentity::of(idle.expect("the other one")).expect("it waits");
    send(idle.pid, Signal::SIGKILL);
    wait_for("its end", || !idle.is_alive());
    ends_well(&scene, 3);
}

#[test]
fn shims_that_wait_for_work_end_with_their_supervisor_and_the_others_are_adopted() {
    let scene = at_a_time("2", &["A", "B"]);
    scene.write("go.A", "");
    wait_for("A", || scene.read("w/launcher.log").contains("batch_0001.1 exit 0"));
    kill_supervisor(&scene);
    let living = || shims(&scene).into_iter().filter_map(ProcessIdentity::of).count();
    wait_for("the end of the idle one", || living() == 1);
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    assert!(scene.status().contains("1 / 2 done, 1 running, 0 pending"), "{}", scene.status());
    ends_well(&scene, 2);
}

#[test]
fn the_key_is_in_no_command_line() {
    let scene = Scene::of(&["A"]);
    scene.script("job", r#"test "$POLYGON_API_KEY" = open-sesame && echo x >> begun; sleep 600"#);
    let mut start = scene.start(&["--ingest-script", "job"]);
    run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0);
    wait_for("the worker", || scene.count("begun") == 1);
    let everybody = watch::marked(&Marker::of_run(&scene.name()));
    assert!(everybody.len() >= 2, "{everybody:?}");
    for process in everybody {
        let words =
            std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        assert!(!words.contains("open-sesame"), "{words}");
    }
}
