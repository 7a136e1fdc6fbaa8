//! One ticker's place on disk, as `worker`'s `Store` keeps it: closed partitions are brought into
//! their files and proven in the ledger. What a line, an answer and a loss make of each other is
//! decided by the code of `shared`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use shared::dataset::answers::{Asking, Said};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::entry::Shorter;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, FileProof, Ledger};
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::disk::publish::DiskError;
use shared::market::ohlcv::Ohlcv;
use worker::ingest::partitioner::Piece;
use worker::ingest::storable::Storable;
use worker::ingest::store::Kept;
use worker::ingest::store_error::{StoreError, is_of_one_path};
use worker::ingest::tally::TickerError;

use super::actions::{Action, Answered, Log};
use super::disk::{File, Folder};
use super::scenario::{Behaviour, Scenario, Trouble};

/// Of a ticker of which more partitions than these can't be written nothing more is tried.
const MOST_SPOILED: usize = 16;

/// Days of a ticker, held for writing by nobody else.
pub(crate) struct Store<'a> {
    scenario: &'a Scenario,
    whom: usize,
    files: BTreeMap<Partition, File>,
    ledger: Ledger,
    draft: Vec<DatedBar>,
    unproven: Vec<Entry>,
    /// What the lines that wait tell, for whoever knows the truth.
    answered: Vec<Answered>,
    shorter: Vec<Shorter>,
    spoiled: BTreeMap<Partition, StoreError>,
}

impl<'a> Store<'a> {
    /// Takes the place and sets aside damaged files of `days` that are of no use.
    pub(crate) fn open(
        scenario: &'a Scenario,
        whom: usize,
        folder: &Folder,
        days: DateRange,
        log: &mut Log,
    ) -> Result<Self, StoreError> {
        let mut store = Self {
            scenario,
            whom,
            files: folder.files.clone(),
            ledger: folder.ledger(),
            draft: Vec::new(),
            unproven: Vec::new(),
            answered: Vec::new(),
            shorter: Vec::new(),
            spoiled: BTreeMap::new(),
        };
        store.may_write(log.t)?;
        let is_ours = |partition: &Partition| {
            Partition::within(scenario.kind, days).any(|it| it == *partition)
        };
        let damaged: Vec<_> =
            store.ledger.damaged().map(|(partition, _)| partition).filter(is_ours).collect();
        for partition in damaged {
            store.set_aside_if_unusable(partition, log);
        }
        Ok(store)
    }

    /// What is proven.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What came shorter than it was, since the last question.
    pub(crate) fn shorter(&mut self) -> Vec<Shorter> {
        std::mem::take(&mut self.shorter)
    }

    /// The days of partitions that can't be brought to their places.
    pub(crate) fn spoiled_days(&self) -> Coverage {
        self.spoiled.keys().map(|partition| partition.span()).collect()
    }

    /// What could not be brought to its place, or came shorter than it was.
    pub(crate) fn verdict(&mut self, shorter: &[Shorter]) -> Option<TickerError> {
        let spoiled = std::mem::take(&mut self.spoiled);
        if spoiled.is_empty() {
            TickerError::of_shorter(shorter)
        } else {
            Some(TickerError::Spoiled(spoiled))
        }
    }

    /// As `Store::keep` does it.
    pub(crate) fn keep(
        &mut self,
        piece: Piece<Ohlcv>,
        asking: Asking,
        log: &mut Log,
    ) -> Result<Kept, StoreError> {
        let partition = piece.partition();
        if self.spoiled.contains_key(&partition) {
            return Ok(Kept::Spoiled);
        }
        let zone = self.scenario.zone;
        let kept = match piece {
            Piece::Rows(_, rows) => {
                let date = |bar: &Ohlcv| Ohlcv::day_of(bar.t, zone).expect("of the range");
                let dated = |bar: Ohlcv| DatedBar { date: date(&bar), bar };
                self.draft.extend(rows.into_iter().map(dated));
                Ok(())
            }
            Piece::Closed(partition, days) => self.close(partition, &days, asking, log),
        };
        match kept {
            Err(StoreError::Disk(error))
                if is_of_one_path(&error) && self.scenario.machine_trouble(log.t).is_some() =>
            {
                Err(StoreError::Tree(error))
            }
            Err(StoreError::Disk(error))
                if is_of_one_path(&error) && self.spoiled.len() < MOST_SPOILED =>
            {
                self.draft.clear();
                self.spoiled.insert(partition, StoreError::Disk(error));
                Ok(Kept::Spoiled)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Kept::Whole),
        }
    }

    /// As `Store::close` does it.
    fn close(
        &mut self,
        partition: Partition,
        days: &Coverage,
        asking: Asking,
        log: &mut Log,
    ) -> Result<(), StoreError> {
        let mut entry = self.known(partition);
        let draft = std::mem::take(&mut self.draft);
        if draft.is_empty() {
            let without = days.minus(&self.denied(&mut entry, days, asking, log));
            let empty = Said::Empty { asks: 1 };
            entry.answer(&without, empty, asking, 0);
            self.keep_line(entry, (without, empty), asking);
            return Ok(());
        }
        self.may_write(log.t)?;
        let is_there = self.existing(&mut entry, log);
        let lost = entry.answers.lost().intersection(days);
        // Rows there of days that no line has proven are not proven by an answer that does not
        // bring them.
        let replaced = days.minus(&entry.data_days());
        entry.file = None;
        let beyond = entry.lost_elsewhere(days, |stamp| self.scenario.zone.day_of_ms(stamp));
        entry.answer(days, Said::Data, asking, count(&draft, &lost));
        entry.found_elsewhere(count(&draft, &beyond));
        let rows = self.merged(partition, &draft, &replaced, is_there);
        log.pass(5);
        let (all, proven) = (rows.len() as u64, count(&rows, &entry.data_days()));
        let (first, last) = (rows[0].bar.t, rows[rows.len() - 1].bar.t);
        let file = File { rows, is_cut: false };
        let proof = FileProof::new(all, first, last, file.fingerprint());
        entry.file = Some(FileProof { proven_rows: (proven != all).then_some(proven), ..proof });
        self.files.insert(partition, file.clone());
        log.does(Action::Publishes(self.whom, partition, file, draft, days.clone(), asking.at));
        log.pass(5);
        self.keep_line(entry, (days.clone(), Said::Data), asking);
        self.prove(log)
    }

    fn merged(
        &self,
        partition: Partition,
        draft: &[DatedBar],
        replaced: &Coverage,
        is_there: bool,
    ) -> Vec<DatedBar> {
        match self.files.get(&partition) {
            Some(older) if is_there && self.scenario.kind != Kind::Trades => {
                let mut older = older.rows.clone();
                older.retain(|row| !replaced.contains(row.date));
                merge::by_key(self.scenario.kind, &older, draft)
            }
            Some(_) | None => draft.to_vec(),
        }
    }

    fn keep_line(&mut self, mut entry: Entry, (days, said): (Coverage, Said), asking: Asking) {
        self.shorter.extend(entry.settle(asking).err());
        if !days.is_empty() {
            let line = self.unproven.len();
            self.answered.push(Answered { line, days, said, asked_at: asking.at });
        }
        self.unproven.push(entry);
    }

    /// As `Store::denied` does it.
    fn denied(
        &mut self,
        entry: &mut Entry,
        days: &Coverage,
        asking: Asking,
        log: &mut Log,
    ) -> Coverage {
        let untold = entry.untold(days);
        if untold.is_empty() || !self.existing(entry, log) {
            return Coverage::empty();
        }
        let rows = self.files.get(&entry.partition).map_or(0, |file| count(&file.rows, &untold));
        let denied = entry.deny(&untold, rows, asking).err();
        self.shorter.extend(denied.clone());
        denied.map_or_else(Coverage::empty, |denied| denied.days)
    }

    /// Gives up the rows of a partition that was not closed.
    pub(crate) fn discard(&mut self) {
        self.draft.clear();
    }

    /// Records that the plan does not reach `days`.
    pub(crate) fn record_outside_plan(
        &mut self,
        days: &Coverage,
        asking: Asking,
        log: &mut Log,
    ) -> Result<(), StoreError> {
        let Some(hull) = days.hull() else { return Ok(()) };
        for partition in Partition::within(self.scenario.kind, hull) {
            let refused = days.intersection(&partition.span().into());
            if !refused.is_empty() {
                let mut entry = self.known(partition);
                entry.answer(&refused, Said::OutsidePlan, asking, 0);
                self.keep_line(entry, (refused, Said::OutsidePlan), asking);
            }
        }
        self.prove(log)
    }

    /// Writes the ledger lines that wait.
    pub(crate) fn prove(&mut self, log: &mut Log) -> Result<(), StoreError> {
        if self.unproven.is_empty() {
            return Ok(());
        }
        self.may_write(log.t)?;
        let entries = std::mem::take(&mut self.unproven);
        entries.iter().cloned().for_each(|entry| self.ledger.take(entry));
        log.does(Action::Proves(self.whom, entries, std::mem::take(&mut self.answered)));
        Ok(())
    }

    fn known(&self, partition: Partition) -> Entry {
        let waiting = self.unproven.iter().rfind(|entry| entry.partition == partition);
        let known = waiting.or_else(|| self.ledger.entry(partition)).cloned();
        known.unwrap_or_else(|| Entry::new(&self.scenario.securities[self.whom].ticker, partition))
    }

    /// As `Store::existing` does it: is there a file to build upon?
    fn existing(&mut self, entry: &mut Entry, log: &mut Log) -> bool {
        let Some(found) = self.files.get(&entry.partition).map(File::fingerprint) else {
            entry.lose_file();
            return false;
        };
        if entry.file.as_ref().is_some_and(|proof| proof.fingerprint != found) {
            entry.lose_file();
        }
        if entry.file.is_some() {
            return true;
        }
        if self.set_aside_if_unusable(entry.partition, log) {
            return false;
        }
        if let Some(loss) = &mut entry.loss {
            loss.take_witness(found.sha256);
        }
        true
    }

    /// Moves a file that no reader takes out of the way.
    fn set_aside_if_unusable(&mut self, partition: Partition, log: &mut Log) -> bool {
        let is_unusable = self.files.get(&partition).is_some_and(|file| file.is_cut);
        if is_unusable {
            self.files.remove(&partition);
            log.does(Action::SetsAside(self.whom, partition));
        }
        is_unusable
    }

    fn may_write(&self, t: u64) -> Result<(), StoreError> {
        let error = |kind: ErrorKind| {
            Err(StoreError::Disk(DiskError::at("write", Path::new("ticker"))(kind.into())))
        };
        let (scenario, whom) = (self.scenario, self.whom);
        match scenario.troubles(t, whom).find(|trouble| trouble.is_of_machine()) {
            Some(Trouble::FullDisk) => error(ErrorKind::StorageFull),
            Some(_) => error(ErrorKind::PermissionDenied),
            None if scenario.securities[whom].behaviour == Behaviour::Locked => {
                error(ErrorKind::PermissionDenied)
            }
            None => Ok(()),
        }
    }
}

fn count(rows: &[DatedBar], days: &Coverage) -> u64 {
    rows.iter().filter(|row| days.contains(row.date)).count() as u64
}
