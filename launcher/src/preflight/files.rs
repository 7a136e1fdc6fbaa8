//! Are the files of a run what its ledgers, or the states of its series, say? Compares each file
//! with its SHA-256. The ledgers keep the result; a damaged series is no longer noted as proven, so
//! `bars` looks at it again.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use shared::crew;
use shared::dataset::check;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Damage;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::series::noted;
use shared::series::proof::{SeriesFolder, StateError};

use crate::facts::Checked;
use crate::job::Task;
use crate::plan::request::Request;
use crate::supervise::bars_evidence::BarsState;

/// What a check of a run has found.
#[derive(Debug, Default)]
pub struct Found {
    /// For the journal.
    pub checked: Checked,
    /// For people: each file that is not what its ledger says, and each ticker that could not be
    /// checked.
    pub said: Vec<String>,
}

/// Checks the files of a run: those of `tickers`.
pub fn check_run(request: &Request, tickers: &[Ticker]) -> Found {
    let outdir = &request.settings.outdir;
    match request.settings.task() {
        Task::Download(kind) => check_all(outdir, kind, tickers, request.days()),
        Task::Bars(order) => check_series(outdir, &order.modes, tickers),
    }
}

/// Checks the files of `tickers` that hold some of `days`, on all processors or on as many threads
/// as are to be had.
fn check_all(outdir: &Path, kind: Kind, tickers: &[Ticker], days: DateRange) -> Found {
    each(tickers, |ticker| check::check(outdir, kind, ticker, days))
}

/// Checks the files of the series of `tickers` in these modes.
fn check_series(outdir: &Path, modes: &[Mode], tickers: &[Ticker]) -> Found {
    each(tickers, |ticker| series_of(outdir, modes, ticker))
}

fn each<E: Display + Send>(
    tickers: &[Ticker],
    check: impl Fn(&Ticker) -> Result<check::Checked, E> + Sync,
) -> Found {
    let distinct: BTreeSet<&Ticker> = tickers.iter().collect();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let check = |ticker| (ticker, check(ticker));
    let mut found = Found::default();
    for (ticker, result) in crew::each(threads, distinct.into_iter().collect(), || true, check) {
        found.take(ticker, result);
    }
    found
}

/// Those that are there: a missing one is not proven, and no check is needed to see that.
fn series_of(outdir: &Path, modes: &[Mode], ticker: &Ticker) -> Result<check::Checked, StateError> {
    let mut checked = check::Checked::default();
    for mode in modes {
        let folder = SeriesFolder::new(outdir, ticker, *mode);
        let Some(state) = BarsState::read(&folder)? else { continue };
        let damaged = state.damaged(&folder);
        if !damaged.is_empty() {
            noted::doubt(&folder)?;
        }
        for (year, proof) in &state.files {
            if damaged.contains(year) {
                let what = "its content is not what was written (SHA-256)".to_owned();
                checked.damaged.push(Damage { path: folder.file(*year), what });
            } else {
                checked.files += 1;
                checked.bytes = checked.bytes.saturating_add(proof.fingerprint.bytes);
            }
        }
    }
    Ok(checked)
}

impl Found {
    fn take(&mut self, ticker: &Ticker, result: Result<check::Checked, impl Display>) {
        match result {
            Ok(of_ticker) => {
                self.checked.tickers +=
                    u64::from(of_ticker.files > 0 && of_ticker.damaged.is_empty());
                self.checked.files += of_ticker.files;
                self.checked.bytes = self.checked.bytes.saturating_add(of_ticker.bytes);
                self.checked.damaged += of_ticker.damaged.len() as u64;
                let damaged = of_ticker.damaged.iter();
                self.said.extend(damaged.map(|it| format!("{}: {}", it.path.display(), it.what)));
            }
            Err(error) => {
                self.checked.unchecked.push(ticker.clone());
                self.said.push(format!("{ticker} is not checked: {error}"));
            }
        }
    }
}
