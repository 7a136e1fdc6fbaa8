//! Extending: a run that exists takes more days and more tickers, whole or not at all, and asks for
//! what is new.

use serde_json::Value;

use crate::recovery::kill_supervisor;
use crate::says::says;
use crate::scene::{Ended, Scene, prove, run, wait_for};

/// Notes the range and the tickers that it is given, then waits for `go` and ends with the exit
/// code in it.
const NOTED: &str = r#"echo "$7..$9 $(tail -n +2 "$3" | tr '\n' ' ')" >> asked
while [ ! -e go ]; do sleep 0.05; done; exit $(cat go)"#;

const YEAR: [(&str, &str); 1] = [("2020-01-01", "2020-12-31")];
const LONGER: [&str; 3] = ["--resume", "--to", "2021-12-31"];

/// A scene whose run, of one batch, trusts ledgers and has its first worker at work.
fn at_work(tickers: &[&str]) -> Scene {
    let scene = Scene::of(tickers);
    scene.script("job", NOTED);
    scene.detach("job", &["--resume", "--retries", "0"]);
    wait_for("the worker", || scene.count("asked") == 1);
    scene
}

/// The same when that worker has ended with `code` after 2020 was proven of `proven`.
fn after(tickers: &[&str], proven: &[&str], code: &str, outcome: i32) -> Scene {
    let scene = at_work(tickers);
    for ticker in proven {
        prove(&scene.path("out"), ticker, &YEAR);
    }
    scene.write("go", code);
    scene.wait().expect_code(outcome);
    scene
}

impl Scene {
    fn resume(&self, arguments: &[&str]) -> Ended {
        run(&mut self.launcher("start", arguments))
    }

    fn frozen(&self) -> Value {
        serde_json::from_str(&self.read("w/run.json")).expect("a run")
    }

    /// Everything that a refused extension must leave as it is.
    fn state(&self) -> [String; 3] {
        ["w/run.json", "w/tickers.csv", "w/journal.jsonl"].map(|name| self.read(name))
    }
}

#[test]
fn a_run_takes_more_days_and_more_tickers_and_all_of_them_are_worked_on() {
    let scene = after(&["A", "B"], &["A"], "11", 1);
    scene.write("more.csv", "name,ticker\nx,C\ny,B\nz,A\n");
    std::fs::remove_file(scene.path("go")).expect("removed");
    let more =
        ["--resume", "--from", "2019-01-01", "--to", "2021-12-31", "--tickers-csv", "more.csv"];
    let planned = scene.resume(&[&more[..], &["--dry-run"]].concat()).expect_code(0).stdout;
    let sentence = "extends the run: --from 2020-01-01 → 2019-01-01, --to 2020-12-31 → 2021-12-31, 1 more ticker\n";
    says(&planned, &[sentence, "3 tickers in 2 batches"]);
    assert_eq!(scene.frozen()["tickers"], 2, "a dry run");

    let said = scene.resume(&more).expect_code(0).stdout;
    says(&said, &[sentence, "3 tickers in 2 batches"]);
    wait_for("two workers", || scene.count("asked") == 3);
    let text = run(&mut scene.launcher("status", &[])).expect_code(0).stdout;
    assert!(
        text.contains("partitions  1 / 9 verified: 0 data, 1 empty"),
        "2020 of A stays proven: {text}"
    );
    let asked = scene.read("asked");
    for line in [
        "2020-01-01..2020-12-31 A B \n",
        "2019-01-01..2021-12-31 A B \n",
        "2019-01-01..2021-12-31 C \n",
    ] {
        assert!(asked.contains(line), "also A, which was done in a batch that was not: {asked}");
    }
    let frozen = scene.frozen();
    assert_eq!(
        (&frozen["tickers"], &frozen["settled_to"]),
        (&Value::from(3), &Value::from("2021-12-31"))
    );
    let before = &frozen["extensions"][0]["before"];
    assert_eq!(
        (&before["tickers"], &before["from"], &before["to"]),
        (&2.into(), &"2020-01-01".into(), &"2020-12-31".into())
    );
    assert!(frozen["extensions"][0]["at"].is_string());
    assert_eq!(scene.read("w/tickers.csv"), "ticker\nA\nB\nC\n");
    for ticker in ["A", "B", "C"] {
        let years = [
            ("2019-01-01", "2019-12-31"),
            ("2020-01-01", "2020-12-31"),
            ("2021-01-01", "2021-12-31"),
        ];
        prove(&scene.path("out"), ticker, &years);
    }
    scene.write("go", "0");
    assert!(scene.wait().expect_code(0).stdout.contains("3 / 3 verified"));
}

#[test]
fn what_is_less_or_mixed_with_something_else_changes_nothing() {
    let scene = after(&["A", "B"], &["A", "B"], "0", 0);
    scene.write("fewer.csv", "ticker\nA\nC\n");
    let before = scene.state();
    let refused = [
        (
            &["--resume", "--to", "2020-06-30"][..],
            "--to: the run has 2020-12-31, you say 2020-06-30; a run can be extended, not cut",
        ),
        (
            &["--resume", "--to", "2021-12-31", "--retries", "7", "--adjusted"],
            "--adjusted: the run has no, you say yes",
        ),
        (
            &["--resume", "--to", "2021-12-31", "--tickers-csv", "fewer.csv"],
            "which lacks B; a run can be extended, not cut",
        ),
    ];
    for (arguments, reason) in refused {
        let said = scene.resume(arguments).expect_code(2).stderr;
        says(&said, &[reason, "nothing was changed; leave them out"]);
        assert_eq!(scene.state(), before);
    }
    scene.write("same.csv", "ticker\nB\nA\n");
    let said = scene
        .resume(&["--resume", "--to", "2020-12-31", "--tickers-csv", "same.csv"])
        .expect_code(0)
        .stdout;
    assert!(said.contains("already complete") && !said.contains("extends"), "{said}");
}

#[test]
fn while_anything_of_it_lives_a_run_is_not_extended_and_its_workers_go_on() {
    let scene = at_work(&["A"]);
    let refused = scene.resume(&LONGER).expect_code(2);
    assert_eq!(refused.stdout, "");
    let said = refused.stderr;
    says(&said, &["this run is already going (supervisor pid "]);
    kill_supervisor(&scene);
    let before = scene.state();
    let said = scene.resume(&LONGER).expect_code(2).stderr;
    let words = format!(
        "they work on the old range (nothing was changed); end them first: `{} stop --workdir",
        scene.program().display()
    );
    says(&said, &[&words]);
    assert_eq!(scene.state(), before);
    assert!(scene.processes() > 0 && scene.count("asked") == 1);
    run(&mut scene.launcher("stop", &[])).expect_code(0);
    scene.resume(&LONGER).expect_code(0);
    wait_for("another worker", || scene.count("asked") == 2);
    assert!(
        scene.read("asked").ends_with("2020-01-01..2021-12-31 A \n"),
        "{}",
        scene.read("asked")
    );
}

#[test]
fn what_ended_unseen_is_judged_by_the_range_that_it_was_told() {
    let scene = at_work(&["A"]);
    kill_supervisor(&scene);
    prove(&scene.path("out"), "A", &YEAR);
    scene.write("go", "0");
    wait_for("its end", || scene.processes() == 0);
    std::fs::remove_file(scene.path("go")).expect("removed");
    scene.resume(&LONGER).expect_code(0);
    wait_for("another worker", || scene.count("asked") == 2);
    let log = scene.read("w/logs/batch_0001.log");
    says(&log, &["attempt 1 ended: exit 0", "1 done, 0 left"]);
    prove(&scene.path("out"), "A", &[("2021-01-01", "2021-12-31")]);
    scene.write("go", "0");
    scene.wait().expect_code(0);
}

#[test]
fn a_crash_between_list_and_run_json_leaves_the_run_as_it_was() {
    let scene = after(&["A"], &["A"], "0", 0);
    scene.write("w/tickers.csv", "ticker\nA\nB\n");
    let said = scene.resume(&["--resume"]).expect_code(0).stdout;
    says(&said, &["already complete"]);
    assert!(scene.status().contains("1 / 1 verified"), "{}", scene.status());
    run(&mut scene.launcher("why", &["B"])).expect_code(2);
    scene.write("more.csv", "ticker\nC\nA\n");
    let said = scene.resume(&["--resume", "--tickers-csv", "more.csv"]).expect_code(0).stdout;
    says(&said, &["extends the run: 1 more ticker\n"]);
    wait_for("its worker", || scene.count("asked") == 2);
    assert!(
        scene.read("asked").ends_with(" C \n") && scene.read("w/tickers.csv") == "ticker\nA\nC\n"
    );
}

#[test]
fn a_crash_right_after_run_json_leaves_a_run_that_goes_on_with_the_longer_range() {
    let scene = after(&["A"], &["A"], "0", 0);
    let mut frozen = scene.frozen();
    frozen["settings"]["to"] = "2021-12-31".into();
    frozen["settled_to"] = "2021-12-31".into();
    scene.write("w/run.json", &frozen.to_string());
    scene.resume(&["--resume"]).expect_code(0);
    wait_for("its worker", || scene.count("asked") == 2);
    assert!(
        scene.read("asked").ends_with("2020-01-01..2021-12-31 A \n"),
        "{}",
        scene.read("asked")
    );
}

#[test]
fn the_word_of_a_script_does_not_reach_other_days_but_more_tickers_may_come() {
    let scene = after(&["A"], &[], "0", 0);
    let said = scene.resume(&LONGER).expect_code(2).stderr;
    says(&said, &["a script reported 1 batch done, and no ledger proves"]);
    assert_eq!(scene.frozen()["settled_to"], "2020-12-31");
    scene.write("more.csv", "ticker\nA\nB\n");
    scene.resume(&["--resume", "--tickers-csv", "more.csv"]).expect_code(0);
    scene.wait().expect_code(0);
    assert!(
        scene.read("asked").ends_with(" B \n") && scene.count("asked") == 2,
        "{}",
        scene.read("asked")
    );
}
