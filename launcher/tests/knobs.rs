//! The run in the user's hands: what does not make the data may be set otherwise each time that it
//! goes on, and what was decided before is read back by the rules of then.

use launcher::facts::{Fact, Word};
use launcher::plan::knobs::Change;
use launcher::plan::settings::Rules;
use launcher::supervise::machine::Machine;
use proptest::prelude::*;
use serde_json::Value;
use shared::run::events::Persistence;

use crate::any_run::any_run;
use crate::machine::{Story, exited, opened, rules};
use crate::recovery::kill_supervisor;
use crate::says::says;
use crate::scene::{Scene, run, service, wait_for};

/// Notes its tickers, its threads and its rate; then waits for `go` and ends with the exit code in
/// it.
const NOTED: &str = r#"echo "$(tail -n 1 "$3") $*" >> asked
while [ ! -e go ]; do sleep 0.05; done; exit $(cat go)"#;

fn changed(rules: Rules) -> Fact {
    let change = |flag: &str, before: &str, after: &str| Change {
        flag: flag.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    Fact::Changed { knobs: vec![change("--max-concurrent", "2", "1")], rules }
}

fn timeout() -> Word {
    Word::failed("timeout".to_owned(), Persistence::Transient)
}

#[test]
fn under_a_smaller_cap_the_workers_that_run_go_on_and_no_new_one_starts_until_they_are_fewer() {
    let mut story = Story::of(rules(3, 0), &[&["A"], &["B"], &["C"], &["D"], &["E"]]);
    assert_eq!(story.launch(), ["1.1", "2.1", "3.1"]);
    story.hear(changed(rules(2, 0)));
    story.hear(opened());
    assert_eq!(story.launch(), [] as [String; 0], "three are adopted, two may run");
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.launch(), [] as [String; 0], "two run");
    story.end(2, exited(0, 1, &[]));
    assert_eq!(story.launch(), ["4.1"]);

    let mut replayed = Machine::new(rules(3, 0));
    for (line, entry) in (1..).zip(&story.entries) {
        replayed.apply(entry).unwrap_or_else(|error| panic!("line {line}: {error}"));
    }
    assert_eq!(replayed, story.machine);
    let first = Machine::new(rules(2, 0));
    let by_the_rules_of_today = story
        .entries
        .iter()
        .try_fold(first, |mut machine, entry| machine.apply(entry).map(|()| machine));
    assert!(
        by_the_rules_of_today.is_err(),
        "three workers at once can't have happened by the smaller cap"
    );
}

#[test]
fn fewer_retries_judge_only_what_ends_after_they_were_said() {
    let mut story = Story::of(rules(1, 1), &[&["A"]]);
    story.launch();
    story.end(1, exited(10, 0, &[("A", timeout())]));
    assert_eq!(story.left(1), ["A"], "one retry");
    story.hear(changed(rules(1, 0)));
    story.hear(opened());
    story.pass(60);
    assert_eq!(story.launch(), ["1.2"]);
    story.end(1, exited(10, 0, &[("A", timeout())]));
    assert_eq!(story.failures(1), [("A", "timeout")]);
}

proptest! {
    #[test]
    fn knobs_may_be_turned_at_any_moment_and_end_nobody(
        choices in proptest::collection::vec(any::<u8>(), 0..200),
        cap in 1..5_u32,
        retries in 0..4_u32,
        other in 1..5_u32,
        at in 0..1000_usize,
    ) {
        let mut story = any_run(&choices, cap);
        let facts = story.entries.len();
        let mut machine = Machine::new(rules(cap, 1));
        for (number, entry) in story.entries.drain(..).enumerate() {
            if number == at % facts {
                let running = machine.running();
                let at = entry.at;
                let turned = launcher::facts::JournalEntry { at, fact: changed(rules(other, retries)) };
                machine.apply(&turned).expect("knobs may be turned at any moment");
                prop_assert_eq!(machine.running(), running);
                prop_assert_eq!(machine.rules(), rules(other, retries));
                break;
            }
            machine.apply(&entry).expect("as it happened");
        }
    }
}

impl Scene {
    fn go_on(&self, arguments: &[&str]) -> String {
        run(&mut self.launcher("start", &[&["--resume"], arguments].concat())).expect_code(0).stdout
    }

    fn frozen_run(&self) -> Value {
        serde_json::from_str(&self.read("w/run.json")).expect("a run")
    }
}

#[test]
fn a_run_goes_on_with_other_knobs_says_so_keeps_its_history_and_its_workers() {
    let scene = Scene::of(&["A", "B", "C", "D"]);
    scene.script("job", NOTED);
    scene.detach(
        "job",
        &["--batch-size", "1", "--max-concurrent", "3", "--retries", "0", "--rate", "500/min"],
    );
    wait_for("three workers", || scene.count("asked") == 3);
    kill_supervisor(&scene);
    let turned =
        ["--max-concurrent", "1", "--rate", "100/min", "--per-shard-workers", "2", "--tries", "3"];
    let sentence = "changes the run: --max-concurrent 3 → 1, --per-shard-workers 4 → 2, --rate 500/min → 100/min, --tries 8 → 3\n";
    let planned = scene.go_on(&[&turned[..], &["--dry-run"]].concat());
    assert!(planned.contains(sentence) && scene.frozen_run().get("changes").is_none(), "{planned}");
    let said = scene.go_on(&turned);
    says(&said, &[sentence, "keep what they were told until their attempts end"]);

    let frozen = scene.frozen_run();
    assert_eq!(frozen["settings"]["rate"], "100/min");
    let history = &frozen["changes"][0];
    assert_eq!(
        (&history["knobs"][2]["before"], &history["rules_before"]["max_concurrent"]),
        (&"500/min".into(), &3.into())
    );
    assert!(
        scene.read("w/journal.jsonl").contains(
            r#""changed":{"knobs":[{"flag":"--max-concurrent","before":"3","after":"1"}"#
        )
    );
    assert!(
        scene.status().contains("3 running, 1 pending"),
        "they are adopted: {}",
        scene.status()
    );
    scene.write("go", "0");
    let ended = scene.wait().expect_code(0).stdout;
    assert!(ended.starts_with("COMPLETE"), "{ended}");
    let asked = scene.read("asked");
    let of_d = asked.lines().find(|line| line.starts_with("D ")).expect("D was asked for");
    says(of_d, &["--max-workers 2", "--rate 100/min", "--tries 3"]);
    assert_eq!(asked.lines().count(), 4);
    // Said again it is no change, and what is read back is what was.
    let said = scene.go_on(&turned);
    assert!(said.contains("already complete") && !said.contains("changes"), "{said}");
    run(&mut scene.launcher("why", &["A"])).expect_code(0);
}

#[test]
fn a_crash_between_run_json_and_journal_leaves_a_run_that_says_it_the_next_time() {
    let scene = Scene::of(&["A"]);
    scene.script("job", NOTED);
    scene.write("go", "11");
    scene.detach("job", &["--max-concurrent", "3", "--retries", "0"]);
    scene.wait().expect_code(1);
    let journal = scene.read("w/journal.jsonl");
    scene.go_on(&["--retries", "1"]);
    scene.wait().expect_code(1);
    // As if nothing after run.json had reached the disk.
    scene.write("w/journal.jsonl", &journal);
    assert!(scene.status().starts_with("INCOMPLETE"), "{}", scene.status());
    scene.go_on(&[]);
    scene.wait().expect_code(1);
    assert!(
        scene.read("w/journal.jsonl").contains(r#""flag":"--retries","before":"0","after":"1""#)
    );
}

#[test]
fn without_a_pause_between_requests_no_budget_is_shared_as_before() {
    let scene = Scene::with_worker(&["A"], NOTED);
    let address = service("200 OK", "{\"status\":\"OK\"}");
    let mut start = scene.start(&["--rate-limit", "0", "--base-url", &address]);
    run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0);
    wait_for("the worker", || scene.count("asked") == 1);
    assert!(!scene.read("asked").contains("--rate"), "{}", scene.read("asked"));
}
