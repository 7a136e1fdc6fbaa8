//! The ledger: the proof of what is on disk, one line per finished partition.
//!
//! A line is appended and synced *after* its file is in place, so a line without its file never comes from a
//! crash, and a file without its line proves nothing. Which days *should* be covered is not known here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::coverage::{Coverage, DateRange};
use super::kind::Kind;
use super::partition::Partition;
use super::writer::Fingerprint;
use crate::disk::checked_lines::{self, Appender, LinesError};
use crate::disk::lock::try_exclusive;
use crate::disk::publish::DiskError;
use crate::market::session;
use crate::market::ticker::Ticker;

/// An empty answer is asked again at the earliest after this time.
const RECHECK_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The version of this program, as written into each line.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the source said of one partition. Existence of a file is not among the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The page chain was followed to its end and every row is in the file.
    Data {
        /// Rows in the file.
        rows: u64,
        /// First stamp in the file, in the unit of its `t`.
        first_t: i64,
        /// Last stamp in the file.
        last_t: i64,
        /// File length.
        bytes: u64,
        /// SHA-256 of the file, lower-case hex.
        sha256: String,
    },
    /// The source answered with no rows, so many times, at least a day apart.
    Empty {
        /// At least 1.
        asks: u32,
    },
    /// The plan of the API key does not reach these days.
    OutsidePlan,
}

impl Outcome {
    /// The outcome of a published file.
    pub fn data(rows: u64, first_t: i64, last_t: i64, proof: Fingerprint) -> Self {
        Self::Data { rows, first_t, last_t, bytes: proof.bytes, sha256: proof.sha256 }
    }
}

/// One line: what is proven of one partition. The last sound line of a partition wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which.
    pub partition: Partition,
    /// New York days that the source has answered for.
    pub covered: Coverage,
    /// New York days that the plan does not reach.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub outside_plan: Coverage,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Pages that the last fetch took, those that it shares with neighbours included.
    pub pages: u64,
    /// When the source was asked for the first of these pages (UTC).
    pub asked_at: Timestamp,
    /// Version of the program that wrote the line.
    pub code: String,
}

/// Why a ledger can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line in its middle is damaged.
    #[error(
        "{path}:{line}: not a ledger line ({what}); the data files are untouched; move the ledger aside and run again with --resume to download the ticker anew",
        path = path.display()
    )]
    Corrupt {
        /// The ledger.
        path: PathBuf,
        /// One-based.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Another process works on the ticker at this moment.
    #[error("{ticker} is being written by another worker ({path} is locked)", path = path.display())]
    Busy {
        /// Which.
        ticker: Ticker,
        /// Its ledger.
        path: PathBuf,
    },
}

impl From<LinesError> for LedgerError {
    fn from(error: LinesError) -> Self {
        match error {
            LinesError::Disk(error) => Self::Disk(error),
            LinesError::Corrupt { path, line, what } => Self::Corrupt { path, line, what },
        }
    }
}

/// Which lines count, for whom.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// The time of the question.
    pub now: Timestamp,
    /// Only what was asked at or after this instant counts: a run that wants everything anew.
    pub since: Option<Timestamp>,
    /// How often an empty answer is asked again before it is believed for good.
    pub recheck_empty: u32,
}

impl Trust {
    fn believes(&self, entry: &Entry) -> bool {
        let fresh = self.since.is_none_or(|since| entry.asked_at >= since);
        let settled = match entry.outcome {
            Outcome::Data { .. } | Outcome::OutsidePlan => true,
            Outcome::Empty { asks } => {
                asks > self.recheck_empty
                    || self.now.duration_since(entry.asked_at) < RECHECK_AFTER
                    || !entry.covered.ranges().iter().any(|range| has_session(*range))
            }
        };
        fresh && settled
    }
}

/// Was the exchange open on any of these days? Where it was not, nothing is what one expects.
fn has_session(days: DateRange) -> bool {
    session::sessions(days.from(), days.to()).next().is_some()
}

/// Partitions and rows of a range, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Partitions with rows.
    pub partitions_data: u64,
    /// Partitions that the source said to be empty.
    pub partitions_empty: u64,
    /// Partitions that the plan does not reach.
    pub partitions_outside_plan: u64,
    /// Rows in the files of these partitions.
    pub rows: u64,
}

/// A file that is not what its line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, for people.
    pub what: String,
}

/// What is proven of one ticker.
#[derive(Debug, Clone)]
pub struct Ledger {
    latest: BTreeMap<Partition, Entry>,
    damaged: BTreeMap<Partition, Damage>,
}

impl Ledger {
    /// Where the ledger of `ticker` is.
    pub fn path(outdir: &Path, ticker: &Ticker) -> PathBuf {
        outdir.join(ticker.as_str()).join("_ledger.jsonl")
    }

    /// Reads the ledger and looks whether its files still have their lengths. A missing ledger proves
    /// nothing; nothing is created.
    pub fn read(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Self, LedgerError> {
        let entries = checked_lines::read(&Self::path(outdir, ticker))?.entries;
        Ok(Self::of_entries(entries, outdir, kind, ticker))
    }

    fn of_entries(entries: Vec<Entry>, outdir: &Path, kind: Kind, ticker: &Ticker) -> Self {
        let latest: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.partition, entry)).collect();
        let damage = |entry: &Entry| damage_of(entry, entry.partition.file(outdir, ticker, kind));
        let damaged = latest.values().filter_map(|entry| Some((entry.partition, damage(entry)?))).collect();
        Self { latest, damaged }
    }

    /// The last word on a partition; `None` where there is none or its file is damaged.
    pub fn proven(&self, partition: Partition) -> Option<&Entry> {
        self.latest.get(&partition).filter(|_| !self.damaged.contains_key(&partition))
    }

    /// Files that are not what their lines say.
    pub fn damaged(&self) -> impl Iterator<Item = (Partition, &Damage)> {
        self.damaged.iter().map(|(partition, damage)| (*partition, damage))
    }

    /// The days of `asked` that are not proven.
    pub fn missing(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let believed = self.sound_entries().filter(|entry| trust.believes(entry));
        let known = believed
            .fold(Coverage::empty(), |known, entry| known.union(&entry.covered).union(&entry.outside_plan));
        Coverage::from(asked).minus(&known)
    }

    /// What to ask the source for: what is missing of `asked`, and with it every day that a damaged file
    /// was said to hold, because that file will be replaced as a whole.
    pub fn to_ask(&self, asked: DateRange, trust: &Trust) -> Coverage {
        let missing = self.missing(asked, trust);
        let touched = |partition: &Partition| {
            missing.ranges().iter().any(|range| range.intersection(partition.span()).is_some())
        };
        let claimed = self.damaged.keys().filter(|partition| touched(partition));
        claimed
            .filter_map(|partition| self.latest.get(partition))
            .fold(missing.clone(), |ask, entry| ask.union(&entry.covered))
    }

    /// Counts over the partitions that touch `asked` and that `trust` believes.
    pub fn summary(&self, asked: DateRange, trust: &Trust) -> Summary {
        let mut summary = Summary::default();
        let touching =
            self.sound_entries().filter(|entry| entry.partition.span().intersection(asked).is_some());
        for entry in touching.filter(|entry| trust.believes(entry)) {
            match entry.outcome {
                Outcome::Data { rows, .. } => {
                    summary.partitions_data += 1;
                    summary.rows += rows;
                }
                Outcome::Empty { .. } => summary.partitions_empty += 1,
                Outcome::OutsidePlan => summary.partitions_outside_plan += 1,
            }
        }
        summary
    }

    fn sound_entries(&self) -> impl Iterator<Item = &Entry> {
        self.latest.values().filter(|entry| !self.damaged.contains_key(&entry.partition))
    }
}

/// How many times the source has now said that a partition is empty.
pub fn asks_after(previous: Option<&Entry>, asked_at: Timestamp) -> u32 {
    match previous {
        Some(Entry { outcome: Outcome::Empty { asks }, asked_at: before, .. }) => {
            // Asking twice in one day is asking once.
            asks + u32::from(asked_at.duration_since(*before) >= RECHECK_AFTER)
        }
        _ => 1,
    }
}

fn damage_of(entry: &Entry, path: PathBuf) -> Option<Damage> {
    let Outcome::Data { bytes, .. } = entry.outcome else {
        return None;
    };
    let what = match fs::metadata(&path) {
        Ok(found) if found.len() == bytes => return None,
        Ok(found) => format!("{} bytes where the ledger says {bytes}", found.len()),
        Err(error) => error.to_string(),
    };
    Some(Damage { path, what })
}

/// A ledger held for writing. It is the ticker's lock: one process at a time, given back by the kernel
/// when its holder dies.
pub struct OpenLedger {
    ledger: Ledger,
    log: Appender<Entry>,
}

impl OpenLedger {
    /// Opens (and makes) the ledger of `ticker`, cuts off what a crash tore, and locks it.
    pub fn open(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Self, LedgerError> {
        let path = Ledger::path(outdir, ticker);
        let mut log = Appender::open(&path)?;
        if !try_exclusive(log.file(), &path)? {
            return Err(LedgerError::Busy { ticker: ticker.clone(), path });
        }
        let entries = log.recover()?;
        Ok(Self { ledger: Ledger::of_entries(entries, outdir, kind, ticker), log })
    }

    /// What is proven.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Proves partitions, all with one sync: on return the lines survive a power cut. Their files must be in
    /// place.
    pub fn commit(&mut self, entries: Vec<Entry>) -> Result<(), LedgerError> {
        self.log.append(&entries)?;
        for entry in entries {
            self.ledger.damaged.remove(&entry.partition);
            self.ledger.latest.insert(entry.partition, entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn trust(now: &str) -> Trust {
        Trust { now: at(now), since: None, recheck_empty: 1 }
    }

    fn entry(days: DateRange, outcome: Outcome) -> Entry {
        let partition = Partition::of(Kind::Daily, days.from());
        let asked_at = at("2024-01-10T12:00:00Z");
        let code = CODE_VERSION.to_owned();
        Entry {
            partition,
            covered: days.into(),
            outside_plan: Coverage::empty(),
            outcome,
            pages: 1,
            asked_at,
            code,
        }
    }

    fn data(bytes: u64) -> Outcome {
        Outcome::data(1, 0, 0, Fingerprint { bytes, sha256: "00".to_owned() })
    }

    struct Tree {
        folder: tempfile::TempDir,
        ticker: Ticker,
    }

    impl Tree {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a folder"), ticker: "AIG".parse().expect("a ticker") }
        }

        fn open(&self) -> OpenLedger {
            OpenLedger::open(self.folder.path(), Kind::Daily, &self.ticker).expect("opened")
        }

        fn read(&self) -> Ledger {
            Ledger::read(self.folder.path(), Kind::Daily, &self.ticker).expect("read")
        }

        fn put_file(&self, year: i16, bytes: usize) {
            let path = Partition::Year(year).file(self.folder.path(), &self.ticker, Kind::Daily);
            crate::disk::publish::publish(&path, &vec![0; bytes]).expect("published");
        }
    }

    #[test]
    fn a_file_without_a_line_proves_nothing_and_a_line_without_its_file_neither() {
        let tree = Tree::new();
        tree.put_file(2022, 7);
        let asked = range("2022-01-01", "2023-12-31");
        assert!(tree.read().missing(asked, &trust("2024-01-11T00:00:00Z")).includes(asked));
        tree.open().commit(vec![entry(range("2023-01-01", "2023-12-31"), data(7))]).expect("committed");
        assert!(tree.read().missing(asked, &trust("2024-01-11T00:00:00Z")).includes(asked));
        tree.put_file(2023, 7);
        let missing = tree.read().missing(asked, &trust("2024-01-11T00:00:00Z"));
        assert_eq!(missing.to_string(), "2022-01-01..2022-12-31");
    }

    #[test]
    fn a_truncated_file_is_named_and_all_that_it_held_is_asked_again() {
        let tree = Tree::new();
        tree.put_file(2022, 7);
        tree.open().commit(vec![entry(range("2022-01-01", "2022-12-31"), data(8))]).expect("committed");
        let ledger = tree.read();
        let asked = range("2022-06-01", "2022-06-30");
        assert_eq!(
            ledger.to_ask(asked, &trust("2024-01-11T00:00:00Z")).to_string(),
            "2022-01-01..2022-12-31"
        );
        let (_, damage) = ledger.damaged().next().expect("damage");
        assert_eq!(damage.what, "7 bytes where the ledger says 8");
        assert_eq!(
            ledger.to_ask(range("2023-01-01", "2023-01-02"), &trust("2024-01-11T00:00:00Z")).days(),
            2
        );
    }

    #[test]
    fn an_empty_answer_is_asked_again_a_day_later_and_then_believed() {
        let tree = Tree::new();
        let asked = range("2022-01-01", "2022-12-31");
        tree.open().commit(vec![entry(asked, Outcome::Empty { asks: 1 })]).expect("committed");
        let ledger = tree.read();
        assert!(ledger.missing(asked, &trust("2024-01-11T11:59:59Z")).is_empty(), "not a day old");
        assert!(ledger.missing(asked, &trust("2024-01-11T12:00:00Z")).includes(asked), "to be asked again");
        let asks = asks_after(ledger.proven(Partition::Year(2022)), at("2024-01-11T12:00:00Z"));
        tree.open().commit(vec![entry(asked, Outcome::Empty { asks })]).expect("committed");
        assert!(tree.read().missing(asked, &trust("2030-01-01T00:00:00Z")).is_empty(), "believed");
        assert_eq!(
            asks_after(ledger.proven(Partition::Year(2022)), at("2024-01-10T13:00:00Z")),
            1,
            "same day"
        );
    }

    #[test]
    fn a_fresh_run_does_not_count_what_was_asked_before_it() {
        let tree = Tree::new();
        let asked = range("2022-01-01", "2022-12-31");
        tree.open().commit(vec![entry(asked, Outcome::OutsidePlan)]).expect("committed");
        let since = |text| Trust { since: Some(at(text)), ..trust("2024-01-11T00:00:00Z") };
        assert!(tree.read().missing(asked, &since("2024-01-10T12:00:00Z")).is_empty());
        assert!(tree.read().missing(asked, &since("2024-01-10T12:00:01Z")).includes(asked));
    }

    #[test]
    fn two_processes_can_not_write_one_ticker() {
        let tree = Tree::new();
        let first = tree.open();
        let second = OpenLedger::open(tree.folder.path(), Kind::Daily, &tree.ticker);
        assert!(matches!(second, Err(LedgerError::Busy { .. })));
        drop(first);
        tree.open();
    }

    #[test]
    fn a_line_reads_as_it_was_written() {
        let mut written = entry(range("2022-01-01", "2022-06-30"), data(8));
        written.outside_plan = range("2022-07-01", "2022-12-31").into();
        let line = checked_lines::encode(&written);
        assert!(line.starts_with(
            r#"{"partition":"year=2022","covered":[{"from":"2022-01-01","to":"2022-06-30"}],"outside_plan":["#
        ));
        assert_eq!(checked_lines::decode::<Entry>(line.trim_end().as_bytes()), Ok(written));
    }
}
