//! Two panels on one axis of bar numbers: candles, and the volume under them.

use super::axis::{Axis, compact};
use super::frame::{Frame, SMALL};
use super::sample::{Candle, Sample};
use super::scene::{Anchor, BLUE, FAINT_INK, ORANGE, Scene};
use crate::describe::numbers::{count, counted, decimal};

/// Candles of few bars grow no wider.
const WIDEST: f64 = 18.0;

/// Prices at the side, about.
const PRICES: f64 = 8.0;

/// Pixels between two dates at least.
const DATES_APART: f64 = 40.0;

/// Draws both.
pub fn draw(scene: &mut Scene, price: &Frame, volume: &Frame, sample: &Sample, bars: u64) {
    let candles = &sample.candles;
    let across = Axis::new((0.5, candles.len() as f64 + 0.5), (price.left, price.right));
    let number_axis = Axis::new(
        (
            1.0 - 0.5 * sample.bars_a_candle as f64,
            (candles.len() as f64 - 0.5) * sample.bars_a_candle as f64 + 1.0,
        ),
        (price.left, price.right),
    );
    let what = match sample.bars_a_candle {
        1 => format!("{}, a candle each", counted(bars, "bar")),
        many => format!("all {}, each candle is {} of them in a row", counted(bars, "bar"), count(many)),
    };
    price.title(scene, "Price (USD)", &[what]);
    volume.title(scene, "Volume (shares a candle)", &[]);
    let days = day_starts(candles).map(|(place, candle)| (across.at(place), candle.day));
    for x in volume.days(scene, 1.0, DATES_APART, days) {
        price.up(scene, x);
    }
    numbers(scene, volume, &number_axis, bars);

    let extreme = |pick: fn(f64, f64) -> f64, of: fn(&Candle) -> f64| candles.iter().map(of).reduce(pick);
    let low = extreme(f64::min, |candle| candle.low).unwrap_or(0.0);
    let high = extreme(f64::max, |candle| candle.high).unwrap_or(0.0);
    let most = extreme(f64::max, |candle| candle.v).unwrap_or(0.0);
    let margin = (high - low) * 0.03;
    let upright = Axis::new((low - margin, high + margin), (price.bottom, price.top));
    let decimals = upright.decimals(PRICES).max(2);
    price.marks(scene, &upright, PRICES, |value| decimal(value, decimals));
    let upright_volume = Axis::new((0.0, most * 1.05), (volume.bottom, volume.top));
    volume.marks(scene, &upright_volume, 4.0, compact);

    let step = (price.right - price.left) / candles.len().max(1) as f64;
    let width = (step * 0.7).clamp(1.0, WIDEST).round();
    for (place, candle) in (1..).zip(candles) {
        let middle = across.at(f64::from(place));
        let left = (middle - width / 2.0).round();
        let color = if candle.close < candle.open { ORANGE } else { BLUE };
        let wick = left + (width / 2.0).floor();
        scene.rect((wick, upright.at(candle.high)), (wick + 1.0, upright.at(candle.low)), color);
        let (top, bottom) =
            (upright.at(candle.open.max(candle.close)), upright.at(candle.open.min(candle.close)));
        scene.rect((left, top), (left + width, bottom.max(top + 1.0)), color);
        scene.rect((left, upright_volume.at(candle.v)), (left + width, volume.bottom), color);
    }
    price.close(scene);
    volume.close(scene);
}

/// The candles in which a day's first bar is, by their place from 1.
fn day_starts(candles: &[Candle]) -> impl Iterator<Item = (f64, &Candle)> {
    let before = std::iter::once(None).chain(candles.iter().map(|candle| Some(candle.day)));
    let starts = (1..).zip(candles).zip(before).filter(|((_, candle), before)| Some(candle.day) != *before);
    starts.map(|((place, candle), _)| (f64::from(place), candle))
}

fn numbers(scene: &mut Scene, volume: &Frame, axis: &Axis, bars: u64) {
    let caption = |scene: &mut Scene, row: f64, name: &str| {
        let y = volume.bottom + 18.0 + row * 17.0;
        scene.text((volume.left - 50.0, y), SMALL, Anchor::End, FAINT_INK, name);
    };
    caption(scene, 0.0, "bar");
    caption(scene, 1.0, "day");
    let mut taken = f64::NEG_INFINITY;
    let marks = axis.marks(10.0).into_iter().filter(|mark| mark.fract() == 0.0 && *mark >= 2.0);
    for number in std::iter::once(1.0).chain(marks).filter(|number| *number <= bars as f64) {
        if volume.below(scene, 0.0, axis.at(number), &mut taken, &decimal(number, 0)) {
            taken += 10.0;
        }
    }
}
