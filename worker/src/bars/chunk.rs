//! A piece of the tape in columns, clean: every price and size is a positive number and no stamp falls.

use serde::{Deserialize, Serialize};

use super::extremes::smaller;
use super::tick_rule::{Signs, TickRule, Wanted};

/// Trades in the order of the tape; the columns are equally long.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// ns UTC, never falling.
    pub stamps: &'a [i64],
    /// USD, positive.
    pub prices: &'a [f64],
    /// Shares, positive.
    pub sizes: &'a [f64],
    /// Price times size.
    pub dollars: &'a [f64],
    /// What stood between these trades and was not taken.
    pub left_out: LeftOut,
}

/// Rows that are looked at side by side.
const LANES: usize = 4;

/// Makes chunks of columns as they come. Its memory is used again for each.
#[derive(Debug, Default)]
pub struct Sieve {
    stamps: Vec<i64>,
    prices: Vec<f64>,
    sizes: Vec<f64>,
    dollars: Vec<f64>,
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

impl Sieve {
    /// The rows that carry information; `left_out` were left out before.
    pub fn pass<'a>(
        &'a mut self,
        stamps: &'a [i64],
        prices: &'a [f64],
        sizes: &'a [f64],
        mut left_out: LeftOut,
    ) -> Chunk<'a> {
        if self.multiply(prices, sizes) {
            return Chunk { stamps, prices, sizes, dollars: &self.dollars, left_out };
        }
        self.keep_good(stamps, prices, sizes, &mut left_out);
        let (stamps, prices, sizes) = (&*self.stamps, &*self.prices, &*self.sizes);
        self.dollars.clear();
        self.dollars.extend(prices.iter().zip(sizes).map(|(price, size)| price * size));
        Chunk { stamps, prices, sizes, dollars: &self.dollars, left_out }
    }

    /// Multiplies prices with sizes and says whether all of both are good: the least of each is above 0, and the
    /// products add up to a number, which they would not with an infinite one or one that is no number.
    fn multiply(&mut self, prices: &[f64], sizes: &[f64]) -> bool {
        self.dollars.resize(prices.len(), 0.0);
        let (mut least_price, mut least_size, mut sum) = ([1.0; LANES], [1.0; LANES], [0.0; LANES]);
        let mut each = |lane: usize, dollar: &mut f64, price: f64, size: f64| {
            *dollar = price * size;
            least_price[lane] = smaller(price, least_price[lane]);
            least_size[lane] = smaller(size, least_size[lane]);
            sum[lane] += *dollar;
        };
        let (price_lanes, last_prices) = prices.as_chunks::<LANES>();
        let (size_lanes, last_sizes) = sizes.as_chunks::<LANES>();
        let (dollar_lanes, last_dollars) = self.dollars.as_chunks_mut::<LANES>();
        for ((dollars, prices), sizes) in dollar_lanes.iter_mut().zip(price_lanes).zip(size_lanes) {
            for lane in 0..LANES {
                each(lane, &mut dollars[lane], prices[lane], sizes[lane]);
            }
        }
        for ((dollar, price), size) in last_dollars.iter_mut().zip(last_prices).zip(last_sizes) {
            each(0, dollar, *price, *size);
        }
        let above_0 = |least: &[f64]| least.iter().all(|least| *least > 0.0);
        above_0(&least_price) && above_0(&least_size) && sum.iter().all(|sum| sum.is_finite())
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

/// The signs of a chunk, made once for all series that have come to the same point of the tape.
#[derive(Debug)]
pub struct SignedOnce {
    wanted: Wanted,
    /// The rule before the chunk, and after it.
    made: Option<(TickRule, TickRule)>,
    signs: Signs,
}

impl SignedOnce {
    /// For series of which the most demanding looks at `wanted`.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, made: None, signs: Signs::default() }
    }

    /// Forgets the chunk before.
    pub fn next_chunk(&mut self) {
        self.made = None;
    }

    /// The signs of `prices` as `rule` gives them; `rule` moves on behind them.
    pub fn signs(&mut self, rule: &mut TickRule, prices: &[f64]) -> &Signs {
        match self.made {
            Some((before, after)) if before == *rule => *rule = after,
            _ => {
                let before = *rule;
                rule.sign(prices, self.wanted, &mut self.signs);
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
        let mut sieve = Sieve::default();
        let prices = [1.0, f64::NAN, -1.0, 0.0, 2.0, 2.0, 2.0, f64::INFINITY, 3.0];
        let sizes = [1.0, 1.0, 1.0, 1.0, 0.0, -5.0, f64::NAN, 1.0, 0.25];
        let chunk = sieve.pass(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &prices, &sizes, LeftOut::default());
        assert_eq!((chunk.stamps, chunk.dollars), ([1, 9].as_slice(), [1.0, 0.75].as_slice()));
        let expected = LeftOut { no_size: 1, bad_size: 2, bad_price: 4, ..LeftOut::default() };
        assert_eq!((chunk.left_out, chunk.left_out.total()), (expected, 7));
    }
}
