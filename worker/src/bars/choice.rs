//! From the arguments to the parameters of a series. All tickers share them, except for what a
//! ticker's own history and splits add.

use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::Adjusted;
use shared::market::bar::{Family, Measure, Mode};
use shared::market::listed_periods::Securities;
use shared::market::security_days::SecurityDays;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::series::parameters::{BarRule, Parameters, Scale, TradeSource};
use shared::series::proof::{SeriesFolder, SeriesState, StateError};

use super::adjust::{self, AdjustError};
use super::daily_mean::{self, DailyMean, DailyMeanError};
use super::spec::SeriesSpec;

/// How imbalance bars close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Threshold {
    /// The rule of the older system; the default, so that series built without this flag go on
    Target,
    /// A fixed number of expected trades: recommended
    Stable,
    /// As in the book, for comparison
    Afml,
}

impl Threshold {
    /// Does a bar of `mode` close at a target?
    pub fn needs_target(self, mode: Mode) -> bool {
        match mode.family {
            Family::Fixed => true,
            Family::Imbalance => self == Self::Target,
            Family::Runs => false,
        }
    }
}

/// Where a target comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The user gives it.
    Given(f64),
    /// Derived from the ticker's history: so many bars on an average day.
    BarsPerDay(f64),
}

/// The parameters of the rules, as the user chose them.
#[derive(Debug, Clone)]
pub struct Choice {
    /// How imbalance bars close.
    pub threshold: Threshold,
    /// Weight of the newest value in moving averages.
    pub alpha: f64,
    /// Expected trades per bar.
    pub expected_ticks: u32,
    /// Trades before the first bar may close.
    pub warmup: u32,
    /// Lower limit of expected trades.
    pub min_ticks: f64,
    /// Upper limit of expected trades.
    pub max_ticks: f64,
    /// Sign of trades before the first price change: 1 or -1.
    pub first_sign: i8,
    /// Are all columns written?
    pub extended: bool,
    /// What counts as a trade.
    pub source: TradeSource,
    /// Splits by which prices are adjusted.
    pub splits: Option<PathBuf>,
    /// Root of the daily bars for [`Target::BarsPerDay`].
    pub daily_root: Option<PathBuf>,
}

/// What a series needs to know of its ticker.
#[derive(Debug, Clone, Copy)]
pub struct TickerContext<'a> {
    /// The ticker.
    pub ticker: &'a Ticker,
    /// The days of one security alone; `None`: all that the ticker has.
    pub days: Option<&'a SecurityDays>,
    /// The scale of its prices.
    pub scale: &'a Scale,
    /// Only days before this one count as history.
    pub before: TradingDay,
    /// Root of the bars: a series there keeps its target from history. `None` if all series are
    /// rebuilt.
    pub kept_below: Option<&'a Path>,
}

/// Why a series can't be specified.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The splits are unusable.
    #[error(transparent)]
    Adjust(#[from] AdjustError),
    /// The history is unusable.
    #[error(transparent)]
    DailyMean(#[from] DailyMeanError),
    /// The state of the series is unusable.
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{root}: these prices are already adjusted for splits; leave --adjust out", root = .0.display())]
    AdjustedTwice(PathBuf),
    #[error(
        "{ticker} {mode}: --target auto would apply shares of {daily} daily bars to {wanted} trades; give --target a number, or use daily bars on the same scale"
    )]
    OtherScale { ticker: Ticker, mode: Mode, daily: &'static str, wanted: &'static str },
}

impl Choice {
    /// Checks whether the splits, if any, can be used for the tree under `root`.
    pub fn look(&self, root: &Path, adjusted: Adjusted) -> Result<(), ChoiceError> {
        match (&self.splits, adjusted) {
            (Some(_), Adjusted::Yes) => Err(ChoiceError::AdjustedTwice(root.to_owned())),
            (Some(path), Adjusted::No) => Ok(adjust::look(path)?),
            (None, Adjusted::Yes | Adjusted::No) => Ok(()),
        }
    }

    /// The scale of the bars of `ticker`, or of these days of a security, built from the tree under
    /// `root`.
    pub fn scale(
        &self,
        ticker: &Ticker,
        days: Option<(&SecurityDays, &Securities)>,
        root: &Path,
        adjusted: Adjusted,
    ) -> Result<Scale, ChoiceError> {
        match (&self.splits, adjusted) {
            (Some(_), Adjusted::Yes) => Err(ChoiceError::AdjustedTwice(root.to_owned())),
            (Some(path), Adjusted::No) => {
                let splits = match days {
                    Some((days, known)) => adjust::splits_of(path, days, known)?,
                    None => adjust::read_splits(path, ticker)?,
                };
                Ok(Scale::AdjustedBySplits { splits })
            }
            (None, Adjusted::Yes) => Ok(Scale::AdjustedBySource),
            (None, Adjusted::No) => Ok(Scale::AsTraded),
        }
    }

    /// The specification of the series of `mode`. `warn` gets what is odd about a target from
    /// history.
    pub fn spec(
        &self,
        of: &TickerContext<'_>,
        mode: Mode,
        target: Target,
        warn: &dyn Fn(&str),
    ) -> Result<SeriesSpec, ChoiceError> {
        let needs_target = self.threshold.needs_target(mode);
        let (target, bars_per_day) = match target {
            Target::Given(target) => (target, None),
            Target::BarsPerDay(_) if !needs_target => (f64::NAN, None),
            Target::BarsPerDay(bars) => {
                let kept = match of.kept_below {
                    Some(outdir) => {
                        kept_target(&SeriesFolder::new(outdir, of.ticker, mode), bars, of.before)?
                    }
                    None => None,
                };
                let target = if let Some(target) = kept {
                    target
                } else {
                    let mean = self.mean(of, mode)?;
                    for text in oddities(&mean, mode, bars) {
                        warn(&text);
                    }
                    mean.mean / bars
                };
                (target, Some(bars))
            }
        };
        let parameters = Parameters {
            rule: self.rule(mode, target),
            bars_per_day,
            first_sign: self.first_sign,
            extended: self.extended,
            source: self.source,
            scale: of.scale.clone(),
            days: of.days.cloned(),
        };
        Ok(SeriesSpec { mode, parameters })
    }

    fn rule(&self, mode: Mode, target: f64) -> BarRule {
        let Self { alpha, expected_ticks, warmup, min_ticks, max_ticks, .. } = *self;
        match (mode.family, self.threshold) {
            (Family::Fixed, _) => BarRule::Fixed { target },
            (Family::Imbalance, Threshold::Target) => BarRule::ImbalanceTarget { target, alpha },
            (Family::Imbalance, Threshold::Stable) => BarRule::ImbalanceStable { expected_ticks },
            (Family::Imbalance, Threshold::Afml) => {
                BarRule::ImbalanceAfml { alpha, expected_ticks, warmup, min_ticks, max_ticks }
            }
            (Family::Runs, _) => BarRule::Runs { expected_ticks },
        }
    }

    fn mean(&self, of: &TickerContext<'_>, mode: Mode) -> Result<DailyMean, ChoiceError> {
        let ticker = of.ticker;
        let root = self.daily_root.as_deref().unwrap_or(Path::new("."));
        let mean = daily_mean::mean_daily(root, ticker, of.days, of.before, mode.measure)?;
        let is_raw = *of.scale == Scale::AsTraded;
        if mode.measure == Measure::Volume && is_raw == mean.adjusted.is_some_and(bool::from) {
            let name = |raw: bool| if raw { "raw" } else { "adjusted" };
            let (daily, wanted) = (name(!is_raw), name(is_raw));
            return Err(ChoiceError::OtherScale { ticker: ticker.clone(), mode, daily, wanted });
        }
        Ok(mean)
    }
}

/// What a person should know of a target of so many `bars` on a `mean` day.
fn oddities(mean: &DailyMean, mode: Mode, bars: f64) -> Vec<String> {
    let mut said = Vec::new();
    let DailyMean { days, left_out, trades, .. } = *mean;
    if left_out > 0 {
        said.push(format!(
            "{mode}: {left_out} of {} daily bars do not say how many trades (n) they have; the mean is over the others",
            days + left_out
        ));
    }
    if let Some(trades) = trades.filter(|trades| *trades < bars) {
        said.push(format!(
            "{mode}: --bars-per-day {bars} is more than the {trades:.0} trades of a mean day: there are not enough for one a bar"
        ));
    }
    said
}

/// The target of the series on disk, if the same number of bars per day gave it, by history before
/// `before` alone.
fn kept_target(
    folder: &SeriesFolder,
    bars: f64,
    before: TradingDay,
) -> Result<Option<f64>, ChoiceError> {
    // A series that is extended to earlier days needs a new target: its old one was derived from
    // those days.
    let begun = |state: &SeriesState<IgnoredAny>| {
        state.covered.union(&state.gaps).hull().map(DateRange::from)
    };
    let state = SeriesState::<IgnoredAny>::read(folder)?;
    let state = state.filter(|state| begun(state).is_some_and(|first| first <= before));
    let parameters = state.map(|state| state.parameters);
    let same = |parameters: &Parameters| parameters.bars_per_day == Some(bars);
    Ok(parameters.filter(same).and_then(|parameters| match parameters.rule {
        BarRule::Fixed { target } | BarRule::ImbalanceTarget { target, .. } => Some(target),
        _ => None,
    }))
}
