//! What a look believes, and what a check finds.

use std::fs::{self, File, FileTimes};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::*;
use crate::dataset::answers::Said;
use crate::dataset::partition::Partition;
use crate::dataset::writer::Fingerprint;

struct Tree {
    folder: tempfile::TempDir,
    ticker: Ticker,
}

fn year(year: i16) -> DateRange {
    Partition::Year(year).span()
}

impl Tree {
    /// Two years with a file each, proven by lines that do or do not say how the files are found.
    fn new(with_sightings: bool) -> Self {
        let tree = Self {
            folder: tempfile::tempdir().expect("a folder"),
            ticker: "AIG".parse().expect("a ticker"),
        };
        for number in [2022, 2023] {
            let path = tree.file(number);
            crate::disk::publish::publish(&path, &vec![7; 4_096]).expect("published");
            let mut entry = Entry::new(&tree.ticker, Partition::Year(number));
            entry.answers.record(
                year(number),
                Said::Data,
                "2024-01-10T12:00:00Z".parse::<jiff::Timestamp>().expect("a time"),
            );
            let proof = FileProof::new(1, 0, 0, Fingerprint::of_file(&path).expect("read"));
            let seen = with_sightings.then(|| Seen::at(&path).expect("there"));
            entry.file = Some(FileProof { seen, ..proof });
            tree.open(year(number)).commit(vec![entry]).expect("committed");
        }
        tree
    }

    fn file(&self, year: i16) -> PathBuf {
        Partition::Year(year).file(self.folder.path(), &self.ticker, Kind::Daily)
    }

    fn open(&self, days: DateRange) -> OpenLedger {
        OpenLedger::open(self.folder.path(), Kind::Daily, &self.ticker, days).expect("free")
    }

    fn damaged(&self) -> Vec<PathBuf> {
        let ledger = Ledger::read(self.folder.path(), Kind::Daily, &self.ticker).expect("sound");
        ledger.damaged().map(|(_, damage)| damage.path.clone()).collect()
    }

    fn check(&self, days: DateRange) -> Checked {
        check(self.folder.path(), Kind::Daily, &self.ticker, days).expect("checked")
    }

    fn lines(&self) -> usize {
        let path = Ledger::path(self.folder.path(), &self.ticker);
        fs::read_to_string(path).expect("read").lines().count()
    }

    /// Zeroes its middle; length, time and inode stay.
    fn zero(&self, year: i16) {
        let path = self.file(year);
        let modified = fs::metadata(&path).and_then(|found| found.modified()).expect("there");
        let mut file = File::options().write(true).open(&path).expect("opened");
        file.seek(SeekFrom::Start(2_000)).expect("there");
        file.write_all(&[0; 64]).expect("written");
        file.set_times(FileTimes::new().set_modified(modified)).expect("set back");
    }
}

#[test]
fn a_zeroed_middle_under_the_old_time_is_as_recorded_until_a_check_and_damage_from_then_on() {
    let tree = Tree::new(true);
    tree.zero(2023);
    assert_eq!(tree.damaged(), [] as [PathBuf; 0], "length, time and inode are as recorded");
    let elsewhere = tree.check(year(2022));
    assert_eq!(
        (elsewhere.files, elsewhere.bytes, elsewhere.damaged.len()),
        (1, 4_096, 0),
        "of other days"
    );
    assert_eq!(tree.damaged(), [] as [PathBuf; 0]);
    for _ in 0..2 {
        let checked = tree.check(year(2023));
        assert_eq!((checked.files, checked.damaged.len()), (0, 1));
        assert_eq!(tree.damaged(), [tree.file(2023)], "every look finds it now");
    }
    // From a backup: it is right, and needs no fetch.
    crate::disk::publish::publish(&tree.file(2023), &vec![7; 4_096]).expect("restored");
    assert_eq!(tree.check(year(2023)).files, 1);
    assert_eq!(tree.damaged(), [] as [PathBuf; 0]);
}

#[test]
fn a_check_of_what_is_right_and_recorded_writes_nothing() {
    let tree = Tree::new(true);
    let before = tree.lines();
    let both = DateRange::new(year(2022).from(), year(2023).to()).expect("in order");
    assert_eq!(tree.check(both), Checked { files: 2, bytes: 8_192, damaged: Vec::new() });
    assert_eq!(tree.lines(), before);
    let nobody: Ticker = "NOBODY".parse().expect("a ticker");
    assert_eq!(
        check(tree.folder.path(), Kind::Daily, &nobody, both).expect("nothing"),
        Checked::default()
    );
    assert!(!tree.folder.path().join("NOBODY").exists(), "nothing is made");
}

#[test]
fn a_line_that_does_not_say_how_its_file_was_found_is_believed_by_the_bytes_once() {
    let tree = Tree::new(false);
    assert_eq!(tree.open(year(2022)).noted(), [Partition::Year(2022)]);
    assert_eq!(tree.open(year(2022)).noted(), [] as [Partition; 0]);
    tree.zero(2023);
    assert_eq!(tree.damaged(), [tree.file(2023)]);
    let by_length =
        Ledger::read_by_length(tree.folder.path(), Kind::Daily, &tree.ticker).expect("sound");
    assert_eq!(by_length.damaged().count(), 0, "an estimate reads no file");
    let of_2022 =
        Ledger::read_of(tree.folder.path(), Kind::Daily, &tree.ticker, year(2022)).expect("sound");
    assert_eq!(of_2022.damaged().count(), 0, "nobody asked for those days");
}

#[test]
fn a_check_reads_beside_one_who_writes_and_claims_nothing_that_is_right() {
    let tree = Tree::new(true);
    let writer = tree.open(year(2023));
    assert_eq!(tree.check(year(2023)).files, 1, "its line says what stands there");
    // A copied tree: what can't be noted now is noted another time.
    let bytes = fs::read(tree.file(2023)).expect("read");
    fs::remove_file(tree.file(2023)).expect("removed");
    fs::write(tree.file(2023), bytes).expect("copied");
    let text = || fs::read_to_string(Ledger::path(tree.folder.path(), &tree.ticker)).expect("read");
    let before = text();
    assert_eq!(tree.check(year(2023)).files, 1);
    assert_eq!(text(), before, "nothing is noted in a ticker that is being written");
    drop(writer);
    assert_eq!(tree.check(year(2023)).files, 1);
    assert_ne!(text(), before, "noted");
}

#[test]
fn a_file_that_somebody_writes_at_this_moment_is_not_called_damaged() {
    let tree = Tree::new(true);
    let writer = tree.open(year(2023));
    // In its place already, and its line is about to be written.
    crate::disk::publish::publish(&tree.file(2023), &vec![8; 4_096]).expect("published");
    let refused = check(tree.folder.path(), Kind::Daily, &tree.ticker, year(2023));
    assert!(matches!(refused, Err(LedgerError::Busy { .. })), "{refused:?}");
    drop(writer);
    assert_eq!(tree.check(year(2023)).damaged.len(), 1, "it never was");
}
