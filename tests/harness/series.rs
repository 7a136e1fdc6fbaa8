//! A tree of made-up trades (or minutes) of one ticker, the program `bars` over it, and what it
//! wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use shared::dataset::reader;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::place::{Place, ticker};
use super::program::command;
use super::tape;
use super::tree::{self, Print};

/// The folders of the nine modes.
pub const FOLDERS: [&str; 9] = [
    "tick",
    "volume",
    "dollar",
    "tick_imbalance",
    "volume_imbalance",
    "dollar_imbalance",
    "tick_runs",
    "volume_runs",
    "dollar_runs",
];

/// The ticker of every tree made here.
pub const NAME: &str = "MADE.UP";

/// Where the rows are and where the bars go.
pub struct Series {
    place: Place,
    /// What tells `bars` which rows they are.
    flag: &'static str,
}

/// A time of `day`: so many seconds after midnight in New York, in ns UTC.
#[track_caller]
pub fn at(day: &str, seconds: i64) -> i64 {
    (self::day(day).start_utc_ms() + seconds * 1_000) * 1_000_000
}

#[track_caller]
pub fn day(text: &str) -> TradingDay {
    text.parse().expect("a day")
}

impl Series {
    /// Trades by day; a day without prints has no file.
    pub fn of<'a>(days: impl IntoIterator<Item = (&'a str, Vec<Print>)>) -> Self {
        Self::of_days(days.into_iter().map(|(text, prints)| (day(text), prints)))
    }

    /// The same for days that are days already.
    pub fn of_days(days: impl IntoIterator<Item = (TradingDay, Vec<Print>)>) -> Self {
        let series = Self { place: Place::with_tickers([NAME]), flag: "--trades-root" };
        for (day, prints) in days {
            if !prints.is_empty() {
                tape::write_trades(&series.root(), &series.ticker(), day, &prints);
            }
        }
        series
    }

    /// Minutes, sorted.
    pub fn of_minutes(minutes: &[Ohlcv]) -> Self {
        let series = Self { place: Place::with_tickers([NAME]), flag: "--agg1m-root" };
        tape::write_minutes(&series.root(), &series.ticker(), minutes);
        series
    }

    /// Whose trades.
    pub fn ticker(&self) -> Ticker {
        ticker(NAME)
    }

    /// The tree of trades or minutes.
    pub fn root(&self) -> PathBuf {
        self.place.path().join("rows")
    }

    /// The tree of bars.
    pub fn out(&self) -> PathBuf {
        self.place.outdir()
    }

    /// `bars` over `days` into [`Self::out`], with more `words`.
    pub fn bars(&self, days: (&str, &str), words: &str) -> Command {
        self.bars_into(&self.out(), days, words)
    }

    /// `bars` over `days` into another tree.
    pub fn bars_into(&self, out: &Path, (from, to): (&str, &str), words: &str) -> Command {
        let mut bars = command("bars");
        bars.current_dir(self.place.path()).arg(self.flag).arg(self.root());
        bars.args(["--ticker", NAME, "--from", from, "--to", to]).arg("--outdir").arg(out);
        bars.args(words.split_whitespace());
        bars
    }

    /// Every file below [`Self::out`] with its bytes.
    pub fn written(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree::bytes(&self.out())
    }

    /// The bars of `folder` and `year`.
    #[track_caller]
    pub fn year(&self, folder: &str, year: i16) -> Bars {
        let path =
            self.out().join(NAME).join(folder).join(format!("year={year}")).join("bars.parquet");
        Bars(reader::read_table(&path).expect("a sound file"))
    }

    /// The years that `folder` has bars of.
    pub fn years(&self, folder: &str) -> Vec<String> {
        let folder = self.out().join(NAME).join(folder);
        let name = |path: PathBuf| {
            let year = path.strip_prefix(&folder).ok()?.parent()?.to_str()?.to_owned();
            path.ends_with("bars.parquet").then_some(year)
        };
        tree::files(&folder).into_iter().filter_map(name).collect()
    }
}

/// A table of bars.
pub struct Bars(RecordBatch);

impl Bars {
    /// A column of counts or stamps.
    #[track_caller]
    pub fn ints(&self, name: &str) -> Vec<i64> {
        self.0.column_by_name(name).expect(name).as_primitive::<Int64Type>().values().to_vec()
    }

    /// A column of prices or sums.
    #[track_caller]
    pub fn floats(&self, name: &str) -> Vec<f64> {
        self.0.column_by_name(name).expect(name).as_primitive::<Float64Type>().values().to_vec()
    }
}

/// A state that somebody has changed, with the checksum that belongs to it now.
pub fn sealed(state: &str) -> String {
    let mut state: serde_json::Value = serde_json::from_str(state).expect("JSON");
    state.as_object_mut().expect("an object").remove("crc");
    shared::disk::checked_lines::encode(&state)
}
