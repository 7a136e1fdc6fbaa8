//! Evidence: what the ledgers prove about the tickers of a run. An exit code proves nothing.

use std::path::Path;

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Ledger, Summary};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::run::source_clock::SourceClock;

use super::bars_evidence as bars;
pub use super::ticker_proof::TickerProof;
use crate::facts::Partway;
use crate::job::Task;
use crate::plan::part::Slice;
use crate::plan::request::Request;
use crate::plan::settings::Program;
use crate::plan::weights::OwnRows;
use crate::process::clock::{self, RunTime};

/// When an attempt began, by two clocks: the run's clock stamps facts, the wall clock stamps
/// answers and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began {
    by_run: RunTime,
    on_wall: Timestamp,
    /// Ledgers stamp questions by the source's clock: here is how far this machine's clock was
    /// ahead at most.
    clocks: Option<SourceClock>,
}

impl Began {
    /// An attempt that began at `at` by the run's clock. That clock says `now`, the wall clock
    /// `wall`.
    pub fn of(at: RunTime, now: RunTime, wall: Timestamp) -> Self {
        Self { by_run: at, on_wall: on_the_wall(at, now, wall), clocks: None }
    }

    /// The same for a worker that has heard that this machine's clock is off.
    pub fn told_by(self, clocks: Option<SourceClock>) -> Self {
        Self { clocks, ..self }
    }

    /// By the wall clock, for comparison with answers and files.
    pub fn on_wall(self) -> Timestamp {
        self.on_wall
    }

    /// Empty answers older than this were due to be asked again when the attempt began. An answer
    /// that became due later is no fault of the worker. The clock may have been set meanwhile, so
    /// the earlier of both stamps counts.
    pub fn as_of(self) -> Timestamp {
        let as_of = self.by_run.stamp().min(self.on_wall);
        self.clocks.map_or(as_of, |clocks| clocks.earlier(as_of))
    }
}

/// Reads what the ledger of `ticker` proves of `days` at `now`, by the trust of `request`. It
/// writes nothing, because a worker may be about to write these days.
pub fn proof_of(
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    now: Timestamp,
) -> TickerProof {
    let settings = &request.settings;
    match settings.task() {
        Task::Bars(order) => bars::proof_of(request, order, ticker, days),
        Task::Download(kind) => match Ledger::read_of(&settings.outdir, kind, ticker, days) {
            Ok(ledger) => proof_by(&ledger, request, ticker, days, now),
            Err(error) => TickerProof::unusable(&error),
        },
    }
}

/// The same before any worker begins. Also returns how many files were read whole because they did
/// not look as recorded; the ledger then records how they look now.
pub fn look(
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    now: Timestamp,
) -> (TickerProof, usize) {
    let settings = &request.settings;
    let kind = match settings.task() {
        Task::Download(kind) => kind,
        Task::Bars(order) => return (bars::proof_of(request, order, ticker, days), 0),
    };
    match Ledger::read_of(&settings.outdir, kind, ticker, days) {
        Ok(ledger) => {
            note_seen(request, kind, ticker, days, &ledger);
            (proof_by(&ledger, request, ticker, days, now), ledger.seen_anew())
        }
        Err(error) => (TickerProof::unusable(&error), 0),
    }
}

/// What an attempt that began at `began` has left to do of `ticker`, and how much it proved if it
/// did not finish. `wall` is the wall clock's time.
pub fn left_behind(
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    began: Began,
    wall: Timestamp,
) -> (TickerProof, Partway) {
    let settings = &request.settings;
    let kind = match settings.task() {
        Task::Download(kind) => kind,
        Task::Bars(order) => {
            let partway = bars::partway(request, order, ticker, days, began.on_wall());
            return (bars::proof_of(request, order, ticker, days), partway);
        }
    };
    match Ledger::read_of(&settings.outdir, kind, ticker, days) {
        Ok(ledger) => {
            note_seen(request, kind, ticker, days, &ledger);
            let proof = proof_by(&ledger, request, ticker, days, began.as_of());
            (proof, partway_of(&ledger, days, &request.trust(wall, wall), began))
        }
        Err(error) => (TickerProof::unusable(&error), Partway::default()),
    }
}

/// For a tree that was copied, or written by an older version: once the ledger records how its
/// files look, nobody needs to read them whole again. Writers do the same.
fn note_seen(request: &Request, kind: Kind, ticker: &Ticker, days: DateRange, ledger: &Ledger) {
    if ledger.seen_anew() > 0 {
        drop(OpenLedger::open(&request.settings.outdir, kind, ticker, days));
    }
}

fn proof_by(
    ledger: &Ledger,
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    now: Timestamp,
) -> TickerProof {
    let trust = request.trust(now, clock::now().max(now));
    let missing = ledger.missing(days, &trust);
    if missing.is_empty() {
        TickerProof::Proven(ledger.summary(days, &trust))
    } else if Ledger::path(&request.settings.outdir, ticker).exists() {
        let own =
            |missing| Some(OwnRows { missing, in_all: ledger.rows_expected(days.days().into())? });
        let rows = ledger.rows_expected(missing.days()).and_then(own);
        TickerProof::Short { rows, proven: ledger.summary(days, &trust) }
    } else {
        TickerProof::NoLedger
    }
}

/// How many of these `days` the ledger of `ticker` proves at `now`.
pub fn proven_days(request: &Request, ticker: &Ticker, days: DateRange, now: Timestamp) -> u64 {
    let settings = &request.settings;
    let Task::Download(kind) = settings.task() else { return 0 };
    let ledger = Ledger::read_of(&settings.outdir, kind, ticker, days);
    ledger.map_or(0, |ledger| proven_of(&ledger, days, &request.trust(now, now)))
}

/// How much of `days` the ledger of `ticker` proves while a worker writes it, with a summary. It
/// judges files by their lengths alone and writes nothing.
pub fn so_far(
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    now: Timestamp,
) -> (u64, Summary) {
    let settings = &request.settings;
    match settings.task() {
        Task::Download(kind) => {
            let trust = request.trust(now, now);
            let ledger = Ledger::read_by_length(&settings.outdir, kind, ticker);
            ledger.map_or_else(
                |_| Default::default(),
                |ledger| (proven_of(&ledger, days, &trust), ledger.summary(days, &trust)),
            )
        }
        Task::Bars(order) => {
            let partway = bars::partway(request, order, ticker, days, request.created_at);
            let summary = bars::proof_of(request, order, ticker, days).summary();
            (partway.days / order.modes.len().max(1) as u64, summary)
        }
    }
}

fn proven_of(ledger: &Ledger, days: DateRange, trust: &Trust) -> u64 {
    u64::from(days.days()) - ledger.missing(days, trust).days()
}

/// How many of `days` the `ledger` proves, and how many of them were asked for after the attempt
/// `began`. Pure.
pub fn partway_of(ledger: &Ledger, days: DateRange, trust: &Trust, began: Began) -> Partway {
    let fresh_days = ledger.asked_since(days, trust, to_the_second(began.on_wall()));
    Partway { days: proven_of(ledger, days, trust), fresh_days }
}

/// Converts `at` from the run's clock (which says `now`) to the wall clock (which says `wall`).
/// Facts carry the run's time, answers and files the wall's. Pure.
fn on_the_wall(at: RunTime, now: RunTime, wall: Timestamp) -> Timestamp {
    at.stamp().checked_add(wall.duration_since(now.stamp())).unwrap_or(at.stamp())
}

/// The rows that each unproven partition of the run is likely to bring, by the ledger of `ticker`,
/// or else by a ledger of an earlier dataset of the same kind.
pub fn slices(request: &Request, ticker: &Ticker, now: Timestamp) -> Option<Vec<Slice>> {
    let settings = &request.settings;
    let Task::Download(kind) = settings.task() else { return None };
    let of = |root: &Path, trust: &Trust| {
        Ledger::read_by_length(root, kind, ticker).ok()?.rows_expected_of(
            kind,
            request.days(),
            trust,
        )
    };
    let trust = request.trust(now, clock::now().max(now));
    // What another tree proves is not proven here.
    let nothing = Trust { since: Some(Timestamp::MAX), run: None, ..trust };
    of(&settings.outdir, &trust).or_else(|| of(settings.weights.as_deref()?, &nothing))
}

/// Is a clean exit enough where there is no ledger? Only for executables that keep none.
pub fn takes_word_of(program: &Program) -> bool {
    match program {
        Program::Worker | Program::Bars(_) => false,
        Program::Script(_) => true,
    }
}

/// Ledgers store whole seconds.
fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
