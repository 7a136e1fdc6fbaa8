//! Downloads one ticker: requests what is missing, follows the pages, and commits partition by
//! partition. Memory holds one page and one partition, whatever the range.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::market::trading_day::TradingDay;
use shared::run::duplicates::Duplicates;
use shared::run::thousands::counted;
use url::Url;

use super::division::cuts::session_in_place;
use super::division::{Division, Why};
use super::not_to_be_had::NotToBeHad;
use super::odd_rows::OddRows;
use super::partitioner::{Partitioner, Piece};
use super::passes::Passes;
use super::quarantine;
use super::requests::requests;
use super::storable::Storable;
use super::store::{Fetch, Kept, Store};
use super::store_error::StoreError;
use super::tally::{Received, TickerError};
use super::task::{Task, Tools};
use crate::api::chain::Chain;
use crate::api::endpoints::{Endpoint, PAGE_ROWS};
use crate::api::failure::{Failure, Meaning};
use crate::api::follow::{Delivery, Means, Tries, first_page, follow};
use crate::api::page_copy::PageCopy;
use crate::api::range_query::RangeQuery;
use crate::buffers::Buffers;
use crate::clock;
use crate::pulse::Reached;
use crate::report::Level;

mod plan_reach;
mod refused_pages;

/// Brings tickers to disk; shared by all threads of the worker.
pub struct Pipeline<'a> {
    tools: Tools<'a>,
    /// The first day that the plan reaches, once a refusal has made us find it. It is the key's,
    /// not the ticker's: found once, it spares every later ticker the search, but not the question.
    plan_begins: Mutex<Option<TradingDay>>,
    /// What all threads hold.
    buffers: Buffers,
}

/// What the bars of a month take while they are written: as rows, together with those that were
/// there, and as columns.
const BARS_BYTES: u64 = 13 << 19;
/// What trades take while they are written: a group of them, and the next of its columns.
const TRADES_BYTES: u64 = 9 << 19;

/// One ticker being worked on.
struct Visit<'a, R: Storable> {
    ticker: &'a Ticker,
    store: Store<R>,
    /// What is missing; of other days nothing is kept and nothing recorded.
    wanted: Coverage,
    /// What of it is not answered for yet.
    open: Coverage,
    /// How often a page is asked for that fails.
    tries: Tries,
    received: Received,
    odd: OddRows,
    /// Bars that came in two versions, of which one was kept.
    duplicates: usize,
    /// Keeps the pages of what is suspected.
    page_copy: Option<PageCopy>,
    /// Asked for last.
    url: Option<Url>,
    /// Pages that were refused, as they came.
    kept: Vec<PathBuf>,
}

impl<R: Storable> Visit<'_, R> {
    fn wanted_of(&self, days: DateRange) -> Coverage {
        self.wanted.intersection(&days.into())
    }

    fn open_of(&self, days: DateRange) -> Coverage {
        self.open.intersection(&days.into())
    }
}

impl<'a> Pipeline<'a> {
    /// For the tickers of one batch.
    pub fn new(tools: Tools<'a>) -> Self {
        let (rows, row, writing) = match tools.task.kind {
            // Years of one ticker.
            Kind::Daily => (5_000, size_of::<Ohlcv>(), BARS_BYTES),
            Kind::Minute => (PAGE_ROWS, size_of::<Ohlcv>(), BARS_BYTES),
            Kind::Trades => (PAGE_ROWS, size_of::<Trade>(), TRADES_BYTES),
        };
        let buffers = Buffers::new(u64::from(rows) * row as u64, writing);
        Self { tools, plan_begins: Mutex::new(None), buffers }
    }

    /// Fetches what is missing of `ticker`. On an error everything committed before it stays.
    pub fn ingest<R: Storable>(&self, ticker: &Ticker) -> Result<Received, TickerError> {
        let store = self.tools.open::<R>(ticker, &Coverage::empty())?;
        let task = self.tools.task;
        let missing = store.ledger().to_ask(task.asked, &task.trust_now());
        let wanted = self.tools.settled(&missing);
        let (open, tries) = (wanted.clone(), Tries::all(self.tools.client));
        let (received, odd) = (Received::default(), OddRows::default());
        let (duplicates, page_copy, url, kept) = (0, None, None, Vec::new());
        let mut visit = Visit {
            ticker,
            store,
            wanted,
            open,
            tries,
            received,
            odd,
            duplicates,
            page_copy,
            url,
            kept,
        };
        let ended = self.ask_all(&mut visit);
        self.say_duplicates(&visit);
        let left_out = self.tools.leave_unsettled(ticker, visit.store.ledger());
        if visit.odd.any() {
            self.tools.reporter.ticker(Level::Warn, ticker, visit.odd);
        }
        ended?;
        left_out?;
        Ok(visit.received)
    }

    /// Asks for what is wanted, and then for what was found lost on the way.
    fn ask_all<R: Storable>(&self, visit: &mut Visit<'_, R>) -> Result<(), TickerError> {
        let task = self.tools.task;
        let mut passes = Passes::default();
        while !visit.wanted.is_empty() {
            visit.open = visit.wanted.clone();
            let division = self.ask(visit)?;
            let kept = std::mem::take(&mut visit.kept);
            let outside = visit.store.ledger().outside_plan(task.asked, &task.trust_now());
            if let Some(error) =
                NotToBeHad::of(task.kind, task.asked, division, &visit.open, &outside, kept)
            {
                return Err(error.into());
            }
            let (shorter, spoiled) = (visit.store.shorter(), visit.store.spoiled_days());
            passes.ended(&visit.wanted, shorter, &spoiled, visit.store.ledger());
            visit.wanted = self.tools.settled(&passes.next());
        }
        if let Some(error) = TickerError::of_store(&mut visit.store, passes.shorter()) {
            return Err(error);
        }
        let lost = self.tools.settled(passes.lost());
        if !lost.is_empty() {
            return Err(TickerError::DamagedMeanwhile(lost));
        }
        Ok(visit.store.look_for_ledger()?)
    }

    /// Requests what `visit` wants. A range that does not come is divided; what can't be fetched is
    /// left in the division.
    fn ask<R: Storable>(&self, visit: &mut Visit<'_, R>) -> Result<Division, TickerError> {
        let task = self.tools.task;
        let requests = requests(&visit.wanted, task.window, visit.store.ledger());
        let refused = quarantine::refused(&task.outdir, visit.ticker, task.kind, &visit.wanted);
        let mut division = Division::after(task.kind, &requests, &refused)
            .with_control(session_in_place(visit.store.ledger(), &visit.wanted));
        while let Some(piece) = division.next_request() {
            let is_control = piece.why == Why::Control;
            let asked =
                if is_control { Some(piece.days) } else { visit.open_of(piece.days).hull() };
            let Some(days) = asked else {
                division.not_wanted(piece);
                continue;
            };
            let pages = visit.received.pages;
            visit.tries = self.tries(piece.why);
            visit.page_copy = self.page_copy(visit.ticker, piece);
            let ended = if is_control {
                self.ask_for_nothing(visit, days)
            } else {
                self.fetch_within_plan(visit, days)
            };
            visit.open = self.tools.settled(&visit.open);
            if visit.received.pages > pages {
                division.page_came();
            }
            self.tools.tell(visit.ticker, &mut visit.store);
            let failure = match ended {
                Ok(()) => {
                    division.served(piece);
                    continue;
                }
                Err(TickerError::Source(failure)) => failure,
                Err(error) => return Err(error),
            };
            let left = if is_control { Some(days) } else { visit.open_of(days).hull() };
            let Some(left) = left else {
                division.not_wanted(piece);
                continue;
            };
            let hint = failure.stamp().and_then(|stamp| R::day_of(stamp, task.zone));
            if failure.meaning() == Meaning::BadPart || piece.why == Why::Wanted {
                self.tools.reporter.ticker(
                    Level::Warn,
                    visit.ticker,
                    format_args!("{left}: {failure}"),
                );
            }
            self.keep_page(visit, &failure, left);
            division.failed(piece, failure, left, hint)?;
        }
        Ok(division)
    }

    /// Asks once for `days`, to see whether the source answers. Nothing of them is kept or
    /// recorded.
    fn ask_for_nothing<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        days: DateRange,
    ) -> Result<(), TickerError> {
        let Tools { client, stop, .. } = self.tools;
        let chain = self.chain::<R>(visit.ticker, days);
        let bytes = first_page(client, &chain, stop, |failure, wait| {
            self.waits(visit.ticker, failure, wait);
        })?;
        visit.received.pages += 1;
        visit.received.bytes += bytes;
        Ok(())
    }

    fn chain<R: Storable>(&self, ticker: &Ticker, range: DateRange) -> Chain<RangeQuery<R>> {
        let Task { kind, zone, ref base, duplicates, .. } = *self.tools.task;
        let query = RangeQuery::new(self.endpoint(ticker), R::stamps_of(kind, zone, range));
        Chain::new(base.clone(), query.with(duplicates))
    }

    fn waits(&self, ticker: &Ticker, failure: &Failure, wait: Duration) {
        let text = format_args!("{failure}; asking again in {:.1} s", wait.as_secs_f64());
        self.tools.reporter.waiting(ticker, failure);
        self.tools.reporter.ticker(Level::Warn, ticker, text);
    }

    /// What may be bad is divided rather than asked for again and again; the last of the pieces has
    /// all tries.
    fn tries(&self, why: Why) -> Tries {
        let all = Tries::all(self.tools.client);
        match why {
            Why::Wanted | Why::Alone => all,
            Why::Suspect | Why::Sample => all.at_most(2),
            Why::LastTime | Why::Probe | Why::Control => all.at_most(1),
        }
    }

    /// One chain of pages, from the first day of `range` to its last.
    fn follow_chain<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        range: DateRange,
    ) -> Result<(), TickerError> {
        let wanted = visit.wanted_of(range);
        let Visit { ticker, store, open, tries, received, odd, duplicates, page_copy, url, .. } =
            visit;
        let ticker: &Ticker = ticker;
        let Task { kind, zone, .. } = *self.tools.task;
        let mut chain = self.chain::<R>(ticker, range);
        // What counts as settled may turn out with the first reply only.
        let begun = || Partitioner::new(kind, zone, self.tools.settled(&wanted));
        let mut partitioner: Option<Partitioner> = None;
        let begun_at = clock::moment();
        let mut fetch = Fetch { asking: self.tools.asked_at(begun_at), pages: 0 };

        let on_page = |page: Delivery<R>| -> Result<u64, TickerError> {
            fetch = Fetch { asking: self.tools.asked_at(begun_at), pages: fetch.pages + 1 };
            received.pages += 1;
            received.rows += page.rows.len() as u64;
            received.bytes += page.bytes;
            *duplicates += page.resolved.len();
            let day_of = |row: &R| R::day_of(*row.key(), zone);
            for day in page.resolved.iter().filter_map(day_of) {
                store.note_duplicate(Partition::of(kind, day), self.tools.task.duplicates);
            }
            let day = page.rows.last().and_then(day_of);
            for piece in partitioner.get_or_insert_with(begun).take(page.rows) {
                odd.look_at(&piece);
                keep(store, open, piece, fetch)?;
            }
            let Received { rows, pages, bytes } = *received;
            self.tools.reporter.reached(ticker, Reached { day, rows, pages });
            self.tools.reporter.progress(ticker, rows, pages, bytes);
            Ok(store.held())
        };
        let on_retry = |failure: &Failure, wait| self.waits(ticker, failure, wait);
        let Tools { client, stop, .. } = self.tools;
        let means = Means { client, tries: *tries, page_copy: page_copy.as_ref(), stop };
        // Until the last partition is in its place.
        let mut room = self.buffers.room();
        let followed = follow(means, &mut chain, &mut room, on_page, on_retry);
        if let Err(error) = followed {
            *url = chain.url().cloned();
            store.discard();
            odd.discard();
            store.prove()?;
            return Err(error);
        }
        fetch.asking = self.tools.asked_at(begun_at);
        for piece in partitioner.unwrap_or_else(begun).finish() {
            odd.look_at(&piece);
            keep(store, open, piece, fetch)?;
        }
        store.prove()?;
        if chain.repeated_rows() > 0 {
            let rows = counted(chain.repeated_rows(), "row");
            let text = format_args!("{rows} stood on two pages, kept once");
            self.tools.reporter.ticker(Level::Warn, ticker, text);
        }
        Ok(())
    }

    fn say_duplicates<R: Storable>(&self, visit: &Visit<'_, R>) {
        let which = match self.tools.task.duplicates {
            Duplicates::Refuse => return,
            Duplicates::KeepLast => "last",
            Duplicates::KeepFirst => "first",
        };
        let Visit { ticker, duplicates, .. } = visit;
        if *duplicates > 0 {
            let bars = counted(*duplicates as u64, "bar");
            let text = format_args!("{bars} came in two versions; the one sent {which} is kept");
            self.tools.reporter.ticker(Level::Warn, ticker, text);
        }
    }

    fn endpoint(&self, ticker: &Ticker) -> Endpoint {
        match self.tools.task.kind {
            Kind::Daily => Endpoint::DailyBars(ticker.clone(), self.tools.task.adjusted),
            Kind::Minute => Endpoint::MinuteBars(ticker.clone(), self.tools.task.adjusted),
            Kind::Trades => Endpoint::Trades(ticker.clone()),
        }
    }
}

/// What is closed is open no more.
fn keep<R: Storable>(
    store: &mut Store<R>,
    open: &mut Coverage,
    piece: Piece<R>,
    fetch: Fetch,
) -> Result<(), StoreError> {
    let closed = match &piece {
        Piece::Rows(..) => None,
        Piece::Closed(_, days) => Some(days.clone()),
    };
    match (store.keep(piece, fetch)?, closed) {
        (Kept::Whole, Some(days)) => *open = open.minus(&days),
        (Kept::Whole, None) | (Kept::Spoiled, _) => {}
    }
    Ok(())
}
