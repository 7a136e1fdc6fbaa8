//! The loop that supervises a run: hears, records, decides, acts. Every effect on workers happens here.
//!
//! Order is everything: an outcome is journalled after it was seen, a start before it is done, and nothing
//! new begins while a fact can't be written.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use super::attempt::{Attempt, Run, with_cause};
use super::batch::{BatchState, Illegal};
use super::facts::{Entry, Fact, Outcome, StopWhy};
use super::folders;
use super::journal::{Journal, JournalError};
use super::locks::Locks;
use super::machine::{Decision, Machine, RunState};
use crate::process::clock::{self, Deadline};
use crate::process::signal::{self, Inbox, Insistence, Post};
use crate::process::watch::{self, Marker};

/// How long workers may take to end after being asked. `stop --grace` may shorten it.
pub const GRACE: Duration = Duration::from_secs(30);
/// The same for processes that nobody waits for.
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
    /// Processes of the run that can't be ended.
    #[error("processes of this run do not end even when killed: {0}")]
    Undead(String),
}

/// What a listener is told, in the order in which it happens.
pub enum Notice<'a> {
    /// Something was recorded.
    Fact(&'a Entry),
    /// Something is in the way, for people.
    Trouble(&'a str),
    /// Nothing new; time has passed.
    Glance,
}

/// Who is told.
pub type Listener<'a> = dyn FnMut(&Machine, &Notice) + 'a;

/// How far a stop has come.
enum Stop {
    NotAsked,
    Asked { kill_at: Deadline },
    Killed,
}

struct Supervisor<'a> {
    run: &'a Run,
    machine: Machine,
    journal: Journal,
    attempts: BTreeMap<BatchId, Attempt>,
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
    inbox: &Inbox,
    listener: &'a mut Listener<'a>,
) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own().expect("this process is alive");
    let supervised = open(run, own, listener).and_then(|mut supervisor| {
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
        watch::stop_marked(&Marker::of_run(&run.request.run), LEFTOVER_GRACE);
    }
    supervised
}

/// Records the end of a run whose supervisor has died, as `by` asked. The work directory's lock is held by
/// the caller, and no process of the run is left.
pub fn record_stop(run: &Run, by: &str) -> Result<Outcome, DriveError> {
    let own = ProcessIdentity::own().expect("this process is alive");
    let mut listener = |_: &Machine, _: &Notice<'_>| ();
    let mut supervisor = open(run, own, &mut listener)?;
    let now = clock::now();
    let outcome = if let [Decision::Close(outcome)] = supervisor.machine.decide(now).as_slice() {
        outcome.clone()
    } else {
        supervisor.note(now, Fact::StopAsked { by: by.to_owned() });
        Outcome::Stopped { why: StopWhy::Asked { by: by.to_owned() } }
    };
    supervisor.note(now, Fact::Closed { outcome: outcome.clone() });
    supervisor.write()?;
    Ok(outcome)
}

/// Replays the journal, ends what an earlier supervisor left running, and records both.
fn open<'a>(
    run: &'a Run,
    own: ProcessIdentity,
    listener: &'a mut Listener<'a>,
) -> Result<Supervisor<'a>, DriveError> {
    let (journal, machine) = Journal::open(&run.workdir, run.request.rules())?;
    let mut supervisor = Supervisor {
        run,
        machine,
        journal,
        attempts: BTreeMap::new(),
        unwritten: Vec::new(),
        stop: Stop::NotAsked,
        probe_at: None,
        trouble: None,
        listener,
    };
    supervisor.end_leftovers(LEFTOVER_GRACE)?;
    let now = clock::now();
    supervisor.note(now, Fact::Opened { supervisor: own });
    for (batch, number, tickers) in running(&supervisor.machine) {
        let report = run.conclude_interrupted(batch, number, &tickers, now);
        supervisor.note(now, Fact::Ended { batch, attempt: number, report });
    }
    supervisor.write()?;
    Ok(supervisor)
}

/// What the journal says to be running.
fn running(machine: &Machine) -> Vec<(BatchId, u32, Vec<Ticker>)> {
    let running = machine.batches().filter_map(|(id, batch)| match batch.state {
        BatchState::Running { attempt, .. } => Some((id, attempt, batch.left().cloned().collect())),
        _ => None,
    });
    running.collect()
}

impl Supervisor<'_> {
    /// One round: all post first, the clock after.
    fn round(&mut self, post: Vec<Post>) -> Result<Option<Outcome>, DriveError> {
        for said in post {
            self.hear(said);
        }
        self.reap()?;
        self.mind_the_stop();
        self.mind_the_pause();
        if let Err(error) = self.write() {
            self.cannot_write(error)?;
        } else {
            let now = clock::now();
            self.carry_out(&self.machine.decide(now), now)?;
        }
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
        let may_start = slot_free && matches!(self.machine.run(), RunState::Open);
        let ready = if may_start { self.machine.next_ready().map(until) } else { None };
        let kill = match self.stop {
            Stop::Asked { kill_at } => Some(kill_at.left()),
            Stop::NotAsked | Stop::Killed => None,
        };
        let probe = self.probe_at.map(Deadline::left);
        [ready, kill, probe].into_iter().flatten().fold(GLANCE, Duration::min)
    }

    fn hear(&mut self, post: Post) {
        match (post, &self.stop) {
            (Post::Child, _) | (_, Stop::Killed) => {}
            (Post::Stop { signal }, Stop::NotAsked) => {
                self.note(clock::now(), Fact::StopAsked { by: signal::name_of(signal) });
                self.ask_to_stop();
            }
            (Post::StopNow { signal }, Stop::NotAsked) => {
                self.note(clock::now(), Fact::StopAsked { by: signal::name_of(signal) });
                self.kill_all();
            }
            (Post::Stop { .. } | Post::StopNow { .. }, Stop::Asked { .. }) => self.kill_all(),
        }
    }

    fn ask_to_stop(&mut self) {
        self.attempts.values().for_each(|attempt| attempt.worker.signal(Insistence::Ask));
        self.stop = Stop::Asked { kill_at: Deadline::after(GRACE) };
    }

    fn kill_all(&mut self) {
        self.attempts.values().for_each(|attempt| attempt.worker.signal(Insistence::Kill));
        self.stop = Stop::Killed;
    }

    /// Begins a stop that the facts demand, and ends the patience of one that takes too long.
    fn mind_the_stop(&mut self) {
        match self.stop {
            Stop::NotAsked if matches!(self.machine.run(), RunState::Stopping { .. }) => self.ask_to_stop(),
            Stop::Asked { kill_at } if kill_at.is_over() => self.kill_all(),
            Stop::NotAsked | Stop::Asked { .. } | Stop::Killed => {}
        }
    }

    fn reap(&mut self) -> Result<(), DriveError> {
        let mut departed = Vec::new();
        for (batch, attempt) in &mut self.attempts {
            if let Some(departure) = attempt.worker.departure().map_err(DriveError::Watch)? {
                departed.push((*batch, departure));
            }
        }
        for (batch, departure) in departed {
            let attempt = self.attempts.remove(&batch).expect("it departed a moment ago");
            let now = clock::now();
            let report = self.run.conclude(batch, &attempt, departure, now);
            self.note(now, Fact::Ended { batch, attempt: attempt.number, report });
        }
        Ok(())
    }

    /// Looks from time to time whether the reason of a pause is gone.
    fn mind_the_pause(&mut self) {
        let RunState::Paused { probe_after, .. } = self.machine.run() else {
            self.probe_at = None;
            return;
        };
        let wait = Duration::try_from(*probe_after).unwrap_or(GLANCE);
        let due = *self.probe_at.get_or_insert_with(|| Deadline::after(wait));
        if !due.is_over() || !self.unwritten.is_empty() {
            return;
        }
        self.probe_at = None;
        let places = [self.run.request.settings.outdir.as_path(), self.run.workdir.root()];
        match places.into_iter().try_for_each(folders::prove_writable) {
            Ok(()) => self.note(clock::now(), Fact::PauseLifted),
            Err(error) => (self.listener)(&self.machine, &Notice::Trouble(&with_cause(&error))),
        }
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
            let tickers: Vec<Ticker> =
                self.machine.batch(batch).map(|it| it.left().cloned().collect()).unwrap_or_default();
            match self.run.begin(batch, number, tickers.clone(), now) {
                Ok(attempt) => drop(self.attempts.insert(batch, attempt)),
                Err(ending) => {
                    let report = self.run.report(batch, number, &tickers, ending, now);
                    self.note(now, Fact::Ended { batch, attempt: number, report });
                }
            }
        }
        if let Err(error) = self.write() { self.cannot_write(error) } else { Ok(()) }
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), DriveError> {
        self.end_leftovers(LEFTOVER_GRACE)?;
        self.note(clock::now(), Fact::Closed { outcome });
        if let Err(error) = self.write() { self.cannot_write(error) } else { Ok(()) }
    }

    /// Ends every process of the run that is not our child any more, or never was.
    fn end_leftovers(&mut self, grace: Duration) -> Result<(), DriveError> {
        let left = watch::stop_marked(&Marker::of_run(&self.run.request.run), grace);
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
        let stopping = !matches!(self.stop, Stop::NotAsked);
        if stopping && self.attempts.is_empty() {
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
