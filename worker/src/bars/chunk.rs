//! Trades in columns, clean: every price and size is a positive number and no stamp falls.

use serde::{Deserialize, Serialize};

use super::tick_rule::{Signs, SignsNeeded, TickRule};

/// Trades in file order; the columns are equally long.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// ns UTC, never falling.
    pub stamps: &'a [i64],
    /// USD, positive.
    pub prices: &'a [f64],
    /// Shares, positive.
    pub sizes: &'a [f64],
    /// Rows between these trades that were left out.
    pub left_out: LeftOut,
    /// Are these the first trades of a day file?
    pub opens_a_day: bool,
}

/// Makes clean chunks of raw columns. All chunks share its memory.
#[derive(Debug, Default)]
pub struct ChunkBuilder {
    stamps: Vec<i64>,
    prices: Vec<f64>,
    sizes: Vec<f64>,
}

/// Counts of trades left out of the bars, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// The size is 0, as in trades that report a price alone and fractions before 2026.
    pub no_size: u64,
    /// The size is negative or not a number.
    pub bad_size: u64,
    /// The price is 0, negative or not a number.
    pub bad_price: u64,
    /// The vendor's table says that it does not update the consolidated last price and volume.
    pub condition: u64,
    /// Cancelled, or marked wrong.
    pub correction: u64,
}

impl LeftOut {
    /// All counts together.
    pub fn total(self) -> u64 {
        self.no_size + self.bad_size + self.bad_price + self.condition + self.correction
    }

    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.no_size += other.no_size;
        self.bad_size += other.bad_size;
        self.bad_price += other.bad_price;
        self.condition += other.condition;
        self.correction += other.correction;
    }
}

impl ChunkBuilder {
    /// The rows with a positive price and size. `left_out` counts rows that the caller has left out
    /// before.
    pub fn build<'a>(
        &'a mut self,
        stamps: &'a [i64],
        prices: &'a [f64],
        sizes: &'a [f64],
        mut left_out: LeftOut,
    ) -> Chunk<'a> {
        if all_positive(prices) && all_positive(sizes) {
            return Chunk { stamps, prices, sizes, left_out, opens_a_day: false };
        }
        self.keep_good(stamps, prices, sizes, &mut left_out);
        Chunk {
            stamps: &self.stamps,
            prices: &self.prices,
            sizes: &self.sizes,
            left_out,
            opens_a_day: false,
        }
    }

    fn keep_good(&mut self, stamps: &[i64], prices: &[f64], sizes: &[f64], left_out: &mut LeftOut) {
        self.stamps.clear();
        self.prices.clear();
        self.sizes.clear();
        for ((stamp, price), size) in stamps.iter().zip(prices).zip(sizes) {
            if !is_positive(*price) {
                left_out.bad_price += 1;
            } else if *size == 0.0 {
                left_out.no_size += 1;
            } else if !is_positive(*size) {
                left_out.bad_size += 1;
            } else {
                self.stamps.push(*stamp);
                self.prices.push(*price);
                self.sizes.push(*size);
            }
        }
    }
}

fn is_positive(value: f64) -> bool {
    value > 0.0 && value < f64::INFINITY
}

/// [`is_positive`] for all values at once: as integers, the bits of such numbers lie between 1 and
/// the bits of the largest number. Any other value makes one of the two differences negative.
fn all_positive(values: &[f64]) -> bool {
    const LARGEST: i64 = f64::MAX.to_bits().cast_signed();
    let strange = values.iter().fold(0, |seen, value| {
        let bits = value.to_bits().cast_signed();
        seen | bits.wrapping_sub(1) | LARGEST.wrapping_sub(bits)
    });
    strange >= 0
}

/// The signs of a chunk, computed once for all series that stand at the same trade.
#[derive(Debug)]
pub struct SignedOnce {
    needed: SignsNeeded,
    /// The tick rule before and after the chunk.
    made: Option<(TickRule, TickRule)>,
    signs: Signs,
}

impl SignedOnce {
    /// For series that together need the signs `needed`.
    pub fn new(needed: SignsNeeded) -> Self {
        Self { needed, made: None, signs: Signs::default() }
    }

    /// Forgets the previous chunk.
    pub fn next_chunk(&mut self) {
        self.made = None;
    }

    /// The signs that `rule` gives to `prices`; `rule` moves past them.
    pub fn signs(&mut self, rule: &mut TickRule, prices: &[f64]) -> &Signs {
        match self.made {
            Some((before, after)) if before == *rule => *rule = after,
            _ => {
                let before = *rule;
                rule.sign(prices, self.needed, &mut self.signs);
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
        let mut chunks = ChunkBuilder::default();
        let prices = [1.0, f64::NAN, -1.0, 0.0, 2.0, 2.0, 2.0, f64::INFINITY, 3.0];
        let sizes = [1.0, 1.0, 1.0, 1.0, 0.0, -5.0, f64::NAN, 1.0, 0.25];
        let chunk = chunks.build(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &prices, &sizes, LeftOut::default());
        assert_eq!(
            (chunk.stamps, chunk.prices, chunk.sizes),
            (&[1, 9][..], &[1.0, 3.0][..], &[1.0, 0.25][..])
        );
        let expected = LeftOut { no_size: 1, bad_size: 2, bad_price: 4, ..LeftOut::default() };
        assert_eq!((chunk.left_out, chunk.left_out.total()), (expected, 7));
    }

    #[test]
    fn numbers_that_are_not_positive_are_seen_wherever_they_stand() {
        let good = [f64::MIN_POSITIVE, 5e-324, 1.0, f64::MAX];
        assert!(all_positive(&good) && all_positive(&[]));
        for bad in [
            0.0,
            -0.0,
            -5e-324,
            -1.0,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            -f64::NAN,
        ] {
            for place in 0..good.len() {
                let mut values = good;
                values[place] = bad;
                assert!(!all_positive(&values), "{bad} at {place}");
            }
        }
    }
}
