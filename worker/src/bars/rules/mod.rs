//! When a bar closes: one small pure type per rule. A rule holds its parameters. What it learns
//! from the trades is its state; the state is stored with the bars, so a later run continues from
//! it.

use serde::{Deserialize, Serialize};

use super::open_bar::{OpenBar, SignedTrade};

pub mod fixed;
pub mod imbalance;
pub mod stable;
pub mod afml;
pub mod runs;

/// Why a bar closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The traded amount reached the target.
    Target,
    /// The imbalance reached its threshold.
    Imbalance,
    /// One side alone reached its threshold.
    Run,
    /// The first bar of a series closes after a fixed number of trades.
    First,
    /// The bar reached the largest number of trades.
    Cap,
    /// The imbalance reached a threshold whose expected trades were at a limit.
    Clamped,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] =
        [Self::Target, Self::Imbalance, Self::Run, Self::First, Self::Cap, Self::Clamped];
}

/// A bar closes at this trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closing {
    /// The threshold: trades for a first bar, otherwise the unit that the rule sums.
    pub threshold: f64,
    /// Why the bar closed.
    pub cause: Cause,
}

/// Decides when bars close.
pub trait ClosingRule {
    /// What it has learned so far.
    type State: Copy;

    /// Does it use the sign of each price change?
    const MOVES: bool;

    /// Does it use the tick rule's sign of each trade?
    const SIDES: bool;

    /// Takes the next trade. `bar` already includes it; `amount` is the sum of magnitudes in the
    /// bar. `Some` closes the bar.
    fn judge(
        &self,
        state: &mut Self::State,
        trade: &SignedTrade,
        bar: &OpenBar,
        amount: f64,
    ) -> Option<Closing>;
}

/// For rules with moving averages: an average has no value yet, or no bar has closed.
pub const BEGINNING: bool = false;

/// For rules with moving averages: each has a value and a bar has closed. That never changes back,
/// so later trades skip the test.
pub const SETTLED: bool = true;

/// An exponentially weighted moving average. It starts at its first value.
///
/// Branch-free: the first value has weight 1 and a skipped value weight 0. Both give the exact
/// bits, and each trade waits for one product and one sum of the trade before it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Option<f64>", into = "Option<f64>")]
pub struct Ewma {
    /// 0 before the first value.
    mean: f64,
    seen: bool,
}

impl Ewma {
    /// Takes a finite value.
    #[inline]
    pub fn fold<const SETTLED: bool>(&mut self, weight: f64, value: f64) {
        self.fold_if::<SETTLED>(1.0, weight, value);
    }

    /// Takes a finite value if `taken` is 1; skips it if `taken` is 0.
    #[inline]
    pub fn fold_if<const SETTLED: bool>(&mut self, taken: f64, weight: f64, value: f64) {
        let weight = if SETTLED || self.seen { weight } else { 1.0 } * taken;
        self.mean = weight * value + (1.0 - weight) * self.mean;
        self.seen |= taken > 0.0;
    }

    /// The average, or `other` before the first value.
    #[inline]
    pub fn mean_or<const SETTLED: bool>(self, other: f64) -> f64 {
        if SETTLED || self.seen { self.mean } else { other }
    }

    /// Does it have a value?
    pub fn is_settled(self) -> bool {
        self.seen
    }
}

impl From<Option<f64>> for Ewma {
    fn from(mean: Option<f64>) -> Self {
        Self { mean: mean.unwrap_or(0.0), seen: mean.is_some() }
    }
}

impl From<Ewma> for Option<f64> {
    fn from(Ewma { mean, seen }: Ewma) -> Self {
        seen.then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_bit_for_bit_what_its_formula_says_whatever_is_left_between() {
        let values = [0.1, 0.3, -7.7, 1e-9, 123_456.789, 0.3];
        let weight = 2.0 / 1001.0;
        let mut expected = values[0];
        let mut mean = Ewma::default();
        mean.fold_if::<BEGINNING>(0.0, weight, 5.0);
        assert_eq!(mean.mean_or::<BEGINNING>(-1.0).to_bits(), (-1.0_f64).to_bits());
        mean.fold::<BEGINNING>(weight, values[0]);
        let mut settled = mean;
        assert!(settled.is_settled());
        for value in &values[1..] {
            mean.fold_if::<BEGINNING>(0.0, weight, 99.0);
            mean.fold::<BEGINNING>(weight, *value);
            settled.fold_if::<SETTLED>(0.0, weight, 99.0);
            settled.fold::<SETTLED>(weight, *value);
            expected = weight * value + (1.0 - weight) * expected;
            assert_eq!(mean.mean_or::<BEGINNING>(-1.0).to_bits(), expected.to_bits());
            assert_eq!(settled, mean);
        }
    }
}
