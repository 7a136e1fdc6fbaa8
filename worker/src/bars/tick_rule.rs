//! The tick rule: which side began a trade, told from prices alone (AFML 2.3.2.1).
//!
//! The last price and the last sign live on across bars, days, files and runs.

use serde::{Deserialize, Serialize};

/// What one trade leaves to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TickRule {
    /// Price of the trade before; none before the first trade.
    last_price: Option<f64>,
    /// +1 or -1: the last move, or the sign that stands in for it before the first.
    last_sign: f64,
}

/// Which sign the trades before the first move have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstSign {
    /// +1.
    #[default]
    Buy,
    /// -1.
    Sell,
}

/// What the signs of some trades are told by. The sign of a move is a [`direction`], which costs less to find again
/// than to keep.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// Price of the trade before these; before the first of all, its own: it did not move.
    pub price_before: f64,
    /// The tick rule's sign of each: that of the last move, never 0.
    pub sides: Vec<f64>,
}

/// Which signs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignsNeeded {
    /// Those of the moves, at most.
    Moves,
    /// Also the tick rule's.
    Sides,
}

impl TickRule {
    /// Before the first trade of a series.
    pub fn new(first: FirstSign) -> Self {
        let last_sign = match first {
            FirstSign::Buy => 1.0,
            FirstSign::Sell => -1.0,
        };
        Self { last_price: None, last_sign }
    }

    /// Goes past the next trades.
    fn pass(&mut self, prices: &[f64]) {
        let (Some(&first), Some(&last)) = (prices.first(), prices.last()) else { return };
        // The last move that there was, looked for from the end.
        let within =
            prices.windows(2).rev().map(|pair| direction(pair[0], pair[1])).find(|moved| *moved != 0.0);
        let into = direction(self.last_price.unwrap_or(first), first);
        let moved = within.unwrap_or(into);
        *self = Self { last_price: Some(last), last_sign: if moved == 0.0 { self.last_sign } else { moved } };
    }

    /// Signs the next trades, in order; the column of sides is filled where it is asked for.
    pub fn sign(&mut self, prices: &[f64], needed: SignsNeeded, signs: &mut Signs) {
        let Signs { price_before, sides } = signs;
        sides.clear();
        let Some(&first) = prices.first() else { return };
        *price_before = self.last_price.unwrap_or(first);
        if needed == SignsNeeded::Sides {
            // On bits, where 0 is all zeros: each trade waits for two steps of the one before.
            let (mut before, mut side) = (*price_before, self.last_sign.to_bits());
            sides.extend(prices.iter().map(|&price| {
                let moved = direction(before, price);
                let kept = if moved == 0.0 { u64::MAX } else { 0 };
                side = moved.to_bits() | (side & kept);
                before = price;
                f64::from_bits(side)
            }));
        }
        self.pass(prices);
    }
}

/// Sign of the way from one price to the next: 1, -1, or 0 where it did not move. No branch, and no way through integers.
#[inline]
pub fn direction(from: f64, to: f64) -> f64 {
    let (up, down) = (if to > from { 1.0 } else { 0.0 }, if to < from { 1.0 } else { 0.0 });
    up - down
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_trade_has_the_sign_of_the_last_move_and_the_cut_between_two_columns_does_not_matter() {
        let prices = [10.0, 10.0, 10.1, 10.1, 10.05, 10.05, 10.2];
        for cut in 0..=prices.len() {
            let (mut rule, mut moves, mut sides) = (TickRule::new(FirstSign::Sell), Vec::new(), Vec::new());
            let mut signs = Signs::default();
            for part in [&prices[..cut], &prices[cut..]] {
                rule.sign(part, SignsNeeded::Sides, &mut signs);
                let befores = std::iter::once(&signs.price_before).chain(part);
                moves.extend(befores.zip(part).map(|(before, price)| direction(*before, *price)));
                sides.extend_from_slice(&signs.sides);
            }
            assert_eq!(moves, [0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0], "cut at {cut}");
            assert_eq!(sides, [-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0], "cut at {cut}");
            let mut passer = TickRule::new(FirstSign::Sell);
            passer.pass(&prices[..cut]);
            let mut walker = TickRule::new(FirstSign::Sell);
            walker.sign(&prices[..cut], SignsNeeded::Moves, &mut signs);
            assert_eq!(passer, walker, "past {cut} trades");
        }
    }
}
