//! What `status` says, word for word, of a run made up here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use launcher::facts::ending::Ending;
use launcher::facts::{Checked, Fact, Outcome, Tally, Word};
use launcher::job::Job;
use launcher::plan::request::{Extended, Request};
use launcher::supervise::event_summary::EventSummary;
use launcher::supervise::prepare;
use launcher::view::eta::Eta;
use launcher::view::recent::Recent;
use launcher::view::snapshot::{Hint, PausedBy, Snapshot, WithoutRows};
use launcher::view::sources::{Observed, SoFar, Sources, Supervised};
use launcher::view::{json, status};
use serde_json::Value;
use shared::dataset::ledger::Summary;
use shared::pace::budget::Usage;
use shared::run::events::{Event, Persistence, Stamped};
use shared::run::outage::{Outage, Symptom};
use shared::run::workdir::{BatchId, Workdir};

use crate::frozen::frozen;
use crate::machine::{Story, exited, planned, report, rules, ticker};
use crate::says::says;

fn request() -> Request {
    let tickers = ["A", "B", "C", "D", "E", "F", "G"].map(ticker).to_vec();
    frozen(Job::Daily, tickers, "2024-07-01T11:59:00Z", |_| ())
}

/// Batch 1 done, 2 running, 3 in backoff with a failure, 4 pending; G was proven before.
fn story() -> Story {
    let mut story = Story::of(rules(3, 1), &[&["A", "B"], &["C", "D"], &["E", "F"]]);
    let summary = Summary {
        partitions_data: 2,
        partitions_empty: 1,
        partitions_outside_plan: 0,
        partitions_partly_outside_plan: 0,
        rows: 1234,
    };
    story.hear(Fact::Surveyed { proven: Tally { tickers: 1, summary, without_rows: 0 } });
    story.launch();
    story.pass(60);
    let mut done = exited(0, 0, &[]);
    done.proven = Tally { tickers: 2, summary, without_rows: 0 };
    story.end(1, done);
    let gone = Word::failed("404 not found".to_owned(), Persistence::Permanent);
    story.end(3, report(Ending::Signaled { signal: 9 }, 0, &[("E", Word::Begun), ("F", gone)]));
    story.pass(30);
    story
}

fn observed(story: &Story) -> Observed {
    let mut summary = EventSummary::default();
    let at = story.entries.last().expect("facts").at;
    for event in [
        Event::TickerStart { ticker: ticker("C") },
        Event::Progress { ticker: ticker("C"), rows: 5000, pages: 1, bytes: 1 },
    ] {
        summary.hear(Stamped { at, event });
    }
    Observed { summary, rows_per_second: 83, rss_bytes: Some(23_000_000), so_far: BTreeMap::new() }
}

fn snapshot(supervised: Supervised) -> Snapshot {
    snapshot_of(&story(), supervised, None)
}

fn snapshot_of(story: &Story, supervised: Supervised, budget: Option<Usage>) -> Snapshot {
    snapshot_with(story, supervised, budget, observed(story))
}

fn snapshot_with(
    story: &Story,
    supervised: Supervised,
    budget: Option<Usage>,
    observed: Observed,
) -> Snapshot {
    Snapshot::take(&Sources {
        request: &request(),
        workdir: &Workdir::new(Path::new("/w")),
        recent: &Recent::of(&story.entries),
        machine: &story.machine,
        observed: BTreeMap::from([(BatchId(2), observed)]),
        supervised,
        budget,
        free_bytes: Some(81_900_000_000),
        workdir_free_bytes: Some(81_900_000_000),
        free_memory: None,
        now: story.now,
    })
}

#[test]
fn a_running_run_at_one_glance() {
    let expected = "\
RUNNING
run         ab12 (daily 2020-01-01..2020-12-31)
progress    50 % of the tickers in batches (1 ticker given up)
tickers     3 / 7 verified, 1 failed, 3 left
files       as recorded (length, time and inode; `start --resume --check` reads them)
partitions  6 / 7 verified: 4 data, 2 empty, 0 outside plan; 2,468 rows
reported    0 tickers done, 0 partitions, 5,000 rows by workers at work; not yet proven
batches     1 / 3 done, 1 running, 0 pending, 1 in backoff, 0 failed
to go       unknown yet
held up by  errors: 1 batch in backoff, 1 at work (killed by SIGKILL)
outdir      /data/out (81.9 GB free)
  batch_0002.1  90 s  C  5,000 rows (83/s)  1 page  23.0 MB  last heard 30 s ago
  1 batch waits for another attempt, the first until 2024-07-01T12:01:01Z: killed by SIGKILL
      for example batch_0003: /w/logs/batch_0003.log
failures
  1 x 404 not found
      for example F: /w/logs/batch_0003.log
";
    assert_eq!(status::render(&snapshot(Supervised::Yes)), expected);
}

#[test]
fn what_workers_report_counts_as_progress_and_is_not_called_proven() {
    let lines_of = |snapshot: &Snapshot| {
        let text = status::render(snapshot);
        let wanted = ["progress", "tickers", "reported"];
        text.lines()
            .filter(|line| wanted.iter().any(|it| line.starts_with(it)))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let story = story();
    // Of C and D, in one batch: D is done by its worker's word, C has come half way through the
    // year.
    let mut observed = observed(&story);
    let done = Event::TickerDone { ticker: ticker("D"), rows: 700, pages: 1 };
    observed.summary.hear(Stamped { at: story.now, event: done });
    let summary = Summary { partitions_data: 1, rows: 5_100, ..Summary::default() };
    observed.so_far.insert(ticker("C"), SoFar { days: 183, summary });
    let taken = |supervised| snapshot_with(&story, supervised, None, observed.clone());
    assert_eq!(
        lines_of(&taken(Supervised::Yes)),
        [
            "progress    75 % of the tickers in batches, of which 50 % proven (1 ticker given up)",
            "tickers     3 / 7 verified, 1 failed, 3 left",
            "reported    1 ticker done, 2 partitions, 5,800 rows by workers at work; not yet proven",
        ]
    );
    let mut extended = self::story();
    let known = Summary { partitions_data: 1, rows: 5_000, ..Summary::default() };
    let members = vec![(ticker("C"), known)];
    extended.hear(Fact::PartlyProven { batch: BatchId(2), members });
    let taken_then = snapshot_with(&extended, Supervised::Yes, None, observed.clone());
    assert_eq!(taken_then.partitions.verified, 7, "what was proven of C before it was begun");
    assert_eq!(
        lines_of(&taken_then)[2],
        "reported    1 ticker done, 1 partition, 5,700 rows by workers at work; not yet proven",
        "without what is proven"
    );
    let nobody = Supervised::No { last_words: String::new(), alive: BTreeSet::new() };
    assert_eq!(
        lines_of(&taken(nobody))[0],
        "progress    50 % of the tickers in batches (1 ticker given up)",
        "nobody works"
    );

    // Nobody but a proof says that all of it is there.
    let mut last = Story::of(rules(3, 1), &[&["A"], &["C", "D"]]);
    last.launch();
    last.end(1, exited(0, 1, &[]));
    let done = Event::TickerDone { ticker: ticker("C"), rows: 700, pages: 1 };
    observed.summary.hear(Stamped { at: story.now, event: done });
    let snapshot = snapshot_with(&last, Supervised::Yes, None, observed);
    assert_eq!((snapshot.progress.percent, snapshot.progress.proven_percent), (99, 33));
}

#[test]
fn a_dead_supervisor_is_said_with_its_last_words_and_the_way_on() {
    let text = status::render(&snapshot(Supervised::No {
        last_words: "panicked at x".to_owned(),
        alive: BTreeSet::new(),
    }));
    assert!(
        text.contains("1 / 3 done, 0 running, 1 pending") && !text.contains("batch_0002"),
        "{text}"
    );
    assert_eq!(
        text.lines().next(),
        Some(
            "SUPERVISOR DIED (last words: panicked at x); resume with: launcher start --workdir /w --resume"
        )
    );
}

/// Every key, as `running[].batch`; objects and arrays themselves are named only when they are
/// null.
pub(crate) fn keys(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let dot = if prefix.is_empty() { "" } else { "." };
                keys(&format!("{prefix}{dot}{name}"), value, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                keys(&format!("{prefix}[]"), item, found);
            }
        }
        _ => drop(found.insert(prefix.to_owned())),
    }
}

/// A run that pauses: three batches in a row crash; the fourth batch then goes ahead.
fn paused(canary_sent: bool) -> Story {
    let mut story = Story::of(rules(3, 1), &[&["A"], &["B"], &["C"], &["D"]]);
    story.launch();
    for (batch, name) in (1..).zip(["A", "B", "C"]) {
        story.end(batch, report(Ending::Signaled { signal: 9 }, 0, &[(name, Word::Begun)]));
    }
    story.pass(1);
    if canary_sent {
        assert_eq!(story.launch(), ["4.1"]);
    }
    story
}

#[test]
fn every_key_of_the_json_is_documented_and_every_documented_key_is_there() {
    let budget = Usage {
        rate: "500/min".parse().expect("a rate"),
        allowed_per_minute: 500,
        used_last_minute: 499,
        used_in_8_s: 60,
        next_turn_ms: 0,
        pace_percent: 100,
        paused_ms: 0,
        taken: 1000,
        refused: 1,
        waited_ms: 90_000,
    };
    let mut finished = Story::of(rules(1, 1), &[&["A"], &["B"], &["C"], &["D"], &["E"]]);
    for batch in 1..=3 {
        finished.launch();
        finished.pass(10);
        finished.end(batch, exited(0, 1, &[]));
    }
    let unchecked = vec![ticker("A")];
    finished.hear(Fact::Checked(Checked { tickers: 1, files: 2, bytes: 3, damaged: 1, unchecked }));
    let mut refused = snapshot_of(&story(), Supervised::Yes, Some(budget.clone()));
    refused.running[0].outage =
        Some(Outage { since: refused.created_at, symptom: Symptom::Status(503) });
    let snapshots = [
        refused,
        snapshot_of(&story(), Supervised::Yes, Some(budget)),
        snapshot_of(&paused(false), Supervised::Yes, None),
        snapshot_of(&paused(true), Supervised::Yes, None),
        Snapshot {
            without_rows: WithoutRows {
                tickers: 1,
                examples: vec![ticker("BRK-B")],
                hints: vec![Hint {
                    ticker: ticker("BRK-B"),
                    hint: "is it spelled BRK.B?".to_owned(),
                }],
            },
            eta_seconds: Some(Eta { low: 1, likely: 2, high: 3 }),
            ..snapshot_of(&finished, Supervised::Yes, None)
        },
    ];
    let mut said = BTreeSet::new();
    for snapshot in snapshots {
        let value: Value = serde_json::from_str(&json::render(&snapshot)).expect("JSON");
        keys("", &value, &mut said);
    }
    let page = include_str!("../../docs/status.md");
    let documented: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(said.difference(&documented).collect::<Vec<_>>(), [""; 0], "said, not documented");
    assert_eq!(documented.difference(&said).collect::<Vec<_>>(), [""; 0], "documented, never said");
}

#[test]
fn a_pause_says_when_somebody_looks_again() {
    let text = status::render(&snapshot_of(&paused(false), Supervised::Yes, None));
    let lines: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "PAUSED: 3 batches in a row got nothing done: killed by SIGKILL; resumes by itself when that is over",
            "pause       a canary batch starts at 2024-07-01T12:00:01Z",
        ]
    );
    let text = status::render(&snapshot_of(&paused(true), Supervised::Yes, None));
    assert_eq!(text.lines().nth(1), Some("pause       batch_0004 runs as the canary"));
    let named: Vec<&str> = text.lines().filter(|line| line.contains("said last")).collect();
    assert_eq!(
        named,
        ["  A (batch_0001), B (batch_0002), C (batch_0003) said last: killed by SIGKILL"],
        "one cause is said once"
    );
    let mut many = snapshot_of(&paused(true), Supervised::Yes, None);
    let by = |name: &str, said: &str| PausedBy {
        ticker: ticker(name),
        batch: BatchId(7),
        said: said.to_owned(),
    };
    many.paused_by.extend(["E", "F"].map(|name| by(name, "killed by SIGKILL")));
    many.paused_by.push(by("G", "HTTP 503"));
    let text = status::render(&many);
    let named: Vec<&str> = text.lines().filter(|line| line.contains("said last")).collect();
    assert_eq!(
        named,
        [
            "  A (batch_0001), B (batch_0002), C (batch_0003) and 2 tickers more said last: killed by SIGKILL",
            "  G (batch_0007) said last: HTTP 503",
        ]
    );
    let mut hindered = Story::of(rules(3, 1), &[&["A"]]);
    hindered.hear(Fact::Hindered { what: "disk full".to_owned() });
    hindered.pass(90);
    let text = status::render(&snapshot_of(&hindered, Supervised::Yes, None));
    assert_eq!(text.lines().nth(1), Some("pause       checked again by 2024-07-01T12:01:31Z"));
}

#[test]
fn a_complete_run_has_gaps_where_the_plan_does_not_reach_and_nowhere_else() {
    let complete = |empty, outside_plan, partly| {
        let mut story = Story::of(rules(3, 1), &[&["A"]]);
        story.hear(Fact::Surveyed { proven: Tally { tickers: 6, ..Tally::default() } });
        story.launch();
        let mut done = exited(0, 1, &[]);
        done.proven.summary.partitions_empty = empty;
        done.proven.summary.partitions_outside_plan = outside_plan;
        done.proven.summary.partitions_partly_outside_plan = partly;
        story.end(1, done);
        story.hear(Fact::Closed { outcome: Outcome::Complete });
        snapshot_of(&story, Supervised::Yes, None)
    };
    assert!(!complete(5, 0, 0).has_gaps(), "years before a listing are empty");
    assert!(complete(0, 1, 0).has_gaps());
    let partly = complete(0, 1, 1);
    assert!(partly.has_gaps() && complete(0, 0, 1).has_gaps());
    let text = status::render(&partly);
    let expected = "gaps        2 partitions lack days that the plan of the API key does not reach; `launcher why TICKER` names them\n";
    says(&text, &[expected]);
}

/// All seven tickers done and the run closed, as `launched` left it.
fn closed(launched: impl FnOnce(&mut Story) -> Outcome) -> Story {
    let mut story = Story::of(rules(3, 0), &[&["A"]]);
    story.hear(Fact::Surveyed { proven: Tally { tickers: 6, ..Tally::default() } });
    story.launch();
    let outcome = launched(&mut story);
    story.hear(Fact::Closed { outcome });
    story
}

fn done(story: &mut Story) -> Outcome {
    story.end(1, exited(0, 1, &[]));
    Outcome::Complete
}

fn first_line(story: &Story) -> String {
    let nobody = Supervised::No { last_words: String::new(), alive: BTreeSet::new() };
    let text = status::render(&snapshot_of(story, nobody, None));
    text.lines().next().expect("a line").to_owned()
}

#[test]
fn a_run_that_was_closed_and_was_given_work_since_is_prepared_and_not_complete() {
    const PREPARED: &str = "PREPARED; start with: launcher start --workdir /w --resume";
    assert_eq!(first_line(&closed(done)), "COMPLETE");
    let mut planned_since = closed(done);
    planned_since.hear(planned(2, &["H"]));
    assert_eq!(first_line(&planned_since), PREPARED);
    let mut reopened = closed(done);
    let (unfinished, proven) = (vec![ticker("A")], Tally::default());
    reopened.hear(Fact::Reopened { batch: BatchId(1), unfinished, proven });
    assert_eq!(first_line(&reopened), PREPARED);
    let mut lost = closed(done);
    lost.hear(Fact::Surveyed { proven: Tally { tickers: 5, ..Tally::default() } });
    assert_eq!(first_line(&lost), PREPARED, "a crash has torn off what was planned next");
    let mut failed = closed(|story| {
        story.end(1, exited(11, 0, &[("A", Word::Begun)]));
        Outcome::Incomplete { failed: 1 }
    });
    assert!(first_line(&failed).starts_with("INCOMPLETE (1 ticker failed)"));
    failed.hear(planned(2, &["H"]));
    assert_eq!(first_line(&failed), PREPARED);
}

#[test]
fn a_run_that_was_extended_is_prepared_until_what_is_new_was_planned() {
    let mut story = closed(done);
    story.pass(60);
    let mut extended = request();
    extended.extensions.push(Extended { at: story.now, before: extended.extent() });
    let is_left = |story: &Story| prepare::leaves_work(&story.machine, &extended);
    assert!(is_left(&story), "whoever has extended it has died a moment later");
    story.hear(Fact::Surveyed { proven: Tally { tickers: 6, ..Tally::default() } });
    assert!(!is_left(&story), "the new days were proven already");
}
