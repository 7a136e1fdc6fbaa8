//! The journal: whatever happened, reading it back gives the same state; cut anywhere, it gives an
//! earlier one.

use std::path::Path;

use launcher::facts::{Fact, JournalEntry};
use launcher::plan::weights::Weight;
use launcher::supervise::journal::{self, Journal};
use launcher::supervise::machine::Machine;
use proptest::prelude::*;
use shared::disk::checked_lines;
use shared::run::workdir::Workdir;

use crate::any_run::{any_run, any_run_of};
use crate::machine::Story;
use crate::machine::{opened, planned, rules};
use crate::says::says;

/// A work directory with nothing but this journal.
#[expect(clippy::disallowed_methods, reason = "a journal as a crash may have left it")]
fn with_journal(bytes: &[u8]) -> (tempfile::TempDir, Workdir) {
    let folder = tempfile::tempdir().expect("a folder");
    let workdir = Workdir::new(folder.path());
    std::fs::write(workdir.journal(), bytes).expect("written");
    (folder, workdir)
}

/// Two hundred events at least. Lines are read one by one, so that of all that is before a cut the
/// last lines are enough; at the end of each line, and in its middle, everything is read.
#[test]
fn a_long_journal_cut_at_any_byte_has_every_event_before_it() {
    let choices: Vec<u8> = (0..=u8::MAX).cycle().step_by(7).take(400).collect();
    let names: Vec<String> = (0..60).map(|number| format!("T{number}")).collect();
    let batches: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let batches: Vec<&[&str]> = batches.iter().map(<[&str; 1]>::as_slice).collect();
    let Story { entries, .. } = any_run_of(&batches, &choices, 3);
    assert!(entries.len() >= 200, "only {} events", entries.len());
    let lines: Vec<Vec<u8>> =
        entries.iter().map(|entry| checked_lines::encode(entry).into_bytes()).collect();
    let read = |bytes: &[u8]| {
        checked_lines::parse::<JournalEntry>(Path::new("journal"), bytes)
            .expect("a torn tail is no error")
            .entries
    };
    for (number, line) in lines.iter().enumerate() {
        let before = number.saturating_sub(2);
        for cut in 0..=line.len() {
            let whole = number + usize::from(cut == line.len());
            let first = if cut == line.len() / 2 || cut == line.len() { 0 } else { before };
            let bytes = [&lines[first..number].concat(), &line[..cut]].concat();
            assert!(read(&bytes) == entries[first..whole], "line {number} cut at {cut}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_journal_replays_to_the_state_that_wrote_it_and_cut_at_any_byte_to_an_earlier_one(
        choices in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let story = any_run(&choices, 3);
        let bytes: Vec<u8> = story.entries.iter().map(checked_lines::encode).collect::<String>().into_bytes();
        let mut states = vec![Machine::new(rules(3, 1))];
        for entry in &story.entries {
            let mut next = states.last().expect("one at least").clone();
            next.apply(entry).expect("it was legal then");
            states.push(next);
        }
        prop_assert_eq!(states.last(), Some(&story.machine));
        for cut in 0..=bytes.len() {
            let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let entries = checked_lines::parse::<JournalEntry>(Path::new("journal"), &bytes[..cut]).expect("a torn tail").entries;
            prop_assert_eq!(entries.len(), whole, "every acknowledged fact is there");
            if bytes[..cut].last() == Some(&b'\n') {
                let (_folder, workdir) = with_journal(&bytes[..cut]);
                prop_assert_eq!(&journal::follow(&workdir, rules(3, 1)).expect("legal"), &states[whole]);
            }
        }
    }
}

#[test]
fn a_batch_that_was_planned_before_there_were_weights_has_an_unknown_one() {
    let old = r#"{"planned":{"batch":"batch_0001","tickers":["A"]}}"#;
    assert_eq!(serde_json::from_str::<Fact>(old).expect("read"), planned(1, &["A"]));
    assert_eq!(
        serde_json::to_string(&planned(1, &["A"])).expect("written"),
        old,
        "nor is anything said"
    );
    let mut weighed = planned(1, &["A"]);
    if let Fact::Planned { weight, .. } = &mut weighed {
        *weight = Weight::Guessed(7);
    }
    let line = serde_json::to_string(&weighed).expect("written");
    assert_eq!(
        line,
        r#"{"planned":{"batch":"batch_0001","tickers":["A"],"weight":{"guessed":7}}}"#
    );
    assert_eq!(serde_json::from_str::<Fact>(&line).expect("read"), weighed);
}

#[test]
fn a_torn_tail_is_cut_off_before_the_next_fact() {
    let folder = tempfile::tempdir().expect("a folder");
    let workdir = Workdir::new(folder.path());
    let at = "2024-07-01T12:00:00Z".parse().expect("an instant");
    let entry = |fact| JournalEntry { at, fact };
    let (mut journal, _) = Journal::open(&workdir, rules(1, 0)).expect("new");
    journal.append(&[entry(planned(1, &["A"])), entry(opened())]).expect("written");
    let mut torn = std::fs::read(workdir.journal()).expect("read");
    torn.extend_from_slice(b"{\"at\":\"2024-");
    shared::disk::publish::publish(&workdir.journal(), &torn).expect("written");
    let (mut journal, before) =
        Journal::open(&workdir, rules(1, 0)).expect("a torn tail is no error");
    journal.append(&[entry(planned(2, &["B"]))]).expect("written");
    let (_, after) = Journal::open(&workdir, rules(1, 0)).expect("sound");
    assert_eq!((before.batches().count(), after.batches().count()), (1, 2));
}

#[test]
fn a_journal_of_something_impossible_is_refused_with_its_line() {
    let at = "2024-07-01T12:00:00Z".parse().expect("an instant");
    let entries = [planned(1, &["A"]), planned(3, &["B"])].map(|fact| JournalEntry { at, fact });
    let bytes: String = entries.iter().map(checked_lines::encode).collect();
    let (_folder, workdir) = with_journal(bytes.as_bytes());
    let error = journal::follow(&workdir, rules(1, 0)).expect_err("batch 2 is missing").to_string();
    let words = "journal.jsonl:2: batch_0003 with 1 tickers can't happen";
    says(&error, &[words]);
}

#[test]
fn a_journal_of_another_version_is_refused_by_name_with_a_way_on() {
    let began = |version: &str| {
        let line = format!(
            r#"{{"at":"2024-07-01T12:00:00Z","fact":{{"opened":{{"supervisor":{{"pid":17,"start_ticks":4711,"boot_id":"boot"}}{version}}}}}}}"#
        );
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let (_folder, workdir) = with_journal(checked_lines::encode(&value).as_bytes());
        journal::follow(&workdir, rules(1, 0)).map(drop).map_err(|error| error.to_string())
    };
    for read in [r#","version":1"#, r#","edition":"fourth""#] {
        assert_eq!(began(read), Ok(()), "{read}");
    }
    let newer = began(r#","version":2"#).expect_err("unknown");
    assert!(
        newer.ends_with("journal.jsonl:1: a journal of version 2, and this program reads 1; use the newer program that wrote it"),
        "{newer}"
    );
    for older in ["", r#","edition":"third""#] {
        let refused = began(older).expect_err("nobody has it");
        let way_on = "; begin a new run with another --workdir and --resume: what the outdir proves stays proven";
        assert!(
            refused.contains("a journal of version 0") && refused.ends_with(way_on),
            "{refused}"
        );
    }
}
