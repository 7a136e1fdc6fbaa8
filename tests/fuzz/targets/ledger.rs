//! Any bytes as a ledger: it is read or refused by line; what can be read is kept, and lines can
//! follow it.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use fuzz::sealed;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger, LedgerError};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::trust::Trust;
use shared::disk::checked_lines::{self, Appender, LinesError};
use shared::market::ticker::Ticker;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(fuzz::folder);

fuzz_target!(|bytes: &[u8]| {
    // A checksum is never hit by chance: what is behind it is reached with lines that get theirs
    // here.
    for content in [bytes.to_vec(), sealed(bytes)] {
        one_log(&content);
    }
});

fn one_log(content: &[u8]) {
    let ticker: Ticker = "AIG".parse().expect("a ticker");
    let path = Ledger::path(FOLDER.path(), &ticker);
    fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
    fs::write(&path, content).expect("written");

    let found = match checked_lines::read::<Entry>(&path) {
        Ok(found) => found,
        Err(LinesError::Corrupt { line, .. }) => {
            let lines = content.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            let mut log = Appender::<Entry>::below(FOLDER.path(), &path).expect("opened");
            assert!(log.recover().is_err(), "what is damaged is not recovered");
            assert!(OpenLedger::open(FOLDER.path(), Kind::Daily, &ticker, asked()).is_err());
            assert_eq!(fs::read(&path).expect("read"), content, "and stays as it is");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let sound = usize::try_from(found.sound_bytes).expect("in memory");
    assert!(sound <= content.len());
    for entry in &found.entries {
        let line = checked_lines::encode(entry);
        let again = checked_lines::decode::<Entry>(line.trim_end().as_bytes());
        assert_eq!(again.as_ref(), Ok(entry), "a line says what it means");
    }

    let mut log = Appender::<Entry>::below(FOLDER.path(), &path).expect("opened");
    assert_eq!(log.recover().expect("recovered"), found.entries);
    assert_eq!(
        fs::read(&path).expect("read"),
        content[..sound],
        "only what was torn off is cut off"
    );
    drop(log);

    if let Err(LedgerError::Foreign { .. }) = Ledger::read(FOLDER.path(), Kind::Daily, &ticker) {
        assert!(OpenLedger::open(FOLDER.path(), Kind::Daily, &ticker, asked()).is_err());
        return;
    }
    let new = new_entry();
    let mut ledger =
        OpenLedger::open(FOLDER.path(), Kind::Daily, &ticker, asked()).expect("nobody holds it");
    look_at(ledger.ledger());
    ledger.commit(vec![new.clone()]).expect("appended");
    look_at(ledger.ledger());
    drop(ledger);
    let mut entries = found.entries;
    entries.push(new);
    // A ledger with many dead lines is written anew without them.
    let read = checked_lines::read::<Entry>(&path).expect("read").entries;
    assert!(read.len() <= entries.len());
    assert_eq!(latest(read), latest(entries));
    for kind in Kind::ALL {
        let read = Ledger::read(FOLDER.path(), kind, &ticker);
        assert_eq!(read.is_ok(), kind == Kind::Daily, "the new line says what kind it is");
        read.iter().for_each(look_at);
    }
}

/// The last line of each partition.
fn latest(entries: Vec<Entry>) -> BTreeMap<Partition, Entry> {
    entries.into_iter().map(|entry| (entry.partition, entry)).collect()
}

fn asked() -> DateRange {
    let day = |text: &str| text.parse().expect("a day");
    DateRange::new(day("2022-03-01"), day("2024-02-09")).expect("in order")
}

/// Asks all that is asked of a ledger.
fn look_at(ledger: &Ledger) {
    let now: Timestamp = "2024-06-01T00:00:00Z".parse().expect("an instant");
    for since in [None, Some(now)] {
        let trust = Trust { since, ..Trust::at(now, 1) };
        let missing = ledger.missing(asked(), &trust);
        let to_ask = ledger.to_ask(asked(), &trust);
        assert!(missing.minus(&to_ask).is_empty(), "what is missing is asked for");
        let _ = ledger.summary(asked(), &trust);
    }
    assert!(
        ledger.damaged().all(|(partition, _)| ledger.file(partition).is_none()),
        "damage proves nothing"
    );
}

fn new_entry() -> Entry {
    let partition: Partition = "year=2023".parse().expect("a partition");
    let asked_at: Timestamp = "2024-05-31T00:00:00Z".parse().expect("an instant");
    let mut entry = Entry::new(&"AIG".parse().expect("a ticker"), partition);
    entry.answers.record(partition.span(), Said::Empty { asks: 1 }, asked_at);
    entry
}
