//! Groups: findings by the rule that found them, worst first, with an example each. Pure.

use std::collections::{BTreeMap, BTreeSet};

use shared::market::ticker::Ticker;

use crate::verify::finding::Finding;
use crate::verify::rule::Rule;
use crate::verify::state::State;
use crate::verify::tree_kind::TreeKind;

/// What a rule has found in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// In which tree.
    pub tree: TreeKind,
    /// By which rule.
    pub rule: Rule,
    /// What it makes of what it finds.
    pub state: State,
    /// How many findings.
    pub findings: u64,
    /// Of how many tickers.
    pub tickers: u64,
    /// The first of them.
    pub example: &'a Finding,
}

/// `findings` by rule and tree, worst first, and the most frequent first among equals.
pub fn of(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(TreeKind, Rule), (Group<'_>, BTreeSet<&Ticker>)> = BTreeMap::new();
    for finding in findings {
        let new = || {
            let Finding { tree, rule, state, .. } = *finding;
            let group = Group { tree, rule, state, findings: 0, tickers: 0, example: finding };
            (group, BTreeSet::new())
        };
        let (group, tickers) = groups.entry((finding.tree, finding.rule)).or_insert_with(new);
        group.findings += 1;
        group.state = group.state.max(finding.state);
        tickers.extend(&finding.ticker);
    }
    let mut groups: Vec<Group<'_>> = groups
        .into_values()
        .map(|(group, tickers)| Group { tickers: tickers.len() as u64, ..group })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.state, group.findings)));
    groups
}
