//! Interruptions: programs that are suspended, and supervisors that die in the middle of a pause or
//! a stop.

use std::time::Duration;

use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::says::says;
use crate::scene::{Scene, let_pass, run, send, wait_for};

/// Says every now and then that it gets on, until told to end; notes its pid, which is that of its
/// group. It takes several sleeps from word to word: one that is over while it is suspended must
/// not make it speak at once.
const STEADY: &str = r#"
events="$(dirname "$3")/events.jsonl"; echo $$ >> begun; rows=0
while [ ! -e go ]; do
  rows=$((rows + 1))
  echo '{"at":"2024-01-01T00:00:00Z","event":"progress","ticker":"A","rows":'$rows',"pages":1,"bytes":1}' >> "$events"
  for _ in 1 2 3 4; do sleep 0.1; done
done
"#;

/// Ends when told to.
const HELD: &str = "echo x >> begun; while [ ! -e go ]; do sleep 0.02; done";

fn shim(scene: &Scene, batch: &str) -> ProcessIdentity {
    serde_json::from_str(&scene.read(&format!("w/pids/{batch}.pid"))).expect("a pid file")
}

fn kill_supervisor(scene: &Scene) {
    let supervisor = scene.supervisor();
    send(supervisor.pid, Signal::SIGKILL);
    wait_for("its end", || !supervisor.is_alive());
}

#[test]
fn time_in_which_shim_or_worker_or_both_were_suspended_is_no_stall() {
    // Who is suspended, and who is woken, in this order.
    let stories: [(&[char], &[char]); 6] = [
        (&['s'], &['s']),
        (&['w'], &['w']),
        (&['s', 'w'], &['w', 's']),
        (&['s', 'w'], &['s', 'w']),
        (&['w', 's'], &['w', 's']),
        (&['w', 's'], &['s', 'w']),
    ];
    let story = |suspended: &[char], woken: &[char]| {
        let scene = Scene::of(&["A"]);
        scene.script("job", STEADY);
        scene.detach("job", &["--stall-timeout", "1s", "--retries", "0"]);
        let events = "w/attempts/batch_0001.1/events.jsonl";
        wait_for("progress", || scene.count(events) > 1);
        let (shim, worker): (i32, i32) =
            (shim(&scene, "batch_0001").pid, scene.read("begun").trim().parse().expect("a pid"));
        let send_to = |who: &[char], signal| {
            for who in who {
                send(if *who == 's' { shim } else { -worker }, signal);
            }
        };
        for _ in 0..2 {
            let_pass(Duration::from_millis(700));
            send_to(suspended, Signal::SIGSTOP);
            let_pass(Duration::from_secs(3));
            send_to(woken, Signal::SIGCONT);
            let before = scene.count(events);
            wait_for("more progress", || scene.count(events) > before + 1);
        }
        scene.write("go", "");
        scene.wait().expect_code(0);
        assert_eq!(scene.count("begun"), 1);
    };
    std::thread::scope(|scope| {
        for (suspended, woken) in stories {
            scope.spawn(move || story(suspended, woken));
        }
    });
}

#[test]
fn a_supervisor_that_was_suspended_while_its_workers_ended_goes_on() {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    let supervisor = scene.supervisor();
    send(supervisor.pid, Signal::SIGSTOP);
    scene.write("go", "");
    let is_over = |batch: &str| scene.path(&format!("w/attempts/{batch}.1/exit.json")).exists();
    wait_for("their ends", || ["batch_0001", "batch_0002"].into_iter().all(is_over));
    let_pass(Duration::from_secs(2));
    assert_eq!(scene.count("begun"), 2);
    send(supervisor.pid, Signal::SIGCONT);
    scene.wait().expect_code(0);
    assert_eq!(scene.count("begun"), 3);
}

#[test]
fn a_suspended_supervisor_hears_stop() {
    let scene = Scene::of(&["A"]);
    scene.script("job", HELD);
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    send(scene.supervisor().pid, Signal::SIGSTOP);
    send(shim(&scene, "batch_0001").pid, Signal::SIGSTOP);
    run(&mut scene.launcher("stop", &[])).expect_code(0);
    assert_eq!(scene.processes(), 0);
    assert!(scene.status().starts_with("STOPPED as asked (SIGTERM)"), "{}", scene.status());
}

#[test]
fn a_supervisor_killed_in_a_pause_is_gone_on_with() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "echo x >> begun; [ -e fixed ] || { echo 'disk full'; exit 13; }");
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1", "--retries", "0"]);
    let paused = || {
        scene.status().starts_with("PAUSED: a local resource is in the way (exit 13): disk full")
    };
    for _ in 0..2 {
        wait_for("the pause", paused);
        kill_supervisor(&scene);
        run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    }
    wait_for("the pause", paused);
    scene.write("fixed", "");
    scene.wait().expect_code(0);
}

#[test]
fn a_supervisor_killed_in_a_stop_is_gone_on_with_and_what_it_asked_to_end_is_charged_with_nothing()
{
    let scene = Scene::of(&["A", "B", "C"]);
    scene.script(
        "job",
        r"trap 'echo $$ >> asked' TERM; echo x >> begun
        while [ ! -e go ]; do sleep 0.02; done; ! grep -qsx $$ asked || exit 143",
    );
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "2", "--retries", "0"]);
    wait_for("two workers", || scene.count("begun") == 2);
    send(scene.supervisor().pid, Signal::SIGTERM);
    wait_for("the request", || scene.count("asked") == 2 && scene.status().starts_with("STOPPING"));
    kill_supervisor(&scene);
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    assert!(scene.status().contains("0 / 3 done, 2 running, 1 pending"), "{}", scene.status());
    scene.write("go", "");
    scene.wait().expect_code(0);
    assert_eq!(scene.count("begun"), 2 + 3, "those that were asked began anew");
}

#[test]
fn a_supervisor_killed_with_a_canary_out_is_gone_on_with_and_nobody_pays_for_the_common_cause() {
    let scene = Scene::of(&["A", "B", "C", "D", "E"]);
    scene.script(
        "job",
        r#"echo x >> begun; [ "$(wc -l < begun)" -ne 4 ] || while [ ! -e go ]; do sleep 0.02; done; [ -e fixed ] || exit 10"#,
    );
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1", "--retries", "0"]);
    wait_for("a canary", || scene.count("begun") == 4);
    assert!(
        scene.status().starts_with("PAUSED: 3 batches in a row got nothing done: "),
        "{}",
        scene.status()
    );
    kill_supervisor(&scene);
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    assert_eq!(scene.count("begun"), 4, "it is adopted, and it fills the cap");
    scene.write("go", "");
    wait_for("the pause", || {
        scene.status().starts_with("PAUSED: 3 batches in a row got nothing done: ")
    });
    scene.write("fixed", "");
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["5 reported by the script, not verified, 0 failed, 0 left"]);
}
