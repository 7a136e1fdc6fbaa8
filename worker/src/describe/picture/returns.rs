//! Two panels of log returns against the normal distribution: densities on a log scale, which shows
//! tails, and quantiles.

use std::f64::consts::TAU;
use std::sync::Arc;

use kuva::plot::{LinePlot, ScatterPlot, TextAlign, TextPlot};
use kuva::prelude::{Histogram, LegendEntry, LegendPosition, LegendShape, Plot, TickFormat};
use kuva::render::render_utils::probit;

use super::panel::{BLUE, ORANGE, PALE_BLUE, Panel};
use super::sample::{Distances, FARTHEST, Sample};
use crate::describe::numbers::{count, decimal};
use crate::describe::returns::Shape;
use crate::describe::statistics::Statistics;

const DENSITIES: &str = "Log returns, close to close (density, log scale)";
const QUANTILES: &str = "Quantiles of log returns against the normal";

/// An axis of returns shows this many standard deviations at least.
const NEAREST: f64 = 4.0;

/// The density axis reaches a thousandth at least, even with few returns.
const HIGHEST_FLOOR: f64 = 1e-3;

/// Both panels, densities first.
pub fn panels(sample: &Sample, statistics: &Statistics) -> [Panel; 2] {
    let all_shape = spelled("all", &statistics.returns);
    let within_shape = spelled("within days", &statistics.returns_within_days);
    let Some(all) = &sample.returns else {
        return [(DENSITIES, all_shape), (QUANTILES, within_shape)].map(|(title, shape)| {
            let text = TextPlot::new()
                .with_align(TextAlign::Center)
                .with_body("the returns have no spread");
            Panel::new(title, &shape, vec![text.into()])
        });
    };
    let within = sample.within_days.as_ref();
    let reach = within.into_iter().chain([all]).map(Distances::reach).fold(NEAREST, f64::max);
    [densities(all, within, reach, &all_shape), quantiles(all, within, reach, &within_shape)]
}

fn densities(all: &Distances, within: Option<&Distances>, reach: f64, below: &str) -> Panel {
    let far = reach + all.width;
    let single = 1.0 / (all.total().max(1) as f64 * all.width);
    let floor = 10_f64.powf(single.log10().floor()).min(HIGHEST_FLOOR);
    let densities = |of: &Distances| of.classes().map(|(_, density)| density).collect::<Vec<_>>();
    let edges = all
        .classes()
        .map(|(centre, _)| centre - all.width / 2.0)
        .chain([FARTHEST + all.width / 2.0]);
    let counts = densities(all);
    let peak = counts.iter().copied().fold(normal(0.0), f64::max);
    let histogram = Histogram::from_bins(edges.collect(), counts).with_color(PALE_BLUE);
    let mut plots: Vec<Plot> = vec![histogram.into()];
    let mut legend = vec![entry(
        &format!("all, nights too ({})", count(all.total())),
        PALE_BLUE,
        LegendShape::Rect,
    )];
    if let Some(within) = within {
        let corners = within.classes().flat_map(|(centre, density)| {
            [-0.5, 0.5].map(|side| (centre + side * within.width, density.max(floor)))
        });
        plots.push(
            LinePlot::new().with_data(corners).with_color(BLUE).with_stroke_width(1.5).into(),
        );
        legend.push(entry(
            &format!("within days ({})", count(within.total())),
            BLUE,
            LegendShape::Line,
        ));
    }
    let curve = (-200..=200).map(|step| f64::from(step) / 200.0 * far).map(|x| (x, normal(x)));
    let curve = LinePlot::new().with_data(curve.filter(|(_, density)| *density > floor));
    plots.push(curve.with_color(ORANGE).into());
    legend.push(entry("normal", ORANGE, LegendShape::Line));
    Panel::new(DENSITIES, below, plots)
        .x_axis((-far, far), deviations_step(reach), deviations)
        .with(|layout| {
            let layout = layout.with_log_y().with_y_axis_min(floor).with_y_axis_max(peak * 1.4);
            let layout = layout.with_y_tick_format(TickFormat::Custom(Arc::new(density_name)));
            layout
                .with_legend_position(LegendPosition::OutsideBottomColumns)
                .with_legend_entries(legend)
        })
}

fn entry(label: &str, color: &str, shape: LegendShape) -> LegendEntry {
    LegendEntry { label: label.to_owned(), color: color.to_owned(), shape, dasharray: None }
}

fn quantiles(all: &Distances, within: Option<&Distances>, reach: f64, below: &str) -> Panel {
    let points = |of: &Distances, color: &str, size: f64| {
        let points: Vec<_> =
            of.quantiles().map(|(share, distance)| (probit(share), distance)).collect();
        ScatterPlot::new().with_data(points).with_color(color).with_size(size)
    };
    let line = LinePlot::new()
        .with_data([-FARTHEST, FARTHEST].map(|x| (x, x)))
        .with_color(ORANGE)
        .with_dashed();
    let mut plots: Vec<Plot> = vec![line.into(), points(all, PALE_BLUE, 3.0).into()];
    plots.extend(within.map(|within| points(within, BLUE, 1.5).into()));
    let normal =
        all.quantiles().map(|(share, _)| probit(share).abs()).fold(NEAREST, f64::max) + 0.2;
    Panel::new(QUANTILES, below, plots)
        .x_axis((-normal, normal), 1.0, deviations)
        .y_axis((-reach * 1.05, reach * 1.05), deviations_step(reach), deviations)
        .with(|layout| layout.with_x_label("normal"))
}

fn normal(deviations: f64) -> f64 {
    (-deviations * deviations / 2.0).exp() / TAU.sqrt()
}

fn deviations_step(reach: f64) -> f64 {
    if reach > 6.0 { 5.0 } else { 2.0 }
}

/// `-5σ`; the outermost class holds everything beyond.
fn deviations(value: f64) -> String {
    let sign = match value {
        at if at >= FARTHEST => "≥",
        at if at <= -FARTHEST => "≤",
        _ => "",
    };
    format!("{sign}{}σ", decimal(value, 0))
}

fn density_name(density: f64) -> String {
    if density < 1e-3 {
        return format!("{density:.0e}");
    }
    let text = format!("{density:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn spelled(which: &str, shape: &Shape) -> String {
    let three = |value: Option<f64>| value.map_or("-".to_owned(), |value| decimal(value, 3));
    let Shape { skew, excess_kurtosis, autocorrelation, .. } = *shape;
    let (skew, kurtosis, autocorrelation) =
        (three(skew), three(excess_kurtosis), three(autocorrelation));
    format!("{which}: skew {skew}, excess kurtosis {kurtosis}, autocorrelation {autocorrelation}")
}
