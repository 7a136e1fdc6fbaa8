//! Counts rows that are kept although they look wrong (a high below the low, a price of zero).
//! Pure.

use std::fmt;

use shared::run::thousands::counted;

use super::partitioner::Piece;
use super::storable::{Oddity, Storable};

/// The odd rows of one ticker so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OddRows {
    kept: ByKind,
    /// Of the partition that is not closed yet.
    open: ByKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct ByKind {
    high_below_low: OddCount,
    zero_price: OddCount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct OddCount {
    rows: u64,
    first: Option<i64>,
}

impl OddRows {
    /// Looks at the next piece of a stream. What is given up before its partition is closed comes
    /// again.
    pub fn look_at<R: Storable>(&mut self, piece: &Piece<R>) {
        match piece {
            Piece::Rows(_, rows) => rows.iter().for_each(|row| self.open.look_at(row)),
            Piece::Closed(..) => {
                self.kept.high_below_low.add(self.open.high_below_low);
                self.kept.zero_price.add(self.open.zero_price);
                self.discard();
            }
        }
    }

    /// Gives up the rows of a partition that was not closed.
    pub fn discard(&mut self) {
        self.open = ByKind::default();
    }

    pub fn any(&self) -> bool {
        self.kept != ByKind::default()
    }
}

impl ByKind {
    fn look_at<R: Storable>(&mut self, row: &R) {
        let Some(oddity) = row.oddity() else { return };
        let tally = match oddity {
            Oddity::HighBelowLow => &mut self.high_below_low,
            Oddity::ZeroPrice => &mut self.zero_price,
        };
        tally.add(OddCount { rows: 1, first: Some(*row.key()) });
    }
}

impl OddCount {
    /// Partitions come in any order.
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.first = self.first.into_iter().chain(more.first).min();
    }
}

impl fmt::Display for OddRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("a high below the low", self.kept.high_below_low),
            ("a price of 0", self.kept.zero_price),
        ];
        let said = kinds
            .iter()
            .filter_map(|(what, OddCount { rows, first })| Some((what, rows, (*first)?)));
        for (number, (what, rows, first)) in said.enumerate() {
            let before = if number == 0 { "" } else { "; " };
            let rows = counted(*rows, "row");
            write!(f, "{before}{rows} with {what} kept as sent, the first stamped {first}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::coverage::{Coverage, DateRange};
    use shared::dataset::kind::Kind;
    use shared::dataset::partition::Partition;
    use shared::market::ohlcv::Ohlcv;

    #[test]
    fn odd_rows_are_counted_by_kind_with_the_first_stamp_of_each_once_they_are_kept() {
        let bar = |t, high, low| Ohlcv {
            t,
            open: 1.0,
            high,
            low,
            close: 1.0,
            volume: 0.0,
            trades: None,
            vwap: None,
        };
        let day = "2024-01-02".parse().expect("a day");
        let of = Partition::of(Kind::Daily, day);
        let closed = || Piece::Closed(of, Coverage::from(DateRange::new(day, day).expect("a day")));
        let mut odd = OddRows::default();
        odd.look_at(&Piece::Rows(of, vec![bar(1, 2.0, 1.0)]));
        odd.look_at::<Ohlcv>(&closed());
        assert!(!odd.any());
        odd.look_at(&Piece::Rows(of, vec![bar(4, 1.0, 2.0), bar(5, 1.0, 0.0)]));
        odd.look_at::<Ohlcv>(&closed());
        odd.look_at(&Piece::Rows(of, vec![bar(2, 1.0, 2.0)]));
        odd.look_at::<Ohlcv>(&closed());
        odd.look_at(&Piece::Rows(of, vec![bar(9, 1.0, 0.0)]));
        odd.discard();
        assert_eq!(
            odd.to_string(),
            "2 rows with a high below the low kept as sent, the first stamped 2; \
             1 row with a price of 0 kept as sent, the first stamped 5"
        );
    }
}
