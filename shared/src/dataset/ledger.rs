//! The ledger: the proof of what is on disk, one line per finished partition.
//!
//! A line is appended and synced *after* its file is in place. A crash between the two leaves a
//! file that its line does not describe: such a file proves nothing, and its days are asked for
//! again. Which days *should* be covered is not known here.

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

/// What is proven of one ticker: the last line of each partition, held against the files that are
/// there.
///
/// A day counts only if its line says so and its file is found as recorded. A missing ledger proves
/// nothing; a line that can't be read is an error that names it, never an empty ledger.
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
    /// The last line of each partition; where the file is damaged, without it and with its days as
    /// lost.
    latest: BTreeMap<Partition, Entry>,
    damaged: BTreeMap<Partition, Damage>,
    /// Files whose bytes were read because they are not found as recorded, or no line says how that
    /// was; they are right.
    moved: BTreeMap<Partition, Seen>,
}

impl Ledger {
    /// Where the ledger of `ticker` is.
    pub fn path(outdir: &Path, ticker: &Ticker) -> PathBuf {
        outdir.join(ticker.as_str()).join("_ledger.jsonl")
    }

    /// The ledger of `ticker`; `None` where there is none. What can't be looked at is an error, not
    /// an absence.
    pub fn read_if_there(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
    ) -> Result<Option<Self>, LedgerError> {
        Self::within_if_there(outdir, kind, ticker, Scope::All)
    }

    /// Reads the ledger and looks whether its files are as recorded: where length, time and inode
    /// do not say so, their bytes do. A missing ledger proves nothing; nothing is created.
    pub fn read(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Self, LedgerError> {
        Self::read_within(outdir, kind, ticker, Scope::All)
    }

    /// The same for who asks about `days` alone: other files are judged by their lengths.
    pub fn read_of(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
    ) -> Result<Self, LedgerError> {
        Self::read_within(outdir, kind, ticker, Scope::Days(days))
    }

    /// The same where an estimate will do: all files are judged by their lengths, none is read.
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

    /// For whoever has `brought` so much in the visit that goes on.
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

    /// What `entries`, oldest first, prove when `damage_of` has looked at the file of each that has
    /// one. Pure but for that look.
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

    /// Where a line says that there are no rows and a file stands nevertheless, the answer is not
    /// believed: its writer died before it wrote the line.
    pub fn doubt_where(&mut self, stands: impl Fn(Partition) -> bool) {
        let has_no_file = |entry: &&mut Entry| entry.file.is_none() && entry.loss.is_none();
        for entry in self.latest.values_mut().filter(has_no_file) {
            if stands(entry.partition) {
                entry.doubt_empty_answers();
            }
        }
    }

    /// A line was written.
    pub fn take(&mut self, entry: Entry) {
        self.damaged.remove(&entry.partition);
        self.moved.remove(&entry.partition);
        self.latest.insert(entry.partition, entry);
    }

    /// How many partitions it says something of.
    pub(super) fn partitions(&self) -> usize {
        self.latest.len()
    }

    /// How many files were read whole and are right: every look does so, until a line says how they
    /// are found now.
    pub fn seen_anew(&self) -> usize {
        self.moved.len()
    }

    /// The lines that say how files of `days` are found now whose bytes were read and are right.
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

    /// What is wrong with the file of a partition, if it is damaged.
    pub fn damage_of(&self, partition: Partition) -> Option<&Damage> {
        self.damaged.get(&partition)
    }

    /// What is known of a partition; `None` where nothing is.
    pub fn entry(&self, partition: Partition) -> Option<&Entry> {
        self.latest.get(&partition)
    }

    /// The days that are proven by nothing but adoption.
    pub fn adopted(&self) -> Coverage {
        self.latest.values().fold(Coverage::empty(), |all, entry| all.union(&entry.adopted_days()))
    }

    /// The days whose rows are lost, of the partitions that hold some of `days`.
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

    /// Files that are not what their lines say.
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

    /// What to ask the source for: what is missing of `asked`, and with it the lost days of every
    /// partition that it touches, even those beyond the range asked for.
    pub fn to_ask(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let missing = self.missing(asked, trust);
        missing.union(&self.lost_beside(&missing))
    }

    /// The days of which the source has said what they hold, rows or none.
    pub fn answered(&self) -> Coverage {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        answers.filter(|answer| answer.said.is_known()).map(|answer| answer.days).collect()
    }

    /// No more rows than these are known of `days`: those of every file that holds one of them.
    pub fn rows_at_most(&self, days: DateRange) -> u64 {
        let within = |entry: &&Entry| entry.partition.span().intersection(days).is_some();
        self.latest
            .values()
            .filter(within)
            .filter_map(|entry| entry.file.as_ref())
            .fold(0, |sum, file| sum.saturating_add(file.rows))
    }

    /// Rows to be expected on so many other days, going by those that are known; `None` when none
    /// is.
    pub fn rows_expected(&self, days: u64) -> Option<u64> {
        let known = self.answered().days();
        let files = self.latest.values().filter_map(|entry| entry.file.as_ref());
        let rows = files.fold(0, |sum: u64, file| sum.saturating_add(file.rows));
        (known > 0).then(|| rows.saturating_mul(days) / known)
    }

    /// Rows that `asked` is likely to bring when all of it is asked anew: those of its days that
    /// are known, and of the others as many as on a known day; `None` when none is.
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

    /// The same for the days of `asked` that are not proven, partition by partition from its first
    /// day to its last; where a partition is known itself, it tells better than the others.
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
                // Days that were empty are likely to be so again.
                _ => self.rows_expected(missing.intersection(&days.into()).minus(&known).days())?,
            };
            Some((days, rows))
        };
        Partition::within(kind, asked).map(of_partition).collect()
    }

    /// The days of `asked` that the plan does not reach, as far as `trust` believes it.
    pub fn outside_plan(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        let refused = answers.filter(|answer| answer.said == Said::OutsidePlan);
        let all: Coverage = refused.filter_map(|answer| trust.believed(answer)).collect();
        all.intersection(&asked.into())
    }

    /// How many of the days of `asked` that `trust` believes were asked for at or after `since`.
    /// Days whose answers were joined count with the last of them.
    pub fn asked_since(&self, asked: DateRange, trust: &Trust, since: Timestamp) -> u64 {
        let answers = self.latest.values().flat_map(|entry| entry.answers.iter());
        let recent = answers.filter(|answer| answer.latest() >= since);
        let all: Coverage = recent.filter_map(|answer| trust.believed(answer)).collect();
        all.intersection(&asked.into()).days()
    }

    /// Counts over the partitions of which `trust` believes days of `asked`.
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

/// Lines that name somebody else, or partitions of another kind, were moved or copied here.
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

/// Lines of older versions name nobody: their files tell whose they are. One of ours is enough, for
/// another may be damaged.
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
