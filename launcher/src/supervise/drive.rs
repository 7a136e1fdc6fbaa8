//! The loop that supervises a run: observes, records, decides, acts. Every effect on workers
//! happens here.
//!
//! Order matters. An outcome is journalled after it was observed, a start before it happens, both
//! in one commit where they come together. Nothing starts while a fact can't be written. `stopping`
//! brings a stop to the workers, `hindrance` finds what keeps the whole machine from working,
//! `standstill` counts how long nothing was proven, `closing` checks at the end that everything is
//! there, and `adopting` takes over what an earlier supervisor has left.
//!
//! The clock of the run stamps every fact. It continues from the last fact by the steady clock, so
//! a change of the wall clock moves neither order nor pauses.

mod adopting;
mod stopping;
mod hindrance;
mod standstill;
mod sweeping;
mod closing;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use shared::disk::lock::LockError;
use shared::disk::publish::DiskError;
use shared::error_chain::with_causes;
use shared::formats::Format;
use shared::run::exit::Exit;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use adopting::{Orphan, running};
use standstill::Standstill;
pub use stopping::GRACE;
use stopping::Stop;

use super::attempt::LiveAttempt;
use super::batch::{Batch, Illegal};
use super::journal::{Journal, JournalError};
use super::locks::Locks;
use super::machine::{Decision, Machine, RunState, Surroundings};
use super::pid_files::PidFiles;
use crate::facts::ending::Ending;
use crate::facts::{Fact, JournalEntry, Outcome, StopWhy};
use crate::plan::request::RequestError;
use crate::process::cgroup::RunGroup;
use crate::process::clock::{RunClock, RunTime};
use crate::process::memory::Gauge;
use crate::process::reap;
use crate::process::signal::{self, Inbox, Post};
use crate::process::watch::{self, Marker, ProcessFilter};
use crate::run::Run;
use crate::shim::containment;
use crate::shim::fence::OpenStill;
use crate::shim::handle::ShimState;
use crate::shim::pool::ShimPool;
use shared::deadline::Deadline;

/// How long leftover processes may take to end before they are killed.
const LEFTOVER_GRACE: Duration = Duration::from_secs(5);
/// The loop looks around at least this often.
const GLANCE: Duration = Duration::from_secs(1);
/// And not more often than this by itself: what is due may wait for memory, or for a disk.
const BREATH: Duration = Duration::from_millis(50);

/// Why supervision ended without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file could not be written, and there was no time to wait.
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("{0}; this is a bug of the launcher, please report it with the work directory")]
    Illegal(#[from] Illegal),
    #[error("can't watch workers")]
    Watch(#[source] io::Error),
    /// An attempt that can't be closed to others.
    #[error(transparent)]
    Attempt(#[from] OpenStill),
    /// The work directory or the output is no longer in its place; what we wrote there could end up
    /// in another run.
    #[error(
        "{0} was moved, deleted or replaced during the run, or its disk is gone, so the supervisor ended all workers; put its folder back (the launcher makes a missing lock file again) and continue with --resume"
    )]
    Displaced(PathBuf),
    /// The frozen run can't be read any more.
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(
        "files in {0} keep disappearing after they were proven; find out what deletes them, then continue with --resume"
    )]
    Vanishes(PathBuf),
    #[error("processes of this run do not end even when killed: {0}")]
    Undead(String),
}

/// What listeners are told, in the order of events.
pub enum Notice<'a> {
    /// Something was recorded.
    Fact(&'a JournalEntry),
    /// An attempt of an earlier supervisor goes on under this one.
    Adopted { batch: BatchId, attempt: u32 },
    /// A trouble, for people.
    Trouble(&'a str),
    /// Nothing new; time has passed.
    Glance,
}

pub type Listener<'a> = dyn FnMut(&Machine, &Notice) + 'a;

struct Supervisor<'a> {
    run: &'a Run,
    /// The control group of the run, if it has one.
    group: Option<RunGroup>,
    machine: Machine,
    journal: Journal,
    clock: RunClock,
    shims: ShimPool,
    pid_files: PidFiles,
    memory: Gauge,
    attempts: BTreeMap<BatchId, LiveAttempt>,
    /// Attempts whose shims are gone and that are not closed yet, with their ending if there is no
    /// record.
    departed: Vec<(Orphan, Ending)>,
    /// Facts that the machine knows but the journal does not yet: until they are written, nothing
    /// is done.
    unwritten: Vec<JournalEntry>,
    stop: Stop,
    standstill: Standstill,
    /// Batches whose old attempts may be removed now.
    unswept: Vec<BatchId>,
    probe_at: Option<Deadline>,
    /// How often a proof was gone at the end.
    times_gone: u32,
    /// What keeps the journal from being written.
    trouble: Option<String>,
    /// The last trouble that was reported.
    complaint: Option<String>,
    listener: &'a mut Listener<'a>,
}

/// Supervises `run` until it ends or is stopped, and holds `locks` meanwhile.
pub fn supervise<'a>(
    run: &'a Run,
    locks: &Locks,
    inbox: &mut Inbox,
    listener: &'a mut Listener<'a>,
) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own().map_err(DriveError::from);
    let opened = own.and_then(|own| open(run, own, None, listener));
    let supervised = opened.and_then(|mut supervisor| {
        let mut post = Vec::new();
        loop {
            if let Some(path) = locks.displaced() {
                break Err(DriveError::Displaced(path.to_owned()));
            }
            if let Some(outcome) = supervisor.round(post)? {
                break Ok(outcome);
            }
            let lines: Vec<_> =
                supervisor.attempts.values().filter_map(|attempt| attempt.shim.line()).collect();
            post = inbox.wait(supervisor.patience(), &lines);
        }
    });
    if supervised.is_err() {
        // No supervisor is left to watch them. What they committed stays.
        containment::end_all(&run.workdir, &run.request.run, LEFTOVER_GRACE);
    }
    supervised
}

/// Records a stop by `by` in a run whose supervisor has died. The caller holds the lock of the work
/// directory, and no process of the run is left.
pub fn record_stop(run: &Run, by: &str) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own()?;
    let mut listener = |_: &Machine, _: &Notice<'_>| ();
    let mut supervisor = open(run, own, Some(by), &mut listener)?;
    let outcome = match supervisor.machine.outcome() {
        // Everything was done before the stop.
        Some(outcome) => outcome,
        None => Outcome::Stopped { why: StopWhy::Asked { by: by.to_owned() } },
    };
    let closed = JournalEntry {
        at: supervisor.clock.now().stamp(),
        fact: Fact::Closed { outcome: outcome.clone() },
    };
    supervisor.append(vec![closed])?;
    Ok(outcome)
}

/// Replays the journal, takes over the running attempts of an earlier supervisor, and ends stray
/// processes. With `stop_asked_by`, attempts that are found ended count as stopped.
fn open<'a>(
    run: &'a Run,
    own: ProcessIdentity,
    stop_asked_by: Option<&str>,
    listener: &'a mut Listener<'a>,
) -> Result<Supervisor<'a>, DriveError> {
    let (journal, machine) = Journal::open(&run.workdir, run.request.first_rules())?;
    signal::inherit_orphans();
    let mut supervisor = Supervisor {
        run,
        group: match stop_asked_by {
            None => containment::found_or_made(run),
            Some(_) => containment::found(&run.workdir, &run.request.run),
        },
        clock: RunClock::going_on_from(machine.latest()),
        machine,
        journal,
        shims: ShimPool::default(),
        pid_files: PidFiles::default(),
        memory: Gauge::default(),
        attempts: BTreeMap::new(),
        departed: Vec::new(),
        unwritten: Vec::new(),
        stop: Stop::NotAsked,
        unswept: Vec::new(),
        standstill: Standstill::from_now(run.request.settings.limits.give_up_after),
        probe_at: None,
        times_gone: 0,
        trouble: None,
        complaint: None,
        listener,
    };
    let orphans = if stop_asked_by.is_none() {
        supervisor.adopt()
    } else {
        // A mere record of a stop adopts nothing, so shims that live after all are ended too.
        supervisor.end_strangers()?;
        running(&supervisor.machine)
    };
    let now = supervisor.clock.now().stamp();
    supervisor.note(now, Fact::Opened { supervisor: own, version: Format::Journal.version() })?;
    if let Some(by) = stop_asked_by {
        supervisor.note(now, Fact::StopAsked { by: by.to_owned() })?;
    }
    for orphan in orphans {
        supervisor.close_or_adopt(orphan)?;
    }
    // Only now, after the attempts are closed: a shim that comes late finds them closed, and its
    // end is charged to nobody.
    supervisor.end_strangers()?;
    supervisor.append(Vec::new())?;
    supervisor.unswept = supervisor.all_batches();
    Ok(supervisor)
}

impl Supervisor<'_> {
    fn write_pid_file(&mut self, batch: BatchId, attempt: &LiveAttempt) {
        self.pid_files.write(&self.run.workdir.batch_pid(batch), attempt.shim.identity());
    }

    fn conclude(&mut self, orphan: &Orphan, otherwise: Ending) -> Result<(), DriveError> {
        let Orphan { batch, number, work, began_at } = orphan;
        let now = self.clock.now();
        let report = self.run.conclude(*batch, *number, work, *began_at, otherwise, now)?;
        self.pid_files.release(self.run.workdir.batch_pid(*batch));
        self.note(now.stamp(), Fact::Ended { batch: *batch, attempt: *number, report })
    }

    /// One round: all signals first, the clock after them.
    fn round(&mut self, post: Vec<Post>) -> Result<Option<Outcome>, DriveError> {
        if !self.journal.is_in_place(&self.run.workdir) {
            return Err(DriveError::Displaced(self.run.workdir.root().to_owned()));
        }
        for said in post {
            self.hear(said)?;
        }
        self.reap()?;
        self.mind_the_pause()?;
        self.mind_the_disk()?;
        self.mind_the_standstill()?;
        let now = self.clock.now();
        let surroundings = Surroundings { now: now.stamp(), free_memory: self.memory.available() };
        self.carry_out(&self.machine.decide(surroundings), now)?;
        self.mind_the_stop()?;
        self.pid_files.tidy();
        self.sweep();
        (self.listener)(&self.machine, &Notice::Glance);
        Ok(match self.machine.run() {
            RunState::Closed { outcome } => Some(outcome.clone()),
            RunState::Planned
            | RunState::Open
            | RunState::Paused { .. }
            | RunState::Stopping { .. } => None,
        })
    }

    /// How long the loop may sleep if nothing arrives.
    fn patience(&self) -> Duration {
        if self.trouble.is_some() {
            return GLANCE;
        }
        let until = |at: Timestamp| {
            Duration::try_from(at.duration_since(self.clock.now().stamp()))
                .unwrap_or(Duration::ZERO)
        };
        // A ready batch without a slot waits for the end of a worker, not for the clock.
        let slot_free = self.machine.running() < self.machine.rules().max_concurrent.get();
        let ready = if slot_free { self.machine.next_ready().map(until) } else { None };
        let kill = self.stop.patience();
        let probe = self.probe_at.map(Deadline::left);
        [ready, kill, probe].into_iter().flatten().fold(GLANCE, Duration::min).max(BREATH)
    }

    fn reap(&mut self) -> Result<(), DriveError> {
        let mut over = Vec::new();
        for (batch, attempt) in &mut self.attempts {
            match attempt.shim.state().map_err(DriveError::Watch)? {
                ShimState::Working => {}
                ShimState::Idle => over.push((*batch, None)),
                ShimState::Dead(how) => over.push((*batch, Some(how))),
            }
        }
        for (batch, death) in over {
            let LiveAttempt { number, work, began_at, shim } =
                self.attempts.remove(&batch).expect("it was heard a moment ago");
            let otherwise = if let Some(how) = death {
                self.end_what_was_left_by(shim.identity());
                self.run.ending_without(batch, number, how)
            } else {
                self.shims.take_back(shim);
                Ending::Unattended { what: "it left no record".to_owned() }
            };
            self.departed.push((Orphan { batch, number, work, began_at }, otherwise));
        }
        for (orphan, otherwise) in std::mem::take(&mut self.departed) {
            match self.conclude(&orphan, otherwise.clone()) {
                // The other attempts go on although this one can't be closed yet. It keeps its
                // slot.
                Err(DriveError::Attempt(error)) if !self.is_last_to_stop() => {
                    match error {
                        OpenStill::Lock(LockError::Disk(error)) => {
                            self.hinder(with_causes(&error))?;
                        }
                        error => self.complain(error.to_string()),
                    }
                    self.departed.push((orphan, otherwise));
                }
                concluded => concluded?,
            }
        }
        Ok(())
    }

    /// Carries out decisions once observations and intents are journalled.
    fn carry_out(&mut self, decisions: &[Decision], now: RunTime) -> Result<(), DriveError> {
        match decisions {
            [Decision::Close(outcome), ..] => self.close(outcome.clone()),
            launches => self.launch(launches, now),
        }
    }

    /// Journal first, then act: all starts of a round in one write.
    fn launch(&mut self, decisions: &[Decision], now: RunTime) -> Result<(), DriveError> {
        let launches = decisions.iter().filter_map(|decision| match decision {
            Decision::Launch { batch, attempt } => Some((*batch, *attempt)),
            Decision::Close(_) => None,
        });
        let launches: Vec<_> = launches.collect();
        let launched = |(batch, attempt): &(BatchId, u32)| JournalEntry {
            at: now.stamp(),
            fact: Fact::Launched { batch: *batch, attempt: *attempt },
        };
        if !self.write(launches.iter().map(launched).collect())? {
            return Ok(());
        }
        for (batch, number) in launches {
            let work =
                self.machine.batch(batch).map(Batch::work).expect("what is launched was planned");
            let begun = if self.run.given(&work).next().is_some() {
                self.run.begin(batch, number, work.clone(), now, &mut self.shims)
            } else {
                Err(Ending::Exited { code: Exit::Permanent.code().into() })
            };
            match begun {
                Ok(attempt) => {
                    self.write_pid_file(batch, &attempt);
                    self.attempts.insert(batch, attempt);
                }
                Err(ending) => {
                    let report = self.run.report(batch, number, &work, ending, now, now);
                    self.note(now.stamp(), Fact::Ended { batch, attempt: number, report })?;
                }
            }
        }
        self.write(Vec::new()).map(drop)
    }

    /// Ends what a dead shim has left running, even with a cleared environment, so that nothing
    /// writes beside the next attempt.
    fn end_what_was_left_by(&self, shim: &ProcessIdentity) {
        if let Some(group) = &self.group {
            group.of(shim).end();
        }
        let known = self.shims_at_work().chain(self.shims.idle());
        reap::end_inherited(&known.map(|shim| shim.pid).collect::<Vec<_>>());
    }

    fn shims_at_work(&self) -> impl Iterator<Item = &ProcessIdentity> {
        self.attempts.values().map(|attempt| attempt.shim.identity())
    }

    /// Ends every process of the run that belongs to none of its attempts.
    fn end_strangers(&mut self) -> Result<(), DriveError> {
        let own =
            self.attempts.iter().map(|(batch, attempt)| self.run.marker(*batch, attempt.number));
        let known: Vec<_> = self.shims_at_work().cloned().collect();
        let marked = Marker::of_run(&self.run.request.run).of_owner_of(&self.run.workdir);
        let strangers = ProcessFilter { marked, spared: own.collect(), known: known.clone() };
        let left = watch::stop(&strangers, LEFTOVER_GRACE);
        let mut left: Vec<i32> = left.iter().map(|process| process.pid).collect();
        left.extend(self.group.as_ref().map(|group| group.end_others(&known)).unwrap_or_default());
        if left.is_empty() {
            return Ok(());
        }
        Err(DriveError::Undead(watch::listed(left)))
    }

    /// Applies an observed fact. It is written with the next decision, or before the round is over.
    fn note(&mut self, at: Timestamp, fact: Fact) -> Result<(), DriveError> {
        let entry = JournalEntry { at, fact };
        self.machine.apply(&entry)?;
        if let Fact::Ended { batch, .. } = entry.fact {
            self.unswept.push(batch);
        }
        self.unwritten.push(entry);
        Ok(())
    }

    /// Writes the observed facts and then `announced`, in one commit, and applies `announced`.
    /// `false` if the disk refuses for now: then the announced facts do not happen.
    fn write(&mut self, announced: Vec<JournalEntry>) -> Result<bool, DriveError> {
        match self.append(announced) {
            Ok(()) => Ok(true),
            Err(error) => self.cannot_write(error).map(|()| false),
        }
    }

    fn append(&mut self, announced: Vec<JournalEntry>) -> Result<(), DriveError> {
        if self.unwritten.is_empty() && announced.is_empty() {
            return Ok(());
        }
        let seen = self.unwritten.len();
        self.unwritten.extend(announced);
        if let Err(error) = self.journal.append(&self.unwritten) {
            self.unwritten.truncate(seen);
            return Err(error.into());
        }
        self.trouble = None;
        self.complaint = None;
        let mut written = std::mem::take(&mut self.unwritten);
        let announced = written.split_off(seen);
        for entry in written {
            (self.listener)(&self.machine, &Notice::Fact(&entry));
        }
        for entry in announced {
            self.machine.apply(&entry)?;
            (self.listener)(&self.machine, &Notice::Fact(&entry));
        }
        Ok(())
    }

    /// The journal can't be written: facts wait, and nothing new starts. A run that stops does not
    /// wait.
    fn cannot_write(&mut self, error: DriveError) -> Result<(), DriveError> {
        let DriveError::Disk(disk) = &error else { return Err(error) };
        if self.is_last_to_stop() {
            return Err(error);
        }
        let what = with_causes(disk);
        self.complain(what.clone());
        self.trouble = Some(what);
        Ok(())
    }

    /// Reports a trouble, once.
    fn complain(&mut self, what: String) {
        if self.complaint.as_ref() != Some(&what) {
            (self.listener)(&self.machine, &Notice::Trouble(&what));
            self.complaint = Some(what);
        }
    }
}
