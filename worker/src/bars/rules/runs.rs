//! Runs bars (AFML 2.3.2.3–4) with a fixed number of expected trades: a bar closes when one side
//! alone reaches the amount that is expected of the larger side. As in `stable`, a trade is tested
//! against the averages before it.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, ClosingRule, Ewma};
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
pub struct State {
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

impl State {
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

    fn threshold(&self, state: &State) -> f64 {
        let buys = state.buys.mean_or::<SETTLED>(f64::NAN);
        let magnitude = state.magnitude.mean_or::<SETTLED>(f64::NAN);
        let bought = buys * state.bought.mean_or::<SETTLED>(magnitude);
        let sold = (1.0 - buys) * state.sold.mean_or::<SETTLED>(magnitude);
        self.expected * larger(bought, sold)
    }
}

impl<const SETTLED: bool> ClosingRule for Runs<SETTLED> {
    type State = State;
    const MOVES: bool = false;
    const SIDES: bool = true;

    #[inline]
    fn judge(
        &self,
        state: &mut State,
        trade: &SignedTrade,
        bar: &OpenBar,
        _: f64,
    ) -> Option<Closing> {
        let threshold = self.threshold(state);
        let (weight, magnitude) = (self.weight, trade.magnitude);
        state.magnitude.fold::<SETTLED>(weight, magnitude);
        let (buy, sell) = (trade.buy(), 1.0 - trade.buy());
        state.buys.fold::<SETTLED>(weight, buy);
        state.bought.fold_if::<SETTLED>(buy, weight, magnitude);
        state.sold.fold_if::<SETTLED>(sell, weight, magnitude);
        state.buy_run += buy * magnitude;
        state.sell_run += sell * magnitude;
        let cause = if !SETTLED && !state.begun {
            (bar.n >= self.n).then_some(Cause::First)
        } else if larger(state.buy_run, state.sell_run) >= threshold {
            Some(Cause::Run)
        } else {
            (bar.n >= 3 * self.n).then_some(Cause::Cap)
        }?;
        let threshold = if cause == Cause::First { self.expected } else { threshold };
        *state = State { buy_run: 0.0, sell_run: 0.0, begun: true, ..*state };
        Some(Closing { threshold, cause })
    }
}
