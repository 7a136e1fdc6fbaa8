//! Checks: the files of some days are held against their SHA-256, whatever their lengths, times and inodes say.
//!
//! What is found is kept in the ledger: a right file as it is found now, a wrong one as one that no look may believe
//! without reading it, so that everybody who looks at it from then on finds the damage.

use std::path::Path;

use super::coverage::DateRange;
use super::entry::{Entry, FileProof};
use super::kind::Kind;
use super::ledger::{Damage, Ledger, LedgerError};
use super::look::{self, Look};
use super::open_ledger::OpenLedger;
use super::seen::Seen;
use crate::disk::publish::DiskError;
use crate::market::ticker::Ticker;

/// What a check of one ticker, or of several, has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Files that were right.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were not.
    pub damaged: Vec<Damage>,
}

/// Checks the files of `ticker` that hold some of `days`. Where there is no ledger there is nothing to check, and nothing
/// is made.
pub fn check(outdir: &Path, kind: Kind, ticker: &Ticker, days: DateRange) -> Result<Checked, LedgerError> {
    let path = Ledger::path(outdir, ticker);
    if !path.try_exists().map_err(DiskError::at("look at", &path))? {
        return Ok(Checked::default());
    }
    let mut ledger = OpenLedger::open(outdir, kind, ticker, days)?;
    let claimed = ledger.claimed();
    let mut checked = Checked::default();
    let is_claimed = |entry: &&Entry| claimed.intersection(entry.partition.span()).is_some();
    let mut lines = Vec::new();
    for entry in ledger.ledger().entries().filter(is_claimed) {
        let Some(file) = &entry.file else {
            checked.damaged.extend(ledger.ledger().damage_of(entry.partition).cloned());
            continue;
        };
        let look = if ledger.noted().contains(&entry.partition) {
            Look::AsRecorded
        } else {
            look::compare(file, entry.partition.file(outdir, ticker, kind))
        };
        let seen = match look {
            Look::AsRecorded => None,
            Look::Right(seen) => Some(seen),
            Look::Damaged(damage) => {
                checked.damaged.push(damage);
                lines.push(seen_as(entry, file, Seen::never()));
                continue;
            }
        };
        checked.files += 1;
        checked.bytes = checked.bytes.saturating_add(file.fingerprint.bytes);
        lines.extend(
            seen.filter(|seen| file.seen.as_ref() != Some(seen)).map(|seen| seen_as(entry, file, seen)),
        );
    }
    if !lines.is_empty() {
        ledger.commit(lines)?;
    }
    Ok(checked)
}

fn seen_as(entry: &Entry, file: &FileProof, seen: Seen) -> Entry {
    Entry { file: Some(FileProof { seen: Some(seen), ..file.clone() }), ..entry.clone() }
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
