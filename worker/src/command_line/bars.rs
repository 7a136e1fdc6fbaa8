//! `bars`: arguments to a request, and its run.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::run_mark::RunMark;
use shared::disk::folder::Folder;
use shared::error_chain::with_causes;
use shared::market::bar::{Mode, Modes};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::events::EventLog;
use shared::run::exit::Exit;
use shared::run::leftovers;
use shared::run::limits::MAX_WORKER_THREADS;
use shared::run::ticker_list::TickerList;
use shared::series::parameters::TradeSource;
use shared::series::tree::{self, TreeError};

use super::describe;
use super::refusal::Refusal;
use super::security::SecurityArgs;
use super::until_end;
use crate::bars::batch::{self, BuildRequest, Input};
use crate::bars::begin::{Built, ExistingBars, Skip};
use crate::bars::choice::{Choice, Target, Threshold};
use crate::bars::plan::Gaps;
use crate::bars::source::minutes::MinutePrice;
use crate::bars::source::time_order::Unsorted;
use crate::bars::source::trades::TradeFilter;
use crate::bars::source::tree::InputTree;
use crate::describe::picture::file::Format;
use crate::report::{Level, Reporter};

/// As typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; the plan has enums")]
pub struct BarsArgs {
    /// Root of the trades: R/TICKER/year=YYYY/month=MM/day=YYYY-MM-DD/trades.parquet
    #[arg(
        long,
        value_name = "R",
        required_unless_present = "agg1m_root",
        conflicts_with = "agg1m_root"
    )]
    trades_root: Option<PathBuf>,
    /// Root of 1-minute bars, used instead of trades; each minute counts as one trade:
    /// R/TICKER/year=YYYY/month=MM/minute.parquet
    #[arg(long, value_name = "R")]
    agg1m_root: Option<PathBuf>,
    /// Price of a minute: its volume-weighted price (its close if it has none), or its close
    #[arg(long, value_name = "vw|close", default_value = "vw", value_parser = ["vw", "close"], conflicts_with = "trades_root")]
    agg1m_price: String,
    /// Ticker whose bars are built
    #[arg(long, required_unless_present = "tickers_csv", conflicts_with = "tickers_csv")]
    ticker: Option<Ticker>,
    /// CSV with a column `ticker`: build bars for each of them
    #[arg(long, value_name = "FILE")]
    tickers_csv: Option<PathBuf>,
    #[command(flatten)]
    security: SecurityArgs,
    /// First New York day
    #[arg(long, value_name = "YYYY-MM-DD", required = true)]
    from: Option<TradingDay>,
    /// Last New York day
    #[arg(long, value_name = "YYYY-MM-DD", required = true)]
    to: Option<TradingDay>,
    /// Root of the bars: OUT/TICKER/dollar/year=YYYY/bars.parquet
    #[arg(long, value_name = "DIR", required = true)]
    outdir: Option<PathBuf>,
    /// Kinds of bars: TB VB DB (tick, volume, dollar), TIB VIB DIB (imbalance), TRB VRB DRB (runs),
    /// all; several are built in one pass
    #[arg(long, value_name = "MODE,…", value_delimiter = ',', required = true)]
    mode: Vec<Modes>,
    /// Trades, shares or dollars per bar; MODE=X sets the target of one kind; auto derives it from
    /// --bars-per-day. Runs bars have no target: they close by --expected-ticks
    #[arg(long, value_name = "X|MODE=X|auto", value_delimiter = ',', default_value = "50000")]
    target: Vec<TargetArg>,
    /// With --target auto: bars on an average day, by the ticker's daily bars before --from; with
    /// 200, a bar holds 0.5 % of a day. Not for runs bars
    #[arg(long, value_name = "N", value_parser = positive, requires = "daily_root")]
    bars_per_day: Option<f64>,
    /// Root of the daily bars for --target auto
    #[arg(long, value_name = "R")]
    daily_root: Option<PathBuf>,
    /// How imbalance bars close
    #[arg(long, value_enum, default_value_t = Threshold::Target)]
    threshold: Threshold,
    /// Weight of the newest value in the moving averages of --threshold target and afml, above 0
    /// and at most 1
    #[arg(long, value_name = "A", default_value = "0.2", value_parser = weight)]
    alpha: f64,
    /// Expected trades per bar, for --threshold stable and afml and for runs bars
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    expected_ticks: u32,
    /// --threshold afml: trades before the first bar may close (default: --expected-ticks)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    warmup: Option<u32>,
    /// --threshold afml: lower limit of expected trades (default: a tenth of --expected-ticks)
    #[arg(long, value_name = "N", value_parser = positive)]
    min_ticks: Option<f64>,
    /// --threshold afml: upper limit of expected trades (default: ten times --expected-ticks)
    #[arg(long, value_name = "N", value_parser = positive)]
    max_ticks: Option<f64>,
    /// Sign that the tick rule gives to trades before the first price change
    #[arg(long, value_name = "1|-1", default_value = "1", value_parser = ["1", "+1", "-1"], allow_hyphen_values = true)]
    first_sign: String,
    /// Also write the columns `t_close`, n, vw, `buy_v`, `buy_dollar`, imbalance and threshold
    #[arg(long)]
    extended: bool,
    /// Trades that count: all, or (sip) those that update the consolidated last price and volume
    /// and were not cancelled; sip needs trades downloaded with --columns full
    #[arg(long, value_name = "all|sip", default_value = "all", value_parser = ["all", "sip"], conflicts_with = "agg1m_root")]
    conditions: String,
    /// Adjust prices and sizes by these splits (from `worker reference --splits`); without it they
    /// stay as traded
    #[arg(long, value_name = "SPLITS")]
    adjust: Option<PathBuf>,
    /// Replace these series: build them from this range alone
    #[arg(long)]
    rebuild: bool,
    /// Skip series that were built with these parameters and already cover the range
    #[arg(long)]
    resume: bool,
    /// With --resume: skip a series only if it was built or checked at or after this instant (RFC
    /// 3339)
    #[arg(long, value_name = "TIMESTAMP", requires = "resume")]
    covered_since: Option<Timestamp>,
    /// Mark of the run that starts this process, eight hexadecimal digits: the run recognizes what
    /// it has built or checked by its mark, so no clock decides
    #[arg(long, value_name = "HEX")]
    run_mark: Option<RunMark>,
    /// Build across missing days as if nothing was traded on them
    #[arg(long)]
    allow_gap: bool,
    /// Sort each file by timestamp; without it, a timestamp that falls is an error
    #[arg(long)]
    sort: bool,
    /// After building, draw the series into this file (.svg or .png): candles, volume, bars per
    /// day, returns against the normal distribution
    #[arg(long, value_name = "FILE", requires = "ticker")]
    plot: Option<PathBuf>,
    /// Tickers to build at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_WORKER_THREADS)))]
    max_workers: u16,
    /// Append events as JSON lines to this file, for a supervisor
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Check these arguments and exit: write nothing, open neither the ticker list nor the events
    #[arg(long, hide = true)]
    check_only: bool,
}

/// A target, for all kinds or for one.
#[derive(Debug, Clone, Copy)]
struct TargetArg {
    mode: Option<Mode>,
    amount: Amount,
}

#[derive(Debug, Clone, Copy)]
enum Amount {
    Given(f64),
    Auto,
}

impl FromStr for TargetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mode, amount) = match text.split_once('=') {
            Some((mode, amount)) => (Some(mode.parse()?), amount),
            None => (None, text),
        };
        let amount = if amount == "auto" { Amount::Auto } else { Amount::Given(positive(amount)?) };
        Ok(Self { mode, amount })
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("{text:?} is not a number above 0"))
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = positive(text).ok().filter(|weight| *weight <= 1.0);
    weight.ok_or_else(|| format!("{text:?} is not a number above 0 and at most 1"))
}

/// Checks everything that can be wrong, then builds.
pub fn run(args: BarsArgs) -> Result<Exit, Refusal> {
    if args.check_only {
        return args.check().map(|()| Exit::Done);
    }
    let ears = until_end::listen()?;
    let (tickers, repeated) = args.tickers()?;
    let events = EventLog::open(args.events.as_deref()).map_err(Refusal::local)?;
    let reporter = Reporter::new(events);
    let threads = args.max_workers.into();
    let is_one = args.ticker.is_some();
    let plot = args.plot()?;
    let note = args.note_on_auto()?;
    let request = args.resolve()?;
    let outdir = request.outdir.clone();
    claim(&outdir)?;
    if let Some(note) = note {
        reporter.run(Level::Info, &note);
    }
    for ticker in repeated {
        reporter.ticker(Level::Warn, &ticker, "is in the ticker list more than once; used once");
    }
    let exit =
        until_end::run(ears, move |stop| batch::run(&request, tickers, threads, &reporter, stop))?;
    if let Some((ticker, mode, file)) = plot.filter(|_| exit == Exit::Done) {
        describe::plot_series(&outdir, &ticker, mode, None, &file).map_err(describe::refusal)?;
        describe::say_drawn(&file);
    }
    // A person asked for this one ticker: if it can't be built, the input is wrong.
    Ok(if is_one && exit == Exit::Permanent { Exit::Usage } else { exit })
}

/// Claims the output folder for bars and removes leftovers.
fn claim(outdir: &Path) -> Result<(), Refusal> {
    tree::claim(outdir).map_err(|error| Refusal {
        exit: match error {
            TreeError::Disk(_) => Exit::LocalResource,
            TreeError::SomethingElse { .. } => Exit::Usage,
        },
        text: with_causes(&error),
    })?;
    Folder::open(outdir).and_then(|outdir| leftovers::sweep(&outdir)).map_err(Refusal::local)
}

impl BarsArgs {
    /// Answers `--check-only`: a supervisor asks before it freezes a run with these arguments. The
    /// files that they name must exist by then; the tickers are checked when their turn comes.
    fn check(self) -> Result<(), Refusal> {
        self.plot()?;
        let BuildRequest { tree, choice, .. } = self.resolve()?;
        choice
            .look(tree.root(), tree.adjusted())
            .map_err(|error| Refusal::flag("--adjust", &error))?;
        match choice.daily_root {
            Some(root) if !root.is_dir() => {
                Err(Refusal::wrong(format!("--daily-root {} is not a folder", root.display())))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn tickers(&self) -> Result<(Vec<Ticker>, Vec<Ticker>), Refusal> {
        match (&self.ticker, &self.tickers_csv) {
            (Some(ticker), _) => Ok((vec![ticker.clone()], Vec::new())),
            (None, Some(path)) => {
                let list = TickerList::read(path)
                    .map_err(|error| Refusal::flag("--tickers-csv", &error))?;
                Ok((list.tickers, list.repeated))
            }
            (None, None) => Err(Refusal::wrong("--ticker or --tickers-csv is missing".to_owned())),
        }
    }

    /// The series to draw, and the file to draw it into.
    fn plot(&self) -> Result<Option<(Ticker, Mode, PathBuf)>, Refusal> {
        let (Some(file), Some(ticker)) = (&self.plot, &self.ticker) else { return Ok(None) };
        Format::of(file).map_err(|error| Refusal::flag("--plot", &error))?;
        match self.modes()?.as_slice() {
            [(mode, _)] => Ok(Some((ticker.clone(), *mode, file.clone()))),
            modes => Err(Refusal::wrong(format!(
                "--plot draws one series, but --mode names {}; build them, then draw each with `bars describe --plot`",
                modes.len()
            ))),
        }
    }

    /// Names the kinds of bars that have no target, if `--target auto` is asked for.
    /// Runs bars have none, nor has an imbalance bar that closes by another threshold.
    fn note_on_auto(&self) -> Result<Option<String>, Refusal> {
        let is_auto = self
            .target
            .iter()
            .any(|target| target.mode.is_none() && matches!(target.amount, Amount::Auto));
        let modes = self.modes()?;
        let without: Vec<&str> = modes
            .iter()
            .filter(|(mode, _)| !self.threshold.needs_target(*mode))
            .map(|(mode, _)| mode.name())
            .collect();
        Ok((is_auto && !without.is_empty()).then(|| {
            format!(
                "--target auto does not apply to {}: they close by --expected-ticks {}",
                without.join(", "),
                self.expected_ticks
            )
        }))
    }

    /// A flag without effect is a mistake that nobody would notice in the bars.
    fn refuse_idle_flags(&self, modes: &[(Mode, Target)]) -> Result<(), Refusal> {
        let is_auto = modes.iter().any(|(_, target)| matches!(target, Target::BarsPerDay(_)));
        let afml = self.threshold == Threshold::Afml;
        let idle = [
            ("--bars-per-day", self.bars_per_day.is_some() && !is_auto, "--target auto"),
            ("--daily-root", self.daily_root.is_some() && !is_auto, "--target auto"),
            ("--warmup", self.warmup.is_some() && !afml, "--threshold afml"),
            ("--min-ticks", self.min_ticks.is_some() && !afml, "--threshold afml"),
            ("--max-ticks", self.max_ticks.is_some() && !afml, "--threshold afml"),
        ];
        if let Some((flag, _, by)) = idle.iter().find(|(_, is_idle, _)| *is_idle) {
            return Err(Refusal::wrong(format!("{flag} needs {by}; add it, or leave {flag} out")));
        }
        for (number, TargetArg { mode, .. }) in self.target.iter().enumerate() {
            let whose = mode.map_or("all kinds".to_owned(), |mode| mode.to_string());
            if self.target[..number].iter().any(|before| before.mode == *mode) {
                return Err(Refusal::wrong(format!(
                    "--target is given twice for {whose}; write MODE=X for the target of one kind"
                )));
            }
            if mode.is_some_and(|mode| !self.threshold.needs_target(mode)) {
                return Err(Refusal::wrong(format!(
                    "--target does not apply to {whose}; use --expected-ticks"
                )));
            }
        }
        Ok(())
    }

    /// Checks all arguments; changes nothing.
    fn resolve(self) -> Result<BuildRequest, Refusal> {
        let missing = |flag: &str| Refusal::wrong(format!("{flag} is missing"));
        let from = self.from.ok_or_else(|| missing("--from"))?;
        let to = self.to.ok_or_else(|| missing("--to"))?;
        let asked = DateRange::new(from, to)
            .ok_or_else(|| Refusal::wrong(format!("--to {to} is before --from {from}")))?;
        let modes = self.modes()?;
        self.refuse_idle_flags(&modes)?;
        let (root, kind, input, source) = self.input()?;
        let tree = InputTree::open(&root, kind).map_err(|error| {
            Refusal::flag(
                if kind == Kind::Trades { "--trades-root" } else { "--agg1m-root" },
                &error,
            )
        })?;
        if !root.is_dir() {
            return Err(Refusal::wrong(format!("{} is not a folder", root.display())));
        }
        let expected = f64::from(self.expected_ticks);
        let (min_ticks, max_ticks) =
            (self.min_ticks.unwrap_or(expected / 10.0), self.max_ticks.unwrap_or(expected * 10.0));
        if min_ticks > max_ticks {
            return Err(Refusal::wrong(format!(
                "--min-ticks {min_ticks} is more than --max-ticks {max_ticks}"
            )));
        }
        let outdir = self.outdir.ok_or_else(|| missing("--outdir"))?;
        Ok(BuildRequest {
            tree,
            input,
            security: self.security.resolve()?,
            outdir,
            asked,
            modes,
            choice: Choice {
                threshold: self.threshold,
                alpha: self.alpha,
                expected_ticks: self.expected_ticks,
                warmup: self.warmup.unwrap_or(self.expected_ticks),
                min_ticks,
                max_ticks,
                first_sign: if self.first_sign == "-1" { -1 } else { 1 },
                extended: self.extended,
                source,
                splits: self.adjust,
                daily_root: self.daily_root,
            },
            existing: ExistingBars {
                skip: if self.resume { Skip::Since(self.covered_since) } else { Skip::Never },
                built: if self.rebuild { Built::Replaced } else { Built::Continued },
                run: self.run_mark,
            },
            gaps: if self.allow_gap { Gaps::Allowed } else { Gaps::Refused },
            unsorted: if self.sort { Unsorted::Sorted } else { Unsorted::Refused },
        })
    }

    fn input(&self) -> Result<(PathBuf, Kind, Input, TradeSource), Refusal> {
        match (&self.trades_root, &self.agg1m_root) {
            (Some(root), _) if self.conditions == "sip" => Ok((
                root.clone(),
                Kind::Trades,
                Input::Trades(TradeFilter::Sip),
                TradeSource::SipTrades,
            )),
            (Some(root), _) => Ok((
                root.clone(),
                Kind::Trades,
                Input::Trades(TradeFilter::All),
                TradeSource::Trades,
            )),
            (None, Some(root)) if self.agg1m_price == "close" => Ok((
                root.clone(),
                Kind::Minute,
                Input::Minutes(MinutePrice::Close),
                TradeSource::MinuteClose,
            )),
            (None, Some(root)) => Ok((
                root.clone(),
                Kind::Minute,
                Input::Minutes(MinutePrice::Vwap),
                TradeSource::MinuteVwap,
            )),
            (None, None) => {
                Err(Refusal::wrong("--trades-root or --agg1m-root is missing".to_owned()))
            }
        }
    }

    /// Each kind once, with its target.
    fn modes(&self) -> Result<Vec<(Mode, Target)>, Refusal> {
        let modes = Modes::resolve(&self.mode);
        if let Some(TargetArg { mode: Some(mode), .. }) =
            self.target.iter().find(|target| target.mode.is_some_and(|mode| !modes.contains(&mode)))
        {
            return Err(Refusal::wrong(format!("--target names {mode}, but --mode does not")));
        }
        modes.into_iter().map(|mode| Ok((mode, self.target_of(mode)?))).collect()
    }

    fn target_of(&self, mode: Mode) -> Result<Target, Refusal> {
        let own = self.target.iter().rfind(|target| target.mode == Some(mode));
        let of_all = self.target.iter().rfind(|target| target.mode.is_none());
        let amount = own.or(of_all).map_or(Amount::Given(50_000.0), |target| target.amount);
        match (amount, self.bars_per_day) {
            (Amount::Given(target), _) => Ok(Target::Given(target)),
            (Amount::Auto, Some(bars)) => Ok(Target::BarsPerDay(bars)),
            (Amount::Auto, None) => {
                Err(Refusal::wrong("--target auto needs --bars-per-day; 200 is usual".to_owned()))
            }
        }
    }
}
