//! The bar that is being filled: plain sums in file order, from 0.0. That order is part of what a bar is.

use serde::{Deserialize, Serialize};
use shared::market::bar::Bar;

use super::extremes::{extremes, larger, smaller};

/// One trade, as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct SignedTrade {
    /// Shares.
    pub size: f64,
    /// Price times size.
    pub dollar: f64,
    /// What the kind of bars adds up: 1, size or dollar.
    pub magnitude: f64,
    /// Sign of the move, 0 where the price stayed; 0 for rules that don't look at it.
    pub moved: f64,
    /// The tick rule's sign: 1 or -1.
    pub side: f64,
}

impl SignedTrade {
    /// 1 for a buy, 0 for a sell: a factor, so that no branch is guessed wrong where sides alternate as they like.
    #[inline]
    pub fn buy(&self) -> f64 {
        (self.side + 1.0) * 0.5
    }
}

/// Sums of the trades since the last bar closed; without a trade, all zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct OpenBar {
    /// Trades so far.
    pub n: i64,
    t: i64,
    t_close: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    /// Shares so far.
    pub v: f64,
    /// Dollars so far.
    pub dollar: f64,
    buy_v: f64,
    buy_dollar: f64,
    imbalance: f64,
}

impl OpenBar {
    /// Adds the next trade to the sums, all that rules look at; those over sides are kept only for bars that are written
    /// with them. What a bar shows besides is [`look_over`](Self::look_over)'s.
    #[inline]
    pub fn add<const EXTENDED: bool>(&mut self, trade: &SignedTrade) {
        self.n += 1;
        self.v += trade.size;
        self.dollar += trade.dollar;
        if EXTENDED {
            self.buy_v += trade.buy() * trade.size;
            self.buy_dollar += trade.buy() * trade.dollar;
            self.imbalance += trade.side * trade.magnitude;
        }
    }

    /// Looks at stamps and prices of the trades that were added since it last did, all at once: what is extreme does not
    /// depend on the order of looking.
    pub fn look_over<const EXTENDED: bool>(&mut self, stamps: &[i64], prices: &[f64]) {
        let (Some((&first, &last)), Some((&open, &close))) = (ends(stamps), ends(prices)) else { return };
        if usize::try_from(self.n) == Ok(stamps.len()) {
            (self.t, self.open, self.high, self.low) = (first, open, open, open);
        }
        let (low, high) = extremes(prices);
        self.high = larger(high, self.high);
        self.low = smaller(low, self.low);
        self.close = close;
        if EXTENDED {
            self.t_close = last;
        }
    }

    /// The bar, closed at `threshold`; the next begins with nothing.
    #[inline]
    pub fn close(&mut self, threshold: f64) -> Bar {
        let closed = std::mem::take(self);
        closed.as_bar(threshold)
    }

    /// The bar as it would be written now; `None` before its first trade.
    pub fn tail(&self) -> Option<Bar> {
        (self.n > 0).then(|| self.as_bar(f64::NAN))
    }

    fn as_bar(&self, threshold: f64) -> Bar {
        let Self { n, t, t_close, open, high, low, close, v, dollar, buy_v, buy_dollar, imbalance } = *self;
        Bar { t, open, high, low, close, v, dollar, t_close, n, buy_v, buy_dollar, imbalance, threshold }
    }
}

fn ends<T>(column: &[T]) -> Option<(&T, &T)> {
    column.first().zip(column.last())
}
