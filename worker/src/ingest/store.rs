//! One ticker's place on disk: brings closed partitions into their files and proves them in the ledger.

use std::path::PathBuf;

use jiff::Timestamp;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::ledger::{CODE_VERSION, Entry, Ledger, LedgerError, OpenLedger, Outcome, asks_after};
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::disk::publish::{self, DiskError};

use super::drafts::{Existing, Place, Stored};

/// What is not done, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file or folder can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A proven file whose content is not what was written.
    #[error(
        "{0}; its length is the one in the ledger, so its content was changed: move it away and run again with --resume"
    )]
    Changed(String),
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Disk(error) => Self::Disk(error),
            foreign @ ReadError::Foreign { .. } => Self::Changed(foreign.to_string()),
        }
    }
}

/// How the fetch went that a partition came from.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// When its first page was asked for.
    pub asked_at: Timestamp,
    /// Pages read so far.
    pub pages: u64,
}

/// A ticker's folder, held for writing by this process alone.
pub struct Store<R: Stored> {
    place: Place,
    ledger: OpenLedger,
    /// The partition whose rows are arriving.
    draft: Option<(Partition, R::Draft)>,
    /// Closed without a file of their own: proven together with the next file, or at the end.
    unproven: Vec<Entry>,
}

impl<R: Stored> Store<R> {
    /// Takes the ticker's folder and removes what a crashed writer left; returns also what was removed.
    pub fn open(place: Place) -> Result<(Self, Vec<PathBuf>), StoreError> {
        let ledger = OpenLedger::open(&place.outdir, place.kind, &place.ticker)?;
        let swept = publish::sweep(&place.outdir.join(place.ticker.as_str()))?;
        Ok((Self { place, ledger, draft: None, unproven: Vec::new() }, swept))
    }

    /// What is proven.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.ledger()
    }

    /// Takes rows of `partition` in time order.
    pub fn add(&mut self, partition: Partition, rows: Vec<R>) -> Result<(), StoreError> {
        let draft = match self.draft.take().filter(|(open, _)| *open == partition) {
            Some((_, draft)) => draft,
            None => R::begin(&self.place, partition)?,
        };
        let (_, draft) = self.draft.insert((partition, draft));
        Ok(R::add(draft, &self.place, rows)?)
    }

    /// No row of `partition` is to come: publishes its file, then proves it.
    pub fn close(&mut self, partition: Partition, days: DateRange, fetch: Fetch) -> Result<(), StoreError> {
        let before = self.ledger().proven(partition).cloned();
        let draft = self.draft.take().filter(|(open, _)| *open == partition).map(|(_, draft)| draft);
        let published = R::publish(draft, &self.place, partition, self.existing(partition))?;
        let has_file = published.is_some();
        let outcome = match (published, &before) {
            (Some(outcome), _) => outcome,
            // The source has had rows here before: an empty answer erases nothing.
            (None, Some(Entry { outcome: outcome @ Outcome::Data { .. }, .. })) => outcome.clone(),
            (None, _) => Outcome::Empty { asks: asks_after(before.as_ref(), fetch.asked_at) },
        };
        let covered = known(before.as_ref(), |entry| &entry.covered).union(&days.into());
        let outside_plan = known(before.as_ref(), |entry| &entry.outside_plan).minus(&covered);
        self.unproven.push(entry(partition, covered, outside_plan, outcome, fetch));
        if has_file { self.prove() } else { Ok(()) }
    }

    /// Gives up the rows of a partition that was not closed.
    pub fn discard(&mut self) {
        self.draft = None;
    }

    /// Records that the plan does not reach `days`.
    pub fn record_outside_plan(&mut self, days: DateRange, fetch: Fetch) -> Result<(), StoreError> {
        for partition in Partition::within(self.place.kind, days) {
            let before = self.ledger().proven(partition).cloned();
            let covered = known(before.as_ref(), |entry| &entry.covered);
            let refused: Coverage = days.intersection(partition.span()).into_iter().collect();
            let outside_plan =
                known(before.as_ref(), |entry| &entry.outside_plan).union(&refused).minus(&covered);
            let outcome = before.map_or(Outcome::OutsidePlan, |entry| entry.outcome);
            self.unproven.push(entry(partition, covered, outside_plan, outcome, fetch));
        }
        self.prove()
    }

    /// Writes the ledger lines that wait, all with one sync.
    pub fn prove(&mut self) -> Result<(), StoreError> {
        if self.unproven.is_empty() {
            return Ok(());
        }
        Ok(self.ledger.commit(std::mem::take(&mut self.unproven))?)
    }

    fn existing(&self, partition: Partition) -> Existing {
        if self.ledger().damaged().any(|(damaged, _)| damaged == partition) {
            return Existing::Nothing;
        }
        match self.ledger().proven(partition).map(|entry| &entry.outcome) {
            Some(Outcome::Data { .. }) => Existing::Proven,
            _ if self.place.file(partition).exists() => Existing::Unproven,
            _ => Existing::Nothing,
        }
    }
}

fn entry(
    partition: Partition,
    covered: Coverage,
    outside_plan: Coverage,
    outcome: Outcome,
    fetch: Fetch,
) -> Entry {
    let Fetch { asked_at, pages } = fetch;
    Entry { partition, covered, outside_plan, outcome, pages, asked_at, code: CODE_VERSION.to_owned() }
}

fn known(entry: Option<&Entry>, days: impl Fn(&Entry) -> &Coverage) -> Coverage {
    entry.map(|entry| days(entry).clone()).unwrap_or_default()
}
