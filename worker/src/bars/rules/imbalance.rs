//! Imbalance bars of the older system (`--threshold target`): bounded in size, and mostly plain
//! bars.
//!
//! E is the share of trades that change the price, an EWMA over the whole series. A bar closes when
//! the signed sum reaches E·target or the unsigned sum reaches the target. A trade at an unchanged
//! price has sign 0; the last sign is not carried over.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, ClosingRule};
use crate::bars::extremes::larger;
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// The rule.
#[derive(Debug, Clone, Copy)]
pub struct Imbalance {
    /// Upper limit of a bar; only its last trade may pass it.
    pub target: f64,
    /// Weight of the newest trade in E.
    pub alpha: f64,
}

/// What the rule has learned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// E, from 0: the first trade changes no price.
    moving: f64,
    /// Signed sum of the open bar.
    theta: f64,
}

impl ClosingRule for Imbalance {
    type State = State;
    const MOVES: bool = true;
    const SIDES: bool = false;

    #[inline]
    fn judge(
        &self,
        state: &mut State,
        trade: &SignedTrade,
        _: &OpenBar,
        amount: f64,
    ) -> Option<Closing> {
        state.moving = self.alpha * trade.moved.abs() + (1.0 - self.alpha) * state.moving;
        state.theta += trade.moved * trade.magnitude;
        let threshold = larger(1.0, state.moving * self.target);
        let unbalanced = state.theta.abs() >= threshold;
        if !(unbalanced || amount >= self.target) {
            return None;
        }
        state.theta = 0.0;
        let cause = if unbalanced { Cause::Imbalance } else { Cause::Target };
        Some(Closing { threshold, cause })
    }
}
