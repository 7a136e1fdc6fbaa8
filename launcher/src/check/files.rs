//! Are the files of a run what its ledgers say? Compares each file with its SHA-256; the ledgers keep the result.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use shared::crew;
use shared::dataset::check;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;

use crate::facts::Checked;

/// What a check of a run has found.
#[derive(Debug, Default)]
pub struct Found {
    /// For the journal.
    pub checked: Checked,
    /// For people: each file that is not what its ledger says, and each ticker that could not be checked.
    pub said: Vec<String>,
}

/// Checks the files of `tickers` that hold some of `days`, on all processors or on as many threads as are to be had.
pub fn check_all(outdir: &Path, kind: Kind, tickers: &[Ticker], days: DateRange) -> Found {
    let distinct: BTreeSet<&Ticker> = tickers.iter().collect();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let check = |ticker| (ticker, check::check(outdir, kind, ticker, days));
    let mut found = Found::default();
    for (ticker, result) in crew::each(threads, distinct.into_iter().collect(), || true, check) {
        found.take(ticker, result);
    }
    found
}

impl Found {
    fn take(&mut self, ticker: &Ticker, result: Result<check::Checked, impl std::fmt::Display>) {
        match result {
            Ok(of_ticker) => {
                self.checked.tickers += u64::from(of_ticker.files > 0 && of_ticker.damaged.is_empty());
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
