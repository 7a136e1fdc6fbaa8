//! Imbalance bars without feedback (`--threshold stable`): the idea of AFML 2.3.2 with a fixed
//! number of expected trades.
//!
//! A trade is tested against the averages before it and is added to them afterwards, so one huge
//! trade can't raise its own threshold.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, ClosingRule, Ewma};
use crate::bars::extremes::larger;
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// The rule.
#[derive(Debug, Clone, Copy)]
pub struct Stable<const SETTLED: bool> {
    n: i64,
    expected: f64,
    root: f64,
    weight: f64,
}

/// What the rule has learned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// M: mean magnitude.
    magnitude: Ewma,
    /// I: mean signed magnitude.
    signed: Ewma,
    /// Signed sum of the open bar.
    theta: f64,
    /// Has the first bar closed?
    begun: bool,
}

impl State {
    /// Does every average have a value, and has a bar closed?
    pub fn is_settled(&self) -> bool {
        self.begun && self.magnitude.is_settled() && self.signed.is_settled()
    }
}

impl<const SETTLED: bool> Stable<SETTLED> {
    /// A rule that expects `expected_ticks` (N) trades per bar.
    pub fn new(expected_ticks: u32) -> Self {
        let expected = f64::from(expected_ticks);
        Self {
            n: expected_ticks.into(),
            expected,
            root: expected.sqrt(),
            weight: 2.0 / (expected + 1.0),
        }
    }

    fn threshold(&self, state: &State) -> f64 {
        let signed = state.signed.mean_or::<SETTLED>(f64::NAN);
        let magnitude = state.magnitude.mean_or::<SETTLED>(f64::NAN);
        larger(self.expected * signed.abs(), self.root * magnitude)
    }
}

impl<const SETTLED: bool> ClosingRule for Stable<SETTLED> {
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
        let signed = trade.side * trade.magnitude;
        state.theta += signed;
        let threshold = self.threshold(state);
        state.magnitude.fold::<SETTLED>(self.weight, trade.magnitude);
        state.signed.fold::<SETTLED>(self.weight, signed);
        let cause = if !SETTLED && !state.begun {
            (bar.n >= self.n).then_some(Cause::First)
        } else if state.theta.abs() >= threshold {
            Some(Cause::Imbalance)
        } else {
            (bar.n >= 3 * self.n).then_some(Cause::Cap)
        }?;
        let threshold = if cause == Cause::First { self.expected } else { threshold };
        state.begun = true;
        state.theta = 0.0;
        Some(Closing { threshold, cause })
    }
}
