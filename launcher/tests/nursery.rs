//! The nursery, from which shims are forked: whatever happens to it costs no ticker, doubles none, and leaves nothing
//! behind.

use launcher::process::watch::{self, Marker};
use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::recovery::kill_supervisor;
use crate::scene::{Scene, run, send, wait_for};

/// Waits for its own `go`; two at the same time on one ticker are noted as `doubled`.
const ONE_BY_ONE: &str = r#"
ticker=$(tail -n 1 "$3")
(flock -n 9 || echo x >> doubled; echo x >> begun
 while [ ! -e go -a ! -e "go.$ticker" ]; do sleep 0.02; done) 9>> "lock.$ticker"
"#;

fn nurseries(scene: &Scene) -> Vec<ProcessIdentity> {
    watch::marked(&Marker::of_nursery(&scene.name()))
}

/// The one that there is.
#[track_caller]
fn nursery(scene: &Scene) -> ProcessIdentity {
    let found = nurseries(scene);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}

fn two_at_a_time(tickers: &[&str]) -> Scene {
    let scene = Scene::of(tickers);
    scene.script("job", ONE_BY_ONE);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    scene
}

#[track_caller]
fn ends_well(scene: &Scene, begun: usize) {
    scene.write("go", "");
    scene.wait().expect_code(0);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (begun, 0));
    assert_eq!((scene.processes(), nurseries(scene)), (0, Vec::new()));
}

#[test]
fn a_nursery_that_is_killed_takes_no_shim_with_it_and_is_replaced() {
    let scene = two_at_a_time(&["A", "B", "C", "D"]);
    let first = nursery(&scene);
    send(first.pid, Signal::SIGKILL);
    wait_for("its end", || !first.is_alive());
    for batch in ["batch_0001", "batch_0002"] {
        let shim: ProcessIdentity =
            serde_json::from_str(&scene.read(&format!("w/pids/{batch}.pid"))).expect("a pid file");
        assert!(shim.is_alive(), "{batch}");
    }
    scene.write("go.A", "");
    wait_for("the next worker", || scene.count("begun") == 3);
    assert_ne!(nursery(&scene), first);
    ends_well(&scene, 4);
}

#[test]
fn a_run_that_loses_one_nursery_after_the_other_goes_on_without() {
    let tickers = ["A", "B", "C", "D", "E", "F", "G"];
    let scene = two_at_a_time(&tickers);
    for (number, ticker) in tickers[..5].iter().enumerate() {
        for nursery in nurseries(&scene) {
            send(nursery.pid, Signal::SIGKILL);
            wait_for("its end", || !nursery.is_alive());
        }
        scene.write(&format!("go.{ticker}"), "");
        wait_for("the next worker", || scene.count("begun") == number + 3);
    }
    assert_eq!(nurseries(&scene), [], "three were enough");
    ends_well(&scene, 7);
}

#[test]
fn a_nursery_that_does_not_answer_is_done_without() {
    let scene = two_at_a_time(&["A", "B", "C"]);
    let silent = nursery(&scene);
    send(silent.pid, Signal::SIGSTOP);
    scene.write("go.A", "");
    wait_for("the next worker", || scene.count("begun") == 3);
    assert!(!silent.is_alive(), "what it was asked for it must not do later");
    ends_well(&scene, 3);
    let log = scene.read("w/launcher.log");
    assert!(log.contains("batch_0003.1 interrupted"), "nobody is charged: {log}");
}

#[test]
fn a_nursery_ends_with_its_supervisor_and_its_shims_are_adopted() {
    let scene = two_at_a_time(&["A", "B", "C"]);
    let first = nursery(&scene);
    kill_supervisor(&scene);
    wait_for("its end", || !first.is_alive());
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    assert!(scene.status().contains("0 / 3 done, 2 running, 1 pending"), "{}", scene.status());
    ends_well(&scene, 3);
}

#[test]
fn a_stopped_nursery_of_a_dead_supervisor_is_ended_by_whoever_comes_next() {
    let scene = two_at_a_time(&["A", "B"]);
    send(nursery(&scene).pid, Signal::SIGSTOP);
    kill_supervisor(&scene);
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    assert_eq!((scene.processes(), nurseries(&scene)), (0, Vec::new()));
}

#[test]
fn the_key_is_in_no_command_line() {
    let scene = Scene::of(&["A"]);
    scene.script("job", r#"test "$POLYGON_API_KEY" = sesame && echo x >> begun; sleep 600"#);
    let mut start = scene.start(&["--ingest-script", "job"]);
    run(start.env("POLYGON_API_KEY", "sesame")).expect_code(0);
    wait_for("the worker", || scene.count("begun") == 1);
    let everybody = [nurseries(&scene), watch::marked(&Marker::of_run(&scene.name()))].concat();
    assert!(everybody.len() >= 3, "{everybody:?}");
    for process in everybody {
        let words = std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        assert!(!words.contains("sesame"), "{words}");
    }
}
