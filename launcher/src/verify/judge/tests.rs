mod daily;

use super::*;
use crate::verify::listed::Last;
use crate::verify::place::Place;
use crate::verify::walk::Standing;
use jiff::Timestamp;
use shared::dataset::answers::{Answer, Said};
use shared::dataset::seen::Sighting;
use shared::market::trading_day::TradingDay;

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(day(from), day(to)).expect("in order")
}

fn partition(period: &str) -> Partition {
    let parts: Vec<&str> = period.split('-').collect();
    let text = match parts.as_slice() {
        [year] => format!("year={year}"),
        [year, month] => format!("year={year}/month={month}"),
        [year, month, _] => format!("year={year}/month={month}/day={period}"),
        _ => panic!("{period}"),
    };
    text.parse().expect("a partition")
}

fn answer(from: &str, to: &str, said: Said) -> Answer {
    let asked_at: Timestamp = "2024-09-01T12:00:00Z".parse().expect("an instant");
    Answer { days: range(from, to), said, asked_at, until: None, run: None }
}

const EMPTY: Said = Said::Empty { asks: 1 };

/// A line with a file of 100 bytes, if it has any rows.
fn record(period: &str, answers: &[Answer]) -> Record {
    let partition = partition(period);
    let has_rows = answers.iter().any(|answer| answer.said == Said::Data);
    let of_kind = |day: TradingDay| match partition.kind() {
        Kind::Daily | Kind::Minute => day.start_utc_ms(),
        Kind::Trades => day.start_utc_ms() * 1_000_000,
    };
    let data: Coverage =
        answers.iter().filter(|it| it.said == Said::Data).map(|it| it.days).collect();
    let file = data.hull().filter(|_| has_rows).map(|days| RecordedFile {
        rows: 7,
        first: of_kind(days.from()),
        last: of_kind(days.to()),
        bytes: 100,
        seen: Sighting::Unsaid,
    });
    Record { partition, answers: answers.to_vec(), file }
}

fn whole(period: &str, said: Said) -> Record {
    let span = partition(period).span();
    record(period, &[answer(&span.from().to_string(), &span.to().to_string(), said)])
}

fn file(period: &str, bytes: u64) -> (Partition, Found) {
    (partition(period), Found::File { bytes, mark: 0, modified_ns: 0 })
}

/// Every record's file stands there as recorded.
fn there(records: &[Record]) -> Vec<(Partition, Found)> {
    let with_file = records.iter().filter(|record| record.file.is_some());
    with_file
        .map(|it| (it.partition, Found::File { bytes: 100, mark: 0, modified_ns: 0 }))
        .collect()
}

fn evidence(records: Vec<Record>, files: Vec<(Partition, Found)>) -> Evidence {
    let standing = Some(Standing { files, odd: Vec::new() });
    Evidence { ledger: LedgerEvidence::Records(records), standing }
}

struct Case {
    kind: Kind,
    days: DateRange,
    listed: Listed<'static>,
    recheck_empty: u32,
}

impl Case {
    fn of(kind: Kind, from: &str, to: &str) -> Self {
        Self { kind, days: range(from, to), listed: Listed::UNKNOWN, recheck_empty: 0 }
    }

    fn judged(&self, evidence: &Evidence) -> Judged {
        let now = "2024-10-01T12:00:00Z".parse().expect("an instant");
        let (trust, rules) = (Trust::at(now, self.recheck_empty), Rules::default());
        let expectation = Expectation::of(self.kind, self.days);
        let question = Question {
            expectation: &expectation,
            trust: &trust,
            rules: &rules,
            root: Path::new("OUT"),
            zone: Zone::NewYork,
        };
        judge(&question, &"A".parse().expect("a ticker"), self.listed, evidence)
    }

    /// The states of partitions, the states of months, and what was found.
    #[track_caller]
    fn says(&self, evidence: &Evidence, partitions: &[&str], months: &str, found: &[&str]) {
        let judged = self.judged(evidence);
        let told: Vec<String> = judged
            .partitions
            .iter()
            .map(|it| format!("{} {}", it.partition.period(), it.state.words()))
            .collect();
        assert_eq!(told, partitions);
        assert_eq!(letters(&judged), months);
        let spelled: Vec<String> = judged.findings.iter().map(spelled).collect();
        assert_eq!(spelled, found);
    }
}

/// A letter a month.
fn letters(judged: &Judged) -> String {
    let letter = |cell: &Option<State>| match cell {
        None => ' ',
        Some(State::OutsideListing) => '-',
        Some(State::Covered) => 'c',
        Some(State::EmptyConfirmed) => 'e',
        Some(State::OutsidePlan) => 'p',
        Some(State::Suspect) => 's',
        Some(State::Missing) => 'M',
        Some(State::Damaged) => 'D',
    };
    judged.cells.iter().map(letter).collect()
}

fn spelled(finding: &Finding) -> String {
    let days = finding.days.map(|days| format!(" {days}")).unwrap_or_default();
    let file = finding.file.as_ref().map(|file| format!(" {}", file.display())).unwrap_or_default();
    format!("{}{days}{file}", finding.rule)
}

#[test]
fn what_is_proven_and_as_long_as_recorded_is_covered() {
    let records = vec![whole("2024-01", Said::Data), whole("2024-02", Said::Data)];
    let files = there(&records);
    let case = Case::of(Kind::Minute, "2024-01-01", "2024-02-29");
    case.says(
        &evidence(records.clone(), files),
        &["2024-01 covered", "2024-02 covered"],
        "cc",
        &[],
    );
    let judged = case.judged(&evidence(records.clone(), there(&records)));
    assert_eq!((judged.rows, judged.bytes), (14, 200));
    assert_eq!(judged.counts().of(State::Covered), 2);
}

#[test]
fn a_month_that_no_line_tells_of_is_missing_though_nothing_else_shows_it() {
    let records = vec![whole("2024-01", Said::Data), whole("2024-04", Said::Data)];
    let files = there(&records);
    Case::of(Kind::Minute, "2024-01-01", "2024-04-30").says(
        &evidence(records, files),
        &["2024-01 covered", "2024-02 missing", "2024-03 missing", "2024-04 covered"],
        "cMMc",
        // Good Friday of 2024 was the 29th of March.
        &["no-proof 2024-02-01..2024-03-28"],
    );
}

#[test]
fn nothing_at_all_is_missing_and_not_complete() {
    Case::of(Kind::Minute, "2024-01-01", "2024-02-29").says(
        &Evidence::NOTHING,
        &["2024-01 missing", "2024-02 missing"],
        "MM",
        &["no-proof 2024-01-02..2024-02-29"],
    );
}

#[test]
fn a_file_that_is_gone_is_missing_and_one_of_another_length_is_damaged() {
    let records = vec![
        whole("2024-01", Said::Data),
        whole("2024-02", Said::Data),
        whole("2024-03", Said::Data),
    ];
    let files = vec![file("2024-01", 99), (partition("2024-03"), Found::NotAFile("a named pipe"))];
    Case::of(Kind::Minute, "2024-01-01", "2024-03-31").says(
        &evidence(records, files),
        &["2024-01 damaged", "2024-02 missing", "2024-03 damaged"],
        "DMD",
        &[
            "wrong-length 2024-01-02..2024-01-31 OUT/A/year=2024/month=01/minute.parquet",
            "file-gone 2024-02-01..2024-02-29 OUT/A/year=2024/month=02/minute.parquet",
            "not-a-file 2024-03-01..2024-03-28 OUT/A/year=2024/month=03/minute.parquet",
        ],
    );
}

#[test]
fn files_without_a_line_prove_nothing_be_it_one_or_all_of_them() {
    let records = vec![whole("2024-01", Said::Data)];
    let files = vec![file("2024-01", 100), file("2024-02", 100), file("2024-03", 100)];
    let case = Case::of(Kind::Minute, "2024-01-01", "2024-03-31");
    case.says(
        &evidence(records, files.clone()),
        &["2024-01 covered", "2024-02 missing", "2024-03 missing"],
        "cMM",
        &["no-ledger-line 2024-02-01..2024-03-28 OUT/A/year=2024/month=02/minute.parquet"],
    );
    let standing = Some(Standing { files, odd: Vec::new() });
    let deleted = Evidence { ledger: LedgerEvidence::None, standing };
    case.says(
        &deleted,
        &["2024-01 missing", "2024-02 missing", "2024-03 missing"],
        "MMM",
        &["no-ledger-line 2024-01-02..2024-03-28 OUT/A/year=2024/month=01/minute.parquet"],
    );
}

#[test]
fn the_word_that_there_is_nothing_is_not_believed_where_a_file_stands() {
    let records = vec![whole("2024-01", EMPTY)];
    Case::of(Kind::Minute, "2024-01-01", "2024-01-31").says(
        &evidence(records, vec![file("2024-01", 100)]),
        &["2024-01 missing"],
        "M",
        &["no-ledger-line 2024-01-01..2024-01-31 OUT/A/year=2024/month=01/minute.parquet"],
    );
}

#[test]
fn days_without_rows_between_the_first_and_the_last_row_are_confirmed_gaps_and_others_no_listing() {
    let records = vec![
        whole("2024-01", EMPTY),
        whole("2024-02", Said::Data),
        whole("2024-03", EMPTY),
        whole("2024-04", Said::Data),
        whole("2024-05", EMPTY),
    ];
    let files = there(&records);
    let evidence = evidence(records, files);
    let case = Case::of(Kind::Minute, "2024-01-01", "2024-05-31");
    case.says(
        &evidence,
        &[
            "2024-01 outside listing",
            "2024-02 covered",
            "2024-03 empty, confirmed",
            "2024-04 covered",
            "2024-05 outside listing",
        ],
        "-cec-",
        &["nothing-traded 2024-03-01..2024-03-28"],
    );
    // Who knows better expects rows.
    let known = Listed { first: Some(day("2020-01-02")), last: Last::Open, ..Listed::UNKNOWN };
    let case = Case { listed: known, ..case };
    assert_eq!(letters(&case.judged(&evidence)), "ecece");
}

#[test]
fn a_ticker_that_the_source_never_had_rows_of_is_one_confirmed_gap() {
    let records = vec![whole("2024-01", EMPTY), whole("2024-02", EMPTY)];
    Case::of(Kind::Minute, "2024-01-01", "2024-02-29").says(
        &evidence(records, Vec::new()),
        &["2024-01 empty, confirmed", "2024-02 empty, confirmed"],
        "ee",
        &["nothing-traded 2024-01-02..2024-02-29"],
    );
}

#[test]
fn an_empty_answer_counts_as_often_as_it_is_asked_for() {
    let twice = Said::Empty { asks: 2 };
    let (once, twice) = (vec![whole("2024-01", EMPTY)], vec![whole("2024-01", twice)]);
    let case = Case { recheck_empty: 1, ..Case::of(Kind::Minute, "2024-01-01", "2024-01-31") };
    assert_eq!(letters(&case.judged(&evidence(once, Vec::new()))), "M");
    assert_eq!(letters(&case.judged(&evidence(twice, Vec::new()))), "e");
}

#[test]
fn before_and_after_a_known_listing_nothing_is_expected() {
    let records = vec![
        record("2024-02", &[answer("2024-02-15", "2024-02-29", Said::Data)]),
        record("2024-03", &[answer("2024-03-01", "2024-03-08", Said::Data)]),
    ];
    let files = there(&records);
    let last = Last::Day(day("2024-03-08"));
    let listed = Listed { first: Some(day("2024-02-15")), last, ..Listed::UNKNOWN };
    let case = Case { listed, ..Case::of(Kind::Minute, "2024-01-01", "2024-04-30") };
    case.says(
        &evidence(records, files),
        &[
            "2024-01 outside listing",
            "2024-02 covered",
            "2024-03 covered",
            "2024-04 outside listing",
        ],
        "-cc-",
        &[],
    );
}

#[test]
fn days_beyond_the_plan_are_told_apart_and_lost_rows_are_missing() {
    let records = vec![
        whole("2024-01", Said::OutsidePlan),
        record(
            "2024-02",
            &[
                answer("2024-02-01", "2024-02-15", Said::OutsidePlan),
                answer("2024-02-16", "2024-02-29", Said::Data),
            ],
        ),
        whole("2024-03", Said::Lost),
    ];
    let files = there(&records);
    Case::of(Kind::Minute, "2024-01-01", "2024-03-31").says(
        &evidence(records, files),
        &["2024-01 outside plan", "2024-02 outside plan", "2024-03 missing"],
        "ppM",
        &["lost-rows 2024-03-01..2024-03-28", "outside-plan 2024-01-02..2024-02-15"],
    );
}

#[test]
fn a_year_of_daily_bars_shows_in_which_months_it_is_short() {
    let records = vec![record(
        "2024",
        &[
            answer("2024-01-01", "2024-03-15", Said::Data),
            answer("2024-05-01", "2024-06-30", Said::Data),
        ],
    )];
    let files = there(&records);
    Case::of(Kind::Daily, "2024-01-01", "2024-06-30").says(
        &evidence(records, files),
        &["2024 missing"],
        "ccMMcc",
        &["no-proof 2024-03-18..2024-04-30"],
    );
}

#[test]
fn a_weekend_that_nobody_has_answered_for_is_not_missing() {
    let records = vec![
        whole("2024-03-08", Said::Data),
        whole("2024-03-11", Said::Data),
        whole("2024-03-12", Said::Data),
    ];
    let files = there(&records);
    Case::of(Kind::Trades, "2024-03-08", "2024-03-12").says(
        &evidence(records, files),
        &["2024-03-08 covered", "2024-03-11 covered", "2024-03-12 covered"],
        "c",
        &[],
    );
}

#[test]
fn a_file_on_a_day_without_a_session_is_looked_at_like_any_other() {
    let saturday = whole("2024-03-09", Said::Data);
    let records = vec![whole("2024-03-08", Said::Data), saturday, whole("2024-03-11", Said::Data)];
    let files = vec![file("2024-03-08", 100), file("2024-03-10", 5), file("2024-03-11", 100)];
    Case::of(Kind::Trades, "2024-03-08", "2024-03-11").says(
        &evidence(records, files),
        &["2024-03-08 covered", "2024-03-09 missing", "2024-03-10 missing", "2024-03-11 covered"],
        "M",
        &[
            "file-gone 2024-03-09 OUT/A/year=2024/month=03/day=2024-03-09/trades.parquet",
            "no-ledger-line 2024-03-10 OUT/A/year=2024/month=03/day=2024-03-10/trades.parquet",
        ],
    );
}

#[test]
fn a_ledger_that_counts_for_nothing_leaves_files_damaged_and_the_rest_missing() {
    let ledger = LedgerEvidence::Unusable {
        rule: Rule::LedgerUnreadable,
        why: "not a ledger line".to_owned(),
    };
    let standing = Some(Standing { files: vec![file("2024-01", 100)], odd: Vec::new() });
    Case::of(Kind::Minute, "2024-01-01", "2024-02-29").says(
        &Evidence { ledger, standing },
        &["2024-01 damaged", "2024-02 missing"],
        "DM",
        &["ledger-unreadable OUT/A/_ledger.jsonl", "no-proof 2024-02-01..2024-02-29"],
    );
}

#[test]
fn what_is_odd_makes_its_own_month_suspect_and_what_was_not_asked_about_is_not_told() {
    let records = vec![whole("2024-01", Said::Data), whole("2024-02", Said::Data)];
    let odd = |place, name: &str, what| Odd { place, path: Path::new("OUT/A").join(name), what };
    let odd = vec![
        odd(Place::Month(2024, 2), "year=2024/month=02/minute (1).parquet", OddKind::Stray),
        odd(Place::Month(2024, 1), "year=2024/month=01/_minute.parquet.7.tmp", OddKind::Draft),
        odd(Place::Month(2023, 1), "year=2023/month=01/x.parquet", OddKind::Stray),
        odd(Place::Ticker, "day=2024-01-02", OddKind::StrayFolder(1)),
        odd(Place::Ticker, "year=2020", OddKind::Link),
    ];
    let standing = Some(Standing { files: there(&records), odd });
    Case::of(Kind::Minute, "2024-01-01", "2024-02-29").says(
        &Evidence { ledger: LedgerEvidence::Records(records), standing },
        &["2024-01 covered", "2024-02 suspect"],
        "cs",
        &[
            "stray-file 2024-02-01..2024-02-29 OUT/A/year=2024/month=02/minute (1).parquet",
            "draft-left 2024-01-01..2024-01-31 OUT/A/year=2024/month=01/_minute.parquet.7.tmp",
            "stray-file OUT/A/day=2024-01-02",
            "link OUT/A/year=2020",
        ],
    );
}

#[test]
fn answers_from_the_future_are_not_believed() {
    let mut records = vec![whole("2024-01", Said::Data)];
    records[0].answers[0].asked_at = "2025-01-01T12:00:00Z".parse().expect("an instant");
    let files = there(&records);
    let case = Case::of(Kind::Minute, "2024-01-01", "2024-01-31");
    assert_eq!(letters(&case.judged(&evidence(records, files))), "M");
}
