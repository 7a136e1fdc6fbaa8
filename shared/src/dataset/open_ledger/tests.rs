//! What a ledger proves, line by line, and who may write it.

use jiff::Timestamp;

use super::super::answers::{Answers, Said};
use super::super::ledger::*;
use super::super::partition::Partition;
use super::super::trust::Trust;
use super::super::writer::Fingerprint;
use super::*;
use crate::disk::checked_lines;

mod growth;

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn trust(now: &str) -> Trust {
    Trust::at(at(now), 1)
}

fn entry(days: DateRange, said: Said, bytes: Option<u64>) -> Entry {
    let partition = Partition::of(Kind::Daily, days.from());
    let mut entry = Entry::new(&"AIG".parse().expect("a ticker"), partition);
    entry.answers.record(days, said, at("2024-01-10T12:00:00Z"));
    entry.file = bytes.map(|bytes| FileProof::new(1, 0, 0, of_zeros(bytes)));
    entry.pages = 1;
    entry
}

/// What proves a file that [`Tree::put_file`] makes.
fn of_zeros(bytes: u64) -> Fingerprint {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("zeros");
    std::fs::write(&path, vec![0; bytes.try_into().expect("few")]).expect("written");
    Fingerprint::of_file(&path).expect("read")
}

struct Tree {
    folder: tempfile::TempDir,
    ticker: Ticker,
}

impl Tree {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            ticker: "AIG".parse().expect("a ticker"),
        }
    }

    fn open(&self) -> OpenLedger {
        self.claim("2022-01-01", "2023-12-31").expect("opened")
    }

    fn claim(&self, from: &str, to: &str) -> Result<OpenLedger, LedgerError> {
        OpenLedger::open(self.folder.path(), Kind::Daily, &self.ticker, range(from, to))
    }

    fn read(&self) -> Ledger {
        Ledger::read(self.folder.path(), Kind::Daily, &self.ticker).expect("read")
    }

    fn put_file(&self, year: i16, bytes: usize) {
        let path = Partition::Year(year).file(self.folder.path(), &self.ticker, Kind::Daily);
        crate::disk::publish::publish(&path, &vec![0; bytes]).expect("published");
    }
}

#[test]
fn a_file_without_a_line_proves_nothing_and_a_line_without_its_file_neither() {
    let tree = Tree::new();
    tree.put_file(2022, 7);
    let asked = range("2022-01-01", "2023-12-31");
    assert!(tree.read().missing(asked, &trust("2024-01-11T00:00:00Z")).includes(asked));
    tree.open()
        .commit(vec![entry(range("2023-01-01", "2023-12-31"), Said::Data, Some(7))])
        .expect("committed");
    assert!(tree.read().missing(asked, &trust("2024-01-11T00:00:00Z")).includes(asked));
    tree.put_file(2023, 7);
    let missing = tree.read().missing(asked, &trust("2024-01-11T00:00:00Z"));
    assert_eq!(missing.to_string(), "2022-01-01..2022-12-31");
}

#[test]
fn a_truncated_file_is_named_and_all_that_it_held_is_asked_again() {
    let tree = Tree::new();
    tree.put_file(2022, 7);
    tree.open()
        .commit(vec![entry(range("2022-01-01", "2022-12-31"), Said::Data, Some(8))])
        .expect("committed");
    let ledger = tree.read();
    let asked = range("2022-06-01", "2022-06-30");
    assert_eq!(
        ledger.to_ask(asked, &trust("2024-01-11T00:00:00Z")).to_string(),
        "2022-01-01..2022-12-31"
    );
    let (_, damage) = ledger.damaged().next().expect("damage");
    assert_eq!(damage.what, "7 bytes where the ledger says 8");
    assert_eq!(
        ledger.to_ask(range("2023-01-01", "2023-01-02"), &trust("2024-01-11T00:00:00Z")).days(),
        2
    );
}

#[test]
fn a_partition_that_the_plan_reaches_in_part_is_counted_as_such_and_its_days_are_named() {
    let tree = Tree::new();
    for year in [2022, 2023] {
        tree.put_file(year, 7);
    }
    let year = |days, answers: &[(DateRange, Said)], bytes| {
        let mut entry = entry(days, Said::Data, bytes);
        entry.answers = Answers::default();
        for (days, said) in answers {
            entry.answers.record(*days, *said, at("2024-01-10T12:00:00Z"));
        }
        entry
    };
    let (beyond, closed) = (range("2022-01-01", "2022-05-31"), range("2021-12-25", "2021-12-26"));
    let (before, empty) = (range("2021-01-01", "2021-12-31"), Said::Empty { asks: 9 });
    let entries = vec![
        year(
            range("2020-01-01", "2020-12-31"),
            &[(range("2020-01-01", "2020-12-31"), Said::OutsidePlan)],
            None,
        ),
        year(before, &[(before, Said::OutsidePlan), (closed, empty)], None),
        year(
            range("2022-01-01", "2022-12-31"),
            &[(range("2022-06-01", "2022-12-31"), Said::Data), (beyond, Said::OutsidePlan)],
            Some(7),
        ),
        entry(range("2023-01-01", "2023-12-31"), Said::Data, Some(7)),
    ];
    tree.claim("2020-01-01", "2023-12-31").expect("opened").commit(entries).expect("committed");
    let (ledger, trust) = (tree.read(), trust("2024-01-11T00:00:00Z"));
    let expected = Summary {
        partitions_data: 2,
        partitions_empty: 1,
        partitions_outside_plan: 1,
        partitions_partly_outside_plan: 2,
        rows: 2,
    };
    assert_eq!(ledger.summary(range("2020-01-01", "2023-12-31"), &trust), expected);
    let asked = range("2021-12-26", "2022-03-31");
    assert_eq!(ledger.outside_plan(asked, &trust).to_string(), "2021-12-27..2022-03-31");
    let reached = ledger.summary(range("2022-06-01", "2022-12-31"), &trust);
    assert_eq!(reached.partitions_partly_outside_plan, 0, "nothing of what was asked is missing");
}

#[test]
fn a_summary_of_before_there_were_parts_is_still_read() {
    let text = r#"{"partitions_data":1,"partitions_empty":0,"partitions_outside_plan":2,"rows":3}"#;
    let summary: Summary = serde_json::from_str(text).expect("read");
    assert_eq!((summary.partitions_outside_plan, summary.partitions_partly_outside_plan), (2, 0));
}

#[test]
fn two_may_write_one_ticker_but_not_the_same_partition_of_it() {
    let tree = Tree::new();
    let mut first = tree.claim("2022-02-01", "2022-03-31").expect("free");
    assert_eq!(first.claimed(), range("2022-01-01", "2022-12-31"));
    let error = tree.claim("2020-05-05", "2022-01-01").err().expect("taken");
    let path = Ledger::path(tree.folder.path(), &tree.ticker);
    let said = error.to_string();
    let whose = format!(
        "AIG: another worker is writing 2022-01-01..2022-12-31 of it (process {} (",
        std::process::id()
    );
    let what = format!(") has locked {})", path.display());
    assert!(said.starts_with(&whose) && said.ends_with(&what), "{said}");
    let mut second = tree.claim("2023-01-01", "2023-01-01").expect("free");
    let empty = |year: &str| {
        entry(
            range(&format!("{year}-01-01"), &format!("{year}-12-31")),
            Said::Empty { asks: 1 },
            None,
        )
    };
    first.commit(vec![empty("2022")]).expect("committed");
    second.commit(vec![empty("2023")]).expect("committed");
    first.commit(vec![empty("2022")]).expect("committed");
    drop((first, second));
    let missing =
        tree.read().missing(range("2021-12-31", "2024-01-01"), &trust("2024-01-11T00:00:00Z"));
    assert_eq!(missing.to_string(), "2021-12-31, 2024-01-01");
    tree.claim("2020-05-05", "2022-01-01").expect("given back");
}

#[test]
fn rows_are_expected_where_they_were_and_elsewhere_as_in_the_middle() {
    let tree = Tree::new();
    let mut open = tree.open();
    for (year, rows) in [(2022, 365), (2023, 730)] {
        tree.put_file(year, 7);
        let days = Partition::Year(year).span();
        let mut entry = entry(days, Said::Data, Some(7));
        entry.file.as_mut().expect("a file").rows = rows;
        open.commit(vec![entry]).expect("committed");
    }
    let anew = Trust { since: Some(at("2024-01-11T00:00:00Z")), ..trust("2024-01-11T00:00:00Z") };
    let expected = |asked, trust: &Trust| {
        let rows = tree.read().rows_expected_of(Kind::Daily, asked, trust).expect("known");
        rows.iter().map(|(days, rows)| format!("{days} {rows}")).collect::<Vec<_>>()
    };
    let asked = range("2021-12-22", "2023-12-31");
    assert_eq!(
        expected(asked, &anew),
        ["2021-12-22..2021-12-31 15", "2022-01-01..2022-12-31 365", "2023-01-01..2023-12-31 730"]
    );
    assert_eq!(
        expected(asked, &trust("2024-01-11T00:00:00Z")),
        ["2021-12-22..2021-12-31 15", "2022-01-01..2022-12-31 0", "2023-01-01..2023-12-31 0"]
    );
    let within = |from, to| tree.read().rows_expected_within(range(from, to));
    assert_eq!(within("2021-12-22", "2023-12-31"), Some(15 + 365 + 730));
    assert_eq!(within("2023-07-01", "2023-07-31"), Some(62), "its own year tells better than both");

    let mut open = tree.claim("2021-01-01", "2021-12-31").expect("free");
    open.commit(vec![entry(range("2021-01-01", "2021-12-26"), Said::Empty { asks: 1 }, None)])
        .expect("committed");
    let again = expected(range("2021-12-22", "2022-12-31"), &anew);
    assert_eq!(
        again,
        ["2021-12-22..2021-12-31 5", "2022-01-01..2022-12-31 365"],
        "none on empty days"
    );
    assert_eq!(within("2021-12-22", "2022-12-31"), Some(5 + 365));
    let nothing = Ledger::of_lines(Vec::new(), |_| None);
    assert_eq!(nothing.rows_expected_of(Kind::Daily, asked, &anew), None);
    assert_eq!(nothing.rows_expected_within(asked), None);
}

#[test]
#[should_panic(expected = "year=2023 is written without a claim")]
fn nothing_is_proven_without_a_claim() {
    let mut open = Tree::new().claim("2022-01-01", "2022-12-31").expect("free");
    let beyond = entry(range("2023-01-01", "2023-12-31"), Said::Empty { asks: 1 }, None);
    drop(open.commit(vec![beyond]));
}

#[test]
fn a_line_reads_as_it_was_written() {
    let mut written = entry(range("2022-01-01", "2022-06-30"), Said::Data, Some(8));
    written.answers.record(
        range("2022-07-01", "2022-12-31"),
        Said::Empty { asks: 1 },
        at("2024-01-11T12:00:00Z"),
    );
    if let Some(file) = &mut written.file {
        "00".clone_into(&mut file.fingerprint.sha256);
    }
    let line = checked_lines::encode(&written);
    let expected = concat!(
        r#"{"partition":"year=2022","ticker":"AIG","answers":["#,
        r#"{"from":"2022-01-01","to":"2022-06-30","outcome":"data","asked_at":"20240110T120000Z"},"#,
        r#"{"from":"2022-07-01","to":"2022-12-31","outcome":"empty","asks":1,"asked_at":"20240111T120000Z"}],"#,
        r#""file":{"rows":1,"first":0,"last":0,"bytes":8,"sha256":"00"},"pages":1,"#,
    );
    assert!(line.starts_with(expected), "{line}");
    assert_eq!(checked_lines::decode::<Entry>(line.trim_end().as_bytes()), Ok(written));
}

#[test]
fn a_line_of_a_newer_version_is_refused_by_name_and_the_first_version_need_not_be_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let ticker: Ticker = "AIG".parse().expect("a ticker");
    let path = Ledger::path(folder.path(), &ticker);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let entry = Entry::new(&ticker, Partition::Year(2024));
    let line = checked_lines::encode(&entry);
    assert!(!line.contains("\"v\""), "{line}");
    std::fs::write(&path, checked_lines::encode(&Entry { format: 2, ..entry })).expect("written");
    let refused =
        Ledger::read(folder.path(), Kind::Daily, &ticker).expect_err("unknown").to_string();
    let expected = "_ledger.jsonl: a ledger line of version 2, and this program reads 1; use the newer program that wrote it";
    assert!(refused.ends_with(expected), "{refused}");
}
