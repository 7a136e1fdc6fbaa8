//! What `status` says, word for word, of a run made up here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use launcher::cli::StartArgs;
use launcher::plan::request::{Input, Request};
use launcher::plan::settings::Settings;
use launcher::process::exit_record::Ending;
use launcher::supervise::digest::Digest;
use launcher::supervise::facts::{Fact, Tally, Word};
use launcher::view::snapshot::{Snapshot, Sources, Supervised};
use launcher::view::{json, status};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Summary;
use shared::run::events::{Event, Persistence, Stamped};
use shared::run::ticker_list::TickerList;
use shared::run::workdir::{BatchId, Workdir};

use crate::machine::{Story, exited, report, rules, ticker};

fn request() -> Request {
    let args = StartArgs {
        job: Some(Kind::Daily),
        tickers_csv: Some("small.csv".into()),
        outdir: Some("/data/out".into()),
        from: Some("2020-01-01".parse().expect("a day")),
        to: Some("2020-12-31".parse().expect("a day")),
        ..StartArgs::default()
    };
    let settings = Settings::resolve(&args, Path::new("/home/me")).expect("complete");
    let names = ["A", "B", "C", "D", "E", "F", "G"];
    let list = TickerList { tickers: names.iter().map(|name| ticker(name)).collect(), repeated: Vec::new() };
    let now = "2024-07-01T11:59:00Z".parse().expect("an instant");
    Request::new("ab12".to_owned(), now, settings, &Input { list, sha256: "00".to_owned() }).expect("settled")
}

/// Batch 1 done, 2 running, 3 in backoff with a failure, 4 pending; G was proven before.
fn story() -> Story {
    let mut story = Story::of(rules(3, 1), &[&["A", "B"], &["C", "D"], &["E", "F"]]);
    let summary = Summary { partitions_data: 2, partitions_empty: 1, partitions_outside_plan: 0, rows: 1234 };
    story.hear(Fact::Surveyed { proven: Tally { tickers: 1, summary } });
    story.launch();
    story.pass(60);
    let mut done = exited(0, 0, &[]);
    done.proven = Tally { tickers: 2, summary };
    story.end(1, done);
    let gone = Word::Failed { cause: "404 not found".to_owned(), persistence: Persistence::Permanent };
    story.end(3, report(Ending::Signaled { signal: 9 }, 0, &[("E", Word::Begun), ("F", gone)]));
    story.pass(30);
    story
}

fn digest(story: &Story) -> Digest {
    let mut digest = Digest::default();
    let at = story.entries.last().expect("facts").at;
    for event in [
        Event::TickerStart { ticker: ticker("C") },
        Event::Progress { ticker: ticker("C"), rows: 5000, pages: 1, bytes: 1 },
    ] {
        digest.hear(Stamped { at, event });
    }
    digest
}

fn snapshot(supervised: Supervised) -> Snapshot {
    let story = story();
    Snapshot::take(&Sources {
        request: &request(),
        workdir: &Workdir::new(Path::new("/w")),
        entries: &story.entries,
        machine: &story.machine,
        digests: BTreeMap::from([(BatchId(2), digest(&story))]),
        supervised,
        budget: None,
        free_bytes: Some(81_900_000_000),
        now: story.now,
    })
}

#[test]
fn a_running_run_at_one_glance() {
    let expected = "\
RUNNING
run         ab12 (daily 2020-01-01..2020-12-31)
tickers     3 / 7 verified, 1 failed, 3 left
partitions  4 data, 2 empty, 0 outside plan; 2,468 rows
batches     1 / 3 done, 1 running, 0 pending, 1 in backoff, 0 failed
outdir      /data/out (81.9 GB free)
  batch_0002.1  90 s  C  5,000 rows  1 page  last heard 30 s ago
  1 batch waits for another attempt: killed by SIGKILL
      for example batch_0003: /w/logs/batch_0003.log
failures
  1 x 404 not found
      for example F: /w/logs/batch_0003.log
";
    assert_eq!(status::render(&snapshot(Supervised::Yes)), expected);
}

#[test]
fn a_dead_supervisor_is_said_with_its_last_words_and_the_way_on() {
    let text = status::render(&snapshot(Supervised::No {
        last_words: "panicked at x".to_owned(),
        alive: BTreeSet::new(),
    }));
    assert!(text.contains("1 / 3 done, 0 running, 1 pending") && !text.contains("batch_0002"), "{text}");
    assert_eq!(
        text.lines().next(),
        Some(
            "SUPERVISOR DIED (last words: panicked at x)  (resume with: launcher start --workdir /w --resume)"
        )
    );
}

#[test]
fn the_json_form_keeps_its_field_names() {
    let value: serde_json::Value =
        serde_json::from_str(&json::render(&snapshot(Supervised::Yes))).expect("JSON");
    let names: Vec<&String> = value.as_object().expect("an object").keys().collect();
    let documented = [
        "run",
        "job",
        "workdir",
        "outdir",
        "from",
        "to",
        "created_at",
        "state",
        "tickers",
        "partitions",
        "rows",
        "batches",
        "running",
        "retries",
        "failures",
        "eta_seconds",
        "budget",
        "free_disk_bytes",
    ];
    let mut documented = documented.to_vec();
    documented.sort_unstable();
    assert_eq!(names, documented);
    assert_eq!(value["running"][0]["batch"], "batch_0002");
    assert_eq!(value["running"][0]["quiet_seconds"], 30);
    assert_eq!(value["failures"][0]["example"], "F");
}
