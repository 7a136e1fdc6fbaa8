//! What was judged of one ticker in one tree: a state for each partition and month, and findings.
//! Whoever finds something more adds it here. Pure.

use std::ops::Range;

use shared::dataset::coverage::DateRange;
use shared::dataset::partition::Partition;

use super::finding::Finding;
use super::report::{Cell, Counts, Months};
use super::state::State;

/// A partition and what is true of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Which.
    pub partition: Partition,
    /// What.
    pub state: State,
}

/// What was judged of one ticker in one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    months: Months,
    /// One a month.
    pub cells: Vec<Cell>,
    /// Partitions on which rows are expected or stand, in the order of time.
    pub partitions: Vec<Judgement>,
    /// Partitions that have no name of their own: those of bars are series.
    pub others: Counts,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Rows in the files that are proven and there.
    pub rows: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Judged {
    /// Nothing is known yet of these `months`.
    pub fn nothing(months: Months) -> Self {
        Self {
            months,
            cells: vec![None; months.count()],
            partitions: Vec::new(),
            others: Counts::default(),
            findings: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// In these months something is `state`, or worse.
    pub fn mark(&mut self, months: Range<usize>, state: State) {
        for cell in &mut self.cells[months] {
            *cell = (*cell).max(Some(state));
        }
    }

    /// The same for the months of `days`.
    pub fn mark_days(&mut self, days: DateRange, state: State) {
        self.mark(self.months.touched(days), state);
    }

    /// Takes a finding: partition and months become as bad as it says. What is only told changes
    /// nothing.
    pub fn find(&mut self, finding: Finding) {
        if finding.state > State::Covered {
            if let Some(days) = finding.days {
                self.mark_days(days, finding.state);
            }
            if let Some(partition) = finding.partition {
                self.raise(partition, finding.state);
            }
        }
        self.findings.push(finding);
    }

    /// The same for a finding that concerns every partition with one of its days.
    pub fn find_throughout(&mut self, finding: Finding) {
        if finding.state > State::Covered {
            let concerned = |it: &&mut Judgement| {
                finding.days.is_some_and(|days| it.partition.span().intersection(days).is_some())
            };
            for judgement in self.partitions.iter_mut().filter(concerned) {
                judgement.state = judgement.state.max(finding.state);
            }
        }
        self.find(finding);
    }

    fn raise(&mut self, partition: Partition, state: State) {
        match self.partitions.binary_search_by_key(&partition, |it| it.partition) {
            Ok(place) => {
                let own = &mut self.partitions[place].state;
                *own = (*own).max(state);
            }
            Err(place) => self.partitions.insert(place, Judgement { partition, state }),
        }
    }

    /// How many partitions are in which state.
    pub fn counts(&self) -> Counts {
        let mut counts = self.others;
        (counts.rows, counts.bytes) = (self.rows, self.bytes);
        for judgement in &self.partitions {
            counts.count(judgement.state);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::rule::Rule;
    use crate::verify::tree_kind::TreeKind;

    #[test]
    fn what_is_found_later_makes_partition_and_month_as_bad_as_it_says() {
        let march = Partition::Month(2024, 3);
        let days = DateRange::new(
            "2024-02-01".parse().expect("a day"),
            "2024-04-30".parse().expect("a day"),
        );
        let mut judged = Judged::nothing(Months::of(days.expect("in order")));
        judged.mark(0..3, State::Covered);
        judged.partitions.push(Judgement { partition: march, state: State::Covered });
        judged.find(Finding::new(TreeKind::Minute, Rule::DraftLeft, "told").in_partition(march));
        assert_eq!(judged.counts().worst(), Some(State::Covered));
        judged.find(Finding::new(TreeKind::Minute, Rule::StrayFile, "odd").in_partition(march));
        let covered = Some(State::Covered);
        assert_eq!(judged.cells, [covered, Some(State::Suspect), covered]);
        assert_eq!(judged.counts().of(State::Suspect), 1);
    }
}
