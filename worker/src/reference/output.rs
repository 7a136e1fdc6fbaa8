//! Where the tables of a snapshot are, and that an output belongs to one source and one writer at a
//! time.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::disk::folder::Folder;
use shared::disk::links;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::{self, DiskError, Draft};
use shared::disk::regular;
use shared::market::trading_day::TradingDay;
use shared::run::leftovers;

const SCHEMA_VERSION: u32 = 1;

/// The tables of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableName {
    /// Who is listed.
    Tickers,
    /// What is known of each.
    Details,
    /// How shares were split.
    Splits,
    /// Which symbols each security had.
    Events,
}

impl TableName {
    const ALL: [Self; 4] = [Self::Tickers, Self::Details, Self::Splits, Self::Events];

    /// Its folder in the output.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Tickers => "tickers_snapshot",
            Self::Details => "ticker_details",
            Self::Splits => "splits",
            Self::Events => "ticker_events_snapshot",
        }
    }

    pub fn file(self) -> &'static str {
        match self {
            Self::Tickers => "tickers.parquet",
            Self::Details => "details.parquet",
            Self::Splits => "splits.parquet",
            Self::Events => "events.parquet",
        }
    }
}

/// Folder of one snapshot date: `snapshot_date=YYYY-MM-DD`.
pub fn folder_of(date: TradingDay) -> String {
    format!("snapshot_date={date}")
}

/// The date of a folder's name.
pub fn date_of(folder: &str) -> Option<TradingDay> {
    folder.strip_prefix("snapshot_date=")?.parse().ok()
}

/// `OUT/_reference.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OwnerFile {
    schema_version: u32,
    source: String,
}

/// Why an output can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("another worker writes there")]
    Busy(#[source] LockError),
    #[error("{path}: this tree holds market data, not reference data; choose another --outdir", path = .0.display())]
    MarketData(PathBuf),
    #[error("{path}: this tree holds reference data of {existing}, but {asked} was requested; choose another --outdir", path = path.display())]
    Mismatch { path: PathBuf, existing: String, asked: String },
}

/// An output that is ours as long as this lives.
pub struct SnapshotOutput {
    outdir: PathBuf,
    date: TradingDay,
    _lock: Lock,
}

impl SnapshotOutput {
    /// Takes `outdir` for reference data of `source`, snapshot `date`, and sweeps what killed runs
    /// left there.
    pub fn take(outdir: &Path, source: &str, date: TradingDay) -> Result<Self, OutputError> {
        let market_data = outdir.join("_dataset.json");
        if market_data.try_exists().map_err(DiskError::at("look at", &market_data))? {
            return Err(OutputError::MarketData(market_data));
        }
        for table in TableName::ALL {
            links::refuse(
                outdir,
                &outdir.join(table.folder()).join(folder_of(date)).join(table.file()),
            )?;
        }
        let holder = format!("worker reference, process {}", std::process::id());
        let lock =
            Lock::acquire(&outdir.join("_reference.lock"), &holder).map_err(
                |error| match error {
                    LockError::Disk(error) => OutputError::Disk(error),
                    held @ LockError::Held { .. } => OutputError::Busy(held),
                },
            )?;
        claim(outdir, &OwnerFile { schema_version: SCHEMA_VERSION, source: source.to_owned() })?;
        let root = Folder::open(outdir)?;
        leftovers::sweep(&root)?;
        for table in TableName::ALL {
            if let Some(folder) = root.find(table.folder().as_ref())? {
                publish::sweep(&folder)?;
            }
        }
        Ok(Self { outdir: outdir.to_owned(), date, _lock: lock })
    }

    /// The root of the output.
    pub fn root(&self) -> &Path {
        &self.outdir
    }

    /// The folder of a table's snapshot.
    pub fn folder(&self, table: TableName) -> PathBuf {
        self.outdir.join(table.folder()).join(folder_of(self.date))
    }

    pub fn file(&self, table: TableName) -> PathBuf {
        self.folder(table).join(table.file())
    }
}

fn claim(outdir: &Path, asked: &OwnerFile) -> Result<(), OutputError> {
    let path = outdir.join("_reference.json");
    let words = |claim: &OwnerFile| format!("{} (layout {})", claim.source, claim.schema_version);
    let existing = match regular::read(&path) {
        Ok(bytes) => match serde_json::from_slice::<OwnerFile>(&bytes) {
            Ok(existing) if existing == *asked => return Ok(()),
            Ok(other) => words(&other),
            Err(error) => format!("an unreadable description ({error})"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut text = serde_json::to_string_pretty(asked).expect("a claim is plain data");
            text.push('\n');
            return Ok(Draft::below(outdir, &path)?.fill(text.as_bytes())?);
        }
        Err(error) => return Err(DiskError::at("read", &path)(error).into()),
    };
    Err(OutputError::Mismatch { path, existing, asked: words(asked) })
}
