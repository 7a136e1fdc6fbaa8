//! The panel of log returns against the normal, on a scale on which tails can be seen.

use std::f64::consts::TAU;

use super::axis::Axis;
use super::frame::{Frame, SMALL};
use super::glyphs;
use super::sample::{FARTHEST, Histogram, Sample};
use super::scene::{Anchor, BLUE, Color, Dash, FAINT_INK, INK, ORANGE, PALE_BLUE, Scene};
use crate::describe::numbers::{count, decimal};
use crate::describe::returns::Shape;
use crate::describe::statistics::Statistics;

/// The axis shows this many standard deviations at least.
const NEAREST: f64 = 4.0;

/// The scale goes down to a thousandth at least, however few returns there are.
const HIGHEST_FLOOR: f64 = -3.0;

/// Draws it.
pub fn draw(scene: &mut Scene, frame: &Frame, sample: &Sample, statistics: &Statistics) {
    let below =
        [spelled("all", &statistics.returns), spelled("within days", &statistics.returns_within_days)];
    frame.title(scene, "Log returns, close to close, against the normal (log scale)", &below);
    let Some(all) = &sample.returns else {
        let middle = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.top, frame.bottom));
        scene.text(middle, SMALL, Anchor::Middle, FAINT_INK, "the returns have no spread");
        frame.close(scene);
        return;
    };
    let reach = sample.within_days.iter().chain([all]).map(Histogram::reach).fold(NEAREST, f64::max);
    let across = Axis::new((-reach - all.width, reach + all.width), (frame.left, frame.right));
    // From the decade of a single return to the top.
    let single = 1.0 / (all.total().max(1) as f64 * all.width);
    let peak = (0..all.counts.len()).map(|class| all.density(class)).fold(normal(0.0), f64::max);
    let (floor, top) = (single.log10().floor().min(HIGHEST_FLOOR), peak.log10() + 0.15);
    let upright = Axis::new((floor, top), (frame.bottom, frame.top));
    let height = |density: f64| upright.at(density.log10().max(floor));

    for deviations in across.marks(8.0) {
        let mut taken = f64::NEG_INFINITY;
        let sign = match deviations {
            at if at >= FARTHEST => "≥",
            at if at <= -FARTHEST => "≤",
            _ => "",
        };
        let name = format!("{sign}{}σ", decimal(deviations, 0));
        frame.up(scene, across.at(deviations));
        frame.below(scene, 0.0, across.at(deviations), &mut taken, &name);
    }
    for power in upright.marks(6.0).into_iter().filter(|power| power.fract() == 0.0) {
        frame.mark(scene, upright.at(power), density_name(power));
    }
    for class in (0..all.counts.len()).filter(|class| all.counts[*class] > 0) {
        let edge = |side: f64| across.at(all.centre(class) + side * all.width / 2.0);
        scene.rect(
            (edge(-1.0) + 0.5, height(all.density(class))),
            (edge(1.0) - 0.5, frame.bottom),
            PALE_BLUE,
        );
    }
    if let Some(within) = &sample.within_days {
        let corners = (0..within.counts.len()).flat_map(|class| {
            let y = height(within.density(class));
            [-0.5, 0.5].map(|side| (across.at(within.centre(class) + side * within.width), y))
        });
        let inside = corners.filter(|(x, _)| (frame.left..=frame.right).contains(x));
        scene.line(inside.collect(), 1.5, BLUE, Dash::Solid);
    }
    let far = reach + all.width;
    let curve = (-200..=200).map(|step| f64::from(step) / 200.0 * far).filter(|x| normal(*x).log10() > floor);
    scene.line(curve.map(|x| (across.at(x), height(normal(x)))).collect(), 2.0, ORANGE, Dash::Dashed);
    legend(scene, frame, all, sample.within_days.as_ref());
    frame.close(scene);
}

fn normal(deviations: f64) -> f64 {
    (-deviations * deviations / 2.0).exp() / TAU.sqrt()
}

fn density_name(power: f64) -> String {
    if power < -3.0 {
        return format!("1e{}", decimal(power, 0));
    }
    let text = format!("{:.3}", 10_f64.powf(power));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn spelled(which: &str, shape: &Shape) -> String {
    let three = |value: Option<f64>| value.map_or("-".to_owned(), |value| decimal(value, 3));
    format!(
        "{which}: skew {}, excess kurtosis {}, autocorrelation {}",
        three(shape.skew),
        three(shape.excess_kurtosis),
        three(shape.autocorrelation)
    )
}

/// In a row under the axis: the panel has no corner that is free in every picture.
fn legend(scene: &mut Scene, frame: &Frame, all: &Histogram, within: Option<&Histogram>) {
    let y = frame.bottom + 40.0;
    let mut x = frame.left;
    let mut entry = |scene: &mut Scene, name: &str, color: Color, dash: Option<Dash>| {
        match dash {
            None => scene.rect((x, y - 10.0), (x + 22.0, y), color),
            Some(dash) => scene.line(vec![(x, y - 4.5), (x + 22.0, y - 4.5)], 2.0, color, dash),
        }
        scene.text((x + 28.0, y), SMALL, Anchor::Start, INK, name);
        x += 28.0 + glyphs::width(name, SMALL) + 22.0;
    };
    entry(scene, &format!("all, nights too ({})", count(all.total())), PALE_BLUE, None);
    if let Some(within) = within {
        entry(scene, &format!("within days ({})", count(within.total())), BLUE, Some(Dash::Solid));
    }
    entry(scene, "normal", ORANGE, Some(Dash::Dashed));
}
