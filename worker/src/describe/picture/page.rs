//! The page: a head of text, price and volume over the whole width, and three panels side by side
//! below.

use kuva::plot::{TextAlign, TextPlot};
use kuva::prelude::Layout;
use kuva::render::figure::Figure;
use kuva::render::render::{Primitive, Scene};

use super::panel::{self, INK, PADDING, Panel, WIDTH};
use super::sample::Sample;
use super::{daily, price, returns};
use crate::describe::description::Description;
use crate::describe::numbers::{counted, percent, short};
use crate::describe::statistics::Weight;
use crate::describe::text;

const HEIGHT: f64 = 1040.0;

/// Heights of the rows, except for the last.
const ROWS: [f64; 3] = [80.0, 350.0, 180.0];

/// Lays out the page.
pub fn page(description: &Description, sample: &Sample) -> Scene {
    let statistics = &description.statistics;
    let [price, volume] = price::panels(sample, statistics.bars);
    let [densities, quantiles] = returns::panels(sample, statistics);
    let panels = [head(description), price, volume, daily::panel(statistics), densities, quantiles];
    let (plots, layouts) = panels.into_iter().map(|panel| (panel.plots, panel.layout)).unzip();
    let days = description.days;
    let title =
        format!("{} {}, {} to {}", description.ticker, description.mode, days.from(), days.to());
    let figure = Figure::new(ROWS.len() + 1, 3)
        .with_structure(vec![
            vec![0, 1, 2],
            vec![3, 4, 5],
            vec![6, 7, 8],
            vec![9],
            vec![10],
            vec![11],
        ])
        .with_plots(plots)
        .with_layouts(layouts)
        .with_title(title)
        .with_title_size(22)
        .with_padding(PADDING)
        .with_figure_size(WIDTH, HEIGHT);
    let figure =
        (0..).zip(ROWS).fold(figure, |figure, (row, height)| figure.with_row_height(row, height));
    numbered_anew(figure.render())
}

/// Numbers the clip paths of the page from 0. `kuva` numbers them over the whole process, so a
/// second picture would have other bytes.
fn numbered_anew(mut scene: Scene) -> Scene {
    let clips = scene.elements.iter_mut().filter_map(|element| match element {
        Primitive::ClipStart { id, .. } => Some(id),
        _ => None,
    });
    for (number, id) in clips.enumerate() {
        let new = format!("clip-{number}");
        let (from, to) = (format!("id=\"{id}\""), format!("id=\"{new}\""));
        for definition in scene.defs.iter_mut().filter(|definition| definition.contains(&from)) {
            *definition = definition.replace(&from, &to);
        }
        *id = new;
    }
    scene
}

fn head(description: &Description) -> Panel {
    let lines = [
        Some(description.parameters.to_string()),
        Some(summary(description)),
        verdict(description),
    ];
    let body = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let text = TextPlot::new().with_body(body).with_align(TextAlign::Center).with_padding(8.0);
    let plots = vec![text.with_font_size(13).with_text_color(INK).into()];
    let layout = Layout::auto_from_plots(&plots).with_theme(panel::theme());
    Panel { plots, layout: layout.with_force_margins(0.0, 0.0).with_force_margins_y(0.0, 0.0) }
}

/// The verdict; bold if it asks for other parameters.
fn verdict(description: &Description) -> Option<String> {
    let verdict = text::verdict(description)?;
    Some(if verdict.starts_with(text::WARNING) { format!("**{verdict}**") } else { verdict })
}

fn summary(description: &Description) -> String {
    let statistics = &description.statistics;
    let open = if description.open_bar { "; the open last bar is left out" } else { "" };
    let mut parts = vec![counted(statistics.bars, "bar") + open];
    let medians = statistics.dollars.median.zip(statistics.seconds.median);
    if let Some((dollars, seconds)) = medians {
        parts.push(format!(
            "median bar {} dollars, {} seconds",
            short(dollars.value),
            short(seconds.value)
        ));
    }
    if let Some(largest) = statistics.largest {
        let of = if largest.of == Weight::Trades { "trades" } else { "dollars" };
        let (mean, worst) = (percent(largest.mean_share), percent(largest.worst_share));
        parts.push(format!("largest bar of a day {mean} of its {of}, at worst {worst}"));
    }
    parts.join(" · ")
}
