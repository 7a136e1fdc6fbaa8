//! What makes a series of bars what it is: change any of it and the bars are others.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dataset::kind::BarColumns;
use crate::market::security_days::SecurityDays;
use crate::market::trading_day::TradingDay;

/// Everything but ticker and mode that bars depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// When bars close.
    pub rule: BarRule,
    /// Where the target comes from, if it was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars_per_day: Option<f64>,
    /// Sign of the trades before the first move: 1 or -1.
    pub first_sign: i8,
    /// With the columns beyond the seven?
    pub extended: bool,
    /// What is taken for a trade.
    pub source: TradeSource,
    /// On which scale prices and sizes are.
    pub scale: Scale,
    /// The days of one security alone, under all its symbols; `None`: everything that the ticker
    /// has, whoever had the symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<SecurityDays>,
}

/// The rule by which bars close, with its own parameters only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum BarRule {
    /// So many trades, shares or dollars.
    Fixed {
        /// How many.
        target: f64,
    },
    /// `--threshold target`.
    ImbalanceTarget {
        /// The largest bar.
        target: f64,
        /// Weight of the newest trade.
        alpha: f64,
    },
    /// `--threshold stable`.
    ImbalanceStable {
        /// Trades expected in a bar.
        expected_ticks: u32,
    },
    /// `--threshold afml`.
    ImbalanceAfml {
        /// Weight of the newest bar.
        alpha: f64,
        /// Trades expected in the first bar.
        expected_ticks: u32,
        /// Trades before the first bar may close.
        warmup: u32,
        /// Least number of trades expected.
        min_ticks: f64,
        /// Largest number of trades expected.
        max_ticks: f64,
    },
    /// Runs.
    Runs {
        /// Trades expected in a bar.
        expected_ticks: u32,
    },
}

/// What is taken for a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeSource {
    /// Every print.
    Trades,
    /// Prints that update the consolidated last price and volume, without cancelled and erroneous
    /// ones.
    SipTrades,
    /// 1-minute bars at their volume-weighted price, at the close where there is none.
    MinuteVwap,
    /// 1-minute bars at their close.
    MinuteClose,
}

/// The scale of prices and sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scale", rename_all = "snake_case")]
pub enum Scale {
    /// As they stand in the input, which is as traded for trades.
    AsTraded,
    /// The input says that it is on the scale of the day it was fetched.
    AdjustedBySource,
    /// On the scale after these splits.
    AdjustedBySplits {
        /// Every split of the ticker that was known, by day.
        splits: Vec<Split>,
    },
}

/// `from` shares became `to` before the open of `execution_date`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// First day in new shares.
    pub execution_date: TradingDay,
    /// Old shares.
    pub from: f64,
    /// New shares.
    pub to: f64,
}

impl Parameters {
    /// Which columns its bars are written with.
    pub fn columns(&self) -> BarColumns {
        if self.extended { BarColumns::Extended } else { BarColumns::Seven }
    }
}

impl fmt::Display for Parameters {
    /// For people: every value, with the name of its flag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule)?;
        if let Some(bars_per_day) = self.bars_per_day {
            write!(f, " (from bars-per-day {bars_per_day})")?;
        }
        let source = match self.source {
            TradeSource::Trades => "trades",
            TradeSource::SipTrades => "trades, conditions sip",
            TradeSource::MinuteVwap => "minutes, agg1m-price vw",
            TradeSource::MinuteClose => "minutes, agg1m-price close",
        };
        let columns = if self.extended { "extended" } else { "seven columns" };
        write!(f, ", first-sign {}, {columns}, {source}, {}", self.first_sign, self.scale)?;
        match &self.days {
            Some(days) => write!(f, ", days of {days}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for BarRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { target } => write!(f, "target {target}"),
            Self::ImbalanceTarget { target, alpha } => {
                write!(f, "threshold target, target {target}, alpha {alpha}")
            }
            Self::ImbalanceStable { expected_ticks } => {
                write!(f, "threshold stable, expected-ticks {expected_ticks}")
            }
            Self::ImbalanceAfml { alpha, expected_ticks, warmup, min_ticks, max_ticks } => write!(
                f,
                "threshold afml, alpha {alpha}, expected-ticks {expected_ticks}, warmup {warmup}, min-ticks {min_ticks}, max-ticks {max_ticks}"
            ),
            Self::Runs { expected_ticks } => write!(f, "expected-ticks {expected_ticks}"),
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsTraded => f.write_str("as traded"),
            Self::AdjustedBySource => f.write_str("adjusted by the source"),
            Self::AdjustedBySplits { splits } => {
                let split =
                    |split: &Split| format!("{} {}:{}", split.execution_date, split.from, split.to);
                let spelled: Vec<String> = splits.iter().map(split).collect();
                write!(f, "adjusted by {} splits [{}]", splits.len(), spelled.join(", "))
            }
        }
    }
}
