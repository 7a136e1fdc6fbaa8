//! The page: a head in words, price and volume over its whole width, bars a day and returns side by side below.

use super::frame::Frame;
use super::glyphs;
use super::sample::Sample;
use super::scene::{Anchor, FAINT_INK, INK, ORANGE, Scene};
use super::{daily, normal, price};
use crate::describe::description::Description;
use crate::describe::numbers::{counted, percent, short};
use crate::describe::statistics::Weight;
use crate::describe::text;

const WIDTH: u32 = 1400;
const HEIGHT: u32 = 1000;

const LEFT: f64 = 84.0;
const RIGHT: f64 = 1372.0;

const PRICE: Frame = Frame { left: LEFT, top: 160.0, right: RIGHT, bottom: 446.0 };
const VOLUME: Frame = Frame { left: LEFT, top: 484.0, right: RIGHT, bottom: 578.0 };
const DAILY: Frame = Frame { left: LEFT, top: 696.0, right: 690.0, bottom: 938.0 };
const NORMAL: Frame = Frame { left: 780.0, top: 696.0, right: RIGHT, bottom: 938.0 };

/// Lays everything out.
pub fn page(description: &Description, sample: &Sample) -> Scene {
    let mut scene = Scene::new(WIDTH, HEIGHT);
    head(&mut scene, description);
    price::draw(&mut scene, &PRICE, &VOLUME, sample, description.statistics.bars);
    daily::draw(&mut scene, &DAILY, &description.statistics);
    normal::draw(&mut scene, &NORMAL, sample, &description.statistics);
    scene
}

fn head(scene: &mut Scene, description: &Description) {
    let days = description.days;
    let title = format!("{} {}, {} to {}", description.ticker, description.mode, days.from(), days.to());
    let mut line = |y: f64, size: f64, color, text: &str| {
        let text = glyphs::fit(text, size, RIGHT - LEFT);
        scene.text((LEFT, y), size, Anchor::Start, color, text);
    };
    line(40.0, 24.0, INK, &title);
    line(64.0, 13.0, FAINT_INK, &description.parameters.to_string());
    line(84.0, 13.0, FAINT_INK, &summary(description));
    if let Some(verdict) = text::verdict(description) {
        line(104.0, 13.0, if verdict.starts_with(text::WARNING) { ORANGE } else { FAINT_INK }, &verdict);
    }
}

fn summary(description: &Description) -> String {
    let statistics = &description.statistics;
    let open = if description.open_bar { "; the open last bar is left out" } else { "" };
    let mut parts = vec![counted(statistics.bars, "bar") + open];
    let medians = statistics.dollars.median.zip(statistics.seconds.median);
    if let Some((dollars, seconds)) = medians {
        parts.push(format!("median bar {} dollars, {} seconds", short(dollars.value), short(seconds.value)));
    }
    if let Some(largest) = statistics.largest {
        let of = if largest.of == Weight::Trades { "trades" } else { "dollars" };
        let (mean, worst) = (percent(largest.mean_share), percent(largest.worst_share));
        parts.push(format!("largest bar of a day {mean} of its {of}, at worst {worst}"));
    }
    parts.join(" · ")
}
