//! Runs bars (AFML 2.3.2.3–4) with a fixed number of expected trades: a bar closes when one side
//! alone reaches the amount that is expected of the larger side. As in `stable`, a trade is tested
//! against the averages before it.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, Ewma, Rule};
use crate::bars::extremes::larger;
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// The rule.
#[derive(Debug, Clone, Copy)]
pub struct Runs<const SETTLED: bool> {
    n: i64,
    expected: f64,
    weight: f64,
}

/// What the rule has learned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// P: share of buys.
    buys: Ewma,
    /// M: mean magnitude of all trades, used for a side without a trade so far.
    magnitude: Ewma,
    /// Mean magnitude of buys.
    bought: Ewma,
    /// Mean magnitude of sells.
    sold: Ewma,
    /// Buys of the open bar.
    buy_run: f64,
    /// Sells of the open bar.
    sell_run: f64,
    /// Has the first bar closed?
    begun: bool,
}

impl Memory {
    /// Does every average have a value, and has a bar closed?
    pub fn is_settled(&self) -> bool {
        // Once a side has a value, so do the averages over all trades.
        self.begun && self.bought.is_settled() && self.sold.is_settled()
    }
}

impl<const SETTLED: bool> Runs<SETTLED> {
    /// A rule that expects `expected_ticks` (N) trades per bar.
    pub fn new(expected_ticks: u32) -> Self {
        let expected = f64::from(expected_ticks);
        Self { n: expected_ticks.into(), expected, weight: 2.0 / (expected + 1.0) }
    }

    fn threshold(&self, memory: &Memory) -> f64 {
        let buys = memory.buys.mean_or::<SETTLED>(f64::NAN);
        let magnitude = memory.magnitude.mean_or::<SETTLED>(f64::NAN);
        let bought = buys * memory.bought.mean_or::<SETTLED>(magnitude);
        let sold = (1.0 - buys) * memory.sold.mean_or::<SETTLED>(magnitude);
        self.expected * larger(bought, sold)
    }
}

impl<const SETTLED: bool> Rule for Runs<SETTLED> {
    type Memory = Memory;
    const MOVES: bool = false;
    const SIDES: bool = true;

    #[inline]
    fn judge(
        &self,
        memory: &mut Memory,
        trade: &SignedTrade,
        bar: &OpenBar,
        _: f64,
    ) -> Option<Closing> {
        let threshold = self.threshold(memory);
        let (weight, magnitude) = (self.weight, trade.magnitude);
        memory.magnitude.fold::<SETTLED>(weight, magnitude);
        let (buy, sell) = (trade.buy(), 1.0 - trade.buy());
        memory.buys.fold::<SETTLED>(weight, buy);
        memory.bought.fold_if::<SETTLED>(buy, weight, magnitude);
        memory.sold.fold_if::<SETTLED>(sell, weight, magnitude);
        memory.buy_run += buy * magnitude;
        memory.sell_run += sell * magnitude;
        let cause = if !SETTLED && !memory.begun {
            (bar.n >= self.n).then_some(Cause::First)
        } else if larger(memory.buy_run, memory.sell_run) >= threshold {
            Some(Cause::Run)
        } else {
            (bar.n >= 3 * self.n).then_some(Cause::Cap)
        }?;
        let threshold = if cause == Cause::First { self.expected } else { threshold };
        *memory = Memory { buy_run: 0.0, sell_run: 0.0, begun: true, ..*memory };
        Some(Closing { threshold, cause })
    }
}
