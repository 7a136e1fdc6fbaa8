//! Findings: one thing that was found, with its file and the reason.

use std::path::PathBuf;

use shared::dataset::coverage::DateRange;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;

use super::rule::Rule;
use super::state::State;
use super::tree_kind::TreeKind;

/// One thing found. What concerns several partitions of a ticker in a row is one finding, with all
/// their days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which tree.
    pub tree: TreeKind,
    /// Whose; `None` where it concerns the tree as a whole.
    pub ticker: Option<Ticker>,
    /// The partition, where it is one.
    pub partition: Option<Partition>,
    /// What it makes of these days.
    pub state: State,
    /// By which rule.
    pub rule: Rule,
    /// The days that it concerns, where they are known. Inclusive, in the tree's zone.
    pub days: Option<DateRange>,
    /// The file or folder that shows it.
    pub file: Option<PathBuf>,
    /// What is wrong, and what to do where that is known: fits after "TICKER 2024-03: ".
    pub reason: String,
}

impl Finding {
    /// By `rule`, which says the state; all else is to be filled in.
    pub fn new(tree: TreeKind, rule: Rule, reason: impl Into<String>) -> Self {
        Self {
            tree,
            ticker: None,
            partition: None,
            state: rule.state(),
            rule,
            days: None,
            file: None,
            reason: reason.into(),
        }
    }

    /// Of `ticker`.
    #[must_use]
    pub fn of(self, ticker: &Ticker) -> Self {
        Self { ticker: Some(ticker.clone()), ..self }
    }

    /// In `partition`, all of whose days it concerns.
    #[must_use]
    pub fn in_partition(self, partition: Partition) -> Self {
        Self { partition: Some(partition), days: Some(partition.span()), ..self }
    }

    /// On these days.
    #[must_use]
    pub fn on(self, days: DateRange) -> Self {
        Self { days: Some(days), ..self }
    }

    /// As `file` shows.
    #[must_use]
    pub fn at(self, file: PathBuf) -> Self {
        Self { file: Some(file), ..self }
    }

    /// Worst first, then by tree, ticker and day: the order of a report.
    pub fn order(&self) -> impl Ord + '_ {
        (std::cmp::Reverse(self.state), self.tree, &self.ticker, self.days, self.rule, &self.file)
    }
}
