//! Descriptions as tables for people: a column per series, a row per statistic, notes below.

use std::fmt::Write as _;

use shared::series::parameters::BarRule;

use super::description::Description;
use super::median::Middle;
use super::numbers::{count, decimal, percent, short};
use super::returns::Shape;
use super::statistics::Weight;
use crate::bars::rules::Cause;

/// Series per table; more would be wider than a terminal.
const BESIDE: usize = 4;

/// A larger share of bars at the cap means that the rule does not decide.
const MANY_AT_CAP: f64 = 0.05;

/// The beginning of a verdict that asks for other parameters.
pub const WARNING: &str = "warning: ";

const NONE: &str = "-";

/// The text about the series of one ticker.
pub fn text(descriptions: &[Description]) -> String {
    let mut text = String::new();
    let Some(first) = descriptions.first() else { return text };
    let hull = |description: &Description| (description.days.from(), description.days.to());
    let (from, to) =
        descriptions.iter().map(hull).fold(hull(first), |(from, to), (other_from, other_to)| {
            (from.min(other_from), to.max(other_to))
        });
    let _ = writeln!(text, "{} {from} to {to}", first.ticker);
    for some in descriptions.chunks(BESIDE) {
        text.push('\n');
        table(&mut text, some);
    }
    text.push('\n');
    for description in descriptions {
        let _ = writeln!(text, "{}: {}", description.mode, description.parameters);
    }
    for verdict in descriptions.iter().filter_map(verdict) {
        let _ = writeln!(text, "{verdict}");
    }
    text.push('\n');
    notes(&mut text, descriptions);
    text
}

type Row = (&'static str, fn(&Description) -> String);

/// A row with the value [`heading`] is a heading.
const ROWS: [Row; 30] = [
    ("bars", |of| count(of.statistics.bars)),
    ("days", |of| count(of.statistics.bars_a_day.days)),
    ("  without a bar", |of| count(of.statistics.bars_a_day.empty_days)),
    ("bars a day", heading),
    ("  mean", |of| short(of.statistics.bars_a_day.mean)),
    ("  median", |of| decimal(of.statistics.bars_a_day.median, 1)),
    ("  fewest", |of| count(of.statistics.bars_a_day.least)),
    ("  most", |of| count(of.statistics.bars_a_day.most)),
    ("dollars a bar", heading),
    ("  mean", |of| or_none(of.statistics.dollars.mean, short)),
    ("  median", |of| middle(of.statistics.dollars.median)),
    ("seconds a bar", heading),
    ("  mean", |of| or_none(of.statistics.seconds.mean, short)),
    ("  median", |of| middle(of.statistics.seconds.median)),
    ("log returns", heading),
    ("  deviation", |of| deviation(&of.statistics.returns)),
    ("  skew", |of| three(of.statistics.returns.skew)),
    ("  excess kurtosis", |of| three(of.statistics.returns.excess_kurtosis)),
    ("  autocorrelation", |of| three(of.statistics.returns.autocorrelation)),
    ("log returns within days", heading),
    ("  deviation", |of| deviation(&of.statistics.returns_within_days)),
    ("  skew", |of| three(of.statistics.returns_within_days.skew)),
    ("  excess kurtosis", |of| three(of.statistics.returns_within_days.excess_kurtosis)),
    ("  autocorrelation", |of| three(of.statistics.returns_within_days.autocorrelation)),
    ("largest bar of a day", heading),
    ("  mean share", |of| or_none(of.statistics.largest.map(|of| of.mean_share), percent)),
    ("  worst share", |of| or_none(of.statistics.largest.map(|of| of.worst_share), percent)),
    ("  worst day", |of| {
        of.statistics.largest.map_or(NONE.to_owned(), |of| of.worst_day.to_string())
    }),
    ("  of the day's", |of| of.statistics.largest.map_or(NONE, |of| weight(of.of)).to_owned()),
    ("bars ended by", heading),
];

const CAUSES: [(&str, Cause); 6] = [
    ("  target", Cause::Target),
    ("  imbalance", Cause::Imbalance),
    ("  run", Cause::Run),
    ("  first of the series", Cause::First),
    ("  cap", Cause::Cap),
    ("  imbalance at a clamp", Cause::Clamped),
];

fn table(text: &mut String, descriptions: &[Description]) {
    line(text, "", descriptions.iter().map(|description| description.mode.to_string()));
    for (name, value) in &ROWS {
        line(text, name, descriptions.iter().map(value));
    }
    for (name, cause) in CAUSES {
        if descriptions.iter().any(|description| description.closed_by.contains_key(&cause)) {
            let share = |of: &Description| {
                let closed = of.closed_by.contains_key(&cause);
                if closed { percent(of.share(cause)) } else { NONE.to_owned() }
            };
            line(text, name, descriptions.iter().map(share));
        }
    }
}

fn line(text: &mut String, name: &str, values: impl Iterator<Item = String>) {
    let mut line = format!("{name:24}");
    for value in values {
        let _ = write!(line, "{value:>14}");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn heading(_: &Description) -> String {
    String::new()
}

fn or_none(value: Option<f64>, spell: fn(f64) -> String) -> String {
    value.map_or(NONE.to_owned(), spell)
}

fn three(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| decimal(value, 3))
}

fn deviation(shape: &Shape) -> String {
    shape
        .deviation
        .map_or(NONE.to_owned(), |deviation| format!("{} %", decimal(deviation * 100.0, 4)))
}

fn middle(middle: Option<Middle>) -> String {
    match middle {
        None => NONE.to_owned(),
        Some(Middle { value, exact: true }) => short(value),
        Some(Middle { value, exact: false }) => format!("≈ {}", short(value)),
    }
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Trades => "trades",
        Weight::Dollars => "dollars",
    }
}

/// What the causes tell about the rule; `None` for fixed targets, which always close at the target.
pub fn verdict(description: &Description) -> Option<String> {
    let share = |cause| percent(description.share(cause));
    let mode = description.mode;
    match &description.parameters.rule {
        BarRule::Fixed { .. } => None,
        BarRule::ImbalanceTarget { .. } => {
            let plain = mode.folder().split('_').next().unwrap_or_default();
            Some(format!(
                "{mode}: {} of the bars ended by the target: plain {plain} bars",
                share(Cause::Target)
            ))
        }
        BarRule::ImbalanceStable { expected_ticks } | BarRule::Runs { expected_ticks } => {
            let warning = if description.share(Cause::Cap) > MANY_AT_CAP { WARNING } else { "" };
            let cap = count(3 * u64::from(*expected_ticks));
            Some(format!(
                "{warning}{mode}: {} of the bars ended at the cap of {cap} trades",
                share(Cause::Cap)
            ))
        }
        BarRule::ImbalanceAfml { .. } => {
            let warning =
                if description.closed_by.contains_key(&Cause::Clamped) { WARNING } else { "" };
            let clamped = share(Cause::Clamped);
            Some(format!(
                "{warning}{mode}: {clamped} of the bars ended while the expected trades were held at a clamp"
            ))
        }
    }
}

fn notes(text: &mut String, descriptions: &[Description]) {
    let any = |of: fn(&Description) -> bool| descriptions.iter().any(of);
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    if any(|of| of.open_bar) {
        say("The last bar of a series is in no number while it is open.");
    }
    say("Days are New York days of a bar's t; sessions that are covered count even without a bar.");
    if any(|of| of.parameters.extended) {
        say("Seconds a bar: t_close - t of the bars that ended on the day they began.");
    }
    if any(|of| !of.parameters.extended) {
        say("Seconds a bar, without t_close: from one t to the next on the same day.");
        say("Largest bar of a day, without n: by dollars.");
    }
    say(
        "Log returns go from close to close of neighbouring bars; within days, between bars that ended",
    );
    say("on one day. Skew, kurtosis (0 for the normal) and deviation are those of the population,");
    say("autocorrelation is that of neighbours.");
    if any(|of| !of.parameters.extended) {
        say(
            "Without t_close the last bar of a day may have ended on another: its returns are in no day.",
        );
    }
    if any(|of| of.range.is_some()) {
        say("What ended the bars is counted over the whole series, whatever the range.");
    }
    let near = |middle: Option<Middle>| middle.is_some_and(|middle| !middle.exact);
    if descriptions
        .iter()
        .any(|of| near(of.statistics.dollars.median) || near(of.statistics.seconds.median))
    {
        say("≈: of more than a million values, within 0.0125 %.");
    }
}
