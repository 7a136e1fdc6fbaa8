//! A run whose folders or locks are taken from under it ends by name, instead of going on somewhere
//! else.

use std::fs;

use crate::says::says;
use crate::scene::{Scene, run, wait_for};
use crate::why::damage;

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
    says(&ended, &[&format!("error: {path} was moved, deleted or replaced during the run")]);
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
    let deleted =
        |scene: &Scene| fs::remove_file(scene.path("out/_launcher.lock")).expect("deleted");
    let scene = ends_by_name(deleted, "out/_launcher.lock");
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}

/// Notes each begin; the ticker A is done when told so, B when told `go`.
const EACH: &str = r#"
ticker=$(tail -n 1 "$3"); echo "$ticker" >> begun
while [ ! -e go ] && [ ! -e "go.$ticker" ]; do sleep 0.02; done"#;

/// The file that the ledger line of [`damage`] speaks of.
const FILE: &str = "out/A/year=2020/daily.parquet";

fn prove_with_a_file(scene: &Scene) {
    damage(&scene.path("out"));
    fs::create_dir_all(scene.path("out/A/year=2020")).expect("made");
    scene.write(FILE, "seventeen bytes..");
}

#[test]
fn a_file_of_a_done_batch_that_is_gone_at_the_end_is_brought_again_before_the_run_is_complete() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", EACH);
    scene.detach("job", &["--resume", "--batch-size", "1", "--retries", "0"]);
    wait_for("both workers", || scene.count("begun") == 2);
    prove_with_a_file(&scene);
    scene.write("go.A", "");
    wait_for("the end of A", || scene.status().contains("1 / 2 verified"));
    fs::remove_file(scene.path(FILE)).expect("deleted");
    fs::remove_file(scene.path("go.A")).expect("removed");
    scene.write("go.B", "");
    wait_for("A again", || scene.count("begun") == 3);
    assert!(
        scene
            .read("w/launcher.log")
            .contains("batch_0001 again: 1 ticker with days that are not proven")
    );
    scene.write(FILE, "seventeen bytes..");
    scene.write("go.A", "");
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["1 / 2 verified, 1 reported by the script"]);
    assert_eq!(scene.read("begun").lines().filter(|line| *line == "A").count(), 2);
}

#[test]
fn what_was_proven_before_the_run_and_is_gone_at_its_end_is_planned_then() {
    let scene = Scene::of(&["A", "B"]);
    prove_with_a_file(&scene);
    scene.script("job", EACH);
    scene.detach("job", &["--resume", "--retries", "0"]);
    wait_for("the worker", || scene.count("begun") == 1);
    fs::remove_file(scene.path(FILE)).expect("deleted");
    scene.write("go", "");
    let ended = scene.wait().expect_code(1).stdout;
    assert!(ended.starts_with("INCOMPLETE (1 ticker failed)"), "{ended}");
    assert_eq!(scene.read("w/batches/batch_0002.csv"), "ticker\nA\n");
}
