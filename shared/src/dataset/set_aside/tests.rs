//! What is set aside, what the ledger says afterwards, and what is asked for again.

use std::fs;

use super::super::answers::Said;
use super::super::entry::FileProof;
use super::super::trust::Trust;
use super::super::writer::Fingerprint;
use super::*;
use crate::disk::checked_lines;

const YEAR: Partition = Partition::Year(2022);

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn why() -> Why<'static> {
    Why { at: at("2024-02-01T09:30:15Z"), rule: "price-not-finite" }
}

/// A tree with a year whose line proves a file of seven bytes.
struct Tree {
    folder: tempfile::TempDir,
    ticker: Ticker,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().expect("a folder"),
            ticker: "AIG".parse().expect("a ticker"),
        };
        tree.put(&[7; 7]);
        let mut entry = Entry::new(&tree.ticker, YEAR);
        entry.answers.record(YEAR.span(), Said::Data, at("2024-01-10T12:00:00Z"));
        let fingerprint = Fingerprint::of_file(&tree.file()).expect("read");
        entry.file = Some(FileProof::new(250, 0, 0, fingerprint));
        tree.open().commit(vec![entry]).expect("committed");
        tree
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        YEAR.file(self.root(), &self.ticker, Kind::Daily)
    }

    fn put(&self, bytes: &[u8]) {
        crate::disk::publish::publish(&self.file(), bytes).expect("published");
    }

    fn open(&self) -> OpenLedger {
        OpenLedger::open(self.root(), Kind::Daily, &self.ticker, YEAR.span()).expect("free")
    }

    fn set_aside(&self) -> SetAside {
        partition(self.root(), Kind::Daily, &self.ticker, YEAR, why()).expect("set aside")
    }

    fn read(&self) -> Ledger {
        Ledger::read(self.root(), Kind::Daily, &self.ticker).expect("sound")
    }

    fn missing(&self) -> Coverage {
        self.read().missing(YEAR.span(), &Trust::at(at("2024-02-02T00:00:00Z"), 0))
    }
}

#[test]
fn a_file_that_its_line_proves_is_set_aside_and_the_line_is_void_with_its_count_of_rows() {
    let tree = Tree::new();
    let aside = tree.set_aside();
    let name = "_set_aside/AIG/year=2022/daily.parquet.20240201T093015Z.price-not-finite";
    let expected = SetAside {
        file: Some(tree.root().join(name)),
        line: LineNow::Void,
        days: YEAR.span().into(),
    };
    assert_eq!(aside, expected);
    assert!(!tree.file().exists());
    assert_eq!(fs::read(tree.root().join(name)).expect("kept"), [7; 7]);
    assert_eq!(tree.missing(), YEAR.span().into());
    let entry = tree.read().entry(YEAR).cloned().expect("a line that says nothing");
    assert_eq!((entry.loss, entry.answers.iter().count()), (None, 0), "no row is to come back");
}

#[test]
fn a_file_that_is_not_what_its_line_says_is_lost_and_its_rows_are_to_come_back() {
    for (bytes, case) in [(&[8; 7][..], "as long, other bytes"), (&[7; 3], "shorter")] {
        let tree = Tree::new();
        tree.put(bytes);
        let aside = tree.set_aside();
        assert_eq!((aside.line, aside.days), (LineNow::Kept, YEAR.span().into()), "{case}");
        assert_eq!(fs::read(aside.file.expect("kept")).expect("read"), bytes, "{case}");
        assert_eq!(tree.missing(), YEAR.span().into(), "{case}");
        let entry = tree.open().ledger().entry(YEAR).cloned().expect("a line");
        assert_eq!(entry.loss.map(|loss| loss.rows), Some(250), "{case}");
    }
}

#[test]
fn where_the_file_is_gone_already_nothing_moves_and_its_rows_are_to_come_back() {
    let tree = Tree::new();
    fs::remove_file(tree.file()).expect("removed");
    let aside = tree.set_aside();
    assert_eq!((aside.file, aside.line), (None, LineNow::Kept));
    assert!(!tree.root().join(FOLDER).exists(), "no folder is made for nothing");
}

#[test]
fn a_file_that_no_line_tells_of_is_set_aside_too() {
    let tree = Tree::new();
    let stray = Partition::Year(2021);
    let path = stray.file(tree.root(), &tree.ticker, Kind::Daily);
    crate::disk::publish::publish(&path, b"what?").expect("published");
    let aside = partition(tree.root(), Kind::Daily, &tree.ticker, stray, why()).expect("aside");
    assert_eq!((aside.line, aside.days), (LineNow::None, Coverage::empty()));
    assert!(!path.exists() && aside.file.expect("kept").exists());
    assert!(tree.missing().is_empty(), "its neighbour stays proven");
}

#[test]
fn an_answer_without_rows_that_is_doubted_is_void() {
    let tree = Tree::new();
    let next = Partition::Year(2023);
    let mut entry = Entry::new(&tree.ticker, next);
    entry.answers.record(next.span(), Said::Empty { asks: 2 }, at("2024-01-10T12:00:00Z"));
    let mut open =
        OpenLedger::open(tree.root(), Kind::Daily, &tree.ticker, next.span()).expect("free");
    open.commit(vec![entry]).expect("committed");
    drop(open);
    let aside = partition(tree.root(), Kind::Daily, &tree.ticker, next, why()).expect("aside");
    assert_eq!((aside.file, aside.line, aside.days), (None, LineNow::Void, next.span().into()));
}

#[test]
fn a_copy_beside_a_file_is_set_aside_and_a_folder_is_left_alone() {
    let tree = Tree::new();
    let copy = tree.file().with_file_name("daily (1).parquet");
    fs::copy(tree.file(), &copy).expect("copied");
    let why = Why { rule: "stray-file", ..why() };
    let aside = stray(tree.root(), &tree.ticker, &copy, why).expect("set aside").expect("there");
    let name = "_set_aside/AIG/year=2022/daily (1).parquet.20240201T093015Z.stray-file";
    assert_eq!(aside, tree.root().join(name));
    assert!(!copy.exists() && tree.file().exists() && tree.missing().is_empty());
    let folder = tree.root().join("AIG/year=2022-old");
    fs::create_dir(&folder).expect("made");
    assert_eq!(stray(tree.root(), &tree.ticker, &folder, why).expect("looked at"), None);
    assert!(folder.exists());
}

#[test]
fn a_second_file_of_the_same_second_replaces_nothing() {
    let tree = Tree::new();
    let first = tree.set_aside().file.expect("kept");
    tree.put(b"again");
    let second = tree.set_aside().file.expect("kept");
    assert_eq!(second.to_string_lossy(), format!("{}.2", first.display()));
    assert_eq!(fs::read(first).expect("kept"), [7; 7]);
}

#[test]
fn what_somebody_writes_at_this_moment_is_left_alone() {
    let tree = Tree::new();
    let writer = tree.open();
    let refused = partition(tree.root(), Kind::Daily, &tree.ticker, YEAR, why());
    assert!(matches!(refused, Err(LedgerError::Busy { .. })));
    let refused = ledger(tree.root(), Kind::Daily, &tree.ticker, why());
    assert!(matches!(refused, Err(LedgerError::Busy { .. })));
    drop(writer);
    assert!(tree.file().exists());
}

#[test]
fn nothing_is_moved_over_a_link() {
    let tree = Tree::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(elsewhere.path(), tree.root().join(FOLDER)).expect("linked");
    let refused = partition(tree.root(), Kind::Daily, &tree.ticker, YEAR, why());
    assert!(matches!(refused, Err(LedgerError::Disk(_))), "{refused:?}");
    assert!(tree.file().exists());
    assert_eq!(fs::read_dir(elsewhere.path()).expect("listed").count(), 0);
}

#[test]
fn of_a_damaged_ledger_every_sound_line_goes_on_and_the_old_one_is_kept() {
    let tree = Tree::new();
    let path = Ledger::path(tree.root(), &tree.ticker);
    let mut bytes = fs::read(&path).expect("read");
    let other = Entry::new(&"BAC".parse().expect("a ticker"), Partition::Year(2020));
    bytes.splice(0..0, *b"{\"partition\":\"year=2019\"}\n");
    bytes.extend(checked_lines::encode(&other).as_bytes());
    fs::write(&path, &bytes).expect("written");
    let range = DateRange::new(YEAR.span().from(), YEAR.span().to()).expect("in order");
    let broken = Ledger::read(tree.root(), Kind::Daily, &tree.ticker);
    assert!(matches!(broken, Err(LedgerError::Corrupt { line: 1, .. })), "{broken:?}");

    let why = Why { rule: "ledger-unreadable", ..why() };
    let aside = ledger(tree.root(), Kind::Daily, &tree.ticker, why).expect("set aside");
    assert_eq!(aside.kept_lines, 1);
    assert_eq!(fs::read(&aside.file).expect("kept"), bytes);
    assert_eq!(tree.missing(), Coverage::from(range).minus(&range.into()), "2022 stays proven");
}

#[test]
fn a_ledger_of_a_newer_program_is_not_ours_to_set_aside() {
    let tree = Tree::new();
    let path = Ledger::path(tree.root(), &tree.ticker);
    let line = checked_lines::encode(&serde_json::json!({ "v": 2, "partition": "year=2022" }));
    fs::write(&path, &line).expect("written");
    let refused = ledger(tree.root(), Kind::Daily, &tree.ticker, why());
    assert!(matches!(refused, Err(LedgerError::Version { .. })), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).expect("there"), line);
}

#[test]
fn before_a_run_what_no_line_proves_is_set_aside_and_what_is_proven_stays() {
    let tree = Tree::new();
    let before_the_run = || unproven(tree.root(), Kind::Daily, &tree.ticker, YEAR.span(), why().at);
    assert_eq!(before_the_run().expect("looked"), [], "it is proven");
    fs::remove_file(Ledger::path(tree.root(), &tree.ticker)).expect("removed");
    fs::write(tree.root().join(FOLDER), "in the way").expect("written");
    before_the_run().expect_err("no folder can be made");
    assert_eq!(fs::read(tree.file()).expect("still there"), [7; 7]);
    fs::remove_file(tree.root().join(FOLDER)).expect("removed");
    let aside = before_the_run().expect("set aside");
    let kept = aside[0].file.as_ref().expect("a file");
    assert_eq!(fs::read(kept).expect("kept"), [7; 7]);
    assert!(!tree.file().exists());
}
