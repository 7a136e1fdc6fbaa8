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

/// When an attempt began, by the run's clock, which stamps facts, and by the one on the wall, which
/// stamps answers and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began {
    by_run: RunTime,
    on_wall: Timestamp,
    /// Ledgers tell by the source's clock when something was asked; where this machine's was ahead
    /// most.
    clocks: Option<SourceClock>,
}

impl Began {
    /// What began at `at` by the run's clock, which says `now` while the one on the wall says
    /// `wall`.
    pub fn of(at: RunTime, now: RunTime, wall: Timestamp) -> Self {
        Self { by_run: at, on_wall: on_the_wall(at, now, wall), clocks: None }
    }

    /// The same, where its worker has heard that this machine's clock is off.
    pub fn told_by(self, clocks: Option<SourceClock>) -> Self {
        Self { clocks, ..self }
    }

    /// By the clock on the wall: what answers and files are held against.
    pub fn on_wall(self) -> Timestamp {
        self.on_wall
    }

    /// What was old enough to be asked again by then. An empty answer that has become so since, be
    /// it because nobody was there to look, is no fault of a worker; the clock may have been set
    /// meanwhile, so the earlier of both counts.
    pub fn as_of(self) -> Timestamp {
        let as_of = self.by_run.stamp().min(self.on_wall);
        self.clocks.map_or(as_of, |clocks| clocks.earlier(as_of))
    }
}

/// Looks at the ledger of `ticker` for these `days` of the run, as far as `request` lets it count
/// at `now`. Nothing is noted: a worker may be about to write them.
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

/// The same before any worker begins, and how many files were read whole since they were not found
/// as recorded; that is noted.
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

/// What an attempt that began at `began` has left of `ticker`: how it stands, and how far it has
/// come where that is not the end. `wall` is the clock on the wall.
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

/// A tree that was copied, or written by an older version: noted once, it need not be read whole at
/// every look. Whoever writes it does the same.
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

/// How much of `days` the ledger of `ticker` proves while somebody works on it, and what these
/// hold. A glance: files are judged by their lengths, and nothing is noted.
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

/// How much of these `days` a `ledger` proves, and how much of that was asked for since an attempt
/// `began`. Pure.
pub fn partway_of(ledger: &Ledger, days: DateRange, trust: &Trust, began: Began) -> Partway {
    let fresh_days = ledger.asked_since(days, trust, to_the_second(began.on_wall()));
    Partway { days: proven_of(ledger, days, trust), fresh_days }
}

/// When that was, by the clock on the wall which says `wall` now, what was at `at` by the run's,
/// which says `now`: answers and files are stamped by the one, facts by the other. Pure.
fn on_the_wall(at: RunTime, now: RunTime, wall: Timestamp) -> Timestamp {
    at.stamp().checked_add(wall.duration_since(now.stamp())).unwrap_or(at.stamp())
}

/// What each partition of the run is likely to bring that is not proven, if the ledger of `ticker`
/// tells, or else one of an earlier dataset of the same kind.
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

/// May a clean exit stand in for a ledger that does not exist? Only for executables that keep none.
pub fn takes_word_of(program: &Program) -> bool {
    match program {
        Program::Worker | Program::Bars(_) => false,
        Program::Script(_) => true,
    }
}

/// Ledgers keep whole seconds.
fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
