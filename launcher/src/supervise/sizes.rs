//! Ticker sizes from a second source, for tickers without a ledger: the tree of an earlier run, or
//! a column of a CSV. [`weights`](crate::plan::weights) turns them into weights.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use shared::dataset::descriptor::{self, DescriptorError};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Ledger, LedgerError};
use shared::market::ticker::Ticker;
use shared::run::ticker_sizes::{COLUMNS, TickerSizes, TickerSizesError};

use crate::job::{Job, Task};
use crate::plan::request::Request;
use crate::plan::weights::{Sizes, Unit};

/// Why sizes can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SizesError {
    /// Not a CSV, or not a number in it.
    #[error(transparent)]
    Csv(#[from] TickerSizesError),
    #[error("{path}: no column named {columns}; add one", path = .0.display(), columns = COLUMNS.join(", "))]
    NoColumn(PathBuf),
    #[error(
        "{path}: no _dataset.json in it, so it is not the tree of an earlier run; give the --outdir of one, or a CSV",
        path = .0.display()
    )]
    NoDataset(PathBuf),
    /// A tree that can't be read.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// A ledger of it that can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Sizes from `--weights`, or else from the ticker list itself. Not for daily bars: every ticker
/// has one a session, so the column of a list says nothing.
pub fn read(request: &Request, tickers: &[Ticker]) -> Result<Sizes, SizesError> {
    let settings = &request.settings;
    match &settings.weights {
        Some(root) if root.is_dir() => of_dataset(root, request, tickers),
        Some(csv) => of_csv(csv)?.ok_or_else(|| SizesError::NoColumn(csv.clone())),
        None if settings.job == Job::Daily => Ok(Sizes::default()),
        None => Ok(of_csv(&settings.tickers_csv)?.unwrap_or_default()),
    }
}

fn of_dataset(root: &Path, request: &Request, tickers: &[Ticker]) -> Result<Sizes, SizesError> {
    let Some(dataset) = descriptor::read(root)? else {
        return Err(SizesError::NoDataset(root.to_owned()));
    };
    let mut of = HashMap::new();
    for ticker in tickers {
        let ledger = Ledger::read_by_length(root, dataset.kind, ticker)?;
        if let Some(rows) = ledger.rows_expected_within(request.days()) {
            of.insert(ticker.clone(), rows as f64);
        }
    }
    let unit = if dataset.kind == kind(request) { Unit::Rows } else { Unit::Whatever };
    Ok(Sizes { unit, of, source: format!("{} in {}", dataset.kind, root.display()) })
}

/// The kind of rows that the run works on.
fn kind(request: &Request) -> Kind {
    match request.settings.task() {
        Task::Download(kind) => kind,
        Task::Bars(order) => order.input.parts().2,
    }
}

fn of_csv(path: &Path) -> Result<Option<Sizes>, SizesError> {
    let sizes = TickerSizes::read(path)?;
    Ok(sizes.map(|TickerSizes { column, of }| Sizes {
        unit: Unit::Whatever,
        of,
        source: format!("{column} in {}", path.display()),
    }))
}
