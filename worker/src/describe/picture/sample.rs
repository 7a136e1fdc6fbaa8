//! What a picture needs of the bars themselves: a few hundred candles and two histograms, however many bars there are.

use shared::market::bar::Bar;
use shared::market::trading_day::TradingDay;

use crate::bars::stored::{Stored, StoredError};
use crate::describe::description::Description;
use crate::describe::returns::{Between, Closes, Shape};

/// More candles could not be told apart on a page.
const MOST_CANDLES: u64 = 320;

/// Returns further out are counted at this many standard deviations.
pub const FARTHEST: f64 = 10.0;

/// Consecutive bars as one candle.
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
pub struct Histogram {
    /// Width of a class; one is centred on 0.
    pub width: f64,
    /// Classes from `-FARTHEST` to `FARTHEST`, the outermost with all beyond.
    pub counts: Vec<u64>,
    mean: f64,
    deviation: f64,
}

/// What was gathered.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// In order.
    pub candles: Vec<Candle>,
    /// Bars in each candle, but perhaps fewer in the last.
    pub bars_a_candle: u64,
    /// Of all returns; `None` where they have no spread.
    pub returns: Option<Histogram>,
    /// Of those within days.
    pub within_days: Option<Histogram>,
}

impl Sample {
    /// Reads the bars that were described.
    pub fn of(stored: &Stored, description: &Description) -> Result<Self, StoredError> {
        let statistics = &description.statistics;
        let mut sample = Self::empty(statistics.bars, &statistics.returns, &statistics.returns_within_days);
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
            returns: Histogram::empty(width, returns),
            within_days: Histogram::empty(width, within_days),
        }
    }

    fn tell(&mut self, told: Option<(f64, Between)>) {
        let Some((value, between)) = told else { return };
        let within = self.within_days.as_mut().filter(|_| between == Between::Day);
        for histogram in self.returns.as_mut().into_iter().chain(within) {
            histogram.take(value);
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

impl Histogram {
    fn empty(width: f64, shape: &Shape) -> Option<Self> {
        let (mean, deviation) = (shape.mean?, shape.deviation?);
        let classes = 2 * class_of(FARTHEST / width) + 1;
        Some(Self { width, counts: vec![0; classes], mean, deviation })
    }

    fn take(&mut self, value: f64) {
        let distance = ((value - self.mean) / self.deviation).clamp(-FARTHEST, FARTHEST);
        // The floor of the shifted distance, so that a class holds its lower end.
        let place = class_of(((distance + FARTHEST) / self.width + 0.5).floor());
        let last = self.counts.len() - 1;
        self.counts[place.min(last)] += 1;
    }

    /// Standard deviations from the mean to the middle of a class.
    pub fn centre(&self, class: usize) -> f64 {
        class as f64 * self.width - FARTHEST
    }

    /// Returns counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Share of the returns in a class for each standard deviation of its width: comparable with the normal density.
    pub fn density(&self, class: usize) -> f64 {
        self.counts[class] as f64 / (self.total().max(1) as f64 * self.width)
    }

    /// The farthest class that is not empty, in standard deviations either way.
    pub fn reach(&self) -> f64 {
        let filled = (0..self.counts.len()).filter(|class| self.counts[*class] > 0);
        filled.map(|class| self.centre(class).abs()).fold(0.0, f64::max)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, not negative")]
fn class_of(value: f64) -> usize {
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
            let zero = Bar {
                t: 0,
                open,
                high,
                low,
                close,
                v: 2.0,
                dollar: 0.0,
                t_close: 0,
                n: 1,
                buy_v: 0.0,
                buy_dollar: 0.0,
                imbalance: 0.0,
                threshold: 0.0,
            };
            sample.take(number, day, &zero);
        }
        let first = Candle { first: 1, day, open: 5.0, high: 9.0, low: 3.0, close: 3.5, v: 6.0 };
        let second = Candle { first: 4, day, open: 3.5, high: 4.0, low: 3.5, close: 4.0, v: 2.0 };
        assert_eq!(sample.candles, [first, second]);
    }

    #[test]
    fn a_return_is_counted_in_the_class_around_it() {
        let mut histogram = Histogram::empty(0.5, &shape(1_000)).expect("a spread");
        // 0, 1.5 and far more than 10 standard deviations from the mean.
        for value in [0.5, 3.5, 1e9] {
            histogram.take(value);
        }
        let filled: Vec<f64> = (0..histogram.counts.len())
            .filter(|class| histogram.counts[*class] > 0)
            .map(|class| histogram.centre(class))
            .collect();
        assert_eq!(filled, [0.0, 1.5, FARTHEST]);
        assert!((histogram.density(20) - 1.0 / 1.5).abs() < 1e-12);
        assert!((histogram.reach() - FARTHEST).abs() < 1e-12);
    }
}
