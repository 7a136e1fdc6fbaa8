//! Story: one trouble that batch after batch has is nobody's own.

use launcher::process::exit_record::Ending;
use launcher::supervise::facts::{Outcome, Report, StopWhy, Word};
use launcher::supervise::machine::RunState;
use shared::run::events::Persistence;

use crate::machine::{NAMES, Story, exited, report, rules};

fn refused(ticker: &str) -> Report {
    let cause = format!("{ticker}: connection refused, try 8 of 8");
    exited(10, 0, &[(ticker, Word::Failed { cause, persistence: Persistence::Transient })])
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
    let RunState::Paused { why, .. } = story.machine.run() else { panic!("{:?}", story.machine.run()) };
    assert_eq!(why, "3 batches in a row got nothing done: C: connection refused, try 8 of 8");
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
        story.pass(300);
        let batch = story.launch()[0].split_once('.').expect("a name").0.parse().expect("a number");
        story.end(batch, refused(name));
    }
    for name in NAMES {
        assert_eq!(story.closes(), None, "before {name}");
        story.pass(300);
        let batch = story.launch()[0].split_once('.').expect("a name").0.parse().expect("a number");
        story.end(batch, refused(name));
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 6 }));
}

#[test]
fn a_program_that_crashes_on_everything_stops_the_run() {
    let names: Vec<String> = (0..20).map(|number| format!("T{number}")).collect();
    let batches: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let mut story = Story::of(rules(1, 2), &batches.iter().map(<[&str; 1]>::as_slice).collect::<Vec<_>>());
    let mut died = 0;
    while let RunState::Open | RunState::Paused { .. } = story.machine.run() {
        story.pass(300);
        for launched in story.launch() {
            let batch: u32 = launched.split_once('.').expect("a name").0.parse().expect("a number");
            let name = names[batch as usize - 1].as_str();
            story.end(batch, report(Ending::Signaled { signal: 4 }, 0, &[(name, Word::Begun)]));
            died += 1;
        }
        assert!(died < 50, "it never gives up");
    }
    let RunState::Stopping { why: StopWhy::Hopeless { what, .. } } = story.machine.run() else {
        panic!("{:?}", story.machine.run())
    };
    assert!(what.contains("in a row got nothing done: killed by SIGILL; 5 batches sent ahead"), "{what}");
    assert!((1..=20).all(|batch| story.failures(batch).is_empty()), "nobody is given up");
}
