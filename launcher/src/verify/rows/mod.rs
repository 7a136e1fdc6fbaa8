//! Rows: one file of a partition is read and judged, in one pass and in bounded memory.
//!
//! [`examine`] gives the [`FileFacts`] that [`suspicion`](super::suspicion) looks at, and the
//! [`Flaws`] that make the file a damaged one: it can't be decoded, has other columns, rows of
//! another ticker or of other days, rows out of order or twice, numbers that can't be, or it is not
//! what its ledger line says. What is merely unlikely is not judged here, nor what is missing.
//!
//! Rooms from the ground up: [`facts`] and [`flaws`] what comes of it · `clock` days and hours of
//! stamps · `unit` stamps in another unit · `labels` texts beside stamps · `prices` numbers ·
//! `bars` and `trades` the passes.

pub mod facts;
pub mod flaws;
mod clock;
mod unit;
mod labels;
pub(super) mod prices;
mod bars;
mod trades;

use std::path::Path;

use shared::dataset::entry::FileProof;
use shared::dataset::kind::Columns;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::dataset::row_stream::{Depth, Piece, RowFile};
use shared::dataset::writer::Fingerprint;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

use self::bars::BarPass;
use self::facts::FileFacts;
use self::flaws::Flaws;
use self::trades::TradePass;
use super::finding::Finding;
use super::rule::Rule;
use super::state::State;

/// A file that is to be examined, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Whose rows it ought to hold.
    pub ticker: &'a Ticker,
    /// Of which days.
    pub partition: Partition,
    /// The zone of these days.
    pub zone: Zone,
    /// Which columns trades of its tree have; `None` where nobody says.
    pub columns: Option<Columns>,
    /// What the ledger says of it; `None` where it says nothing.
    pub proof: Option<&'a FileProof>,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// What it holds, as far as it was read.
    pub facts: FileFacts,
    /// What is wrong with it.
    pub flaws: Flaws,
    /// Its length and SHA-256.
    pub fingerprint: Fingerprint,
    /// Are its bytes those that its ledger line proves?
    pub is_as_proven: bool,
}

/// Reads the file of `subject` to its end. An error is one of the machine, or a file that can't be
/// opened: it tells nothing of the rows.
pub fn examine(subject: &Subject<'_>) -> Result<Examined, DiskError> {
    let file = RowFile::open(subject.path)?;
    let fingerprint = file.fingerprint().clone();
    let is_as_proven = subject.proof.is_some_and(|proof| proof.fingerprint == fingerprint);
    // The bytes of a proven file are those that were written: so are columns that nobody shows.
    let depth = if is_as_proven { Depth::WhatIsShown } else { Depth::EveryColumn };
    let (read, (facts, mut flaws)) = pass(subject, file, depth);
    if let Some(proof) = subject.proof
        && !is_as_proven
    {
        flaws.of_file(Rule::WrongChecksum, not_as_proven(proof, &fingerprint));
    }
    match read {
        Ok(columns) => {
            if let Some(ours) = subject.columns.filter(|ours| *ours != columns) {
                let what = format!("its columns are {columns}; those of its tree are {ours}");
                flaws.of_file(Rule::WrongColumns, what);
            }
            compare(subject, &facts, is_as_proven, &mut flaws);
        }
        Err(ReadError::Disk(error)) => return Err(error),
        Err(ReadError::Broken { what, .. }) => {
            flaws.of_file(Rule::BrokenFile, format!("not a whole Parquet file ({what})"));
        }
        Err(ReadError::Foreign { what, .. }) => flaws.of_file(Rule::WrongColumns, what),
    }
    Ok(Examined { facts, flaws, fingerprint, is_as_proven })
}

fn pass(
    subject: &Subject<'_>,
    file: RowFile,
    depth: Depth,
) -> (Result<Columns, ReadError>, (FileFacts, Flaws)) {
    let Subject { ticker, partition, zone, .. } = *subject;
    let kind = partition.kind();
    match partition {
        Partition::Year(_) | Partition::Month(..) => {
            let mut pass = BarPass::new(ticker.as_str(), partition, zone);
            let read = file.rows(kind, depth, |piece| match piece {
                Piece::Bars(bars) => pass.take(bars),
                Piece::Trades(_) => {}
            });
            (read, pass.end())
        }
        Partition::Day(_) => {
            let mut pass = TradePass::new(ticker.as_str(), partition, zone);
            let read = file.rows(kind, depth, |piece| match piece {
                Piece::Trades(trades) => pass.take(trades),
                Piece::Bars(_) => {}
            });
            (read, pass.end())
        }
    }
}

fn not_as_proven(proof: &FileProof, found: &Fingerprint) -> String {
    let said = &proof.fingerprint;
    if said.bytes == found.bytes {
        "its content is not what the ledger proves (SHA-256)".to_owned()
    } else {
        format!("{} bytes where the ledger says {}", found.bytes, said.bytes)
    }
}

/// Holds the rows against what the ledger says of them. Of a file with other bytes it says nothing.
fn compare(subject: &Subject<'_>, facts: &FileFacts, is_as_proven: bool, flaws: &mut Flaws) {
    if facts.rows == 0 {
        flaws.of_file(Rule::NoRows, "it has no row; days without rows have no file");
    }
    let Some(proof) = subject.proof.filter(|_| is_as_proven) else { return };
    if proof.rows != facts.rows {
        let what = format!("it has {} rows where the ledger says {}", facts.rows, proof.rows);
        flaws.of_file(Rule::LedgerDiffers, what);
    } else if facts.stamps != Some((proof.first, proof.last)) {
        let (first, last) = facts.stamps.unwrap_or_default();
        let what = format!(
            "its rows are stamped {first} to {last} where the ledger says {} to {}",
            proof.first, proof.last
        );
        flaws.of_file(Rule::LedgerDiffers, what);
    }
}

impl Examined {
    /// Do its facts tell what the source has sent?
    pub fn is_usable(&self) -> bool {
        self.flaws.iter().all(|flaw| flaw.rule == Rule::PriceBounds && self.is_as_proven)
    }

    /// The findings that its flaws are. Prices that contradict each other in a file that is proven
    /// byte by byte were sent so: that is suspect, and no damage.
    pub fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let finding = |flaw: &flaws::Flaw| {
            let found = Finding::new(subject.partition.kind().into(), flaw.rule, flaw.reason())
                .of(subject.ticker)
                .in_partition(subject.partition)
                .at(subject.path.to_owned());
            if flaw.rule == Rule::PriceBounds && self.is_as_proven {
                let reason = format!("{}; the source sent it so", found.reason);
                Finding { state: State::Suspect, reason, ..found }
            } else {
                found
            }
        };
        self.flaws.iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests;
