//! `status --watch` and what `wait` makes of gaps.

use std::process::Stdio;

use shared::dataset::answers::Said;

use crate::says::says;
use crate::scene::{Scene, collect, record, run, wait_for};

#[test]
fn a_watched_run_is_shown_to_its_end_without_a_terminal_too() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun; while [ ! -e go ]; do sleep 0.05; done");
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    let mut watch = scene.launcher("status", &["--watch"]);
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    scene.write("go", "");
    let said = collect(watch).expect_code(0).stdout;
    says(&said, &["COMPLETE\nrun "]);
    assert!(!said.contains('\x1b'), "no terminal: {said:?}");
}

#[test]
fn a_complete_run_whose_plan_does_not_reach_all_days_ends_with_3() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    record(&scene.path("out"), "A", &[(("2020-01-01", "2020-12-31"), Said::OutsidePlan)]);
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(3).stdout;
    says(&ended, &["1 / 1 verified: 0 data, 0 empty, 1 outside plan"]);
    let again =
        run(&mut scene.launcher("start", &["--resume", "--foreground"])).expect_code(3).stdout;
    says(&again, &["already complete: ", "\nCOMPLETE\n"]);
}
