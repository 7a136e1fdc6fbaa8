//! From values to pixels, and which values are worth a mark.

/// A straight axis: `from` lies at `start`, `to` at `end`; pixels may run backwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    /// Values `from..to` on pixels `start..end`; a single value is given some room.
    pub fn new((from, to): (f64, f64), (start, end): (f64, f64)) -> Self {
        let room = if to > from { 0.0 } else { (from.abs() * 0.01).max(0.5) };
        Self { from: from - room, to: to + room, start, end }
    }

    /// Where a value lies.
    pub fn at(&self, value: f64) -> f64 {
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Round values inside, about `many` of them.
    pub fn marks(&self, many: f64) -> Vec<f64> {
        let step = round_step((self.to - self.from) / many);
        let first = (self.from / step).ceil();
        let count = ((self.to / step + 1e-9).floor() - first).max(-1.0) + 1.0;
        let numbers = std::iter::successors(Some(0.0), |number| Some(number + 1.0));
        numbers.take_while(|number| *number < count).map(|number| (first + number) * step).collect()
    }

    /// Decimals that tell the marks apart.
    pub fn decimals(&self, many: f64) -> usize {
        let step = round_step((self.to - self.from) / many);
        let places = (0..12).find(|places| {
            let scaled = step * 10_f64.powi(*places);
            (scaled - scaled.round()).abs() < 1e-6
        });
        usize::try_from(places.unwrap_or(12)).unwrap_or(0)
    }
}

/// 1, 2 or 5 times a power of ten, not smaller than `least`.
pub fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// A count with its unit's letter: `0`, `500`, `20k`, `1.5M`.
pub fn compact(value: f64) -> String {
    let units = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    let (scale, letter) = units.into_iter().find(|(scale, _)| value.abs() >= *scale).unwrap_or((1.0, ""));
    let text = format!("{:.2}", value / scale);
    format!("{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        let axis = Axis::new((48.3, 49.9), (100.0, 0.0));
        assert_eq!(axis.marks(4.0), [48.5, 49.0, 49.5]);
        assert_eq!(axis.decimals(4.0), 1);
        assert_eq!(Axis::new((0.0, 1e6), (0.0, 1.0)).marks(2.0), [0.0, 5e5, 1e6]);
        assert!((axis.at(49.1) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_of_one_value_has_room_around_it() {
        let axis = Axis::new((50.0, 50.0), (0.0, 10.0));
        assert!((axis.at(50.0) - 5.0).abs() < 1e-9 && !axis.marks(4.0).is_empty());
        assert!(Axis::new((0.0, 0.0), (0.0, 10.0)).at(0.0).is_finite());
    }

    #[test]
    fn counts_are_short() {
        let texts = [0.0, 500.0, 1_000.0, 20_000.0, 1_500_000.0, 2.5e9].map(compact);
        assert_eq!(texts, ["0", "500", "1k", "20k", "1.5M", "2.5B"]);
    }
}
