//! The ledger: the proof of what is on disk, one line per finished partition.
//!
//! A line is appended and synced *after* its file is in place. A crash between the two leaves a
//! file without a matching line; it proves nothing, and its days are fetched again. The ledger does
//! not know which days *should* be covered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::answers::{Answer, Answers, Said};
use super::coverage::{Coverage, DateRange};
pub use super::entry::{Adopted, AdoptedBy, CODE_VERSION, Entry, FileProof};
use super::kind::Kind;
pub use super::ledger_error::LedgerError;
pub use super::look::Damage;
use super::look::{self, Look, Scope};
use super::partition::Partition;
use super::reader;
use super::seen::Seen;
pub use super::summary::Summary;
use super::trust::Trust;
use crate::disk::publish::DiskError;
use crate::disk::shared_lines::{self};
use crate::formats::Format;
use crate::market::ticker::Ticker;

/// What is proven of one ticker: the last line of each partition, compared with the files on disk.
///
/// A day counts only if its line says so and its file looks as recorded. A missing ledger proves
/// nothing. A line that can't be read is an error that names it, never an empty ledger.
///
/// ```
/// use std::path::Path;
/// use shared::dataset::coverage::DateRange;
/// use shared::dataset::kind::Kind;
/// use shared::dataset::ledger::Ledger;
/// use shared::dataset::trust::Trust;
/// use shared::market::trading_day::TradingDay;
///
/// let (ticker, nowhere) = ("AIG".parse().expect("a ticker"), Path::new("/nonexistent"));
/// let ledger = Ledger::read(nowhere, Kind::Daily, &ticker)?;
/// let asked = DateRange::new("2024-03-11".parse().expect("a day"), TradingDay::MAX).expect("in order");
/// let trust = Trust::at("2024-07-01T12:00:00Z".parse().expect("an instant"), 0);
/// assert_eq!(ledger.missing(asked, &trust), asked.into());
/// # Ok::<(), shared::dataset::ledger::LedgerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The last line of each partition. If its file is damaged, the entry has no file and its days
    /// are lost.
    latest: BTreeMap<Partition, Entry>,
    damaged: BTreeMap<Partition, Damage>,
    /// Intact files whose bytes had to be read, because they do not look as recorded or no line
    /// says how they looked.
    moved: BTreeMap<Partition, Seen>,
}

impl Ledger {
    /// Where the ledger of `ticker` is.
    pub fn path(outdir: &Path, ticker: &Ticker) -> PathBuf {
        outdir.join(ticker.as_str()).join("_ledger.jsonl")
    }

    /// The path of the ledger of `ticker`; `None` if there is none. A failure to look is an error,
    /// not an absence.
    pub fn read_if_there(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
    ) -> Result<Option<Self>, LedgerError> {
        Self::within_if_there(outdir, kind, ticker, Scope::All)
    }

    /// Reads the ledger and checks its files: by length, time and inode, and by their bytes if
    /// those differ. A missing ledger proves nothing. Nothing is created.
    pub fn read(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Self, LedgerError> {
        Self::read_within(outdir, kind, ticker, Scope::All)
    }

    /// The same for a caller that needs `days` alone: other files are judged by their lengths.
    pub fn read_of(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
    ) -> Result<Self, LedgerError> {
        Self::read_within(outdir, kind, ticker, Scope::Days(days))
    }

    /// The same for an estimate: all files are judged by their lengths, and none is read.
    pub fn read_by_length(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Self, LedgerError> {
        Self::read_within(outdir, kind, ticker, Scope::Nothing)
    }

    /// The same; `None` where there is no ledger.
    pub(super) fn read_by_length_if_there(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
    ) -> Result<Option<Self>, LedgerError> {
        Self::within_if_there(outdir, kind, ticker, Scope::Nothing)
    }

    fn within_if_there(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        scope: Scope,
    ) -> Result<Option<Self>, LedgerError> {
        let path = Self::path(outdir, ticker);
        let is_there = path.try_exists().map_err(DiskError::at("look at", &path))?;
        if is_there { Self::read_within(outdir, kind, ticker, scope).map(Some) } else { Ok(None) }
    }

    fn read_within(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        scope: Scope,
    ) -> Result<Self, LedgerError> {
        let entries = shared_lines::read(&Self::path(outdir, ticker))?.entries;
        Self::of_entries((entries, &Coverage::empty()), outdir, kind, ticker, scope)
    }

    /// The same for a visit under way that has `brought` these days.
    pub(super) fn of_entries(
        (entries, brought): (Vec<Entry>, &Coverage),
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        scope: Scope,
    ) -> Result<Self, LedgerError> {
        refuse_other_versions(&entries, outdir, ticker)?;
        refuse_foreign_lines(&entries, outdir, kind, ticker)?;
        if entries.iter().all(|entry| entry.ticker.is_none()) {
            refuse_foreign_files(&entries, outdir, kind, ticker)?;
        }
        let moved = RefCell::new(BTreeMap::new());
        let look = |entry: &Entry| {
            let path = entry.partition.file(outdir, ticker, kind);
            match look::glance(entry.file.as_ref()?, entry.partition, path, scope) {
                Look::AsRecorded => None,
                Look::Right(seen) => {
                    moved.borrow_mut().insert(entry.partition, seen);
                    None
                }
                Look::Damaged(damage) => Some(damage),
            }
        };
        let mut ledger = Self::of_lines_after(entries, brought, look);
        ledger.doubt_where(|partition| {
            let path = || partition.file(outdir, ticker, kind);
            // Other programs leave files without a row where there is nothing.
            scope != Scope::Nothing && path().exists() && !reader::has_no_row(&path())
        });
        Ok(Self { moved: moved.into_inner(), ..ledger })
    }

    /// What `entries` (oldest first) prove, if `damage_of` looks at their files. Pure except for
    /// `damage_of`.
    pub fn of_lines(entries: Vec<Entry>, damage_of: impl Fn(&Entry) -> Option<Damage>) -> Self {
        Self::of_lines_after(entries, &Coverage::empty(), damage_of)
    }

    fn of_lines_after(
        entries: Vec<Entry>,
        brought: &Coverage,
        damage_of: impl Fn(&Entry) -> Option<Damage>,
    ) -> Self {
        let mut latest: BTreeMap<_, _> =
            entries.into_iter().map(|entry| (entry.partition, entry)).collect();
        let mut damaged = BTreeMap::new();
        for entry in latest.values_mut() {
            if let Some(damage) = damage_of(entry) {
                entry.lose_file();
                damaged.insert(entry.partition, damage);
            }
            entry.remember_loss();
            entry.reopen_loss(brought);
        }
        Self { latest, damaged, moved: BTreeMap::new() }
    }

    /// If a line says that there are no rows but there is a file, the answer is not believed: a
    /// writer died before it wrote the file's line.
    pub fn doubt_where(&mut self, stands: impl Fn(Partition) -> bool) {
        let has_no_file = |entry: &&mut Entry| entry.file.is_none() && entry.loss.is_none();
        for entry in self.latest.values_mut().filter(has_no_file) {
            if stands(entry.partition) {
                entry.doubt_empty_answers();
            }
        }
    }

    /// Takes in a line that was written.
    pub fn take(&mut self, entry: Entry) {
        self.damaged.remove(&entry.partition);
        self.moved.remove(&entry.partition);
        self.latest.insert(entry.partition, entry);
    }

    /// The number of partitions with a line.
    pub(super) fn partitions(&self) -> usize {
        self.latest.len()
    }

    /// The number of intact files that were read whole. Every look reads them until a line records
    /// how they look now.
    pub fn seen_anew(&self) -> usize {
        self.moved.len()
    }

    /// The lines that record how the intact files of `days` look now whose bytes were read.
    pub(super) fn seen_again(&self, days: DateRange) -> Vec<Entry> {
        let within = |entry: &&Entry| days.intersection(entry.partition.span()).is_some();
        let seen = |entry: &Entry| {
            let seen = self.moved.get(&entry.partition)?.clone();
            let file = FileProof { seen: Some(seen), ..entry.file.clone()? };
            Some(Entry { file: Some(file), ..entry.clone() })
        };
        self.latest.values().filter(within).filter_map(seen).collect()
    }

    /// The last line of each partition.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.latest.values()
    }

    /// The damage of a partition's file, if any.
    pub fn damage_of(&self, partition: Partition) -> Option<&Damage> {
        self.damaged.get(&partition)
    }

    /// The entry of a partition, if there is one.
    pub fn entry(&self, partition: Partition) -> Option<&Entry> {
        self.latest.get(&partition)
    }

    /// The days that are proven by nothing but adoption.
    pub fn adopted(&self) -> Coverage {
        self.latest.values().fold(Coverage::empty(), |all, entry| all.union(&entry.adopted_days()))
    }

    /// The lost days of the partitions that `days` touch.
    pub fn lost_beside(&self, days: &Coverage) -> Coverage {
        let touched = |entry: &&Entry| {
            days.ranges().iter().any(|range| range.intersection(entry.partition.span()).is_some())
        };
        let lost = self.latest.values().filter(touched).map(|entry| entry.answers.lost());
        lost.fold(Coverage::empty(), |all, lost| all.union(&lost))
    }

    /// What the source has said of the days of a partition.
    pub fn answers(&self, partition: Partition) -> Answers {
        self.latest.get(&partition).map(|entry| entry.answers.clone()).unwrap_or_default()
    }

    /// The proven file of a partition.
    pub fn file(&self, partition: Partition) -> Option<&FileProof> {
        self.latest.get(&partition).and_then(|entry| entry.file.as_ref())
    }

    /// Files that differ from their lines.
    pub fn damaged(&self) -> impl Iterator<Item = (Partition, &Damage)> {
        self.damaged.iter().map(|(partition, damage)| (*partition, damage))
    }

    /// The days of `asked` that are not proven.
    pub fn missing(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let believed = |entry: &Entry| trust.days(&entry.answers);
        let known = self
            .latest
            .values()
            .fold(Coverage::empty(), |known, entry| known.union(&believed(entry)));
        Coverage::from(asked).minus(&known)
    }

    /// The days to request: what is missing of `asked`, with the lost days of every partition that
    /// it touches, even beyond `asked`.
    pub fn to_ask(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let missing = self.missing(asked, trust);
        missing.union(&self.lost_beside(&missing))
    }

    /// The days for which the source has said what they hold (rows, or that there are none).
    pub fn answered(&self) -> Coverage {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        answers.filter(|answer| answer.said.is_known()).map(|answer| answer.days).collect()
    }

    /// An upper bound of the known rows on `days`: the rows of every file that holds one of them.
    pub fn rows_at_most(&self, days: DateRange) -> u64 {
        let within = |entry: &&Entry| entry.partition.span().intersection(days).is_some();
        self.latest
            .values()
            .filter(within)
            .filter_map(|entry| entry.file.as_ref())
            .fold(0, |sum, file| sum.saturating_add(file.rows))
    }

    /// The rows to expect on this many other days, by the mean of the known days; `None` if none is
    /// known.
    pub fn rows_expected(&self, days: u64) -> Option<u64> {
        let known = self.answered().days();
        let files = self.latest.values().filter_map(|entry| entry.file.as_ref());
        let rows = files.fold(0, |sum: u64, file| sum.saturating_add(file.rows));
        (known > 0).then(|| rows.saturating_mul(days) / known)
    }

    /// The rows that `asked` is likely to bring if all of it is fetched anew. Unknown days count as
    /// many as a known day; `None` if no day is known.
    pub fn rows_expected_within(&self, asked: DateRange) -> Option<u64> {
        let (mut rows, mut told) = (0_u64, 0);
        for entry in self.latest.values() {
            let known = entry.answers.days(|answer| answer.said.is_known());
            let within = known.intersection(&asked.into()).days();
            told += within;
            if let Some(file) = &entry.file {
                let likely = file.rows.saturating_mul(within).checked_div(known.days());
                rows = rows.saturating_add(likely.unwrap_or(0));
            }
        }
        let others = self.rows_expected(u64::from(asked.days()).saturating_sub(told))?;
        Some(rows.saturating_add(others))
    }

    /// The same for the unproven days of `asked`, partition by partition. If the partition itself
    /// has known days, those count instead of the others.
    pub fn rows_expected_of(
        &self,
        kind: Kind,
        asked: DateRange,
        trust: &Trust,
    ) -> Option<Vec<(DateRange, u64)>> {
        let missing = self.missing(asked, trust);
        let of_partition = |partition: Partition| {
            let days = partition.span().intersection(asked)?;
            let wanted = missing.intersection(&days.into()).days();
            let entry = self.latest.get(&partition);
            let known = entry.map_or_else(Coverage::empty, |entry| {
                entry.answers.days(|answer| answer.said.is_known())
            });
            let rows = match entry.and_then(|entry| entry.file.as_ref()) {
                Some(file) if !known.is_empty() => file.rows.saturating_mul(wanted) / known.days(),
                // Days that were empty will likely be empty again.
                _ => self.rows_expected(missing.intersection(&days.into()).minus(&known).days())?,
            };
            Some((days, rows))
        };
        Partition::within(kind, asked).map(of_partition).collect()
    }

    /// The days of `asked` that the plan does not reach, by the answers that `trust` believes.
    pub fn outside_plan(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        let refused = answers.filter(|answer| answer.said == Said::OutsidePlan);
        let all: Coverage = refused.filter_map(|answer| trust.believed(answer)).collect();
        all.intersection(&asked.into())
    }

    /// The number of days of `asked`, among those that `trust` believes, that were requested at or
    /// after `since`. For joined answers the last request counts.
    pub fn asked_since(&self, asked: DateRange, trust: &Trust, since: Timestamp) -> u64 {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        let recent = answers.filter(|answer| answer.latest() >= since);
        let all: Coverage = recent.filter_map(|answer| trust.believed(answer)).collect();
        all.intersection(&asked.into()).days()
    }

    /// The summary of the partitions with days of `asked` that `trust` believes.
    pub fn summary(&self, asked: DateRange, trust: &Trust) -> Summary {
        let mut summary = Summary::default();
        for entry in self.latest.values() {
            let counts = |answer: &&Answer| {
                trust.believed(answer).and_then(|days| days.intersection(asked)).is_some()
            };
            let believed: Vec<Said> =
                entry.answers.iter().filter(counts).map(|answer| answer.said).collect();
            let is_refused = believed.contains(&Said::OutsidePlan);
            match &entry.file {
                _ if believed.is_empty() => continue,
                Some(file) => {
                    summary.partitions_data += 1;
                    summary.rows = summary.rows.saturating_add(file.rows);
                }
                None if believed.iter().all(|said| *said == Said::OutsidePlan) => {
                    summary.partitions_outside_plan += 1;
                    continue;
                }
                None => summary.partitions_empty += 1,
            }
            summary.partitions_partly_outside_plan += u64::from(is_refused);
        }
        summary
    }
}

fn refuse_other_versions(
    entries: &[Entry],
    outdir: &Path,
    ticker: &Ticker,
) -> Result<(), LedgerError> {
    let unknown = entries.iter().find_map(|entry| Format::Ledger.read(entry.format).err());
    let path = || Ledger::path(outdir, ticker);
    unknown.map_or(Ok(()), |source| Err(LedgerError::Version { path: path(), source }))
}

/// Refuses lines that name another ticker, or partitions of another kind: they were moved or copied
/// here.
fn refuse_foreign_lines(
    entries: &[Entry],
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
) -> Result<(), LedgerError> {
    let is_of_another = |entry: &&Entry| {
        entry.ticker.as_ref().is_some_and(|theirs| theirs != ticker)
            || Partition::of(kind, entry.partition.span().from()) != entry.partition
    };
    let Some(foreign) = entries.iter().find(is_of_another) else { return Ok(()) };
    let rows = foreign.partition.kind();
    let theirs = match &foreign.ticker {
        Some(theirs) => format!("{theirs} ({rows})"),
        None => format!("another kind of data ({rows})"),
    };
    let path = Ledger::path(outdir, ticker);
    Err(LedgerError::Foreign { path, theirs, ours: format!("{ticker} ({kind})") })
}

/// Lines of older versions name no ticker, so their files tell whose they are. One file of ours is
/// enough, because others may be damaged.
fn refuse_foreign_files(
    entries: &[Entry],
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
) -> Result<(), LedgerError> {
    let with_files = entries.iter().filter(|entry| entry.file.is_some());
    let files = with_files.map(|entry| entry.partition.file(outdir, ticker, kind));
    let mut owners = files.filter_map(|file| reader::whose(&file));
    let Some(theirs) = owners.next() else { return Ok(()) };
    if theirs == ticker.as_str() || owners.any(|theirs| theirs == ticker.as_str()) {
        return Ok(());
    }
    let path = Ledger::path(outdir, ticker);
    Err(LedgerError::Foreign { path, theirs, ours: format!("{ticker} ({kind})") })
}
