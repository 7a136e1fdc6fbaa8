//! A ledger that is being written: a worker that has claimed days of its ticker appends the lines
//! that prove them.

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

/// The most bytes that a ledger has for each partition, however often its partitions are extended.
const AMPLE_BYTES: u64 = 400;
/// One dead line is allowed for this many live ones, so a rewrite costs at most this many times
/// what was appended.
const LIVE_A_DEAD_LINE: usize = 16;
/// A ledger with more than this many times its live lines is rewritten when it is opened.
const TIMES_ITS_LINES: usize = 4;

/// A ledger opened for writing some days of its ticker, which nobody else writes meanwhile.
///
/// Other workers may append lines for other days. So what it says of days that are not claimed may
/// be out of date, and nothing may be written because of it.
pub struct OpenLedger {
    ledger: Ledger,
    claimed: DateRange,
    log: SharedLog<Entry>,
    /// An upper bound of the lines that later ones replace.
    dead_lines: usize,
    unsaid: Option<DiskError>,
    was_said: bool,
    /// Intact files whose bytes were read when it was opened.
    noted: Vec<Partition>,
}

impl OpenLedger {
    /// Opens (and makes) the ledger of `ticker`, claims `days` and the rest of their partitions,
    /// and cuts off what a crash tore. If intact files had to be read, lines record how they look
    /// now, so that the next look is cheap. The kernel releases the claim, even if its holder dies.
    pub fn open(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
    ) -> Result<Self, LedgerError> {
        Self::open_again(outdir, kind, ticker, days, &Coverage::empty())
    }

    /// The same for a visit under way: what it has `brought` so far of a loss is kept.
    pub fn open_again(
        outdir: &Path,
        kind: Kind,
        ticker: &Ticker,
        days: DateRange,
        brought: &Coverage,
    ) -> Result<Self, LedgerError> {
        Self::open_within(outdir, kind, ticker, days, brought, Scope::Days)
    }

    /// The same for a moment, to record how files look; none is read.
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
        // Read under the claim: from here on it has every line of the claimed days.
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

    /// What is proven; for days that are not claimed, as of the opening.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The ticker's folder.
    pub fn folder(&self) -> &Folder {
        self.log.folder()
    }

    /// The claimed days, whole partitions; nobody else writes them.
    pub fn claimed(&self) -> DateRange {
        self.claimed
    }

    /// Why a rewrite without the dead lines failed, if it did; returned once. Nothing is lost by
    /// that.
    pub fn trouble(&mut self) -> Option<DiskError> {
        self.unsaid.take()
    }

    /// Intact files that were read when it was opened, because they did not look as recorded.
    pub fn noted(&self) -> &[Partition] {
        &self.noted
    }

    /// Is it still the ledger at its path? If it was moved or removed meanwhile, it proves nothing.
    pub fn look_for_it(&self) -> Result<(), LedgerError> {
        Ok(self.log.look_for_it()?)
    }

    /// The number of torn bytes at its end that were cut off.
    pub fn torn_bytes(&self) -> u64 {
        self.log.torn_bytes()
    }

    /// Appends the lines of claimed partitions with one sync. On return they survive a power cut.
    /// Their files must be in place before.
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
            // Lines of others are not needed here.
            let others = self.log.append(&entries)?;
            self.dead_lines += replaced + others.len();
        }
        for entry in entries {
            self.ledger.take(entry);
        }
        Ok(())
    }

    /// What was said of `partition` is void, its rows and how many there were too: they were wrong
    /// though a line proved them. All of its days are to be asked for as if they never had been.
    pub fn void(&mut self, partition: Partition, ticker: &Ticker) -> Result<(), LedgerError> {
        self.commit(vec![Entry::new(ticker, partition)])
    }

    /// Appends `entries` by rewriting the ledger without dead lines; `false` if that is not
    /// possible now.
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

/// Must a ledger with these bytes, partitions and dead lines be rewritten?
fn is_due(bytes: u64, partitions: usize, dead_lines: usize) -> bool {
    bytes > AMPLE_BYTES * partitions as u64 && dead_lines * LIVE_A_DEAD_LINE > partitions
}

#[cfg(test)]
mod tests;
