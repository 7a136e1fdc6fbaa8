//! One ticker: what is missing is asked for, followed page by page, and committed partition by partition.
//! Memory holds one page and one partition, whatever the range.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Trust;
use shared::dataset::merge::DatedBar;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;

use super::partitioner::Partitioner;
use super::store::{Fetch, Store, StoreError};
use crate::api::chain::Chain;
use crate::api::client::Client;
use crate::api::endpoints::{Aggregates, Timespan};
use crate::api::failure::Failure;
use crate::api::follow::follow;
use crate::clock;
use crate::report::{Level, Reporter};
use crate::stop::Stop;

/// What is asked of every ticker of the batch.
#[derive(Debug, Clone)]
pub struct Task {
    /// Root of the dataset.
    pub outdir: PathBuf,
    /// What rows.
    pub kind: Kind,
    /// New York days; all of them settled.
    pub asked: DateRange,
    /// What of the ledger counts as done.
    pub trust: Trust,
    /// Whom to ask.
    pub base: BaseUrl,
    /// On which scale.
    pub adjusted: Adjusted,
}

/// Why a ticker is not done.
#[derive(Debug, thiserror::Error)]
pub enum TickerError {
    /// The source.
    #[error(transparent)]
    Source(#[from] Failure),
    /// The disk or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Received for one ticker in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Rows.
    pub rows: u64,
    /// Pages.
    pub pages: u64,
    /// Bytes, uncompressed.
    pub bytes: u64,
}

/// Brings tickers to disk; shared by all threads of the worker.
pub struct Pipeline<'a> {
    task: &'a Task,
    client: &'a Client,
    reporter: &'a Reporter,
    stop: &'a Stop,
    /// The first day that the plan reaches, once a refusal has made us find it. It is the key's, not the
    /// ticker's: found once, it spares every later ticker the search.
    plan_begins: Mutex<Option<TradingDay>>,
}

/// How much of a range the plan reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    Part,
    Nothing,
}

/// One ticker being worked on.
struct Visit<'a> {
    ticker: &'a Ticker,
    store: Store,
    received: Received,
}

impl<'a> Pipeline<'a> {
    /// For the tickers of one batch.
    pub fn new(task: &'a Task, client: &'a Client, reporter: &'a Reporter, stop: &'a Stop) -> Self {
        Self { task, client, reporter, stop, plan_begins: Mutex::new(None) }
    }

    /// Fetches what is missing of `ticker`. On an error everything committed before it stays.
    pub fn ingest(&self, ticker: &Ticker) -> Result<Received, TickerError> {
        let (store, swept) = Store::open(&self.task.outdir, self.task.kind, ticker)?;
        for path in swept {
            self.reporter.ticker(
                Level::Warn,
                ticker,
                format_args!("removed {}, left by a crash", path.display()),
            );
        }
        for (partition, damage) in store.ledger().damaged() {
            let (path, what) = (damage.path.display(), &damage.what);
            let text = format_args!("{partition} is damaged and will be fetched again: {path}: {what}");
            self.reporter.ticker(Level::Warn, ticker, text);
        }
        let to_ask = store.ledger().to_ask(self.task.asked, &self.task.trust);
        let mut visit = Visit { ticker, store, received: Received::default() };
        for range in to_ask.ranges() {
            self.fetch_within_plan(&mut visit, *range)?;
        }
        Ok(visit.received)
    }

    /// Leaves out what is known to lie before the plan's first day.
    fn fetch_within_plan(&self, visit: &mut Visit<'_>, range: DateRange) -> Result<(), TickerError> {
        let begins = *self.plan_begins.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(begins) = begins.filter(|begins| *begins > range.from()) else {
            return self.fetch(visit, range).map(drop);
        };
        let before = DateRange::new(range.from(), begins.previous().min(range.to()));
        self.refuse(visit, before.expect("the range begins before the plan does"))?;
        match DateRange::new(begins, range.to()) {
            Some(reached) => self.fetch(visit, reached).map(drop),
            None => Ok(()),
        }
    }

    /// Fetches `range`. Where the plan refuses it for its dates, halves it to find the first day that the plan
    /// reaches: plans reach back a number of years from today, so what is older than a refused day is refused.
    fn fetch(&self, visit: &mut Visit<'_>, range: DateRange) -> Result<Reach, TickerError> {
        match self.follow_chain(visit, range) {
            Ok(()) => return Ok(Reach::All),
            Err(TickerError::Source(Failure::OutsidePlan(_))) => {}
            Err(error) => return Err(error),
        }
        let Some((older, newer)) = halves(range) else {
            self.refuse(visit, range)?;
            return Ok(Reach::Nothing);
        };
        let reach = match self.fetch(visit, newer)? {
            Reach::All => self.fetch(visit, older)?,
            other => {
                self.refuse(visit, older)?;
                return Ok(other);
            }
        };
        if reach == Reach::Nothing {
            *self.plan_begins.lock().unwrap_or_else(PoisonError::into_inner) = Some(newer.from());
        }
        Ok(Reach::Part)
    }

    fn refuse(&self, visit: &mut Visit<'_>, days: DateRange) -> Result<(), TickerError> {
        let text = format_args!("{days} is outside the plan of the API key");
        self.reporter.ticker(Level::Warn, visit.ticker, text);
        let fetch = Fetch { asked_at: clock::now(), pages: visit.received.pages };
        Ok(visit.store.record_outside_plan(days, fetch)?)
    }

    /// One chain of pages, from the first day of `range` to its last.
    fn follow_chain(&self, visit: &mut Visit<'_>, range: DateRange) -> Result<(), TickerError> {
        let Visit { ticker, store, received } = visit;
        let timespan = match self.task.kind {
            Kind::Daily => Timespan::Day,
        };
        let aggregates = Aggregates { ticker: ticker.clone(), timespan, adjusted: self.task.adjusted };
        let mut chain = Chain::new(self.task.base.clone(), aggregates, range);
        let mut partitioner = Partitioner::new(self.task.kind, range);
        let mut fetch = Fetch { asked_at: clock::now(), pages: 0 };

        let on_page = |page: crate::api::follow::Delivery| -> Result<(), TickerError> {
            fetch.pages += 1;
            received.pages += 1;
            received.rows += page.rows.len() as u64;
            received.bytes += page.bytes;
            for bar in page.rows {
                let date = TradingDay::of_utc_ms(bar.t).expect("the chain lets only days of the range pass");
                for closed in partitioner.push(DatedBar { date, bar }) {
                    store.commit(&closed, fetch)?;
                }
            }
            self.reporter.progress(ticker, received.rows, received.pages, received.bytes);
            Ok(())
        };
        let on_retry = |failure: &Failure, wait: std::time::Duration| {
            let text = format_args!("{failure}; asking again in {:.1} s", wait.as_secs_f64());
            self.reporter.ticker(Level::Warn, ticker, text);
        };
        follow(self.client, &mut chain, self.stop, on_page, on_retry)?;

        for closed in partitioner.finish() {
            store.commit(&closed, fetch)?;
        }
        if chain.repeated_rows() > 0 {
            let text = format_args!("{} rows stood on two pages and were taken once", chain.repeated_rows());
            self.reporter.ticker(Level::Warn, ticker, text);
        }
        Ok(())
    }
}

/// The older and the newer half; `None` for a single day.
fn halves(range: DateRange) -> Option<(DateRange, DateRange)> {
    let middle = range.from().plus_days(i32::try_from(range.days() / 2).unwrap_or(i32::MAX));
    let older = DateRange::new(range.from(), middle.previous()).filter(|older| older.to() < middle)?;
    Some((older, DateRange::new(middle, range.to())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_ends_at_a_single_day_and_loses_none() {
        let day = |number| TradingDay::MIN.plus_days(number);
        let range = |from, to| DateRange::new(day(from), day(to)).expect("in order");
        assert_eq!(halves(range(0, 0)), None);
        assert_eq!(halves(range(0, 1)), Some((range(0, 0), range(1, 1))));
        assert_eq!(halves(range(3, 9)), Some((range(3, 5), range(6, 9))));
    }
}
