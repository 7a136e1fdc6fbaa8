//! Story: a run in which nothing is newly proven for too long is closed by name.

use launcher::facts::ending::Ending;
use launcher::facts::{Fact, Outcome, StopWhy, Word};
use launcher::supervise::machine::RunState;
use shared::run::events::Persistence;

use crate::machine::{Story, exited, opened, report, rules};
use crate::says::says;
use crate::scene::{Ended, Scene, run};

const GIVEN_UP: Fact = Fact::GivenUp { idle_s: 43_200 };
const WHY: &str = "given up: nothing was newly proven for 12h (--give-up-after)";

fn timeout() -> Word {
    Word::failed("timeout".to_owned(), Persistence::Transient)
}

#[test]
fn who_is_left_is_given_up_by_name_with_what_was_last_said_of_each() {
    let mut story = Story::of(rules(1, 5), &[&["A"], &["B"], &["C"]]);
    story.launch();
    story.end(1, exited(0, 1, &[]));
    story.launch();
    story.end(2, exited(10, 0, &[("B", timeout())]));
    story.hear(GIVEN_UP);
    assert_eq!(story.launch(), [] as [String; 0], "nothing new starts");
    assert_eq!(story.failures(2), [("B", format!("timeout; {WHY}").as_str())]);
    assert_eq!(story.failures(3), [("C", format!("never tried; {WHY}").as_str())]);
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 2 }), "A is done");
}

#[test]
fn what_runs_is_ended_first_and_named_by_how_long_it_gave_no_answer() {
    let mut story = Story::of(rules(2, 0), &[&["A"], &["B", "C"]]);
    story.launch();
    story.pass(90);
    story.hear(GIVEN_UP);
    assert!(matches!(story.machine.run(), RunState::Stopping { why: StopWhy::GivenUp { .. } }));
    assert_eq!(story.closes(), None, "two run");
    let stopped = Ending::Stopped { killed: false };
    story.end(1, report(stopped.clone(), 0, &[("A", Word::Begun)]));
    story.end(2, report(stopped, 1, &[("C", Word::Begun)]));
    assert_eq!(story.failures(1), [("A", format!("no answer in 1m 30s; {WHY}").as_str())]);
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 2 }), "B came in time");
}

#[test]
fn that_an_attempt_was_ended_by_us_does_not_hide_what_was_wrong_before() {
    let stopped = |word| report(Ending::Stopped { killed: false }, 0, &[("A", word)]);
    let stalled = || report(Ending::Stalled { quiet_ms: 3000 }, 0, &[("A", Word::Begun)]);
    let cases = [
        (Word::Begun, "ended because nothing came for 3 s (--stall-timeout)"),
        (Word::Untouched, "ended because nothing came for 3 s (--stall-timeout)"),
        (timeout(), "timeout"),
    ];
    for (word, cause) in cases {
        let mut story = Story::of(rules(1, 5), &[&["A"]]);
        story.launch();
        story.end(1, stalled());
        story.pass(300);
        story.launch();
        story.hear(GIVEN_UP);
        story.end(1, stopped(word));
        assert_eq!(story.failures(1), [("A", format!("{cause}; {WHY}").as_str())]);
    }
}

#[test]
fn a_run_that_is_paused_for_its_folders_ends_too() {
    let mut story = Story::of(rules(1, 0), &[&["A"]]);
    story.hear(Fact::Hindered { what: "no space is left".to_owned() });
    story.hear(GIVEN_UP);
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
}

#[test]
fn a_person_who_begins_it_again_gives_everybody_another_chance_also_when_the_supervisor_died_in_between()
 {
    for closes in [true, false] {
        let mut story = Story::of(rules(2, 0), &[&["A"], &["B"]]);
        story.hear(GIVEN_UP);
        if closes {
            story.hear(Fact::Closed { outcome: Outcome::Incomplete { failed: 2 } });
        }
        story.hear(opened());
        assert_eq!(story.launch(), ["1.1", "2.1"], "closed: {closes}");
    }
}

#[test]
fn only_a_run_that_goes_on_can_be_given_up() {
    let mut story = Story::of(rules(1, 0), &[&["A"]]);
    story.hear(Fact::StopAsked { by: "SIGTERM".to_owned() });
    story.try_hear(GIVEN_UP).expect_err("it stops already");
}

#[test]
fn only_an_attempt_that_adds_something_advances_a_run() {
    let mut story = Story::of(rules(1, 5), &[&["A", "B"]]);
    story.launch();
    story.end(1, exited(10, 0, &[("A", timeout()), ("B", timeout())]));
    assert_eq!(story.machine.advances(), 0);
    story.pass(300);
    story.launch();
    story.end(1, exited(10, 1, &[("B", timeout())]));
    assert_eq!(story.machine.advances(), 1);
}

/// What `launcher wait` says of a run of `script` that may stand still for two seconds.
fn ends(script: &str, arguments: &[&str]) -> (Ended, Scene) {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", script);
    scene.detach("job", &[&["--give-up-after", "2s", "--max-concurrent", "1"], arguments].concat());
    (scene.wait().expect_code(1), scene)
}

#[test]
fn a_worker_that_never_ends_and_never_says_anything_does_not_keep_a_run_from_ending() {
    let (ended, scene) = ends("exec sleep 1000", &["--stall-timeout", "0s"]);
    says(&ended.stdout, &["INCOMPLETE (2 tickers failed)"]);
    assert!(ended.stdout.contains("given up: nothing was newly proven for 2s (--give-up-after)"));
    assert_eq!(scene.processes(), 0, "nothing is left running");
    let why = run(&mut scene.launcher("why", &["A"])).expect_code(0).stdout;
    says(&why, &["given up: nothing was newly proven"]);
}

#[test]
fn a_local_resource_that_stays_in_the_way_does_not_keep_a_run_from_ending() {
    let (ended, _) = ends("echo /cache: read-only; exit 13", &[]);
    says(&ended.stdout, &["INCOMPLETE"]);
    assert!(ended.stdout.contains("/cache: read-only"), "what was last said: {}", ended.stdout);
}

#[test]
fn a_script_that_writes_files_all_the_while_is_not_given_up() {
    // Twice as long as the run may stand still, with a new file every half second.
    let slowly = "mkdir -p out/A out/B; for i in 1 2 3 4 5 6 7 8 9 10; do echo $i > out/A/$i; sleep 0.5; done; exit 0";
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", slowly);
    scene.detach("job", &["--give-up-after", "3s", "--max-concurrent", "1"]);
    scene.wait().expect_code(0);
}
