//! Hostile surroundings: workers that harm whoever watches them, and files that vanish or are
//! damaged during a run.

use std::fs;
use std::time::Duration;

use launcher::process::watch::{self, Marker};
use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::says::says;
use crate::scene::{Scene, let_pass, run, send, wait_for};

const HELD: &str = "echo x >> begun; while [ ! -e go ]; do sleep 0.02; done";

fn shim(scene: &Scene) -> ProcessIdentity {
    serde_json::from_str(&scene.read("w/pids/batch_0001.pid")).expect("a pid file")
}

/// The most memory that a process has had.
fn peak_mib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().strip_suffix(" kB").expect("kB").parse::<u64>().expect("a number") >> 10
}

/// Clock ticks on a processor so far, of which there are 100 a second.
fn cpu_ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let (_, fields) = stat.rsplit_once(')').expect("a command");
    fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("ticks"))
        .sum()
}

#[test]
fn a_line_of_100_mb_among_the_events_costs_neither_shim_nor_supervisor_memory() {
    let scene = Scene::of(&["A", "B"]);
    let babble = r#"head -c 100000000 /dev/zero | tr '\0' x >> "$(dirname "$3")/events.jsonl"; echo x >> babbled"#;
    scene.script("job", &format!("[ -e babbled ] || {{ {babble}; }}; {HELD}"));
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1", "--stall-timeout", "1s"]);
    wait_for("the babble", || scene.count("babbled") == 1);
    let_pass(Duration::from_secs(3));
    let (shim, supervisor) = (shim(&scene), scene.supervisor());
    let peak_of_shim = peak_mib(shim.pid);
    run(&mut scene.launcher("status", &[])).expect_code(0);
    send(shim.pid, Signal::SIGKILL);
    wait_for("another attempt", || scene.count("begun") >= 2);
    assert!(
        peak_of_shim < 30 && peak_mib(supervisor.pid) < 30,
        "{peak_of_shim}, {}",
        peak_mib(supervisor.pid)
    );
    scene.write("go", "");
    scene.wait().expect_code(0);
}

#[test]
fn a_worker_that_kills_its_own_shim_is_ended_with_it_and_alone_is_charged() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", r#"if grep -q A "$3"; then kill -9 $PPID; sleep 600; fi"#);
    scene.detach("job", &["--retries", "0"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(
        &ended,
        &[
            "1 x its shim was ended from outside (signal: 9 (SIGKILL))",
            "for example A: ",
            "2 reported by the script",
        ],
    );
    assert_eq!(scene.processes(), 0);
}

#[test]
fn a_worker_without_stdio_and_log_and_with_many_children_ends_well_and_alone() {
    let scene = Scene::of(&["A"]);
    let body = r"rm w/logs/*.log w/pids/batch_0001.pid; exec <&- >&- 2>&-
        for n in 1 2 3 4 5 6 7 8 9 10; do (setsid sh -c 'sleep 600 & sleep 600 & sleep 600 & sleep 600 & sleep 600' &); done
        sleep 1; mkdir -p out/A; echo x > out/A/sign";
    scene.script("job", body);
    scene.detach("job", &["--retries", "0", "--max-log", "1KiB"]);
    scene.wait().expect_code(0);
    assert_eq!(scene.processes(), 0);
}

#[test]
fn a_shim_that_is_asked_to_end_by_somebody_else_ends_its_worker_and_another_attempt_follows() {
    for signal in [Signal::SIGTERM, Signal::SIGQUIT] {
        let scene = Scene::of(&["A"]);
        scene.script("job", HELD);
        scene.detach("job", &["--retries", "1"]);
        wait_for("the worker", || scene.count("begun") == 1);
        send(shim(&scene).pid, signal);
        wait_for("another attempt", || scene.count("begun") == 2);
        scene.write("go", "");
        scene.wait().expect_code(0);
    }
}

#[test]
fn an_exit_record_that_is_torn_or_garbage_is_none() {
    for garbage in ["", "{\"ending\":", "\u{0}\u{0}\u{0}", "{\"ending\":{\"exited\":{\"code\":0}}}"]
    {
        let scene = Scene::of(&["A"]);
        scene.script("job", HELD);
        scene.detach("job", &["--retries", "0"]);
        wait_for("the worker", || scene.count("begun") == 1);
        let supervisor = scene.supervisor();
        send(supervisor.pid, Signal::SIGKILL);
        wait_for("its end", || !supervisor.is_alive());
        assert_eq!(watch::kill(&Marker::of_run(&scene.name()).into()), []);
        scene.write("w/attempts/batch_0001.1/exit.json", garbage);
        run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
        wait_for("another attempt", || scene.count("begun") == 2);
        scene.write("go", "");
        scene.wait().expect_code(0);
    }
}

#[test]
fn an_executable_that_vanishes_stops_the_run_by_name() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1"]);
    wait_for("the worker", || scene.count("begun") == 1);
    fs::rename(scene.path("job"), scene.path("away")).expect("moved");
    scene.write("go", "");
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["/job"]);
    fs::rename(scene.path("away"), scene.path("job")).expect("moved back");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}

#[test]
fn a_launcher_that_is_replaced_during_a_run_goes_on_with_itself() {
    let scene = Scene::with_worker(&["A", "B"], "exit 0");
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1"]);
    wait_for("the worker", || scene.count("begun") == 1);
    fs::rename(scene.path("launcher"), scene.path("kept")).expect("moved");
    scene.script("another", "exit 3");
    fs::rename(scene.path("another"), scene.path("launcher")).expect("replaced");
    scene.write("go", "");
    wait_for("the second", || scene.count("begun") == 2);
    fs::rename(scene.path("kept"), scene.path("launcher")).expect("moved back");
    scene.wait().expect_code(0);
}

#[test]
fn a_run_whose_workdir_is_moved_away_ends_and_leaves_nothing_running_and_charges_nobody() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    let supervisor = scene.supervisor();
    fs::rename(scene.path("w"), scene.path("moved")).expect("moved");
    wait_for("its end", || !supervisor.is_alive());
    assert!(!scene.path("w").exists(), "nothing is made anew in its place");
    fs::rename(scene.path("moved"), scene.path("w")).expect("moved back");
    assert_eq!(scene.processes(), 0);
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}

#[test]
fn whoever_watches_sleeping_workers_sleeps_too() {
    let scene = Scene::of(&["A", "B", "C", "D", "E", "F"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &["--batch-size", "1"]);
    wait_for("six workers", || scene.count("begun") == 6);
    let (supervisor, shim) = (scene.supervisor().pid, shim(&scene).pid);
    let before = [supervisor, shim].map(cpu_ticks);
    let_pass(Duration::from_secs(10));
    let after = [supervisor, shim].map(cpu_ticks);
    eprintln!("ticks of 1000: supervisor {}, shim {}", after[0] - before[0], after[1] - before[1]);
    // Half a percent, though it is not optimised and others are at work.
    assert!(after[0] - before[0] < 5 && after[1] - before[1] < 5);
}
