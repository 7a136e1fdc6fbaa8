//! What a batch has to do, and what it has to do it with.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use shared::dataset::answers::Asking;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::{Ledger, LedgerError};
use shared::dataset::trust::Trust;
use shared::deadline::Deadline;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::run::base_url::BaseUrl;
use shared::run::duplicates::Duplicates;
use shared::run::events::{Origin, Persistence};
use shared::run::source_clock::SourceClock;
use shared::run::via::Via;
use shared::run::window::Window;

use super::storable::{Destination, Storable};
use super::store::Store;
use super::store_error::StoreError;
use crate::api::client::Client;
use crate::clock::{self, Moment};
use crate::report::{Level, Reporter, Trouble};
use crate::stop::Stop;

/// How long to wait for another process that has days of the ticker, and how often to look.
const PATIENCE: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(50);

/// What is asked of every ticker of the batch.
#[derive(Debug, Clone)]
pub struct Task {
    /// Root of the dataset.
    pub outdir: PathBuf,
    /// What rows.
    pub kind: Kind,
    /// Which columns trades get.
    pub columns: Columns,
    /// In which zone days are counted.
    pub zone: Zone,
    /// Days; all of them settled by this machine's clock.
    pub asked: DateRange,
    /// The days that the run counts on, more than those asked where its clock was another; `None`
    /// where nobody counts on days that are not settled.
    pub told: Option<DateRange>,
    /// How long after the end of its session a day counts as settled.
    pub settle: SignedDuration,
    /// How much is asked for at a time.
    pub window: Window,
    /// Which way; only daily bars have more than one.
    pub via: Via,
    /// What becomes of two different bars with one stamp.
    pub duplicates: Duplicates,
    /// What of the ledger counted as done when the process began.
    pub trust: Trust,
    /// Whom to ask.
    pub base: BaseUrl,
    /// On which scale.
    pub adjusted: Adjusted,
}

impl Task {
    /// What of the ledger counts as done at this moment.
    pub fn trust_now(&self) -> Trust {
        Trust { now: clock::now(), ..self.trust }
    }
}

/// Days that a run counts on and that do not count as settled.
#[derive(Debug, thiserror::Error)]
pub enum Unsettled {
    #[error("{days} is not settled by the source's clock: {clocks}")]
    BySource { days: Coverage, clocks: SourceClock },
    #[error(
        "{days} is not settled by this machine's clock, which was ahead when the run was given its days, or is behind now{}; set the clock and wait for these days", by(*.clocks)
    )]
    ByMachine { days: Coverage, clocks: Option<SourceClock> },
}

/// By how much the clock is off, if it is.
fn by(clocks: Option<SourceClock>) -> String {
    clocks
        .filter(|clocks| clocks.is_off())
        .map_or_else(String::new, |clocks| format!(" ({clocks})"))
}

impl Unsettled {
    /// What fits every ticker that meets it.
    pub fn trouble(&self) -> Trouble {
        let kind = match self {
            Self::BySource { .. } => "the clock of this machine is ahead of the source's",
            Self::ByMachine { .. } => "the clock of this machine is behind the days of the run",
        };
        Trouble { persistence: Persistence::Transient, origin: Origin::Machine, kind }
    }
}

/// What everybody who works on a batch shares.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    pub task: &'a Task,
    /// Whom to ask through.
    pub client: &'a Client,
    /// Whom to tell.
    pub reporter: &'a Reporter,
    /// When to end.
    pub stop: &'a Stop,
}

impl Tools<'_> {
    /// Those of `days` that count as settled. Where this machine's clock is ahead, that is known
    /// with the first reply.
    pub fn settled(&self, days: &Coverage) -> Coverage {
        match self.settled_to() {
            None => days.clone(),
            Some(last) => DateRange::new(TradingDay::MIN, last)
                .map_or_else(Coverage::empty, |settled| days.intersection(&settled.into())),
        }
    }

    /// The last settled day by the source's clock, where ours is ahead of it.
    pub fn settled_to(&self) -> Option<TradingDay> {
        let moment = clock::moment();
        let clocks = self.client.source_clock_at(moment).filter(|clocks| clocks.is_ahead())?;
        Some(TradingDay::last_settled(clocks.earlier(moment.at), self.task.settle))
    }

    /// Says which days that `ledger` lacks are left out since they do not count as settled. A run
    /// that counts on them hears why they are missing: after an end without a word it would look
    /// for them in vain.
    pub fn leave_unsettled(&self, ticker: &Ticker, ledger: &Ledger) -> Result<(), Unsettled> {
        let (task, trust) = (self.task, self.task.trust_now());
        let missing = ledger.to_ask(task.asked, &trust);
        let by_source = missing.minus(&self.settled(&missing));
        if !by_source.is_empty() {
            let text =
                format_args!("{by_source} is not settled by the source's clock and is left out");
            self.reporter.ticker(Level::Warn, ticker, text);
        }
        let Some(told) = task.told else { return Ok(()) };
        let by_machine = ledger.to_ask(told, &trust).minus(&task.asked.into());
        match self.client.source_clock() {
            Some(clocks) if !by_source.is_empty() => {
                Err(Unsettled::BySource { days: by_source, clocks })
            }
            Some(_) | None if by_machine.is_empty() => Ok(()),
            clocks @ (Some(_) | None) => Err(Unsettled::ByMachine { days: by_machine, clocks }),
        }
    }

    /// A question that was asked at `moment`, as ledgers tell of it: never in the source's future.
    pub fn asked_at(&self, moment: Moment) -> Asking {
        let clocks = self.client.source_clock_at(moment);
        let at = clocks.map_or(moment.at, |clocks| clocks.earlier(moment.at));
        Asking { at: clock::to_the_second(at), run: self.task.trust.run }
    }

    /// The ledger of `ticker` as it stands, without taking its place.
    pub fn ledger(&self, ticker: &Ticker) -> Result<Ledger, LedgerError> {
        Ledger::read_of(&self.task.outdir, self.task.kind, ticker, self.task.asked)
    }

    /// Takes the days asked of `ticker`, of which this visit has `brought` some already, and says
    /// what was found there. It waits for a process that has them for a moment: a check of the tree
    /// does while it notes what it found.
    pub fn open<R: Storable>(
        &self,
        ticker: &Ticker,
        brought: &Coverage,
    ) -> Result<Store<R>, StoreError> {
        let Task { kind, columns, zone, .. } = *self.task;
        let outdir = self.task.outdir.clone();
        let to = Destination { outdir, kind, zone, columns, ticker: ticker.clone() };
        let deadline = Deadline::after(PATIENCE);
        let mut store = loop {
            match Store::open(to.clone(), self.task.asked, brought) {
                Err(StoreError::Ledger(LedgerError::Busy { .. }))
                    if !deadline.left().is_zero() && !self.stop.is_asked() =>
                {
                    self.stop.sleep(GLANCE);
                }
                opened => break opened?,
            }
        };
        if store.noted() > 0 {
            let text = format_args!(
                "{} files were read whole because their length, time or inode differ from the ledger; their content is what was written (SHA-256), and the ledger says so now",
                store.noted()
            );
            self.reporter.ticker(Level::Info, ticker, text);
        }
        self.tell(ticker, &mut store);
        Ok(store)
    }

    /// Says what `store` has found.
    pub fn tell<R: Storable>(&self, ticker: &Ticker, store: &mut Store<R>) {
        for text in store.found() {
            self.reporter.ticker(Level::Warn, ticker, text);
        }
    }
}
