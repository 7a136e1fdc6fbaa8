//! Setting aside: what is damaged leaves its place and is kept, below `OUT/_set_aside`.
//!
//! Nothing is deleted. A file is renamed to a name that says when and by which rule
//! (`OUT/_set_aside/AIG/year=2024/daily.parquet.20260105T120000Z.price-not-finite`): no reader of
//! the tree takes it for data. What the ledger said of it decides what is to come again. Where the
//! file is not what its line says, the line was right and the file is lost
//! ([`loss`](super::loss)). Where it is what its line says, the rows were wrong when the line was
//! written, and the line is void.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::claim::{self, Claim};
use super::coverage::{Coverage, DateRange};
use super::entry::Entry;
use super::kind::Kind;
use super::ledger::{Ledger, LedgerError};
use super::look::{self, Look};
use super::open_ledger::OpenLedger;
use super::partition::Partition;
use crate::disk::audience::Audience;
use crate::disk::checked_lines::decode;
use crate::disk::folder::Folder;
use crate::disk::log_locks::{Log, LogLocks};
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::disk::shared_lines::SharedLog;
use crate::formats::{self, Format, UnknownVersion};
use crate::market::ticker::Ticker;

/// Where it all goes, below the output folder. No ticker can be called that.
pub const FOLDER: &str = "_set_aside";

/// So many names are tried.
const MOST_NAMES: u32 = 1_000;

/// When, and by which rule.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    /// UTC.
    pub at: Timestamp,
    /// Name of the rule that found it: `price-not-finite`.
    pub rule: &'a str,
}

/// What the ledger says of a partition from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineNow {
    /// Nothing, as before.
    None,
    /// What it said: as many rows as there were are to come back.
    Kept,
    /// Nothing: what it said was wrong.
    Void,
}

/// What was set aside of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where the file is now; `None` where none stood in its place.
    pub file: Option<PathBuf>,
    /// What became of its line.
    pub line: LineNow,
    /// The days of which the ledger had said something: they are to be asked for again, with those
    /// that nobody had asked for yet.
    pub days: Coverage,
}

/// Sets aside what stands in the place of `partition`, while nobody writes it.
/// [`LedgerError::Busy`]: somebody does.
pub fn partition(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
    partition: Partition,
    why: Why<'_>,
) -> Result<SetAside, LedgerError> {
    let mut open = OpenLedger::open_to_note(outdir, kind, ticker, partition.span())?;
    let path = partition.file(outdir, ticker, kind);
    let line = judge(open.ledger(), partition, &path);
    let entry = open.ledger().entry(partition);
    let days = entry.map_or_else(Coverage::empty, |entry| entry.answers.days(|_| true));
    let way = Way::of(outdir, open.folder(), &path)?;
    // The line goes first: a file without a line is found by the next look, a line that proves
    // wrong rows would have them back.
    if line == LineNow::Void {
        open.void(partition, ticker)?;
    }
    let file = way.map(|way| way.go(why)).transpose()?;
    Ok(SetAside { file, line, days })
}

/// Sets aside every file of `ticker` in a partition with some of `days` that its ledger line does not
/// prove as it stands: a run that asks for these days may write there. A file that can't be read is
/// left alone, and is an error.
pub fn unproven(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
    days: DateRange,
    at: Timestamp,
) -> Result<Vec<SetAside>, LedgerError> {
    let whole = Partition::whole(kind, days);
    let ledger = Ledger::read_of(outdir, kind, ticker, whole)?;
    let mut aside = Vec::new();
    for of in Partition::within(kind, whole) {
        let path = of.file(outdir, ticker, kind);
        if !std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            continue;
        }
        let rule = match (ledger.damage_of(of), ledger.file(of)) {
            (None, Some(_)) => continue,
            (Some(_), Some(_) | None) => "not-as-recorded",
            (None, None) => "no-ledger-line",
        };
        regular::open(&path).map_err(DiskError::at("read", &path))?;
        aside.push(partition(outdir, kind, ticker, of, Why { at, rule })?);
    }
    Ok(aside)
}

/// Is what the line says of the file at `path` right?
fn judge(ledger: &Ledger, partition: Partition, path: &Path) -> LineNow {
    let Some(entry) = ledger.entry(partition) else { return LineNow::None };
    match (&entry.file, &entry.loss) {
        (Some(proof), Some(_) | None) => match look::compare(proof, path.to_owned()) {
            Look::AsRecorded | Look::Right(_) => LineNow::Void,
            Look::Damaged(_) => LineNow::Kept,
        },
        // Its file is damaged, or was: what was in it is known.
        (None, Some(_)) => LineNow::Kept,
        (None, None) => LineNow::Void,
    }
}

/// A ledger that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerAside {
    /// Where it is now.
    pub file: PathBuf,
    /// So many of its lines are sound and ours: they are the new ledger.
    pub kept_lines: usize,
}

/// Sets aside a ledger that can't be read or is another's, and puts a new one in its place with
/// those of its lines that are sound and ours. Days that only the others proved are asked for
/// again. A line that went may have replaced an older one of its partition, which counts again: no
/// day is believed by it unless the very file of that line is there.
/// [`LedgerError::Busy`]: somebody writes there.
pub fn ledger(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
    why: Why<'_>,
) -> Result<LedgerAside, LedgerError> {
    let path = Ledger::path(outdir, ticker);
    let bytes = regular::read(&path).map_err(DiskError::at("read", &path))?;
    let (ledger, entries) = (&path, sound_lines(kind, ticker, &bytes));
    if let Some(source) = newer_version(&bytes) {
        return Err(LedgerError::Version { path, source });
    }
    let all = claim::all_days();
    let claim = |locks: &LogLocks, log: Log<'_>| claim::take(locks, log, kind, all);
    let (log, claim) = SharedLog::<Entry>::open(outdir, ledger, claim)?;
    if let Claim::Taken { days: theirs, by } = claim {
        return Err(LedgerError::Busy { ticker: ticker.clone(), theirs, by, path });
    }
    let Some(way) = Way::of(outdir, log.folder(), ledger)? else {
        return Err(DiskError::at("set aside", &path)(ErrorKind::NotFound.into()).into());
    };
    let file = way.go(why)?;
    // The claim of the old one holds the lock file, which the new one has too.
    drop(log);
    let kept_lines = entries.len();
    OpenLedger::open_to_note(outdir, kind, ticker, all)?.commit(entries)?;
    Ok(LedgerAside { file, kept_lines })
}

/// The lines that a crash, a disk or a person has left whole and that tell of `kind` of `ticker`.
fn sound_lines(kind: Kind, ticker: &Ticker, bytes: &[u8]) -> Vec<Entry> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| decode::<Entry>(line).ok());
    let is_ours = |entry: &Entry| {
        entry.partition.kind() == kind && entry.ticker.as_ref().is_none_or(|it| it == ticker)
    };
    lines.filter(is_ours).collect()
}

/// What every version of a line says.
#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "v", default = "formats::first")]
    format: u32,
}

/// A newer program wrote some of it: it is not ours to judge.
fn newer_version(bytes: &[u8]) -> Option<UnknownVersion> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut versions = lines.filter_map(|line| decode::<Versioned>(line).ok());
    versions.find_map(|Versioned { format }| Format::Ledger.read(format).err())
}

/// Sets aside a file in the folder of `ticker` that belongs to nothing: a copy, say. A folder is
/// left alone: what is in it would keep its names.
pub fn stray(
    outdir: &Path,
    ticker: &Ticker,
    path: &Path,
    why: Why<'_>,
) -> Result<Option<PathBuf>, DiskError> {
    let folder = Folder::open(outdir)?.below(Path::new(ticker.as_str()))?;
    let is_folder = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let way = if is_folder { None } else { Way::of(outdir, &folder, path)? };
    way.map(|way| way.go(why)).transpose()
}

/// Files that were set aside from the place of `partition` at any time, by name; empty where none
/// were, or where the folder can't be read.
pub fn kept_of(outdir: &Path, kind: Kind, ticker: &Ticker, partition: Partition) -> Vec<PathBuf> {
    let file = partition.file(outdir, ticker, kind);
    let place = outdir.join(FOLDER).join(file.strip_prefix(outdir).unwrap_or(&file));
    let folder = place.parent().unwrap_or(outdir);
    let start = format!("{}.", kind.file_name());
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_of_it = |entry: &std::fs::DirEntry| {
        entry.file_name().as_encoded_bytes().starts_with(start.as_bytes())
    };
    let found = entries.filter_map(Result::ok).filter(is_of_it).map(|entry| entry.path());
    let mut kept: Vec<PathBuf> = found.collect();
    kept.sort();
    kept
}

/// From where to where something goes.
struct Way {
    from: Folder,
    to: Folder,
    name: OsString,
}

impl Way {
    /// Of what stands at `path`, below the folder of its ticker; `None` where nothing does.
    fn of(outdir: &Path, ticker: &Folder, path: &Path) -> Result<Option<Self>, DiskError> {
        let name = path.file_name().unwrap_or_default().to_owned();
        let from = ticker.find(ticker.way_to(path)?)?;
        let Some(from) = from.filter(|from| from.has(&name)) else { return Ok(None) };
        let place = outdir.join(FOLDER).join(path.strip_prefix(outdir).unwrap_or(path));
        let to = Folder::of(Audience::AsUmaskSays, outdir, &place)?;
        Ok(Some(Self { from, to, name }))
    }

    fn go(&self, why: Why<'_>) -> Result<PathBuf, DiskError> {
        for number in 1..=MOST_NAMES {
            let new = new_name(&self.name, why, number);
            if self.from.move_to(&self.name, &self.to, &new)? {
                return Ok(self.to.path().join(new));
            }
        }
        let path = self.from.path().join(&self.name);
        Err(DiskError::at("set aside", &path)(ErrorKind::AlreadyExists.into()))
    }
}

/// `daily.parquet.20260105T120000Z.price-not-finite`; a second one of that second ends with `.2`.
fn new_name(name: &OsStr, why: Why<'_>, number: u32) -> OsString {
    let mut new = name.to_owned();
    new.push(format!(".{}.{}", why.at.strftime("%Y%m%dT%H%M%SZ"), why.rule));
    if number > 1 {
        new.push(format!(".{number}"));
    }
    new
}

#[cfg(test)]
mod tests;
