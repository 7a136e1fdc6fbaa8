//! Builds the bars of a list of tickers. A ticker that fails does not hold up the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::dataset::coverage::DateRange;
use shared::market::bar::Mode;
use shared::market::listed_periods::Securities;
use shared::market::security_days::{self, WhichSecurity};
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;
use shared::run::exit::Exit;
use shared::series::parameters::Scale;

use super::account;
use super::adjust::Factors;
use super::begin::{Built, ExistingBars};
use super::build::{self, Job, Outcome};
use super::choice::{Choice, Target, TickerContext};
use super::error::BuildError;
use super::plan::Gaps;
use super::source::Reading;
use super::source::minutes::{MinutePrice, Minutes};
use super::source::time_order::Unsorted;
use super::source::trades::{TradeFilter, Trades};
use super::source::tree::InputTree;
use crate::ingest::tally::{Received, Tally};
use crate::report::{Level, Reporter};
use crate::stop::Stop;
use shared::crew;

/// Trades between two reports of progress.
const TRADES_PER_REPORT: u64 = 2_000_000;

/// What counts as a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Trades(TradeFilter),
    Minutes(MinutePrice),
}

/// What to build, for every ticker.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    pub tree: InputTree,
    /// What counts as a trade.
    pub input: Input,
    /// The days of one security alone; `None`: all that a ticker has.
    pub security: Option<OneSecurity>,
    /// Root of the bars.
    pub outdir: PathBuf,
    /// New York days.
    pub asked: DateRange,
    /// The kinds, each once, with their targets.
    pub modes: Vec<(Mode, Target)>,
    /// The parameters of the rules.
    pub choice: Choice,
    /// What to do with existing bars.
    pub existing: ExistingBars,
    /// What to do with missing days.
    pub gaps: Gaps,
    /// What to do with files that are not in time order.
    pub unsorted: Unsorted,
}

/// Which security is wanted of each ticker, and what tells it.
#[derive(Debug, Clone)]
pub struct OneSecurity {
    /// What the reference data say.
    pub known: Arc<Securities>,
    /// Which one.
    pub which: WhichSecurity,
}

/// Builds the bars of `tickers` on up to `threads` threads.
pub fn run(
    request: &BuildRequest,
    tickers: Vec<Ticker>,
    threads: usize,
    reporter: &Reporter,
    stop: &Stop,
) -> Exit {
    let tally = Tally::new(reporter, stop, &request.outdir);
    let count = tickers.len();
    if request.tree.zone() == Zone::Utc {
        reporter.run(
            Level::Info,
            "the days of this tree are UTC days, so the range counts UTC days too",
        );
    }
    crew::each(
        threads,
        tickers,
        || !stop.is_asked(),
        |ticker| {
            reporter.start(&ticker);
            match one(request, &ticker, reporter, stop) {
                Ok(received) => tally.done(&ticker, received),
                Err(error) => tally.failed(&ticker, &error),
            }
        },
    );
    tally.close(count, 0)
}

/// Builds the bars of one ticker.
pub fn one(
    request: &BuildRequest,
    ticker: &Ticker,
    reporter: &Reporter,
    stop: &Stop,
) -> Result<Received, BuildError> {
    let BuildRequest { tree, outdir, asked, choice, existing, gaps, .. } = request;
    let days = match &request.security {
        Some(OneSecurity { known, which }) => Some(security_days::of(known, ticker, which)?),
        None => None,
    };
    let days = days.as_ref();
    let holdings = match days {
        Some(days) => {
            reporter.ticker(Level::Info, ticker, format!("the days of {days}"));
            tree.holdings_of(ticker, days)?
        }
        None => tree.holdings(ticker)?,
    };
    if !holdings.are_proven() {
        let folder = tree.root().join(ticker.as_str());
        let text = format!(
            "no ledger in {}: assuming that the files on disk are complete",
            folder.display()
        );
        reporter.ticker(Level::Warn, ticker, text);
    }
    let known = request.security.as_ref().map(|security| &*security.known);
    let scale = choice.scale(ticker, days.zip(known), tree.root(), tree.adjusted())?;
    let kept_below: Option<&Path> = (existing.built == Built::Continued).then_some(outdir);
    let context = TickerContext { ticker, days, scale: &scale, before: asked.from(), kept_below };
    let warn = |text: &str| reporter.ticker(Level::Warn, ticker, text);
    let specs: Result<Vec<_>, _> = request
        .modes
        .iter()
        .map(|(mode, target)| choice.spec(&context, *mode, *target, &warn))
        .collect();
    let reading = request.reading(&scale);
    let job = Job {
        outdir,
        asked: *asked,
        specs: specs?,
        existing: *existing,
        gaps: *gaps,
        reading: &reading,
    };
    let (mut trades, mut reported) = (0, 0);
    let progress = |more| {
        trades += more;
        if trades - reported >= TRADES_PER_REPORT {
            reporter.progress(ticker, trades, 0, 0);
            reported = trades;
        }
    };
    let outcomes = build::build(&job, &holdings, stop, progress, warn)?;
    for outcome in &outcomes {
        say(reporter, ticker, outcome);
    }
    Ok(Received { rows: trades, ..Received::default() })
}

fn say(reporter: &Reporter, ticker: &Ticker, outcome: &Outcome) {
    reporter.ticker(Level::Info, ticker, account::line(outcome));
    if let Some(warning) = account::warning(outcome) {
        reporter.ticker(Level::Warn, ticker, warning);
    }
}

impl BuildRequest {
    fn reading(&self, scale: &Scale) -> Reading {
        let factors = match scale {
            Scale::AdjustedBySplits { splits } => Factors::new(splits),
            Scale::AsTraded | Scale::AdjustedBySource => Factors::default(),
        };
        let unsorted = self.unsorted;
        match self.input {
            Input::Trades(filter) => Reading::Trades(Trades { filter, factors, unsorted }),
            Input::Minutes(price) => Reading::Minutes(Minutes { price, factors, unsorted }),
        }
    }
}
