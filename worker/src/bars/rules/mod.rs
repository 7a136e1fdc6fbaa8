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

    /// The next trade: `bar` holds it already, and `amount` of what the bars add up. Says whether it closes the bar,
    /// and then begins the next.
    fn judge(&self, memory: &mut Self::Memory, print: &Print, bar: &OpenBar, amount: f64) -> Option<Closing>;
}

/// A mean that forgets: begins at its first value, then moves by `weight` of the way to each next one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ewma(Option<f64>);

impl Ewma {
    /// Takes a value.
    #[inline]
    pub fn fold(&mut self, weight: f64, value: f64) {
        self.0 = Some(match self.0 {
            Some(mean) => weight * value + (1.0 - weight) * mean,
            None => value,
        });
    }

    /// The mean; `None` before the first value.
    #[inline]
    pub fn mean(self) -> Option<f64> {
        self.0
    }
}
