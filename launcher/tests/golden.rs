//! Golden journals: runs of each version of the journal that is read. They are read back as they
//! were written; a change that makes such a run impossible, or another one, is seen here.

use std::fmt::Write as _;
use std::path::Path;

use launcher::facts::{Fact, JournalEntry};
use launcher::supervise::batch::BatchState;
use launcher::supervise::machine::{Machine, Probe, RunState};
use shared::disk::checked_lines;
use shared::market::ticker::Ticker;

use crate::machine::rules;

/// A clock that is wrong, which a worker says of two tickers, twice; bars that contradict each
/// other, and a ticker that nobody knows.
const VERSION_1: &str = include_str!("golden/version-1.jsonl");
const VERSION_1_STATES: &str = include_str!("golden/version-1.states");

fn run_in_words(run: &RunState) -> String {
    match run {
        RunState::Planned => "planned".to_owned(),
        RunState::Open => "open".to_owned(),
        RunState::Paused { why, probe: Probe::Folders, .. } => {
            format!("paused, looks at its folders: {why}")
        }
        RunState::Paused { why, probe: Probe::Canary { failed, .. }, .. } => {
            format!("paused, {failed} sent ahead in vain: {why}")
        }
        RunState::Stopping { why } => format!("stopping: {why:?}"),
        RunState::Closed { outcome } => format!("closed: {outcome:?}"),
    }
}

fn batch_in_words(machine: &Machine, fact: &Fact) -> String {
    let (Fact::Launched { batch, .. } | Fact::Ended { batch, .. }) = fact else {
        return String::new();
    };
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
    let entries = checked_lines::parse::<JournalEntry>(Path::new("golden"), journal.as_bytes());
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
fn a_run_of_version_1_is_read_back_as_it_was() {
    assert_eq!(states(VERSION_1), VERSION_1_STATES);
}
