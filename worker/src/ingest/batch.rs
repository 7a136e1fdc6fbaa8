//! A batch of tickers on a few threads: which way they come, and how the process ends.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use shared::dataset::kind::Kind;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::run::exit::Exit;
use shared::run::outage::Outage;
use shared::run::source_clock::SourceClock;
use shared::run::via::Via;

use super::market::choice::{Costs, Way};
use super::market::order::Order;
use super::market::rounds;
use super::pipeline::Pipeline;
use super::tally::Tally;
use super::task::Tools;
use crate::clock;
use crate::report::Level;
use shared::crew;

/// How often the log is looked at whether it has been silent for long.
const LOOK: Duration = Duration::from_secs(1);

/// How much one process takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Tickers side by side.
    pub threads: usize,
    /// Tickers that are asked for before the rest is left to another process; those that are proven
    /// already cost nothing and do not count. `None` takes on all.
    pub tickers: Option<usize>,
}

/// Ingests `tickers` and returns how the process should exit.
pub fn run(tools: Tools<'_>, tickers: &[Ticker], load: Load) -> Exit {
    let (over, is_over) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = move || {
            let mut outage = None;
            let mut say_outage = || {
                let now = tools.client.outage();
                if now != outage {
                    outage = now;
                    tools.reporter.source(
                        now.map(|(since, symptom)| Outage { since: clock::at(since), symptom }),
                    );
                }
            };
            let mut said: Option<SourceClock> = None;
            let mut say_clock = || {
                let Some(clocks) = tools.client.source_clock() else { return };
                if said.map_or(clocks.is_off(), |said| clocks.has_moved_since(said)) {
                    tools.reporter.clock(clocks);
                    said = Some(clocks);
                }
            };
            // Ends when the other end of the channel is let go.
            while is_over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                say_clock();
                say_outage();
                tools.reporter.say_how_it_gets_on(tools.client.turns_awaited());
            }
            say_clock();
        };
        if let Err(error) = thread::Builder::new().spawn_scoped(scope, watch) {
            let text =
                format!("progress is not logged: this machine has no thread to give ({error})");
            tools.reporter.run(Level::Warn, &text);
        }
        let exit = run_all(tools, tickers, load);
        drop(over);
        exit
    })
}

fn run_all(tools: Tools<'_>, tickers: &[Ticker], load: Load) -> Exit {
    let tally = Tally::new(tools.reporter, tools.stop, &tools.task.outdir);
    let orders = for_the_market(tools, tickers, load);
    let ordered: HashSet<Ticker> = orders.iter().map(|order| order.ticker.clone()).collect();
    let alone = rounds::run(tools, &tally, orders, load.threads);
    // They have been begun: none is left to another process.
    one_by_one(tools, &tally, alone.iter().collect(), 0, Load { tickers: None, ..load });
    let rest = tickers.iter().filter(|ticker| !ordered.contains(ticker)).collect();
    let left = one_by_one(tools, &tally, rest, ordered.len(), load);
    tally.close(tickers.len(), left)
}

/// The tickers whose bars are to come a session at a time: all that miss some, or none.
fn for_the_market(tools: Tools<'_>, tickers: &[Ticker], load: Load) -> Vec<Order> {
    let task = tools.task;
    if task.kind != Kind::Daily || task.via == Via::Ticker {
        return Vec::new();
    }
    // A ledger that can't be read fails its ticker when its turn comes.
    let missing =
        |ticker: &Ticker| Some(tools.ledger(ticker).ok()?.to_ask(task.asked, &task.trust_now()));
    let some = |ticker| Some((ticker, missing(ticker).filter(|days| !days.is_empty())?));
    let wanting = tickers.iter().filter_map(some).take(load.tickers.unwrap_or(usize::MAX));
    let orders: Vec<Order> =
        (0..).zip(wanting).map(|(n, (ticker, days))| Order::new(ticker, n, days)).collect();
    if orders.is_empty() {
        return orders;
    }
    let costs = Costs::of(orders.iter().map(Order::missing), task.window);
    let way = costs.choose(task.via);
    tools.reporter.run(Level::Info, &costs.words(way));
    match way {
        Way::Market => orders,
        Way::Tickers => Vec::new(),
    }
}

/// Ingests `tickers`, each for itself, when `begun` others have been asked for already. Returns how
/// many are left to another process.
fn one_by_one(
    tools: Tools<'_>,
    tally: &Tally<'_>,
    tickers: Vec<&Ticker>,
    begun: usize,
    load: Load,
) -> usize {
    let pipeline = Pipeline::new(tools);
    let (begun, left) = (AtomicUsize::new(begun), AtomicUsize::new(0));
    crew::each(
        load.threads,
        tickers,
        || !tools.stop.is_asked(),
        |ticker| {
            let is_too_much =
                |most| !is_proven(tools, ticker) && begun.fetch_add(1, Ordering::Relaxed) >= most;
            if load.tickers.is_some_and(is_too_much) {
                left.fetch_add(1, Ordering::Relaxed);
            } else {
                visit(tools, &pipeline, ticker, tally);
            }
        },
    );
    left.into_inner()
}

/// Is nothing left to ask for `ticker`? A ledger that can't be read proves nothing.
fn is_proven(tools: Tools<'_>, ticker: &Ticker) -> bool {
    let task = tools.task;
    tools.ledger(ticker).is_ok_and(|ledger| {
        tools.settled(&ledger.missing(task.asked, &task.trust_now())).is_empty()
    })
}

fn visit(tools: Tools<'_>, pipeline: &Pipeline<'_>, ticker: &Ticker, tally: &Tally<'_>) {
    tools.reporter.start(ticker);
    tools.reporter.fetching(ticker);
    let outcome = match tools.task.kind {
        Kind::Daily | Kind::Minute => pipeline.ingest::<Ohlcv>(ticker),
        Kind::Trades => pipeline.ingest::<Trade>(ticker),
    };
    tools.reporter.fetched(ticker);
    match outcome {
        Ok(received) => tally.done(ticker, received),
        Err(error) => tally.failed(ticker, &error),
    }
}
