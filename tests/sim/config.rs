//! What an exchange is asked to be.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use shared::market::trading_day::TradingDay;

use super::defects::{Defect, Defects};
use super::endpoint::AggsEnd;
use super::faults::{Fault, FaultPlan, FaultRate};
use super::rate_window::Rate;
use super::storm::Storm;
use super::synthetic::Shape;
use super::synthetic::renames::Symbols;

/// Where the rows come from.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Made up.
    Synthetic(Shape),
    /// Read from a folder.
    Replay(PathBuf),
}

/// Whether a 429 of the rate window says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryAfter {
    /// With `Retry-After` in whole seconds.
    Said,
    /// Without, as the service was seen to do.
    #[default]
    Silent,
}

/// Everything that can be chosen of an exchange.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the rows come from.
    pub rows: Rows,
    /// Answers are revised, shrink and vanish from epoch to epoch, drawn from this seed.
    pub revise: Option<u64>,
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The accepted key; any non-empty one when `None`.
    pub key: Option<String>,
    /// Most rows of a page, whatever the client asks for.
    pub page_rows_max: usize,
    /// Requests admitted in a rolling window; unlimited when `None`.
    pub rate: Option<Rate>,
    /// See [`RetryAfter`].
    pub retry_after: RetryAfter,
    /// When every request is refused; never when `None`.
    pub storm: Option<Storm>,
    /// What goes wrong, and how often.
    pub faults: FaultPlan,
    /// What is wrong for good.
    pub defects: Defects,
    /// See [`AggsEnd`].
    pub aggs_end: AggsEnd,
    /// The first day of aggregates that the plan reaches; earlier ones are a 403.
    pub plan_begins: TradingDay,
    /// A ticker of which the plan reaches every day.
    pub all_days_of: Option<String>,
    /// By so much the `Date` of its replies is ahead of this machine's clock, or behind.
    pub date_offset: SignedDuration,
}

impl Config {
    /// A synthetic market as the live service would serve it: no faults, no limits, port 0 on
    /// loopback.
    pub fn synthetic(seed: u64) -> Self {
        Self::of(Rows::Synthetic(Shape::new(seed)))
    }

    /// A folder of recorded data, likewise.
    pub fn replay(folder: impl Into<PathBuf>) -> Self {
        Self::of(Rows::Replay(folder.into()))
    }

    pub fn of(rows: Rows) -> Self {
        Self {
            rows,
            revise: None,
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: None,
            page_rows_max: usize::MAX - 2,
            rate: None,
            retry_after: RetryAfter::default(),
            storm: None,
            faults: FaultPlan::default(),
            defects: Defects::default(),
            aggs_end: AggsEnd::default(),
            plan_begins: TradingDay::MIN,
            all_days_of: None,
            date_offset: SignedDuration::ZERO,
        }
    }

    /// With so many synthetic tickers; a replay has what it has.
    #[must_use]
    pub fn with_tickers(mut self, count: usize) -> Self {
        if let Rows::Synthetic(shape) = &mut self.rows {
            shape.tickers = count;
        }
        self
    }

    /// With so many trades of the elephant on a full session.
    #[must_use]
    pub fn with_elephant_trades(mut self, count: u64) -> Self {
        if let Rows::Synthetic(shape) = &mut self.rows {
            shape.elephant_trades = count;
        }
        self
    }

    /// With so many elephants: the first of the universe by number.
    #[must_use]
    pub fn with_elephants(mut self, count: usize) -> Self {
        if let Rows::Synthetic(shape) = &mut self.rows {
            shape.elephants = count;
        }
        self
    }

    /// With securities that change their symbols, or as if they never had.
    #[must_use]
    pub fn with_symbols(mut self, symbols: Symbols) -> Self {
        if let Rows::Synthetic(shape) = &mut self.rows {
            shape.symbols = symbols;
        }
        self
    }

    /// With synthetic data to `day`.
    #[must_use]
    pub fn with_last_day(mut self, day: TradingDay) -> Self {
        if let Rows::Synthetic(shape) = &mut self.rows {
            shape.last_day = day;
        }
        self
    }

    /// With replies whose `Date` is so far off.
    #[must_use]
    pub fn with_date_offset(mut self, offset: SignedDuration) -> Self {
        self.date_offset = offset;
        self
    }

    /// With short pages.
    #[must_use]
    pub fn with_page_rows_max(mut self, rows: usize) -> Self {
        self.page_rows_max = rows;
        self
    }

    #[must_use]
    pub fn with_fault(mut self, fault: Fault, probability: f64) -> Self {
        self.faults = self.faults.with(FaultRate { fault, probability });
        self
    }

    /// With every fault at one probability, drawn from `seed`.
    #[must_use]
    pub fn with_all_faults(mut self, seed: u64, probability: f64) -> Self {
        self.faults = FaultPlan::new(seed).with_all(probability);
        self
    }

    /// With something that is wrong for good.
    #[must_use]
    pub fn with_defect(mut self, defect: Defect) -> Self {
        self.defects.0.push(defect);
        self
    }

    /// With a rate window that really refuses.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate, retry_after: RetryAfter) -> Self {
        self.rate = Some(rate);
        self.retry_after = retry_after;
        self
    }

    /// With a time in which every request is answered 429; `begins` counts from the first request.
    #[must_use]
    pub fn with_storm(mut self, begins: Duration, lasts: Duration) -> Self {
        self.storm = Some(Storm { begins, lasts });
        self
    }

    /// With a plan that begins on `day`.
    #[must_use]
    pub fn with_plan_begins(mut self, day: TradingDay) -> Self {
        self.plan_begins = day;
        self
    }

    /// With a plan that reaches every day of `ticker`, wherever it begins for others.
    #[must_use]
    pub fn with_all_days_of(mut self, ticker: &str) -> Self {
        self.all_days_of = Some(ticker.to_owned());
        self
    }

    /// Of a source that changes its mind from epoch to epoch.
    #[must_use]
    pub fn revising(mut self, seed: u64) -> Self {
        self.revise = Some(seed);
        self
    }

    /// With one accepted key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }
}
