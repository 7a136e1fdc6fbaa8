//! Summaries: what is proven of a range of days, in numbers. Pure.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Partitions and rows of a range, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Partitions with rows.
    pub partitions_data: u64,
    /// Partitions that are empty by the source's answer.
    pub partitions_empty: u64,
    /// Partitions without a requested day that the plan reaches.
    pub partitions_outside_plan: u64,
    /// How many of the partitions with rows and the empty ones have days that the plan does not
    /// reach.
    #[serde(default)]
    pub partitions_partly_outside_plan: u64,
    /// Rows in the files of these partitions.
    pub rows: u64,
}

/// Sums saturate, because a file or a journal may hold any number.
impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        let Self {
            partitions_data,
            partitions_empty,
            partitions_outside_plan,
            partitions_partly_outside_plan,
            rows,
        } = other;
        self.partitions_data = self.partitions_data.saturating_add(partitions_data);
        self.partitions_empty = self.partitions_empty.saturating_add(partitions_empty);
        self.partitions_outside_plan =
            self.partitions_outside_plan.saturating_add(partitions_outside_plan);
        self.partitions_partly_outside_plan =
            self.partitions_partly_outside_plan.saturating_add(partitions_partly_outside_plan);
        self.rows = self.rows.saturating_add(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_more_rows_than_can_be_counted_stays_at_the_greatest_number() {
        let mut sum = Summary { rows: u64::MAX, partitions_data: u64::MAX, ..Summary::default() };
        sum += Summary { rows: 1, partitions_data: 1, ..Summary::default() };
        assert_eq!((sum.rows, sum.partitions_data), (u64::MAX, u64::MAX));
    }
}
