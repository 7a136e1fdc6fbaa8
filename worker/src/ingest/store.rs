//! One ticker's place on disk: brings closed partitions into their files and proves them in the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use shared::dataset::answers::{Asking, Said};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::entry::{CODE_VERSION, Entry, KeptDuplicates, Shorter};
use shared::dataset::ledger::{Damage, Ledger, LedgerError};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::dataset::seen::Seen;
use shared::dataset::writer::Fingerprint;
use shared::disk::links;
use shared::disk::publish::{self, DiskError};
use shared::disk::shortage::Shortage;
use shared::run::duplicates::Duplicates;

use super::drafts::{Existing, Ground, Place, Stored};
use super::partitioner::Piece;
use super::tree::try_to_write;
use crate::api::failure::causes;

/// What is not done, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file or folder can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Nothing can be written anywhere in the tree, whatever path it was met at.
    #[error("nothing can be written: {0}")]
    Tree(DiskError),
    /// A file that stands where ours belongs.
    #[error("{0}; it is left as it is: move it away and run again")]
    NotOurs(String),
}

impl StoreError {
    /// May another partition of the same ticker be written nevertheless?
    fn is_of_its_partition(&self) -> bool {
        match self {
            Self::NotOurs(_) => true,
            Self::Disk(error) => is_of_one_path(error),
            Self::Ledger(_) | Self::Tree(_) => false,
        }
    }

    /// What is met at one path is everybody's trouble while nothing can be written anywhere in `tree`. That is to be looked at
    /// right then: when the visit is over it may have passed, and the ticker would be given up for it.
    fn unless_it_is_everybodys(self, tree: &Path) -> Self {
        match self {
            Self::Disk(error) if is_of_one_path(&error) && try_to_write(tree).is_err() => Self::Tree(error),
            own @ (Self::Disk(_) | Self::Ledger(_) | Self::Tree(_) | Self::NotOurs(_)) => own,
        }
    }
}

/// Whatever goes wrong with one path may be that path's: a folder that may not be written, a file in the place of a folder. What
/// the machine has too little of is everybody's, and so is an error that is not the system's own: a full disk may be behind it.
pub fn is_of_one_path(error: &DiskError) -> bool {
    // Parquet tells of a full disk in words alone when it closes a file.
    let is_the_system_s = error.source.raw_os_error().is_some();
    Shortage::behind(error).is_none() && (is_the_system_s || is_of_a_path(error.source.kind()))
}

fn is_of_a_path(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::NotFound
    )
}

/// Of a ticker of which more partitions than these can't be written nothing more is tried: its folder is of no use.
const MOST_SPOILED: usize = 16;

/// What came of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on its way, or in place.
    Whole,
    /// Its partition can't be brought to its place.
    Spoiled,
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Disk(error) => Self::Disk(error),
            foreign @ (ReadError::Foreign { .. } | ReadError::Broken { .. }) => {
                Self::NotOurs(foreign.to_string())
            }
        }
    }
}

/// How the fetch went that a partition came from.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// When its first page was asked for, and by which run.
    pub asking: Asking,
    /// Pages read so far.
    pub pages: u64,
}

/// Does the ledger say that a file of ours stood in the place of a partition?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Yes.
    HadFile,
    /// No.
    HadNone,
}

/// Days of a ticker, held for writing by nobody else.
pub struct Store<R: Stored> {
    place: Place,
    ledger: OpenLedger,
    /// The partition whose rows are arriving.
    draft: Option<(Partition, R::Draft)>,
    /// Closed without a file of their own: proven together with the next file, or at the end.
    unproven: Vec<Entry>,
    /// Bars of partitions that are not closed yet, of which one of two versions was kept.
    duplicates: BTreeMap<Partition, KeptDuplicates>,
    /// What the source brought less of than there was.
    shorter: Vec<Shorter>,
    /// What was found, to be said.
    found: Vec<String>,
    /// Partitions that can't be brought to their places; all others can.
    spoiled: BTreeMap<Partition, StoreError>,
}

impl<R: Stored> Store<R> {
    /// Takes `days` of the ticker and the rest of their partitions, removes what a crashed writer left there, and sets
    /// aside damaged files that are of no use, so that no reader of the tree stumbles over them.
    ///
    /// What others hold at this moment is left alone: a draft there may be alive, and a file newer than what is known of it.
    ///
    /// Of what was lost, the days that the same visit has `brought` before need not be brought again.
    pub fn open(place: Place, days: DateRange, brought: &Coverage) -> Result<Self, StoreError> {
        let ledger = OpenLedger::open_again(&place.outdir, place.kind, &place.ticker, days, brought)?;
        let claimed = ledger.claimed();
        let (mut found, mut spoiled) = (Vec::new(), BTreeMap::new());
        if ledger.torn_bytes() > 0 {
            let (bytes, path) = (ledger.torn_bytes(), Ledger::path(&place.outdir, &place.ticker));
            found.push(format!(
                "cut {bytes} torn bytes off the end of {}; what they would have proven is asked for again",
                path.display()
            ));
        }
        for partition in Partition::within(place.kind, claimed) {
            let file = place.file(partition);
            let may_be_swept = links::refuse(&place.outdir, &file);
            let sweep = |()| file.parent().map_or_else(|| Ok(Vec::new()), publish::sweep);
            let swept = match may_be_swept.and_then(sweep) {
                Ok(swept) => swept,
                Err(error) => match StoreError::from(error).unless_it_is_everybodys(&place.outdir) {
                    everybodys @ StoreError::Tree(_) => return Err(everybodys),
                    own @ (StoreError::Disk(_) | StoreError::Ledger(_) | StoreError::NotOurs(_)) => {
                        spoiled.insert(partition, own);
                        continue;
                    }
                },
            };
            found.extend(swept.iter().map(|path| format!("removed {}, left by a crash", path.display())));
        }
        let is_ours =
            |(partition, _): &(Partition, &Damage)| claimed.intersection(partition.span()).is_some();
        let damaged = ledger.ledger().damaged().filter(is_ours).map(|(at, _)| at);
        let damaged: Vec<Partition> = damaged.filter(|at| !spoiled.contains_key(at)).collect();
        for (partition, damage) in ledger.ledger().damaged().filter(is_ours) {
            let (path, what) = (damage.path.display(), &damage.what);
            found.push(format!("{partition} is damaged and will be fetched again: {path}: {what}"));
        }
        let mut store = Self {
            place,
            ledger,
            draft: None,
            unproven: Vec::new(),
            duplicates: BTreeMap::new(),
            shorter: Vec::new(),
            found,
            spoiled,
        };
        for partition in damaged {
            let aside = store.set_aside_if_unusable(partition, Line::HadFile).map(drop);
            store.or_spoiled(partition, aside)?;
        }
        Ok(store)
    }

    /// What was found since the last question, for people.
    pub fn found(&mut self) -> Vec<String> {
        std::mem::take(&mut self.found)
    }

    /// What the source brought less of than there was before it was lost, since the last question.
    pub fn shorter(&mut self) -> Vec<Shorter> {
        std::mem::take(&mut self.shorter)
    }

    /// Files that were not found as recorded and were right, byte for byte, as the place was taken.
    pub fn noted(&self) -> usize {
        self.ledger.noted().len()
    }

    /// What is proven.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.ledger()
    }

    /// Is the ledger still the one that others find? What is proven of a ticker is proven there.
    pub fn look_for_ledger(&self) -> Result<(), StoreError> {
        Ok(self.ledger.look_for_it()?)
    }

    /// The days of partitions that can't be brought to their places.
    pub fn spoiled_days(&self) -> Coverage {
        self.spoiled.keys().map(|partition| partition.span()).collect()
    }

    /// The partitions that can't be brought to their places, and why.
    pub fn spoiled(&mut self) -> BTreeMap<Partition, StoreError> {
        std::mem::take(&mut self.spoiled)
    }

    /// Takes the next piece of a stream of rows. What of it can't be brought to its place is let go, and that costs no other
    /// partition anything.
    pub fn keep(&mut self, piece: Piece<R>, fetch: Fetch) -> Result<Kept, StoreError> {
        let partition = piece.partition();
        if !self.spoiled.contains_key(&partition) {
            let kept = match piece {
                Piece::Rows(partition, rows) => self.add(partition, rows),
                Piece::Closed(partition, days) => self.close(partition, &days, fetch),
            };
            self.or_spoiled(partition, kept)?;
        }
        Ok(if self.spoiled.contains_key(&partition) { Kept::Spoiled } else { Kept::Whole })
    }

    /// Bytes of the partition whose rows are arriving.
    pub fn held(&self) -> u64 {
        self.draft.as_ref().map_or(0, |(_, draft)| R::held(draft))
    }

    /// What ended like this may be the trouble of `partition` alone.
    fn or_spoiled(&mut self, partition: Partition, ended: Result<(), StoreError>) -> Result<(), StoreError> {
        match ended.map_err(|error| error.unless_it_is_everybodys(&self.place.outdir)) {
            Err(error) if error.is_of_its_partition() && self.spoiled.len() < MOST_SPOILED => {
                self.draft = None;
                self.duplicates.remove(&partition);
                self.found.push(format!("{partition} is left out: {}", causes(&error)));
                self.spoiled.insert(partition, error);
                Ok(())
            }
            ended => ended,
        }
    }

    /// Takes rows of `partition` in time order.
    fn add(&mut self, partition: Partition, rows: Vec<R>) -> Result<(), StoreError> {
        let draft = match self.draft.take() {
            Some((open, draft)) => {
                assert_eq!(open, partition, "a partition is closed before the next one begins");
                draft
            }
            None => self.refuse_links(partition).and_then(|()| R::begin(&self.place, partition))?,
        };
        let (_, draft) = self.draft.insert((partition, draft));
        Ok(R::add(draft, &self.place, rows)?)
    }

    fn refuse_links(&self, partition: Partition) -> Result<(), DiskError> {
        links::refuse(&self.place.outdir, &self.place.file(partition))
    }

    /// No row of `partition` is to come: publishes its file, then proves it. An empty answer leaves a file as it
    /// is: what was proven is not erased by a source that has nothing to say today.
    fn close(&mut self, partition: Partition, days: &Coverage, fetch: Fetch) -> Result<(), StoreError> {
        let mut entry = self.known(partition);
        let Some((open, draft)) = self.draft.take() else {
            self.tell_of_kept_rows(&entry, days);
            let denied = self.denied(&mut entry, days, fetch.asking)?;
            entry.answer(&days.minus(&denied), Said::Empty { asks: 1 }, fetch.asking, 0);
            self.keep_line(entry, fetch);
            return Ok(());
        };
        assert_eq!(open, partition, "rows belong to the partition that is closed");
        self.refuse_links(partition)?;
        let existing = self.existing(&mut entry)?;
        let untold = entry.untold(days);
        if existing == Existing::File && !untold.is_empty() {
            let had = R::rows_there(&self.place, partition, &untold)?;
            self.tell_of_fewer(&untold, had, R::rows_of(&draft, &untold));
        }
        let lost = entry.answers.lost().intersection(days);
        // Rows there of days that no line has proven are not proven by an answer that does not bring them.
        let replaced = days.minus(&entry.data_days());
        let before = entry.file.take();
        let came = R::rows_of(&draft, days);
        let of_lost = if lost.is_empty() { 0 } else { R::rows_of(&draft, &lost) };
        let zone = self.place.zone;
        let beyond = entry.lost_elsewhere(days, |stamp| zone.day_of_ms(stamp.div_euclid(R::STAMPS_PER_MS)));
        entry.answer(days, Said::Data, fetch.asking, of_lost);
        if !beyond.is_empty() {
            entry.found_elsewhere(R::rows_of(&draft, &beyond));
        }
        let proven = entry.data_days();
        let ground = Ground { existing, replaced: &replaced, proven: &proven };
        entry.file = R::publish(draft, &self.place, partition, ground)?;
        let noted = self.duplicates.remove(&partition);
        let older = before.as_ref().and_then(|before| before.duplicates.clone());
        // What was noted of the file before holds for the days that did not come again.
        let older = older.filter(|_| !proven.minus(days).is_empty());
        if let Some(file) = &mut entry.file {
            file.duplicates = noted.or(older);
            let path = self.place.file(partition);
            file.seen = Some(Seen::at(&path).map_err(DiskError::at("look at", &path))?);
        }
        if let (Some(before), Some(after)) = (before, &entry.file)
            && after.rows < before.rows
        {
            self.tell_of_fewer(days, before.rows, came);
        }
        self.keep_line(entry, fetch);
        self.prove()
    }

    fn keep_line(&mut self, mut entry: Entry, fetch: Fetch) {
        self.shorter.extend(entry.settle(fetch.asking).err());
        CODE_VERSION.clone_into(&mut entry.code);
        entry.ticker = Some(self.place.ticker.clone());
        entry.pages = fetch.pages;
        self.unproven.push(entry);
    }

    /// Those of `days`, of which the source has no row, that no line tells of while rows stand there.
    fn denied(&mut self, entry: &mut Entry, days: &Coverage, asking: Asking) -> Result<Coverage, StoreError> {
        let untold = entry.untold(days);
        if untold.is_empty() || self.existing(entry)? == Existing::Nothing {
            return Ok(Coverage::empty());
        }
        let rows = R::rows_there(&self.place, entry.partition, &untold)?;
        let denied = entry.deny(&untold, rows, asking).err();
        self.shorter.extend(denied.clone());
        Ok(denied.map_or_else(Coverage::empty, |denied| denied.days))
    }

    /// Fewer rows came of `days` than there were; where they are proven, or were never, the newest answer counts.
    fn tell_of_fewer(&mut self, days: &Coverage, had: u64, came: u64) {
        if came < had {
            self.found.push(format!(
                "{days}: the source now answers {came} rows where it had {had}; the newest answer counts"
            ));
        }
    }

    /// The source has nothing to say of days whose rows are on disk.
    fn tell_of_kept_rows(&mut self, entry: &Entry, days: &Coverage) {
        let kept = entry.data_days().intersection(days);
        if kept.is_empty() || entry.file.is_none() {
            return;
        }
        // A file that can't be read is found when its rows are wanted.
        if let Ok(rows @ 1..) = R::rows_there(&self.place, entry.partition, &kept) {
            self.found
                .push(format!("{kept}: the source now answers nothing; the {rows} rows on disk are kept"));
        }
    }

    /// A bar of `partition`, which is not closed yet, came in two versions; this choice was made.
    pub fn note_duplicate(&mut self, partition: Partition, kept: Duplicates) {
        let none = || KeptDuplicates { kept: kept.to_string(), rows: 0 };
        self.duplicates.entry(partition).or_insert_with(none).rows += 1;
    }

    /// Gives up the rows of a partition that was not closed.
    pub fn discard(&mut self) {
        self.draft = None;
        self.duplicates.clear();
    }

    /// Records that the plan does not reach `days`.
    pub fn record_outside_plan(&mut self, days: &Coverage, fetch: Fetch) -> Result<(), StoreError> {
        let Some(hull) = days.hull() else { return Ok(()) };
        for partition in Partition::within(self.place.kind, hull) {
            let refused = days.intersection(&partition.span().into());
            if refused.is_empty() {
                continue;
            }
            let mut entry = self.known(partition);
            entry.answer(&refused, Said::OutsidePlan, fetch.asking, 0);
            self.keep_line(entry, fetch);
        }
        self.prove()
    }

    /// Writes the ledger lines that wait, all with one sync.
    pub fn prove(&mut self) -> Result<(), StoreError> {
        if self.unproven.is_empty() {
            return Ok(());
        }
        self.ledger.commit(std::mem::take(&mut self.unproven))?;
        let trouble = self.ledger.trouble();
        let said = |error: DiskError| {
            format!("its ledger grows: it could not be rewritten ({error}: {})", error.source)
        };
        self.found.extend(trouble.map(said));
        Ok(())
    }

    /// What is to be built upon: the line that waits for its proof, or the last one proven.
    fn known(&self, partition: Partition) -> Entry {
        let waiting = self.unproven.iter().rfind(|entry| entry.partition == partition);
        let known = waiting.or_else(|| self.ledger().entry(partition)).cloned();
        known.unwrap_or_else(|| Entry::new(&self.place.ticker, partition))
    }

    /// Holds what is there against its proof. What was changed is lost, and what is of no use is set aside.
    fn existing(&mut self, entry: &mut Entry) -> Result<Existing, StoreError> {
        let path = self.place.file(entry.partition);
        if !path.try_exists().map_err(DiskError::at("look at", &path))? {
            self.lose(entry, "it is gone");
            return Ok(Existing::Nothing);
        }
        let found = Fingerprint::of_file(&path)?;
        if entry.file.as_ref().is_some_and(|proof| proof.fingerprint != found) {
            self.lose(entry, "its content is not what was written (SHA-256)");
        }
        if entry.file.is_some() {
            return Ok(Existing::File);
        }
        let line = if entry.loss.is_some() { Line::HadFile } else { Line::HadNone };
        if self.set_aside_if_unusable(entry.partition, line)? {
            return Ok(Existing::Nothing);
        }
        if let Some(loss) = &mut entry.loss {
            loss.take_witness(found.sha256);
        }
        Ok(Existing::File)
    }

    fn lose(&mut self, entry: &mut Entry, what: &str) {
        if entry.file.is_some() {
            let path = self.place.file(entry.partition);
            let partition = entry.partition;
            self.found.push(format!(
                "{partition} is damaged and will be fetched again: {}: {what}",
                path.display()
            ));
            entry.lose_file();
        }
    }

    /// Moves what stands in the place of our file and is of no use out of the way of readers: what is no whole Parquet
    /// file, and, where a file of ours stood, also what is another's or has rows that can't be. A whole file of another is
    /// left alone where no line tells of one of ours.
    fn set_aside_if_unusable(&mut self, partition: Partition, line: Line) -> Result<bool, StoreError> {
        let path = self.place.file(partition);
        let what = match (R::rows_there(&self.place, partition, &Coverage::empty()), line) {
            (Err(ReadError::Broken { .. }), Line::HadFile | Line::HadNone) => "can't be read",
            (Err(ReadError::Foreign { .. }), Line::HadFile) => "is not what was written",
            (Err(ReadError::Foreign { .. }), Line::HadNone)
            | (Ok(_) | Err(ReadError::Disk(_)), Line::HadFile | Line::HadNone) => return Ok(false),
        };
        let aside = path.with_file_name(format!("_{}.damaged", self.place.kind.file_name()));
        fs::rename(&path, &aside).map_err(DiskError::at("set aside", &path))?;
        self.found.push(format!("{} {what} and is now {}", path.display(), aside.display()));
        Ok(true)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files they look at")]
mod tests;
