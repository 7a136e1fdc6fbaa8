//! `--weights`: who is asked how heavy tickers are, what of that is said, and what is refused.

use crate::says::says;
use crate::scene::{Scene, run};

const SCRIPT: [&str; 2] = ["--ingest-script", "/bin/true"];

fn scene() -> Scene {
    let scene = Scene::of(&["A", "B", "C"]);
    scene.write("caps.csv", "ticker,name,market_cap\nC,x,2e9\nA,y,\nB,z,3000000\n");
    scene
}

/// A dry run of these arguments, up to which its plan is the usual one.
#[track_caller]
fn planned(scene: &Scene, arguments: &[&str]) -> String {
    let start = [&SCRIPT[..], &["--dry-run"], arguments].concat();
    run(&mut scene.start(&start))
        .expect_code(0)
        .stdout
        .replace(&scene.path("").display().to_string(), "")
}

#[test]
fn a_plan_says_who_told_the_weights() {
    let scene = scene();
    let weights = "\nweights  2 by market_cap in caps.csv, 1 unknown, which may be heavy; the heaviest first\n";
    let said = planned(&scene, &["--weights", "caps.csv"]);
    assert!(said.contains(weights) && !said.contains("note:"), "{said}");
    assert!(!planned(&scene, &[]).contains("weights"), "nothing is known, nothing is said");
}

#[test]
fn a_ticker_list_with_sizes_is_its_own_second_source_but_not_for_daily_bars() {
    let scene = scene();
    scene.write("tickers.csv", &scene.read("caps.csv"));
    let by_list = "\nweights  2 by market_cap in tickers.csv, 1 unknown, which may be heavy; ";
    let minutes = planned_minutes(&scene);
    says(&minutes, &[by_list]);
    assert!(!planned(&scene, &[]).contains("weights"), "one bar a session, whoever is large");

    scene.write("tickers.csv", "ticker,volume\nA,1\nB,lots\nC,2\n");
    let said = planned_minutes(&scene);
    let note = "note: no ticker sizes: tickers without a ledger are treated as heavy: tickers.csv:3: volume is \"lots\", which is not a size (a number from 0 on, or empty)\n";
    assert!(said.starts_with(note) && !said.contains("\nweights"), "nobody asked for it: {said}");
}

fn planned_minutes(scene: &Scene) -> String {
    let usual = Scene::usual(&["--ingest-script", "/bin/true", "--dry-run"]);
    let minutes: Vec<&str> =
        usual.iter().map(|word| if *word == "daily" { "minute" } else { *word }).collect();
    let said = run(&mut scene.launcher("start", &minutes)).expect_code(0).stdout;
    said.replace(&scene.path("").display().to_string(), "")
}

#[test]
fn a_second_source_that_can_not_tell_is_refused_before_anything_is_begun() {
    let scene = scene();
    std::fs::create_dir(scene.path("tree")).expect("a folder");
    scene.write("bad.csv", "ticker,rows\nA,1\nB,-7\n");
    scene.write("names.csv", "ticker,name\nA,x\n");
    scene.write("tree/_dataset.json", "{");
    let refused = |weights: &str| {
        let ended =
            run(&mut scene.start(&[&SCRIPT[..], &["--weights", weights]].concat())).expect_code(2);
        assert!(!scene.path("w").exists() && !scene.path("out").exists(), "nothing was begun");
        ended.stderr.replace(&scene.path("").display().to_string(), "")
    };
    for (weights, said) in [
        (
            "bad.csv",
            "bad.csv:3: rows is \"-7\", which is not a size (a number from 0 on, or empty)\n",
        ),
        ("names.csv", "names.csv: no column named weight, rows, volume, market_cap; add one\n"),
        ("gone", "can't read gone: No such file or directory"),
        ("tree", "tree/_dataset.json: not a dataset descriptor"),
    ] {
        let found = refused(weights);
        assert!(found.starts_with(&format!("error: --weights: {said}")), "{found}");
    }
    std::fs::remove_file(scene.path("tree/_dataset.json")).expect("removed");
    assert!(
        refused("tree")
            .starts_with("error: --weights: tree: no _dataset.json in it, so it is not the tree ")
    );
}

#[test]
fn a_run_keeps_its_second_source_and_goes_on_without_where_that_is_gone() {
    let scene = scene();
    scene.script("job", "exit 0");
    let said = scene.detach("job", &["--weights", "caps.csv"]).stdout;
    says(&said, &["\nweights  2 by market_cap in "]);
    scene.wait().expect_code(0);
    let resume = |arguments: &[&str]| {
        run(&mut scene.launcher("start", &[&["--resume"], arguments].concat()))
    };
    let differs = resume(&["--weights", "other.csv", "--dry-run"]).expect_code(0).stdout;
    let paths = ["caps.csv", "other.csv"].map(|name| scene.path(name).display().to_string());
    let line = format!("changes the run: --weights {} → {}\n", paths[0], paths[1]);
    says(&differs, &[&line]);

    std::fs::remove_file(scene.path("caps.csv")).expect("removed");
    let said = resume(&["--weights", "caps.csv"]).expect_code(0).stdout;
    assert!(!said.contains("note: "), "nobody is to be weighed: {said}");
    scene.write("tickers.csv", "ticker\nA\nB\nC\nD\n");
    let said = resume(&["--tickers-csv", "tickers.csv"]).expect_code(0).stdout;
    let note = format!(
        "note: no ticker sizes: tickers without a ledger are treated as heavy: can't read {}",
        paths[0]
    );
    says(&said, &[&note, "1 ticker in 1 batch"]);
    scene.wait().expect_code(0);
}
