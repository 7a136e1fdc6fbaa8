//! Cuts a stream of rows in time order into partitions. Pure; holds one partition at a time.

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;

/// A partition that no further row of the range can fall into.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// Which.
    pub partition: Partition,
    /// The days of the range that belong to it: the source has answered for all of them.
    pub days: DateRange,
    /// Its rows, sorted by date. None at all is an answer too.
    pub rows: Vec<DatedBar>,
}

/// Collects the rows of one range.
#[derive(Debug)]
pub struct Partitioner {
    kind: Kind,
    /// The days not yet handed on; `None` when all are.
    left: Option<DateRange>,
    rows: Vec<DatedBar>,
}

impl Partitioner {
    /// For the rows of `range`.
    pub fn new(kind: Kind, range: DateRange) -> Self {
        Self { kind, left: Some(range), rows: Vec::new() }
    }

    /// Takes the next row and returns the partitions that it closes. Rows come sorted by date and lie inside
    /// the range, which the chain has checked.
    pub fn push(&mut self, row: DatedBar) -> Vec<Closed> {
        let partition = Partition::of(self.kind, row.date);
        let mut closed = Vec::new();
        while let Some(current) = self.current().filter(|current| *current < partition) {
            closed.extend(self.close(current));
        }
        self.rows.push(row);
        closed
    }

    /// The chain is at its end: no row is to come, so every day left is answered for.
    pub fn finish(mut self) -> Vec<Closed> {
        let mut closed = Vec::new();
        while let Some(current) = self.current() {
            closed.extend(self.close(current));
        }
        closed
    }

    fn current(&self) -> Option<Partition> {
        self.left.map(|left| Partition::of(self.kind, left.from()))
    }

    fn close(&mut self, partition: Partition) -> Option<Closed> {
        let left = self.left?;
        let days = left.intersection(partition.span())?;
        self.left = if days.to() < left.to() { DateRange::new(days.to().next(), left.to()) } else { None };
        Some(Closed { partition, days, rows: std::mem::take(&mut self.rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::dataset::coverage::Coverage;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::trading_day::TradingDay;

    fn row(date: TradingDay) -> DatedBar {
        let t = date.start_utc_ms();
        let bar =
            Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 5.0, trades: None, vwap: None };
        DatedBar { date, bar }
    }

    fn day(number: i32) -> TradingDay {
        TradingDay::from_ymd(2020, 11, 1).expect("a date").plus_days(number)
    }

    proptest! {
        #[test]
        fn every_row_lands_once_and_every_day_is_answered_for(
            from in 0..400_i32, length in 0..900_i32, offsets in proptest::collection::btree_set(0..900_i32, 0..40),
        ) {
            let range = DateRange::new(day(from), day(from + length)).expect("in order");
            let rows: Vec<_> = offsets.iter().filter(|offset| **offset <= length).map(|o| row(day(from + o))).collect();
            let mut partitioner = Partitioner::new(Kind::Daily, range);
            let mut closed: Vec<Closed> = rows.iter().flat_map(|row| partitioner.push(*row)).collect();
            closed.extend(partitioner.finish());
            let landed: Vec<_> = closed.iter().flat_map(|closed| closed.rows.clone()).collect();
            prop_assert_eq!(landed, rows);
            prop_assert_eq!(closed.iter().map(|closed| closed.days).collect::<Coverage>(), Coverage::from(range));
            for Closed { partition, days, rows } in closed {
                prop_assert!(partition.span().contains(days.from()) && partition.span().contains(days.to()));
                prop_assert!(rows.iter().all(|row| days.contains(row.date)));
            }
        }
    }
}
