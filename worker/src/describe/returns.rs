//! Log returns from close to close, and their autocorrelation.

use serde::Serialize;
use shared::market::trading_day::TradingDay;

use super::moments::Moments;
use crate::bars::stored::Dated;

/// Is a return within a day?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Both bars ended on one New York day.
    Day,
    /// They ended on different days, or perhaps did.
    Night,
}

/// Turns the closes of consecutive bars into log returns. A return is reported one bar later:
/// without closing timestamps, only the next bar can show that a bar ended on the day it opened.
#[derive(Debug, Default)]
pub struct Closes {
    before: Option<Close>,
    last: Option<Close>,
}

#[derive(Debug, Clone, Copy)]
struct Close {
    opened: TradingDay,
    closed: Option<TradingDay>,
    price: f64,
}

impl Closes {
    /// Takes the next bar and returns the log return up to the bar before it; `None` for the first
    /// two bars.
    pub fn take(&mut self, dated: Dated<'_>) -> Option<(f64, Between)> {
        let told = self.told(Some(dated.opened));
        let close = Close { opened: dated.opened, closed: dated.closed, price: dated.bar.close };
        self.before = self.last.replace(close);
        told
    }

    /// The log return up to the last bar.
    pub fn finish(&mut self) -> Option<(f64, Between)> {
        let told = self.told(None);
        (self.before, self.last) = (None, None);
        told
    }

    fn told(&self, next_opened: Option<TradingDay>) -> Option<(f64, Between)> {
        let (before, last) = self.before.zip(self.last)?;
        let within = match (before.closed, last.closed) {
            (Some(before), Some(last)) => before == last,
            _ => before.opened == last.opened && next_opened == Some(last.opened),
        };
        Some(((last.price / before.price).ln(), if within { Between::Day } else { Between::Night }))
    }
}

/// The shape of a set of returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shape {
    pub n: u64,
    pub mean: Option<f64>,
    /// Standard deviation (divided by n).
    pub deviation: Option<f64>,
    /// Of the population.
    pub skew: Option<f64>,
    /// Of the population; 0 for the normal.
    pub excess_kurtosis: Option<f64>,
    /// Between neighbours.
    pub autocorrelation: Option<f64>,
}

/// A sequence of returns. A cut separates neighbours.
#[derive(Debug, Default)]
pub struct Returns {
    moments: Moments,
    before: Option<f64>,
    pairs: u64,
    products: f64,
    firsts: f64,
    seconds: f64,
}

impl Returns {
    /// Takes the next one.
    pub fn take(&mut self, value: f64) {
        self.moments.take(value);
        if let Some(before) = self.before.replace(value) {
            self.pairs += 1;
            self.products += before * value;
            self.firsts += before;
            self.seconds += value;
        }
    }

    /// The next return is not a neighbour of the last one.
    pub fn cut(&mut self) {
        self.before = None;
    }

    pub fn shape(&self) -> Shape {
        let moments = &self.moments;
        Shape {
            n: moments.n(),
            mean: moments.mean(),
            deviation: moments.deviation(),
            skew: moments.skew(),
            excess_kurtosis: moments.excess_kurtosis(),
            autocorrelation: self.autocorrelation(),
        }
    }

    /// Σ (rᵢ − r̄)(rᵢ₋₁ − r̄) over the pairs of neighbours, divided by Σ (rᵢ − r̄)² over all.
    fn autocorrelation(&self) -> Option<f64> {
        let (mean, _) = (self.moments.mean()?, self.moments.deviation()?);
        let covariance =
            self.products - mean * (self.firsts + self.seconds) + self.pairs as f64 * mean * mean;
        (self.pairs > 0).then(|| covariance / self.moments.squares())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::market::bar::Bar;

    #[test]
    fn neighbours_are_compared_unless_they_are_cut_apart() {
        // 1, -1, 2, -2: mean 0, squares 10, products -1 - 2 - 4.
        let mut returns = Returns::default();
        for value in [1.0, -1.0, 2.0, -2.0] {
            returns.take(value);
        }
        assert_eq!(returns.shape().autocorrelation, Some(-0.7));
        let mut cut = Returns::default();
        for value in [1.0, -1.0, 2.0, -2.0] {
            if value > 1.5 {
                cut.cut();
            }
            cut.take(value);
        }
        assert_eq!(cut.shape().autocorrelation, Some(-0.5));
    }

    /// Days of opening and, where known, closing; what is told of the returns up to each but the
    /// first.
    fn told(days: &[(i32, Option<i32>)]) -> Vec<Between> {
        let day =
            |number: i32| "2024-01-08".parse::<TradingDay>().expect("a day").plus_days(number);
        let bar = Bar {
            open: 50.0,
            high: 50.0,
            low: 50.0,
            close: 50.0,
            v: 1.0,
            dollar: 50.0,
            n: 1,
            ..Bar::default()
        };
        let mut closes = Closes::default();
        let dated = |(opened, closed): &(i32, Option<i32>)| Dated {
            opened: day(*opened),
            closed: closed.map(day),
            bar: &bar,
        };
        let mut told: Vec<_> = days.iter().filter_map(|days| closes.take(dated(days))).collect();
        told.extend(closes.finish());
        told.into_iter()
            .map(|(value, between)| if value == 0.0 { between } else { unreachable!() })
            .collect()
    }

    #[test]
    fn a_return_lies_in_the_day_on_which_both_bars_ended() {
        use Between::{Day, Night};
        // The third bar is filled over the night.
        let days = [(0, Some(0)), (0, Some(0)), (0, Some(1)), (1, Some(1)), (1, Some(1))];
        assert_eq!(told(&days), [Day, Night, Day, Day]);
    }

    #[test]
    fn without_closing_stamps_the_last_bar_of_a_day_may_end_on_another() {
        use Between::{Day, Night};
        let days = [(0, None), (0, None), (0, None), (1, None), (1, None), (1, None)];
        assert_eq!(told(&days), [Day, Night, Night, Day, Night]);
        assert_eq!(told(&days[..1]), []);
    }
}
