//! Writes the files of one series, one per year, while its bars arrive.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::dataset::bars_file::{self, BarsFile};
use shared::dataset::kind::BarColumns;
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::bar::Bar;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::series::proof::{BarsProof, SeriesFolder};

use super::series::FilePosition;

/// Why bars can't be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file to continue can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "{path}: {missing} of {closed} closed bars are missing that _state.json counts; --rebuild builds the series from the start",
        path = path.display()
    )]
    Short { path: PathBuf, closed: u64, missing: usize },
    #[error(
        "a bar begins at {0} ns, which is outside 1970 to 2199; are the timestamps nanoseconds?"
    )]
    Stamp(i64),
}

/// Writes bars into the files of their years.
pub struct YearFiles {
    folder: SeriesFolder,
    columns: BarColumns,
    /// Finished years.
    files: BTreeMap<i16, BarsProof>,
    current: Option<(Year, BarsFile)>,
    /// Where the next bar goes while no file is open.
    next: Option<FilePosition>,
    /// The state to publish before the first file: of a series that covers nothing yet.
    claim: Option<String>,
}

/// A New York year and its instants, ns UTC, half-open.
#[derive(Debug, Clone, Copy)]
struct Year {
    number: i16,
    from_ns: i64,
    to_ns: i64,
}

impl Year {
    fn of(stamp: i64) -> Result<Self, OutputError> {
        let day = TradingDay::of_utc_ns(stamp).ok_or(OutputError::Stamp(stamp))?;
        let number = day.year();
        let start =
            |year: i16| TradingDay::from_ymd(year, 1, 1).map(|day| day.start_utc_ms() * NS_PER_MS);
        let from_ns = start(number).ok_or(OutputError::Stamp(stamp))?;
        Ok(Self { number, from_ns, to_ns: start(number + 1).unwrap_or(i64::MAX) })
    }

    fn contains(&self, stamp: i64) -> bool {
        (self.from_ns..self.to_ns).contains(&stamp)
    }
}

impl YearFiles {
    /// A new series. The old contents of its folder stay until its first file is ready. Then
    /// `claim`, the text of a state that covers nothing, is published and the old bars are removed.
    /// So a run that fails within its first year changes nothing, and a crash never leaves bars
    /// without a state or with the state of other bars.
    pub fn anew(folder: SeriesFolder, columns: BarColumns, claim: String) -> Self {
        Self {
            folder,
            columns,
            files: BTreeMap::new(),
            current: None,
            next: None,
            claim: Some(claim),
        }
    }

    /// Continues at `position`: keeps the files of earlier years, copies the closed bars of its own
    /// year, and drops all bars after them. Without a position it starts from the beginning.
    pub fn resume(
        folder: SeriesFolder,
        columns: BarColumns,
        position: Option<FilePosition>,
        files: &BTreeMap<i16, BarsProof>,
    ) -> Result<Self, OutputError> {
        let kept = |year: i16| position.is_some_and(|position| year < position.year);
        let files = files
            .iter()
            .filter(|(year, _)| kept(**year))
            .map(|(year, proof)| (*year, proof.clone()))
            .collect();
        let mut resumed =
            Self { folder, columns, files, current: None, next: position, claim: None };
        if let Some(FilePosition { year, closed }) = position.filter(|position| position.closed > 0)
        {
            resumed.take_over(year, closed)?;
        }
        Ok(resumed)
    }

    fn take_over(&mut self, year: i16, closed: u64) -> Result<(), OutputError> {
        let path = self.folder.file(year);
        let mut left = usize::try_from(closed).unwrap_or(usize::MAX);
        bars_file::stream::<OutputError>(&path, self.columns, |bars| {
            let taken = &bars[..left.min(bars.len())];
            left -= taken.len();
            self.append(taken)
        })?;
        match left {
            0 => Ok(()),
            missing => Err(OutputError::Short { path, closed, missing }),
        }
    }

    /// Appends closed bars, in the order of their trades.
    pub fn append(&mut self, mut bars: &[Bar]) -> Result<(), OutputError> {
        while let Some(first) = bars.first() {
            let within = match &self.current {
                Some((year, _)) if year.contains(first.t) => *year,
                _ => self.begin(Year::of(first.t)?)?,
            };
            let end = bars.iter().position(|bar| !within.contains(bar.t)).unwrap_or(bars.len());
            let (here, later) = bars.split_at(end);
            if let Some((_, file)) = &mut self.current {
                file.append(here)?;
            }
            bars = later;
        }
        Ok(())
    }

    fn begin(&mut self, year: Year) -> Result<Year, OutputError> {
        self.finish_current()?;
        let draft = self.folder.begin(&self.folder.file(year.number))?;
        let file = BarsFile::create(draft, self.columns)?;
        self.current = Some((year, file));
        Ok(year)
    }

    fn finish_current(&mut self) -> Result<(), OutputError> {
        let Some((year, file)) = self.current.take() else { return Ok(()) };
        self.take_the_folder()?;
        let bars = file.bars();
        self.files.insert(year.number, BarsProof { bars, fingerprint: file.publish()? });
        Ok(())
    }

    fn take_the_folder(&mut self) -> Result<(), DiskError> {
        let Some(claim) = self.claim.take() else { return Ok(()) };
        self.folder.begin(&self.folder.state())?.fill(claim.as_bytes())?;
        remove_others(&self.folder, &self.files)
    }

    /// Where the next closed bar goes, if `open` is the bar that is being filled.
    pub fn position(&self, open: Option<&Bar>) -> Result<Option<FilePosition>, OutputError> {
        let so_far = match &self.current {
            Some((year, file)) => Some(FilePosition { year: year.number, closed: file.bars() }),
            None => self.next,
        };
        let Some(open) = open else { return Ok(so_far) };
        let year = Year::of(open.t)?.number;
        Ok(so_far
            .filter(|position| position.year >= year)
            .or(Some(FilePosition { year, closed: 0 })))
    }

    /// Appends the open bar, publishes the last file, removes the files of years that no longer
    /// have bars, and returns the proof of each file.
    pub fn finish(mut self, open: Option<&Bar>) -> Result<BTreeMap<i16, BarsProof>, OutputError> {
        if let Some(open) = open {
            self.append(std::slice::from_ref(open))?;
        }
        self.finish_current()?;
        self.take_the_folder()?;
        remove_others(&self.folder, &self.files)?;
        Ok(self.files)
    }
}

/// Removes the files of years that are not in `files`.
fn remove_others(folder: &SeriesFolder, files: &BTreeMap<i16, BarsProof>) -> Result<(), DiskError> {
    for year in folder.years()?.into_iter().filter(|year| !files.contains_key(year)) {
        folder.remove_year(year)?;
    }
    Ok(())
}
