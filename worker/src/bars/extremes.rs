//! Minimum and maximum of numbers, without a branch.

/// The smaller of two numbers, in one instruction; `b` if `a` is NaN.
#[inline]
pub fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger of two numbers, in one instruction; `b` if `a` is NaN.
#[inline]
pub fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Prices compared side by side.
const LANES: usize = 8;

/// The smallest and the largest of positive prices; infinity and 0 without a price.
pub fn extremes(prices: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; LANES], [0.0; LANES]);
    let (lanes, rest) = prices.as_chunks::<LANES>();
    for prices in lanes {
        for lane in 0..LANES {
            low[lane] = smaller(prices[lane], low[lane]);
            high[lane] = larger(prices[lane], high[lane]);
        }
    }
    let lowest = low.into_iter().chain(rest.iter().copied()).fold(f64::INFINITY, smaller);
    let highest = high.into_iter().chain(rest.iter().copied()).fold(0.0, larger);
    (lowest, highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_are_found_wherever_they_stand() {
        for length in 2..20 {
            for lowest in 0..length {
                let mut prices = vec![5.0; length];
                prices[lowest] = 4.99;
                prices[(lowest + 1) % length] = 5.01;
                assert_eq!(extremes(&prices), (4.99, 5.01), "{prices:?}");
            }
        }
        assert_eq!(extremes(&[7.0]), (7.0, 7.0));
    }
}
