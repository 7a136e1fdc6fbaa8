//! A panel of the page: what `kuva` draws in it, and the style that all panels share.

use std::sync::Arc;

use kuva::prelude::{Histogram, Layout, Plot, Theme, TickFormat};
use kuva::render::render_utils::compute_tick_step;

/// Rising candles and counts. Readers who see no red can tell it from [`ORANGE`].
pub const BLUE: &str = "#1f77b4";
/// A quieter blue, behind others.
pub const PALE_BLUE: &str = "#a9cbe3";
/// Falling candles and lines of comparison.
pub const ORANGE: &str = "#d95f02";
/// Lines in the background.
pub const GRID: &str = "#e6e8eb";
/// Text.
pub const INK: &str = "#22262b";
/// Axes.
const FRAME: &str = "#b4bac2";

/// Pixels of the page.
pub const WIDTH: f64 = 1400.0;
/// Pixels around it all.
pub const PADDING: f64 = 10.0;

/// The margins of the panels that are as wide as the page, so that their axes lie above each other.
pub const WIDE: Margins = Margins { left: 84.0, right: 24.0 };

/// Pixels beside a panel.
pub struct Margins {
    /// Where names of ticks stand.
    pub left: f64,
    /// Where half the last name may stand.
    pub right: f64,
}

impl Margins {
    /// What they leave of the page.
    pub fn plot_width(&self) -> f64 {
        WIDTH - 2.0 * PADDING - self.left - self.right
    }
}

/// Columns leave the rest of their place free.
pub const FILLED: f64 = 0.7;

/// Characters in a line of a subtitle that fit above a narrow panel.
const SUBTITLE_CHARACTERS: usize = 74;

/// Plots on common axes, with their layout.
pub struct Panel {
    /// In drawing order.
    pub plots: Vec<Plot>,
    /// Axes, title and style.
    pub layout: Layout,
}

impl Panel {
    /// A panel in the common style; lines of the subtitle end with `\n`.
    pub fn new(title: &str, subtitle: &str, plots: Vec<Plot>) -> Self {
        let layout = Layout::auto_from_plots(&plots)
            .with_theme(theme())
            .with_title(title)
            .with_title_size(15)
            .with_subtitle_size(11)
            .with_subtitle_wrap(SUBTITLE_CHARACTERS)
            .with_tick_size(12)
            .with_label_size(12)
            .with_body_size(12);
        let layout = if subtitle.is_empty() { layout } else { layout.with_subtitle(subtitle) };
        Self { plots, layout }
    }

    pub fn with(self, change: impl FnOnce(Layout) -> Layout) -> Self {
        Self { layout: change(self.layout), ..self }
    }

    /// The horizontal axis: its range, and a tick at each multiple of `step`.
    pub fn x_axis(
        self,
        (from, to): (f64, f64),
        step: f64,
        name: impl Fn(f64) -> String + Send + Sync + 'static,
    ) -> Self {
        let format = TickFormat::Custom(Arc::new(name));
        self.with(|layout| {
            let layout = layout.with_x_axis_min(from).with_x_axis_max(to);
            layout.with_x_tick_step(step).with_x_tick_format(format)
        })
    }

    /// The vertical axis, in the same way.
    pub fn y_axis(
        self,
        (from, to): (f64, f64),
        step: f64,
        name: impl Fn(f64) -> String + Send + Sync + 'static,
    ) -> Self {
        let format = TickFormat::Custom(Arc::new(name));
        self.with(|layout| {
            let layout = layout.with_y_axis_min(from).with_y_axis_max(to);
            layout.with_y_tick_step(step).with_y_tick_format(format)
        })
    }
}

/// The colours of all that is not data.
pub fn theme() -> Theme {
    let color = |color: &str| color.to_owned();
    Theme {
        axis_color: color(FRAME),
        grid_color: color(GRID),
        tick_color: color(FRAME),
        text_color: color(INK),
        legend_border: color("none"),
        ..Theme::light()
    }
}

/// Where the middle of a column lies on an axis of bars: column 1 holds the bars 1 to `width`.
pub fn middle(number: f64, width: f64) -> f64 {
    0.5 + (number - 0.5) * width
}

/// Columns from 0 up, numbered from 1, with gaps between.
pub fn columns(heights: &[f64], width: f64, filled: f64, color: &str) -> Histogram {
    let sides =
        |number: u32| [-0.5, 0.5].map(|side| middle(f64::from(number) + side * filled, width));
    let edges = (1..).zip(heights).flat_map(|(number, _)| sides(number));
    // Between two columns lies a class without a count, which is not drawn.
    let counts = heights.iter().flat_map(|height| [*height, 0.0]);
    Histogram::from_bins(edges.collect(), counts.collect()).with_color(color)
}

/// A round distance between ticks, for about `many` of them.
pub fn step((from, to): (f64, f64), many: usize) -> f64 {
    compute_tick_step(from, to, many)
}

/// A round whole distance between ticks, for about `many` of them.
pub fn whole_step(to: f64, many: usize) -> f64 {
    step((0.0, to), many).ceil().max(1.0)
}

/// Decimals that tell multiples of `step` apart.
pub fn decimals(step: f64) -> usize {
    let places = (0_u8..12).find(|places| {
        let scaled = step * 10_f64.powi(i32::from(*places));
        (scaled - scaled.round()).abs() < 1e-6
    });
    usize::from(places.unwrap_or(12))
}

/// A count with a letter for its unit: `0`, `500`, `20k`, `1.5M`.
pub fn compact(value: f64) -> String {
    let units = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    let (scale, letter) =
        units.into_iter().find(|(scale, _)| value.abs() >= *scale).unwrap_or((1.0, ""));
    let text = format!("{:.2}", value / scale);
    format!("{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_names_tell_them_apart() {
        assert_eq!(vec![step((48.3, 49.9), 4), whole_step(3.0, 10)], vec![0.5, 1.0]);
        assert_eq!([0.5, 0.25, 20.0, 0.002].map(decimals), [1, 2, 0, 3]);
    }

    #[test]
    fn columns_stand_apart_over_the_bars_that_they_hold() {
        let (edges, counts) =
            columns(&[3.0, 4.0], 10.0, 0.5, BLUE).precomputed.expect("made of classes");
        assert_eq!((edges, counts), (vec![3.0, 8.0, 13.0, 18.0], vec![3.0, 0.0, 4.0, 0.0]));
    }

    #[test]
    fn counts_are_short() {
        let texts = [0.0, 500.0, 1_000.0, 20_000.0, 1_500_000.0, 2.5e9].map(compact);
        assert_eq!(texts, ["0", "500", "1k", "20k", "1.5M", "2.5B"]);
    }
}
