//! Reports that no verify has made: a small one with a bit of everything, and one of a whole market.

use std::path::Path;

use jiff::Timestamp;
use launcher::verify::finding::Finding;
use launcher::verify::report::{Cell, Counts, Depth, Months, Report, TreeReport};
use launcher::verify::rule::Rule;
use launcher::verify::state::State;
use launcher::verify::tree_kind::TreeKind;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::place::{days, ticker};

const NAMES: [&str; 12] = [
    "ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL", "INDIA", "JULIETT",
    "KILO", "LIMA",
];

fn place(name: &str) -> usize {
    NAMES.iter().position(|it| *it == name).expect(name)
}

fn empty(asked: DateRange, tickers: Vec<Ticker>) -> Report {
    Report {
        at: "2026-11-28T14:30:00Z".parse::<Timestamp>().expect("an instant"),
        days: asked,
        depth: Depth::Ledgers,
        tickers,
        months: Months::of(asked),
        trees: Vec::new(),
        findings: Vec::new(),
        left_out: 0,
        unknown: Vec::new(),
    }
}

fn tree(kind: TreeKind, cells: Vec<Cell>) -> TreeReport {
    let mut counts = Counts::default();
    cells.iter().flatten().for_each(|state| counts.count(*state));
    counts.rows = 19_500 * counts.of(State::Covered);
    counts.bytes = 420_000 * counts.of(State::Covered);
    TreeReport { kind, root: Path::new("/data").join(kind.name()), cells, counts }
}

/// What is found of the minutes of `name` in a month.
fn found(rule: Rule, name: &str, (year, month): (i16, i8), reason: &str) -> Finding {
    let (ticker, partition) = (ticker(name), Partition::Month(year, month));
    let file = partition.file(Path::new("/data/minute"), &ticker, Kind::Minute);
    Finding::new(TreeKind::Minute, rule, reason).of(&ticker).in_partition(partition).at(file)
}

/// Twelve tickers over three years, minutes and daily bars. The daily bars are whole.
pub(super) fn twelve() -> Report {
    let mut report = empty(days("2022-01-01", "2024-12-31"), NAMES.map(ticker).to_vec());
    let width = report.months.count();
    let mut cells = vec![Some(State::Covered); NAMES.len() * width];
    let mut set = |name: &str, months: std::ops::Range<usize>, state: State| {
        cells[place(name) * width..][months].fill(Some(state));
    };
    set("GOLF", 3..4, State::Missing);
    set("GOLF", 4..6, State::Damaged);
    set("ALFA", 20..22, State::Missing);
    set("KILO", 35..36, State::Missing);
    set("LIMA", 7..8, State::Suspect);
    set("ECHO", 0..9, State::OutsideListing);
    set("HOTEL", 30..36, State::OutsideListing);
    set("JULIETT", 0..3, State::OutsidePlan);
    set("DELTA", 11..12, State::EmptyConfirmed);
    report.findings = vec![
        found(Rule::WrongLength, "GOLF", (2022, 5), "is 17 bytes long instead of 4,096"),
        found(Rule::WrongLength, "GOLF", (2022, 6), "is 0 bytes long instead of 4,096"),
        found(Rule::FileGone, "ALFA", (2023, 9), "the file that its ledger line proves is gone"),
        found(Rule::FileGone, "ALFA", (2023, 10), "the file that its ledger line proves is gone"),
        found(Rule::NoProof, "GOLF", (2022, 4), "<img src=x onerror=alarmed=1> is no proof"),
        found(Rule::NoProof, "KILO", (2024, 12), "no ledger line proves 2024-12-02..2024-12-31")
            .on(days("2024-12-02", "2024-12-31")),
        found(Rule::VolumeWithoutMinutes, "LIMA", (2022, 8), "no minute of two sessions")
            .on(days("2022-08-03", "2022-08-04")),
        Finding::new(TreeKind::Minute, Rule::UnaskedTickers, "2 folders: ZULU, YANKEE"),
    ];
    report.unknown = vec!["when these tickers were listed: no --reference was given".to_owned()];
    report.trees = vec![
        tree(TreeKind::Minute, cells),
        tree(TreeKind::Daily, vec![Some(State::Covered); NAMES.len() * width]),
    ];
    report
}

/// The whole market over 262 months: listings and delistings, and one month in a hundred of a
/// quarter of the tickers is not as it should be.
pub(super) fn everyone() -> Report {
    let tickers = (0..8_686).map(|number| ticker(&format!("T{number:05}"))).collect();
    let mut report = empty(days("2004-01-01", "2025-10-31"), tickers);
    let width = report.months.count();
    assert_eq!(width, 262);
    let mut chance = Chance(7);
    let mut cells = Vec::with_capacity(report.tickers.len() * width);
    for (row, ticker) in report.tickers.iter().enumerate() {
        let first = if chance.below(3) == 0 { 0 } else { chance.below(240) };
        let last =
            if chance.below(2) == 0 { width } else { first + 1 + chance.below(width - first) };
        for month in 0..width {
            let state = if month < first || month >= last {
                State::OutsideListing
            } else if row % 4 == 0 && chance.below(25) == 0 {
                [State::Missing, State::Damaged, State::Suspect][chance.below(3)]
            } else if chance.below(400) == 0 {
                State::EmptyConfirmed
            } else {
                State::Covered
            };
            cells.push(Some(state));
            let rule = match state {
                State::Missing => Rule::FileGone,
                State::Damaged => Rule::WrongLength,
                State::Suspect => Rule::VolumeWithoutMinutes,
                State::OutsideListing
                | State::Covered
                | State::EmptyConfirmed
                | State::OutsidePlan => continue,
            };
            let day: TradingDay = report.months.days(month).from();
            let reason =
                format!("the file has {} bytes, its ledger line says {}", month * 77, row * 31);
            report.findings.push(found(rule, ticker.as_str(), (day.year(), day.month()), &reason));
        }
    }
    report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    report.trees = vec![tree(TreeKind::Minute, cells)];
    report
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}
