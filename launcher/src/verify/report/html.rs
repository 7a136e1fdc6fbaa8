//! A report as one HTML page: a heat map of tickers by months, with search, sort and reasons.
//!
//! The page asks no network, and its content policy forbids it to: style, script and data are in
//! it. All that comes from data is a JSON text inside a block that no browser runs; the script puts
//! it on the page as text. What of it is shown, and how, is the script's business (`html/*.js`).

mod runs;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;

use super::{Depth, Report, TreeReport};
use crate::verify::finding::Finding;
use crate::verify::state::{State, Verdict};
use crate::view::words::{bytes, counted};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("html/data.js"),
    include_str!("html/map.js"),
    include_str!("html/words.js"),
    include_str!("html/page.js"),
);

/// A page is no larger, as long as its cells leave room: findings that are less bad are left out.
const MOST_BYTES: usize = 7_500_000;

/// What the script knows of the report.
#[derive(Serialize)]
struct Data<'a> {
    made: String,
    from: String,
    months: usize,
    tickers: Vec<&'a str>,
    states: Vec<Shade>,
    rules: BTreeMap<&'static str, &'static str>,
    /// Of all trees together, where there are several.
    verdict: Option<String>,
    trees: Vec<Tree>,
    findings: Vec<Row<'a>>,
    left_out: u64,
    unknown: &'a [String],
}

/// How a state looks.
#[derive(Serialize)]
struct Shade {
    key: &'static str,
    name: &'static str,
    says: &'static str,
    letter: char,
    glyph: &'static str,
    bad: bool,
}

#[derive(Serialize)]
struct Tree {
    name: &'static str,
    path: String,
    verdict: String,
    summary: String,
    worst: &'static str,
    file_name: &'static str,
    runs: String,
}

/// A finding: tree, ticker, period, state, rule, days, file, reason.
type Row<'a> = (
    usize,
    Option<Name<'a>>,
    Option<String>,
    usize,
    &'static str,
    Option<(String, String)>,
    Option<File>,
    &'a str,
);

/// A ticker of the list by its place, another by its name.
#[derive(Serialize)]
#[serde(untagged)]
enum Name<'a> {
    Listed(usize),
    Other(&'a str),
}

/// Where the partition's own file belongs, or another path below the tree.
#[derive(Serialize)]
#[serde(untagged)]
enum File {
    Own(u8),
    Other(String),
}

/// How every page begins.
const MARK: &str = r#"<meta name="generator" content="launcher verify">"#;

/// Whether a file that begins like this is a page of ours.
pub fn is_page(beginning: &[u8]) -> bool {
    beginning.windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes())
}

/// The whole page.
pub fn render(report: &Report) -> String {
    let style = format!("\n{STYLE}");
    let script = format!("\n{SCRIPT}");
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        fingerprint(&style),
        fingerprint(&script)
    );
    let title = escaped(&title(report));
    let data = in_a_script(&serde_json::to_string(&data(report)).expect("data are plain"));
    let parts = [
        ("policy", policy.as_str()),
        ("title", &title),
        ("style", &style),
        ("data", &data),
        ("script", &script),
    ];
    filled(PAGE, &parts)
}

fn title(report: &Report) -> String {
    let trees: Vec<&str> = report.trees.iter().map(|tree| tree.kind.name()).collect();
    format!("verify {} · {} to {}", trees.join(", "), report.days.from(), report.days.to())
}

fn data(report: &Report) -> Data<'_> {
    let depth = match report.depth {
        Depth::Ledgers => "ledgers, folders and lengths of files",
        Depth::Files => "ledgers, folders and every byte of the files",
    };
    let at = report.at.strftime("%Y-%m-%d %H:%M UTC");
    let mut data = Data {
        made: format!("launcher {}, {at}, from {depth}", env!("CARGO_PKG_VERSION")),
        from: report.months.name(0),
        months: report.months.count(),
        tickers: report.tickers.iter().map(Ticker::as_str).collect(),
        states: std::iter::once(NOT_EXPECTED).chain(State::ALL.map(shade)).collect(),
        rules: BTreeMap::new(),
        verdict: overall(report),
        trees: report.trees.iter().map(|it| tree(report, it)).collect(),
        findings: Vec::new(),
        left_out: report.left_out,
        unknown: &report.unknown,
    };
    let used = STYLE.len() + SCRIPT.len() + weight(&data);
    add_findings(&mut data, report, MOST_BYTES.saturating_sub(used));
    data
}

/// Adds the worst findings, as many as there is room for.
fn add_findings<'a>(data: &mut Data<'a>, report: &'a Report, mut room: usize) {
    for finding in &report.findings {
        let row = row(report, finding);
        let Some(left) = room.checked_sub(weight(&row) + 1) else { break };
        room = left;
        data.rules.insert(finding.rule.name(), finding.rule.spec().sentence);
        data.findings.push(row);
    }
    data.left_out += (report.findings.len() - data.findings.len()) as u64;
}

/// Bytes that it takes on the page.
fn weight(part: &impl Serialize) -> usize {
    in_a_script(&serde_json::to_string(part).expect("data are plain")).len()
}

fn tree(report: &Report, tree: &TreeReport) -> Tree {
    let worst = report.worst_of(tree);
    Tree {
        name: tree.kind.name(),
        path: tree.root.display().to_string(),
        verdict: format!("{}:", verdict(Verdict::of(worst))),
        summary: summary(report, tree),
        worst: worst.unwrap_or(State::Covered).name(),
        file_name: tree.kind.data().map_or("", |kind| kind.file_name()),
        runs: runs::of(&tree.cells, report.months.count()),
    }
}

/// `All 3 trees: Damaged.`
fn overall(report: &Report) -> Option<String> {
    let trees = report.trees.len() as u64;
    (trees > 1).then(|| format!("All {}: {}.", counted(trees, "tree"), verdict(report.verdict())))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "Complete",
        Verdict::ConfirmedGaps => "Complete, with sessions confirmed empty or gaps in the plan",
        Verdict::Incomplete => "Incomplete",
        Verdict::Damaged => "Damaged",
        Verdict::Suspect => "Suspect",
    }
}

/// `damaged: 2 partitions, missing: 14 partitions. 99.99 % of 2,275,732 expected partitions are
/// covered (...)`; what concerns the whole tree comes first.
fn summary(report: &Report, tree: &TreeReport) -> String {
    let counts = &tree.counts;
    let is_bad = |state: State| state > State::OutsidePlan;
    let mut bad: Vec<String> = report
        .findings
        .iter()
        .filter(|it| it.tree == tree.kind && it.ticker.is_none() && is_bad(it.state))
        .map(|it| format!("{}: the whole tree ({})", it.state.words(), it.rule))
        .collect();
    bad.dedup();
    for state in [State::Damaged, State::Missing, State::Suspect] {
        if counts.of(state) > 0 {
            bad.push(format!("{}: {}", state.words(), counted(counts.of(state), "partition")));
        }
    }
    let bad = if bad.is_empty() { String::new() } else { format!("{}. ", bad.join(", ")) };
    let expected = counts.expected();
    let empty = counts.of(State::EmptyConfirmed);
    // Cut off, not rounded: 100 % is all of them.
    let hundredths = (counts.of(State::Covered) + empty) * 10_000 / expected.max(1);
    let or_empty = if empty == 0 { "" } else { " or confirmed empty" };
    format!(
        "{bad}{}.{:02} % of {} are covered{or_empty} ({} in their files, {})",
        hundredths / 100,
        hundredths % 100,
        counted(expected, "expected partition"),
        counted(counts.rows, "row"),
        bytes(counts.bytes)
    )
}

/// Of a month in which nothing is expected of a ticker, and nothing was found.
const NOT_EXPECTED: Shade = Shade {
    key: "not-expected",
    name: "nothing expected",
    says: "No session of this month was asked about.",
    letter: runs::NOT_EXPECTED,
    glyph: "",
    bad: false,
};

fn shade(state: State) -> Shade {
    let (says, glyph, bad) = match state {
        State::OutsideListing => ("The security was not listed: nothing is expected.", "", false),
        State::Covered => ("Every expected day is proven, and the rows are there.", "", false),
        State::EmptyConfirmed => {
            ("Rows were expected, and the source has confirmed that it has none.", "·", false)
        }
        State::OutsidePlan => ("The plan of the API key does not reach these days.", "/", false),
        State::Suspect => {
            ("It is there and proven, and something about it is unlikely to be right.", "?", true)
        }
        State::Missing => ("Expected days are not proven, or the rows are gone.", "×", true),
        State::Damaged => {
            ("What is there is not what was written, or contradicts itself.", "!", true)
        }
    };
    let (key, name, letter) = (state.name(), state.words(), runs::letter(state));
    Shade { key, name, says, letter, glyph, bad }
}

/// The place of a state among those of the page.
fn code(state: State) -> usize {
    1 + State::ALL.iter().position(|it| *it == state).expect("all states are in ALL")
}

fn row<'a>(report: &'a Report, finding: &'a Finding) -> Row<'a> {
    let tree = report.trees.iter().position(|tree| tree.kind == finding.tree).unwrap_or_default();
    let root = report.trees.get(tree).map_or(Path::new(""), |tree| tree.root.as_path());
    let ticker = finding.ticker.as_ref().map(|ticker| match report.tickers.binary_search(ticker) {
        Ok(place) => Name::Listed(place),
        Err(_) => Name::Other(ticker.as_str()),
    });
    // Days that are all those of the partition say nothing new.
    let span = finding.partition.map(Partition::span);
    let days = finding.days.filter(|days| Some(*days) != span);
    (
        tree,
        ticker,
        finding.partition.map(Partition::period),
        code(finding.state),
        finding.rule.name(),
        days.map(|days| (days.from().to_string(), days.to().to_string())),
        finding.file.as_deref().map(|file| shown(file, root, finding)),
        &finding.reason,
    )
}

fn shown(file: &Path, root: &Path, finding: &Finding) -> File {
    let own = finding.ticker.as_ref().zip(finding.partition).zip(finding.tree.data());
    let own = own.map(|((ticker, partition), kind)| partition.file(root, ticker, kind));
    if own.as_deref() == Some(file) {
        return File::Own(1);
    }
    File::Other(file.strip_prefix(root).unwrap_or(file).display().to_string())
}

/// `template` with each `{{name}}` in the place of its part. What stands in a part stays as it is.
fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |mut page, piece| {
        let (name, after) = piece.split_once("}}").expect("the page closes its places");
        let part = parts.iter().find(|(known, _)| *known == name);
        page.push_str(part.expect("the page names parts that there are").1);
        page.push_str(after);
        page
    })
}

/// Text between tags, or in an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON that ends no script block and begins no comment there: `<` stands only inside its strings.
fn in_a_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// What a content policy knows a style or script by.
fn fingerprint(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests;
