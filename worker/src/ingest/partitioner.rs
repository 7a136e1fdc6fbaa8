//! Cuts a stream of rows in time order into partitions. Pure; holds no rows.

use std::{mem, vec};

use shared::dataset::coverage::Coverage;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::zone::{DayFinder, Zone};

use super::storable::Storable;

/// What the stream means for the files.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<R> {
    /// Rows of one partition, in order; more of it may follow.
    Rows(Partition, Vec<R>),
    /// No further row wanted can fall into this partition: the source has answered for these days
    /// of it.
    Closed(Partition, Coverage),
}

impl<R> Piece<R> {
    pub fn partition(&self) -> Partition {
        match self {
            Self::Rows(partition, _) | Self::Closed(partition, _) => *partition,
        }
    }
}

/// Where the stream of one request has come to.
#[derive(Debug)]
pub struct Partitioner {
    kind: Kind,
    days: DayFinder,
    /// The days wanted and not yet closed.
    left: Coverage,
    /// The partition of the row taken last.
    reached: Option<Partition>,
}

impl Partitioner {
    /// For the rows of the days `wanted`, counted in `zone`.
    pub fn new(kind: Kind, zone: Zone, wanted: Coverage) -> Self {
        Self { kind, days: DayFinder::new(zone), left: wanted, reached: None }
    }

    /// Takes the next rows, which come in time order; the chain has checked that. Rows of days that
    /// are not wanted are let go: they are on disk already and came because they lie between days
    /// that are not.
    ///
    /// Pieces are made as they are asked for: a page is not held twice.
    pub fn take<R: Storable>(&mut self, rows: Vec<R>) -> Pieces<'_, R> {
        Pieces { partitioner: self, rows: rows.into_iter(), ahead: None, run: Vec::new() }
    }

    /// The chain is at its end: no row is to come, so every day still wanted is answered for.
    pub fn finish<R>(mut self) -> Vec<Piece<R>> {
        let mut pieces = Vec::new();
        while let Some(current) = self.current() {
            pieces.push(self.close(current));
        }
        pieces
    }

    fn current(&self) -> Option<Partition> {
        self.left.ranges().first().map(|left| Partition::of(self.kind, left.from()))
    }

    fn close<R>(&mut self, partition: Partition) -> Piece<R> {
        let span = Coverage::from(partition.span());
        let days = self.left.intersection(&span);
        self.left = self.left.minus(&span);
        Piece::Closed(partition, days)
    }
}

/// Rows of one piece, at most.
const PIECE_ROWS: usize = 1024;

/// What the rows of a page mean for the files.
#[must_use = "rows that nobody asks for are lost"]
pub struct Pieces<'a, R> {
    partitioner: &'a mut Partitioner,
    rows: vec::IntoIter<R>,
    /// A row beyond the partition that is to be closed first.
    ahead: Option<R>,
    /// Rows of the partition that is open, in order.
    run: Vec<R>,
}

impl<R> Pieces<'_, R> {
    fn run_of(&mut self, partition: Partition) -> Option<Piece<R>> {
        (!self.run.is_empty()).then(|| Piece::Rows(partition, mem::take(&mut self.run)))
    }
}

impl<R: Storable> Iterator for Pieces<'_, R> {
    type Item = Piece<R>;

    fn next(&mut self) -> Option<Piece<R>> {
        while let Some(row) = self.ahead.take().or_else(|| self.rows.next()) {
            let day = R::day_among(*row.key(), &mut self.partitioner.days)
                .expect("the chain lets only stamps of the range pass");
            let partition = Partition::of(self.partitioner.kind, day);
            if let Some(current) = self.partitioner.current().filter(|current| *current < partition)
            {
                self.ahead = Some(row);
                return self.run_of(current).or_else(|| Some(self.partitioner.close(current)));
            }
            assert!(self.partitioner.reached <= Some(partition), "rows go forward");
            self.partitioner.reached = Some(partition);
            if self.partitioner.left.contains(day) {
                self.run.push(row);
            }
            if self.run.len() == PIECE_ROWS {
                return self.run_of(partition);
            }
        }
        let current = self.partitioner.current()?;
        self.run_of(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::dataset::coverage::DateRange;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::trading_day::TradingDay;

    fn row(date: TradingDay) -> Ohlcv {
        let t = date.start_utc_ms();
        Ohlcv {
            t,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 5.0,
            trades: None,
            vwap: None,
        }
    }

    fn day(number: i32) -> TradingDay {
        TradingDay::from_ymd(2020, 11, 1).expect("a date").plus_days(number)
    }

    #[test]
    fn a_large_page_comes_in_small_pieces() {
        let rows = vec![row(day(0)); 2 * PIECE_ROWS + 1];
        let mut partitioner =
            Partitioner::new(Kind::Trades, Zone::NewYork, [range_of(0, 1)].into_iter().collect());
        let length = |piece: Piece<Ohlcv>| match piece {
            Piece::Rows(_, rows) => rows.len(),
            Piece::Closed(..) => 0,
        };
        let mut lengths: Vec<usize> = partitioner.take(rows).map(length).collect();
        lengths.extend(partitioner.take(vec![row(day(1))]).map(length));
        assert_eq!(lengths, [PIECE_ROWS, PIECE_ROWS, 1, 0, 1]);
    }

    fn day_of(row: &Ohlcv) -> TradingDay {
        Ohlcv::day_of(row.t, Zone::NewYork).expect("a day")
    }

    fn range_of(from: i32, length: i32) -> DateRange {
        DateRange::new(day(from), day(from + length)).expect("in order")
    }

    proptest! {
        #[test]
        fn any_split_of_pages_gives_the_same_partitions(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            holes in proptest::collection::vec((0..900_i32, 0..400_i32), 1..5),
            offsets in proptest::collection::btree_set(0..1_300_i32, 0..60),
            page_rows in 1..20_usize,
        ) {
            let wanted: Coverage = holes.into_iter().map(|(from, length)| range_of(from, length)).collect();
            let asked = wanted.hull().expect("a hole");
            let days = offsets.into_iter().map(day).filter(|day| asked.contains(*day));
            let rows: Vec<_> = days.map(row).collect();
            let mut partitioner = Partitioner::new(kind, Zone::NewYork, wanted.clone());
            let mut pieces: Vec<Piece<Ohlcv>> = Vec::new();
            for page in rows.chunks(page_rows) {
                pieces.extend(partitioner.take(page.to_vec()));
            }
            pieces.extend(partitioner.finish());

            let mut landed = Vec::new();
            let mut answered = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Rows(partition, rows) => {
                        prop_assert!(rows.iter().all(|row| partition.span().contains(day_of(row))));
                        prop_assert!(answered.iter().all(|(closed, _)| *closed < partition), "not closed before");
                        landed.extend(rows);
                    }
                    Piece::Closed(partition, days) => answered.push((partition, days)),
                }
            }
            let is_wanted = |row: &Ohlcv| wanted.contains(day_of(row));
            prop_assert_eq!(landed, rows.into_iter().filter(is_wanted).collect::<Vec<_>>());
            let of_partition = |partition: Partition| wanted.intersection(&partition.span().into());
            let expected: Vec<_> = Partition::within(kind, asked)
                .map(|partition| (partition, of_partition(partition)))
                .filter(|(_, days)| !days.is_empty())
                .collect();
            prop_assert_eq!(answered, expected);
        }
    }
}
