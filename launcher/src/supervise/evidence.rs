//! Evidence: what the ledgers prove of a run's tickers. An exit code is none.

use std::path::Path;

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::ledger::Ledger;
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;

use super::bars_evidence as bars;
use super::facts::Partway;
pub use super::standing::Standing;
use crate::job::Task;
use crate::plan::part::Slice;
use crate::plan::request::Request;
use crate::plan::settings::Program;
use crate::plan::weights::OwnRows;
use crate::process::clock;

/// Looks at the ledger of `ticker` for these `days` of the run, as far as `request` lets it count at `now`.
pub fn standing(request: &Request, ticker: &Ticker, days: DateRange, now: Timestamp) -> Standing {
    look(request, ticker, days, now).0
}

/// The same, and how many files were read whole since they were not found as recorded; that is noted.
pub fn look(request: &Request, ticker: &Ticker, days: DateRange, now: Timestamp) -> (Standing, usize) {
    let settings = &request.settings;
    let kind = match settings.task() {
        Task::Download(kind) => kind,
        Task::Bars(order) => return (bars::standing(request, order, ticker, days), 0),
    };
    let ledger = match Ledger::read_of(&settings.outdir, kind, ticker, days) {
        Ok(ledger) => ledger,
        Err(error) => return (Standing::Unusable(error.to_string()), 0),
    };
    let read_whole = ledger.seen_anew();
    if read_whole > 0 {
        // A tree that was copied, or written by an older version: noted once, it need not be read whole at every look.
        // Whoever writes it does the same.
        drop(OpenLedger::open(&settings.outdir, kind, ticker, days));
    }
    let trust = request.trust(now, clock::now().max(now));
    let missing = ledger.missing(days, &trust);
    let standing = if missing.is_empty() {
        Standing::Proven(ledger.summary(days, &trust))
    } else if Ledger::path(&settings.outdir, ticker).exists() {
        let own = |missing| Some(OwnRows { missing, in_all: ledger.rows_expected(days.days().into())? });
        Standing::Short { rows: ledger.rows_expected(missing.days()).and_then(own) }
    } else {
        Standing::NoLedger
    };
    (standing, read_whole)
}

/// How much of these `days` the ledger of `ticker` proves, and how much of that was asked for since `began_at`.
pub fn partway(
    request: &Request,
    ticker: &Ticker,
    days: DateRange,
    began_at: Timestamp,
    now: Timestamp,
) -> Partway {
    let settings = &request.settings;
    // A series of bars is made from one end to the other, or not at all.
    let Task::Download(kind) = settings.task() else { return Partway::default() };
    let Ok(ledger) = Ledger::read_of(&settings.outdir, kind, ticker, days) else { return Partway::default() };
    partway_of(&ledger, days, &request.trust(now, now), began_at)
}

/// The same of a `ledger` that was read. Pure.
pub fn partway_of(ledger: &Ledger, days: DateRange, trust: &Trust, began_at: Timestamp) -> Partway {
    let proven = u64::from(days.days()) - ledger.missing(days, trust).days();
    // A clock that was set back meanwhile tells nothing of what came first.
    let fresh_days =
        if trust.now < began_at { proven } else { ledger.asked_since(days, trust, to_the_second(began_at)) };
    Partway { days: proven, fresh_days }
}

/// When that was, by the clock on the wall which says `wall` now, what was at `at` by the run's, which says `now`: answers and
/// files are stamped by the one, facts by the other. Pure.
pub fn on_the_wall(at: Timestamp, now: Timestamp, wall: Timestamp) -> Timestamp {
    at.checked_add(wall.duration_since(now)).unwrap_or(at)
}

/// What each partition of the run is likely to bring that is not proven, if the ledger of `ticker` tells, or else one of
/// an earlier dataset of the same kind.
pub fn slices(request: &Request, ticker: &Ticker, now: Timestamp) -> Option<Vec<Slice>> {
    let settings = &request.settings;
    let Task::Download(kind) = settings.task() else { return None };
    let of = |root: &Path, trust: &Trust| {
        Ledger::read_by_length(root, kind, ticker).ok()?.rows_expected_of(kind, request.days(), trust)
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
