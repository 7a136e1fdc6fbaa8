//! What a picture needs of the bars: a few hundred candles and two distributions of returns,
//! however many bars there are.

use shared::market::bar::Bar;
use shared::market::trading_day::TradingDay;

use crate::bars::stored::{Stored, StoredError};
use crate::describe::description::Description;
use crate::describe::returns::{Between, Closes, Shape};

/// More candles would be too narrow for a page.
const MOST_CANDLES: u64 = 320;

/// Returns farther out are counted at this many standard deviations.
pub const FARTHEST: f64 = 10.0;

/// Counts per standard deviation.
const FINE: f64 = 32.0;

/// One candle of consecutive bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    /// Number of its first bar; the first of all is 1.
    pub first: u64,
    /// New York day of its first bar.
    pub day: TradingDay,
    /// First price.
    pub open: f64,
    /// Largest price.
    pub high: f64,
    /// Smallest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares.
    pub v: f64,
}

/// Counts of returns by their distance from the mean, in standard deviations.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    /// Width of a class of [`classes`](Self::classes).
    pub width: f64,
    mean: f64,
    deviation: f64,
    /// From `-FARTHEST` to `FARTHEST` in steps of 1/`FINE`; the outermost count everything beyond.
    counts: Vec<u64>,
}

/// Candles and returns of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// In order.
    pub candles: Vec<Candle>,
    /// Bars in each candle; the last may have fewer.
    pub bars_a_candle: u64,
    /// All returns; `None` if they have no spread.
    pub returns: Option<Distances>,
    /// Returns within days.
    pub within_days: Option<Distances>,
}

impl Candle {
    /// Is its close below its open?
    pub fn falls(&self) -> bool {
        self.close < self.open
    }
}

impl Sample {
    /// Reads the bars of a description.
    pub fn of(stored: &Stored, description: &Description) -> Result<Self, StoredError> {
        let statistics = &description.statistics;
        let mut sample =
            Self::empty(statistics.bars, &statistics.returns, &statistics.returns_within_days);
        let mut closes = Closes::default();
        let mut number = 0;
        stored.each_closed(description.range, |dated| {
            number += 1;
            sample.take(number, dated.opened, dated.bar);
            sample.tell(closes.take(dated));
        })?;
        sample.tell(closes.finish());
        Ok(sample)
    }

    fn empty(bars: u64, returns: &Shape, within_days: &Shape) -> Self {
        let width = match returns.n {
            0..300 => 1.0,
            300..5_000 => 0.5,
            5_000.. => 0.25,
        };
        Self {
            candles: Vec::new(),
            bars_a_candle: bars.div_ceil(MOST_CANDLES).max(1),
            returns: Distances::empty(width, returns),
            within_days: Distances::empty(width, within_days),
        }
    }

    fn tell(&mut self, told: Option<(f64, Between)>) {
        let Some((value, between)) = told else { return };
        let within = self.within_days.as_mut().filter(|_| between == Between::Day);
        for distances in self.returns.as_mut().into_iter().chain(within) {
            distances.take(value);
        }
    }

    fn take(&mut self, number: u64, day: TradingDay, bar: &Bar) {
        let Bar { open, high, low, close, v, .. } = *bar;
        match self.candles.last_mut().filter(|last| number < last.first + self.bars_a_candle) {
            Some(last) => {
                (last.high, last.low, last.close) = (last.high.max(high), last.low.min(low), close);
                last.v += v;
            }
            None => self.candles.push(Candle { first: number, day, open, high, low, close, v }),
        }
    }
}

impl Distances {
    fn empty(width: f64, shape: &Shape) -> Option<Self> {
        let counts = vec![0; place(2.0 * FARTHEST * FINE) + 1];
        Some(Self { width, mean: shape.mean?, deviation: shape.deviation?, counts })
    }

    fn take(&mut self, value: f64) {
        let distance = ((value - self.mean) / self.deviation).clamp(-FARTHEST, FARTHEST);
        self.counts[place((distance + FARTHEST) * FINE)] += 1;
    }

    /// Returns counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Classes of the width, one of them around 0: the middle of each, and the share of its returns
    /// for each standard deviation of its width, which compares with the normal density.
    pub fn classes(&self) -> impl Iterator<Item = (f64, f64)> {
        let mut counts = vec![0; place(2.0 * FARTHEST / self.width) + 1];
        for (fine, count) in (0_u32..).zip(&self.counts) {
            // A class holds its lower end.
            counts[place(f64::from(fine) / FINE / self.width + 0.5)] += count;
        }
        let (width, total) = (self.width, self.total().max(1) as f64);
        (0_u32..).zip(counts).map(move |(class, count)| {
            (f64::from(class) * width - FARTHEST, count as f64 / (total * width))
        })
    }

    /// The distances in order, each with the share of returns below it (that of its own half
    /// counted).
    pub fn quantiles(&self) -> impl Iterator<Item = (f64, f64)> {
        let total = self.total().max(1) as f64;
        let mut below = 0;
        (0_u32..).zip(&self.counts).filter(|(_, count)| **count > 0).map(move |(fine, count)| {
            let share = (below as f64 + *count as f64 / 2.0) / total;
            below += count;
            (share, ((f64::from(fine) + 0.5) / FINE - FARTHEST).min(FARTHEST))
        })
    }

    /// The farthest class that is not empty, in standard deviations either way.
    pub fn reach(&self) -> f64 {
        let filled = self.classes().filter(|(_, density)| *density > 0.0);
        filled.map(|(middle, _)| middle.abs()).fold(0.0, f64::max)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, not negative")]
fn place(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(n: u64) -> Shape {
        let (skew, excess_kurtosis, autocorrelation) = (None, None, None);
        Shape { n, mean: Some(0.5), deviation: Some(2.0), skew, excess_kurtosis, autocorrelation }
    }

    #[test]
    fn consecutive_bars_make_a_candle_when_there_are_too_many() {
        let day: TradingDay = "2024-01-08".parse().expect("a day");
        let mut sample = Sample::empty(2 * MOST_CANDLES + 1, &shape(1), &shape(1));
        assert_eq!(sample.bars_a_candle, 3);
        for (number, (open, high, low, close)) in (1..).zip([
            (5.0, 6.0, 4.0, 5.5),
            (5.5, 9.0, 5.0, 8.0),
            (8.0, 8.0, 3.0, 3.5),
            (3.5, 4.0, 3.5, 4.0),
        ]) {
            let zero = Bar { open, high, low, close, v: 2.0, n: 1, ..Bar::default() };
            sample.take(number, day, &zero);
        }
        let first = Candle { first: 1, day, open: 5.0, high: 9.0, low: 3.0, close: 3.5, v: 6.0 };
        let second = Candle { first: 4, day, open: 3.5, high: 4.0, low: 3.5, close: 4.0, v: 2.0 };
        assert_eq!(sample.candles, [first, second]);
    }

    #[test]
    fn a_return_is_counted_in_the_class_around_it() {
        let mut distances = Distances::empty(0.5, &shape(1_000)).expect("a spread");
        // 0, 1.5 and far more than 10 standard deviations from the mean.
        for value in [0.5, 3.5, 1e9] {
            distances.take(value);
        }
        let filled: Vec<(f64, f64)> =
            distances.classes().filter(|(_, density)| *density > 0.0).collect();
        assert_eq!(filled, [0.0, 1.5, FARTHEST].map(|middle| (middle, 1.0 / 1.5)));
        assert!((distances.reach() - FARTHEST).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_in_order_with_the_share_below_them() {
        let mut distances = Distances::empty(0.5, &shape(1_000)).expect("a spread");
        for value in [3.5, 0.5, 0.5, -1e9] {
            distances.take(value);
        }
        let (shares, found): (Vec<f64>, Vec<f64>) = distances.quantiles().unzip();
        assert_eq!(shares, [0.125, 0.5, 0.875]);
        let expected = [-FARTHEST, 0.0, 1.5].map(|distance| distance + 0.5 / FINE);
        assert_eq!(found, expected);
    }
}
