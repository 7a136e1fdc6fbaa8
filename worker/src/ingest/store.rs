//! One ticker's place on disk: merges what was fetched into its partitions and proves them in the ledger.

use std::path::PathBuf;

use jiff::Timestamp;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{CODE_VERSION, Entry, Ledger, LedgerError, OpenLedger, Outcome, asks_after};
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::dataset::writer;
use shared::disk::publish::{self, DiskError};
use shared::market::ticker::Ticker;

use super::partitioner::Closed;

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
    Changed(ReadError),
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
pub struct Store {
    outdir: PathBuf,
    kind: Kind,
    ticker: Ticker,
    open: OpenLedger,
}

impl Store {
    /// Takes the ticker's folder and removes what a crashed writer left; returns also what was removed.
    pub fn open(
        outdir: &std::path::Path,
        kind: Kind,
        ticker: &Ticker,
    ) -> Result<(Self, Vec<PathBuf>), StoreError> {
        let open = OpenLedger::open(outdir, kind, ticker)?;
        let swept = publish::sweep(&outdir.join(ticker.as_str()))?;
        Ok((Self { outdir: outdir.to_owned(), kind, ticker: ticker.clone(), open }, swept))
    }

    /// What is proven.
    pub fn ledger(&self) -> &Ledger {
        self.open.ledger()
    }

    /// Merges the rows of a closed partition into its file, then proves it.
    pub fn commit(&mut self, closed: &Closed, fetch: Fetch) -> Result<(), StoreError> {
        let before = self.ledger().proven(closed.partition).cloned();
        let rows = merge::by_date(&self.rows_on_disk(closed.partition)?, &closed.rows);
        let outcome = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => {
                let path = self.file(closed.partition);
                let proof = writer::publish_daily(&path, &self.ticker, &rows)?;
                Outcome::data(rows.len() as u64, first.bar.t, last.bar.t, proof)
            }
            _ => Outcome::Empty { asks: asks_after(before.as_ref(), fetch.asked_at) },
        };
        let covered = known(before.as_ref(), |entry| &entry.covered).union(&closed.days.into());
        let outside_plan = known(before.as_ref(), |entry| &entry.outside_plan).minus(&covered);
        self.prove(closed.partition, covered, outside_plan, outcome, fetch)
    }

    /// Records that the plan does not reach `days`.
    pub fn record_outside_plan(&mut self, days: DateRange, fetch: Fetch) -> Result<(), StoreError> {
        for partition in Partition::within(self.kind, days) {
            let before = self.ledger().proven(partition).cloned();
            let covered = known(before.as_ref(), |entry| &entry.covered);
            let refused: Coverage = days.intersection(partition.span()).into_iter().collect();
            let outside_plan =
                known(before.as_ref(), |entry| &entry.outside_plan).union(&refused).minus(&covered);
            let outcome = before.map_or(Outcome::OutsidePlan, |entry| entry.outcome);
            self.prove(partition, covered, outside_plan, outcome, fetch)?;
        }
        Ok(())
    }

    fn prove(
        &mut self,
        partition: Partition,
        covered: Coverage,
        outside_plan: Coverage,
        outcome: Outcome,
        fetch: Fetch,
    ) -> Result<(), StoreError> {
        let Fetch { asked_at, pages } = fetch;
        let code = CODE_VERSION.to_owned();
        Ok(self.open.commit(Entry { partition, covered, outside_plan, outcome, pages, asked_at, code })?)
    }

    /// The rows that a new fetch is merged with. A damaged file has none: all that it was said to hold is
    /// being fetched again. Nor has one that can't be read and that nothing vouches for.
    fn rows_on_disk(&self, partition: Partition) -> Result<Vec<DatedBar>, StoreError> {
        if self.ledger().damaged().any(|(damaged, _)| damaged == partition) {
            return Ok(Vec::new());
        }
        let path = self.file(partition);
        let proven = self
            .ledger()
            .proven(partition)
            .is_some_and(|entry| matches!(entry.outcome, Outcome::Data { .. }));
        if !proven && !path.exists() {
            return Ok(Vec::new());
        }
        match reader::read_daily(&path, &self.ticker) {
            Ok(rows) => Ok(rows),
            Err(ReadError::Disk(error)) => Err(error.into()),
            Err(foreign) if proven => Err(StoreError::Changed(foreign)),
            Err(_) => Ok(Vec::new()),
        }
    }

    fn file(&self, partition: Partition) -> PathBuf {
        partition.file(&self.outdir, &self.ticker, self.kind)
    }
}

fn known(entry: Option<&Entry>, days: impl Fn(&Entry) -> &Coverage) -> Coverage {
    entry.map(|entry| days(entry).clone()).unwrap_or_default()
}
