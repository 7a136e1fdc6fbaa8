//! The tick rule: which side initiated a trade, by prices alone (AFML 2.3.2.1).
//!
//! The last price and the last sign carry over from bar to bar, day to day, file to file and run to
//! run.

use serde::{Deserialize, Serialize};

/// What one trade passes on to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TickRule {
    /// Price of the previous trade; `None` before the first trade.
    last_price: Option<f64>,
    /// +1 or -1: the sign of the last price change; before the first change, the sign of
    /// [`FirstSign`].
    last_sign: f64,
}

/// The sign of trades before the first price change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstSign {
    /// +1.
    #[default]
    Buy,
    /// -1.
    Sell,
}

/// The signs of a chunk of trades. The sign of a price change is not stored: computing it again
/// with [`direction`] is cheaper.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// Price of the trade before the chunk; for the first trade of a series, its own price, so it
    /// does not count as a change.
    pub price_before: f64,
    /// The tick rule's sign of each trade: the sign of the last price change, never 0.
    pub sides: Vec<f64>,
}

/// Which signs the rules of some series need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignsNeeded {
    /// At most those of price changes.
    Moves,
    /// The tick rule's signs too.
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

    /// Moves past these trades.
    fn pass(&mut self, prices: &[f64]) {
        let (Some(&first), Some(&last)) = (prices.first(), prices.last()) else { return };
        // The last price change, searched from the end.
        let within = prices
            .windows(2)
            .rev()
            .map(|pair| direction(pair[0], pair[1]))
            .find(|moved| *moved != 0.0);
        let into = direction(self.last_price.unwrap_or(first), first);
        let moved = within.unwrap_or(into);
        *self = Self {
            last_price: Some(last),
            last_sign: if moved == 0.0 { self.last_sign } else { moved },
        };
    }

    /// Signs the next trades, in order. Fills the column of sides only if `needed` says so.
    pub fn sign(&mut self, prices: &[f64], needed: SignsNeeded, signs: &mut Signs) {
        let Signs { price_before, sides } = signs;
        sides.clear();
        let Some(&first) = prices.first() else { return };
        *price_before = self.last_price.unwrap_or(first);
        if needed == SignsNeeded::Sides {
            // On bits, where 0.0 is all zeros: a trade waits for only two operations of the trade
            // before it.
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

/// The sign of a price change: 1, -1, or 0 for none. Without a branch and without integers.
#[inline]
pub fn direction(from: f64, to: f64) -> f64 {
    let (up, down) = (if to > from { 1.0 } else { 0.0 }, if to < from { 1.0 } else { 0.0 });
    up - down
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_trade_has_the_sign_of_the_last_move_and_the_cut_between_two_columns_does_not_matter()
    {
        let prices = [10.0, 10.0, 10.1, 10.1, 10.05, 10.05, 10.2];
        for cut in 0..=prices.len() {
            let (mut rule, mut moves, mut sides) =
                (TickRule::new(FirstSign::Sell), Vec::new(), Vec::new());
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
