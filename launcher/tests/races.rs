//! Races: of two launchers on one work directory or one output exactly one wins, whatever the
//! moment, and the other says who was faster.

use std::process::{Child, Command, Stdio};

use crate::scene::{Ended, Scene, collect, run, wait_for};

/// So many pairs in each of the four stories, 200 in all: in lanes side by side, since a loser may
/// wait some seconds for what it takes for a handover.
const LANES: usize = 10;
const RACES: usize = 5;

const LOCKS: [&str; 2] = ["w/launcher.lock", "out/_launcher.lock"];

/// Ends when told to; two at the same time on one ticker are noted as `doubled`.
const HELD: &str = r#"
(flock -n 9 || echo x >> doubled; echo x >> begun
 while [ ! -e go ]; do sleep 0.02; done) 9>> "lock.$(tail -n 1 "$3")"
"#;

fn scene() -> Scene {
    let scene = Scene::of(&["A"]);
    scene.script("job", HELD);
    scene
}

fn begin(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started")
}

/// Lets both go, each first every other time; where the winner stands in the pair, and what the
/// loser said.
#[track_caller]
fn race(number: usize, [first, second]: [&mut Command; 2]) -> (usize, String) {
    let (first, second) = if number.is_multiple_of(2) {
        let first = begin(first);
        (first, begin(second))
    } else {
        let second = begin(second);
        (begin(first), second)
    };
    let ended = [first, second].map(collect);
    match (ended[0].code, ended[1].code) {
        (Some(0), Some(2)) => (0, ended[1].stderr.clone()),
        (Some(2), Some(0)) => (1, ended[0].stderr.clone()),
        _ => panic!("race {number}: not one winner: {ended:?}"),
    }
}

/// Races in every lane.
fn in_lanes(lane: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(&lane);
        }
    });
}

/// The loser names the process that holds one of `locks`.
fn names_the_holder(said: &str, locks: &[&str]) -> bool {
    locks.iter().any(|lock| said.contains(&format!("{lock} is held by launcher (pid ")))
}

/// Who comes when the run goes on already is told by which process.
fn names_the_supervisor(said: &str) -> bool {
    said.contains("this run is already going (supervisor pid ")
}

/// Who comes when the run is there already is told what it is.
fn names_the_run(said: &str) -> bool {
    said.contains("/w is the work directory of run ")
}

/// The winner's run ends well; `begun` is how often its one ticker has been begun since the scene
/// was set.
#[track_caller]
fn finish(scene: &Scene, workdir: &str, begun: usize) {
    wait_for("the worker", || scene.count("begun") == begun);
    scene.write("go", "");
    let wait: Ended = run(&mut scene.launcher_in(workdir, "wait", &["--timeout", "200s"]));
    wait.expect_code(0);
    assert_eq!((scene.count("begun"), scene.count("doubled")), (begun, 0));
}

#[test]
fn of_two_new_runs_on_one_workdir_one_wins() {
    in_lanes(|| {
        for number in 0..RACES {
            let scene = scene();
            let start = || scene.start(&["--ingest-script", "job"]);
            let (_, said) = race(number, [&mut start(), &mut start()]);
            assert!(names_the_holder(&said, &LOCKS) || names_the_run(&said), "{said}");
            finish(&scene, "w", 1);
        }
    });
}

#[test]
fn of_two_new_runs_on_one_outdir_one_wins() {
    in_lanes(|| {
        for number in 0..RACES {
            let scene = scene();
            let start = |workdir| {
                scene.launcher_in(workdir, "start", &Scene::usual(&["--ingest-script", "job"]))
            };
            let (winner, said) = race(number, [&mut start("w"), &mut start("other")]);
            assert!(names_the_holder(&said, &["out/_launcher.lock"]), "{said}");
            finish(&scene, ["w", "other"][winner], 1);
        }
    });
}

#[test]
fn of_a_start_and_a_start_that_resumes_one_wins() {
    in_lanes(|| {
        for number in 0..RACES {
            let scene = scene();
            let mut start = scene.start(&["--ingest-script", "job"]);
            let mut resume = scene.start(&["--ingest-script", "job", "--resume"]);
            let (_, said) = race(number, [&mut start, &mut resume]);
            let known = names_the_run(&said) || names_the_supervisor(&said);
            assert!(names_the_holder(&said, &LOCKS) || known, "{said}");
            finish(&scene, "w", 1);
        }
    });
}

#[test]
fn of_two_that_go_on_with_one_run_one_wins() {
    in_lanes(|| {
        let scene = scene();
        scene.detach("job", &[]);
        wait_for("the worker", || scene.count("begun") == 1);
        for number in 0..RACES {
            run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
            let resume = || scene.launcher("start", &["--resume"]);
            let (_, said) = race(number, [&mut resume(), &mut resume()]);
            assert!(names_the_holder(&said, &LOCKS) || names_the_supervisor(&said), "{said}");
            wait_for("the worker", || scene.count("begun") == number + 2);
        }
        finish(&scene, "w", RACES + 1);
    });
}
