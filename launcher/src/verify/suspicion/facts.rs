//! Facts of a ticker: what is known of its files in all trees that are verified together.

use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use crate::verify::finding::Finding;
use crate::verify::rows::facts::{DayFacts, FileFacts};
use crate::verify::rule::Rule;

/// A ticker in all its trees.
#[derive(Debug, Clone)]
pub struct TickerFacts {
    /// Whose.
    pub ticker: Ticker,
    /// The days on which it may have been listed: all, where nobody says when it was.
    pub listed: DateRange,
    /// Days between them on which nobody had the symbol.
    pub gaps: Vec<DateRange>,
    /// Its trees, each kind once at most.
    pub trees: Vec<TreeFacts>,
}

/// A ticker in one tree.
#[derive(Debug, Clone)]
pub struct TreeFacts {
    /// What rows.
    pub kind: Kind,
    /// On which scale prices are.
    pub adjusted: Adjusted,
    /// The days that are proven, with rows or without.
    pub covered: Coverage,
    /// Its files in the order of their days. A damaged one is left out.
    pub files: Vec<PartitionFacts>,
}

/// A file.
#[derive(Debug, Clone)]
pub struct PartitionFacts {
    /// Of which days.
    pub partition: Partition,
    /// Where.
    pub path: PathBuf,
    /// What it holds. Where it was not read only the number of its rows is known.
    pub facts: FileFacts,
}

impl TickerFacts {
    /// Its tree of `kind`.
    pub(super) fn tree(&self, kind: Kind) -> Option<&TreeFacts> {
        self.trees.iter().find(|tree| tree.kind == kind)
    }

    /// A finding in a file.
    pub(super) fn finding(
        &self,
        tree: &TreeFacts,
        file: &PartitionFacts,
        rule: Rule,
        reason: String,
    ) -> Finding {
        Finding::new(tree.kind.into(), rule, reason)
            .of(&self.ticker)
            .in_partition(file.partition)
            .at(file.path.clone())
    }
}

impl TreeFacts {
    /// Every day with rows, with its file, in order.
    pub(super) fn days(&self) -> impl Iterator<Item = (&PartitionFacts, &DayFacts)> {
        self.files.iter().flat_map(|file| file.facts.days.iter().map(move |day| (file, day)))
    }
}

/// The days of a file by which something is found: one finding for all of them, which counts them
/// and tells of the first.
pub(super) struct Days {
    range: Option<DateRange>,
    count: u64,
    first: String,
}

impl Days {
    pub(super) fn none() -> Self {
        Self { range: None, count: 0, first: String::new() }
    }

    /// One more day, later than those before; `words` tell of it.
    pub(super) fn add(&mut self, day: TradingDay, words: impl FnOnce() -> String) {
        self.range = match self.range {
            None => {
                self.first = words();
                Some(day.into())
            }
            Some(range) => DateRange::new(range.from(), day.max(range.to())).or(Some(range)),
        };
        self.count += 1;
    }

    /// The finding, if there is one, made of `new` with the reason.
    pub(super) fn finding(self, new: impl FnOnce(String) -> Finding) -> Option<Finding> {
        let range = self.range?;
        let reason = match self.count {
            1 => self.first,
            count => format!("{count} days, the first: {}", self.first),
        };
        Some(new(reason).on(range))
    }
}
