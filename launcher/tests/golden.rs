//! Golden journals: runs of earlier editions of the rules. They are read back as they were written, whatever is
//! decided otherwise today; a change that makes an old run impossible, or another one, is seen here.

use std::fmt::Write as _;
use std::path::Path;

use launcher::facts::{Entry, Fact};
use launcher::supervise::batch::BatchState;
use launcher::supervise::machine::{Machine, Probe, RunState};
use shared::disk::checked_lines;
use shared::market::ticker::Ticker;

use crate::machine::rules;

/// Halving to the one that crashes, a permanent failure without names, a full disk, a source that is down for four
/// batches, a supervisor that is killed, and the end of it all.
const FIRST: &str = include_str!("golden/first.jsonl");
/// What came of each fact then.
const FIRST_STATES: &str = include_str!("golden/first.states");

/// A ticker that is unknown and one that crashes, a place that can't be written and is none of the run's, and a source
/// that is silent when one batch is left.
const SECOND: &str = include_str!("golden/second.jsonl");
const SECOND_STATES: &str = include_str!("golden/second.states");

/// A ticker with a page that stays bad, alone and in a batch with others; a source that is silent for three batches, and
/// a canary that shows that it answers again; a run that stands still, is given up and begun again.
const THIRD: &str = include_str!("golden/third.jsonl");
const THIRD_STATES: &str = include_str!("golden/third.states");

/// A clock that is wrong, which a worker says of two tickers, twice; bars that contradict each other, and a ticker that nobody
/// knows.
const FOURTH: &str = include_str!("golden/fourth.jsonl");
const FOURTH_STATES: &str = include_str!("golden/fourth.states");

fn run_in_words(run: &RunState) -> String {
    match run {
        RunState::Planned => "planned".to_owned(),
        RunState::Open => "open".to_owned(),
        RunState::Paused { why, probe: Probe::Folders, .. } => format!("paused, looks at its folders: {why}"),
        RunState::Paused { why, probe: Probe::Canary { failed, .. }, .. } => {
            format!("paused, {failed} sent ahead in vain: {why}")
        }
        RunState::Stopping { why } => format!("stopping: {why:?}"),
        RunState::Closed { outcome } => format!("closed: {outcome:?}"),
    }
}

fn batch_in_words(machine: &Machine, fact: &Fact) -> String {
    let (Fact::Launched { batch, .. } | Fact::Ended { batch, .. }) = fact else { return String::new() };
    let it = machine.batch(*batch).expect("it was planned");
    let names = |tickers: Vec<&str>| tickers.join(" ");
    let mut words = match &it.state {
        BatchState::Running { attempt, .. } => format!("{batch}.{attempt} runs"),
        BatchState::Backoff { until, cause } => format!("{batch} waits until {until}: {cause}"),
        other => format!("{batch} {other:?}"),
    };
    write!(words, ", next [{}]", names(it.trial().map(Ticker::as_str).collect())).expect("written");
    for ticker in it.left() {
        let charges = it.charges(ticker).expect("it is left").total();
        if charges > 0 {
            write!(words, ", {ticker} charged {charges}").expect("written");
        }
    }
    for (ticker, failure) in it.failures() {
        write!(words, ", {ticker} failed in attempt {}: {}", failure.attempt, failure.cause)
            .expect("written");
    }
    words
}

/// What came of each fact of a run with one worker at a time and one retry.
fn states(journal: &str) -> String {
    let entries = checked_lines::parse::<Entry>(Path::new("golden"), journal.as_bytes());
    let mut machine = Machine::new(rules(1, 1));
    let mut states = String::new();
    for (line, entry) in (1..).zip(entries.expect("sound").entries) {
        machine.apply(&entry).unwrap_or_else(|error| panic!("line {line}: {error}"));
        let (run, batch) = (run_in_words(machine.run()), batch_in_words(&machine, &entry.fact));
        writeln!(states, "{line} {run} | {batch}").expect("written");
    }
    states
}

#[test]
fn a_run_of_the_first_edition_of_the_rules_is_read_back_as_it_was() {
    assert_eq!(states(FIRST), FIRST_STATES);
}

#[test]
fn a_run_of_the_second_edition_of_the_rules_is_read_back_as_it_was() {
    assert_eq!(states(SECOND), SECOND_STATES);
}

#[test]
fn a_run_of_the_third_edition_of_the_rules_is_read_back_as_it_was() {
    assert_eq!(states(THIRD), THIRD_STATES);
}

#[test]
fn a_run_of_the_fourth_edition_of_the_rules_is_read_back_as_it_was() {
    assert_eq!(states(FOURTH), FOURTH_STATES);
}
