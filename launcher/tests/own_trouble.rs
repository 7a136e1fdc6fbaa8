//! Story: what is a ticker's own trouble is nobody else's, in a pause and out of it.

use launcher::facts::ending::Ending;
use launcher::facts::{Fact, Outcome, Report, StopWhy, Word};
use launcher::supervise::machine::{Probe, RunState};
use shared::run::events::{Origin, Persistence};
use shared::run::workdir::BatchId;

use crate::machine::{NAMES, Story, exited, report, rules, ticker};

fn word(cause: &str, persistence: Persistence, origin: Origin) -> Word {
    Word::Failed {
        cause: cause.to_owned(),
        persistence,
        origin: Some(origin),
        kind: Some("a kind".to_owned()),
    }
}

/// An answer came and was refused.
fn twin() -> Word {
    word("one key has two bars", Persistence::Transient, Origin::Ticker)
}

fn silence() -> Word {
    word("connection refused", Persistence::Transient, Origin::Source)
}

/// An attempt in which these failed, and not a page was taken.
fn failed(words: &[(&str, Word)]) -> Report {
    Report { pages: Some(0), ..exited(10, 0, words) }
}

fn is_paused(story: &Story) -> bool {
    matches!(story.machine.run(), RunState::Paused { .. })
}

/// Three of six batches have found the source silent.
fn silent_source() -> Story {
    let mut story = Story::of(rules(3, 0), &NAMES.each_ref().map(std::slice::from_ref));
    story.launch();
    (1..=3).zip(NAMES).for_each(|(batch, name)| story.end(batch, failed(&[(name, silence())])));
    assert!(is_paused(&story));
    story
}

#[test]
fn one_ticker_with_a_page_that_stays_bad_pauses_nobody_and_ends_by_name() {
    let good: Vec<String> = (0..60).map(|number| format!("GOOD{number}")).collect();
    // Its batch comes first, in the middle, last: the outcome does not depend on who else is left.
    for place in [0, 30, 60] {
        let mut names: Vec<&str> = good.iter().map(String::as_str).collect();
        names.insert(place, "TWIN");
        let batches: Vec<&[&str]> = names.chunks(25).collect();
        let mut story = Story::of(rules(6, 2), &batches);
        let mut attempts = 0;
        while story.closes().is_none() {
            story.pass(300);
            story.launch();
            for (batch, members) in (1..).zip(&batches) {
                let trial: Vec<String> =
                    story.trial(batch).into_iter().map(str::to_owned).collect();
                let runs = story.machine.batch(BatchId(batch)).expect("planned").left().len() > 0;
                if runs && !trial.is_empty() {
                    let bad = trial.iter().any(|name| name == "TWIN");
                    let done = trial.len() as u64 - u64::from(bad);
                    let words = [("TWIN", twin())];
                    let report = if bad { failed(&words) } else { exited(0, 0, &[]) };
                    let pages = Some(done);
                    story.end(
                        batch,
                        Report { pages, proven: exited(0, done, &[]).proven, ..report },
                    );
                    attempts += 1;
                }
                assert!(!is_paused(&story), "TWIN at {place} of {}", members.len());
            }
            assert!(attempts < 20, "for ever");
        }
        assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
        assert_eq!(attempts, 3 + 2, "two retries");
    }
}

#[test]
fn who_is_sent_ahead_and_gets_an_answer_that_is_refused_pays_for_it_and_ends_the_pause() {
    let mut story = silent_source();
    assert_eq!(story.next(), 4);
    story.end(4, failed(&[("D", twin())]));
    assert_eq!(*story.machine.run(), RunState::Open, "the source answers");
    assert_eq!(story.failures(4), [("D", "one key has two bars")]);
    story.launch();
    (1..=3).zip(NAMES).for_each(|(batch, name)| story.end(batch, failed(&[(name, silence())])));
    assert!(is_paused(&story), "of those that wait it has proved nothing");
    assert!((1..=3).all(|batch| story.failures(batch).is_empty()), "and they pay nothing");
}

#[test]
fn own_trouble_is_charged_in_a_pause_too_and_is_not_taken_back_with_that_of_the_others() {
    let mut story = Story::of(rules(4, 1), &[&["A"], &["B"], &["C", "TWIN"], &["D", "DITTO"]]);
    let charges = |story: &Story, batch, name| {
        let batch = story.machine.batch(BatchId(batch)).expect("planned");
        batch.charges(&ticker(name)).expect("left").total()
    };
    story.launch();
    story.end(1, failed(&[("A", silence())]));
    story.end(2, failed(&[("B", silence())]));
    story.end(3, failed(&[("C", silence()), ("TWIN", twin())]));
    assert_eq!(
        story.trouble(),
        "3 batches in a row got nothing done: connection refused",
        "not the twin"
    );
    assert_eq!((charges(&story, 3, "C"), charges(&story, 3, "TWIN")), (0, 1));
    story.end(4, failed(&[("D", silence()), ("DITTO", twin())]));
    assert!(is_paused(&story));
    assert_eq!(
        (charges(&story, 4, "D"), charges(&story, 4, "DITTO")),
        (0, 1),
        "it had begun before"
    );
}

#[test]
fn a_folder_of_one_ticker_that_can_not_be_written_is_tried_as_often_as_retries_say() {
    let mut story = Story::of(rules(1, 2), &[&["A"]]);
    let closed = || word("OUT/A: permission denied", Persistence::Transient, Origin::Ticker);
    for attempt in 1..=3 {
        assert_eq!(story.next(), 1);
        story.end(1, failed(&[("A", closed())]));
        assert!(!is_paused(&story), "attempt {attempt}");
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
}

#[test]
fn a_source_that_knows_nobody_stops_the_run_though_each_ticker_is_told_so_by_itself() {
    let mut story = Story::of_singles(rules(1, 0), 20);
    while let RunState::Open | RunState::Paused { .. } = story.machine.run() {
        let batch = story.next();
        let gone = word("HTTP 404", Persistence::Permanent, Origin::Ticker);
        story.end(batch, exited(11, 0, &[(&format!("T{}", batch - 1), gone)]));
    }
    assert!(matches!(story.machine.run(), RunState::Stopping { why: StopWhy::Hopeless { .. } }));
    assert!((1..=20).all(|batch| story.failures(batch).is_empty()), "nobody is given up");
}

#[test]
fn who_does_not_exist_shows_that_the_source_answers() {
    let mut story = silent_source();
    assert_eq!(story.next(), 4);
    let gone = word("HTTP 404", Persistence::Permanent, Origin::Ticker);
    story.end(4, exited(11, 0, &[("D", gone)]));
    assert_eq!(*story.machine.run(), RunState::Open);
}

#[test]
fn a_pause_names_the_batches_that_led_there_and_what_each_said_last() {
    let mut story = silent_source();
    let led = |story: &Story| {
        let led = story.machine.led_to_the_pause();
        led.flat_map(|(id, batch)| {
            batch
                .last_said()
                .map(move |(ticker, said)| format!("{id} {ticker}: {said}"))
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
    };
    let three = ["1 A", "2 B", "3 C"].map(|it| format!("batch_000{it}: connection refused"));
    assert_eq!(led(&story), three);
    assert_eq!(story.next(), 4);
    story.end(4, failed(&[("D", silence())]));
    assert_eq!(led(&story).last().map(String::as_str), Some("batch_0004 D: connection refused"));
    assert_eq!(story.next(), 5);
    story.end(5, exited(0, 1, &[]));
    assert_eq!(led(&story), [] as [String; 0], "it is over");
}

#[test]
fn workers_that_crash_on_everything_are_no_tickers_own_trouble_but_one_that_answers_in_order_ends_the_pause()
 {
    let mut story = Story::of(rules(1, 0), &NAMES.each_ref().map(std::slice::from_ref));
    for (batch, name) in (1..=3).zip(NAMES) {
        assert_eq!(story.next(), batch);
        story.end(batch, report(Ending::Signaled { signal: 4 }, 0, &[(name, Word::Begun)]));
    }
    assert!(matches!(story.machine.run(), RunState::Paused { probe: Probe::Canary { .. }, .. }));
    assert_eq!(story.next(), 4);
    story.end(4, failed(&[("D", twin())]));
    assert_eq!(*story.machine.run(), RunState::Open);
}

#[test]
fn what_a_worker_calls_this_machines_trouble_is_charged_to_nobody_however_often_and_pauses_the_run()
{
    let clock = || {
        word("this machine's clock is 7 days 0 h ahead", Persistence::Transient, Origin::Machine)
    };
    let mut story = Story::of(rules(3, 0), &[&["A", "TWIN"]]);
    for _ in 0..10 {
        assert_eq!(story.next(), 1);
        story.end(1, failed(&[("A", clock()), ("TWIN", Word::Untouched)]));
        let RunState::Paused { why, probe: Probe::Folders, .. } = story.machine.run() else {
            panic!("{:?}", story.machine.run())
        };
        assert_eq!(why, "this machine is in the way: A: this machine's clock is 7 days 0 h ahead");
        story.hear(Fact::PauseLifted);
    }
    // A ticker's own trouble is its own beside it.
    assert_eq!(story.next(), 1);
    story.end(1, failed(&[("A", clock()), ("TWIN", twin())]));
    assert!(is_paused(&story));
    story.hear(Fact::PauseLifted);
    assert_eq!(story.next(), 1);
    story.end(1, exited(0, 1, &[]));
    assert!(matches!(story.machine.run(), RunState::Closed { .. } | RunState::Open));
}
