//! Piles: what was found in many partitions of a ticker by the same rule, told once for all that
//! follow each other. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::run::thousands::counted;

use crate::verify::expectation::Sessions;
use crate::verify::finding::Finding;
use crate::verify::rule::Rule;

/// So many ranges of a rule are told each for itself where nothing is wrong with them; more are
/// told together.
const TOLD_APART: usize = 12;

#[derive(Debug, Clone, Default)]
pub(super) struct Piles {
    days: BTreeMap<Rule, Vec<DateRange>>,
    /// The source may have been asked for days that nothing proves: what it said does not count.
    is_in_doubt: bool,
    /// In the order of time.
    files: Vec<(DateRange, PathBuf)>,
}

impl Piles {
    pub(super) fn add(&mut self, rule: Rule, days: &Coverage) {
        if !days.is_empty() {
            self.days.entry(rule).or_default().extend(days.ranges());
        }
    }

    pub(super) fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    pub(super) fn add_file(&mut self, rule: Rule, days: &Coverage, file: PathBuf) {
        self.add(rule, days);
        self.files.extend(days.hull().map(|hull| (hull, file)));
    }

    /// One for each range of days, with the rule's own words.
    pub(super) fn findings(
        &self,
        sessions: &Sessions,
        kind: Kind,
        new: impl Fn(Rule, String) -> Finding,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (rule, days) in &self.days {
            let days: Coverage = days.iter().copied().collect();
            let ranges = sessions.ranges(&days);
            if *rule == Rule::NothingTraded && ranges.len() > TOLD_APART {
                let count = counted(sessions.count(&days) as u64, "session");
                let reason = format!(
                    "{count} in {} places between these days: the source has confirmed that there are no rows",
                    ranges.len()
                );
                findings.extend(days.hull().map(|hull| new(*rule, reason).on(hull)));
                continue;
            }
            for range in ranges {
                findings.push(self.of_range(*rule, range, sessions, kind, &new));
            }
        }
        findings
    }

    fn of_range(
        &self,
        rule: Rule,
        range: DateRange,
        sessions: &Sessions,
        kind: Kind,
        new: impl Fn(Rule, String) -> Finding,
    ) -> Finding {
        let count = sessions.within(range).len();
        let of = counted(count as u64, "session");
        let is_told = |(days, _): &&(DateRange, PathBuf)| days.intersection(range).is_some();
        let mut files = self.files.iter().filter(is_told);
        let first = files.next().filter(|_| rule == Rule::NoLedgerLine);
        let reason = match rule {
            Rule::NoLedgerLine => match files.count() {
                0 => format!("a file stands there that no ledger line proves ({of})"),
                more => {
                    format!("{} files stand there that no ledger line proves ({of})", more + 1)
                }
            },
            Rule::LostRows => {
                format!("{of} had rows that are lost; the source has not brought them again")
            }
            Rule::OutsidePlan => format!("the plan of the API key does not reach {of}"),
            Rule::NothingTraded => {
                format!("{of} without rows, as the source has confirmed")
            }
            _ if self.is_in_doubt => format!("the ledger has no answer that counts for {of}"),
            _ => {
                let were = if count == 1 { "was" } else { "were" };
                format!("{of} {were} never downloaded")
            }
        };
        let mut finding = new(rule, reason).on(range);
        let partition = Partition::of(kind, range.from());
        if partition.span().contains(range.to()) {
            finding.partition = Some(partition);
        }
        finding.file = first.map(|(_, file)| file.clone());
        finding
    }
}
