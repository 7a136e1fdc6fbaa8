//! What the states of its series prove about the bars of a ticker. A partition of bars is a series:
//! one kind of bars of one ticker.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::ledger::{Ledger, Summary};
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::series::noted;
use shared::series::proof::{self, SeriesFolder, SeriesState, StateError};

use super::ticker_proof::TickerProof;
use crate::facts::Partway;
use crate::job::BarsOrder;
use crate::plan::request::Request;
use crate::plan::weights::OwnRows;

/// The state of one series. How building continues is decided by the worker.
pub type BarsState = SeriesState<IgnoredAny>;

/// Looks at the series of `ticker`, which must all cover `days`. Also reports those that do when
/// others do not.
///
/// A state counts if `bars` has made or checked it for this run, else if its file is newer than the
/// run: only `bars` knows whether it has the parameters asked for.
pub fn proof_of(
    request: &Request,
    order: &BarsOrder,
    ticker: &Ticker,
    days: DateRange,
) -> TickerProof {
    let (mut summary, mut is_short) = (Summary::default(), false);
    for mode in &order.modes {
        let folder = SeriesFolder::new(&request.settings.outdir, ticker, *mode);
        match proven(&folder, days, request) {
            Ok(Some(state)) if state.files.is_empty() => summary.partitions_empty += 1,
            Ok(Some(state)) => {
                summary.partitions_data += 1;
                let bars = state.files.values().map(|file| file.bars);
                summary.rows = bars.fold(summary.rows, u64::saturating_add);
            }
            Ok(None) => is_short = true,
            Err(error) => return TickerProof::unusable(&error),
        }
    }
    if is_short {
        TickerProof::Short { rows: trades(order, ticker, days), proven: summary }
    } else {
        TickerProof::Proven(summary)
    }
}

/// How much of `days` the series of `ticker` hold, each counted for itself, and how much of that is
/// in states that were made, or found right, since `since`.
pub fn partway(
    request: &Request,
    order: &BarsOrder,
    ticker: &Ticker,
    days: DateRange,
    since: Timestamp,
) -> Partway {
    let mut partway = Partway::default();
    for mode in &order.modes {
        let folder = SeriesFolder::new(&request.settings.outdir, ticker, *mode);
        let Ok(Some(state)) = BarsState::read(&folder) else { continue };
        let Ok(verified) = proof::last_verified(&folder) else { continue };
        let counts = noted::is_of(&folder, request.mark()) || verified >= request.created_at;
        if !counts || state.first_damaged(&folder).is_some() {
            continue;
        }
        let held = state.covered.union(&state.gaps).intersection(&days.into()).days();
        partway.days += held;
        partway.fresh_days += if verified >= since { held } else { 0 };
    }
    partway
}

/// The state of a series that covers `days` and whose files are there.
fn proven(
    folder: &SeriesFolder,
    days: DateRange,
    request: &Request,
) -> Result<Option<BarsState>, StateError> {
    let Some(state) = BarsState::read(folder)? else { return Ok(None) };
    let is_new =
        noted::is_of(folder, request.mark()) || proof::last_verified(folder)? >= request.created_at;
    let counts = is_new && state.covers(days) && state.first_damaged(folder).is_none();
    Ok(counts.then_some(state))
}

/// The rows that bars of `days` are made of, if their ledger tells: the weight of the ticker.
fn trades(order: &BarsOrder, ticker: &Ticker, days: DateRange) -> Option<OwnRows> {
    let (_, root, kind) = order.input.parts();
    let rows = Ledger::read_by_length(root, kind, ticker).ok()?.rows_at_most(days);
    (rows > 0).then_some(OwnRows { missing: rows, in_all: rows })
}

/// The days of `days` that the series of `mode` does not cover, whenever it was built.
pub fn missing(request: &Request, mode: Mode, ticker: &Ticker) -> Result<Coverage, StateError> {
    let folder = SeriesFolder::new(&request.settings.outdir, ticker, mode);
    let days = Coverage::from(request.days());
    let state = BarsState::read(&folder)?;
    Ok(state.map_or_else(|| days.clone(), |state| days.minus(&state.covered).minus(&state.gaps)))
}
