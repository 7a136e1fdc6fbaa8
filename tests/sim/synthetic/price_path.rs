//! Where a synthetic price stands on a day, without walking there from the listing.
//!
//! Value noise over calendar days: each octave is a line between random knots, so any day costs the
//! same and days can be asked in any order. Prices are in today's shares (all splits applied).

use shared::market::trading_day::TradingDay;

use crate::sim::chance::{join, mix, unit};

/// Days between the knots of an octave, and how far it moves the price either way.
const OCTAVES: [(i64, f64); 6] =
    [(1024, 0.5), (256, 0.35), (64, 0.2), (16, 0.1), (4, 0.06), (1, 0.03)];

/// Knots of the movement inside one day.
const KNOTS: u8 = 12;
/// How far the price strays from the straight line between open and close.
const STRAY: f64 = 0.008;

/// The path of one day, from the start of extended trading (0.0) to its end (1.0).
#[derive(Debug, Clone)]
pub(super) struct DayPath {
    start: f64,
    end: f64,
    stray: [f64; KNOTS as usize + 1],
}

impl DayPath {
    /// The path of a stock with this key and typical price on `day`.
    pub(super) fn new(key: u64, typical_price: f64, day: TradingDay) -> Self {
        let number = i64::from(TradingDay::MIN.days_until(day));
        let of_day = join(key, number.cast_unsigned());
        let gap = 1.0 + 0.02 * signed_unit(of_day);
        let mut stray = [0.0; KNOTS as usize + 1];
        for (knot, value) in (0_u64..).zip(&mut stray) {
            *value = STRAY * signed_unit(mix(of_day ^ (knot + 1)));
        }
        Self {
            start: level(key, typical_price, number) * gap,
            end: level(key, typical_price, number + 1),
            stray,
        }
    }

    /// The price at a fraction of the day, US dollars.
    pub(super) fn at(&self, fraction: f64) -> f64 {
        let position = fraction.clamp(0.0, 1.0) * f64::from(KNOTS);
        let knot = position.floor().min(f64::from(KNOTS - 1));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and KNOTS - 1"
        )]
        let index = knot as usize;
        let stray = between(self.stray[index], self.stray[index + 1], position - knot);
        between(self.start, self.end, fraction) * (1.0 + stray)
    }
}

fn level(key: u64, typical_price: f64, day: i64) -> f64 {
    OCTAVES.iter().fold(typical_price, |price, &(period, amplitude)| {
        let knot = day.div_euclid(period);
        let knot_value =
            |knot: i64| signed_unit(join(key ^ period.cast_unsigned(), knot.cast_unsigned()));
        let along = day.rem_euclid(period) as f64 / period as f64;
        price * (1.0 + amplitude * between(knot_value(knot), knot_value(knot + 1), along))
    })
}

fn between(from: f64, to: f64, fraction: f64) -> f64 {
    from + (to - from) * fraction
}

fn signed_unit(bits: u64) -> f64 {
    2.0 * unit(bits) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_stay_near_the_typical_one_and_move_every_day() {
        let first = TradingDay::from_ymd(2003, 9, 10).expect("a date");
        let mut before = 0.0;
        for offset in 0..8_000 {
            let path = DayPath::new(99, 10.0, first.plus_days(offset));
            for fraction in [0.0, 0.35, 1.0] {
                assert!((1.0..40.0).contains(&path.at(fraction)));
            }
            assert!((path.at(0.5) - before).abs() > 1e-12);
            before = path.at(0.5);
        }
    }
}
