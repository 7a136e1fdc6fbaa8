//! Who is believed to be done: nobody of whom a worker has said that it failed, and one ticker a
//! folder.

use std::os::unix::fs::symlink;

use crate::says::says;
use crate::scene::{Scene, prove, run};

#[test]
fn a_ticker_that_its_worker_calls_failed_is_not_done_whatever_its_ledger_seems_to_prove() {
    let scene = Scene::of(&["A", "B"]);
    prove(&scene.path("elsewhere"), "A", &[("2020-01-01", "2020-12-31")]);
    prove(&scene.path("elsewhere"), "B", &[("2020-01-01", "2020-12-31")]);
    let failed = r#"
        while [ $# -gt 0 ]; do [ "$1" = --events ] && events="$2"; shift; done
        mkdir -p out; cp -r elsewhere/A elsewhere/B out
        echo '{"at":"2024-07-01T12:00:00Z","event":"ticker_failed","ticker":"A","cause":"not mine","persistence":"permanent","origin":"ticker","kind":"not mine"}' >> "$events"
        exit 11"#;
    scene.script("job", failed);
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["1 / 2 verified, 1 failed", "1 x not mine\n      for example A: "]);
}

#[test]
fn of_two_names_for_one_folder_the_second_fails_by_name_and_no_worker_is_given_it() {
    let scene = Scene::of(&["AAA", "Aaa", "BBB"]);
    prove(&scene.path("out"), "AAA", &[("2020-01-01", "2020-12-31")]);
    symlink("AAA", scene.path("out/Aaa")).expect("linked");
    scene.script("job", r#"tail -n +2 "$3" >> worked"#);
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["1 / 3 verified, 1 reported by the script, not verified, 1 failed"]);
    let why = run(&mut scene.launcher("why", &["Aaa"])).expect_code(0).stdout;
    says(&why, &["is also the folder of AAA, and a folder holds one ticker"]);
    assert_eq!(scene.read("worked"), "BBB\n");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(1);
    assert_eq!(scene.read("worked"), "BBB\n", "and none is started for it alone");

    std::fs::remove_file(scene.path("out/Aaa")).expect("removed");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
    assert_eq!(scene.read("worked"), "BBB\nAaa\n", "once it has a folder of its own");
}
