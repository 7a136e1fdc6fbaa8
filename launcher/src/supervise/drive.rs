//! The loop that supervises a run: hears, records, decides, acts. Every effect on workers happens here.
//!
//! Order is everything: an outcome is journalled after it was seen, a start before it is done, and nothing
//! new begins while a fact can't be written. How a stop reaches the workers is `stopping`'s business, what on
//! this machine is in everybody's way `hindrance`'s.

mod stopping;
mod hindrance;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use shared::disk::lock::LockError;
use shared::disk::publish::DiskError;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

pub use stopping::GRACE;
use stopping::Stop;

use super::attempt::{Attempt, NotBegun, with_cause};
use super::batch::{Batch, BatchState, Illegal, Work};
use super::facts::{Edition, Entry, Fact, Outcome, StopWhy};
use super::journal::{Journal, JournalError};
use super::locks::Locks;
use super::machine::{Decision, Machine, RunState, Surroundings};
use super::pid_files::PidFiles;
use super::run::Run;
use super::shims::Shims;
use crate::process::clock::{self, Deadline};
use crate::process::exit_record::Ending;
use crate::process::memory::Gauge;
use crate::process::signal::{Inbox, Post};
use crate::process::watch::{self, Marker, Wanted};

/// How long processes may take that nobody waits for.
const LEFTOVER_GRACE: Duration = Duration::from_secs(5);
/// The loop looks around at least this often.
const GLANCE: Duration = Duration::from_secs(1);

/// Why supervision ended without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something could not be written, and there was no time to wait.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A bug.
    #[error("{0}; this is a bug of the launcher, please report it with the work directory")]
    Illegal(#[from] Illegal),
    /// The system does not let us watch our children.
    #[error("can't watch workers")]
    Watch(#[source] io::Error),
    /// An attempt that can't be closed to others.
    #[error(transparent)]
    Attempt(#[from] LockError),
    /// Nobody finds the run any more where it was, and what we wrote there would be another one's.
    #[error("{0} was moved or deleted during the run; put it back and go on with --resume")]
    Displaced(PathBuf),
    /// Processes of the run that can't be ended.
    #[error("processes of this run do not end even when killed: {0}")]
    Undead(String),
}

/// What a listener is told, in the order in which it happens.
pub enum Notice<'a> {
    /// Something was recorded.
    Fact(&'a Entry),
    /// An attempt of an earlier supervisor goes on under this one.
    Adopted {
        /// Of which batch.
        batch: BatchId,
        /// Which.
        attempt: u32,
    },
    /// Something is in the way, for people.
    Trouble(&'a str),
    /// Nothing new; time has passed.
    Glance,
}

/// Who is told.
pub type Listener<'a> = dyn FnMut(&Machine, &Notice) + 'a;

struct Supervisor<'a> {
    run: &'a Run,
    machine: Machine,
    journal: Journal,
    shims: Shims,
    pid_files: PidFiles,
    memory: Gauge,
    attempts: BTreeMap<BatchId, Attempt>,
    /// Attempts whose shims are gone and which could not be closed yet, and how they ended if nobody has said.
    departed: Vec<(Orphan, Ending)>,
    /// Facts that could not be written yet.
    unwritten: Vec<Entry>,
    stop: Stop,
    probe_at: Option<Deadline>,
    /// What keeps the journal from being written.
    trouble: Option<String>,
    listener: &'a mut Listener<'a>,
}

/// Supervises `run` to its end, or until it is stopped. `_locks` are held all the while.
pub fn supervise<'a>(
    run: &'a Run,
    _locks: &Locks,
    inbox: &mut Inbox,
    listener: &'a mut Listener<'a>,
) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own().expect("this process is alive");
    let supervised = open(run, own, None, listener).and_then(|mut supervisor| {
        let mut post = Vec::new();
        loop {
            if let Some(outcome) = supervisor.round(post)? {
                break Ok(outcome);
            }
            post = inbox.wait(supervisor.patience());
        }
    });
    if supervised.is_err() {
        // Nobody is left to watch them; what they committed stays.
        watch::stop(&Marker::of_run(&run.request.run).into(), LEFTOVER_GRACE);
    }
    supervised
}

/// Records the end of a run whose supervisor has died, as `by` asked. The work directory's lock is held by
/// the caller, and no process of the run is left.
pub fn record_stop(run: &Run, by: &str) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own().expect("this process is alive");
    let mut listener = |_: &Machine, _: &Notice<'_>| ();
    let mut supervisor = open(run, own, Some(by), &mut listener)?;
    let outcome = match supervisor.machine.outcome() {
        // The wish to stop came when everything was done.
        Some(outcome) => outcome,
        None => Outcome::Stopped { why: StopWhy::Asked { by: by.to_owned() } },
    };
    supervisor.note(clock::now(), Fact::Closed { outcome: outcome.clone() });
    supervisor.write()?;
    Ok(outcome)
}

/// Replays the journal, takes over what an earlier supervisor left running, and ends what belongs to nobody.
/// What is found ended counts as ended by the stop that `stop_asked_by` asks for, if anybody does.
fn open<'a>(
    run: &'a Run,
    own: ProcessIdentity,
    stop_asked_by: Option<&str>,
    listener: &'a mut Listener<'a>,
) -> Result<Supervisor<'a>, DriveError> {
    let (journal, machine) = Journal::open(&run.workdir, run.request.rules())?;
    let mut supervisor = Supervisor {
        run,
        machine,
        journal,
        shims: Shims::default(),
        pid_files: PidFiles::default(),
        memory: Gauge::default(),
        attempts: BTreeMap::new(),
        departed: Vec::new(),
        unwritten: Vec::new(),
        stop: Stop::NotAsked,
        probe_at: None,
        trouble: None,
        listener,
    };
    // Who only records a stop has nobody to look after what lives: a shim that was not seen before ends too.
    // It ends by itself when its supervisor is dead, unless somebody has stopped it.
    watch::kill(&Marker::of_nursery(&run.request.run).into());
    let orphans = if stop_asked_by.is_some() { running(&supervisor.machine) } else { supervisor.adopt() };
    supervisor.end_strangers()?;
    let now = clock::now();
    supervisor.note(now, Fact::Opened { supervisor: own, edition: Edition::LATEST });
    if let Some(by) = stop_asked_by {
        supervisor.note(now, Fact::StopAsked { by: by.to_owned() });
    }
    for orphan in orphans {
        supervisor.conclude(&orphan, Ending::Interrupted)?;
    }
    supervisor.write()?;
    Ok(supervisor)
}

/// An attempt that the journal says to be running; nobody may attend to it any more.
struct Orphan {
    batch: BatchId,
    number: u32,
    work: Work,
    began_at: Timestamp,
}

fn running(machine: &Machine) -> Vec<Orphan> {
    let running = machine.batches().filter_map(|(batch, it)| match it.state {
        BatchState::Running { attempt: number, since: began_at } => {
            Some(Orphan { batch, number, work: it.work(), began_at })
        }
        BatchState::Pending | BatchState::Backoff { .. } | BatchState::Done | BatchState::Failed => None,
    });
    running.collect()
}

impl Supervisor<'_> {
    /// Takes over every running attempt whose shim lives; returns the others.
    fn adopt(&mut self) -> Vec<Orphan> {
        let mut orphans = running(&self.machine);
        orphans.retain(|Orphan { batch, number, work, began_at }| {
            let Some(attempt) = self.run.adopt(*batch, *number, work.clone(), *began_at) else {
                return true;
            };
            (self.listener)(&self.machine, &Notice::Adopted { batch: *batch, attempt: *number });
            self.write_pid_file(*batch, &attempt);
            self.attempts.insert(*batch, attempt);
            false
        });
        orphans
    }

    fn write_pid_file(&mut self, batch: BatchId, attempt: &Attempt) {
        if let Some(shim) = attempt.shim.identity() {
            self.pid_files.write(&self.run.workdir.batch_pid(batch), &shim);
        }
    }

    fn conclude(&mut self, orphan: &Orphan, otherwise: Ending) -> Result<(), LockError> {
        let Orphan { batch, number, work, began_at } = orphan;
        let now = clock::now();
        let report = self.run.conclude(*batch, *number, work, *began_at, otherwise, now)?;
        self.pid_files.release(self.run.workdir.batch_pid(*batch));
        self.note(now, Fact::Ended { batch: *batch, attempt: *number, report });
        Ok(())
    }

    /// One round: all post first, the clock after.
    fn round(&mut self, post: Vec<Post>) -> Result<Option<Outcome>, DriveError> {
        if !self.journal.is_in_place(&self.run.workdir) {
            return Err(DriveError::Displaced(self.run.workdir.root().to_owned()));
        }
        for said in post {
            self.hear(said)?;
        }
        self.reap()?;
        self.mind_the_stop();
        self.mind_the_pause();
        self.mind_the_disk();
        if let Err(error) = self.write() {
            self.cannot_write(error)?;
        } else {
            let now = clock::now();
            let surroundings = Surroundings { now, free_memory: self.memory.available() };
            self.carry_out(&self.machine.decide(surroundings), now)?;
        }
        self.pid_files.tidy();
        (self.listener)(&self.machine, &Notice::Glance);
        Ok(match self.machine.run() {
            RunState::Closed { outcome } => Some(outcome.clone()),
            RunState::Planned | RunState::Open | RunState::Paused { .. } | RunState::Stopping { .. } => None,
        })
    }

    /// How long there is nothing to do by itself.
    fn patience(&self) -> Duration {
        if self.trouble.is_some() {
            return GLANCE;
        }
        let until =
            |at: Timestamp| Duration::try_from(at.duration_since(clock::now())).unwrap_or(Duration::ZERO);
        // A batch that is ready but finds no slot waits for a worker's end, not for the clock.
        let slot_free = self.machine.running() < self.run.request.rules().max_concurrent.get();
        let ready = if slot_free { self.machine.next_ready().map(until) } else { None };
        let kill = self.stop.patience();
        let probe = self.probe_at.map(Deadline::left);
        [ready, kill, probe].into_iter().flatten().fold(GLANCE, Duration::min)
    }

    fn reap(&mut self) -> Result<(), DriveError> {
        let mut gone = Vec::new();
        for (batch, attempt) in &mut self.attempts {
            if let Some(how) = attempt.shim.departure().map_err(DriveError::Watch)? {
                gone.push((*batch, how));
            }
        }
        for (batch, how) in gone {
            let Attempt { number, work, began_at, .. } =
                self.attempts.remove(&batch).expect("it departed a moment ago");
            let orphan = Orphan { batch, number, work, began_at };
            self.departed.push((orphan, Ending::Unattended { what: how }));
        }
        for (orphan, otherwise) in std::mem::take(&mut self.departed) {
            match self.conclude(&orphan, otherwise.clone()) {
                // The others need not end because this one can't be closed: it waits for room.
                Err(LockError::Disk(error)) if !self.is_last_to_stop() => {
                    self.hinder(with_cause(&error));
                    self.departed.push((orphan, otherwise));
                }
                concluded => concluded?,
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, decisions: &[Decision], now: Timestamp) -> Result<(), DriveError> {
        match decisions {
            [Decision::Close(outcome), ..] => self.close(outcome.clone()),
            launches => self.launch(launches, now),
        }
    }

    /// Journal first, then act: all starts of a round in one write.
    fn launch(&mut self, decisions: &[Decision], now: Timestamp) -> Result<(), DriveError> {
        let launches = decisions.iter().filter_map(|decision| match decision {
            Decision::Launch { batch, attempt } => Some((*batch, *attempt)),
            Decision::Close(_) => None,
        });
        let launches: Vec<_> = launches.collect();
        for (batch, attempt) in &launches {
            self.note(now, Fact::Launched { batch: *batch, attempt: *attempt });
        }
        if let Err(error) = self.write() {
            // They did not happen.
            self.unwritten.retain(|entry| !matches!(entry.fact, Fact::Launched { .. }));
            return self.cannot_write(error);
        }
        for (batch, number) in launches {
            let work = self.machine.batch(batch).map(Batch::work).expect("what is launched was planned");
            match self.run.begin(batch, number, work.clone(), now, &mut self.shims) {
                Ok(attempt) => {
                    self.write_pid_file(batch, &attempt);
                    self.attempts.insert(batch, attempt);
                }
                // The next round closes it.
                Err(NotBegun::Perhaps) => {
                    let orphan = Orphan { batch, number, work, began_at: now };
                    self.departed.push((orphan, Ending::Interrupted));
                }
                Err(NotBegun::For(ending)) => {
                    let report = self.run.report(batch, number, &work, ending, now, now);
                    self.note(now, Fact::Ended { batch, attempt: number, report });
                }
            }
        }
        if let Err(error) = self.write() { self.cannot_write(error) } else { Ok(()) }
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), DriveError> {
        self.end_strangers()?;
        self.note(clock::now(), Fact::Closed { outcome });
        let Err(error) = self.write() else { return Ok(()) };
        // It is not closed; what happens until it can be written may change how it ends.
        self.unwritten.retain(|entry| !matches!(entry.fact, Fact::Closed { .. }));
        self.cannot_write(error)
    }

    /// Ends every process of the run that belongs to none of its attempts.
    fn end_strangers(&mut self) -> Result<(), DriveError> {
        let own = self.attempts.iter().map(|(batch, attempt)| self.run.marker(*batch, attempt.number));
        let strangers = Wanted { marked: Marker::of_run(&self.run.request.run), spared: own.collect() };
        let left = watch::stop(&strangers, LEFTOVER_GRACE);
        if left.is_empty() {
            return Ok(());
        }
        let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
        Err(DriveError::Undead(pids.join(", ")))
    }

    fn note(&mut self, at: Timestamp, fact: Fact) {
        self.unwritten.push(Entry { at, fact });
    }

    /// Writes what was noted, then lets it count.
    fn write(&mut self) -> Result<(), DriveError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.journal.append(&self.unwritten)?;
        self.trouble = None;
        for entry in std::mem::take(&mut self.unwritten) {
            self.machine.apply(&entry)?;
            (self.listener)(&self.machine, &Notice::Fact(&entry));
        }
        Ok(())
    }

    /// A full disk under the journal: facts wait, nothing new starts. A run that stops does not wait.
    fn cannot_write(&mut self, error: DriveError) -> Result<(), DriveError> {
        let DriveError::Disk(disk) = &error else { return Err(error) };
        if self.is_last_to_stop() {
            return Err(error);
        }
        let what = with_cause(disk);
        if self.trouble.as_ref() != Some(&what) {
            (self.listener)(&self.machine, &Notice::Trouble(&what));
        }
        self.trouble = Some(what);
        Ok(())
    }
}
