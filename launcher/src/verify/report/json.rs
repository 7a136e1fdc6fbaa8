//! A report as one JSON object. `docs/verify.md` explains every key, and a test holds it to that.

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::{Counts, Depth, Report, TreeReport};
use crate::verify::finding::Finding;
use crate::verify::state::State;

#[derive(Serialize)]
struct Written<'a> {
    verdict: &'static str,
    exit_code: u8,
    at: Timestamp,
    from: TradingDay,
    to: TradingDay,
    depth: &'static str,
    tickers: usize,
    months: usize,
    trees: Vec<WrittenTree>,
    findings: Vec<WrittenFinding<'a>>,
    findings_left_out: u64,
    unknown: &'a [String],
}

#[derive(Serialize)]
struct WrittenTree {
    kind: &'static str,
    root: String,
    partitions: WrittenCounts,
    rows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct WrittenCounts {
    all: u64,
    covered: u64,
    empty_confirmed: u64,
    outside_listing: u64,
    outside_plan: u64,
    suspect: u64,
    missing: u64,
    damaged: u64,
}

#[derive(Serialize)]
struct WrittenFinding<'a> {
    tree: &'static str,
    ticker: Option<&'a str>,
    partition: Option<String>,
    state: &'static str,
    rule: &'static str,
    from: Option<TradingDay>,
    to: Option<TradingDay>,
    file: Option<String>,
    reason: &'a str,
}

/// One line, newline included.
pub fn render(report: &Report) -> String {
    let verdict = report.verdict();
    let written = Written {
        verdict: verdict.name(),
        exit_code: verdict.code(),
        at: report.at,
        from: report.days.from(),
        to: report.days.to(),
        depth: match report.depth {
            Depth::Ledgers => "ledgers",
            Depth::Files => "files",
        },
        tickers: report.tickers.len(),
        months: report.months.count(),
        trees: report.trees.iter().map(tree).collect(),
        findings: report.findings.iter().map(finding).collect(),
        findings_left_out: report.left_out,
        unknown: &report.unknown,
    };
    serde_json::to_string(&written).expect("a report is plain data") + "\n"
}

fn tree(tree: &TreeReport) -> WrittenTree {
    let Counts { rows, bytes, .. } = tree.counts;
    WrittenTree {
        kind: tree.kind.name(),
        root: tree.root.display().to_string(),
        partitions: counts(&tree.counts),
        rows,
        bytes,
    }
}

fn counts(counts: &Counts) -> WrittenCounts {
    WrittenCounts {
        all: counts.all(),
        covered: counts.of(State::Covered),
        empty_confirmed: counts.of(State::EmptyConfirmed),
        outside_listing: counts.of(State::OutsideListing),
        outside_plan: counts.of(State::OutsidePlan),
        suspect: counts.of(State::Suspect),
        missing: counts.of(State::Missing),
        damaged: counts.of(State::Damaged),
    }
}

fn finding(finding: &Finding) -> WrittenFinding<'_> {
    WrittenFinding {
        tree: finding.tree.name(),
        ticker: finding.ticker.as_ref().map(Ticker::as_str),
        partition: finding.partition.map(Partition::period),
        state: finding.state.name(),
        rule: finding.rule.name(),
        from: finding.days.map(DateRange::from),
        to: finding.days.map(DateRange::to),
        file: finding.file.as_ref().map(|file| file.display().to_string()),
        reason: &finding.reason,
    }
}
