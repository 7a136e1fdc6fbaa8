//! How large a ledger gets when its tree is extended night after night, and that no version loses
//! anything by that.

use super::super::super::answers::{Asker, Asking};
use super::super::super::run_mark::RunMark;
use super::super::super::seen::Seen;
use super::*;
use crate::market::session;
use crate::market::trading_day::TradingDay;

/// A tree that is extended every night of a year, each time by another run.
struct Nightly {
    tree: Tree,
    kind: Kind,
    /// Rows, bytes and pages of a file.
    size: (u64, u64, u64),
}

impl Nightly {
    fn new(kind: Kind, size: (u64, u64, u64)) -> Self {
        let tree = Tree { ticker: "GOOGL".parse().expect("a ticker"), ..Tree::new() };
        Self { tree, kind, size }
    }

    /// What the worker does when it has fetched `days`, the last of which the session was on.
    fn extend(&self, days: DateRange) {
        let Tree { folder, ticker } = &self.tree;
        let mut open = OpenLedger::open(folder.path(), self.kind, ticker, days).expect("free");
        for partition in Partition::within(self.kind, days) {
            let fetched = partition.span().intersection(days).expect("it touches them");
            let known = open.ledger().entry(partition).cloned();
            let mut entry = known.unwrap_or_else(|| Entry::new(ticker, partition));
            let night = days.to().session_over() + jiff::SignedDuration::from_hours(15);
            let run = Some(Asker::Trusting(RunMark::of_run(&night.to_string())));
            let has_rows = fetched.to() == days.to();
            let said = if has_rows { Said::Data } else { Said::Empty { asks: 1 } };
            entry.answer(&fetched.into(), said, Asking { at: night, run }, 0);
            if has_rows {
                entry.file = Some(self.put_file(partition, night));
            }
            entry.pages = self.size.2;
            open.commit(vec![entry]).expect("committed");
        }
        assert!(open.trouble().is_none());
    }

    fn put_file(&self, partition: Partition, night: Timestamp) -> FileProof {
        let (rows, bytes, _) = self.size;
        let path = partition.file(self.tree.folder.path(), &self.tree.ticker, self.kind);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        std::fs::File::create(&path).and_then(|file| file.set_len(bytes)).expect("made");
        let sha256 = format!("{:064x}", night.as_nanosecond());
        let last = if self.kind == Kind::Trades {
            night.as_nanosecond()
        } else {
            night.as_millisecond().into()
        };
        let last = i64::try_from(last).expect("of this century");
        let proof = FileProof::new(rows, last - 7, last, Fingerprint { bytes, sha256 });
        FileProof { seen: Some(Seen::at(&path).expect("there")), ..proof }
    }

    /// Bytes a partition after 250 sessions.
    #[track_caller]
    fn bytes_a_partition(&self) -> u64 {
        let mut from = "2024-01-01".parse().expect("a day");
        for (session, _) in session::sessions(from, TradingDay::MAX).take(250) {
            self.extend(DateRange::new(from, session).expect("in order"));
            from = session.next();
        }
        let ledger =
            Ledger::read(self.tree.folder.path(), self.kind, &self.tree.ticker).expect("sound");
        let asked = DateRange::new("2024-01-01".parse().expect("a day"), from.previous())
            .expect("in order");
        let now = Trust::at(from.session_over(), 1);
        assert!(ledger.missing(asked, &now).is_empty(), "every day is proven");
        let path = Ledger::path(self.tree.folder.path(), &self.tree.ticker);
        let text = std::fs::read_to_string(path).expect("read");
        text.len() as u64 / ledger.partitions() as u64
    }
}

#[test]
fn a_year_of_nights_leaves_a_daily_ledger_of_400_bytes_a_partition() {
    let bytes = Nightly::new(Kind::Daily, (252, 12_345, 1)).bytes_a_partition();
    assert!(bytes <= 400, "{bytes}");
}

#[test]
fn a_year_of_nights_leaves_a_ledger_of_minutes_of_400_bytes_a_partition() {
    let bytes = Nightly::new(Kind::Minute, (8_190, 123_456, 1)).bytes_a_partition();
    assert!(bytes <= 400, "{bytes}");
}

/// A line with trades has 411 bytes; one of a weekend, which is a partition too, has 235.
#[test]
fn a_year_of_nights_leaves_a_ledger_of_trades_of_400_bytes_a_partition() {
    let bytes = Nightly::new(Kind::Trades, (12_345, 234_567, 1)).bytes_a_partition();
    assert!(bytes <= 400, "{bytes}");
}

/// Lines as earlier versions wrote them, the last one as it was before lines named their ticker.
const OF_EARLIER_VERSIONS: [&str; 4] = [
    concat!(
        r#"{"partition":"year=2022","ticker":"AIG","kind":"daily","answers":["#,
        r#"{"from":"2022-01-01","to":"2022-06-30","outcome":"data","asked_at":"2024-01-10T12:00:00Z","#,
        r#""until":"2024-01-12T12:00:00Z","run":"c54bfc15"},"#,
        r#"{"from":"2022-07-01","to":"2022-07-31","outcome":"lost","asked_at":"2024-01-10T12:00:00Z"}],"#,
        r#""file":{"rows":5,"proven_rows":4,"first":1,"last":9,"duplicates":{"kept":"keep-last","rows":2},"#,
        r#""bytes":7,"sha256":"00"},"loss":{"days":[{"from":"2022-07-01","to":"2022-07-31"}],"rows":3},"#,
        r#""pages":4,"code":"0.0.9""#,
    ),
    concat!(
        r#"{"partition":"year=2021","ticker":"AIG","kind":"daily","answers":["#,
        r#"{"from":"2021-01-01","to":"2021-12-31","outcome":"empty","asks":1,"asked_at":"2024-01-10T12:00:00Z"}],"#,
        r#""pages":1,"code":"0.0.9""#,
    ),
    concat!(
        r#"{"partition":"year=2021","ticker":"AIG","kind":"daily","answers":["#,
        r#"{"from":"2021-01-01","to":"2021-12-31","outcome":"empty","asks":2,"asked_at":"2024-01-12T12:00:00Z"}],"#,
        r#""pages":1,"code":"0.0.9""#,
    ),
    concat!(
        r#"{"partition":"year=2020","answers":["#,
        r#"{"from":"2020-01-01","to":"2020-12-31","outcome":"outside_plan","asked_at":"2024-01-10T12:00:00Z"}],"#,
        r#""pages":1,"code":"0.0.1""#,
    ),
];

#[test]
fn a_ledger_of_earlier_versions_reads_the_same_and_says_the_same_when_it_was_rewritten() {
    let tree = Tree::new();
    tree.put_file(2022, 7);
    let proof = Fingerprint::of_file(&Partition::Year(2022).file(
        tree.folder.path(),
        &tree.ticker,
        Kind::Daily,
    ))
    .expect("read");
    let sealed = |line: &str| {
        let line = line.replace("\"sha256\":\"00\"", &format!("\"sha256\":\"{}\"", proof.sha256));
        format!("{line},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(line.as_bytes()))
    };
    let [of_2022, replaced, of_2021, of_2020] = OF_EARLIER_VERSIONS.map(sealed);
    // Over four times its live lines.
    let lines = [&replaced.repeat(12), &of_2022, &of_2021, &of_2020].map(String::as_str).concat();
    let path = Ledger::path(tree.folder.path(), &tree.ticker);
    std::fs::write(&path, &lines).expect("written");

    let before = tree.read();
    let entry = before.entry(Partition::Year(2022)).expect("known");
    let data = entry.answers.iter().next().expect("an answer");
    assert_eq!(data.until, Some(at("2024-01-12T12:00:00Z")));
    assert_eq!(data.run, Some("c54bfc15".parse().expect("a mark")));
    assert_eq!(entry.loss.as_ref().map(|loss| loss.rows), Some(3));
    assert_eq!(entry.file.as_ref().expect("a file").duplicates.as_ref().expect("some").rows, 2);
    assert_eq!((entry.code.as_str(), entry.pages), ("0.0.9", 4));

    drop(tree.claim("2022-01-01", "2022-12-31").expect("opened"));
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(!text.contains(&replaced), "lines that count no more are gone");
    assert!(
        [&of_2021, &of_2020].iter().all(|line| text.contains(line.as_str())),
        "byte for byte: {text}"
    );
    let after = tree.read();
    for year in 2020..=2021 {
        assert_eq!(after.entry(Partition::Year(year)), before.entry(Partition::Year(year)));
    }
    // Of the file it is said now how it was found: its bytes were compared.
    let mut of_2022 = after.entry(Partition::Year(2022)).expect("known").clone();
    assert!(of_2022.file.as_mut().expect("a file").seen.take().is_some());
    assert_eq!(Some(&of_2022), before.entry(Partition::Year(2022)));
}

/// What a version before this one needs of a line, and how it reads it.
#[derive(serde::Deserialize)]
struct LineOfBefore {
    partition: String,
    answers: Vec<AnswerOfBefore>,
    file: FileOfBefore,
    pages: u64,
    code: String,
}

#[derive(serde::Deserialize)]
struct AnswerOfBefore {
    from: TradingDay,
    to: TradingDay,
    outcome: String,
    asked_at: Timestamp,
}

#[derive(serde::Deserialize)]
struct FileOfBefore {
    rows: u64,
    first: i64,
    last: i64,
    bytes: u64,
    sha256: String,
}

#[test]
fn versions_before_this_one_find_all_that_they_need_in_a_line() {
    let entry = entry(range("2022-01-01", "2022-06-30"), Said::Data, Some(8));
    let sha256 = entry.file.as_ref().expect("a file").fingerprint.sha256.clone();
    let line = checked_lines::encode(&entry);
    let line: LineOfBefore = checked_lines::decode(line.trim_end().as_bytes()).expect("read");
    let answer = &line.answers[0];
    assert_eq!((line.partition.as_str(), answer.outcome.as_str()), ("year=2022", "data"));
    assert_eq!(
        (answer.from, answer.to),
        (range("2022-01-01", "2022-06-30").from(), "2022-06-30".parse().expect("a day"))
    );
    assert_eq!(answer.asked_at, at("2024-01-10T12:00:00Z"));
    let file = &line.file;
    assert_eq!((file.rows, file.first, file.last, file.bytes, &file.sha256), (1, 0, 0, 8, &sha256));
    assert_eq!((line.pages, line.code.as_str()), (1, CODE_VERSION));
}

#[test]
fn a_ledger_is_rewritten_where_it_pays_and_never_over_four_times_its_lines() {
    let lines = |count: usize, bytes_a_line: u64| count as u64 * bytes_a_line;
    assert!(!is_due(lines(12, 450), 12, 0), "long lines that all count");
    assert!(is_due(lines(2, 390), 1, 1));
    assert!(is_due(lines(13, 390), 12, 1));
    assert!(!is_due(lines(255, 390), 240, 15) && is_due(lines(256, 390), 240, 16));
    assert!(!is_due(lines(2, 180), 1, 1) && is_due(lines(4, 180), 1, 3), "short lines");
}
