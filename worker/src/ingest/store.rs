//! The files of one ticker: writes closed partitions and proves them in the ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shared::dataset::answers::{Asking, Said};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::entry::{CODE_VERSION, Entry, KeptDuplicates, Shorter};
use shared::dataset::ledger::{Damage, Ledger};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::dataset::seen::Seen;
use shared::dataset::writer::Fingerprint;
use shared::disk::folder::Folder;
use shared::disk::publish::{self, DiskError};
use shared::error_chain::with_causes;
use shared::run::duplicates::Duplicates;

use super::partitioner::Piece;
use super::storable::{Destination, FileInPlace, Ground, Storable};
use super::store_error::StoreError;

/// Of a ticker of which more partitions than these can't be written nothing more is tried: its
/// folder is of no use.
const MOST_SPOILED: usize = 16;

/// Removes what a crashed writer of `file` left in its folder, which lies below `ticker`.
fn sweep(ticker: &Folder, file: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let Some(folder) = ticker.find(ticker.way_to(file)?)? else { return Ok(Vec::new()) };
    folder.refuse_link(file.file_name().unwrap_or_default())?;
    publish::sweep(&folder)
}

/// What came of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on its way, or in place.
    Whole,
    /// Its partition can't be brought to its place.
    Spoiled,
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
enum LedgerLine {
    HadFile,
    HadNone,
}

/// Days of a ticker, held for writing by nobody else.
pub struct Store<R: Storable> {
    to: Destination,
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

impl<R: Storable> Store<R> {
    /// Takes `days` of the ticker and the rest of their partitions, removes what a crashed writer
    /// left there, and sets aside damaged files that can't be used, so that no reader of the tree
    /// stumbles over them.
    ///
    /// What others hold at this moment is left alone: a draft there may be alive, and a file newer
    /// than what is known of it.
    ///
    /// Of what was lost, the days that the same visit has `brought` before need not be brought
    /// again.
    pub fn open(to: Destination, days: DateRange, brought: &Coverage) -> Result<Self, StoreError> {
        let ledger = OpenLedger::open_again(&to.outdir, to.kind, &to.ticker, days, brought)?;
        let claimed = ledger.claimed();
        let (mut found, mut spoiled) = (Vec::new(), BTreeMap::new());
        if ledger.torn_bytes() > 0 {
            let (bytes, path) = (ledger.torn_bytes(), Ledger::path(&to.outdir, &to.ticker));
            found.push(format!(
                "cut {bytes} torn bytes off the end of {}; what they would have proven is requested again",
                path.display()
            ));
        }
        for partition in Partition::within(to.kind, claimed) {
            let swept = match sweep(ledger.folder(), &to.file(partition)) {
                Ok(swept) => swept,
                Err(error) => match StoreError::from(error).unless_it_is_everybodys(&to.outdir) {
                    everybodys @ StoreError::Tree(_) => return Err(everybodys),
                    own
                    @ (StoreError::Disk(_) | StoreError::Ledger(_) | StoreError::NotOurs(_)) => {
                        spoiled.insert(partition, own);
                        continue;
                    }
                },
            };
            found.extend(
                swept.iter().map(|path| format!("removed {}, left by a crash", path.display())),
            );
        }
        let is_ours = |(partition, _): &(Partition, &Damage)| {
            claimed.intersection(partition.span()).is_some()
        };
        let damaged = ledger.ledger().damaged().filter(is_ours).map(|(at, _)| at);
        let damaged: Vec<Partition> = damaged.filter(|at| !spoiled.contains_key(at)).collect();
        for (partition, damage) in ledger.ledger().damaged().filter(is_ours) {
            let (path, what) = (damage.path.display(), &damage.what);
            found.push(format!("{partition} is damaged and will be fetched again: {path}: {what}"));
        }
        let mut store = Self {
            to,
            ledger,
            draft: None,
            unproven: Vec::new(),
            duplicates: BTreeMap::new(),
            shorter: Vec::new(),
            found,
            spoiled,
        };
        for partition in damaged {
            let read = R::read(&store.to, partition);
            // What can't be opened now is met again when its rows have come.
            if !matches!(read, Err(ReadError::Disk(_))) {
                let usable = store.usable(partition, read, LedgerLine::HadFile).map(drop);
                store.or_spoiled(partition, usable)?;
            }
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

    /// Takes the next piece of a stream of rows. What of it can't be brought to its place is let
    /// go, and that costs no other partition anything.
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
    fn or_spoiled(
        &mut self,
        partition: Partition,
        ended: Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match ended.map_err(|error| error.unless_it_is_everybodys(&self.to.outdir)) {
            Err(error) if error.is_of_its_partition() && self.spoiled.len() < MOST_SPOILED => {
                self.draft = None;
                self.duplicates.remove(&partition);
                self.found.push(format!("{partition} is left out: {}", with_causes(&error)));
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
            None => R::begin(&self.to, self.ledger.folder(), partition)?,
        };
        let (_, draft) = self.draft.insert((partition, draft));
        Ok(R::add(draft, &self.to, rows)?)
    }

    /// No row of `partition` is to come: publishes its file, then proves it. An empty answer leaves
    /// a file as it is: what was proven is not erased by a source that has nothing to say today.
    fn close(
        &mut self,
        partition: Partition,
        days: &Coverage,
        fetch: Fetch,
    ) -> Result<(), StoreError> {
        let mut entry = self.known(partition);
        let Some((open, draft)) = self.draft.take() else {
            self.tell_of_kept_rows(&entry, days);
            let denied = self.denied(&mut entry, days, fetch.asking)?;
            entry.answer(&days.minus(&denied), Said::Empty { asks: 1 }, fetch.asking, 0);
            self.keep_line(entry, fetch);
            return Ok(());
        };
        assert_eq!(open, partition, "rows belong to the partition that is closed");
        let existing = self.existing(&mut entry)?;
        let untold = entry.untold(days);
        if let FileInPlace::File(published) = &existing
            && !untold.is_empty()
        {
            let had = R::published_rows_of(published, &untold);
            self.tell_of_fewer(&untold, had, R::rows_of(&draft, &untold));
        }
        let lost = entry.answers.lost().intersection(days);
        // Rows there of days that no line has proven are not proven by an answer that does not
        // bring them.
        let replaced = days.minus(&entry.data_days());
        let before = entry.file.take();
        let came = R::rows_of(&draft, days);
        let of_lost = if lost.is_empty() { 0 } else { R::rows_of(&draft, &lost) };
        let zone = self.to.zone;
        let beyond = entry.lost_elsewhere(days, |stamp| R::day_of(stamp, zone));
        entry.answer(days, Said::Data, fetch.asking, of_lost);
        if !beyond.is_empty() {
            entry.found_elsewhere(R::rows_of(&draft, &beyond));
        }
        let proven = entry.data_days();
        let ground = Ground { existing, replaced: &replaced, proven: &proven };
        entry.file = R::publish(draft, &self.to, self.ledger.folder(), partition, ground)?;
        let noted = self.duplicates.remove(&partition);
        let older = before.as_ref().and_then(|before| before.duplicates.clone());
        // What was noted of the file before holds for the days that did not come again.
        let older = older.filter(|_| !proven.minus(days).is_empty());
        if let Some(file) = &mut entry.file {
            file.duplicates = noted.or(older);
            let path = self.to.file(partition);
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
        entry.ticker = Some(self.to.ticker.clone());
        entry.pages = fetch.pages;
        self.unproven.push(entry);
    }

    /// Those of `days`, of which the source has no row, that no line tells of while rows stand
    /// there.
    fn denied(
        &mut self,
        entry: &mut Entry,
        days: &Coverage,
        asking: Asking,
    ) -> Result<Coverage, StoreError> {
        let untold = entry.untold(days);
        if untold.is_empty() {
            return Ok(Coverage::empty());
        }
        let FileInPlace::File(published) = self.existing(entry)? else {
            return Ok(Coverage::empty());
        };
        let rows = R::published_rows_of(&published, &untold);
        let denied = entry.deny(&untold, rows, asking).err();
        self.shorter.extend(denied.clone());
        Ok(denied.map_or_else(Coverage::empty, |denied| denied.days))
    }

    /// Fewer rows came of `days` than there were; where they are proven, or were never, the newest
    /// answer counts.
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
        let read = R::read(&self.to, entry.partition);
        if let Ok(rows @ 1..) = read.map(|published| R::published_rows_of(&published, &kept)) {
            self.found.push(format!(
                "{kept}: the source now sends nothing; the {rows} rows on disk are kept"
            ));
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
        for partition in Partition::within(self.to.kind, hull) {
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
        known.unwrap_or_else(|| Entry::new(&self.to.ticker, partition))
    }

    /// Judges what is there: holds it against its proof, and reads it once. What was changed is
    /// lost, and what is of no use is set aside.
    fn existing(&mut self, entry: &mut Entry) -> Result<FileInPlace<R::Published>, StoreError> {
        let path = self.to.file(entry.partition);
        if !path.try_exists().map_err(DiskError::at("look at", &path))? {
            self.lose(entry, "it is gone");
            return Ok(FileInPlace::Nothing);
        }
        let found = Fingerprint::of_file(&path)?;
        if entry.file.as_ref().is_some_and(|proof| proof.fingerprint != found) {
            self.lose(entry, "its content is not what was written (SHA-256)");
        }
        let read = R::read(&self.to, entry.partition);
        if entry.file.is_some() {
            return Ok(FileInPlace::File(read?));
        }
        let line = if entry.loss.is_some() { LedgerLine::HadFile } else { LedgerLine::HadNone };
        let existing = self.usable(entry.partition, read, line)?;
        if let (FileInPlace::File(_), Some(loss)) = (&existing, &mut entry.loss) {
            loss.take_witness(found.sha256);
        }
        Ok(existing)
    }

    fn lose(&mut self, entry: &mut Entry, what: &str) {
        if entry.file.is_some() {
            let path = self.to.file(entry.partition);
            let partition = entry.partition;
            self.found.push(format!(
                "{partition} is damaged and will be fetched again: {}: {what}",
                path.display()
            ));
            entry.lose_file();
        }
    }

    /// Moves what was `read` in the place of our file and is of no use out of the way of readers:
    /// what is no whole Parquet file, and, where a file of ours stood, also what is another's or
    /// has rows that can't be. A whole file of another is left alone where no line tells of one of
    /// ours.
    fn usable(
        &mut self,
        partition: Partition,
        read: Result<R::Published, ReadError>,
        line: LedgerLine,
    ) -> Result<FileInPlace<R::Published>, StoreError> {
        let what = match (read, line) {
            (Ok(published), LedgerLine::HadFile | LedgerLine::HadNone) => {
                return Ok(FileInPlace::File(published));
            }
            (Err(ReadError::Broken { .. }), LedgerLine::HadFile | LedgerLine::HadNone) => {
                "can't be read"
            }
            (Err(ReadError::Foreign { .. }), LedgerLine::HadFile) => "is not what was written",
            (Err(error @ ReadError::Foreign { .. }), LedgerLine::HadNone)
            | (Err(error @ ReadError::Disk(_)), LedgerLine::HadFile | LedgerLine::HadNone) => {
                return Err(error.into());
            }
        };
        let path = self.to.file(partition);
        let file = self.to.kind.file_name();
        let aside = path.with_file_name(format!("_{file}.damaged"));
        let tickers = self.ledger.folder();
        let folder = tickers.below(tickers.way_to(&path)?)?;
        let renamed = folder.rename(file.as_ref(), aside.file_name().unwrap_or_default());
        renamed.map_err(DiskError::at("set aside", &path))?;
        self.found.push(format!("{} {what} and is now {}", path.display(), aside.display()));
        Ok(FileInPlace::Nothing)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files they look at")]
mod tests;
