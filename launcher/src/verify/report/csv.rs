//! The findings of a report as CSV: one line each, worst first, the columns named in the first line.

use std::fmt::Write;

use shared::dataset::partition::Partition;

use super::Report;
use crate::verify::finding::Finding;
use crate::view::words;

/// The first line.
const HEADER: &str = "tree,ticker,partition,state,rule,from,to,file,reason\n";

/// All findings.
pub fn render(report: &Report) -> String {
    let mut text = HEADER.to_owned();
    report.findings.iter().for_each(|finding| line(finding, &mut text));
    text
}

fn line(finding: &Finding, text: &mut String) {
    let or_nothing = |field: Option<String>| field.unwrap_or_default();
    let fields = [
        finding.tree.name().to_owned(),
        or_nothing(finding.ticker.as_ref().map(ToString::to_string)),
        or_nothing(finding.partition.map(Partition::period)),
        finding.state.name().to_owned(),
        finding.rule.name().to_owned(),
        or_nothing(finding.days.map(|days| days.from().to_string())),
        or_nothing(finding.days.map(|days| days.to().to_string())),
        or_nothing(finding.file.as_ref().map(|file| file.display().to_string())),
        finding.reason.clone(),
    ];
    let quoted: Vec<String> = fields.iter().map(|field| quoted(&words::plain(field))).collect();
    writeln!(text, "{}", quoted.join(",")).expect("a string takes all");
}

/// As spreadsheets and parsers take it (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_would_break_a_line_is_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
    }
}
