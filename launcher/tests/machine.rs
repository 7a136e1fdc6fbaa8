//! The state machine, told as stories: facts in, decisions out.

use jiff::{SignedDuration, Timestamp};
use launcher::facts::ending::{Ending, Usage};
use launcher::facts::{
    Fact, JournalEntry, Outcome, Partway, Report, StopWhy, Tally, Unfinished, Word,
};
use launcher::plan::part::Part;
use launcher::plan::settings::Rules;
use launcher::plan::weights::Weight;
use launcher::supervise::batch::{BatchState, Illegal};
use launcher::supervise::machine::{Decision, Machine, RunState, Surroundings};
use launcher::view::counts;
use shared::dataset::summary::Summary;
use shared::formats::Format;
use shared::market::ticker::Ticker;
use shared::run::events::Persistence;
use shared::run::identity::ProcessIdentity;
use shared::run::size::Size;
use shared::run::workdir::BatchId;

pub(crate) fn ticker(name: &str) -> Ticker {
    name.parse().expect(name)
}

pub(crate) fn rules(max_concurrent: u32, retries: u32) -> Rules {
    let max_concurrent = max_concurrent.try_into().expect("at least one");
    Rules { max_concurrent, retries, min_free_memory: Size(50) }
}

pub(crate) fn opened() -> Fact {
    let supervisor = ProcessIdentity { pid: 17, start_ticks: 4711, boot_id: "boot".to_owned() };
    Fact::Opened { supervisor, version: Format::Journal.version() }
}

pub(crate) fn planned(batch: u32, names: &[&str]) -> Fact {
    let tickers = names.iter().map(|name| ticker(name)).collect();
    Fact::Planned { batch: BatchId(batch), tickers, part: Part::WHOLE, weight: Weight::Unknown }
}

/// A part of one ticker.
pub(crate) fn planned_part(batch: u32, name: &str, part: &str) -> Fact {
    let part = part.parse().expect("a part");
    Fact::Planned {
        batch: BatchId(batch),
        tickers: vec![ticker(name)],
        part,
        weight: Weight::Unknown,
    }
}

pub(crate) fn report(ending: Ending, done: u64, unfinished: &[(&str, Word)]) -> Report {
    let left = |(name, word): &(&str, Word)| Unfinished {
        ticker: ticker(name),
        word: word.clone(),
        partway: Partway::default(),
        proven: Summary::default(),
    };
    Report {
        ending,
        proven: Tally { tickers: done, ..Tally::default() },
        reported: 0,
        usage: Usage::default(),
        unfinished: unfinished.iter().map(left).collect(),
        yielded: false,
        left_no_sign: false,
        clocks: None,
        pages: None,
        last_words: String::new(),
        dice: u32::MAX,
    }
}

pub(crate) fn exited(code: i32, done: u64, unfinished: &[(&str, Word)]) -> Report {
    report(Ending::Exited { code }, done, unfinished)
}

/// A run whose clock is set by hand.
pub(crate) struct Story {
    pub(crate) machine: Machine,
    pub(crate) entries: Vec<JournalEntry>,
    pub(crate) now: Timestamp,
}

impl Story {
    /// Batches as given, and a supervisor.
    pub(crate) fn of(rules: Rules, batches: &[&[&str]]) -> Self {
        let now = "2024-07-01T12:00:00Z".parse().expect("an instant");
        let mut story = Self { machine: Machine::new(rules), entries: Vec::new(), now };
        for (number, names) in (1..).zip(batches) {
            story.hear(planned(number, names));
        }
        story.hear(opened());
        story
    }

    /// Batches of one: `T0`, `T1`, ...
    pub(crate) fn of_singles(rules: Rules, count: u32) -> Self {
        let names: Vec<String> = (0..count).map(|number| format!("T{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Self::of(rules, &names.chunks(1).collect::<Vec<_>>())
    }

    #[track_caller]
    pub(crate) fn hear(&mut self, fact: Fact) {
        self.try_hear(fact).expect("legal");
    }

    pub(crate) fn try_hear(&mut self, fact: Fact) -> Result<(), Illegal> {
        let entry = JournalEntry { at: self.now, fact };
        self.machine.apply(&entry)?;
        self.entries.push(entry);
        let open = self.machine.batches().filter(|(_, batch)| !batch.is_over()).map(|(id, _)| id);
        assert!(
            open.eq(self.machine.open_batches().map(|(id, _)| id)),
            "it knows what is not over"
        );
        Ok(())
    }

    pub(crate) fn decide(&self) -> Vec<Decision> {
        self.machine.decide(Surroundings { now: self.now, free_memory: None })
    }

    /// Does what is decided; returns the launches as `batch.attempt`.
    pub(crate) fn launch(&mut self) -> Vec<String> {
        let mut launched = Vec::new();
        for decision in self.decide() {
            if let Decision::Launch { batch, attempt } = decision {
                self.hear(Fact::Launched { batch, attempt });
                launched.push(format!("{}.{attempt}", batch.0));
            }
        }
        launched
    }

    #[track_caller]
    pub(crate) fn end(&mut self, batch: u32, report: Report) {
        let BatchState::Running { attempt, .. } = self.state(batch) else {
            panic!("batch {batch} does not run")
        };
        self.hear(Fact::Ended { batch: BatchId(batch), attempt, report });
    }

    /// Whom it starts five minutes later, as the number of a batch.
    pub(crate) fn next(&mut self) -> u32 {
        self.pass(300);
        self.launch()[0].split_once('.').expect("a name").0.parse().expect("a number")
    }

    /// Why the run is paused, or stops without hope.
    #[track_caller]
    pub(crate) fn trouble(&self) -> &str {
        match self.machine.run() {
            RunState::Paused { why, .. } => why,
            RunState::Stopping { why: StopWhy::Hopeless { what, .. } } => what,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).expect("in range");
    }

    pub(crate) fn state(&self, batch: u32) -> BatchState {
        self.machine.batch(BatchId(batch)).expect("planned").state.clone()
    }

    pub(crate) fn left(&self, batch: u32) -> Vec<&str> {
        self.machine.batch(BatchId(batch)).expect("planned").left().map(Ticker::as_str).collect()
    }

    pub(crate) fn trial(&self, batch: u32) -> Vec<&str> {
        self.machine.batch(BatchId(batch)).expect("planned").trial().map(Ticker::as_str).collect()
    }

    pub(crate) fn failures(&self, batch: u32) -> Vec<(&str, &str)> {
        let failures = self.machine.batch(BatchId(batch)).expect("planned").failures();
        failures.map(|(ticker, failure)| (ticker.as_str(), failure.cause.as_str())).collect()
    }

    pub(crate) fn closes(&self) -> Option<Outcome> {
        match self.decide().as_slice() {
            [Decision::Close(outcome)] => Some(outcome.clone()),
            _ => None,
        }
    }
}

#[test]
fn the_cap_holds_and_batches_go_in_order() {
    let mut story = Story::of(rules(2, 0), &[&["A"], &["B"], &["C"]]);
    assert_eq!(story.launch(), ["1.1", "2.1"]);
    assert_eq!(story.launch(), [] as [String; 0], "no slot is free");
    story.end(2, exited(0, 1, &[]));
    assert_eq!(story.launch(), ["3.1"]);
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.closes(), None, "batch 3 still runs");
    story.end(3, exited(0, 1, &[]));
    assert_eq!(story.closes(), Some(Outcome::Complete));
}

#[test]
fn only_unfinished_tickers_are_tried_again_after_a_pause_and_at_most_so_often() {
    let mut story = Story::of(rules(1, 1), &[&["A", "B", "C"]]);
    let timeout = || Word::failed("timeout".to_owned(), Persistence::Transient);
    let gone = Word::failed("404".to_owned(), Persistence::Permanent);
    story.launch();
    story.end(1, exited(10, 1, &[("B", timeout()), ("C", gone)]));
    assert_eq!(story.left(1), ["B"]);
    assert_eq!(story.failures(1), [("C", "404")], "what will fail the same way is not tried again");
    assert_eq!(story.launch(), [] as [String; 0], "it waits");
    story.pass(1);
    assert_eq!(story.launch(), ["1.2"]);
    story.end(1, exited(10, 0, &[("B", timeout())]));
    assert_eq!(story.failures(1), [("C", "404"), ("B", "timeout")]);
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 2 }));
}

#[test]
fn a_crash_costs_the_innocent_no_attempt() {
    let mut story = Story::of(rules(1, 0), &[&["A", "B", "C"]]);
    story.launch();
    let crash =
        report(Ending::Signaled { signal: 11 }, 1, &[("B", Word::Begun), ("C", Word::Untouched)]);
    story.end(1, crash);
    assert_eq!(story.failures(1), [("B", "killed by SIGSEGV")]);
    assert_eq!(story.launch(), ["1.2"], "at once: C was not to blame");
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.state(1), BatchState::Failed);
}

#[test]
fn a_local_resource_pauses_the_run_burns_no_attempt_and_lets_siblings_work() {
    let mut story = Story::of(rules(2, 0), &[&["A"], &["B"], &["C"]]);
    story.launch();
    let full =
        || Report { last_words: "disk full".to_owned(), ..exited(13, 0, &[("A", Word::Begun)]) };
    story.end(1, full());
    let RunState::Paused { why, probe_after: first, .. } = story.machine.run().clone() else {
        panic!("not paused")
    };
    assert_eq!(why, "a local resource is in the way (exit 13): disk full");
    assert_eq!(story.launch(), [] as [String; 0], "nothing new starts");
    assert_eq!(story.state(2), BatchState::Running { attempt: 1, since: story.now });
    story.hear(Fact::PauseLifted);
    assert_eq!(story.launch(), ["1.2"], "with retries 0, so the attempt was not counted");
    story.end(1, full());
    let RunState::Paused { probe_after: second, .. } = story.machine.run().clone() else {
        panic!("not paused")
    };
    assert!(second > first, "a cause that the probe does not see is probed less and less often");
    story.hear(Fact::PauseLifted);
    story.launch();
    story.end(2, exited(0, 1, &[]));
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.launch(), ["3.1"]);
}

#[test]
fn a_refused_key_stops_the_run_with_its_reason() {
    let mut story = Story::of(rules(2, 5), &[&["A"], &["B"], &["C"]]);
    story.launch();
    story.end(1, exited(12, 0, &[("A", Word::Begun)]));
    assert_eq!(story.launch(), [] as [String; 0]);
    assert_eq!(story.closes(), None, "batch 2 still runs");
    story.end(2, report(Ending::Exited { code: 143 }, 0, &[("B", Word::Begun)]));
    let why =
        StopWhy::Hopeless { batch: BatchId(1), what: "key or plan refused (exit 12)".to_owned() };
    assert_eq!(story.closes(), Some(Outcome::Stopped { why }));
    assert_eq!(story.state(2), BatchState::Pending, "stopped, so not charged");
}

#[test]
fn a_run_that_is_to_end_for_whatever_reason_waits_for_no_disk_once_nobody_is_left() {
    let two = || {
        let mut story = Story::of(rules(2, 0), &[&["A"], &["B"], &["C"]]);
        story.launch();
        story
    };
    let mut refused = two();
    assert!(!refused.machine.waits_for_nobody(0), "as long as it is open it waits");
    refused.end(1, exited(12, 0, &[("A", Word::Begun)]));
    assert!(!refused.machine.waits_for_nobody(1), "batch 2 still runs");
    assert!(
        refused.machine.waits_for_nobody(0),
        "nobody asked for a stop, and its disk may stay full"
    );

    let mut asked = two();
    asked.hear(Fact::StopAsked { by: "SIGTERM".to_owned() });
    assert!(asked.machine.waits_for_nobody(0));

    let mut given_up = two();
    given_up.hear(Fact::GivenUp { idle_s: 43_200 });
    assert!(given_up.machine.waits_for_nobody(0));

    let mut full = two();
    full.hear(Fact::Hindered { what: "no space is left".to_owned() });
    assert!(!full.machine.waits_for_nobody(0), "a pause waits for room");
}

#[test]
fn nothing_starts_after_a_stop_and_resuming_goes_on() {
    let mut story = Story::of(rules(1, 0), &[&["A", "B"], &["C"]]);
    story.launch();
    story.hear(Fact::StopAsked { by: "SIGTERM".to_owned() });
    story.end(1, report(Ending::Signaled { signal: 9 }, 1, &[("B", Word::Begun)]));
    let stopped = Outcome::Stopped { why: StopWhy::Asked { by: "SIGTERM".to_owned() } };
    assert_eq!(story.closes(), Some(stopped.clone()));
    story.hear(Fact::Closed { outcome: stopped });
    assert_eq!(story.decide(), []);
    story.hear(opened());
    assert_eq!(story.launch(), ["1.2"]);
    assert_eq!(story.left(1), ["B"]);
}

#[test]
fn an_attempt_interrupted_by_its_supervisors_death_is_not_counted() {
    let mut story = Story::of(rules(1, 0), &[&["A"]]);
    story.launch();
    story.hear(opened());
    assert_eq!(story.launch(), [] as [String; 0], "it may still run: first it is ended");
    story.end(1, report(Ending::Interrupted, 0, &[("A", Word::Begun)]));
    assert_eq!(story.launch(), ["1.2"]);
}

#[test]
fn failed_tickers_get_another_chance_only_when_a_person_begins_an_ended_run_again() {
    let mut story = Story::of(rules(1, 0), &[&["A"], &["B"]]);
    story.launch();
    story.end(1, exited(10, 0, &[("A", Word::Untouched)]));
    story.hear(opened());
    assert_eq!(story.launch(), ["2.1"], "the supervisor died: A stays given up");
    story.end(2, exited(0, 1, &[]));
    let outcome = story.closes().expect("all is over");
    assert_eq!(outcome, Outcome::Incomplete { failed: 1 });
    story.hear(Fact::Closed { outcome });
    story.hear(opened());
    assert_eq!(story.launch(), ["1.2"], "the run was over, and is begun again");
}

#[test]
fn a_done_batch_whose_file_is_gone_is_worked_on_again() {
    let mut story = Story::of(rules(1, 0), &[&["A", "B"]]);
    story.launch();
    story.end(1, exited(0, 2, &[]));
    story.hear(Fact::Closed { outcome: Outcome::Complete });
    let proven = Tally { tickers: 1, ..Tally::default() };
    let was = |partitions_data| Summary { partitions_data, rows: 10, ..Summary::default() };
    let (batch, unfinished) = (BatchId(1), vec![ticker("B")]);
    let partly = |name, proven| {
        let members = vec![(ticker(name), proven)];
        Fact::PartlyProven { batch, members }
    };
    story.hear(Fact::Reopened { batch, unfinished, proven });
    story.hear(partly("B", was(3)));
    story.try_hear(partly("A", was(3))).expect_err("it is done");
    let proven_now = |story: &Story| counts::proven(&story.machine).summary;
    assert_eq!(proven_now(&story), was(3), "one file is gone, the others are proven");
    story.hear(opened());
    assert_eq!(story.launch(), ["1.2"]);
    assert_eq!(story.left(1), ["B"]);
    let mut cut_off = exited(10, 0, &[("B", Word::Begun)]);
    cut_off.unfinished[0].proven = was(4);
    story.end(1, cut_off);
    assert_eq!(proven_now(&story), was(4), "by the ledger when its attempt ended");
}

#[test]
fn a_done_member_of_a_batch_that_is_not_over_or_has_failed_can_be_reopened_beside_what_is_left() {
    let mut story = Story::of(rules(2, 0), &[&["A", "B"], &["C", "D"]]);
    story.launch();
    story.end(1, Report { yielded: true, ..exited(0, 1, &[("B", Word::Untouched)]) });
    let gone = Word::failed("404".to_owned(), Persistence::Permanent);
    story.end(2, exited(11, 1, &[("D", gone)]));
    let again = |batch, name| Fact::Reopened {
        batch: BatchId(batch),
        unfinished: vec![ticker(name)],
        proven: Tally::default(),
    };
    story.hear(again(1, "A"));
    story.hear(again(2, "C"));
    assert_eq!((story.left(1), story.left(2)), (vec!["A", "B"], vec!["C"]));
    assert_eq!(story.failures(2).len(), 1, "D stays given up");
    story.try_hear(again(1, "A")).expect_err("it is left already");
    story.pass(300);
    assert_eq!(story.launch(), ["1.2", "2.2"]);
    story.try_hear(again(2, "C")).expect_err("it runs");
}

#[test]
fn what_can_not_happen_is_an_error_that_names_state_and_fact() {
    let mut story = Story::of(rules(1, 0), &[&["A"], &["B"]]);
    let mut said = |fact| story.try_hear(fact).expect_err("illegal").to_string();
    assert_eq!(
        said(Fact::Ended { batch: BatchId(1), attempt: 1, report: exited(0, 1, &[]) }),
        "the end of attempt 1 can't happen while batch_0001 is Pending with 1 tickers left"
    );
    assert_eq!(
        said(Fact::Launched { batch: BatchId(7), attempt: 1 }),
        "a fact about batch_0007 can't happen in a run of 2 batches"
    );
    assert_eq!(
        said(Fact::PauseLifted),
        "the end of a pause can't happen while the run is Open with 0 workers"
    );
    assert_eq!(
        said(planned(5, &["X"])),
        "batch_0005 with 1 tickers can't happen while the run is Open with 0 workers"
    );
    story.launch();
    let mut said = |fact| story.try_hear(fact).expect_err("illegal").to_string();
    assert_eq!(
        said(Fact::Launched { batch: BatchId(2), attempt: 1 }),
        "the start of batch_0002.1 can't happen while the run is Open with 1 workers"
    );
    assert_eq!(
        said(Fact::Ended {
            batch: BatchId(1),
            attempt: 1,
            report: exited(0, 0, &[("B", Word::Begun)])
        })
        .split(" can't")
        .next(),
        Some("the end of attempt 1"),
        "B is not of this batch"
    );
}

#[test]
fn who_dies_without_a_culprit_is_halved_until_the_culprit_stands_alone() {
    let mut story = Story::of(rules(1, 0), &[&["A", "B", "C", "D"]]);
    let dies = |names: &[&str]| {
        let words: Vec<_> = names.iter().map(|name| (*name, Word::Untouched)).collect();
        report(Ending::Signaled { signal: 11 }, 0, &words)
    };
    assert_eq!(story.launch(), ["1.1"]);
    story.end(1, dies(&["A", "B", "C", "D"]));
    assert_eq!(story.launch(), ["1.2"], "nobody was charged, nobody waits");
    assert_eq!(story.trial(1), ["A", "B"]);
    story.end(1, exited(0, 2, &[]));
    story.launch();
    assert_eq!(story.trial(1), ["C", "D"]);
    story.end(1, dies(&["C", "D"]));
    story.launch();
    assert_eq!(story.trial(1), ["C"]);
    story.end(1, dies(&["C"]));
    story.launch();
    assert_eq!(story.trial(1), ["D"]);
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.failures(1), [("C", "killed by SIGSEGV")]);
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
}

#[test]
fn each_kind_of_trouble_has_a_budget_of_its_own() {
    let mut story = Story::of(rules(1, 1), &[&["A"]]);
    let mut end = |report: Report| {
        story.pass(600);
        story.launch();
        story.end(1, report);
        story.failures(1).len()
    };
    let timeout = || Word::failed("timeout".to_owned(), Persistence::Transient);
    assert_eq!(end(exited(10, 0, &[("A", timeout())])), 0);
    assert_eq!(end(report(Ending::Signaled { signal: 9 }, 0, &[("A", Word::Begun)])), 0);
    assert_eq!(end(report(Ending::TooLarge { rss_bytes: 1 << 30 }, 0, &[("A", Word::Begun)])), 0);
    assert_eq!(end(report(Ending::TooLarge { rss_bytes: 1 << 30 }, 0, &[("A", Word::Begun)])), 1);
}

pub(crate) const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

#[test]
fn no_more_workers_than_memory_carries_but_always_one() {
    let mut story = Story::of(rules(3, 0), &NAMES.each_ref().map(std::slice::from_ref));
    story.launch();
    let large = Usage { peak_rss_bytes: 100, cpu_ms: 1 };
    story.end(1, Report { usage: large, ..exited(0, 1, &[]) });
    let launches = |story: &Story, free: u64| {
        story.machine.decide(Surroundings { now: story.now, free_memory: Some(free) }).len()
    };
    assert_eq!(launches(&story, 349), 0, "50 must stay free, and the two that run may need 200");
    assert_eq!(launches(&story, 350), 1);
    story.end(2, exited(0, 1, &[]));
    story.end(3, exited(0, 1, &[]));
    assert_eq!((launches(&story, 0), launches(&story, 250), launches(&story, 1000)), (1, 2, 3));
}

#[test]
fn what_was_asked_to_end_by_a_supervisor_that_died_is_not_charged() {
    let mut story = Story::of(rules(1, 0), &[&["A"]]);
    story.launch();
    story.hear(Fact::StopAsked { by: "SIGTERM".to_owned() });
    story.hear(opened());
    story.end(1, report(Ending::Stopped { killed: false }, 0, &[("A", Word::Begun)]));
    assert_eq!(story.launch(), ["1.2"], "its retries are not touched");
    story.end(1, report(Ending::Stopped { killed: false }, 0, &[("A", Word::Begun)]));
    assert_eq!(story.failures(1), [("A", "stopped by a signal that was not ours")]);
}

#[test]
fn a_batch_that_finds_the_machine_in_the_way_however_often_it_is_proven_fine_is_charged() {
    let mut story = Story::of(rules(1, 0), &[&["A", "B"], &["C"]]);
    let stuck = || exited(13, 0, &[("A", Word::Begun), ("B", Word::Untouched)]);
    for attempt in 1..=3 {
        assert_eq!(story.launch(), [format!("1.{attempt}")]);
        story.end(1, stuck());
        assert!(matches!(story.machine.run(), RunState::Paused { .. }), "attempt {attempt}");
        story.hear(Fact::PauseLifted);
    }
    assert_eq!(story.launch(), ["1.4"]);
    story.end(1, stuck());
    assert_eq!(*story.machine.run(), RunState::Open);
    let cause = "a local resource is in the way again and again (exit 13)";
    assert_eq!(story.failures(1), [("A", cause)], "its retries are used up");
    assert_eq!(story.left(1), ["B"], "it had not begun");
    assert_eq!(story.launch(), ["1.5"]);
    story.end(1, exited(13, 0, &[("B", Word::Begun)]));
    assert!(matches!(story.machine.run(), RunState::Paused { .. }), "counted anew");
}
