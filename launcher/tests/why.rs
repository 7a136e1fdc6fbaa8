//! `why`: the whole chain for one ticker.

use std::path::Path;

use launcher::facts::Word;
use launcher::facts::ending::Ending;
use launcher::supervise::machine::Machine;
use launcher::view::story::{Chapter, Result, Stories};
use serde_json::Value;
use shared::dataset::answers::Said;
use shared::run::workdir::BatchId;

use crate::machine::{Story, report, rules, ticker};
use crate::says::says;
use crate::scene::{Scene, prove, record, run, wait_for};

/// Says what the worker would say of A, in its events (`$2` of `--events`), and fails.
const FAILS_A: &str = r#"
while [ $# -gt 0 ]; do [ "$1" = --events ] && events="$2"; [ "$1" = --tickers-csv ] && list="$2"; shift; done
stamp=2024-07-01T12:00:00Z
if grep -q '^A$' "$list"; then
    echo "$stamp INFO  A: starts"
    echo "$stamp ERROR A: HTTP 500, eight times"
    echo "$stamp ERROR B: of no interest here"
    echo '{"at":"'$stamp'","event":"progress","ticker":"A","rows":0,"pages":1,"bytes":1}' >> "$events"
    echo '{"at":"'$stamp'","event":"ticker_failed","ticker":"A","cause":"HTTP 500, eight times","persistence":"transient"}' >> "$events"
    exit 10
fi
"#;

fn why(scene: &Scene, ticker: &str) -> String {
    run(scene.launcher("why", &[]).arg(ticker)).expect_code(0).stdout
}

#[test]
fn a_ticker_that_was_given_up_is_told_attempt_by_attempt_with_its_log_lines() {
    let scene = Scene::of(&["A", "B", "C"]);
    prove(&scene.path("out"), "A", &[("2020-01-01", "2020-03-31")]);
    prove(&scene.path("out"), "B", &[("2020-01-01", "2020-12-31")]);
    scene.silent_script("job", FAILS_A);
    scene.detach("job", &["--batch-size", "2", "--retries", "1"]);
    scene.wait().expect_code(1);
    let said = why(&scene, "A");
    let lines: Vec<&str> = said.lines().collect();
    let log = scene.path("w/logs/batch_0001.log").display().to_string();
    assert_eq!(lines[0], "A: given up after attempt 2: HTTP 500, eight times");
    assert!(lines[1].ends_with(" (daily 2020-01-01..2020-12-31)"), "{said}");
    assert_eq!(lines[2], format!("batch       batch_0001: {log}"));
    assert!(lines[3].ends_with("Z  planned in batch_0001, 1 ticker"), "{said}");
    assert!(lines[4].contains("Z  batch_0001.1 with 1 ticker: exit 10 after "), "{said}");
    assert!(lines[4].ends_with(" s: HTTP 500, eight times; charged"), "{said}");
    assert_eq!(lines[5], format!("      {log}:3"));
    assert_eq!(lines[6], "      > 2024-07-01T12:00:00Z ERROR A: HTTP 500, eight times");
    assert!(
        lines[7].contains("Z  batch_0001.2 with ") && lines[7].ends_with("; given up"),
        "{said}"
    );
    assert_eq!(lines[8], format!("      {log}:8"));
    assert!(
        lines[10].ends_with(
            "/out/A/_ledger.jsonl: 0 partitions with data, 0 empty, 0 outside the plan; 0 rows"
        ),
        "{said}"
    );
    assert_eq!(lines[11], "missing     366 days: 2020-01-01..2020-12-31");
    let program = scene.program().display();
    let workdir = scene.path("w").display().to_string();
    assert_eq!(lines[12], format!("try again   {program} start --workdir {workdir} --resume"));
    let text = run(scene.launcher("why", &["--json"]).arg("A")).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["now"]["state"], "failed");
    assert_eq!(json["story"][1]["end"]["result"], "charged");
    assert_eq!(json["log_lines"][0]["line"], 3);
    assert_eq!(json["ledger"]["missing"][0]["from"], "2020-01-01");
}

#[test]
fn what_was_proven_before_and_what_is_unknown_say_so() {
    let scene = Scene::of(&["A", "B"]);
    prove(&scene.path("out"), "A", &[("2020-01-01", "2020-12-31")]);
    scene.script("job", "exit 0");
    scene.detach("job", &["--resume"]);
    scene.wait().expect_code(0);
    let said = why(&scene, "A");
    assert!(
        said.starts_with("A: proven before this run began, but the source has not one row of it"),
        "{said}"
    );
    assert!(!said.contains("missing") && !said.contains("try again"), "{said}");
    let said = why(&scene, "B");
    assert!(said.starts_with("B: reported done by the script; no ledger proves it\n"), "{said}");
    let said = run(scene.launcher("why", &[]).arg("b")).expect_code(2).stderr;
    assert_eq!(
        said,
        "error: \"b\" is not a ticker of this run; it has B, A (tickers.csv in the work directory lists all)\n"
    );
}

#[test]
fn a_run_that_the_plan_reaches_in_part_is_complete_with_gaps_and_the_days_are_named() {
    let scene = Scene::of(&["A", "B"]);
    let answers = [
        (("2020-01-01", "2020-06-30"), Said::OutsidePlan),
        (("2020-07-01", "2020-12-31"), Said::Empty { asks: 9 }),
    ];
    record(&scene.path("out"), "A", &answers);
    scene.script("job", "exit 0");
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(3).stdout;
    assert!(
        ended.starts_with("COMPLETE\n") && ended.contains("\ngaps        1 partition lacks days "),
        "{ended}"
    );
    let said = why(&scene, "A");
    says(&said, &["\nbeyond plan 182 days: 2020-01-01..2020-06-30\n"]);
    assert!(!said.contains("missing"), "{said}");
}

#[test]
fn a_ticker_being_worked_on_says_how_far_it_is() {
    let scene = Scene::of(&["A"]);
    let body = r#"
while [ $# -gt 0 ]; do [ "$1" = --events ] && events="$2"; shift; done
stamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
echo '{"at":"'$stamp'","event":"progress","ticker":"A","rows":5000,"pages":2,"bytes":9}' >> "$events"
echo x >> begun; exec sleep 600"#;
    scene.script("job", body);
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    let said = why(&scene, "A");
    assert!(said.starts_with("A: being worked on in attempt 1 for "), "{said}");
    says(&said, &["; 5,000 rows, 2 pages, last heard ", " with 1 ticker: runs\n"]);
    assert!(!said.contains("try again"), "{said}");
    wait_for("its memory", || scene.status().contains("batch_0001.1") && memory_is_seen(&scene));
}

fn memory_is_seen(scene: &Scene) -> bool {
    let text = run(&mut scene.launcher("status", &["--json"])).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&text).expect("JSON");
    status["running"][0]["rss_bytes"].as_u64().is_some_and(|bytes| bytes > 0)
}

#[test]
fn a_file_that_is_damaged_after_the_run_is_named_with_the_way_to_get_it_back() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo nothing");
    prove(&scene.path("out"), "A", &[("2020-01-01", "2020-12-31")]);
    scene.detach("job", &["--resume"]);
    scene.wait();
    damage(&scene.path("out"));
    let said = why(&scene, "A");
    assert!(said.starts_with("A: in no batch yet\n"), "{said}");
    says(
        &said,
        &[
            "missing     366 days: 2020-01-01..2020-12-31\n",
            "\ndamaged     ",
            "/out/A/year=2020/daily.parquet: ",
            "\ntry again   ",
        ],
    );
}

/// Writes a ledger line for a file that is not there.
pub(crate) fn damage(outdir: &Path) {
    use jiff::Timestamp;
    use shared::dataset::answers::Said;
    use shared::dataset::kind::Kind;
    use shared::dataset::ledger::{Entry, FileProof};
    use shared::dataset::open_ledger::OpenLedger;
    use shared::dataset::partition::Partition;
    use shared::dataset::writer::Fingerprint;

    let partition = Partition::Year(2020);
    let ticker = "A".parse().expect("a ticker");
    let mut entry = Entry::new(&ticker, partition);
    entry.answers.record(partition.span(), Said::Data, Timestamp::UNIX_EPOCH);
    // Of `seventeen bytes..`.
    let sha256 = "85435d2a922307d56ae15d148e7b9afbf96c4901c109d5a802a63c286ee6edee".to_owned();
    entry.file = Some(FileProof::new(1, 0, 0, Fingerprint { bytes: 17, sha256 }));
    let mut ledger =
        OpenLedger::open(outdir, Kind::Daily, &ticker, partition.span()).expect("opened");
    ledger.commit(vec![entry]).expect("committed");
}

#[test]
fn an_attempt_is_told_with_the_cause_that_was_charged_and_not_with_what_was_said_last() {
    let mut story = Story::of(rules(1, 1), &[&["A"]]);
    story.launch();
    story.end(1, report(Ending::TooLarge { rss_bytes: 1 << 30 }, 0, &[("A", Word::Begun)]));
    let (mut machine, mut stories) = (Machine::new(rules(1, 1)), Stories::of(ticker("A")));
    for entry in &story.entries {
        machine.apply(entry).expect("it has happened");
        stories.hear(&machine, entry);
    }
    let chapters = stories.take(BatchId(1));
    let Some(Chapter::Attempt(attempt)) = chapters.last() else { panic!("{chapters:?}") };
    let end = attempt.end.as_ref().expect("it has ended");
    let cause = "ended because it had 1024 MiB of memory (--max-rss)".to_owned();
    assert_eq!(end.result, Result::Charged { cause });
}
