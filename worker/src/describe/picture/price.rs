//! Two panels on one axis of bar numbers: candles, and their volume below.

use kuva::plot::CandlestickPlot;
use kuva::render::annotations::ReferenceLine;

use super::panel::{
    BLUE, FILLED, GRID, ORANGE, Panel, WIDE, columns, compact, decimals, middle, step, whole_step,
};
use super::sample::{Candle, Sample};
use crate::describe::numbers::{count, counted, decimal};

/// Pixels; few candles grow no wider.
const WIDEST: f64 = 18.0;

/// Pixels from one date to the next at least.
const DATES_APART: f64 = 84.0;

/// Both panels, the price first.
pub fn panels(sample: &Sample, bars: u64) -> [Panel; 2] {
    let candles = &sample.candles;
    let width = sample.bars_a_candle as f64;
    let range = (0.5, candles.len() as f64 * width + 0.5);
    let place = WIDE.plot_width() / candles.len().max(1) as f64;
    let filled = FILLED.min(WIDEST / place);
    let dates = days_to_name(candles, DATES_APART / place);
    let x_step = whole_step(range.1, 10);

    let what = match sample.bars_a_candle {
        1 => format!("{}, a candle each", counted(bars, "bar")),
        many => {
            format!("all {}, each candle is {} of them in a row", counted(bars, "bar"), count(many))
        }
    };
    let low = candles.iter().map(|candle| candle.low).fold(f64::INFINITY, f64::min);
    let high = candles.iter().map(|candle| candle.high).fold(f64::NEG_INFINITY, f64::max);
    // Room for the dates above.
    let margin = if high > low { high - low } else { (high * 0.01).max(0.01) };
    let prices = (low - margin * 0.04, high + margin * 0.1);
    let price_step = step(prices, 7);
    let places = decimals(price_step).max(2);
    let price = Panel::new("Price (USD)", &what, vec![candlesticks(candles, width, filled).into()])
        .x_axis(range, x_step, |_| String::new())
        .y_axis(prices, price_step, move |value| decimal(value, places));

    let of = |falls: bool| {
        let heights =
            candles.iter().map(move |candle| if candle.falls() == falls { candle.v } else { 0.0 });
        heights.collect::<Vec<_>>()
    };
    let most = candles.iter().map(|candle| candle.v).fold(0.0, f64::max) * 1.05;
    let both = vec![
        columns(&of(false), width, filled, BLUE).into(),
        columns(&of(true), width, filled, ORANGE).into(),
    ];
    let volume = Panel::new("Volume (shares per candle)", "", both)
        .x_axis(range, x_step, |bar| decimal(bar, 0))
        .y_axis((0.0, most), step((0.0, most), 3), compact)
        .with(|layout| layout.with_x_label("number of the bar"));

    // The price leaves the names of its ticks to the volume below it.
    [(price, true, (60.0, 10.0)), (volume, false, (36.0, 50.0))].map(
        |(panel, named, (top, bottom))| {
            panel.with(|layout| {
                let layout = layout
                    .with_force_margins(WIDE.left, WIDE.right)
                    .with_force_margins_y(top, bottom);
                dates.iter().fold(layout, |layout, (number, candle)| {
                    let line = ReferenceLine::vertical(middle(number - 0.5, width))
                        .with_color(GRID)
                        .with_dasharray("");
                    let line = if named { line.with_label(candle.day.to_string()) } else { line };
                    layout.with_reference_line(line)
                })
            })
        },
    )
}

fn candlesticks(candles: &[Candle], width: f64, filled: f64) -> CandlestickPlot {
    let plot =
        CandlestickPlot::new().with_color_up(BLUE).with_color_doji(BLUE).with_color_down(ORANGE);
    let plot = plot.with_wick_width(1.0).with_candle_width(filled);
    (1..).zip(candles).fold(plot, |plot, (number, candle)| {
        let Candle { open, high, low, close, .. } = *candle;
        plot.with_candle_at(middle(f64::from(number), width), "", open, high, low, close)
    })
}

/// The candles with the first bar of a day, by their number from 1; `apart` candles lie between
/// them, and after them.
fn days_to_name(candles: &[Candle], apart: f64) -> Vec<(f64, &Candle)> {
    let (mut day, mut next) = (None, 1.0);
    let end = candles.len() as f64;
    let mut named = Vec::new();
    for (number, candle) in (1_u32..).zip(candles) {
        let number = f64::from(number);
        let begins = day.replace(candle.day) != Some(candle.day);
        if begins && number >= next && (number + apart <= end || named.is_empty()) {
            named.push((number, candle));
            next = number + apart;
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_where_they_begin_and_where_there_is_room() {
        let candle = |(first, day): (u64, &str)| {
            let (open, high, low, close, v) = (1.0, 1.0, 1.0, 1.0, 1.0);
            Candle { first, day: day.parse().expect("a day"), open, high, low, close, v }
        };
        let days =
            ["2024-01-08", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-11", "2024-01-11"];
        let candles: Vec<Candle> = (1..).zip(days).map(candle).collect();
        let named = |apart: f64| -> Vec<f64> {
            days_to_name(&candles, apart).into_iter().map(|(number, _)| number).collect()
        };
        assert_eq!(named(1.0), [1.0, 3.0, 4.0, 5.0]);
        assert_eq!(named(2.0), [1.0, 3.0]);
        assert_eq!(named(99.0), [1.0]);
    }
}
