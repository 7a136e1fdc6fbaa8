//! What the page holds, read back from its text. What a browser makes of it:
//! `tests/promises/report_page.rs`.

use jiff::Timestamp;
use serde_json::Value;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;

use super::*;
use crate::verify::report::{Counts, Months, text};
use crate::verify::rule::Rule;
use crate::verify::tree_kind::TreeKind;

fn ticker(name: &str) -> Ticker {
    name.parse().expect(name)
}

/// Two tickers over four months, in one tree of minutes.
fn report() -> Report {
    let day = |text: &str| text.parse().expect(text);
    let days = DateRange::new(day("2023-11-15"), day("2024-02-29")).expect("in order");
    let (covered, missing) = (Some(State::Covered), Some(State::Missing));
    let mut counts = Counts::default();
    counts.add(State::Covered, 6);
    counts.add(State::Missing, 1);
    let root = Path::new("/data/minute");
    let month = Partition::Month(2024, 1);
    let gone = Finding::new(TreeKind::Minute, Rule::FileGone, "the file is gone")
        .of(&ticker("BBB"))
        .in_partition(month)
        .at(month.file(root, &ticker("BBB"), Kind::Minute));
    Report {
        at: Timestamp::UNIX_EPOCH,
        days,
        depth: Depth::Ledgers,
        tickers: vec![ticker("AAA"), ticker("BBB")],
        months: Months::of(days),
        trees: vec![TreeReport {
            kind: TreeKind::Minute,
            root: root.to_owned(),
            cells: vec![covered, covered, covered, covered, None, covered, missing, covered],
            counts,
        }],
        findings: vec![gone],
        left_out: 0,
        unknown: vec!["when BBB was listed".to_owned()],
    }
}

/// The data block of a page.
fn data_of(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"type="application/json">"#).expect("a data block");
    let (data, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn the_page_holds_every_cell_every_finding_and_what_was_not_known() {
    let page = render(&report());
    assert!(is_page(&page.as_bytes()[..1024]) && !is_page(b"<!DOCTYPE html>"));
    let data = data_of(&page);
    assert_eq!(data["tickers"], serde_json::json!(["AAA", "BBB"]));
    assert_eq!((&data["from"], &data["months"]), (&"2023-11".into(), &4.into()));
    assert_eq!(data["trees"][0]["runs"], "4c.cmc");
    assert_eq!(
        data["trees"][0]["summary"],
        "missing: 1 partition. 85.71 % of 7 expected partitions are covered (0 rows in their files, 0 B)"
    );
    // Tree, ticker, period, state, rule, no days beside the period, the partition's own file, reason.
    let finding = serde_json::json!([0, 1, "2024-01", 6, "file-gone", null, 1, "the file is gone"]);
    assert_eq!(data["findings"], serde_json::json!([finding]));
    assert_eq!(data["states"][6]["key"], "missing");
    assert_eq!(data["rules"]["file-gone"], Rule::FileGone.spec().sentence);
    assert_eq!(data["unknown"], serde_json::json!(["when BBB was listed"]));
}

#[test]
fn page_and_text_take_the_verdict_of_the_exit_code() {
    let mut report = report();
    let mut whole = Counts::default();
    whole.add(State::Covered, 7);
    let covered = vec![Some(State::Covered); 8];
    report.trees[0].counts = whole;
    report.trees[0].cells.clone_from(&covered);
    let root = Path::new("/data/trades").to_owned();
    let trades = TreeReport { kind: TreeKind::Trades, root, cells: covered, counts: whole };
    let told = "it is missing beside data";
    report.findings = vec![Finding::new(TreeKind::Minute, Rule::NoDescriptor, told)];
    assert_eq!(report.verdict(), Verdict::Damaged);
    let data = data_of(&render(&report));
    assert_eq!(data["trees"][0]["verdict"], "Damaged:");
    assert_eq!(data["trees"][0]["worst"], "damaged");
    let said = "damaged: the whole tree (no-descriptor). 100.00 % of 7 expected partitions";
    let summary = data["trees"][0]["summary"].as_str().expect("a text");
    assert!(summary.starts_with(said), "{summary}");
    assert!(data["verdict"].is_null(), "one tree says it all");
    assert_eq!(
        text::verdict(&report),
        "DAMAGED: the _dataset.json of the minute tree is missing; covered: all of 7 partitions"
    );
    report.trees.push(trades);
    let data = data_of(&render(&report));
    assert_eq!(data["verdict"], "All 2 trees: Damaged.");
    assert_eq!(data["trees"][1]["verdict"], "Complete:", "the other tree is whole");
    let mut gaps = whole;
    gaps.add(State::EmptyConfirmed, 1);
    report.trees[0].counts = gaps;
    assert_eq!(
        text::verdict(&report),
        "DAMAGED: the _dataset.json of the minute tree is missing; of 15 partitions 1 empty, confirmed"
    );
}

#[test]
fn what_comes_from_data_never_becomes_part_of_the_page() {
    let evil = "</script><!--<script>alert(1)</script>{{style}}&\u{2028}\"'";
    let mut report = report();
    report.trees[0].root = Path::new("/data").join(evil);
    report.unknown = vec![evil.to_owned()];
    report.findings[0].reason = evil.to_owned();
    report.findings[0].file = Some(Path::new("/elsewhere").join(evil));
    let page = render(&report);
    let data = data_of(&page);
    assert_eq!(data["findings"][0][7], evil);
    assert_eq!(data["findings"][0][6], format!("/elsewhere/{evil}"));
    assert_eq!(data["unknown"][0], evil);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("alert(1)</script>"));
}

#[test]
fn the_page_names_no_place_to_load_anything_from() {
    let page = render(&report());
    for way in ["://", "src=", "href=", "url(", "@import", "fetch(", "XMLHttp", "import("] {
        assert!(!page.contains(way), "{way}");
    }
    let (_, policy) = page.split_once("Security-Policy\" content=\"").expect("a policy");
    let (policy, _) = policy.split_once('"').expect("its end");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn a_page_that_would_be_too_large_leaves_out_the_least_bad_findings_and_says_how_many() {
    let mut report = report();
    let finding = report.findings[0].clone();
    report.findings = (0..40_000)
        .map(|number| Finding { reason: format!("{number:0>300}"), ..finding.clone() })
        .collect();
    report.left_out = 5;
    let page = render(&report);
    assert!(page.len() <= 8_000_000, "{} bytes", page.len());
    assert!(page.len() > 7_000_000, "{} bytes", page.len());
    let data = data_of(&page);
    let held = data["findings"].as_array().expect("findings").len();
    assert_eq!(data["left_out"], 40_005 - held);
    assert_eq!(data["findings"][held - 1][7], format!("{:0>300}", held - 1), "the worst are held");
}
