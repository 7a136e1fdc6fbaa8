//! `bars describe`, and the picture of `bars --plot`: from arguments to text, JSON or a picture.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::dataset::reader::ReadError;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::exit::Exit;
use shared::series::proof::{SeriesFolder, StateError};

use super::refusal::Refusal;
use crate::bars::stored::{Stored, StoredError};
use crate::describe::description::Description;
use crate::describe::picture::file::{self as picture, Format, PictureError};
use crate::describe::text;

/// As typed.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// Where the bars are: `DIR/TICKER/<kind>/year=YYYY/bars.parquet`
    #[arg(long, value_name = "DIR")]
    pub outdir: PathBuf,
    /// Ticker whose bars are described
    #[arg(long)]
    pub ticker: Ticker,
    /// Kinds of bars (TB, VB, DB, TIB, VIB, DIB, TRB, VRB, DRB); without it, every kind on disk
    #[arg(long, value_name = "MODE,…", value_delimiter = ',')]
    pub mode: Vec<Mode>,
    /// First New York day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<TradingDay>,
    /// Last New York day, included
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<TradingDay>,
    /// Print the numbers as JSON
    #[arg(long)]
    pub json: bool,
    /// Also draw the bars into this file (.svg or .png); needs exactly one kind
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

/// Reads the series, prints their numbers and draws. A series that can't be read does not keep the
/// others from being described.
pub fn run(args: &DescribeArgs) -> Result<Exit, Refusal> {
    let (text, refused) = answer(args)?;
    say(&text)?;
    refused.map_or(Ok(Exit::Done), Err)
}

/// The text about the series that can be read, and the reason why others can't.
fn answer(args: &DescribeArgs) -> Result<(String, Option<Refusal>), Refusal> {
    let range = range(args.from, args.to)?;
    let modes = modes(args)?;
    if let Some(file) = &args.plot {
        Format::of(file).map_err(|error| Refusal::flag("--plot", &error))?;
        if modes.len() > 1 {
            let names = modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(", ");
            let text =
                format!("--plot draws one kind of bars, not {names}; choose one with --mode");
            return Err(Refusal::wrong(text));
        }
    }
    let mut described = Vec::new();
    let mut refused: Vec<Refusal> = Vec::new();
    for mode in modes {
        match describe(args, mode, range) {
            Ok(description) => described.push(description),
            Err(error) => refused.push(refusal(error)),
        }
    }
    let text = match &described[..] {
        [] => String::new(),
        some if args.json => json(some),
        some => text::text(some),
    };
    let texts: Vec<&str> = refused.iter().map(|refusal| refusal.text.as_str()).collect();
    let refused = refused.first().map(|first| Refusal { exit: first.exit, text: texts.join("\n") });
    Ok((text, refused))
}

/// Draws one series into `file` (.svg or .png): the bars that opened on the days of `range`, or all
/// bars.
pub fn plot_series(
    outdir: &Path,
    ticker: &Ticker,
    mode: Mode,
    range: Option<DateRange>,
    file: &Path,
) -> Result<(), PictureError> {
    Format::of(file)?;
    let stored = Stored::open(outdir, ticker, mode)?;
    let description = Description::of(&stored, range)?;
    picture::publish(&stored, &description, file)
}

fn range(from: Option<TradingDay>, to: Option<TradingDay>) -> Result<Option<DateRange>, Refusal> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let (from, to) = (from.unwrap_or(TradingDay::MIN), to.unwrap_or(TradingDay::MAX));
    let range = DateRange::new(from, to);
    range.map(Some).ok_or_else(|| Refusal::wrong(format!("--to {to} is before --from {from}")))
}

/// The kinds that the user names, each once, or the kinds on disk.
fn modes(args: &DescribeArgs) -> Result<Vec<Mode>, Refusal> {
    let folder = |mode: Mode| SeriesFolder::new(&args.outdir, &args.ticker, mode);
    let wanted = |mode: &Mode| {
        if args.mode.is_empty() { folder(*mode).path().is_dir() } else { args.mode.contains(mode) }
    };
    let found: Vec<Mode> = Mode::ALL.into_iter().filter(wanted).collect();
    if found.is_empty() {
        let place = args.outdir.join(args.ticker.as_str());
        return Err(Refusal::wrong(format!(
            "{}: no series of bars; build one with `bars`",
            place.display()
        )));
    }
    Ok(found)
}

fn describe(
    args: &DescribeArgs,
    mode: Mode,
    range: Option<DateRange>,
) -> Result<Description, PictureError> {
    let stored = Stored::open(&args.outdir, &args.ticker, mode)?;
    let description = Description::of(&stored, range)?;
    if let Some(file) = &args.plot {
        picture::publish(&stored, &description, file)?;
        say_drawn(file);
    }
    Ok(description)
}

/// Tells that a picture is there, on standard error: standard output is for numbers. Where nobody
/// listens the picture is there all the same.
pub fn say_drawn(file: &Path) {
    let _ = writeln!(io::stderr(), "drawn into {}", file.display());
}

/// The exit code and the sentence for a series that can't be described or drawn.
pub fn refusal(error: PictureError) -> Refusal {
    match error {
        PictureError::Disk(error)
        | PictureError::Stored(
            StoredError::Disk(error)
            | StoredError::State(StateError::Disk(error))
            | StoredError::Read(ReadError::Disk(error)),
        ) => Refusal::local(error),
        other => Refusal::usage(other),
    }
}

#[derive(Serialize)]
struct Described<'a> {
    series: &'a [Description],
}

fn json(series: &[Description]) -> String {
    let text = serde_json::to_string_pretty(&Described { series });
    text.expect("a description is plain data") + "\n"
}

/// Prints `text`. A reader that closed the pipe (`| head`) is no error.
fn say(text: &str) -> Result<(), Refusal> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Refusal {
            exit: Exit::LocalResource,
            text: format!("can't write to standard output: {error}"),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
