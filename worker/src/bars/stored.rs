//! Reads a series of bars from disk: only what its state proves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared::dataset::bars_file;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::BarColumns;
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::bar::{Bar, Mode};
use shared::market::ticker::Ticker;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::series::proof::{BarsProof, SeriesFolder, SeriesState, StateError};

use super::series::Point;

/// Why a series can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("{folder}: no series of bars (no _state.json); build one with `bars`", folder = folder.display())]
    NoState { folder: PathBuf },
    /// The state is unusable.
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{path}: not proven: {what}; run `bars` again to rebuild it", path = path.display())]
    NotProven { path: PathBuf, what: String },
    /// The system refused access.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{folder}: no closed bar {when}", folder = folder.display())]
    NoBars { folder: PathBuf, when: String },
}

/// A series whose files have the lengths that its state says.
#[derive(Debug)]
pub struct Stored {
    pub folder: SeriesFolder,
    pub state: SeriesState<Point>,
}

/// A closed bar with its New York days.
#[derive(Debug, Clone, Copy)]
pub struct Dated<'a> {
    /// Day of the first trade.
    pub opened: TradingDay,
    /// Day of the last trade; `None` in bars with seven columns, which do not have it.
    pub closed: Option<TradingDay>,
    pub bar: &'a Bar,
}

impl Stored {
    /// Reads the state and checks the lengths of the files.
    pub fn open(outdir: &Path, ticker: &Ticker, mode: Mode) -> Result<Self, StoredError> {
        let folder = SeriesFolder::new(outdir, ticker, mode);
        let Some(state) = SeriesState::<Point>::read(&folder)? else {
            return Err(StoredError::NoState { folder: folder.path().to_owned() });
        };
        for (year, proof) in &state.files {
            check(&folder.file(*year), proof)?;
        }
        Ok(Self { folder, state })
    }

    /// Is the last bar of the files still open?
    pub fn has_open_bar(&self) -> bool {
        self.state.tail.open_bar.tail().is_some()
    }

    /// Passes each closed bar whose `t` is on a New York day in `range` to `take`, in order.
    pub fn each_closed(
        &self,
        range: Option<DateRange>,
        mut take: impl FnMut(Dated<'_>),
    ) -> Result<(), StoredError> {
        let columns = self.state.parameters.columns();
        let last = self.state.files.keys().next_back().copied();
        let wanted = |year: i16| {
            range.is_none_or(|range| (range.from().year()..=range.to().year()).contains(&year))
        };
        for (year, proof) in self.state.files.iter().filter(|(year, _)| wanted(**year)) {
            let path = self.folder.file(*year);
            let not_proven = |what: String| StoredError::NotProven { path: path.clone(), what };
            let open = u64::from(Some(*year) == last && self.has_open_bar());
            let (closed, mut seen) = (proof.bars.saturating_sub(open), 0);
            let stamped = |stamp: i64| not_proven(format!("a bar is stamped {stamp}"));
            let (mut opening, mut closing) = (Calendar::default(), Calendar::default());
            bars_file::stream(&path, columns, |bars| {
                for bar in bars {
                    let opened = opening.day(bar.t).ok_or_else(|| stamped(bar.t))?;
                    if seen < closed && range.is_none_or(|range| range.contains(opened)) {
                        let closed = match columns {
                            BarColumns::Seven => None,
                            BarColumns::Extended => {
                                Some(closing.day(bar.t_close).ok_or_else(|| stamped(bar.t_close))?)
                            }
                        };
                        take(Dated { opened, closed, bar });
                    }
                    seen += 1;
                }
                Ok::<(), StoredError>(())
            })?;
            if seen != proof.bars {
                return Err(not_proven(format!(
                    "it has {seen} bars, the state says {}",
                    proof.bars
                )));
            }
        }
        Ok(())
    }
}

fn check(path: &Path, proof: &BarsProof) -> Result<(), StoredError> {
    let not_proven = |what: String| StoredError::NotProven { path: path.to_owned(), what };
    let said = proof.fingerprint.bytes;
    match fs::metadata(path) {
        Ok(found) if found.len() == said => Ok(()),
        Ok(found) => {
            Err(not_proven(format!("it has {} bytes, the state says {said}", found.len())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(not_proven("it is not there".to_owned()))
        }
        Err(error) => Err(DiskError::at("look at", path)(error).into()),
    }
}

/// Finds the New York day of timestamps; fast if a timestamp is on the day of the previous one.
#[derive(Debug, Default)]
struct Calendar {
    /// A day, its first ns and the first of the next.
    known: Option<(TradingDay, i64, i64)>,
}

impl Calendar {
    fn day(&mut self, stamp: i64) -> Option<TradingDay> {
        match self.known {
            Some((day, from, to)) if (from..to).contains(&stamp) => Some(day),
            _ => {
                let day = TradingDay::of_utc_ns(stamp)?;
                let start = |day: TradingDay| day.start_utc_ms() * NS_PER_MS;
                self.known = Some((day, start(day), start(day.next())));
                Some(day)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_belongs_to_its_new_york_day() {
        let mut calendar = Calendar::default();
        // 2013-10-07T04:00:00Z is midnight in New York.
        let midnight = 1_381_118_400_000_000_000;
        let day = |text: &str| text.parse::<TradingDay>().ok();
        let named =
            [midnight - 1, midnight, midnight + 1, midnight - 1].map(|stamp| calendar.day(stamp));
        assert_eq!(named, ["2013-10-06", "2013-10-07", "2013-10-07", "2013-10-06"].map(day));
    }
}
