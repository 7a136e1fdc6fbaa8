//! Asks for the sessions that a batch misses, a round at a time, and brings each ticker what is its
//! own. Newest first, so that a plan which does not reach far back is found at its edge.
//!
//! Who is not answered for by the market, since its row there is of no use or may be among those
//! that name no ticker, is asked for alone afterwards: nothing is recorded of that day, least of
//! all that it was empty. So many in one visit and no more; the others fail by name, and a later
//! visit goes on with them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::dataset::answers::Said;
use shared::dataset::coverage::Coverage;
use shared::error_chain::with_causes;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::thousands::counted;

use super::order::Order;
use super::patience::Patience;
use super::plan_edge::PlanEdge;
use super::round::{Round, SessionReply};
use super::session_query::{self, SessionQuery};
use crate::api::ask_day::{self, ask_day};
use crate::api::failure::Failure;
use crate::api::market_day::TickerNumbers;
use crate::clock::{self, Moment};
use crate::ingest::partitioner::Partitioner;
use crate::ingest::store::{Fetch, Store};
use crate::ingest::store_error::StoreError;
use crate::ingest::tally::{Consequence, Received, Tally, TickerError, of_source};
use crate::ingest::task::{Task, Tools};
use crate::pulse::Reached;
use crate::report::Level;
use shared::crew;

/// Bars held at a time, about 90 bytes each; a round has so many sessions that no more can come.
const BARS_HELD: usize = 200_000;

/// Tickers asked for alone in one visit: a day of the market that is in doubt for thousands must
/// not become as many requests.
const MOST_ALONE: usize = 250;

/// What is being fetched, in the log.
const MARKET: &str = "the whole market";

/// The batch, as all threads see it.
struct Rounds<'a> {
    tools: Tools<'a>,
    tally: &'a Tally<'a>,
    wanted: TickerNumbers,
    edge: Mutex<PlanEdge>,
    patience: Mutex<Patience>,
    alone: AtomicUsize,
}

/// Where an order is after a round.
enum Stand {
    /// More is to come.
    Open(Box<Order>),
    /// At its end, good or bad.
    Ended,
    /// Nothing more comes of the market, and days are left to be asked for without it.
    Alone(Ticker),
}

/// Fills `orders`. What they miss is read once: a ticker's place is taken only while its rows are
/// brought there. Returns the tickers that are to be asked for alone: the market's rows of them are
/// of no use.
pub fn run(
    tools: Tools<'_>,
    tally: &Tally<'_>,
    mut orders: Vec<Order>,
    threads: usize,
) -> Vec<Ticker> {
    let mut alone = Vec::new();
    let missing: Coverage =
        orders.iter().flat_map(|order| order.missing().ranges()).copied().collect();
    let queries = session_query::cut(&missing);
    let rounds = Rounds {
        tools,
        tally,
        wanted: orders.iter().map(|order| (&order.ticker, order.number)).collect(),
        edge: Mutex::new(PlanEdge::new(session_query::sessions(&queries).next_back())),
        patience: Mutex::default(),
        alone: AtomicUsize::new(0),
    };
    for order in &orders {
        tools.reporter.start(&order.ticker);
    }
    let sessions = (BARS_HELD / orders.len().max(1)).max(1);
    if !orders.is_empty() {
        tools.reporter.fetching(MARKET);
    }
    for queries in queries.rchunks(sessions) {
        let Some(reported) = orders.first_mut() else { break };
        let round = rounds.ask(queries, reported, threads);
        // What the source has said to half a round is left: writing it takes longer than a stop
        // may.
        if tools.stop.is_asked() {
            break;
        }
        let stands = crew::each(
            threads,
            orders,
            || !tools.stop.is_asked(),
            |order| rounds.bring(order, &round),
        );
        orders = Vec::new();
        for stand in stands {
            match stand {
                Stand::Open(order) => orders.push(*order),
                Stand::Ended => {}
                Stand::Alone(ticker) => alone.push(ticker),
            }
        }
    }
    tools.reporter.fetched(MARKET);
    alone
}

impl Rounds<'_> {
    /// Asks side by side, newest first. Progress of all is reported of one ticker: events name
    /// tickers, and a page is to be counted once.
    fn ask(&self, queries: &[SessionQuery], reported: &mut Order, threads: usize) -> Round {
        let begun_at = clock::moment();
        let received = Mutex::new(reported.received);
        let replies = crew::each(
            threads,
            queries.iter().rev().collect(),
            || !self.tools.stop.is_asked(),
            |query| {
                let reply = self.reply(*query, |bytes| {
                    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                    received.pages += 1;
                    received.bytes += bytes;
                    let reached =
                        Reached { day: query.session, rows: received.rows, pages: received.pages };
                    self.tools.reporter.reached(MARKET, reached);
                    let Received { rows, pages, bytes } = *received;
                    self.tools.reporter.progress(&reported.ticker, rows, pages, bytes);
                });
                (*query, reply)
            },
        );
        reported.received = received.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.round(replies, begun_at)
    }

    fn round(&self, replies: Vec<(SessionQuery, SessionReply)>, begun_at: Moment) -> Round {
        let pages =
            replies.iter().filter(|(_, reply)| matches!(reply, SessionReply::Day(_))).count()
                as u64;
        let round = Round::new(replies, Fetch { asking: self.tools.asked_at(begun_at), pages });
        for days in round.refused.ranges() {
            self.warn(format_args!("{days} is outside the plan of the API key"));
        }
        round
    }

    fn reply(&self, query: SessionQuery, on_page: impl FnOnce(u64)) -> SessionReply {
        let Some(day) = query.session else { return SessionReply::NoSession };
        if self.tools.settled_to().is_some_and(|last| last < day) {
            return SessionReply::Unsettled;
        }
        if self.edge().refuses(day) {
            return SessionReply::OutsidePlan;
        }
        if let Some(failure) = self.patience().lost() {
            return SessionReply::Failed(failure.clone());
        }
        let Tools { task, client, stop, .. } = self.tools;
        let asked =
            ask_day::DayQuery { base: &task.base, adjusted: task.adjusted, wanted: &self.wanted };
        let on_retry = |failure: &Failure, wait: std::time::Duration| {
            self.tools.reporter.waiting(MARKET, failure);
            self.warn(format_args!(
                "{day}: {failure}; asking again in {:.1} s",
                wait.as_secs_f64()
            ));
        };
        match ask_day(client, asked, day, stop, on_retry) {
            Ok((market, bytes)) => {
                self.patience().heard();
                self.edge().answer(day);
                on_page(bytes);
                if market.held == 0 {
                    self.warn(format_args!("{day}: the source has no row at all for this session"));
                }
                if market.repeated > 0 {
                    let rows = counted(market.repeated, "row");
                    self.warn(format_args!("{day}: {rows} came twice, kept once"));
                }
                if let Some(doubt) = market.doubt() {
                    self.warn(format_args!(
                        "{day}: tickers of the list without a row there are in doubt: {doubt}"
                    ));
                }
                if let Some(first) = &market.foreign.first {
                    let rows = counted(market.foreign.rows, "row");
                    self.warn(format_args!("{day}: {rows} of other tickers left out ({first})"));
                }
                SessionReply::Day(market)
            }
            Err(Failure::OutsidePlan(_)) => {
                self.patience().heard();
                self.edge().refuse(day);
                SessionReply::OutsidePlan
            }
            Err(failure) => {
                self.patience().gave_up(&failure);
                self.give_up_if_hopeless(day, &failure);
                SessionReply::Failed(failure)
            }
        }
    }

    fn edge(&self) -> MutexGuard<'_, PlanEdge> {
        self.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up_if_hopeless(&self, day: TradingDay, failure: &Failure) {
        let Consequence::Batch(exit) = of_source(failure) else { return };
        let other_way = match failure {
            Failure::Refused { status: 403, .. } => "; --via ticker does without this endpoint",
            _ => "",
        };
        let whom = format_args!("the whole market on {day}");
        self.tally.end(exit, whom, &format!("{}{other_way}", with_causes(failure)));
    }

    /// Brings `order` its part of `round`.
    fn bring(&self, mut order: Order, round: &Round) -> Stand {
        match self.commit(&mut order, round) {
            Ok(()) => {}
            // The rest of it can be brought nevertheless.
            Err(error @ (TickerError::Spoiled(_) | TickerError::Shorter { .. })) => {
                order.in_part.get_or_insert(error);
            }
            Err(error) => {
                self.tally.failed(&order.ticker, &error);
                return Stand::Ended;
            }
        }
        if order.failure.is_none() {
            order.failure = round.failure(&self.tools.settled(order.missing())).cloned();
        }
        let Received { rows, pages, bytes } = order.received;
        if round.begins().is_none_or(|day| !order.ends_at(day)) {
            self.tools.reporter.progress(&order.ticker, rows, pages, bytes);
            return Stand::Open(Box::new(order));
        }
        if order.odd.any() {
            self.tools.reporter.ticker(Level::Warn, &order.ticker, order.odd);
        }
        let wanted = self.tools.settled(order.missing());
        if let Some(error) = order.in_part {
            self.tally.failed(&order.ticker, &error);
            return Stand::Ended;
        }
        let left_out = self.look_once_more(&order.ticker, &wanted);
        match (order.failure, order.alone) {
            (Some(failure), _) => self.tally.failed(&order.ticker, &TickerError::from(failure)),
            (None, None) => match left_out {
                Ok(()) => self.tally.done(&order.ticker, order.received),
                Err(error) => self.tally.failed(&order.ticker, &error),
            },
            (None, Some(why)) if self.alone.fetch_add(1, Ordering::Relaxed) >= MOST_ALONE => {
                self.tally
                    .failed(&order.ticker, &TickerError::OneOfTooMany { why, asked: MOST_ALONE });
            }
            (None, Some(why)) => {
                let text = format_args!(
                    "the reply for the whole market cannot be used for it ({why}); it is requested alone"
                );
                self.tools.reporter.ticker(Level::Warn, &order.ticker, text);
                return Stand::Alone(order.ticker);
            }
        }
        Stand::Ended
    }

    /// The rounds of `ticker` are over: what its ledger does not answer of the days `wanted` was
    /// there, and was moved or removed meanwhile.
    fn look_once_more(&self, ticker: &Ticker, wanted: &Coverage) -> Result<(), TickerError> {
        let ledger = self.tools.ledger(ticker).map_err(StoreError::from)?;
        self.tools.leave_unsettled(ticker, &ledger)?;
        let known =
            ledger.entries().map(|entry| entry.answers.days(|answer| answer.said != Said::Lost));
        let gone = known.fold(wanted.clone(), |left, known| left.minus(&known));
        if gone.is_empty() { Ok(()) } else { Err(TickerError::DamagedMeanwhile(gone)) }
    }

    fn commit(&self, order: &mut Order, round: &Round) -> Result<(), TickerError> {
        let (bad, why) = round.bad(order.number);
        if let Some(why) = why.filter(|_| !order.missing().intersection(&bad).is_empty()) {
            order.alone.get_or_insert_with(|| why.to_owned());
        }
        let wanted = self.tools.settled(order.missing()).minus(&bad);
        let [answered, silent, refused] =
            [&round.answered, &round.silent, &round.refused].map(|days| wanted.intersection(days));
        if answered.is_empty() && silent.is_empty() && refused.is_empty() {
            return Ok(());
        }
        let task = self.tools.task;
        let mut store: Store<Ohlcv> = self.tools.open(&order.ticker, &order.brought)?;
        // The queries are older than our hold on this place.
        refuse_unasked(&store, task, order)?;
        for range in answered.ranges().iter().chain(silent.ranges()) {
            let bars = round.bars(order.number, *range);
            order.received.rows += bars.len() as u64;
            let mut partitioner = Partitioner::new(task.kind, task.zone, (*range).into());
            let mut keep = |piece| {
                order.odd.look_at(&piece);
                store.keep(piece, round.fetch).map(drop)
            };
            partitioner.take(bars).try_for_each(&mut keep)?;
            partitioner.finish().into_iter().try_for_each(keep)?;
        }
        store.record_outside_plan(&refused, round.fetch)?;
        store.prove()?;
        order.brought = [&answered, &silent, &refused]
            .into_iter()
            .fold(order.brought.clone(), |all, days| all.union(days));
        self.tools.tell(&order.ticker, &mut store);
        let shorter = store.shorter();
        match TickerError::of_store(&mut store, &shorter) {
            Some(error) => Err(error),
            None => refuse_unasked(&store, task, order),
        }
    }

    fn warn(&self, text: std::fmt::Arguments<'_>) {
        self.tools.reporter.run(Level::Warn, &text.to_string());
    }
}

/// Days that were proven when the queries were chosen may be damaged since, or found so only now.
fn refuse_unasked(store: &Store<Ohlcv>, task: &Task, order: &Order) -> Result<(), TickerError> {
    let lost = store.ledger().lost_beside(order.missing());
    let to_ask = store.ledger().to_ask(task.asked, &task.trust_now()).union(&lost);
    let unasked = to_ask.minus(order.missing());
    if unasked.is_empty() { Ok(()) } else { Err(TickerError::DamagedMeanwhile(unasked)) }
}
