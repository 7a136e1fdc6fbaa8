//! One ticker of a tree is adopted: its files are read, and lines are written for what is whole.

use std::path::{Path, PathBuf};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::ledger::{Entry, Ledger, LedgerError};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::dataset::seen::Seen;
use shared::market::ticker::Ticker;

use super::facts::{self, FileFacts, Unusable};
use super::folder::{self, Found};
use super::noted::Noted;
use super::oddity::Oddity;
use super::place::Place;
use super::survey::Tree;
use super::whole::{self, Ground, Verdict};

/// What came of a ticker.
#[derive(Debug, Default)]
pub struct Adoption {
    /// Files that were read to their end and are of use.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
    /// Files of which some days are proven now.
    pub proven_files: u64,
    /// Sessions that are proven now.
    pub proven: u64,
    /// Sessions between its first row and its last that are not.
    pub unproven: u64,
    /// What was odd.
    pub oddities: Vec<Noted>,
}

/// Adopts what `tree` has of `ticker`, of those partitions that hold some of `days`.
pub fn adopt(
    tree: &Tree,
    ground: Ground,
    ticker: &Ticker,
    days: Option<DateRange>,
) -> Result<Adoption, LedgerError> {
    let mut adoption = Adoption::default();
    let known = Ledger::read_by_length(&tree.outdir, ground.kind, ticker)?;
    let files = files_of(tree, ground, ticker, days, &known, &mut adoption);
    let Verdict { lines, proven, unproven, oddities } = whole::judge(ground, ticker, &files);
    let path_of = |partition: Partition| partition.file(&tree.outdir, ticker, ground.kind);
    adoption.oddities.extend(oddities.into_iter().map(|(partition, oddity, days)| {
        let count = days.len() as u64;
        let days: Coverage = days.into_iter().map(whole::one).collect();
        Noted { days: count, ..Noted::of(oddity, path_of(partition), days.to_string()) }
    }));
    (adoption.proven, adoption.unproven) = (proven, unproven);
    adoption.proven_files = lines.iter().filter(|line| line.file.is_some()).count() as u64;
    write(tree, ground, ticker, lines)?;
    Ok(adoption)
}

/// Writes the lines, all with one sync.
fn write(
    tree: &Tree,
    ground: Ground,
    ticker: &Ticker,
    lines: Vec<Entry>,
) -> Result<(), LedgerError> {
    let spans = lines.iter().map(|line| line.partition.span());
    let Some(hull) = spans.collect::<Coverage>().hull() else { return Ok(()) };
    let mut open = OpenLedger::open(&tree.outdir, ground.kind, ticker, hull)?;
    let is_so = |line: &Entry| {
        // A worker may have been here since the files were read.
        let path = line.partition.file(&tree.outdir, ticker, ground.kind);
        let is_as_read = match &line.file {
            Some(file) => Seen::at(&path).ok() == file.seen,
            None => !path.exists(),
        };
        is_as_read && open.ledger().entry(line.partition).is_none()
    };
    let lines: Vec<Entry> = lines.into_iter().filter(is_so).collect();
    if lines.is_empty() { Ok(()) } else { open.commit(lines) }
}

/// Reads the files of `ticker` that no ledger tells of; what is of no use is noted.
fn files_of(
    tree: &Tree,
    ground: Ground,
    ticker: &Ticker,
    days: Option<DateRange>,
    known: &Ledger,
    adoption: &mut Adoption,
) -> Vec<FileFacts> {
    let mut files = Vec::new();
    for (path, found) in folder::walk(&tree.outdir.join(ticker.as_str())) {
        let asked = |partition: Partition| {
            days.is_none_or(|days| days.intersection(partition.span()).is_some())
        };
        let partition = match found {
            Found::File(Place::Partition(it)) if it.kind() == ground.kind => it,
            // Ours: the ledger and its locks, drafts.
            Found::File(Place::Hidden) if is_ours(&path) => continue,
            found => {
                adoption.oddities.push(aside(found, path));
                continue;
            }
        };
        if !asked(partition) {
            adoption.oddities.push(Noted::plain(Oddity::Beyond, path));
            continue;
        }
        if known.entry(partition).is_some() {
            adoption.oddities.push(Noted::plain(Oddity::Known, path));
            continue;
        }
        match facts::read(&path, tree.columns(), ticker, partition) {
            Ok(facts) if !facts.zones.contains(&ground.zone) => {
                let detail = match facts.zones.first() {
                    Some(theirs) => format!("its days are {theirs} days"),
                    None => "its stamps are not of the days and minutes beside them".to_owned(),
                };
                adoption.oddities.push(Noted::of(Oddity::OtherZone, path, detail));
            }
            Ok(facts) => {
                let unlike = facts.unlike.iter();
                let unlike = unlike.map(|it| Noted::plain(Oddity::Unlike(*it), path.clone()));
                adoption.oddities.extend(unlike);
                adoption.files += 1;
                adoption.bytes += facts.fingerprint.bytes;
                adoption.rows += facts.rows;
                files.push(facts);
            }
            Err(why) => adoption.oddities.push(Noted::of(oddity_of(&why), path, why.to_string())),
        }
    }
    files
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["_ledger.jsonl", "_ledger.lock"].contains(&&*name)
}

/// What does not stand in the place of one of our files.
fn aside(found: Found, path: PathBuf) -> Noted {
    let elsewhere = |partition: Partition| {
        let detail = format!("belongs into {partition}");
        Noted::of(Oddity::Elsewhere, path.clone(), detail)
    };
    match found {
        Found::File(Place::Partition(_)) => Noted::plain(Oddity::OtherKind, path),
        Found::File(Place::Elsewhere(partition)) => elsewhere(partition),
        Found::File(Place::Nowhere(_)) => Noted::plain(Oddity::Elsewhere, path),
        Found::File(Place::EmptyMarker) => Noted::plain(Oddity::EmptyMarker, path),
        Found::File(Place::Hidden) => Noted::plain(Oddity::Hidden, path),
        Found::File(Place::Other) => Noted::plain(Oddity::OtherName, path),
        Found::Link => Noted::plain(Oddity::Link, path),
        Found::Unreadable(error) => Noted::of(Oddity::Unreadable, path, error.to_string()),
    }
}

fn oddity_of(why: &Unusable) -> Oddity {
    match why {
        Unusable::Empty => Oddity::Empty,
        Unusable::Unread(ReadError::Broken { .. }) => Oddity::Broken,
        Unusable::Unread(ReadError::Foreign { .. }) => Oddity::Columns,
        Unusable::Unread(ReadError::Disk(_)) => Oddity::Unreadable,
        Unusable::OtherTicker(_) => Oddity::OtherTicker,
        Unusable::OtherDay(_) => Oddity::OtherDays,
        Unusable::Order { .. } => Oddity::Order,
    }
}
