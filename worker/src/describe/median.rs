//! The median of a stream of positive values: exact for up to a million values, approximate beyond.

use std::collections::BTreeMap;

use serde::Serialize;

/// Up to this many values are kept (8 MiB); more are counted in classes.
const KEPT: usize = 1 << 20;

/// Lower bits of a double that a class ignores. 12 bits of the mantissa are left, so a class is at
/// most 1/4096 wide and its middle is at most 0.0125 % off.
const CLASS_SHIFT: u32 = 40;

/// A median and its precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Middle {
    pub value: f64,
    /// Exact, or within 0.0125 % of it?
    pub exact: bool,
}

/// The values so far, none negative: the bits of such doubles sort like the doubles.
#[derive(Debug)]
pub enum Median {
    /// All values.
    Kept(Vec<f64>),
    /// Values per class.
    Counted(BTreeMap<u64, u64>),
}

impl Default for Median {
    fn default() -> Self {
        Self::Kept(Vec::new())
    }
}

impl Median {
    /// Takes a value; a negative one counts as 0.
    pub fn take(&mut self, value: f64) {
        self.take_keeping(value.max(0.0), KEPT);
    }

    fn take_keeping(&mut self, value: f64, most: usize) {
        match self {
            Self::Kept(values) if values.len() < most => values.push(value),
            Self::Kept(values) => {
                let mut classes = BTreeMap::new();
                for value in values.iter().chain([&value]) {
                    *classes.entry(class(*value)).or_default() += 1;
                }
                *self = Self::Counted(classes);
            }
            Self::Counted(classes) => *classes.entry(class(value)).or_default() += 1,
        }
    }

    /// The median; `None` without values.
    pub fn middle(&mut self) -> Option<Middle> {
        match self {
            Self::Kept(values) if values.is_empty() => None,
            Self::Kept(values) => {
                let half = values.len() / 2;
                let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
                let upper = *middle;
                let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
                let value = if values.len() % 2 == 0 { f64::midpoint(lower, upper) } else { upper };
                Some(Middle { value, exact: true })
            }
            Self::Counted(classes) => {
                let half = classes.values().sum::<u64>() / 2;
                let mut before = 0;
                let reached = |(_, count): &(&u64, &u64)| {
                    before += **count;
                    before > half
                };
                let (class, _) = classes.iter().find(reached)?;
                Some(Middle { value: value_of(*class), exact: false })
            }
        }
    }
}

fn class(value: f64) -> u64 {
    value.to_bits() >> CLASS_SHIFT
}

/// The middle of a class. The class of 0 holds only 0, because no relevant value is below 2⁻¹⁰²².
fn value_of(class: u64) -> f64 {
    if class == 0 { 0.0 } else { f64::from_bits((class << CLASS_SHIFT) | (1 << (CLASS_SHIFT - 1))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64], most: usize) -> Option<Middle> {
        let mut median = Median::default();
        for value in values {
            median.take_keeping(*value, most);
        }
        median.middle()
    }

    #[test]
    fn few_values_have_an_exact_middle() {
        assert_eq!(of(&[], 10), None);
        assert_eq!(of(&[7.0, 1.0, 3.0], 10), Some(Middle { value: 3.0, exact: true }));
        assert_eq!(of(&[7.0, 1.0, 3.0, 4.0], 10), Some(Middle { value: 3.5, exact: true }));
    }

    proptest! {
        #[test]
        fn many_values_have_a_near_one(mut values in prop::collection::vec(0.0..1e9_f64, 11..400)) {
            let near = of(&values, 10).expect("values");
            values.sort_by(f64::total_cmp);
            let upper = values[values.len() / 2];
            prop_assert!(!near.exact);
            prop_assert!((near.value - upper).abs() <= upper * 0.000_125, "{} {upper}", near.value);
        }
    }
}
