//! A series on disk with its statistics: the content of the text, of the JSON and of the picture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::market::bar::Mode;
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::series::parameters::Parameters;

use super::statistics::{Gatherer, Statistics, Weight};
use crate::bars::rules::Cause;
use crate::bars::stored::{Stored, StoredError};

/// A series and its statistics. Its fields are the JSON of `bars describe --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The ticker of the bars.
    pub ticker: Ticker,
    /// Kind of bars.
    pub mode: Mode,
    /// Folder of the series.
    pub folder: PathBuf,
    /// Parameters of the series.
    pub parameters: Parameters,
    /// New York days whose trades are in the bars.
    pub covered: Coverage,
    /// Days that the statistics are limited to; `None` for all.
    pub range: Option<DateRange>,
    /// The first and the last day of the statistics.
    pub days: DateRange,
    /// Does the series end with an open bar? No statistic counts it.
    pub open_bar: bool,
    /// Trades in the bars of the whole series; the range does not matter.
    pub trades: u64,
    /// Trades left out of the bars of the whole series.
    pub left_out: u64,
    /// Closed bars of the whole series by cause; the range does not matter.
    pub closed_by: BTreeMap<Cause, u64>,
    #[serde(flatten)]
    pub statistics: Statistics,
}

impl Description {
    /// Reads the bars of a series: those that opened in `range`, or all.
    pub fn of(stored: &Stored, range: Option<DateRange>) -> Result<Self, StoredError> {
        let state = &stored.state;
        let weight = if state.parameters.extended { Weight::Trades } else { Weight::Dollars };
        let mut gatherer = Gatherer::new(weight);
        stored.each_closed(range, |dated| gatherer.take(dated))?;
        let sessions = covered_sessions(&state.covered, range);
        let statistics =
            gatherer.finish(sessions).ok_or_else(|| no_bars(stored.folder.path(), range))?;
        let ends = statistics.by_day.first().zip(statistics.by_day.last());
        let days = ends.and_then(|(first, last)| DateRange::new(first.0, last.0));
        let counts = &state.tail.counts;
        Ok(Self {
            ticker: state.ticker.clone(),
            mode: state.mode,
            folder: stored.folder.path().to_owned(),
            parameters: state.parameters.clone(),
            covered: state.covered.clone(),
            range,
            days: days.expect("days with bars are in order"),
            open_bar: stored.has_open_bar(),
            trades: counts.trades,
            left_out: counts.left_out.total(),
            closed_by: counts.closed.clone(),
            statistics,
        })
    }

    /// Share of bars that closed because of `cause`.
    pub fn share(&self, cause: Cause) -> f64 {
        let all = self.closed_by.values().sum::<u64>().max(1);
        self.closed_by.get(&cause).copied().unwrap_or(0) as f64 / all as f64
    }
}

fn covered_sessions(
    covered: &Coverage,
    range: Option<DateRange>,
) -> impl Iterator<Item = TradingDay> {
    let within =
        |covered: &DateRange| range.map_or(Some(*covered), |range| range.intersection(*covered));
    let ranges: Vec<DateRange> = covered.ranges().iter().filter_map(within).collect();
    ranges
        .into_iter()
        .flat_map(|range| session::sessions(range.from(), range.to()).map(|(day, _)| day))
}

fn no_bars(folder: &Path, range: Option<DateRange>) -> StoredError {
    let when = match range {
        None => "yet".to_owned(),
        Some(range) => {
            let from = (range.from() > TradingDay::MIN).then(|| format!("from {}", range.from()));
            let to = (range.to() < TradingDay::MAX).then(|| format!("to {}", range.to()));
            [from, to].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    };
    StoredError::NoBars { folder: folder.to_owned(), when }
}
