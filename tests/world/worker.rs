//! The worker: one attempt at some tickers, from its first request to its exit, as a list of what it does and when.
//!
//! It looks ahead: what it does depends on fate alone, and nobody else writes what it writes. Whoever ends it before its
//! time keeps what was done by then, and nothing of the rest. What is asked, believed, cut, merged, waited for and recorded
//! is decided by the code of `worker` and `shared`; here is only the order in which a worker calls it.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use shared::dataset::answers::{Asker, Asking, Said};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::entry::Shorter;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, FileProof};
use shared::dataset::merge::{self, DatedBar};
use shared::dataset::partition::Partition;
use shared::dataset::row::{self, Row};
use shared::dataset::trust::Trust;
use shared::disk::publish::DiskError;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::run::base_url::{BaseUrl, PlainHttp};
use shared::run::events::{Event, Persistence};
use shared::run::exit::Exit;
use tests::sim::chance::{Dice, unit};
use worker::api::backoff::{Backoff, Troubles};
use worker::api::chain::Chain;
use worker::api::endpoints::Endpoint;
use worker::api::failure::Failure;
use worker::api::follow::Tries;
use worker::api::page::Page;
use worker::ingest::division::{Division, Why, halves};
use worker::ingest::not_to_be_had::NotToBeHad;
use worker::ingest::partitioner::{Partitioner, Piece};
use worker::ingest::requests::requests;
use worker::ingest::store::StoreError;
use worker::ingest::tally::{Fatal, TickerError, Verdict};
use worker::report;

use super::clock::SECOND;
use super::disk::{File, Folder};
use super::fate::{Character, Fate, Trouble};
use super::source;

/// Something that a worker does.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// It says something in its events.
    Says(Event),
    /// It asks the source.
    Asks(usize),
    /// It renames a file into its place, with these days of the answer; and when that was asked for.
    Publishes(usize, Partition, File, Vec<DatedBar>, Coverage, Timestamp),
    /// It appends to a ledger; the days were answered like this.
    Proves(usize, Vec<Entry>, Vec<(Coverage, Said, Timestamp)>),
}

/// One attempt.
pub(crate) struct Course {
    /// In time order.
    pub(crate) deeds: Vec<(u64, Deed)>,
    /// When it ends by itself.
    pub(crate) ends_at: u64,
    /// How.
    pub(crate) exit: Exit,
    /// Who kills it when it begins with that ticker.
    pub(crate) poisoned_at: Option<u64>,
}

/// What it is given.
pub(crate) struct Orders<'a> {
    pub(crate) fate: &'a Fate,
    pub(crate) people: Vec<usize>,
    pub(crate) days: DateRange,
    pub(crate) since: Option<Timestamp>,
    pub(crate) run: Asker,
}

struct Worker<'a> {
    orders: &'a Orders<'a>,
    t: u64,
    dice: Dice,
    deeds: Vec<(u64, Deed)>,
    base: BaseUrl,
    plan_begins: Option<shared::market::trading_day::TradingDay>,
}

struct Visit {
    whom: usize,
    folder: Folder,
    wanted: Coverage,
    /// What of it is not answered for yet.
    open: Coverage,
    tries: Tries,
    draft: Vec<DatedBar>,
    shorter: Vec<Shorter>,
    unproven: Vec<Entry>,
    answered: Vec<(Coverage, Said, Timestamp)>,
    rows: u64,
    pages: u64,
}

/// What a worker does that is started at `t` and meets the folders of `folder_of`.
pub(crate) fn course<'a>(
    orders: &Orders<'_>,
    folder_of: impl Fn(usize) -> &'a Folder,
    t: u64,
    dice: Dice,
) -> Course {
    let base = BaseUrl::parse("http://127.0.0.1:1", PlainHttp::LoopbackOnly).expect("an origin");
    let mut worker = Worker { orders, t, dice, deeds: Vec::new(), base, plan_begins: None };
    let (mut transient, mut permanent, mut cut_short, mut poisoned_at) = (0, 0, None, None);
    for &whom in &orders.people {
        worker.pass(50);
        let person = &orders.fate.people[whom];
        worker.says(Event::TickerStart { ticker: person.ticker.clone() });
        if person.character == Character::Poison {
            poisoned_at = Some(worker.t + 10);
        }
        let error = match worker.ingest(whom, folder_of(whom)) {
            Ok((rows, pages)) => {
                worker.says(Event::TickerDone { ticker: person.ticker.clone(), rows, pages });
                continue;
            }
            Err(error) => error,
        };
        let trouble = match worker.meaning_of(&error) {
            Ok(trouble) => trouble,
            Err(exit) => {
                cut_short = Some(exit);
                break;
            }
        };
        match trouble.persistence {
            Persistence::Transient => transient += 1,
            Persistence::Permanent => permanent += 1,
        }
        worker.says(Event::TickerFailed {
            ticker: person.ticker.clone(),
            cause: error.to_string(),
            persistence: trouble.persistence,
            origin: Some(trouble.origin),
            kind: Some(trouble.kind.into()),
        });
    }
    let exit = match cut_short {
        Some(exit) => exit,
        None if transient > 0 => Exit::Transient,
        None if permanent > 0 => Exit::Permanent,
        None => Exit::Done,
    };
    worker.pass(10);
    Course { deeds: worker.deeds, ends_at: worker.t, exit, poisoned_at }
}

impl Worker<'_> {
    fn pass(&mut self, ms: u64) {
        self.t += ms;
    }

    fn says(&mut self, event: Event) {
        self.does(Deed::Says(event));
    }

    fn does(&mut self, deed: Deed) {
        self.deeds.push((self.t, deed));
    }

    /// Whose trouble it is; an exit where nobody of the batch would get further.
    fn meaning_of(&self, error: &TickerError) -> Result<report::Trouble, Exit> {
        match error.verdict() {
            Verdict::Ticker(trouble) => Ok(trouble),
            Verdict::Batch(exit) => Err(exit),
            Verdict::TickerUnlessTheTreeIs(kind) => match self.orders.fate.machine_trouble(self.t) {
                None => Ok(report::Trouble::own_for_good(kind)),
                Some(_) => Err(Exit::LocalResource),
            },
        }
    }

    fn ingest(&mut self, whom: usize, folder: &Folder) -> Result<(u64, u64), TickerError> {
        let Orders { fate, days, since, .. } = *self.orders;
        self.may_write(whom)?;
        let run = Some(self.orders.run);
        let trust = Trust { since, run, ..Trust::at(fate.wall(self.t), fate.recheck_empty) };
        let mut wanted = folder.ledger().to_ask(days, &trust);
        let mut visit = Visit {
            whom,
            folder: folder.clone(),
            open: wanted.clone(),
            wanted: wanted.clone(),
            tries: self.tries(Why::Wanted),
            draft: Vec::new(),
            shorter: Vec::new(),
            unproven: Vec::new(),
            answered: Vec::new(),
            rows: 0,
            pages: 0,
        };
        let mut asked = Coverage::empty();
        while !wanted.is_empty() {
            asked = asked.union(&wanted);
            visit.open = wanted.clone();
            visit.wanted = wanted;
            let division = self.ask(&mut visit)?;
            if let Some(error) = NotToBeHad::of(fate.kind, days, division, &visit.open, Vec::new()) {
                return Err(error.into());
            }
            wanted = visit.folder.ledger().lost_beside(&asked).minus(&asked);
        }
        match TickerError::of_shorter(&visit.shorter) {
            Some(error) => Err(error),
            None => Ok((visit.rows, visit.pages)),
        }
    }

    /// As `Pipeline::ask` does it.
    fn ask(&mut self, visit: &mut Visit) -> Result<Division, TickerError> {
        let fate = self.orders.fate;
        let asked_for = requests(&visit.wanted, fate.window, &visit.folder.ledger());
        let mut division = Division::new(fate.kind, &asked_for);
        while let Some(piece) = division.next_piece() {
            let Some(days) = visit.open.intersection(&piece.days.into()).hull() else { continue };
            let pages = visit.pages;
            visit.tries = self.tries(piece.why);
            let ended = self.fetch_within_plan(visit, days);
            if visit.pages > pages || ended.is_ok() {
                division.page_came();
            }
            let failure = match ended {
                Ok(()) => continue,
                Err(TickerError::Source(failure)) => failure,
                Err(error) => return Err(error),
            };
            let Some(left) = visit.open.intersection(&days.into()).hull() else { continue };
            let hint = failure.stamp().and_then(|stamp| fate.zone.day_of_ms(stamp));
            division.failed(piece, failure, left, hint)?;
        }
        Ok(division)
    }

    /// As `Pipeline::tries` has it.
    fn tries(&self, why: Why) -> Tries {
        let all = Tries { faults: self.orders.fate.tries, lies: 3 };
        match why {
            Why::Wanted | Why::Alone => all,
            Why::Suspect => all.at_most(2),
            Why::LastTime | Why::Probe => all.at_most(1),
        }
    }

    fn fetch_within_plan(&mut self, visit: &mut Visit, range: DateRange) -> Result<(), TickerError> {
        let Some(begins) = self.plan_begins.filter(|begins| *begins > range.from()) else {
            return self.fetch(visit, range).map(drop);
        };
        let before = DateRange::new(range.from(), begins.previous().min(range.to())).expect("in order");
        self.refuse(visit, before)?;
        let reached = DateRange::new(begins, range.to());
        let reached = reached.and_then(|reached| visit.wanted.intersection(&reached.into()).hull());
        reached.map_or(Ok(()), |reached| self.fetch(visit, reached).map(drop))
    }

    /// Returns whether the plan reaches the first day of `range`, and whether it reaches any.
    fn fetch(&mut self, visit: &mut Visit, range: DateRange) -> Result<(bool, bool), TickerError> {
        match self.follow(visit, range) {
            Ok(()) => return Ok((true, true)),
            Err(TickerError::Source(Failure::OutsidePlan(_))) => {}
            Err(error) => return Err(error),
        }
        let Some((older, newer)) = halves(range) else {
            self.refuse(visit, range)?;
            return Ok((false, false));
        };
        let of_newer = self.fetch(visit, newer)?;
        if !of_newer.0 && newer.days() > 1 {
            self.refuse(visit, older)?;
            return Ok(of_newer);
        }
        let of_older = self.fetch(visit, older)?;
        if of_newer.0 && !of_older.1 {
            self.plan_begins = Some(newer.from());
        }
        Ok((of_older.0, of_older.1 || of_newer.1))
    }

    fn refuse(&mut self, visit: &mut Visit, days: DateRange) -> Result<(), TickerError> {
        let refused = visit.wanted.intersection(&days.into());
        let Some(hull) = refused.hull() else { return Ok(()) };
        let (asking, kind) = (self.asking(), self.orders.fate.kind);
        for partition in Partition::within(kind, hull) {
            let days = refused.intersection(&partition.span().into());
            if !days.is_empty() {
                let entry = visit.known(partition, &self.orders.fate.people[visit.whom].ticker);
                visit.record(entry, &days, Said::OutsidePlan, asking, 0);
            }
        }
        self.prove(visit)?;
        visit.open = visit.open.minus(&refused);
        Ok(())
    }

    fn follow(&mut self, visit: &mut Visit, range: DateRange) -> Result<(), TickerError> {
        let Fate { kind, zone, .. } = *self.orders.fate;
        let endpoint = Endpoint::MinuteBars(self.orders.fate.people[visit.whom].ticker.clone(), Adjusted::No);
        let window = row::window::<Ohlcv>(kind, zone, range);
        let mut chain = Chain::new(self.base.clone(), endpoint, window);
        let mut partitioner = Partitioner::new(kind, zone, visit.wanted.intersection(&range.into()));
        let asking = self.asking();
        let mut lies = 0;
        while let Some(url) = chain.url().cloned() {
            let received = match self.get(visit.whom, &url, visit.tries.faults) {
                Ok(page) => chain.accept(page),
                Err(Failure::Lie(lie)) => Err(lie),
                Err(failure) if chain.ended_by(&failure) => break,
                Err(failure) => {
                    visit.draft.clear();
                    self.prove(visit)?;
                    return Err(failure.into());
                }
            };
            match received {
                Ok(rows) => {
                    lies = if rows.is_empty() { lies } else { 0 };
                    visit.pages += 1;
                    visit.rows += rows.len() as u64;
                    for piece in partitioner.take(rows) {
                        self.keep(visit, piece, asking)?;
                    }
                    self.says(Event::Progress {
                        ticker: self.orders.fate.people[visit.whom].ticker.clone(),
                        rows: visit.rows,
                        pages: visit.pages,
                        bytes: 100,
                    });
                }
                Err(lie) => {
                    lies += 1;
                    if lies >= visit.tries.lies {
                        visit.draft.clear();
                        self.prove(visit)?;
                        return Err(Failure::Lie(lie).into());
                    }
                    if lies == 2 {
                        chain.restart();
                    }
                    let chance = unit(self.dice.roll());
                    let wait = Self::backoff(self.orders.fate.tries)
                        .wait_after_faults(lies, chance)
                        .unwrap_or_default();
                    self.sleep(wait);
                }
            }
        }
        for piece in partitioner.finish::<Ohlcv>() {
            self.keep(visit, piece, asking)?;
        }
        self.prove(visit)
    }

    fn backoff(tries: u32) -> Backoff {
        Backoff { base: Duration::from_secs(1), tries }
    }

    fn sleep(&mut self, wait: Duration) {
        self.pass(u64::try_from(wait.as_millis()).expect("minutes"));
    }

    fn get(&mut self, whom: usize, url: &url::Url, tries: u32) -> Result<Page<Ohlcv>, Failure> {
        let mut troubles = Troubles::default();
        loop {
            self.does(Deed::Asks(whom));
            let answer = source::answer(self.orders.fate, whom, url, self.t);
            let failure = match answer {
                Ok(page) => {
                    self.pass(200);
                    return Ok(page);
                }
                Err(failure) => failure,
            };
            self.pass(if matches!(failure, Failure::Transport(_)) { 10 * SECOND } else { 100 });
            let chance = unit(self.dice.roll());
            let retry = failure.retry();
            let wait = retry
                .and_then(|why| Self::backoff(tries).wait(&mut troubles, why, failure.retry_after(), chance));
            let Some(wait) = wait else { return Err(failure) };
            self.sleep(wait);
        }
    }

    fn may_write(&self, whom: usize) -> Result<(), TickerError> {
        let error = |kind| {
            let error = DiskError::at("write", Path::new("ticker"))(ErrorKind::into(kind));
            Err(StoreError::Disk(error).into())
        };
        match self.orders.fate.troubles(self.t, whom).find(|trouble| trouble.is_of_machine()) {
            Some(Trouble::FullDisk) => error(ErrorKind::StorageFull),
            Some(_) => error(ErrorKind::PermissionDenied),
            None if self.orders.fate.people[whom].character == Character::Locked => {
                error(ErrorKind::PermissionDenied)
            }
            None => Ok(()),
        }
    }

    fn keep(&mut self, visit: &mut Visit, piece: Piece<Ohlcv>, asking: Asking) -> Result<(), TickerError> {
        let zone = self.orders.fate.zone;
        match piece {
            Piece::Rows(_, rows) => {
                let dated = |bar: Ohlcv| DatedBar { date: bar.day(zone).expect("of the range"), bar };
                visit.draft.extend(rows.into_iter().map(dated));
                Ok(())
            }
            Piece::Closed(partition, days) => {
                self.close(visit, partition, &days, asking)?;
                visit.open = visit.open.minus(&days);
                Ok(())
            }
        }
    }

    fn asking(&self) -> Asking {
        Asking { at: self.orders.fate.wall(self.t), run: Some(self.orders.run) }
    }

    /// As `Store::close` does it.
    fn close(
        &mut self,
        visit: &mut Visit,
        partition: Partition,
        days: &Coverage,
        asking: Asking,
    ) -> Result<(), TickerError> {
        let Fate { ref people, .. } = *self.orders.fate;
        let mut entry = visit.known(partition, &people[visit.whom].ticker);
        if visit.draft.is_empty() {
            let untold = entry.untold(days);
            let mut denied = Coverage::empty();
            if !untold.is_empty() && Self::look(visit, &mut entry) {
                denied = visit.deny(&mut entry, &untold, asking);
            }
            visit.record(entry, &days.minus(&denied), Said::Empty { asks: 1 }, asking, 0);
            return Ok(());
        }
        self.may_write(visit.whom)?;
        let draft = std::mem::take(&mut visit.draft);
        let is_there = Self::look(visit, &mut entry);
        let replaced = entry.answers.lost().intersection(days);
        let found = count(&draft, &replaced);
        entry.file = None;
        let published = self.publish(visit, partition, &draft, &replaced, is_there)?;
        self.pass(5);
        let (first, last) = (published.rows[0].bar.t, published.rows[published.rows.len() - 1].bar.t);
        let mut proof = FileProof::new(published.rows.len() as u64, first, last, published.fingerprint());
        visit.folder.files.insert(partition, published.clone());
        self.does(Deed::Publishes(visit.whom, partition, published.clone(), draft, days.clone(), asking.at));
        self.pass(5);
        entry.answer(days, Said::Data, asking, found);
        let proven = count(&published.rows, &entry.data_days());
        proof.proven_rows = (proven != proof.rows).then_some(proven);
        entry.file = Some(proof);
        visit.record(entry, &Coverage::empty(), Said::Data, asking, 0);
        visit.answered.push((days.clone(), Said::Data, asking.at));
        self.prove(visit)
    }

    /// As `Store::existing` does it: is there a file to build upon?
    fn look(visit: &mut Visit, entry: &mut Entry) -> bool {
        let Some(found) = visit.folder.files.get(&entry.partition) else {
            entry.lose_file();
            return false;
        };
        if entry.file.as_ref().is_some_and(|proof| proof.fingerprint != found.fingerprint()) {
            entry.lose_file();
        }
        if entry.file.is_some() {
            return true;
        }
        // What can't be read is set aside.
        if found.is_cut {
            visit.folder.files.remove(&entry.partition);
            return false;
        }
        if let Some(loss) = &mut entry.loss {
            loss.take_witness(found.fingerprint().sha256);
        }
        true
    }

    fn publish(
        &self,
        visit: &Visit,
        partition: Partition,
        draft: &[DatedBar],
        replaced: &Coverage,
        is_there: bool,
    ) -> Result<File, TickerError> {
        let kind = self.orders.fate.kind;
        let existing = visit.folder.files.get(&partition).filter(|_| is_there);
        if existing.is_some_and(|file| file.is_cut) {
            return Err(StoreError::NotOurs("a file that can't be read".to_owned()).into());
        }
        let rows = match existing {
            Some(older) if kind != Kind::Trades => {
                let mut older = older.rows.clone();
                older.retain(|row| !replaced.contains(row.date));
                merge::by_key(kind, &older, draft)
            }
            _ => draft.to_vec(),
        };
        Ok(File { rows, is_cut: false })
    }

    fn prove(&mut self, visit: &mut Visit) -> Result<(), TickerError> {
        if visit.unproven.is_empty() {
            return Ok(());
        }
        self.may_write(visit.whom)?;
        let entries = std::mem::take(&mut visit.unproven);
        visit.folder.lines.extend(entries.iter().cloned());
        let answered = std::mem::take(&mut visit.answered);
        self.does(Deed::Proves(visit.whom, entries, answered));
        Ok(())
    }
}

impl Visit {
    fn known(&self, partition: Partition, ticker: &Ticker) -> Entry {
        if let Some(entry) = self.unproven.iter().rfind(|entry| entry.partition == partition) {
            return entry.clone();
        }
        let known = self.folder.ledger().entry(partition).cloned();
        known.unwrap_or_else(|| Entry::new(ticker, partition))
    }

    /// As `Store::denied` does it.
    fn deny(&mut self, entry: &mut Entry, untold: &Coverage, asking: Asking) -> Coverage {
        let rows = self.folder.files.get(&entry.partition).map_or(0, |file| count(&file.rows, untold));
        let denied = entry.deny(untold, rows, asking).err();
        self.shorter.extend(denied.clone());
        denied.map_or_else(Coverage::empty, |denied| denied.days)
    }

    fn record(&mut self, mut entry: Entry, days: &Coverage, said: Said, asking: Asking, found: u64) {
        entry.answer(days, said, asking, found);
        self.shorter.extend(entry.settle(asking).err());
        if !days.is_empty() {
            self.answered.push((days.clone(), said, asking.at));
        }
        self.unproven.push(entry);
    }
}

fn count(rows: &[DatedBar], days: &Coverage) -> u64 {
    rows.iter().filter(|row| days.contains(row.date)).count() as u64
}
