//! Imbalance bars as in the book (`--threshold afml`, AFML 2.3.2), for comparison with the
//! literature.
//!
//! The expectations learn from the bars that they close. On real trades this feedback makes bars
//! collapse or explode; the limits only decide which.

use serde::{Deserialize, Serialize};

use super::{Cause, Closing, Rule};
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
pub struct Memory {
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

impl Rule for Afml {
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
        memory.theta += trade.side * trade.magnitude;
        let warmup = i64::from(self.warmup);
        if memory.learnt.is_none() && bar.n <= warmup {
            memory.warm += trade.magnitude;
            if bar.n < warmup {
                return None;
            }
        }
        let expected = memory.learnt.unwrap_or_else(|| Learnt {
            ticks: f64::from(self.expected_ticks).clamp(self.min_ticks, self.max_ticks),
            signed: memory.warm / f64::from(self.warmup),
        });
        let threshold = expected.ticks * expected.signed.abs();
        if memory.theta.abs() < threshold {
            return None;
        }
        Some(self.close(memory, expected, bar.n, threshold))
    }
}

impl Afml {
    fn close(&self, memory: &mut Memory, expected: Learnt, trades: i64, threshold: f64) -> Closing {
        let at_a_clamp = expected.ticks <= self.min_ticks || expected.ticks >= self.max_ticks;
        let cause = if at_a_clamp { Cause::Clamped } else { Cause::Imbalance };
        let trades = trades as f64;
        let towards = |new: f64, old: f64| self.alpha * new + (1.0 - self.alpha) * old;
        memory.learnt = Some(Learnt {
            ticks: towards(trades, expected.ticks).clamp(self.min_ticks, self.max_ticks),
            signed: towards(memory.theta / trades, expected.signed),
        });
        memory.theta = 0.0;
        Closing { threshold, cause }
    }
}
