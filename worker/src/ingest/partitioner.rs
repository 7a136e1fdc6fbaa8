//! Cuts a stream of rows in time order into partitions. Pure; holds no rows.

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::row::Row;
use shared::market::zone::Zone;

/// What the stream means for the files.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<R> {
    /// Rows of one partition, in order; more of it may follow.
    Rows(Partition, Vec<R>),
    /// No further row of the range can fall into this partition: the source has answered for these days of it.
    Closed(Partition, DateRange),
}

/// Where the stream of one range has come to.
#[derive(Debug)]
pub struct Partitioner {
    kind: Kind,
    zone: Zone,
    /// The days not yet closed; `None` when all are.
    left: Option<DateRange>,
}

impl Partitioner {
    /// For the rows of `range`, whose days are counted in `zone`.
    pub fn new(kind: Kind, zone: Zone, range: DateRange) -> Self {
        Self { kind, zone, left: Some(range) }
    }

    /// Takes the next rows. They come in time order and lie inside the range, which the chain has checked.
    pub fn take<R: Row>(&mut self, rows: Vec<R>) -> Vec<Piece<R>> {
        let mut pieces = Vec::new();
        let mut run: Vec<R> = Vec::new();
        for row in rows {
            let day = row.day(self.zone).expect("the chain lets only stamps of the range pass");
            let partition = Partition::of(self.kind, day);
            while let Some(current) = self.current().filter(|current| *current < partition) {
                if !run.is_empty() {
                    pieces.push(Piece::Rows(current, std::mem::take(&mut run)));
                }
                pieces.extend(self.close(current));
            }
            assert_eq!(self.current(), Some(partition), "rows go forward and stay inside the range");
            run.push(row);
        }
        if let Some(current) = self.current().filter(|_| !run.is_empty()) {
            pieces.push(Piece::Rows(current, run));
        }
        pieces
    }

    /// The chain is at its end: no row is to come, so every day left is answered for.
    pub fn finish<R>(mut self) -> Vec<Piece<R>> {
        let mut pieces = Vec::new();
        while let Some(current) = self.current() {
            pieces.extend(self.close(current));
        }
        pieces
    }

    fn current(&self) -> Option<Partition> {
        self.left.map(|left| Partition::of(self.kind, left.from()))
    }

    fn close<R>(&mut self, partition: Partition) -> Option<Piece<R>> {
        let left = self.left?;
        let days = left.intersection(partition.span())?;
        self.left = DateRange::new(days.to().next(), left.to()).filter(|_| days.to() < left.to());
        Some(Piece::Closed(partition, days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::dataset::coverage::Coverage;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::trading_day::TradingDay;

    fn row(date: TradingDay) -> Ohlcv {
        let t = date.start_utc_ms();
        Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 5.0, trades: None, vwap: None }
    }

    fn day(number: i32) -> TradingDay {
        TradingDay::from_ymd(2020, 11, 1).expect("a date").plus_days(number)
    }

    proptest! {
        #[test]
        fn any_split_of_pages_gives_the_same_partitions(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            from in 0..400_i32, length in 0..900_i32,
            offsets in proptest::collection::btree_set(0..900_i32, 0..40),
            page_rows in 1..20_usize,
        ) {
            let range = DateRange::new(day(from), day(from + length)).expect("in order");
            let rows: Vec<_> = offsets.iter().filter(|offset| **offset <= length).map(|o| row(day(from + o))).collect();
            let mut partitioner = Partitioner::new(kind, Zone::NewYork, range);
            let mut pieces: Vec<Piece<Ohlcv>> =
                rows.chunks(page_rows).flat_map(|page| partitioner.take(page.to_vec())).collect();
            pieces.extend(partitioner.finish());

            let mut landed = Vec::new();
            let mut answered = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Rows(partition, rows) => {
                        prop_assert!(rows.iter().all(|row| partition.span().contains(row.day(Zone::NewYork).expect("a day"))));
                        prop_assert!(answered.iter().all(|(closed, _)| *closed < partition), "not closed before");
                        landed.extend(rows);
                    }
                    Piece::Closed(partition, days) => answered.push((partition, days)),
                }
            }
            prop_assert_eq!(landed, rows);
            let expected: Vec<_> = Partition::within(kind, range).collect();
            prop_assert_eq!(answered.iter().map(|(partition, _)| *partition).collect::<Vec<_>>(), expected);
            prop_assert_eq!(answered.into_iter().map(|(_, days)| days).collect::<Coverage>(), Coverage::from(range));
        }
    }
}
