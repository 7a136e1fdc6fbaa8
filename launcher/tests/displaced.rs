//! A run whose folders or locks are taken from under it ends by name, instead of going on somewhere else.

use std::fs;

use crate::scene::{Scene, run, wait_for};

const HELD: &str = r#"echo x >> begun; mkdir -p "$5"; while [ ! -e go ]; do sleep 0.02; done"#;

/// A run at work, then what happens to its output; it ends with a sentence about `named`.
#[track_caller]
fn ends_by_name(happens: impl FnOnce(&Scene), named: &str) -> Scene {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1"]);
    wait_for("the worker", || scene.count("begun") == 1);
    happens(&scene);
    let ended = scene.wait().expect_code(1).stdout;
    let path = scene.path(named).display().to_string();
    assert!(ended.starts_with("SUPERVISOR DIED (last words: "), "{ended}");
    assert!(
        ended.contains(&format!("error: {path} was moved, deleted or replaced during the run")),
        "{ended}"
    );
    assert_eq!((scene.count("begun"), scene.processes()), (1, 0), "nobody works on");
    scene
}

#[test]
fn an_output_that_is_moved_away_ends_the_run_and_put_back_it_goes_on() {
    let moved = |scene: &Scene| fs::rename(scene.path("out"), scene.path("old")).expect("moved");
    let scene = ends_by_name(moved, "out/_launcher.lock");
    drop(fs::remove_dir_all(scene.path("out")));
    fs::rename(scene.path("old"), scene.path("out")).expect("moved back");
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}

#[test]
fn a_lock_that_is_deleted_ends_the_run_before_a_second_one_can_have_it_too() {
    let deleted = |scene: &Scene| fs::remove_file(scene.path("out/_launcher.lock")).expect("deleted");
    let scene = ends_by_name(deleted, "out/_launcher.lock");
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}
