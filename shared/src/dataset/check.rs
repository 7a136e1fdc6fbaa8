//! Checks: compares the files of some days with their SHA-256, whatever their lengths, times and
//! inodes are.
//!
//! The result is kept in the ledger. For an intact file the ledger records how it looks now. A
//! damaged file is marked so that every later look has to read it and finds the damage.

use std::collections::BTreeMap;
use std::path::Path;

use super::coverage::{Coverage, DateRange};
use super::entry::{Entry, FileProof};
use super::kind::Kind;
use super::ledger::{Damage, Ledger, LedgerError};
use super::look::{self, Look};
use super::open_ledger::OpenLedger;
use super::partition::Partition;
use super::seen::Seen;
use crate::market::ticker::Ticker;

/// The result of a check of one or several tickers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Files that were intact.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were damaged or missing.
    pub damaged: Vec<Damage>,
}

/// Checks the files of `ticker` that hold any of `days`. Without a ledger it checks and makes
/// nothing.
///
/// Files are read without a claim, so that check and workers do not block each other; days are
/// claimed only for the moment of writing to the ledger. [`LedgerError::Busy`]: a file differs from
/// its line, and a worker is writing it.
pub fn check(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
    days: DateRange,
) -> Result<Checked, LedgerError> {
    let Some(ledger) = Ledger::read_by_length_if_there(outdir, kind, ticker)? else {
        return Ok(Checked::default());
    };
    let whole = Partition::whole(kind, days);
    let mut checked = Checked::default();
    let (mut moved, mut suspects) = (BTreeMap::new(), Vec::new());
    let is_asked = |entry: &&Entry| whole.intersection(entry.partition.span()).is_some();
    for entry in ledger.entries().filter(is_asked) {
        let partition = entry.partition;
        let Some(file) = &entry.file else {
            suspects.extend(ledger.damage_of(partition).map(|_| partition));
            continue;
        };
        match look::compare(file, partition.file(outdir, ticker, kind)) {
            Look::AsRecorded => checked.found_right(file),
            Look::Right(seen) => {
                checked.found_right(file);
                if file.seen.as_ref() != Some(&seen) {
                    moved.insert(partition, FileProof { seen: Some(seen), ..file.clone() });
                }
            }
            Look::Damaged(_) => suspects.push(partition),
        }
    }
    note_moved(outdir, kind, ticker, &moved)?;
    for partition in suspects {
        checked.judge(outdir, kind, ticker, partition)?;
    }
    Ok(checked)
}

/// Records how intact files look, so that the next look need not read them. If another process is
/// writing, or we may not write, nothing is recorded.
fn note_moved(
    outdir: &Path,
    kind: Kind,
    ticker: &Ticker,
    moved: &BTreeMap<Partition, FileProof>,
) -> Result<(), LedgerError> {
    let spans = moved.keys().map(|partition| partition.span());
    let Some(days) = spans.collect::<Coverage>().hull() else { return Ok(()) };
    let mut open = match OpenLedger::open_to_note(outdir, kind, ticker, days) {
        Ok(open) => open,
        Err(LedgerError::Busy { .. } | LedgerError::Disk(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let note = |(partition, proof): (&Partition, &FileProof)| {
        let entry = open.ledger().entry(*partition)?;
        let is_the_same = entry.file.as_ref()?.fingerprint == proof.fingerprint;
        is_the_same.then(|| Entry { file: Some(proof.clone()), ..entry.clone() })
    };
    let lines: Vec<Entry> = moved.iter().filter_map(note).collect();
    if lines.is_empty() { Ok(()) } else { open.commit(lines) }
}

impl Checked {
    fn found_right(&mut self, file: &FileProof) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(file.fingerprint.bytes);
    }

    /// Without a claim a file differed from its line. Under the claim neither can change, so it
    /// looks again.
    fn judge(
        &mut self,
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        partition: Partition,
    ) -> Result<(), LedgerError> {
        let mut open = OpenLedger::open_to_note(outdir, kind, ticker, partition.span())?;
        let Some(entry) = open.ledger().entry(partition).cloned() else { return Ok(()) };
        let Some(file) = &entry.file else {
            self.damaged.extend(open.ledger().damage_of(partition).cloned());
            return Ok(());
        };
        match look::compare(file, partition.file(outdir, ticker, kind)) {
            Look::AsRecorded | Look::Right(_) => self.found_right(file),
            Look::Damaged(damage) => {
                self.damaged.push(damage);
                if file.seen != Some(Seen::never()) {
                    open.commit(vec![Entry {
                        file: Some(FileProof { seen: Some(Seen::never()), ..file.clone() }),
                        ..entry.clone()
                    }])?;
                }
            }
        }
        Ok(())
    }
}

impl std::ops::AddAssign for Checked {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.damaged.extend(other.damaged);
    }
}

#[cfg(test)]
mod tests;
