//! Prices: what no price and no size may be, and which stand alone between their neighbours.

use super::facts::Spike;

/// What differs less than so many times from its neighbours is not remembered.
pub(crate) const LEAST_TIMES: f64 = 4.0;

/// May it be on disk at all?
pub(super) fn is_number(value: f64) -> bool {
    // NaN is neither.
    (0.0..f64::INFINITY).contains(&value)
}

/// Walks along prices and finds those that stand alone: far above or below the last price before
/// them and the first after them, both of which are near each other. Prices of nothing are passed
/// over.
#[derive(Debug, Clone, Default)]
pub(super) struct Lone {
    /// The last price before the row that waits for its successor.
    before: Option<f64>,
    waiting: Option<Waiting>,
}

/// A row that is far from its predecessor.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    stamp: i64,
    high: f64,
    low: f64,
    /// What comes after it is compared with this if it does not stand alone.
    close: f64,
}

impl Lone {
    /// The next row. Returns the one before it if it stood alone.
    pub(super) fn next(
        &mut self,
        stamp: i64,
        (open, high, low, close): (f64, f64, f64, f64),
    ) -> Option<Spike> {
        if low <= 0.0 {
            return None;
        }
        let mut lone = None;
        if let Some(waiting) = self.waiting.take() {
            lone = self.before.and_then(|before| waiting.alone_between(before, open));
            if lone.is_none() {
                self.before = Some(waiting.close);
            }
        }
        let is_far = |before: f64| high >= before * LEAST_TIMES || low * LEAST_TIMES <= before;
        if self.before.is_some_and(is_far) {
            self.waiting = Some(Waiting { stamp, high, low, close });
        } else {
            self.before = Some(close);
        }
        lone
    }

    /// Is none of the prices from `low` to `high` far from another or from what came before? Then
    /// they need not be walked along: the last of them is `close`.
    pub(super) fn pass(&mut self, (high, low): (f64, f64), close: f64) -> bool {
        let is_near = |price: f64| high < price * LEAST_TIMES && price < low * LEAST_TIMES;
        let nothing_waits = self.waiting.is_none() && self.before.is_none_or(is_near);
        let passed = nothing_waits && low > 0.0 && is_near(low);
        if passed {
            self.before = Some(close);
        }
        passed
    }
}

impl Waiting {
    fn alone_between(self, before: f64, after: f64) -> Option<Spike> {
        let up = (self.high / before).min(self.high / after);
        let down = (before / self.low).min(after / self.low);
        let (times, price) = if up >= down { (up, self.high) } else { (down, self.low) };
        (times >= LEAST_TIMES).then_some(Spike { stamp: self.stamp, price, times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lone_in(prices: &[f64]) -> Vec<(i64, f64)> {
        let mut lone = Lone::default();
        let next = |(at, price): (i64, &f64)| lone.next(at, (*price, *price, *price, *price));
        (0..).zip(prices).filter_map(next).map(|spike| (spike.stamp, spike.times)).collect()
    }

    #[test]
    fn a_price_alone_is_found_and_a_step_is_none() {
        for (prices, expected, why) in [
            (&[10.0, 1000.0, 10.0][..], vec![(1, 100.0)], "a hundred times"),
            (&[10.0, 0.1, 20.0], vec![(1, 100.0)], "a hundredth of the nearer"),
            (&[10.0, 1000.0, 1000.0, 10.0], vec![], "two bars are a step up and one down"),
            (&[10.0, 100.0, 100.0], vec![], "a step"),
            (&[10.0, 39.0, 10.0], vec![], "less than is remembered"),
            (&[10.0, 0.0, 10.0], vec![], "nothing is another rule's"),
            (&[10.0, 1000.0, 0.0, 10.0], vec![(1, 100.0)], "nothing is passed over"),
            (&[1000.0, 10.0, 10.0], vec![], "the first has one neighbour only"),
            (&[10.0, 500.0, 10.0, 900.0, 10.0], vec![(1, 50.0), (3, 90.0)], "two of them"),
        ] {
            assert_eq!(lone_in(prices), expected, "{prices:?}: {why}");
        }
    }

    #[test]
    fn whoever_passes_calm_prices_finds_what_a_walk_finds() {
        let calm = [10.0, 11.0, 12.0];
        let mut lone = Lone::default();
        assert!(lone.pass((12.0, 10.0), 12.0), "the first");
        assert!(!lone.pass((60.0, 12.0), 12.0), "far from each other");
        assert!(!lone.pass((60.0, 55.0), 55.0), "far from what came before");
        assert!(!lone.pass((12.0, 0.0), 12.0), "a price of nothing");
        assert_eq!(lone.next(7, (600.0, 600.0, 600.0, 600.0)), None);
        assert!(!lone.pass((12.0, 10.0), 12.0), "one waits for its successor");
        let found: Vec<_> = calm
            .iter()
            .filter_map(|price| lone.next(8, (*price, *price, *price, *price)))
            .collect();
        assert_eq!(found, [Spike { stamp: 7, price: 600.0, times: 50.0 }]);
    }
}
