//! The panel of bars a day.

use shared::market::trading_day::TradingDay;

use super::axis::{Axis, compact};
use super::frame::Frame;
use super::scene::{BLUE, Dash, INK, ORANGE, PALE_BLUE, Scene};
use crate::describe::numbers::{count, decimal, short};
use crate::describe::statistics::Statistics;

/// More days than this share columns.
const MOST_DAYS: usize = 250;

/// Columns that days share are wide enough to show what they differ by.
const MOST_COLUMNS: usize = 120;

/// Columns of few days grow no wider.
const WIDEST: f64 = 60.0;

/// Pixels between two dates at least.
const DATES_APART: f64 = 30.0;

/// Draws it.
pub fn draw(scene: &mut Scene, frame: &Frame, statistics: &Statistics) {
    let daily = &statistics.bars_a_day;
    let days = statistics.by_day.len();
    let days_a_column = if days > MOST_DAYS { days.div_ceil(MOST_COLUMNS) } else { 1 };
    let columns: Vec<Column> = statistics.by_day.chunks(days_a_column).map(Column::of).collect();
    let title = match days_a_column {
        1 => "Bars a day".to_owned(),
        many => format!("Bars a day (each column {many} days: mean, pale from fewest to most)"),
    };
    let empty = match daily.empty_days {
        0 => String::new(),
        days => format!(", {} of {} days without a bar", count(days), count(daily.days)),
    };
    let (mean, median) = (short(daily.mean), decimal(daily.median, 1));
    let (least, most) = (count(daily.least), count(daily.most));
    let below =
        [format!("mean {mean} (dashed), median {median}"), format!("fewest {least}, most {most}{empty}")];
    frame.title(scene, &title, &below);

    let across = Axis::new((0.5, columns.len() as f64 + 0.5), (frame.left, frame.right));
    let upright = Axis::new((0.0, daily.most as f64 * 1.05), (frame.bottom, frame.top));
    let places = (1..).map(|place| across.at(f64::from(place)));
    frame.days(scene, 0.0, DATES_APART, places.clone().zip(columns.iter().map(|column| column.first)));
    for bars in upright.marks(6.0).into_iter().filter(|bars| bars.fract() == 0.0) {
        frame.mark(scene, upright.at(bars), compact(bars));
    }
    let step = (frame.right - frame.left) / columns.len() as f64;
    let width = (step * 0.7).clamp(1.0, WIDEST).round();
    for (middle, column) in places.zip(&columns) {
        let left = (middle - width / 2.0).round();
        let mut block = |from: f64, to: f64, color| {
            scene.rect((left, upright.at(to)), (left + width, upright.at(from)), color);
        };
        if days_a_column > 1 {
            block(column.least as f64, column.most as f64, PALE_BLUE);
            let mean = upright.at(column.mean);
            scene.rect((left, mean - 1.0), (left + width, mean + 1.0), INK);
        } else {
            block(0.0, column.mean, BLUE);
        }
    }
    frame.across(scene, upright.at(daily.mean), ORANGE, Dash::Dashed);
    frame.close(scene);
}

/// Some days in a row.
struct Column {
    first: TradingDay,
    mean: f64,
    least: u64,
    most: u64,
}

impl Column {
    fn of(days: &[(TradingDay, u64)]) -> Self {
        let counts = || days.iter().map(|(_, bars)| *bars);
        Self {
            first: days[0].0,
            mean: counts().sum::<u64>() as f64 / days.len() as f64,
            least: counts().min().unwrap_or(0),
            most: counts().max().unwrap_or(0),
        }
    }
}
