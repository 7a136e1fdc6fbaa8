//! The worker: one attempt at some tickers, from its first request to its exit, as a list of what
//! it does and when.
//!
//! It looks ahead: what it does depends on scenario alone, and nobody else writes what it writes.
//! Whoever ends it before its time keeps what was done by then, and nothing of the rest. What is
//! asked, believed, cut, merged, waited for and recorded is decided by the code of `worker` and
//! `shared`; here is only the order in which a worker calls it, and in `store` that in which rows
//! and lines reach the disk.

use std::time::Duration;

use jiff::Timestamp;
use shared::dataset::answers::{Asker, Asking};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::trust::Trust;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::{BaseUrl, PlainHttp};
use shared::run::events::{Event, Persistence};
use shared::run::exit::Exit;
use tests::sim::chance::{Dice, unit};
use worker::api::backoff::{Backoff, Troubles};
use worker::api::chain::Chain;
use worker::api::endpoints::Endpoint;
use worker::api::failure::Failure;
use worker::api::follow::Tries;
use worker::api::page::Page;
use worker::api::range_query::RangeQuery;
use worker::ingest::division::cuts::{halves, session_in_place};
use worker::ingest::division::{Division, Why};
use worker::ingest::not_to_be_had::NotToBeHad;
use worker::ingest::partitioner::{Partitioner, Piece};
use worker::ingest::passes::Passes;
use worker::ingest::requests::requests;
use worker::ingest::storable::Storable;
use worker::ingest::store::Kept;
use worker::ingest::store_error::StoreError;
use worker::ingest::tally::{Consequence, Fatal, TickerError};
use worker::report;

use super::actions::{Action, Log};
use super::clock::SECOND;
use super::disk::Folder;
use super::scenario::{Behaviour, Scenario};
use super::source;
use super::store::Store;

/// A plan may refuse so many of the newest days for being too new: that says nothing of older ones.
const TOO_NEW_DAYS: u32 = 7;

/// How far back into a range the plan reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    FirstDay,
    LaterDay,
    Nothing,
}

/// One attempt.
pub(crate) struct Course {
    /// In time order.
    pub(crate) actions: Vec<(u64, Action)>,
    /// When it ends by itself.
    pub(crate) ends_at: u64,
    /// How.
    pub(crate) exit: Exit,
    /// Who kills it when it begins with that ticker.
    pub(crate) poisoned_at: Option<u64>,
}

/// What it is given.
pub(crate) struct Orders<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) securities: Vec<usize>,
    pub(crate) days: DateRange,
    pub(crate) since: Option<Timestamp>,
    pub(crate) run: Asker,
}

struct Worker<'a> {
    orders: &'a Orders<'a>,
    log: Log,
    dice: Dice,
    base: BaseUrl,
    plan_begins: Option<TradingDay>,
}

struct Visit<'a> {
    whom: usize,
    store: Store<'a>,
    wanted: Coverage,
    /// What of it is not answered for yet.
    open: Coverage,
    tries: Tries,
    rows: u64,
    pages: u64,
}

/// What a worker does that is started at `t` and meets the folders of `folder_of`.
pub(crate) fn course<'a>(
    orders: &Orders<'_>,
    folder_of: impl Fn(usize) -> &'a Folder,
    t: u64,
    dice: Dice,
) -> Course {
    let base = BaseUrl::parse("http://127.0.0.1:1", PlainHttp::LoopbackOnly).expect("an origin");
    let mut worker = Worker { orders, log: Log::since(t), dice, base, plan_begins: None };
    let (mut transient, mut permanent, mut cut_short, mut poisoned_at) = (0, 0, None, None);
    for &whom in &orders.securities {
        worker.log.pass(50);
        let security = &orders.scenario.securities[whom];
        worker.says(Event::TickerStart { ticker: security.ticker.clone() });
        if security.behaviour == Behaviour::Poison {
            poisoned_at = Some(worker.log.t + 10);
        }
        let error = match worker.ingest(whom, folder_of(whom)) {
            Ok((rows, pages)) => {
                worker.says(Event::TickerDone { ticker: security.ticker.clone(), rows, pages });
                continue;
            }
            Err(error) => error,
        };
        let trouble = match worker.meaning_of(&error) {
            Ok(trouble) => trouble,
            Err(exit) => {
                cut_short = Some(exit);
                break;
            }
        };
        match trouble.persistence {
            Persistence::Transient => transient += 1,
            Persistence::Permanent => permanent += 1,
        }
        worker.says(Event::TickerFailed {
            ticker: security.ticker.clone(),
            cause: error.to_string(),
            persistence: trouble.persistence,
            origin: Some(trouble.origin),
            kind: Some(trouble.kind.into()),
        });
    }
    let exit = match cut_short {
        Some(exit) => exit,
        None if transient > 0 => Exit::Transient,
        None if permanent > 0 => Exit::Permanent,
        None => Exit::Done,
    };
    worker.log.pass(10);
    Course { ends_at: worker.log.t, actions: worker.log.actions, exit, poisoned_at }
}

impl<'a> Worker<'a> {
    fn says(&mut self, event: Event) {
        self.log.does(Action::Says(event));
    }

    /// Whose trouble it is; an exit where nobody of the batch would get further.
    fn meaning_of(&self, error: &TickerError) -> Result<report::Trouble, Exit> {
        match error.consequence() {
            Consequence::Ticker(trouble) => Ok(trouble),
            Consequence::Batch(exit) => Err(exit),
            Consequence::TickerUnlessTheTreeIs(kind) => {
                match self.orders.scenario.machine_trouble(self.log.t) {
                    None => Ok(report::Trouble::own_for_good(kind)),
                    Some(_) => Err(Exit::LocalResource),
                }
            }
        }
    }

    fn ticker(&self, whom: usize) -> &'a Ticker {
        &self.orders.scenario.securities[whom].ticker
    }

    fn ingest(&mut self, whom: usize, folder: &Folder) -> Result<(u64, u64), TickerError> {
        let Orders { scenario, days, since, .. } = *self.orders;
        let store = Store::open(scenario, whom, folder, days, &mut self.log)?;
        let run = Some(self.orders.run);
        let trust =
            Trust { since, run, ..Trust::at(scenario.wall(self.log.t), scenario.recheck_empty) };
        let wanted = store.ledger().to_ask(days, &trust);
        let (open, tries) = (wanted.clone(), self.tries(Why::Wanted));
        let mut visit = Visit { whom, store, wanted, open, tries, rows: 0, pages: 0 };
        self.ask_all(&mut visit)?;
        Ok((visit.rows, visit.pages))
    }

    /// As `Pipeline::ask_all` does it.
    fn ask_all(&mut self, visit: &mut Visit<'_>) -> Result<(), TickerError> {
        let Orders { scenario, days, since, .. } = *self.orders;
        let run = Some(self.orders.run);
        let mut passes = Passes::default();
        while !visit.wanted.is_empty() {
            visit.open = visit.wanted.clone();
            let division = self.ask(visit)?;
            let trust = Trust {
                since,
                run,
                ..Trust::at(scenario.wall(self.log.t), scenario.recheck_empty)
            };
            let outside = visit.store.ledger().outside_plan(days, &trust);
            if let Some(error) =
                NotToBeHad::of(scenario.kind, days, division, &visit.open, &outside, Vec::new())
            {
                return Err(error.into());
            }
            let (shorter, spoiled) = (visit.store.shorter(), visit.store.spoiled_days());
            passes.ended(&visit.wanted, shorter, &spoiled, visit.store.ledger());
            visit.wanted = passes.next();
        }
        if let Some(error) = visit.store.verdict(passes.shorter()) {
            return Err(error);
        }
        let lost = passes.lost();
        if lost.is_empty() { Ok(()) } else { Err(TickerError::DamagedMeanwhile(lost.clone())) }
    }

    /// As `Pipeline::ask` does it.
    fn ask(&mut self, visit: &mut Visit<'_>) -> Result<Division, TickerError> {
        let scenario = self.orders.scenario;
        let asked_for = requests(&visit.wanted, scenario.window, visit.store.ledger());
        let mut division = Division::new(scenario.kind, &asked_for)
            .with_control(session_in_place(visit.store.ledger(), &visit.wanted));
        while let Some(piece) = division.next_request() {
            let is_control = piece.why == Why::Control;
            let asked =
                if is_control { Some(piece.days) } else { visit.open_of(piece.days).hull() };
            let Some(days) = asked else {
                division.not_wanted(piece);
                continue;
            };
            let pages = visit.pages;
            visit.tries = self.tries(piece.why);
            let ended = if is_control {
                self.ask_for_nothing(visit, days)
            } else {
                self.fetch_within_plan(visit, days)
            };
            if visit.pages > pages {
                division.page_came();
            }
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
            let hint = failure.stamp().and_then(|stamp| scenario.zone.day_of_ms(stamp));
            division.failed(piece, failure, left, hint)?;
        }
        Ok(division)
    }

    /// As `Pipeline::ask_for_nothing` does it.
    fn ask_for_nothing(
        &mut self,
        visit: &mut Visit<'_>,
        days: DateRange,
    ) -> Result<(), TickerError> {
        let Some(url) = self.chain(visit.whom, days).url().cloned() else { return Ok(()) };
        self.get(visit.whom, &url, 1)?;
        visit.pages += 1;
        Ok(())
    }

    fn chain(&self, whom: usize, range: DateRange) -> Chain<RangeQuery<Ohlcv>> {
        let Scenario { kind, zone, .. } = *self.orders.scenario;
        let endpoint = Endpoint::MinuteBars(self.ticker(whom).clone(), Adjusted::No);
        Chain::new(
            self.base.clone(),
            RangeQuery::new(endpoint, Ohlcv::stamps_of(kind, zone, range)),
        )
    }

    /// As `Pipeline::tries` has it.
    fn tries(&self, why: Why) -> Tries {
        let all = Tries { faults: self.orders.scenario.tries, lies: 3 };
        match why {
            Why::Wanted | Why::Alone => all,
            Why::Suspect | Why::Sample => all.at_most(2),
            Why::LastTime | Why::Probe | Why::Control => all.at_most(1),
        }
    }

    /// As `Pipeline::fetch_within_plan` does it.
    fn fetch_within_plan(
        &mut self,
        visit: &mut Visit<'_>,
        range: DateRange,
    ) -> Result<(), TickerError> {
        let begins = self.plan_begins;
        let known = begins
            .and_then(|begins| DateRange::new(range.from(), begins.previous().min(range.to())));
        let Some(before) = known.and_then(|before| visit.wanted_of(before).hull()) else {
            return self.fetch(visit, range).map(drop);
        };
        match self.follow(visit, before.to().into()) {
            Ok(()) => {}
            Err(TickerError::Source(Failure::OutsidePlan(_))) => self.refuse(visit, before)?,
            Err(error) => return Err(error),
        }
        let rest = visit.open_of(range).hull();
        rest.map_or(Ok(()), |rest| self.fetch(visit, rest).map(drop))
    }

    /// As `Pipeline::fetch` does it.
    fn fetch(&mut self, visit: &mut Visit<'_>, range: DateRange) -> Result<Reach, TickerError> {
        match self.follow(visit, range) {
            Ok(()) => return Ok(Reach::FirstDay),
            Err(TickerError::Source(Failure::OutsidePlan(_))) => {}
            Err(error) => return Err(error),
        }
        let Some((older, newer)) = halves(range) else {
            self.refuse(visit, range)?;
            return Ok(Reach::Nothing);
        };
        let of_newer = self.fetch(visit, newer)?;
        if of_newer != Reach::FirstDay && newer.days() > TOO_NEW_DAYS {
            self.refuse(visit, older)?;
            return Ok(of_newer);
        }
        let of_older = self.fetch(visit, older)?;
        if (of_newer, of_older) == (Reach::FirstDay, Reach::Nothing) {
            self.plan_begins = Some(newer.from());
        }
        Ok(match (of_older, of_newer) {
            (Reach::Nothing, Reach::Nothing) => Reach::Nothing,
            (Reach::Nothing, _) => Reach::LaterDay,
            (of_older, _) => of_older,
        })
    }

    fn refuse(&mut self, visit: &mut Visit<'_>, days: DateRange) -> Result<(), TickerError> {
        let refused = visit.wanted_of(days);
        visit.store.record_outside_plan(&refused, self.asking(), &mut self.log)?;
        visit.open = visit.open.minus(&refused);
        Ok(())
    }

    fn follow(&mut self, visit: &mut Visit<'_>, range: DateRange) -> Result<(), TickerError> {
        let Scenario { kind, zone, tries, .. } = *self.orders.scenario;
        let ticker = self.ticker(visit.whom);
        let mut chain = self.chain(visit.whom, range);
        let mut partitioner = Partitioner::new(kind, zone, visit.wanted_of(range));
        let asking = self.asking();
        while let Some(url) = chain.url().cloned() {
            let received = match self.get(visit.whom, &url, visit.tries.faults) {
                Ok(page) => chain.accept(page),
                Err(Failure::Lie(lie)) => Err(lie),
                Err(failure) if chain.ended_by(&failure) => break,
                Err(failure) => return self.break_off(visit, failure),
            };
            match received {
                Ok(rows) => {
                    visit.pages += 1;
                    visit.rows += rows.len() as u64;
                    for piece in partitioner.take(rows) {
                        self.keep(visit, piece, asking)?;
                    }
                    let (rows, pages) = (visit.rows, visit.pages);
                    self.says(Event::Progress { ticker: ticker.clone(), rows, pages, bytes: 100 });
                }
                Err(lie) => {
                    let Some(lies) = chain.lied(visit.tries.lies) else {
                        return self.break_off(visit, Failure::Lie(lie));
                    };
                    let chance = unit(self.dice.roll());
                    let wait =
                        Self::backoff(tries).wait_after_faults(lies, chance).unwrap_or_default();
                    self.sleep(wait);
                }
            }
        }
        for piece in partitioner.finish::<Ohlcv>() {
            self.keep(visit, piece, asking)?;
        }
        Ok(visit.store.prove(&mut self.log)?)
    }

    fn break_off(&mut self, visit: &mut Visit<'_>, failure: Failure) -> Result<(), TickerError> {
        visit.store.discard();
        visit.store.prove(&mut self.log)?;
        Err(failure.into())
    }

    /// What is closed is open no more.
    fn keep(
        &mut self,
        visit: &mut Visit<'_>,
        piece: Piece<Ohlcv>,
        asking: Asking,
    ) -> Result<(), StoreError> {
        let closed = match &piece {
            Piece::Rows(..) => None,
            Piece::Closed(_, days) => Some(days.clone()),
        };
        match (visit.store.keep(piece, asking, &mut self.log)?, closed) {
            (Kept::Whole, Some(days)) => visit.open = visit.open.minus(&days),
            (Kept::Whole, None) | (Kept::Spoiled, _) => {}
        }
        Ok(())
    }

    fn asking(&self) -> Asking {
        Asking { at: self.orders.scenario.wall(self.log.t), run: Some(self.orders.run) }
    }

    fn backoff(tries: u32) -> Backoff {
        Backoff { base: Duration::from_secs(1), tries }
    }

    fn sleep(&mut self, wait: Duration) {
        self.log.pass(u64::try_from(wait.as_millis()).expect("minutes"));
    }

    fn get(&mut self, whom: usize, url: &url::Url, tries: u32) -> Result<Page<Ohlcv>, Failure> {
        let mut troubles = Troubles::default();
        loop {
            self.log.does(Action::Asks(whom));
            let answer = source::answer(self.orders.scenario, whom, url, self.log.t);
            let failure = match answer {
                Ok(page) => {
                    self.log.pass(200);
                    return Ok(page);
                }
                Err(failure) => failure,
            };
            self.log.pass(if matches!(failure, Failure::Transport(_)) { 10 * SECOND } else { 100 });
            let chance = unit(self.dice.roll());
            let retry = failure.retry();
            let wait = retry.and_then(|why| {
                Self::backoff(tries).wait(&mut troubles, why, failure.retry_after(), chance)
            });
            let Some(wait) = wait else { return Err(failure) };
            self.sleep(wait);
        }
    }
}

impl Visit<'_> {
    fn wanted_of(&self, days: DateRange) -> Coverage {
        self.wanted.intersection(&days.into())
    }

    fn open_of(&self, days: DateRange) -> Coverage {
        self.open.intersection(&days.into())
    }
}
