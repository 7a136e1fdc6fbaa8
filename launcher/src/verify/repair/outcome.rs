//! What came of a repair: what was brought, what the source has confirmed that it has not, and what
//! stays. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;

use super::plan::{self, Extent, Plan};
use crate::verify::finding::Finding;
use crate::verify::state::State;
use crate::verify::tree_kind::TreeKind;
use crate::view::words::{self, counted};

/// So many findings are named in the text.
const NAMED: usize = 20;

/// Rows of a file that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// As its ledger line said; `None` where no line told.
    pub before: Option<u64>,
    /// As its ledger line says after the last round; 0 where nothing came.
    pub after: u64,
}

/// What came of the repair of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Which; `None` before the first round.
    pub tree: Option<TreeKind>,
    /// What was planned in all rounds together.
    pub planned: Plan,
    /// Partitions of which days were to be asked for, in the first round.
    pub partitions: usize,
    /// Rounds that there were.
    pub rounds: u32,
    /// Where what was set aside is now.
    pub aside: Vec<PathBuf>,
    /// Where files are that an earlier try set aside, of what this one asks for.
    pub earlier: Vec<PathBuf>,
    /// Files that were set aside, and the rows that came for them.
    pub replaced: BTreeMap<(Ticker, Partition), Rows>,
    /// What could not be set aside or asked for, a sentence each.
    pub trouble: Vec<String>,
    /// Where the runs were.
    pub workdir: Option<PathBuf>,
}

/// Findings of the last verify about what was to be repaired.
#[derive(Debug, Default)]
pub struct Left<'a> {
    /// The source has confirmed that it has nothing, or that the plan does not reach it.
    pub confirmed: Vec<&'a Finding>,
    /// As before.
    pub stays: Vec<&'a Finding>,
}

impl Outcome {
    /// A further round has done `plan`.
    pub fn did(&mut self, plan: &Plan) {
        self.rounds += 1;
        for (ticker, work) in &plan.work {
            let known = self.planned.work.entry(ticker.clone()).or_default();
            known.days = known.days.union(&work.days);
            known.ledger = known.ledger.or(work.ledger);
            known.aside.extend(&work.aside);
            known.strays.extend(work.strays.clone());
        }
    }

    /// What `after`, the findings of the last verify, still say of it.
    pub fn left<'a>(&self, after: &'a [Finding], extent: Extent) -> Left<'a> {
        let mut left = Left::default();
        for finding in after.iter().filter(|finding| self.concerns(finding)) {
            match finding.state {
                State::EmptyConfirmed | State::OutsidePlan => left.confirmed.push(finding),
                State::Missing | State::Damaged | State::Suspect
                    if plan::is_repairable(finding, extent) =>
                {
                    left.stays.push(finding);
                }
                State::Missing
                | State::Damaged
                | State::Suspect
                | State::Covered
                | State::OutsideListing => {}
            }
        }
        left
    }

    fn concerns(&self, finding: &Finding) -> bool {
        let work = finding.ticker.as_ref().and_then(|ticker| self.planned.work.get(ticker));
        let days = finding.days.or(finding.partition.map(Partition::span));
        let meets = |days| work.is_some_and(|work| !work.days.intersection(&days).is_empty());
        Some(finding.tree) == self.tree && days.map_or(work.is_some(), |days| meets(days.into()))
    }

    /// What became of the files that were set aside, a line each.
    fn replacements(&self) -> Vec<String> {
        if self.replaced.is_empty() {
            return Vec::new();
        }
        let known = self.replaced.values().filter_map(|rows| rows.before);
        let before: u64 = known.clone().sum();
        let after = self.replaced.values().map(|rows| rows.after).sum();
        let unknown = self.replaced.len() - known.count();
        let of_unknown = match unknown {
            0 => String::new(),
            unknown => format!(" (no ledger line told of {})", counted(unknown as u64, "file")),
        };
        let mut lines = vec![format!(
            "  replaced {}: {} before{of_unknown}, {} now",
            counted(self.replaced.len() as u64, "file"),
            counted(before, "row"),
            words::count(after),
        )];
        let changed = |rows: &Rows| rows.before != Some(rows.after);
        let mut odd = self.replaced.iter().filter(|(_, rows)| changed(rows));
        lines.extend(odd.by_ref().take(NAMED).map(|((ticker, partition), rows)| {
            let before = rows.before.map_or("unknown".to_owned(), words::count);
            let after = words::count(rows.after);
            format!("    {ticker} {}: rows {before} before, {after} now", partition.period())
        }));
        match odd.count() {
            0 => {}
            more => lines.push(format!("    and {} more", words::count(more as u64))),
        }
        lines
    }

    /// For people; ends with a newline.
    pub fn text(&self, after: &[Finding], extent: Extent) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            writeln!(text, "{}", words::plain(&line)).expect("a String takes everything");
        };
        let tree = self.tree.map_or("tree", TreeKind::name);
        if self.rounds == 0 {
            line(format!("repair of {tree}: nothing that a download can mend"));
            return text;
        }
        let (tickers, rounds) = (self.planned.work.len() as u64, u64::from(self.rounds));
        line(format!(
            "repair of {tree}: asked for {} of {} in {}",
            counted(self.partitions as u64, "partition"),
            counted(tickers, "ticker"),
            counted(rounds, "round"),
        ));
        if let Some(first) = self.aside.first() {
            let files = counted(self.aside.len() as u64, "file");
            line(format!("  set aside, not deleted: {files}, such as {}", first.display()));
        }
        if let Some(first) = self.earlier.first() {
            let files = counted(self.earlier.len() as u64, "file");
            line(format!("  set aside by an earlier repair: {files}, such as {}", first.display()));
        }
        self.replacements().into_iter().for_each(&mut line);
        self.trouble.iter().take(NAMED).for_each(|what| line(format!("  not done: {what}")));
        let Left { confirmed, stays } = self.left(after, extent);
        let mut list = |findings: &[&Finding], what: &str| {
            if findings.is_empty() {
                return;
            }
            line(format!("  {what}:"));
            for finding in findings.iter().take(NAMED) {
                line(format!("    {}", named(finding)));
            }
            if findings.len() > NAMED {
                line(format!("    and {} more", words::count((findings.len() - NAMED) as u64)));
            }
        };
        list(&confirmed, "confirmed by the source: there is nothing to be had");
        list(&stays, "stays as it was, though it was asked for again");
        if stays.is_empty() && self.trouble.is_empty() {
            let what = if confirmed.is_empty() { "everything" } else { "everything else" };
            line(format!("  {what} that was asked for is there and proven"));
        } else if let Some(workdir) = &self.workdir {
            line(format!(
                "  `{} why TICKER --workdir {}` says what the source answered",
                words::program(),
                workdir.display()
            ));
        }
        text
    }

    /// The same for programs.
    pub fn json(&self, after: &[Finding], extent: Extent) -> Value {
        let Left { confirmed, stays } = self.left(after, extent);
        let spelled =
            |findings: Vec<&Finding>| findings.into_iter().map(named).collect::<Vec<String>>();
        json!({
            "tree": self.tree.map(TreeKind::name),
            "rounds": self.rounds,
            "tickers": self.planned.work.len(),
            "partitions": self.partitions,
            "set_aside": self.aside,
            "set_aside_earlier": self.earlier,
            "replaced": self.replaced.iter().map(json_of).collect::<Vec<Value>>(),
            "not_done": self.trouble,
            "confirmed_by_source": spelled(confirmed),
            "stays": spelled(stays),
            "workdir": self.workdir,
        })
    }
}

fn json_of(((ticker, partition), rows): (&(Ticker, Partition), &Rows)) -> Value {
    json!({
        "ticker": ticker,
        "partition": partition.to_string(),
        "rows_before": rows.before,
        "rows_after": rows.after,
    })
}

/// `AIG 2024-02: the reason`.
fn named(finding: &Finding) -> String {
    let ticker = finding.ticker.as_ref().map_or("", |ticker| ticker.as_str());
    let when = match (finding.partition, finding.days) {
        (Some(partition), _) => partition.period(),
        (None, Some(days)) => days.to_string(),
        (None, None) => String::new(),
    };
    format!("{ticker} {when}: {} ({})", finding.reason, finding.rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::rule::Rule;
    use shared::dataset::coverage::DateRange;
    use shared::dataset::kind::Kind;

    fn february() -> Partition {
        Partition::Month(2024, 2)
    }

    fn finding(rule: Rule, name: &str) -> Finding {
        let ticker: Ticker = name.parse().expect("a ticker");
        Finding::new(TreeKind::Minute, rule, "the reason").of(&ticker).in_partition(february())
    }

    fn year() -> DateRange {
        let day = |text: &str| text.parse().expect("a day");
        DateRange::new(day("2024-01-01"), day("2024-12-31")).expect("in order")
    }

    fn after_one_round(before: &[Finding]) -> Outcome {
        let plan = Plan::of(before, Kind::Minute, year(), Extent::Damage);
        let mut outcome = Outcome { tree: Some(TreeKind::Minute), ..Outcome::default() };
        outcome.partitions = plan.partitions(Kind::Minute);
        outcome.did(&plan);
        outcome
    }

    #[test]
    fn what_the_source_confirmed_is_told_from_what_stays_and_from_what_was_mended() {
        let before = ["AIG", "BAC", "C"].map(|name| finding(Rule::NoProof, name));
        let outcome = after_one_round(&before);
        let other_month = finding(Rule::NoProof, "AIG").in_partition(Partition::Month(2024, 7));
        let after = [
            finding(Rule::NothingTraded, "BAC"),
            finding(Rule::LostRows, "C"),
            finding(Rule::NoProof, "JPM"),
            other_month,
        ];
        assert_eq!(
            outcome.text(&after, Extent::Damage),
            "repair of minute: asked for 3 partitions of 3 tickers in 1 round
  confirmed by the source: there is nothing to be had:
    BAC 2024-02: the reason (nothing-traded)
  stays as it was, though it was asked for again:
    C 2024-02: the reason (lost-rows)
"
        );
        let json = outcome.json(&after, Extent::Damage);
        assert_eq!(json["stays"][0], "C 2024-02: the reason (lost-rows)");
    }

    #[test]
    fn when_all_is_mended_that_is_said_and_where_the_files_are_that_were_set_aside() {
        let mut outcome = after_one_round(&[finding(Rule::WrongLength, "AIG")]);
        outcome.aside.push("/out/_set_aside/AIG/x".into());
        assert_eq!(
            outcome.text(&[], Extent::Damage),
            "repair of minute: asked for 1 partition of 1 ticker in 1 round
  set aside, not deleted: 1 file, such as /out/_set_aside/AIG/x
  everything that was asked for is there and proven
"
        );
    }

    #[test]
    fn what_was_replaced_is_said_with_its_rows_before_and_now() {
        let mut outcome = after_one_round(&[finding(Rule::WrongLength, "AIG")]);
        outcome.earlier.push("/out/_set_aside/AIG/old".into());
        let rows = |before, after| Rows { before, after };
        for (name, rows) in
            [("AIG", rows(Some(1_172), 1_155)), ("BAC", rows(Some(7), 7)), ("C", rows(None, 3))]
        {
            let ticker = name.parse().expect("a ticker");
            outcome.replaced.insert((ticker, february()), rows);
        }
        assert_eq!(
            outcome.text(&[], Extent::Damage),
            "repair of minute: asked for 1 partition of 1 ticker in 1 round
  set aside by an earlier repair: 1 file, such as /out/_set_aside/AIG/old
  replaced 3 files: 1,179 rows before (no ledger line told of 1 file), 1,165 now
    AIG 2024-02: rows 1,172 before, 1,155 now
    C 2024-02: rows unknown before, 3 now
  everything that was asked for is there and proven
"
        );
        let json = outcome.json(&[], Extent::Damage);
        assert_eq!(json["replaced"][0]["rows_before"], 1_172);
        assert_eq!(json["replaced"][2]["rows_before"], Value::Null);
    }

    #[test]
    fn nothing_to_do_is_said() {
        let outcome = Outcome { tree: Some(TreeKind::Minute), ..Outcome::default() };
        assert_eq!(
            outcome.text(&[], Extent::Damage),
            "repair of minute: nothing that a download can mend\n"
        );
    }
}
