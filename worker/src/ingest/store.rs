//! One ticker's place on disk: brings closed partitions into their files and proves them in the ledger.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use shared::dataset::answers::{Answers, Said};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::ledger::{CODE_VERSION, Damage, Entry, FileProof, Ledger, LedgerError};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::dataset::writer::Fingerprint;
use shared::disk::publish::{self, DiskError};

use super::drafts::{Existing, Place, Stored};
use super::partitioner::Piece;

/// What is not done, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file or folder can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file that stands where ours belongs.
    #[error("{0}; it is left as it is: move it away and run again")]
    NotOurs(String),
    /// A proven file whose content is not what was written.
    #[error(
        "{path}: its length is the one in the ledger and its SHA-256 is not: its content was changed; move it away and run again with --resume",
        path = .0.display()
    )]
    Changed(PathBuf),
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Disk(error) => Self::Disk(error),
            foreign @ ReadError::Foreign { .. } => Self::NotOurs(foreign.to_string()),
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

/// Days of a ticker, held for writing by nobody else.
pub struct Store<R: Stored> {
    place: Place,
    ledger: OpenLedger,
    /// The partition whose rows are arriving.
    draft: Option<(Partition, R::Draft)>,
    /// Closed without a file of their own: proven together with the next file, or at the end.
    unproven: Vec<Entry>,
}

impl<R: Stored> Store<R> {
    /// Takes `days` of the ticker and the rest of their partitions, removes what a crashed writer left there, and sets
    /// aside damaged files that can't be read, so that no reader of the tree stumbles over them. Says what it found.
    ///
    /// What others hold at this moment is left alone: a draft there may be alive, and a file newer than what is known of it.
    pub fn open(place: Place, days: DateRange) -> Result<(Self, Vec<String>), StoreError> {
        let ledger = OpenLedger::open(&place.outdir, place.kind, &place.ticker, days)?;
        let claimed = ledger.claimed();
        let mut found = Vec::new();
        for partition in Partition::within(place.kind, claimed) {
            let file = place.file(partition);
            let swept = file.parent().map_or_else(|| Ok(Vec::new()), publish::sweep)?;
            found.extend(swept.iter().map(|path| format!("removed {}, left by a crash", path.display())));
        }
        let is_ours =
            |(partition, _): &(Partition, &Damage)| claimed.intersection(partition.span()).is_some();
        for (partition, damage) in ledger.ledger().damaged().filter(is_ours) {
            let (path, what) = (damage.path.display(), &damage.what);
            found.push(format!("{partition} is damaged and will be fetched again: {path}: {what}"));
            if damage.path.exists() && R::check(&damage.path, &place).is_err() {
                let name = format!("_{}.damaged", place.kind.file_name());
                let aside = damage.path.with_file_name(name);
                fs::rename(&damage.path, &aside).map_err(DiskError::at("set aside", &damage.path))?;
                found.push(format!("{path} can't be read and is now {}", aside.display()));
            }
        }
        Ok((Self { place, ledger, draft: None, unproven: Vec::new() }, found))
    }

    /// What is proven.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.ledger()
    }

    /// Takes the next piece of a stream of rows.
    pub fn keep(&mut self, piece: Piece<R>, fetch: Fetch) -> Result<(), StoreError> {
        match piece {
            Piece::Rows(partition, rows) => self.add(partition, rows),
            Piece::Closed(partition, days) => self.close(partition, &days, fetch),
        }
    }

    /// Takes rows of `partition` in time order.
    fn add(&mut self, partition: Partition, rows: Vec<R>) -> Result<(), StoreError> {
        let draft = match self.draft.take() {
            Some((open, draft)) => {
                assert_eq!(open, partition, "a partition is closed before the next one begins");
                draft
            }
            None => R::begin(&self.place, partition)?,
        };
        let (_, draft) = self.draft.insert((partition, draft));
        Ok(R::add(draft, &self.place, rows)?)
    }

    /// No row of `partition` is to come: publishes its file, then proves it. An empty answer leaves a file as it
    /// is: what was proven is not erased by a source that has nothing to say today.
    fn close(&mut self, partition: Partition, days: &Coverage, fetch: Fetch) -> Result<(), StoreError> {
        let (mut answers, mut file) = self.known(partition);
        let said = match self.draft.take() {
            Some((open, draft)) => {
                assert_eq!(open, partition, "rows belong to the partition that is closed");
                file = R::publish(draft, &self.place, partition, self.existing(partition)?)?;
                Said::Data
            }
            None => Said::Empty { asks: 1 },
        };
        days.ranges().iter().for_each(|days| answers.record(*days, said, fetch.asked_at));
        self.unproven.push(line(partition, answers, file, fetch));
        if said == Said::Data { self.prove() } else { Ok(()) }
    }

    /// Gives up the rows of a partition that was not closed.
    pub fn discard(&mut self) {
        self.draft = None;
    }

    /// Records that the plan does not reach `days`.
    pub fn record_outside_plan(&mut self, days: &Coverage, fetch: Fetch) -> Result<(), StoreError> {
        let Some(hull) = days.hull() else { return Ok(()) };
        for partition in Partition::within(self.place.kind, hull) {
            let refused = days.intersection(&partition.span().into());
            if refused.is_empty() {
                continue;
            }
            let (mut answers, file) = self.known(partition);
            refused.ranges().iter().for_each(|days| answers.record(*days, Said::OutsidePlan, fetch.asked_at));
            self.unproven.push(line(partition, answers, file, fetch));
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

    /// What is to be built upon: the line that waits for its proof, or the last one proven.
    fn known(&self, partition: Partition) -> (Answers, Option<FileProof>) {
        match self.unproven.iter().rfind(|entry| entry.partition == partition) {
            Some(entry) => (entry.answers.clone(), entry.file.clone()),
            None => (self.ledger().answers(partition), self.ledger().file(partition).cloned()),
        }
    }

    fn existing(&self, partition: Partition) -> Result<Existing, StoreError> {
        let path = self.place.file(partition);
        if let Some(proof) = self.ledger().file(partition)
            && Fingerprint::of_file(&path)? != proof.fingerprint
        {
            return Err(StoreError::Changed(path));
        }
        Ok(if path.exists() { Existing::File } else { Existing::Nothing })
    }
}

fn line(partition: Partition, answers: Answers, file: Option<FileProof>, fetch: Fetch) -> Entry {
    Entry { partition, answers, file, pages: fetch.pages, code: CODE_VERSION.to_owned() }
}
