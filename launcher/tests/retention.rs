//! What grows: folders of attempts are kept by number, but for those that still tell why.

use launcher::facts::Word;
use launcher::supervise::retention::may_go;
use shared::run::events::Persistence;
use shared::run::workdir::BatchId;

use crate::machine::{Story, exited, rules};
use crate::says::says;
use crate::scene::{Scene, run};

fn going(story: &Story, keep: u32) -> Vec<u32> {
    may_go(story.machine.batch(BatchId(1)).expect("planned"), keep).collect()
}

#[test]
fn the_last_attempts_stay_and_those_that_charged_a_ticker_that_still_fails() {
    let mut story = Story::of(rules(1, 9), &[&["A", "B"]]);
    let failed = || Word::failed("timeout".to_owned(), Persistence::Transient);
    let attempt = |story: &mut Story, report| {
        story.pass(600);
        story.launch();
        story.end(1, report);
    };
    attempt(&mut story, exited(10, 0, &[("A", failed()), ("B", Word::Untouched)]));
    for _yielded in 2..=5 {
        let mut report = exited(0, 0, &[("A", Word::Untouched), ("B", Word::Untouched)]);
        report.yielded = true;
        report.unfinished[0].partway.days = story.entries.len() as u64;
        report.unfinished[0].partway.fresh_days = 1;
        attempt(&mut story, report);
    }
    assert_eq!(going(&story, 2), [2, 3], "the first one was charged");
    assert_eq!(going(&story, 20), [] as [u32; 0]);
    story.pass(600);
    story.launch();
    assert_eq!(going(&story, 1), [2, 3, 4, 5], "not the one that runs");
    story.end(1, exited(0, 2, &[]));
    assert_eq!(going(&story, 1), [1, 2, 3, 4, 5], "all are done: nobody asks why");
}

#[test]
fn a_run_that_is_begun_again_night_after_night_keeps_as_many_attempts_as_was_said() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 11");
    scene.detach("job", &["--keep-attempts", "3"]);
    scene.wait().expect_code(1);
    for _night in 0..5 {
        run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
        scene.wait().expect_code(1);
    }
    let mut left: Vec<String> = std::fs::read_dir(scene.path("w/attempts"))
        .expect("listed")
        .map(|entry| entry.expect("read").file_name().into_string().expect("UTF-8"))
        .collect();
    left.sort();
    let attempt = |number| {
        let path = shared::run::workdir::Workdir::new(&scene.path("w")).attempt(BatchId(1), number);
        path.file_name().expect("a name").to_owned().into_string().expect("UTF-8")
    };
    assert_eq!(left, [4, 5, 6].map(attempt));
    let why = run(&mut scene.launcher("why", &["A"])).expect_code(0).stdout;
    says(&why, &["given up after attempt 6"]);
}
