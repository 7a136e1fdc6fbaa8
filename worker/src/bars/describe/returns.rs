//! Log returns from close to close, and how the next one depends on the one before.

use serde::Serialize;
use shared::market::trading_day::TradingDay;

use super::moments::Moments;

/// Did the exchange's night lie between the two closes?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Both bars opened on one New York day.
    Day,
    /// They did not.
    Night,
}

/// Turns the closes of consecutive bars into log returns.
#[derive(Debug, Default)]
pub struct Closes {
    last: Option<(TradingDay, f64)>,
}

impl Closes {
    /// The return up to this close; `None` for the first.
    pub fn take(&mut self, day: TradingDay, close: f64) -> Option<(f64, Between)> {
        let (last_day, last) = self.last.replace((day, close))?;
        let between = if last_day == day { Between::Day } else { Between::Night };
        Some(((close / last).ln(), between))
    }
}

/// What a set of returns is like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shape {
    /// How many.
    pub n: u64,
    /// Mean.
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

/// A set of returns in order, in which neighbours may be cut apart.
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

    /// The next one is no neighbour of the last.
    pub fn cut(&mut self) {
        self.before = None;
    }

    /// What they are like.
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

    #[test]
    fn a_return_knows_whether_a_night_lay_between() {
        let day = |text: &str| text.parse::<TradingDay>().expect("a day");
        let mut closes = Closes::default();
        assert_eq!(closes.take(day("2024-01-02"), 50.0), None);
        assert_eq!(closes.take(day("2024-01-02"), 50.0), Some((0.0, Between::Day)));
        assert_eq!(closes.take(day("2024-01-03"), 50.0), Some((0.0, Between::Night)));
    }
}
