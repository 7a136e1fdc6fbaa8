//! A piece of the tape in columns, clean: every price and size is a positive number and no stamp falls.

use serde::{Deserialize, Serialize};

use super::tick_rule::{Signs, TickRule};

/// Trades in the order of the tape; the columns are equally long.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// ns UTC, never falling.
    pub stamps: Vec<i64>,
    /// USD, positive.
    pub prices: Vec<f64>,
    /// Shares, positive.
    pub sizes: Vec<f64>,
    /// Price times size.
    pub dollars: Vec<f64>,
    /// What stood between these trades and was not taken.
    pub left_out: LeftOut,
}

/// Trades that carry no information for bars, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// The size is 0, as in prints of a price alone and fractions before 2026.
    pub no_size: u64,
    /// The size is negative or not a number.
    pub bad_size: u64,
    /// The price is 0, negative or not a number.
    pub bad_price: u64,
    /// The vendor's table says that it does not update the consolidated last price and volume.
    pub condition: u64,
    /// Cancelled, or known to be wrong.
    pub correction: u64,
}

impl LeftOut {
    /// All of them.
    pub fn total(self) -> u64 {
        self.no_size + self.bad_size + self.bad_price + self.condition + self.correction
    }

    /// These and those.
    pub fn add(&mut self, other: Self) {
        self.no_size += other.no_size;
        self.bad_size += other.bad_size;
        self.bad_price += other.bad_price;
        self.condition += other.condition;
        self.correction += other.correction;
    }
}

impl Chunk {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.stamps.clear();
        self.prices.clear();
        self.sizes.clear();
        self.left_out = LeftOut::default();
    }

    /// Takes rows of which `stays` says yes, counting those that carry no information.
    pub fn extend(&mut self, stamps: &[i64], prices: &[f64], sizes: &[f64]) {
        if prices.iter().zip(sizes).all(|(price, size)| is_positive(*price) & is_positive(*size)) {
            self.stamps.extend_from_slice(stamps);
            self.prices.extend_from_slice(prices);
            self.sizes.extend_from_slice(sizes);
            return;
        }
        for ((stamp, price), size) in stamps.iter().zip(prices).zip(sizes) {
            if !is_positive(*price) {
                self.left_out.bad_price += 1;
            } else if *size == 0.0 {
                self.left_out.no_size += 1;
            } else if !is_positive(*size) {
                self.left_out.bad_size += 1;
            } else {
                self.stamps.push(*stamp);
                self.prices.push(*price);
                self.sizes.push(*size);
            }
        }
    }

    /// Computes what is made of the other columns; call it when all rows are in.
    pub fn finish(&mut self) {
        self.dollars.clear();
        self.dollars.extend(self.prices.iter().zip(&self.sizes).map(|(price, size)| price * size));
    }
}

fn is_positive(value: f64) -> bool {
    (value > 0.0) & (value < f64::INFINITY)
}

/// The signs of a chunk, made once for all series that have come to the same point of the tape.
#[derive(Debug, Default)]
pub struct SignedOnce {
    made: Option<(TickRule, TickRule)>,
    signs: Signs,
}

impl SignedOnce {
    /// Forgets the chunk before.
    pub fn next_chunk(&mut self) {
        self.made = None;
    }

    /// The signs of `chunk` as `rule` gives them; `rule` moves on behind it.
    pub fn signs(&mut self, rule: &mut TickRule, chunk: &Chunk) -> &Signs {
        match self.made {
            Some((before, after)) if before == *rule => *rule = after,
            _ => {
                let before = *rule;
                rule.sign(&chunk.prices, &mut self.signs);
                self.made = Some((before, *rule));
            }
        }
        &self.signs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_without_information_are_left_out_and_counted_by_reason() {
        let mut chunk = Chunk::default();
        let prices = [1.0, f64::NAN, -1.0, 0.0, 2.0, 2.0, 2.0, f64::INFINITY, 3.0];
        let sizes = [1.0, 1.0, 1.0, 1.0, 0.0, -5.0, f64::NAN, 1.0, 0.25];
        chunk.extend(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &prices, &sizes);
        chunk.finish();
        assert_eq!((chunk.stamps, chunk.dollars), (vec![1, 9], vec![1.0, 0.75]));
        let expected = LeftOut { no_size: 1, bad_size: 2, bad_price: 4, ..LeftOut::default() };
        assert_eq!((chunk.left_out, chunk.left_out.total()), (expected, 7));
    }
}
