//! A ledger that is being written: who has claimed which days of its ticker appends the lines that
//! prove them.

use std::path::Path;

use super::claim::{self, Claim};
use super::coverage::{Coverage, DateRange};
use super::kind::Kind;
use super::ledger::{Entry, Ledger, LedgerError};
use super::look::Scope;
use super::partition::Partition;
use crate::disk::checked_lines;
use crate::disk::folder::Folder;
use crate::disk::log_locks::{Log, LogLocks};
use crate::disk::publish::DiskError;
use crate::disk::shared_lines::{Rewritten, SharedLog};
use crate::market::ticker::Ticker;

/// So many bytes a partition a ledger may have, however often its partitions were extended.
const AMPLE_BYTES: u64 = 400;
/// Of so many live lines one may be dead: a rewrite costs at most so many times what was appended.
const LIVE_A_DEAD_LINE: usize = 16;
/// Over so many times its live lines a ledger is rewritten when it is opened.
const TIMES_ITS_LINES: usize = 4;

/// A ledger opened for writing some days of its ticker, which nobody else writes meanwhile.
///
/// Others may write other days and append lines of theirs. So what it says of days beyond those
/// that are claimed may be old: nothing is to be written by that.
pub struct OpenLedger {
    ledger: Ledger,
    claimed: DateRange,
    log: SharedLog<Entry>,
    /// So many lines, or fewer, are replaced by later ones of their partitions.
    dead_lines: usize,
    unsaid: Option<DiskError>,
    was_said: bool,
    /// Files whose bytes were read and found right as it was opened.
    noted: Vec<Partition>,
}

impl OpenLedger {
    /// Opens (and makes) the ledger of `ticker`, claims `days` and the rest of their partitions,
    /// and cuts off what a crash tore. Files whose bytes had to be read, and were right, are noted
    /// as they are found, so that the next look is cheap. The claim is given back by the kernel,
    /// also when its holder dies.
    pub fn open(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
    ) -> Result<Self, LedgerError> {
        Self::open_again(outdir, kind, ticker, days, &Coverage::empty())
    }

    /// The same for a visit that goes on: of a loss, what it has `brought` itself so far stays.
    pub fn open_again(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
        brought: &Coverage,
    ) -> Result<Self, LedgerError> {
        Self::open_within(outdir, kind, ticker, days, brought, Scope::Days)
    }

    /// The same for a moment, to note how files are found: none is read.
    pub(super) fn open_to_note(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
    ) -> Result<Self, LedgerError> {
        Self::open_within(outdir, kind, ticker, days, &Coverage::empty(), |_| Scope::Nothing)
    }

    fn open_within(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
        brought: &Coverage,
        scope: fn(DateRange) -> Scope,
    ) -> Result<Self, LedgerError> {
        let path = Ledger::path(outdir, ticker);
        let claim = |locks: &LogLocks, log: Log<'_>| claim::take(locks, log, kind, days);
        let (mut log, claim) = SharedLog::open(outdir, &path, claim)?;
        let claimed = match claim {
            Claim::Granted(claimed) => claimed,
            Claim::Taken { days: theirs, by } => {
                return Err(LedgerError::Busy { ticker: ticker.clone(), theirs, by, path });
            }
        };
        // Read under the claim: of the claimed days no line is missing from here on.
        let entries = log.catch_up()?;
        let lines = entries.len();
        let ledger = Ledger::of_entries((entries, brought), outdir, kind, ticker, scope(claimed))?;
        let seen_again = ledger.seen_again(claimed);
        let noted = seen_again.iter().map(|entry| entry.partition).collect();
        let dead_lines = lines - ledger.partitions();
        let is_due = lines > TIMES_ITS_LINES * ledger.partitions();
        let mut open =
            Self { ledger, claimed, log, dead_lines, unsaid: None, was_said: false, noted };
        if is_due {
            open.rewrite(&[])?;
        }
        if !seen_again.is_empty() {
            open.commit(seen_again)?;
        }
        Ok(open)
    }

    /// What is proven; of days that are not claimed, what was proven when it was opened.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The ticker's folder.
    pub fn folder(&self) -> &Folder {
        self.log.folder()
    }

    /// The days that nobody else writes, whole partitions.
    pub fn claimed(&self) -> DateRange {
        self.claimed
    }

    /// Why the ledger could not be rewritten without its dead lines, if that is so; said once.
    /// Nothing is lost by it.
    pub fn trouble(&mut self) -> Option<DiskError> {
        self.unsaid.take()
    }

    /// Files whose bytes were read as it was opened, since they were not found as recorded; they
    /// are right.
    pub fn noted(&self) -> &[Partition] {
        &self.noted
    }

    /// Is what it says still what others find? Where the ledger was moved or removed meanwhile,
    /// nothing of it is proven.
    pub fn look_for_it(&self) -> Result<(), LedgerError> {
        Ok(self.log.look_for_it()?)
    }

    /// How many bytes a crash had left at its end that are no whole line; they are cut off.
    pub fn torn_bytes(&self) -> u64 {
        self.log.torn_bytes()
    }

    /// Proves partitions that are claimed, all with one sync: on return the lines survive a power
    /// cut. Their files must be in place.
    pub fn commit(&mut self, entries: Vec<Entry>) -> Result<(), LedgerError> {
        for entry in &entries {
            let span = entry.partition.span();
            let is_claimed = self.claimed.intersection(span) == Some(span);
            assert!(is_claimed, "{} is written without a claim", entry.partition);
        }
        let replaced =
            entries.iter().filter(|entry| self.ledger.entry(entry.partition).is_some()).count();
        let bytes: usize = entries.iter().map(|entry| checked_lines::encode(entry).len()).sum();
        let bytes = self.log.known_bytes() + bytes as u64;
        let partitions = self.ledger.partitions() + entries.len() - replaced;
        let is_due = is_due(bytes, partitions, self.dead_lines + replaced);
        if !is_due || !self.rewrite(&entries)? {
            // What others have appended meanwhile is of no use here.
            let others = self.log.append(&entries)?;
            self.dead_lines += replaced + others.len();
        }
        for entry in entries {
            self.ledger.take(entry);
        }
        Ok(())
    }

    /// Appends `entries` by rewriting the ledger without dead lines; `false` when that can't be
    /// done now.
    fn rewrite(&mut self, entries: &[Entry]) -> Result<bool, LedgerError> {
        let holding = claim::holding(self.claimed);
        match self.log.rewrite(entries, |entry| entry.partition, &holding)? {
            Rewritten::Whole => {
                self.dead_lines = 0;
                Ok(true)
            }
            Rewritten::Busy => Ok(false),
            Rewritten::Failed(error) => {
                if !std::mem::replace(&mut self.was_said, true) {
                    self.unsaid = Some(error);
                }
                Ok(false)
            }
        }
    }
}

/// Is a ledger of so many bytes and partitions to be rewritten, of which so many lines are dead?
fn is_due(bytes: u64, partitions: usize, dead_lines: usize) -> bool {
    bytes > AMPLE_BYTES * partitions as u64 && dead_lines * LIVE_A_DEAD_LINE > partitions
}

#[cfg(test)]
mod tests;
