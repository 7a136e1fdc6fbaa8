//! Bars that end by what was traded instead of by the clock, and the names of their kinds.
//!
//! When a bar ends is `worker`'s business (`bars/rules`); what the kinds mean is fixed in the
//! specification of the bars, after López de Prado, *Advances in Financial Machine Learning*
//! (2018), chapter 2.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One bar. Stamps are ns since the epoch (UTC), prices USD, sizes shares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bar {
    /// Stamp of the first trade: orders bars, and is no key, since many prints may share a stamp.
    pub t: i64,
    /// First price.
    pub open: f64,
    /// Largest price.
    pub high: f64,
    /// Smallest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Sum of sizes.
    pub v: f64,
    /// Sum of price times size.
    pub dollar: f64,
    /// Stamp of the last trade: nothing in the bar was known before.
    pub t_close: i64,
    /// Trades.
    pub n: i64,
    /// Sizes of the trades that the tick rule calls buys.
    pub buy_v: f64,
    /// Price times size of the same.
    pub buy_dollar: f64,
    /// Sum of sign times magnitude.
    pub imbalance: f64,
    /// What had to be reached when the bar closed; NaN in a bar that is still open.
    pub threshold: f64,
}

/// What a kind of bars adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Trades.
    Tick,
    /// Shares.
    Volume,
    /// Dollars.
    Dollar,
}

/// How a kind of bars decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// So much was traded.
    Fixed,
    /// Buys and sells differ by so much.
    Imbalance,
    /// One side alone came to so much.
    Runs,
}

/// A kind of bars: what is added up, and how that decides. Written as `DB`, `VIB`, `TRB`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode {
    /// What is added up.
    pub measure: Measure,
    /// How that decides.
    pub family: Family,
}

impl Mode {
    /// Every kind.
    pub const ALL: [Self; 9] = {
        const fn mode(measure: Measure, family: Family) -> Mode {
            Mode { measure, family }
        }
        [
            mode(Measure::Tick, Family::Fixed),
            mode(Measure::Volume, Family::Fixed),
            mode(Measure::Dollar, Family::Fixed),
            mode(Measure::Dollar, Family::Imbalance),
            mode(Measure::Volume, Family::Imbalance),
            mode(Measure::Tick, Family::Imbalance),
            mode(Measure::Dollar, Family::Runs),
            mode(Measure::Volume, Family::Runs),
            mode(Measure::Tick, Family::Runs),
        ]
    };

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match (self.measure, self.family) {
            (Measure::Tick, Family::Fixed) => "TB",
            (Measure::Volume, Family::Fixed) => "VB",
            (Measure::Dollar, Family::Fixed) => "DB",
            (Measure::Tick, Family::Imbalance) => "TIB",
            (Measure::Volume, Family::Imbalance) => "VIB",
            (Measure::Dollar, Family::Imbalance) => "DIB",
            (Measure::Tick, Family::Runs) => "TRB",
            (Measure::Volume, Family::Runs) => "VRB",
            (Measure::Dollar, Family::Runs) => "DRB",
        }
    }

    /// The folder of its bars, below the ticker's.
    pub fn folder(self) -> &'static str {
        match (self.measure, self.family) {
            (Measure::Tick, Family::Fixed) => "tick",
            (Measure::Volume, Family::Fixed) => "volume",
            (Measure::Dollar, Family::Fixed) => "dollar",
            (Measure::Tick, Family::Imbalance) => "tick_imbalance",
            (Measure::Volume, Family::Imbalance) => "volume_imbalance",
            (Measure::Dollar, Family::Imbalance) => "dollar_imbalance",
            (Measure::Tick, Family::Runs) => "tick_runs",
            (Measure::Volume, Family::Runs) => "volume_runs",
            (Measure::Dollar, Family::Runs) => "dollar_runs",
        }
    }
}

/// What a person asks for: one kind, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// This one.
    One(Mode),
    /// Every kind.
    All,
}

impl Modes {
    /// Each kind that is asked for once, in the order of [`Mode::ALL`].
    pub fn resolve(asked: &[Self]) -> Vec<Mode> {
        let is_asked = |mode: &Mode| {
            asked.iter().any(|asked| matches!(asked, Self::All) || *asked == Self::One(*mode))
        };
        Mode::ALL.into_iter().filter(is_asked).collect()
    }
}

impl FromStr for Modes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not a kind of bars (known: {known})")
        })
    }
}

crate::as_text!(Mode);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_one_name_and_one_folder() {
        for mode in Mode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        assert_eq!(Mode::ALL.map(Mode::folder).into_iter().collect::<BTreeSet<_>>().len(), 9);
        assert!("db".parse::<Mode>().is_err());
    }
}
