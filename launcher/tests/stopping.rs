//! Stopping: nothing new starts, nothing is left, and nobody else is touched.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::disk::lock::Lock;
use shared::run::identity::ProcessIdentity;

use crate::inherited;
use crate::says::says;
use crate::scene::{Scene, collect, let_pass, run, wait_for};

#[test]
fn stop_ends_every_process_of_the_run_also_those_that_left_their_group() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", "setsid sleep 600 & sleep 600 & echo x >> begun; wait");
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2"]);
    wait_for("two workers", || scene.count("begun") == 2);
    let said = run(&mut scene.launcher("stop", &[])).expect_code(0).stdout;
    let program = scene.program().display().to_string();
    assert!(
        said.starts_with(&format!("stopped; resume with: {program} start --workdir ")),
        "{said}"
    );
    assert_eq!(scene.processes(), 0);
    assert_eq!(scene.count("begun"), 2, "the third batch did not start");
    assert!(scene.status().starts_with("STOPPED as asked (SIGTERM)"), "{}", scene.status());
    scene.wait().expect_code(1);
    let again = run(&mut scene.launcher("stop", &[])).expect_code(0).stdout;
    assert!(again.starts_with("nothing of this run was running"), "{again}");
}

#[test]
fn a_worker_that_ignores_the_request_is_killed_after_the_grace() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "trap '' TERM; echo x >> begun; while :; do sleep 1; done");
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    run(&mut scene.launcher("stop", &["--grace", "300ms"])).expect_code(0);
    assert_eq!(scene.processes(), 0);
    assert!(
        scene.read("w/launcher.log").contains("killed by SIGKILL"),
        "{}",
        scene.read("w/launcher.log")
    );
}

#[test]
fn stop_now_kills_at_once() {
    let scene = Scene::of(&["A"]);
    scene.script(
        "job",
        "trap 'echo asked >> asked' TERM; echo x >> begun; while :; do sleep 1; done",
    );
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    assert_eq!((scene.processes(), scene.count("asked")), (0, 0));
    assert!(scene.status().starts_with("STOPPED as asked (SIGQUIT)"), "{}", scene.status());
}

#[test]
fn in_the_foreground_ctrl_c_asks_and_a_second_one_kills() {
    let scene = Scene::of(&["A"]);
    scene.script(
        "job",
        "trap 'echo asked >> asked' TERM; echo x >> begun; while :; do sleep 0.1; done",
    );
    let mut start = scene.start(&["--ingest-script", "job", "--foreground"]);
    let launcher = start.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let pid = Pid::from_raw(i32::try_from(launcher.id()).expect("a pid"));
    wait_for("the worker", || scene.count("begun") == 1);
    kill(pid, Signal::SIGINT).expect("our child");
    wait_for("the request", || scene.count("asked") == 1);
    kill(pid, Signal::SIGINT).expect("our child");
    let ended = collect(launcher).expect_code(1);
    says(&ended.stdout, &["STOPPED as asked (SIGINT)"]);
    assert_eq!(scene.processes(), 0);
}

#[test]
fn in_the_foreground_one_ctrl_c_is_enough_for_a_worker_that_listens() {
    let scene = Scene::of(&["A", "B"]);
    scene.script(
        "job",
        "trap 'echo asked >> asked; exit 143' TERM; echo x >> begun; while :; do sleep 0.1; done",
    );
    let mut start = scene.start(&["--ingest-script", "job", "--foreground", "--batch-size", "1"]);
    let launcher = start.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let pid = Pid::from_raw(i32::try_from(launcher.id()).expect("a pid"));
    wait_for("two workers", || scene.count("begun") == 2);
    kill(pid, Signal::SIGINT).expect("our child");
    let ended = collect(launcher).expect_code(1);
    assert_eq!(scene.count("asked"), 2);
    says(&ended.stderr, &["batch_0001.1 stopped as asked: 0 done, 1 unfinished"]);
    assert_eq!(scene.processes(), 0);
    run(&mut scene.launcher("status", &[])).expect_code(0);
}

/// A run in the foreground of a shell that has done `before` and become it, with its one worker at
/// work.
#[expect(clippy::disallowed_methods, reason = "a shell starts the program under test")]
fn in_the_foreground_after(before: &str) -> (Scene, Child) {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun; while [ ! -e go ]; do sleep 0.05; done");
    let start = scene.start(&["--ingest-script", "job", "--foreground"]);
    let mut shell = Command::new("sh");
    inherited::clean(&mut shell);
    shell.current_dir(scene.path("")).args(["-c", &format!("{before}; exec \"$@\""), "sh"]);
    shell.arg(start.get_program()).args(start.get_args());
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    wait_for("the worker", || scene.count("begun") == 1);
    (scene, child)
}

#[test]
fn in_the_foreground_a_terminal_that_closes_stops_the_run_in_good_order() {
    let (scene, launcher) = in_the_foreground_after(":");
    kill(Pid::from_raw(i32::try_from(launcher.id()).expect("a pid")), Signal::SIGHUP)
        .expect("our child");
    let ended = collect(launcher).expect_code(1);
    says(&ended.stdout, &["\nSTOPPED as asked (SIGHUP)"]);
    assert_eq!(scene.processes(), 0);
}

#[test]
fn in_the_foreground_under_nohup_the_run_outlives_its_terminal() {
    let (scene, launcher) = in_the_foreground_after("trap '' HUP");
    kill(Pid::from_raw(i32::try_from(launcher.id()).expect("a pid")), Signal::SIGHUP)
        .expect("our child");
    let_pass(Duration::from_secs(1));
    assert!(scene.status().starts_with("RUNNING"), "{}", scene.status());
    scene.write("go", "");
    collect(launcher).expect_code(0);
}

#[test]
fn waiting_has_an_end_of_its_own() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "sleep 600");
    scene.detach("job", &[]);
    run(&mut scene.launcher("wait", &["--timeout", "100ms"])).expect_code(124);
}

#[test]
fn where_no_run_is_every_command_says_so() {
    let scene = Scene::of(&["A"]);
    for (verb, name) in
        [("status", None), ("stop", None), ("wait", None), ("why", Some("A")), ("logs", Some("A"))]
    {
        let ended = run(scene.launcher(verb, &[]).args(name)).expect_code(2);
        let workdir = scene.path("w").display().to_string();
        let program = scene.program().display();
        let expected = format!(
            "error: {workdir} holds no run (no run.json in it); `{program} start --workdir {workdir} ...` starts one\n"
        );
        assert_eq!(ended.stderr, expected);
    }
}

#[test]
fn stop_is_no_success_while_somebody_unknown_holds_the_run() {
    let scene = Scene::of_ended_run();
    let own = format!("launcher (pid {})", std::process::id());
    let lock = Lock::acquire(&scene.path("w/launcher.lock"), &own).expect("free");
    let said = run(&mut scene.launcher("stop", &["--now"])).expect_code(2).stderr;
    says(&said, &[&format!("w/launcher.lock is held by {own}")]);
    drop(lock);
    let said = run(&mut scene.launcher("stop", &["--now"])).expect_code(0).stdout;
    assert_eq!(said, "nothing of this run was running; it is complete\n");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "stands in for a start at that very moment")]
fn stop_ends_a_start_that_holds_the_locks_and_a_supervisor_that_does_not_yet() {
    let scene = Scene::of_ended_run();
    let request: serde_json::Value = serde_json::from_str(&scene.read("w/run.json")).expect("JSON");
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.current_dir(scene.path("")).args(["-c", script]);
        shell
    };
    let mut start =
        shell("exec 9>> w/launcher.lock; flock 9; echo x > locked; exec sleep 600 9>&9")
            .spawn()
            .expect("started");
    wait_for("the lock", || scene.count("locked") == 1);
    let pid = i32::try_from(start.id()).expect("a pid");
    wait_for("the exec", || scene_command(pid).starts_with("sleep"));
    let identity = ProcessIdentity::of(pid).expect("alive");
    scene.write("w/pids/launcher.pid", &serde_json::to_string(&identity).expect("plain data"));
    let mut supervisor = shell("exec sleep 600")
        .env("LAUNCHER_SUPERVISES", request["run"].as_str().expect("a name"))
        .spawn()
        .expect("started");
    let said = {
        let mut stop = scene.launcher("stop", &[]);
        let stop = stop.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        // Both are our children: who is dead but not reaped counts as alive nowhere.
        collect(stop).expect_code(0).stdout
    };
    assert!(said.starts_with("stopped; "), "{said}");
    for child in [&mut start, &mut supervisor] {
        assert!(child.wait().expect("reaped").code().is_none(), "ended by a signal");
    }
}

fn scene_command(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

#[test]
fn a_run_whose_request_was_emptied_is_stopped_by_who_holds_its_lock() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    let (supervisor, request, name) = (scene.supervisor(), scene.read("w/run.json"), scene.name());
    scene.write("w/run.json", "");
    let said = run(&mut scene.launcher("stop", &[])).expect_code(0).stdout;
    assert!(
        said.starts_with(&format!("stopped: process {}, which held the lock of ", supervisor.pid)),
        "{said}"
    );
    says(&said, &["run.json: not a run of this launcher"]);
    let marker = launcher::process::watch::Marker::of_run(&name);
    assert_eq!(launcher::process::watch::marked(&marker), [], "nothing of it is left");
    let again = run(&mut scene.launcher("stop", &[])).expect_code(2).stderr;
    assert!(
        again.contains("run.json: not a run of this launcher"),
        "nobody holds the lock: {again}"
    );
    scene.write("w/run.json", &request);
    assert!(scene.status().starts_with("STOPPED as asked"), "{}", scene.status());
}
