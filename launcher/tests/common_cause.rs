//! Story: one trouble that batch after batch has is nobody's own.

use launcher::facts::ending::Ending;
use launcher::facts::{Fact, Outcome, Partway, Report, Word};
use launcher::supervise::machine::{Probe, RunState};
use shared::run::events::Persistence;
use shared::run::workdir::BatchId;

use crate::machine::{NAMES, Story, exited, report, rules, ticker};
use crate::says::says;

fn refused(ticker: &str) -> Report {
    let cause = format!("{ticker}: connection refused, try 8 of 8");
    exited(10, 0, &[(ticker, Word::failed(cause, Persistence::Transient))])
}

/// Six batches of one, of which the first three have found the server down.
fn server_down() -> Story {
    let mut story = Story::of(rules(3, 0), &NAMES.each_ref().map(std::slice::from_ref));
    assert_eq!(story.launch(), ["1.1", "2.1", "3.1"]);
    (1..=3).zip(NAMES).for_each(|(batch, name)| story.end(batch, refused(name)));
    story
}

#[test]
fn the_same_cause_on_three_batches_pauses_the_run_and_costs_nobody_an_attempt() {
    let mut story = server_down();
    assert_eq!(
        story.trouble(),
        "3 batches in a row got nothing done: C: connection refused, try 8 of 8"
    );
    assert!((1..=3).all(|batch| story.failures(batch).is_empty()), "though they had no retries");
    assert_eq!(story.launch(), [] as [String; 0]);
    story.pass(1);
    assert_eq!(story.launch(), ["4.1"], "one goes ahead, one that had not been tried");
    assert_eq!(story.launch(), [] as [String; 0], "and only one");
    story.end(4, refused("D"));
    assert!(story.failures(4).is_empty());
    story.pass(1);
    assert_eq!(story.launch(), [] as [String; 0], "it looks less and less often");
    story.pass(1);
    assert_eq!(story.launch(), ["5.1"]);
    story.end(5, exited(0, 1, &[]));
    assert_eq!(*story.machine.run(), RunState::Open, "the server is back");
    assert_eq!(story.launch(), ["1.2", "2.2", "3.2"]);
}

#[test]
fn a_trouble_that_only_the_last_tickers_have_ends_with_their_names() {
    let mut story = server_down();
    for name in &NAMES[3..] {
        let batch = story.next();
        story.end(batch, refused(name));
    }
    for name in NAMES {
        assert_eq!(story.closes(), None, "before {name}");
        let batch = story.next();
        story.end(batch, refused(name));
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 6 }));
}

#[test]
fn a_program_that_crashes_on_everything_stops_the_run() {
    let mut story = Story::of_singles(rules(1, 2), 20);
    let mut died = 0;
    while let RunState::Open | RunState::Paused { .. } = story.machine.run() {
        story.pass(300);
        for launched in story.launch() {
            let batch: u32 = launched.split_once('.').expect("a name").0.parse().expect("a number");
            let name = &*format!("T{}", batch - 1);
            story.end(batch, report(Ending::Signaled { signal: 4 }, 0, &[(name, Word::Begun)]));
            died += 1;
        }
        assert!(died < 50, "it never gives up");
    }
    says(story.trouble(), &["in a row got nothing done: killed by SIGILL; 5 batches sent ahead"]);
    assert!((1..=20).all(|batch| story.failures(batch).is_empty()), "nobody is given up");
}

/// A worker that has heard nothing from the source.
fn unheard(ticker: &str) -> Report {
    Report { pages: Some(0), ..refused(ticker) }
}

#[test]
fn an_outage_while_one_batch_is_left_costs_it_nothing() {
    let mut story = Story::of(rules(6, 0), &[&["A", "B"]]);
    story.launch();
    let unheard = || {
        let failed = |name| Word::failed(format!("{name}: refused"), Persistence::Transient);
        Report { pages: Some(0), ..exited(10, 0, &[("A", failed("A")), ("B", failed("B"))]) }
    };
    story.end(1, unheard());
    assert_eq!(story.trouble(), "the last batch got nothing done: A: refused");
    for _canary in 0..8 {
        assert_eq!(story.next(), 1);
        story.end(1, unheard());
        assert_eq!(story.failures(1), []);
    }
    assert_eq!(story.next(), 1);
    story.end(1, exited(0, 2, &[]));
    assert_eq!(story.closes(), Some(Outcome::Complete));
}

#[test]
fn a_source_that_never_says_anything_to_the_last_batch_ends_with_its_name() {
    let mut story = Story::of(rules(6, 1), &[&["A"]]);
    let mut attempts = 0;
    while story.closes().is_none() {
        assert_eq!(story.next(), 1);
        story.end(1, unheard("A"));
        attempts += 1;
        assert!(attempts < 20, "for ever");
    }
    assert_eq!(attempts, 1 + 8 + 2, "one that is taken back, eight to be patient, two that count");
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
}

#[test]
fn the_last_two_batches_have_an_outage_in_common_and_one_that_gets_pages_has_a_trouble_of_its_own()
{
    let mut story = Story::of(rules(6, 0), &[&["A"], &["B"], &["C"]]);
    story.launch();
    story.end(1, exited(0, 1, &[]));
    story.end(2, unheard("B"));
    assert_eq!(*story.machine.run(), RunState::Open, "B alone, while C is at work");
    story.end(3, unheard("C"));
    assert!(matches!(story.machine.run(), RunState::Paused { .. }));
    assert_eq!((story.failures(2), story.failures(3)), (vec![], vec![]));

    let mut story = Story::of(rules(6, 0), &[&["A"]]);
    story.launch();
    story.end(1, Report { pages: Some(1), ..refused("A") });
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }), "the source is there");
}

#[test]
fn all_attempts_of_a_streak_are_taken_back_not_only_the_last_of_each_batch() {
    let mut story = Story::of(rules(1, 2), &[&["A"], &["B"], &["C"]]);
    for (batch, name, wait) in [(1, "A", 2), (1, "A", 0), (2, "B", 0), (3, "C", 0)] {
        let launched = story.launch();
        assert!(launched[0].starts_with(&format!("{batch}.")), "{launched:?}");
        story.end(batch, refused(name));
        story.pass(wait);
    }
    assert!(matches!(story.machine.run(), RunState::Paused { .. }));
    let charges =
        |batch, name| story.machine.batch(BatchId(batch)).expect("planned").charges(&ticker(name));
    assert_eq!(charges(1, "A").expect("left").total(), 0, "it was tried twice");
    assert_eq!(charges(3, "C").expect("left").total(), 0);
}

#[test]
fn who_fails_again_after_somebody_else_got_through_pays_for_it() {
    let mut story = Story::of(rules(1, 0), &NAMES.each_ref().map(std::slice::from_ref));
    let too_large =
        |name| report(Ending::TooLarge { rss_bytes: 1 << 30 }, 0, &[(name, Word::Begun)]);
    let mut attempts = 0;
    while story.closes().is_none() {
        let batch = story.next();
        let name = NAMES[batch as usize - 1];
        story.end(batch, if batch <= 3 { too_large(name) } else { exited(0, 1, &[]) });
        attempts += 1;
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 3 }));
    assert_eq!(attempts, 3 * 2 + 3, "each of the large ones a second time");
}

#[test]
fn a_limit_that_nobody_can_keep_stops_the_run_and_gives_nobody_up() {
    for ending in [Ending::TooLarge { rss_bytes: 11 << 20 }, Ending::TimedOut { ran_ms: 1000 }] {
        let mut story = Story::of_singles(rules(2, 0), 20);
        while let RunState::Open | RunState::Paused { .. } = story.machine.run() {
            story.pass(300);
            for launched in story.launch() {
                let batch: u32 =
                    launched.split_once('.').expect("a name").0.parse().expect("a number");
                story.end(
                    batch,
                    report(ending.clone(), 0, &[(&format!("T{}", batch - 1), Word::Begun)]),
                );
            }
        }
        says(story.trouble(), &["; 5 batches sent ahead ended the same way"]);
        assert!((1..=20).all(|batch| story.failures(batch).is_empty()), "nobody is given up");
    }
}

fn unknown(name: &str) -> Report {
    let gone = Word::failed("HTTP 404".to_owned(), Persistence::Permanent);
    exited(11, 0, &[(name, gone)])
}

#[test]
fn a_source_that_knows_nobody_stops_the_run_and_gives_nobody_up() {
    let mut story = Story::of_singles(rules(1, 0), 20);
    while let RunState::Open | RunState::Paused { .. } = story.machine.run() {
        let batch = story.next();
        story.end(batch, unknown(&format!("T{}", batch - 1)));
    }
    let what = story.trouble();
    assert_eq!(
        what,
        "3 batches in a row got nothing done: HTTP 404; 5 batches sent ahead ended the same way"
    );
    assert!(
        (1..=20).all(|batch| story.failures(batch).is_empty()),
        "the first three, too, are tried again"
    );
}

#[test]
fn tickers_that_truly_do_not_exist_end_by_name_and_pause_a_run_at_most_once() {
    let mut story = Story::of(rules(1, 0), &NAMES.each_ref().map(std::slice::from_ref));
    for (batch, name) in (1..=3).zip(NAMES) {
        assert_eq!(story.next(), batch);
        story.end(batch, unknown(name));
    }
    assert!(matches!(story.machine.run(), RunState::Paused { .. }), "nothing has got done yet");
    assert_eq!(story.next(), 4);
    story.end(4, exited(0, 1, &[]));
    for (batch, name) in [(5, "E"), (6, "F")] {
        assert_eq!(story.next(), batch, "the first three are not tried again");
        story.end(batch, unknown(name));
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 5 }));

    let mut story = Story::of(rules(1, 0), &NAMES.each_ref().map(std::slice::from_ref));
    for (batch, name) in (1..=6).zip(NAMES) {
        assert_eq!(story.next(), batch);
        story.end(batch, if batch == 1 { exited(0, 1, &[]) } else { unknown(name) });
        assert_eq!(*story.machine.run(), RunState::Open, "somebody is known");
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 5 }));
}

#[test]
fn a_place_that_nobody_looks_at_is_found_by_a_batch_sent_ahead_and_costs_nobody_an_attempt() {
    let mut story = Story::of(rules(2, 0), &NAMES.each_ref().map(std::slice::from_ref));
    let stuck = |name| {
        let words = "/cache: read-only".to_owned();
        Report { last_words: words, ..exited(13, 0, &[(name, Word::Begun)]) }
    };
    let looks_at_folders = |story: &Story| {
        matches!(story.machine.run(), RunState::Paused { probe: Probe::Folders, .. })
    };
    assert_eq!(story.launch(), ["1.1", "2.1"]);
    story.end(1, stuck("A"));
    story.end(2, stuck("B"));
    assert!(looks_at_folders(&story), "they were started before anybody has looked");
    story.pass(1);
    story.hear(Fact::PauseLifted);
    assert_eq!(story.launch(), ["1.2", "2.2"]);
    story.end(1, stuck("A"));
    assert!(looks_at_folders(&story), "one batch may be wrong");
    story.pass(2);
    story.hear(Fact::PauseLifted);
    story.end(2, stuck("B"));
    assert!(looks_at_folders(&story), "that was begun before the last look");
    story.pass(4);
    story.hear(Fact::PauseLifted);
    assert_eq!(story.launch(), ["1.3", "2.3"]);
    story.end(1, stuck("A"));
    story.end(2, stuck("B"));
    let RunState::Paused { why, probe: Probe::Canary { .. }, .. } = story.machine.run() else {
        panic!("{:?}", story.machine.run())
    };
    assert!(
        why.ends_with(
            "got nothing done: a local resource is in the way (exit 13): /cache: read-only"
        ),
        "{why}"
    );
    for _canary in 0..3 {
        let batch = story.next();
        assert!(batch > 2);
        story.end(batch, stuck(NAMES[batch as usize - 1]));
        assert!(!looks_at_folders(&story));
    }
    let batch = story.next();
    story.end(batch, exited(0, 1, &[]));
    assert_eq!(*story.machine.run(), RunState::Open, "it is mended");
    assert!((1..=6).all(|batch| story.failures(batch).is_empty()));
}

#[test]
fn who_gets_more_days_done_in_each_attempt_has_as_many_as_it_takes() {
    let mut story = Story::of(rules(1, 0), &[&["MAMTH"]]);
    let ends = |ending: &Ending, days, fresh_days| {
        let mut report = report(ending.clone(), 0, &[("MAMTH", Word::Begun)]);
        report.unfinished[0].partway = Partway { days, fresh_days };
        report
    };
    for (attempt, ending) in [Ending::TimedOut { ran_ms: 1 }, Ending::Stalled { quiet_ms: 1 }]
        .iter()
        .cycle()
        .take(20)
        .enumerate()
    {
        assert_eq!(story.next(), 1);
        story.end(1, ends(ending, 100 + attempt as u64, 1));
        assert_eq!(story.failures(1), []);
    }
    story.next();
    story.end(1, ends(&Ending::TimedOut { ran_ms: 1 }, 119, 119));
    let cause = "ended after 0 s (--batch-timeout)";
    assert_eq!(story.failures(1), [("MAMTH", cause)], "the same days again are no headway");
}
