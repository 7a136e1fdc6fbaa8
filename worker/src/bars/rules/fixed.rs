//! Tick, volume and dollar bars (AFML 2.3.1.2–4): a bar closes when the traded amount reaches the
//! target.

use super::{Cause, Closing, ClosingRule};
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// The rule.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    /// Trades, shares or dollars per bar.
    pub target: f64,
}

impl ClosingRule for Fixed {
    type State = ();
    const MOVES: bool = false;
    const SIDES: bool = false;

    #[inline]
    fn judge(&self, (): &mut (), _: &SignedTrade, _: &OpenBar, amount: f64) -> Option<Closing> {
        (amount >= self.target).then_some(Closing { threshold: self.target, cause: Cause::Target })
    }
}
