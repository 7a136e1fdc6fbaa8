//! Mean, standard deviation, skew and kurtosis of a stream of values, without keeping them.

/// Central moments so far (Pébay 2008, eq. 2.1 with one new value). No sums of powers, which would
/// lose digits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    n: u64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    pub fn take(&mut self, value: f64) {
        let before = self.n as f64;
        self.n += 1;
        let n = self.n as f64;
        let delta = value - self.mean;
        let step = delta / n;
        let step2 = step * step;
        let term = delta * step * before;
        self.mean += step;
        self.m4 +=
            term * step2 * (n * n - 3.0 * n + 3.0) + 6.0 * step2 * self.m2 - 4.0 * step * self.m3;
        self.m3 += term * step * (n - 2.0) - 3.0 * step * self.m2;
        self.m2 += term;
    }

    /// Values taken.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// Sum of squared distances from the mean.
    pub fn squares(&self) -> f64 {
        self.m2
    }

    /// Standard deviation of the population (divided by n); `None` with fewer than two values or if
    /// all are equal.
    pub fn deviation(&self) -> Option<f64> {
        (self.n > 1 && self.m2 > 0.0).then(|| (self.m2 / self.n as f64).sqrt())
    }

    /// m₃ / m₂^1.5 of the population, as `scipy.stats.skew` gives it.
    pub fn skew(&self) -> Option<f64> {
        self.deviation().map(|deviation| self.m3 / self.n as f64 / deviation.powi(3))
    }

    /// m₄ / m₂² − 3 of the population, 0 for the normal, as `scipy.stats.kurtosis` gives it.
    pub fn excess_kurtosis(&self) -> Option<f64> {
        self.deviation().map(|deviation| self.m4 / self.n as f64 / deviation.powi(4) - 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for value in values {
            moments.take(*value);
        }
        moments
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        // 1, 2, 3, 10: mean 4, central sums 50, 180 and 1394.
        let moments = of(&[1.0, 2.0, 3.0, 10.0]);
        let expected = [4.0, 12.5_f64.sqrt(), 45.0 / 12.5_f64.powf(1.5), 348.5 / 156.25 - 3.0];
        let found =
            [moments.mean(), moments.deviation(), moments.skew(), moments.excess_kurtosis()];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found.expect("enough values") - expected).abs() < 1e-12,
                "{found:?} {expected}"
            );
        }
    }

    #[test]
    fn too_few_or_equal_values_have_no_shape() {
        for values in [&[][..], &[3.0], &[3.0, 3.0, 3.0]] {
            let moments = of(values);
            assert_eq!(
                (moments.deviation(), moments.skew(), moments.excess_kurtosis()),
                (None, None, None)
            );
        }
    }

    proptest! {
        #[test]
        fn one_pass_finds_what_two_passes_find(values in prop::collection::vec(-1.0..1.0_f64, 3..200)) {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let central = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
            let moments = of(&values);
            prop_assume!(central(2) > 1e-6);
            prop_assert!((moments.skew().expect("enough") - central(3) / central(2).powf(1.5)).abs() < 1e-6);
            prop_assert!((moments.excess_kurtosis().expect("enough") + 3.0 - central(4) / central(2).powi(2)).abs() < 1e-6);
        }
    }
}
