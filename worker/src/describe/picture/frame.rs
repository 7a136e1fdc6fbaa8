//! The frame of a panel: its place on the page, its title, and the marks along its sides.

use shared::market::trading_day::TradingDay;

use super::axis::Axis;
use super::glyphs;
use super::scene::{Anchor, Color, Dash, FAINT_INK, FRAME, GRID, INK, Scene};

/// Pixels of a panel's title.
const TITLE: f64 = 14.0;
/// Pixels of the words along the sides.
pub const SMALL: f64 = 12.0;

/// Where a panel's shapes go; its title and marks lie outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Pixels from the page's left.
    pub left: f64,
    /// Pixels from the page's top.
    pub top: f64,
    /// Pixels from the page's left.
    pub right: f64,
    /// Pixels from the page's top.
    pub bottom: f64,
}

impl Frame {
    /// Lines above the panel: what it shows, and what is to be known of it.
    pub fn title(&self, scene: &mut Scene, title: &str, below: &[String]) {
        let room = self.right - self.left;
        let rows = (0..below.len()).map(|row| self.top - 8.0 - row as f64 * 17.0);
        for (y, text) in rows.zip(below.iter().rev()) {
            scene.text((self.left, y), SMALL, Anchor::Start, FAINT_INK, glyphs::fit(text, SMALL, room));
        }
        let y = self.top - 9.0 - below.len() as f64 * 17.0;
        scene.text((self.left, y), TITLE, Anchor::Start, INK, glyphs::fit(title, TITLE, room));
    }

    /// A line across the panel and its name on the left.
    pub fn mark(&self, scene: &mut Scene, y: f64, name: impl Into<String>) {
        self.across(scene, y, GRID, Dash::Solid);
        scene.text((self.left - 8.0, y + 4.0), SMALL, Anchor::End, FAINT_INK, name);
    }

    /// Round marks of an upright axis.
    pub fn marks(&self, scene: &mut Scene, axis: &Axis, many: f64, name: impl Fn(f64) -> String) {
        for value in axis.marks(many) {
            self.mark(scene, axis.at(value), name(value));
        }
    }

    /// A line across the panel.
    pub fn across(&self, scene: &mut Scene, y: f64, color: Color, dash: Dash) {
        let y = y.round() + 0.5;
        let width = if dash == Dash::Dashed { 1.5 } else { 1.0 };
        scene.line(vec![(self.left, y), (self.right, y)], width, color, dash);
    }

    /// A line up the panel.
    pub fn up(&self, scene: &mut Scene, x: f64) {
        let x = x.round() + 0.5;
        scene.line(vec![(x, self.top), (x, self.bottom)], 1.0, GRID, Dash::Solid);
    }

    /// Words below the panel, in the first or a later row; `false` where they would leave the page's room or touch
    /// what was written before, which ends at `taken`.
    pub fn below(&self, scene: &mut Scene, row: f64, x: f64, taken: &mut f64, name: &str) -> bool {
        let half = glyphs::width(name, SMALL) / 2.0;
        let fits = x - half > *taken && x + half < self.right + 26.0;
        if fits {
            let y = self.bottom + 18.0 + row * 17.0;
            scene.text((x, y), SMALL, Anchor::Middle, FAINT_INK, name);
            *taken = x + half;
        }
        fits
    }

    /// The names of days below the panel, as many as there is room for, each with a line up. Where the lines are.
    pub fn days(
        &self,
        scene: &mut Scene,
        row: f64,
        apart: f64,
        days: impl Iterator<Item = (f64, TradingDay)>,
    ) -> Vec<f64> {
        let (mut taken, mut named) = (f64::NEG_INFINITY, Vec::new());
        for (x, day) in days {
            if self.below(scene, row, x, &mut taken, &day.to_string()) {
                self.up(scene, x);
                named.push(x);
                taken += apart;
            }
        }
        named
    }

    /// The left and the lower side, drawn last.
    pub fn close(&self, scene: &mut Scene) {
        let (left, bottom) = (self.left.round() + 0.5, self.bottom.round() + 0.5);
        scene.line(vec![(left, self.top), (left, bottom), (self.right, bottom)], 1.0, FRAME, Dash::Solid);
    }
}
