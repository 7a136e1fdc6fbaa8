//! When a bar closes: one small type a rule, pure. A rule knows its parameters; what it has learnt of the trades so
//! far is its memory, which is kept with the bars and goes on where it stopped.

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
    /// So much was traded.
    Target,
    /// Buys and sells differed enough.
    Imbalance,
    /// One side alone came to enough.
    Run,
    /// The first bar of a series that has nothing to go by yet.
    First,
    /// So many trades without a decision.
    Cap,
    /// Buys and sells differed enough by an expectation that is held at a clamp.
    Clamped,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] =
        [Self::Target, Self::Imbalance, Self::Run, Self::First, Self::Cap, Self::Clamped];
}

/// A bar closes with this trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closing {
    /// What had to be reached: trades in a first bar, else of what the rule adds up.
    pub threshold: f64,
    /// What was.
    pub cause: Cause,
}

/// A rule of when bars close.
pub trait Rule {
    /// What it has learnt so far.
    type Memory: Copy;

    /// Does it look at the sign of each move?
    const MOVES: bool;

    /// Does it look at the tick rule's sign of each trade?
    const SIDES: bool;

    /// The next trade: `bar` holds it already, and `amount` of what the bars add up. Says whether it closes the bar,
    /// and then begins the next.
    fn judge(
        &self,
        memory: &mut Self::Memory,
        trade: &SignedTrade,
        bar: &OpenBar,
        amount: f64,
    ) -> Option<Closing>;
}

/// Of rules with means: some mean has no value yet, or no bar was closed.
pub const BEGINNING: bool = false;

/// Of rules with means: every mean has a value and a bar was closed, which stays so. Then no trade needs to ask.
pub const SETTLED: bool = true;

/// A mean that forgets: begins at its first value, then moves by `weight` of the way to each next one.
///
/// The first value has the weight 1, which gives it bit for bit, and a value that is not taken has the weight 0, which
/// gives the mean bit for bit: so each trade waits for one product and one sum of the trade before it, and for no choice.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Option<f64>", into = "Option<f64>")]
pub struct Ewma {
    /// 0 before the first value.
    mean: f64,
    seen: bool,
}

impl Ewma {
    /// Takes a value, finite.
    #[inline]
    pub fn fold<const SETTLED: bool>(&mut self, weight: f64, value: f64) {
        self.fold_if::<SETTLED>(1.0, weight, value);
    }

    /// Takes a value, finite, when `taken` is 1; leaves it when it is 0.
    #[inline]
    pub fn fold_if<const SETTLED: bool>(&mut self, taken: f64, weight: f64, value: f64) {
        let weight = if SETTLED || self.seen { weight } else { 1.0 } * taken;
        self.mean = weight * value + (1.0 - weight) * self.mean;
        self.seen |= taken > 0.0;
    }

    /// The mean; `other` before the first value.
    #[inline]
    pub fn mean_or<const SETTLED: bool>(self, other: f64) -> f64 {
        if SETTLED || self.seen { self.mean } else { other }
    }

    /// Has it a value?
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
