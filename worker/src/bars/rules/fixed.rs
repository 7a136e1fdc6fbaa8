//! Tick, volume and dollar bars (AFML 2.3.1.2–4): a bar closes when so much was traded.

use super::{Cause, Closing, Rule};
use crate::bars::open_bar::{OpenBar, SignedTrade};

/// Trades, shares or dollars a bar.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    /// Reached or passed, the bar closes.
    pub target: f64,
}

impl Rule for Fixed {
    type Memory = ();
    const MOVES: bool = false;
    const SIDES: bool = false;

    #[inline]
    fn judge(&self, (): &mut (), _: &SignedTrade, _: &OpenBar, amount: f64) -> Option<Closing> {
        (amount >= self.target).then_some(Closing { threshold: self.target, cause: Cause::Target })
    }
}
