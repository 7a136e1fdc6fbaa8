//! The summary of a report, which a person reads in ten seconds: the verdict, the counts, and what
//! was found, worst first.

use std::fmt::Write;

use super::groups::{self, Group};
use super::{Counts, Depth, Report};
use crate::verify::finding::Finding;
use crate::verify::rule::Rule;
use crate::verify::state::{State, Verdict};
use crate::view::words::{count, counted, plain};

/// So many rules are told; the rest is counted.
const RULES_MAX: usize = 12;

/// The summary.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |it: &str| {
        text.push_str(&plain(it));
        text.push('\n');
    };
    line(&verdict(report));
    line(&scope(report));
    line("");
    for row in table(report) {
        line(&row);
    }
    let groups = groups::of(&report.findings);
    if !groups.is_empty() {
        line("");
        for row in groups.iter().take(RULES_MAX).flat_map(told) {
            line(&row);
        }
    }
    if groups.len() > RULES_MAX {
        let more = counted((groups.len() - RULES_MAX) as u64, "more rule");
        line(&format!("  and {more}; --json has all"));
    }
    if report.left_out > 0 {
        let more = counted(report.left_out, "more finding");
        line(&format!("  and {more}, which only the counts tell of"));
    }
    if !report.unknown.is_empty() {
        line("");
        for it in &report.unknown {
            line(&format!("note: {it}"));
        }
    }
    text
}

/// The verdict and the counts of what is not covered, in a line.
pub fn verdict(report: &Report) -> String {
    let counts = report.counts();
    let of = |state: State, verb: &str| match counts.of(state) {
        0 => None,
        some => Some(format!("{} {verb}", count(some))),
    };
    let word = match report.verdict() {
        Verdict::Complete => "COMPLETE",
        Verdict::ConfirmedGaps => {
            confirmed(counts.of(State::OutsidePlan), counts.of(State::EmptyConfirmed))
        }
        Verdict::Incomplete => "INCOMPLETE",
        Verdict::Damaged => "DAMAGED",
        Verdict::Suspect => "SUSPECT",
    };
    let worst = [
        of(State::Damaged, "damaged"),
        of(State::Missing, "missing"),
        of(State::Suspect, "suspect"),
        of(State::OutsidePlan, "outside the plan"),
        of(State::EmptyConfirmed, "empty, confirmed"),
    ];
    let worst: Vec<String> = worst.into_iter().flatten().collect();
    let all = match counts.expected() {
        1 => "1 partition".to_owned(),
        some => format!("all of {}", counted(some, "partition")),
    };
    let of_all = match worst.as_slice() {
        [] if counts.expected() == 0 => "nothing is expected of these days".to_owned(),
        [] => all,
        worst => {
            format!("of {} {}", counted(counts.expected(), "partition"), worst.join(", "))
        }
    };
    match (beyond_partitions(report), worst.is_empty() && counts.expected() > 0) {
        (None, _) => format!("{word}: {of_all}"),
        (Some(what), true) => format!("{word}: {what}; covered: {of_all}"),
        (Some(what), false) => format!("{word}: {what}; {of_all}"),
    }
}

/// What the source has confirmed, by the number of partitions outside the plan and of empty ones.
fn confirmed(outside_plan: u64, empty: u64) -> &'static str {
    match (outside_plan > 0, empty > 0) {
        (true, true) => "COMPLETE, with gaps in the plan and sessions confirmed empty",
        (true, false) => "COMPLETE, with gaps in the plan",
        (false, true | false) => "COMPLETE, with sessions confirmed empty",
    }
}

/// What makes the report worse than any of its partitions is.
fn beyond_partitions(report: &Report) -> Option<String> {
    let of_counts = report.trees.iter().filter_map(|tree| tree.counts.worst()).max();
    let worst =
        report.worst().filter(|worst| Some(*worst) > of_counts.max(Some(State::Covered)))?;
    let mut found = report.findings.iter().filter(|finding| finding.state == worst);
    let first = found.next()?;
    let what = match (&first.ticker, first.rule) {
        (None, Rule::NoDescriptor) => {
            format!("the _dataset.json of the {} tree is missing", first.tree)
        }
        (None, Rule::DescriptorWrong) => {
            format!("the _dataset.json of the {} tree is wrong", first.tree)
        }
        (None, rule) => format!("{rule} in the {} tree", first.tree),
        (Some(ticker), rule) => format!("{rule} of {ticker} in the {} tree", first.tree),
    };
    Some(match found.count() as u64 {
        0 => what,
        more => format!("{what}, and {}", counted(more, "more finding")),
    })
}

fn scope(report: &Report) -> String {
    let depth = match report.depth {
        Depth::Ledgers => "by ledgers, folders and lengths of files",
        Depth::Files => "every file was read",
    };
    let tickers = counted(report.tickers.len() as u64, "ticker");
    let months = counted(report.months.count() as u64, "month");
    format!("{tickers}, {} ({months}), {depth}", report.days)
}

/// Counts of each tree, of the states that occur.
fn table(report: &Report) -> Vec<String> {
    let sum = report.counts();
    let states: Vec<State> =
        State::ALL.into_iter().rev().filter(|state| sum.of(*state) > 0).collect();
    let mut head = vec![String::new(), "partitions".to_owned()];
    head.extend(states.iter().map(|state| state.words().to_owned()));
    head.push("rows in their files".to_owned());
    let row = |name: &str, counts: &Counts| {
        let mut row = vec![name.to_owned(), count(counts.all())];
        row.extend(states.iter().map(|state| count(counts.of(*state))));
        row.push(count(counts.rows));
        row
    };
    let mut rows = vec![head];
    rows.extend(report.trees.iter().map(|tree| row(tree.kind.name(), &tree.counts)));
    aligned(&rows)
}

/// Columns, the first to the left and all others to the right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let aligned = |row: &Vec<String>| {
        let mut line = format!("  {:<1$}", row[0], widths[0]);
        for (text, width) in row.iter().zip(&widths).skip(1) {
            write!(line, "  {text:>width$}").expect("a string takes all");
        }
        line
    };
    rows.iter().map(aligned).collect()
}

/// What a rule has found, with an example.
fn told(group: &Group<'_>) -> Vec<String> {
    let Group { tree, rule, state, findings, tickers, example } = group;
    let of = match tickers {
        0 => String::new(),
        tickers => format!(" of {}", counted(*tickers, "ticker")),
    };
    let state = match state {
        State::Covered => "note",
        state => state.words(),
    };
    let found = counted(*findings, "finding");
    let mut lines = vec![format!("{state}: {rule} ({tree}): {found}{of}")];
    let such_as = if *findings > 1 { "such as " } else { "" };
    lines.push(format!("    {such_as}{}", said(example)));
    lines.extend(example.file.as_ref().map(|file| format!("    {}", file.display())));
    lines
}

/// The same with the file that shows it.
pub fn said_with_file(finding: &Finding) -> String {
    let said = match &finding.file {
        Some(file) => format!("{} ({})", said(finding), file.display()),
        None => said(finding),
    };
    plain(&said)
}

/// A finding in a sentence: `AIG 2024-03: 12 bytes where the ledger says 14`.
pub fn said(finding: &Finding) -> String {
    let when = match (finding.partition, finding.days) {
        (Some(partition), _) => Some(partition.period()),
        (None, days) => days.map(|days| days.to_string()),
    };
    let whose = finding.ticker.as_ref().map(ToString::to_string);
    let subject: Vec<String> = [whose, when].into_iter().flatten().collect();
    match subject.as_slice() {
        [] => finding.reason.clone(),
        subject => format!("{}: {}", subject.join(" "), finding.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::confirmed;

    #[test]
    fn gaps_in_the_plan_and_empty_sessions_have_names_of_their_own() {
        assert_eq!(confirmed(1, 0), "COMPLETE, with gaps in the plan");
        assert_eq!(confirmed(0, 1), "COMPLETE, with sessions confirmed empty");
        let both = "COMPLETE, with gaps in the plan and sessions confirmed empty";
        assert_eq!(confirmed(2, 3), both);
    }
}
