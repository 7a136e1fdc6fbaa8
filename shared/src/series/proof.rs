//! `OUT/TICKER/<folder>/_state.json`: what a series of bars covers, which files hold it, and where
//! it goes on.
//!
//! It is published after its files: a file that is not as the state says proves nothing, and is
//! made again from the last point before it. How a point is made and used is the worker's business;
//! the launcher ignores them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::regular;
use jiff::Timestamp;
use nix::fcntl::OFlag;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::parameters::Parameters;
use crate::dataset::coverage::{Coverage, DateRange};
use crate::dataset::writer::Fingerprint;
use crate::disk::audience::Audience;
use crate::disk::checked_lines;
use crate::disk::folder::Folder;
use crate::disk::publish::{self, DiskError, Draft};
use crate::formats::{Format, UnknownVersion};
use crate::market::bar::Mode;
use crate::market::ticker::Ticker;

/// Layout of the state that is written.
pub const STATE_VERSION: u32 = Format::Series.version();

/// Where a series lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesFolder {
    root: PathBuf,
    path: PathBuf,
    ticker: Ticker,
    mode: Mode,
}

impl SeriesFolder {
    /// `OUT/TICKER/<folder>`.
    pub fn new(outdir: &Path, ticker: &Ticker, mode: Mode) -> Self {
        let path = outdir.join(ticker.as_str()).join(mode.folder());
        Self { root: outdir.to_owned(), path, ticker: ticker.clone(), mode }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins the file `target` of the series.
    pub fn begin(&self, target: &Path) -> Result<Draft, DiskError> {
        Draft::below(&self.root, target)
    }

    /// The open folder of the file `target` of the series, which is there.
    pub(super) fn folder_of(&self, target: &Path) -> Result<Folder, DiskError> {
        let root = Folder::open(&self.root)?;
        root.below(root.way_to(target)?)
    }

    /// Removes the bars of `year`.
    pub fn remove_year(&self, year: i16) -> Result<(), DiskError> {
        let file = self.file(year);
        self.folder_of(&file)?.remove(file.file_name().unwrap_or_default())?;
        // A folder that holds something else stays.
        let name = file.parent().and_then(Path::file_name).unwrap_or_default();
        drop(self.folder_of(&self.state())?.remove_folder(name));
        Ok(())
    }

    /// Removes what crashed writers left in it. Nobody else may be writing there.
    pub fn sweep(&self) -> Result<Vec<PathBuf>, DiskError> {
        let root = Folder::open(&self.root)?;
        let own = root.find(root.way_to(&self.state())?)?;
        own.map_or_else(|| Ok(Vec::new()), |own| publish::sweep(&own))
    }

    /// `_state.json`.
    pub fn state(&self) -> PathBuf {
        self.path.join("_state.json")
    }

    /// The bars whose `t` falls into `year` in New York.
    pub fn file(&self, year: i16) -> PathBuf {
        self.path.join(format!("year={year:04}")).join("bars.parquet")
    }

    /// The years of which there are bars, in order; nothing where there is no folder.
    pub fn years(&self) -> Result<Vec<i16>, DiskError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(DiskError::at("list", &self.path)(error)),
        };
        let mut years = Vec::new();
        for entry in entries {
            let name = entry.map_err(DiskError::at("list", &self.path))?.file_name();
            let year = name.to_str().and_then(|name| name.strip_prefix("year=")?.parse().ok());
            years.extend(year.filter(|year| self.file(*year).exists()));
        }
        years.sort_unstable();
        Ok(years)
    }
}

/// What a file of bars holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarsProof {
    /// Bars, at least 1.
    pub bars: u64,
    /// Length and SHA-256.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
}

/// What is proven of a series, with the points of type `P` at which building can go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesState<P> {
    /// Layout.
    pub version: u32,
    /// Whose bars.
    pub ticker: Ticker,
    /// Which kind.
    pub mode: Mode,
    /// By which parameters.
    pub parameters: Parameters,
    /// New York days whose trades are in the bars.
    pub covered: Coverage,
    /// Sessions that were asked for and of which nobody knew what was traded: the series went on
    /// without them, by leave.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub gaps: Coverage,
    /// The file of each year that has bars.
    pub files: BTreeMap<i16, BarsProof>,
    /// After each year that is covered to its last day and beyond, in order.
    pub year_ends: Vec<P>,
    /// After the last trade.
    pub tail: P,
}

/// What every version of a state says.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Why a state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is of another version.
    #[error("{path}: {source}", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Which.
        source: UnknownVersion,
    },
    /// It was moved or copied here.
    #[error(
        "{path} is the state of {theirs}, so it proves nothing of {ours}; move its folder back to where it came from, or away, and run again",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Ticker and kind of bars that it was written for.
        theirs: String,
        /// Ticker and kind of bars that were looked for.
        ours: String,
    },
    /// It is there and makes no sense.
    #[error("{path}: not the state of a series of bars ({what}); --rebuild makes the bars anew", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl<P: DeserializeOwned> SeriesState<P> {
    /// The state of the series in `folder`; `None` where there is none.
    pub fn read(folder: &SeriesFolder) -> Result<Option<Self>, StateError> {
        let path = folder.state();
        let bytes = match regular::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::at("read", &path)(error).into()),
        };
        let corrupt = |what: String| StateError::Corrupt { path: path.clone(), what };
        let line = bytes.trim_ascii_end();
        // Looked at first: of another version nothing else need be as we know it.
        if let Ok(Versioned { version }) = checked_lines::decode(line)
            && let Err(source) = Format::Series.read(version)
        {
            return Err(StateError::Version { path, source });
        }
        let state: Self = checked_lines::decode(line).map_err(corrupt)?;
        if (&state.ticker, state.mode) != (&folder.ticker, folder.mode) {
            let theirs = format!("{} {}", state.ticker, state.mode);
            let ours = format!("{} {}", folder.ticker, folder.mode);
            return Err(StateError::Foreign { path, theirs, ours });
        }
        Ok(Some(state))
    }
}

impl<P: Serialize> SeriesState<P> {
    /// As it is written: a line of JSON that ends with its own CRC, so that a byte that changes is
    /// an error.
    pub fn text(&self) -> String {
        checked_lines::encode(self)
    }

    /// Publishes the state, whole or not at all.
    pub fn publish(&self, folder: &SeriesFolder) -> Result<(), DiskError> {
        folder.begin(&folder.state())?.fill(self.text().as_bytes())
    }
}

/// When the state in `folder` was last made, or found to be right: the time of its file.
pub fn last_verified(folder: &SeriesFolder) -> Result<Timestamp, DiskError> {
    let path = folder.state();
    let modified = fs::metadata(&path)
        .and_then(|found| found.modified())
        .map_err(DiskError::at("look at", &path))?;
    Ok(Timestamp::try_from(modified).unwrap_or(Timestamp::MIN))
}

/// Notes that the state in `folder` was made, or found to be right, at `now`: the kernel's own
/// stamps go by a clock that ticks every few milliseconds, and a run may begin in between. Its
/// bytes stay as they are.
pub fn note_verified(folder: &SeriesFolder, now: Timestamp) -> Result<(), DiskError> {
    let path = folder.state();
    let within = folder.folder_of(&path)?;
    let name = path.file_name().unwrap_or_default();
    let file = within.open_file(Audience::AsUmaskSays, name, OFlag::O_WRONLY | OFlag::O_APPEND)?;
    file.set_modified(now.into()).map_err(DiskError::at("write", &path))
}

impl<P> SeriesState<P> {
    /// Was it published before the first bars of a series that were never finished? Then its
    /// parameters bind nobody.
    pub fn came_to_nothing(&self) -> bool {
        self.covered.is_empty() && self.gaps.is_empty()
    }

    /// Are the trades of all `days` in the bars, except those that nobody has?
    pub fn covers(&self, days: DateRange) -> bool {
        self.covered.union(&self.gaps).includes(days)
    }

    /// The years whose files are not byte for byte as the state says.
    pub fn damaged(&self, folder: &SeriesFolder) -> Vec<i16> {
        let whole = |year: i16, proof: &BarsProof| {
            Fingerprint::of_file(&folder.file(year)).is_ok_and(|found| found == proof.fingerprint)
        };
        self.files
            .iter()
            .filter(|(year, proof)| !whole(**year, proof))
            .map(|(year, _)| *year)
            .collect()
    }

    /// The first file that is not there with its length; its years are not proven.
    pub fn first_damaged(&self, folder: &SeriesFolder) -> Option<i16> {
        let whole = |year: i16, proof: &BarsProof| {
            fs::metadata(folder.file(year))
                .is_ok_and(|found| found.len() == proof.fingerprint.bytes)
        };
        self.files.iter().find(|(year, proof)| !whole(**year, proof)).map(|(year, _)| *year)
    }
}
