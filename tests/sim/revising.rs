//! A source that changes its mind (`--revise`): between epochs a price is revised, rows are
//! dropped, days vanish.
//!
//! What it says of a ticker and day hangs on seed and epoch alone. Epoch 0 is the rows as they are;
//! an epoch is moved on by [`Revising::turn_to`], or from outside by a request for `/__epoch/N`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::market::trading_day::TradingDay;

use super::chance::{join, of_text};
use super::fixed::Price;
use super::record::{Bar, Listing, Split, Trade};
use super::source::{Source, SourceError};

/// What an epoch does to a day of a ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the rows as they are.
    Nothing,
    /// One price is another one.
    Price,
    /// The last rows are missing; a day of one row has none.
    Shorter,
    /// Every row is missing.
    Vanished,
}

/// Rows as an epoch tells them.
pub struct Revising {
    inner: Arc<dyn Source>,
    seed: u64,
    epoch: AtomicU64,
}

impl Revising {
    /// Over `inner`, in epoch 0.
    pub fn new(inner: Arc<dyn Source>, seed: u64) -> Self {
        Self { inner, seed, epoch: AtomicU64::new(0) }
    }

    /// Speaks as in epoch `number` from here on.
    pub fn turn_to(&self, number: u64) {
        self.epoch.store(number, Ordering::SeqCst);
    }

    /// What the present epoch does to `day` of `ticker`: to a half of the days something.
    fn change(&self, ticker: &str, day: TradingDay) -> Change {
        change(self.seed, self.epoch.load(Ordering::SeqCst), ticker, day)
    }

    fn bars<'a>(&self, ticker: &str, bars: impl Iterator<Item = &'a Bar>) -> Vec<Bar> {
        let told = |bar: &Bar| {
            let day = TradingDay::of_utc_ms(bar.t_ms)?;
            match self.change(ticker, day) {
                Change::Nothing => Some(*bar),
                Change::Price => Some(Bar { high: Price(bar.high.0 + 100), ..*bar }),
                Change::Shorter | Change::Vanished => None,
            }
        };
        bars.filter_map(told).collect()
    }
}

/// What `epoch` does to `day` of `ticker`, where `seed` is that of `--revise`.
pub fn change(seed: u64, epoch: u64, ticker: &str, day: TradingDay) -> Change {
    if epoch == 0 {
        return Change::Nothing;
    }
    match join(join(seed, epoch), of_text(&format!("{ticker} {day}"))) % 8 {
        0 | 1 => Change::Price,
        2 => Change::Shorter,
        3 => Change::Vanished,
        _ => Change::Nothing,
    }
}

/// All rows but the last tenth, and but one at least.
fn without_the_last<T>(rows: &[T]) -> &[T] {
    &rows[..rows.len() - rows.len().div_ceil(10)]
}

impl Source for Revising {
    fn daily_bars(&self, ticker: &str, year: i16) -> Result<Arc<Vec<Bar>>, SourceError> {
        let bars = self.inner.daily_bars(ticker, year)?;
        Ok(Arc::new(self.bars(ticker, bars.iter())))
    }

    fn day_bar(&self, ticker: &str, day: TradingDay) -> Result<Option<Bar>, SourceError> {
        let bar = self.inner.day_bar(ticker, day)?;
        Ok(self.bars(ticker, bar.iter()).pop())
    }

    fn minute_bars(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Bar>>, SourceError> {
        let bars = self.inner.minute_bars(ticker, day)?;
        Ok(match self.change(ticker, day) {
            Change::Nothing => bars,
            Change::Price => {
                let mut bars = bars.to_vec();
                bars.iter_mut().take(1).for_each(|bar| bar.high = Price(bar.high.0 + 100));
                Arc::new(bars)
            }
            Change::Shorter => Arc::new(without_the_last(&bars).to_vec()),
            Change::Vanished => Arc::default(),
        })
    }

    fn trades(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Trade>>, SourceError> {
        let trades = self.inner.trades(ticker, day)?;
        Ok(match self.change(ticker, day) {
            Change::Nothing => trades,
            Change::Price => {
                let mut trades = trades.to_vec();
                trades.iter_mut().take(1).for_each(|trade| trade.price = Price(trade.price.0 + 1));
                Arc::new(trades)
            }
            Change::Shorter => Arc::new(without_the_last(&trades).to_vec()),
            Change::Vanished => Arc::default(),
        })
    }

    fn listings(&self) -> &[Listing] {
        self.inner.listings()
    }

    fn splits(&self) -> &HashMap<String, Vec<Split>> {
        self.inner.splits()
    }

    fn days(&self) -> (TradingDay, TradingDay) {
        self.inner.days()
    }
}
