//! A ledger that is being written: who has claimed which days of its ticker appends the lines that prove them.

use std::path::Path;

use super::claim::{self, Claim};
use super::coverage::DateRange;
use super::kind::Kind;
use super::ledger::{Entry, Ledger, LedgerError};
use crate::disk::shared_lines::SharedLog;
use crate::market::ticker::Ticker;

/// A ledger opened for writing some days of its ticker, which nobody else writes meanwhile.
///
/// Others may write other days and append lines of theirs. So what it says of days beyond those that are claimed may be
/// old: nothing is to be written by that.
pub struct OpenLedger {
    ledger: Ledger,
    claimed: DateRange,
    log: SharedLog<Entry>,
}

impl OpenLedger {
    /// Opens (and makes) the ledger of `ticker`, claims `days` and the rest of their partitions, and cuts off what a
    /// crash tore. Files whose bytes had to be read, and were right, are noted as they are found, so that the next look
    /// is cheap. The claim is given back by the kernel, also when its holder dies.
    pub fn open(outdir: &Path, kind: Kind, ticker: &Ticker, days: DateRange) -> Result<Self, LedgerError> {
        let path = Ledger::path(outdir, ticker);
        let mut log = SharedLog::open(&path)?;
        let busy = |theirs| Err(LedgerError::Busy { ticker: ticker.clone(), theirs, path: path.clone() });
        let claimed = match claim::take(log.file(), &path, kind, days)? {
            Claim::Granted(claimed) => claimed,
            Claim::Taken(theirs) => return busy(Some(theirs)),
            Claim::AllTaken => return busy(None),
        };
        // Read under the claim: of the claimed days no line is missing from here on.
        let entries = log.catch_up()?;
        let ledger = Ledger::of_entries(entries, outdir, kind, ticker)?;
        let seen_again = ledger.seen_again(claimed);
        let mut open = Self { ledger, claimed, log };
        if !seen_again.is_empty() {
            open.commit(seen_again)?;
        }
        Ok(open)
    }

    /// What is proven; of days that are not claimed, what was proven when it was opened.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The days that nobody else writes, whole partitions.
    pub fn claimed(&self) -> DateRange {
        self.claimed
    }

    /// Proves partitions that are claimed, all with one sync: on return the lines survive a power cut. Their files must
    /// be in place.
    pub fn commit(&mut self, entries: Vec<Entry>) -> Result<(), LedgerError> {
        for entry in &entries {
            let span = entry.partition.span();
            let is_claimed = self.claimed.intersection(span) == Some(span);
            assert!(is_claimed, "{} is written without a claim", entry.partition);
        }
        // What others have appended meanwhile is of no use here.
        self.log.append(&entries)?;
        for entry in entries {
            self.ledger.take(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
