//! The bar that is being filled: plain sums from 0.0 in file order. The order is part of the
//! definition of a bar.

use serde::{Deserialize, Serialize};
use shared::market::bar::Bar;

use super::extremes::{extremes, larger, smaller};

/// One trade with its signs, as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct SignedTrade {
    /// Shares.
    pub size: f64,
    /// Price times size.
    pub dollar: f64,
    /// What this kind of bars sums: 1, size or dollar.
    pub magnitude: f64,
    /// Sign of the price change, 0 for none; 0 if no rule needs it.
    pub moved: f64,
    /// The tick rule's sign: 1 or -1.
    pub side: f64,
}

impl SignedTrade {
    /// 1 for a buy, 0 for a sell: a factor, because a branch on sides would often be mispredicted.
    #[inline]
    pub fn buy(&self) -> f64 {
        (self.side + 1.0) * 0.5
    }
}

/// Sums over the trades since the last bar closed; all zero without a trade.
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
    /// Adds the next trade to the sums that rules use. Sums over sides are kept only for extended
    /// bars. Stamps and prices are the task of [`look_over`](Self::look_over).
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

    /// Takes stamps and prices of all trades added since the last call at once: extremes do not
    /// depend on order.
    pub fn look_over<const EXTENDED: bool>(&mut self, stamps: &[i64], prices: &[f64]) {
        let (Some((&first, &last)), Some((&open, &close))) = (ends(stamps), ends(prices)) else {
            return;
        };
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

    /// Closes the bar at `threshold` and starts an empty one.
    #[inline]
    pub fn close(&mut self, threshold: f64) -> Bar {
        let closed = std::mem::take(self);
        closed.as_bar(threshold)
    }

    /// The open bar as a row of the file; `None` before its first trade.
    pub fn tail(&self) -> Option<Bar> {
        (self.n > 0).then(|| self.as_bar(f64::NAN))
    }

    fn as_bar(&self, threshold: f64) -> Bar {
        let Self { n, t, t_close, open, high, low, close, v, dollar, buy_v, buy_dollar, imbalance } =
            *self;
        Bar {
            t,
            open,
            high,
            low,
            close,
            v,
            dollar,
            t_close,
            n,
            buy_v,
            buy_dollar,
            imbalance,
            threshold,
        }
    }
}

fn ends<T>(column: &[T]) -> Option<(&T, &T)> {
    column.first().zip(column.last())
}
