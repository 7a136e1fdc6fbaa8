//! A summary: what is proven of a range of days, in numbers. Pure.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Partitions and rows of a range, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Partitions with rows.
    pub partitions_data: u64,
    /// Partitions that the source said to be empty.
    pub partitions_empty: u64,
    /// Partitions of which the plan reaches no day that was asked for.
    pub partitions_outside_plan: u64,
    /// Of the partitions with rows and the empty ones: those of which the plan does not reach every day.
    #[serde(default)]
    pub partitions_partly_outside_plan: u64,
    /// Rows in the files of these partitions.
    pub rows: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        let Self {
            partitions_data,
            partitions_empty,
            partitions_outside_plan,
            partitions_partly_outside_plan,
            rows,
        } = other;
        self.partitions_data += partitions_data;
        self.partitions_empty += partitions_empty;
        self.partitions_outside_plan += partitions_outside_plan;
        self.partitions_partly_outside_plan += partitions_partly_outside_plan;
        self.rows += rows;
    }
}
