//! Reports: all that a verify has found, as values. How they are written is in the rooms below.

pub mod months;
pub mod counts;
pub mod groups;
pub mod text;
pub mod json;
pub mod csv;
pub mod html;

use std::path::PathBuf;

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;

pub use self::counts::Counts;
pub use self::months::Months;
use super::finding::Finding;
use super::state::{State, Verdict};
use super::tree_kind::TreeKind;

/// The state of a ticker in a month; `None` where nothing is expected of it, and nothing was found.
pub type Cell = Option<State>;

/// How thorough the look was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// Ledgers, folders, and the lengths of files.
    Ledgers,
    /// The files too.
    Files,
}

/// All that a verify has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// The days asked about, New York, inclusive; those that are not settled yet are not among
    /// them.
    pub days: DateRange,
    /// How thorough.
    pub depth: Depth,
    /// The tickers asked about, sorted, each once: the rows of the map.
    pub tickers: Vec<Ticker>,
    /// The months of `days`: the columns of the map.
    pub months: Months,
    /// Each tree that was looked at; at least one, each kind once, in their order.
    pub trees: Vec<TreeReport>,
    /// What was found, worst first. What is covered is no finding.
    pub findings: Vec<Finding>,
    /// How many more there were than are held here: the cells and counts have them.
    pub left_out: u64,
    /// What could not be known, a sentence each.
    pub unknown: Vec<String>,
}

/// What was found in one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeReport {
    /// What it holds.
    pub kind: TreeKind,
    /// Where.
    pub root: PathBuf,
    /// One a ticker and month, ticker by ticker: `cells[ticker * months.count() + month]`.
    pub cells: Vec<Cell>,
    /// Partitions on which something is expected, or of which something was found.
    pub counts: Counts,
}

impl TreeReport {
    /// The cells of one ticker, a month each.
    pub fn row(&self, ticker: usize, months: Months) -> &[Cell] {
        let width = months.count();
        &self.cells[ticker * width..(ticker + 1) * width]
    }
}

impl Report {
    /// The worst that there is, in cells, partitions and findings.
    pub fn worst(&self) -> Option<State> {
        self.trees.iter().filter_map(|tree| self.worst_of(tree)).max()
    }

    /// The worst that there is in `tree`, what concerns it as a whole among it.
    pub fn worst_of(&self, tree: &TreeReport) -> Option<State> {
        let own = self.findings.iter().filter(|finding| finding.tree == tree.kind);
        own.map(|finding| finding.state).chain(tree.counts.worst()).max()
    }

    /// Takes findings that came later: partitions and months become as bad as they say.
    pub fn also(&mut self, findings: Vec<Finding>) {
        for finding in &findings {
            let place = finding.ticker.as_ref().and_then(|it| self.tickers.binary_search(it).ok());
            let tree = self.trees.iter_mut().find(|tree| tree.kind == finding.tree);
            let (Some(place), Some(tree), Some(days)) = (place, tree, finding.days) else {
                continue;
            };
            let width = self.months.count();
            for cell in &mut tree.cells[place * width..][self.months.touched(days)] {
                *cell = (*cell).max(Some(finding.state));
            }
            tree.counts.becomes(finding.state);
        }
        self.findings.extend(findings);
        self.findings.sort_by(|one, other| one.order().cmp(&other.order()));
    }

    /// How the verify ends.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.worst())
    }

    /// Of the trees together.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.trees.iter().for_each(|tree| sum += tree.counts);
        sum
    }
}
