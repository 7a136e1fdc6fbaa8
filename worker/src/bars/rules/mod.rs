//! When a bar closes: one small type a rule, pure. A rule knows its parameters; what it has learnt of the trades so
//! far is its memory, which is kept with the bars and goes on where it stopped.

use serde::{Deserialize, Serialize};

use super::open_bar::{OpenBar, Print};

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
    fn judge(&self, memory: &mut Self::Memory, print: &Print, bar: &OpenBar, amount: f64) -> Option<Closing>;
}

/// A mean that forgets: begins at its first value, then moves by `weight` of the way to each next one.
///
/// Before the first value it is NaN, which is no value of a trade: so the loop over trades has nothing to unwrap.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(from = "Option<f64>", into = "Option<f64>")]
pub struct Ewma(f64);

impl Ewma {
    /// The mean after one more value.
    #[inline]
    pub fn with(self, weight: f64, value: f64) -> Self {
        let moved = weight * value + (1.0 - weight) * self.0;
        Self(if self.0.is_nan() { value } else { moved })
    }

    /// The mean; NaN before the first value.
    #[inline]
    pub fn mean(self) -> f64 {
        self.0
    }

    /// The mean; `other` before the first value.
    #[inline]
    pub fn mean_or(self, other: f64) -> f64 {
        if self.0.is_nan() { other } else { self.0 }
    }
}

impl Default for Ewma {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl PartialEq for Ewma {
    fn eq(&self, other: &Self) -> bool {
        Option::from(*self) == Option::<f64>::from(*other)
    }
}

impl From<Option<f64>> for Ewma {
    fn from(mean: Option<f64>) -> Self {
        Self(mean.unwrap_or(f64::NAN))
    }
}

impl From<Ewma> for Option<f64> {
    fn from(ewma: Ewma) -> Self {
        (!ewma.0.is_nan()).then_some(ewma.0)
    }
}
