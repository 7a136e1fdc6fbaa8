//! Records: what the ledger of a ticker says, without a look at any of its files. For who looks at
//! the files of millions of partitions in its own way.
//!
//! A record says of a partition what an [`Entry`] does, without what only writers need. Most lines
//! are read without a copy of their texts; whatever is out of the ordinary is read as an entry.

use std::borrow::Cow;
use std::io::{self, BufReader};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answers::{Answer, Said};
use super::coverage::{Coverage, DateRange};
use super::entry::{Entry, FileProof};
use super::kind::Kind;
use super::ledger::{Ledger, LedgerError};
use super::partition::Partition;
use super::seen::{Seen, Sighting};
use crate::disk::checked_lines::{self, LinesError};
use crate::disk::publish::DiskError;
use crate::disk::{regular, shared_lines};
use crate::formats::{self, Format};
use crate::market::ticker::Ticker;

/// So much of a ledger is read at a time.
const CHUNK: usize = 1 << 16;

/// What is recorded of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which.
    pub partition: Partition,
    /// What the source has said of its days, in time order, none twice. Which run asked is left
    /// out. Days of a loss that is not settled are [`Said::Lost`].
    pub answers: Vec<Answer>,
    /// The file with its rows; a partition without a row has none.
    pub file: Option<RecordedFile>,
}

/// What is recorded of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Rows, at least 1.
    pub rows: u64,
    /// First stamp, in the unit of its rows (ms for bars, ns for trades; UTC).
    pub first: i64,
    /// Last stamp.
    pub last: i64,
    /// Length.
    pub bytes: u64,
    /// How the file was found when its bytes were last known.
    pub seen: Sighting,
}

/// What is recorded of `ticker` in the tree at `outdir`, in the order of time, each partition once;
/// `None` where there is no ledger. What makes no sense, or is another's, is an error.
pub fn read(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
) -> Result<Option<Vec<Record>>, LedgerError> {
    let path = Ledger::path(outdir, ticker);
    let file = match regular::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::at("read", &path)(error).into()),
    };
    let mut records = Vec::new();
    let mut foreign = None;
    let read = checked_lines::each_text(&path, BufReader::with_capacity(CHUNK, file), |text| {
        let line = Line::read(text)?;
        let rows = line.record.partition.kind();
        let is_ours = line.whose.as_ref().is_none_or(|whose| whose == ticker.as_str());
        if !is_ours || rows != kind {
            let whose = line.whose.as_deref().unwrap_or("another kind of data");
            foreign.get_or_insert_with(|| format!("{whose} ({rows})"));
        }
        records.push(line.record);
        Ok(())
    });
    match read {
        // The rest of the doors to a ledger have their own words for it, and look again where
        // somebody may be writing.
        Err(LinesError::Corrupt { .. }) => return entries(outdir, kind, ticker).map(Some),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    if let Some(theirs) = foreign {
        return Err(LedgerError::Foreign { path, theirs, ours: format!("{ticker} ({kind})") });
    }
    Ok(Some(last_of_each(records)))
}

/// The same by way of entries.
fn entries(outdir: &Path, kind: Kind, ticker: &Ticker) -> Result<Vec<Record>, LedgerError> {
    let path = Ledger::path(outdir, ticker);
    let entries = shared_lines::read::<Entry>(&path)?.entries;
    for entry in &entries {
        Format::Ledger
            .read(entry.format)
            .map_err(|source| LedgerError::Version { path: path.clone(), source })?;
        let rows = entry.partition.kind();
        let theirs = entry.ticker.as_ref().map_or(ticker, |theirs| theirs);
        if theirs != ticker || rows != kind {
            let (theirs, ours) = (format!("{theirs} ({rows})"), format!("{ticker} ({kind})"));
            return Err(LedgerError::Foreign { path, theirs, ours });
        }
    }
    Ok(last_of_each(entries.into_iter().map(Record::from).collect()))
}

/// The last record of each partition, in the order of time.
fn last_of_each(mut records: Vec<Record>) -> Vec<Record> {
    if !records.is_sorted_by(|one, next| one.partition < next.partition) {
        // Stable: of one partition, the later line stays behind the earlier one.
        records.sort_by_key(|record| record.partition);
        records.reverse();
        records.dedup_by_key(|record| record.partition);
        records.reverse();
    }
    records
}

impl Record {
    /// The days of which it says `said`.
    pub fn days(&self, wanted: impl Fn(Said) -> bool) -> Coverage {
        self.answers.iter().filter(|answer| wanted(answer.said)).map(|answer| answer.days).collect()
    }
}

impl From<Entry> for Record {
    fn from(mut entry: Entry) -> Self {
        entry.remember_loss();
        entry.reopen_loss(&Coverage::empty());
        let answers = entry.answers.iter().map(|answer| Answer { run: None, ..*answer }).collect();
        Self { partition: entry.partition, answers, file: entry.file.map(RecordedFile::from) }
    }
}

impl From<FileProof> for RecordedFile {
    fn from(proof: FileProof) -> Self {
        Self {
            rows: proof.rows,
            first: proof.first,
            last: proof.last,
            bytes: proof.fingerprint.bytes,
            seen: Sighting::of(proof.seen.as_ref().map(Seen::text)),
        }
    }
}

/// A line that was read.
struct Line<'a> {
    whose: Option<Cow<'a, str>>,
    record: Record,
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Result<Self, String> {
        let plain = serde_json::from_str::<Written<'a>>(text).ok();
        if let Some(line) = plain.and_then(Written::plain) {
            return Ok(line);
        }
        let entry: Entry = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Format::Ledger.read(entry.format).map_err(|error| error.to_string())?;
        let whose = entry.ticker.as_ref().map(|ticker| Cow::Owned(ticker.as_str().to_owned()));
        Ok(Self { whose, record: entry.into() })
    }
}

/// A line as it stands in the file, without a copy of its texts.
#[derive(Deserialize)]
struct Written<'a> {
    partition: &'a str,
    #[serde(default)]
    ticker: Option<&'a str>,
    #[serde(borrow)]
    answers: Vec<WrittenAnswer<'a>>,
    #[serde(default, borrow)]
    file: Option<WrittenFile<'a>>,
    #[serde(default)]
    loss: Option<IgnoredAny>,
    #[serde(rename = "pages")]
    _pages: u64,
    #[serde(rename = "code")]
    _code: &'a str,
    #[serde(rename = "v", default = "formats::first")]
    format: u32,
}

#[derive(Deserialize)]
struct WrittenAnswer<'a> {
    from: &'a str,
    to: &'a str,
    outcome: &'a str,
    #[serde(default)]
    asks: Option<u32>,
    asked_at: &'a str,
    #[serde(default)]
    for_s: Option<i64>,
    #[serde(default)]
    until: Option<&'a str>,
}

#[derive(Deserialize)]
struct WrittenFile<'a> {
    rows: u64,
    first: i64,
    last: i64,
    bytes: u64,
    #[serde(rename = "sha256")]
    _sha256: &'a str,
    #[serde(default)]
    seen: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// As a record, if nothing about it is out of the ordinary.
    fn plain(self) -> Option<Line<'a>> {
        if self.loss.is_some() || self.format != formats::first() {
            return None;
        }
        let answers: Option<Vec<Answer>> = self.answers.iter().map(WrittenAnswer::plain).collect();
        let answers = answers?;
        if !answers.is_sorted_by(|one, next| one.days.to() < next.days.from()) {
            return None;
        }
        let file = self.file.map(|file| RecordedFile {
            rows: file.rows,
            first: file.first,
            last: file.last,
            bytes: file.bytes,
            seen: Sighting::of(file.seen),
        });
        let partition = self.partition.parse().ok()?;
        Some(Line {
            whose: self.ticker.map(Cow::Borrowed),
            record: Record { partition, answers, file },
        })
    }
}

impl WrittenAnswer<'_> {
    fn plain(&self) -> Option<Answer> {
        let said = match (self.outcome, self.asks) {
            ("data", None) => Said::Data,
            ("empty", Some(asks)) => Said::Empty { asks },
            ("outside_plan", None) => Said::OutsidePlan,
            _ => return None,
        };
        let days = DateRange::new(self.from.parse().ok()?, self.to.parse().ok()?)?;
        let asked_at: Timestamp = self.asked_at.parse().ok()?;
        let until = match (self.for_s, self.until) {
            (Some(seconds), _) => {
                Some(asked_at.checked_add(SignedDuration::from_secs(seconds)).ok()?)
            }
            (None, Some(until)) => Some(until.parse().ok()?),
            (None, None) => None,
        };
        Some(Answer { days, said, asked_at, until, run: None })
    }
}

#[cfg(test)]
mod tests;
