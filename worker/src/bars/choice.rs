//! From what was asked for to the parameters of a series: the same for every ticker but for what its own history
//! and splits add.

use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::Adjusted;
use shared::market::bar::{Family, Measure, Mode};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::series::parameters::{Parameters, Rule, Scale, Source};
use shared::series::proof::{SeriesFolder, SeriesState, StateError};

use super::adjust::{self, AdjustError};
use super::daily_mean::{self, DailyMean, DailyMeanError};
use super::spec::SeriesSpec;

/// How imbalance bars close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Threshold {
    /// The rule of the system before this one
    Target,
    /// A fixed number of expected trades: recommended
    Stable,
    /// As in the book, for comparison
    Afml,
}

impl Threshold {
    /// Do bars of `mode` close by a target?
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
    /// It is given.
    Given(f64),
    /// So many bars on a mean day of the ticker's own past.
    BarsPerDay(f64),
}

/// The parameters of the rules, as asked for.
#[derive(Debug, Clone)]
pub struct Choice {
    /// How imbalance bars close.
    pub threshold: Threshold,
    /// Weight of the newest.
    pub alpha: f64,
    /// Trades expected in a bar.
    pub expected_ticks: u32,
    /// Trades before the first bar may close.
    pub warmup: u32,
    /// Least number of trades expected.
    pub min_ticks: f64,
    /// Largest number of trades expected.
    pub max_ticks: f64,
    /// 1 or -1.
    pub first_sign: i8,
    /// All columns?
    pub extended: bool,
    /// What is taken for a trade.
    pub source: Source,
    /// Splits to put prices on today's scale.
    pub splits: Option<PathBuf>,
    /// Daily bars for targets that come from history.
    pub daily_root: Option<PathBuf>,
}

/// The ticker that a series is of.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Which.
    pub ticker: &'a Ticker,
    /// Of its prices.
    pub scale: &'a Scale,
    /// History ends before this day.
    pub before: TradingDay,
    /// Root of the bars whose series keep a target that came from history; `None` where all begin anew.
    pub kept_below: Option<&'a Path>,
}

/// Why a series can't be described.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The splits.
    #[error(transparent)]
    Adjust(#[from] AdjustError),
    /// The history.
    #[error(transparent)]
    DailyMean(#[from] DailyMeanError),
    /// Its own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// Splits would be counted twice.
    #[error("{root}: these prices are on today's scale already (adjusted); leave --adjust out", root = .0.display())]
    AdjustedTwice(PathBuf),
    /// Shares before and after a split are not the same.
    #[error(
        "{ticker} {mode}: --target auto would count shares of {daily} daily bars for {wanted} trades; give --target a number, or daily bars of the same scale"
    )]
    OtherScale {
        /// Whose.
        ticker: Ticker,
        /// Of which kind.
        mode: Mode,
        /// The scale of the history.
        daily: &'static str,
        /// The scale of the bars.
        wanted: &'static str,
    },
}

impl Choice {
    /// Can the splits, where there are any, be used for a tree under `root` that is `adjusted` or not?
    pub fn look(&self, root: &Path, adjusted: Adjusted) -> Result<(), ChoiceError> {
        match (&self.splits, adjusted) {
            (Some(_), Adjusted::Yes) => Err(ChoiceError::AdjustedTwice(root.to_owned())),
            (Some(path), Adjusted::No) => Ok(adjust::look(path)?),
            (None, Adjusted::Yes | Adjusted::No) => Ok(()),
        }
    }

    /// The scale of the bars of `ticker`, made from a tree under `root` that is `adjusted` or not.
    pub fn scale(&self, ticker: &Ticker, root: &Path, adjusted: Adjusted) -> Result<Scale, ChoiceError> {
        match (&self.splits, adjusted) {
            (Some(_), Adjusted::Yes) => Err(ChoiceError::AdjustedTwice(root.to_owned())),
            (Some(path), Adjusted::No) => {
                Ok(Scale::AdjustedBySplits { splits: adjust::read_splits(path, ticker)? })
            }
            (None, Adjusted::Yes) => Ok(Scale::AdjustedBySource),
            (None, Adjusted::No) => Ok(Scale::AsTraded),
        }
    }

    /// The series of `mode`.
    pub fn spec(&self, of: &Whose<'_>, mode: Mode, target: Target) -> Result<SeriesSpec, ChoiceError> {
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
                let target = match kept {
                    Some(target) => target,
                    None => self.mean(of, mode)?.mean / bars,
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
        };
        Ok(SeriesSpec { mode, parameters })
    }

    fn rule(&self, mode: Mode, target: f64) -> Rule {
        let Self { alpha, expected_ticks, warmup, min_ticks, max_ticks, .. } = *self;
        match (mode.family, self.threshold) {
            (Family::Fixed, _) => Rule::Fixed { target },
            (Family::Imbalance, Threshold::Target) => Rule::ImbalanceTarget { target, alpha },
            (Family::Imbalance, Threshold::Stable) => Rule::ImbalanceStable { expected_ticks },
            (Family::Imbalance, Threshold::Afml) => {
                Rule::ImbalanceAfml { alpha, expected_ticks, warmup, min_ticks, max_ticks }
            }
            (Family::Runs, _) => Rule::Runs { expected_ticks },
        }
    }

    fn mean(&self, of: &Whose<'_>, mode: Mode) -> Result<DailyMean, ChoiceError> {
        let ticker = of.ticker;
        let root = self.daily_root.as_deref().unwrap_or(Path::new("."));
        let mean = daily_mean::mean_daily(root, ticker, of.before, mode.measure)?;
        let is_raw = *of.scale == Scale::AsTraded;
        if mode.measure == Measure::Volume && is_raw == mean.adjusted.is_some_and(bool::from) {
            let name = |raw: bool| if raw { "raw" } else { "adjusted" };
            let (daily, wanted) = (name(!is_raw), name(is_raw));
            return Err(ChoiceError::OtherScale { ticker: ticker.clone(), mode, daily, wanted });
        }
        Ok(mean)
    }
}

/// The target that a series was begun with, if it came from history in the same way, all of it before `before`.
fn kept_target(folder: &SeriesFolder, bars: f64, before: TradingDay) -> Result<Option<f64>, ChoiceError> {
    // Of a series that is to begin earlier, the target knows of days that are to have bars now.
    let begun =
        |state: &SeriesState<IgnoredAny>| state.covered.union(&state.gaps).hull().map(DateRange::from);
    let state = SeriesState::<IgnoredAny>::read(folder)?;
    let state = state.filter(|state| begun(state).is_some_and(|first| first <= before));
    let parameters = state.map(|state| state.parameters);
    let same = |parameters: &Parameters| parameters.bars_per_day == Some(bars);
    Ok(parameters.filter(same).and_then(|parameters| match parameters.rule {
        Rule::Fixed { target } | Rule::ImbalanceTarget { target, .. } => Some(target),
        _ => None,
    }))
}
