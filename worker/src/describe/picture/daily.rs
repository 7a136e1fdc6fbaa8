//! The panel of bars per day.

use kuva::plot::{BandPlot, LinePlot};
use kuva::render::annotations::ReferenceLine;
use shared::market::trading_day::TradingDay;

use super::panel::{BLUE, FILLED, INK, ORANGE, PALE_BLUE, Panel, columns, compact, whole_step};
use crate::describe::numbers::{count, decimal, short};
use crate::describe::statistics::Statistics;

/// More days than this share columns.
const MOST_DAYS: usize = 250;

/// Shared columns are wide enough to show their differences.
const MOST_COLUMNS: usize = 120;

/// Dates that fit below the panel.
const MOST_DATES: usize = 5;

pub fn panel(statistics: &Statistics) -> Panel {
    let daily = &statistics.bars_a_day;
    let days = statistics.by_day.len();
    let days_a_column = if days > MOST_DAYS { days.div_ceil(MOST_COLUMNS) } else { 1 };
    let shared: Vec<Column> = statistics.by_day.chunks(days_a_column).map(Column::of).collect();
    let (mean, median) = (short(daily.mean), decimal(daily.median, 1));
    let (least, most) = (count(daily.least), count(daily.most));
    let mut below =
        vec![format!("mean {mean} (dashed), median {median}, fewest {least}, most {most}")];
    if daily.empty_days > 0 {
        below.push(format!(
            "{} of {} days without a bar",
            count(daily.empty_days),
            count(daily.days)
        ));
    }
    let plots = if days_a_column == 1 {
        let heights: Vec<f64> = shared.iter().map(|column| column.mean).collect();
        vec![columns(&heights, 1.0, FILLED, BLUE).into()]
    } else {
        below.push(format!("{days_a_column} days a step: their mean, pale from fewest to most"));
        let each = |of: fn(&Column) -> f64| shared.iter().flat_map(move |column| [of(column); 2]);
        let sides = || {
            (1_u32..)
                .zip(&shared)
                .flat_map(|(number, _)| [-0.5, 0.5].map(|x| f64::from(number) + x))
        };
        let range = BandPlot::new(sides(), each(|of| of.least as f64), each(|of| of.most as f64));
        let mean = LinePlot::new().with_data(sides().zip(each(|of| of.mean))).with_color(INK);
        vec![
            range.with_color(PALE_BLUE).with_opacity(1.0).into(),
            mean.with_stroke_width(1.0).into(),
        ]
    };
    let most = (daily.most as f64).max(1.0) * 1.05;
    let firsts: Vec<TradingDay> = shared.iter().map(|column| column.first).collect();
    let name = move |number: f64| {
        let column = (1_u32..).zip(&firsts).find(|(at, _)| (f64::from(*at) - number).abs() < 0.5);
        column.map(|(_, day)| day.to_string()).unwrap_or_default()
    };
    let line = ReferenceLine::horizontal(daily.mean).with_color(ORANGE).with_stroke_width(1.5);
    Panel::new("Bars per day", &below.join("\n"), plots)
        .x_axis(
            (0.5, shared.len() as f64 + 0.5),
            (shared.len() as f64 / MOST_DATES as f64).ceil(),
            name,
        )
        .y_axis((0.0, most), whole_step(most, 6), compact)
        .with(|layout| layout.with_reference_line(line))
}

/// Consecutive days.
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
