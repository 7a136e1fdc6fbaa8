//! Imbalance bars as in the book (`--threshold afml`, AFML 2.3.2), for comparison with the
//! literature.
//!
//! The expectations learn from the bars that they close. On real trades this feedback makes bars
//! collapse or explode; the limits only decide which.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, ClosingRule};
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// The rule.
#[derive(Debug, Clone, Copy)]
pub struct Afml {
    /// Weight of the newest bar in both expectations.
    pub alpha: f64,
    /// Trades expected in the first bar.
    pub expected_ticks: u32,
    /// Trades before the first bar may close. The first expected imbalance is their mean.
    pub warmup: u32,
    /// Lower limit of expected trades.
    pub min_ticks: f64,
    /// Upper limit of expected trades.
    pub max_ticks: f64,
}

/// What the rule has learned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Both expectations; `None` before the first bar closes.
    learnt: Option<Learnt>,
    /// Sum of magnitudes over the warm-up.
    warm: f64,
    /// Signed sum of the open bar.
    theta: f64,
}

/// The expectations after closed bars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Learnt {
    /// E\[T\], within the limits.
    ticks: f64,
    /// E\[b·m\].
    signed: f64,
}

impl ClosingRule for Afml {
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
        state.theta += trade.side * trade.magnitude;
        let warmup = i64::from(self.warmup);
        if state.learnt.is_none() && bar.n <= warmup {
            state.warm += trade.magnitude;
            if bar.n < warmup {
                return None;
            }
        }
        let expected = state.learnt.unwrap_or_else(|| Learnt {
            ticks: f64::from(self.expected_ticks).clamp(self.min_ticks, self.max_ticks),
            signed: state.warm / f64::from(self.warmup),
        });
        let threshold = expected.ticks * expected.signed.abs();
        if state.theta.abs() < threshold {
            return None;
        }
        Some(self.close(state, expected, bar.n, threshold))
    }
}

impl Afml {
    fn close(&self, state: &mut State, expected: Learnt, trades: i64, threshold: f64) -> Closing {
        let at_a_clamp = expected.ticks <= self.min_ticks || expected.ticks >= self.max_ticks;
        let cause = if at_a_clamp { Cause::Clamped } else { Cause::Imbalance };
        let trades = trades as f64;
        let towards = |new: f64, old: f64| self.alpha * new + (1.0 - self.alpha) * old;
        state.learnt = Some(Learnt {
            ticks: towards(trades, expected.ticks).clamp(self.min_ticks, self.max_ticks),
            signed: towards(state.theta / trades, expected.signed),
        });
        state.theta = 0.0;
        Closing { threshold, cause }
    }
}
