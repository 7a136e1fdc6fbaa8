//! The supervisor: the loop of `launcher`'s `drive` in virtual time. What happens is told to the
//! real machine, what it decides is done, and at every step the supervisor may be killed.

use jiff::{SignedDuration, Timestamp};
use launcher::facts::{Fact, JournalEntry, Outcome};
use launcher::supervise::batch::{Batch, BatchState};
use launcher::supervise::machine::{Decision, Machine, Probe, RunState, Surroundings};
use shared::formats::Format;
use shared::market::ticker::Ticker;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use super::bounds::check;
use super::clock::{HOUR, MINUTE, SECOND};
use super::life::{Life, Wrong};
use super::prepare::prepared;
use super::scenario::Trouble;
use super::trace::brief;

/// More rounds than these in one run of a supervisor are no end.
const ROUNDS: u64 = 20_000;
/// What is gone is brought again so many times.
const TIMES_GONE: u32 = 3;

/// `--give-up-after`, its default.
const GIVE_UP_AFTER: u64 = 12 * HOUR;
/// After its last advance a run ends within this time: what runs then is given until it is over.
const LAST_WAY: u64 = 2 * HOUR;

/// How a supervisor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order.
    Closed(Outcome),
    /// It was killed.
    Killed,
    /// It gave up: what was proven does not stay, or nothing can be written.
    Failed,
    /// It did not begin: a look before the start found that nothing can be written.
    Refused,
}

/// Why a round did not end.
enum Broken {
    Killed,
    Failed,
    Wrong(Wrong),
}

impl From<Wrong> for Broken {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

struct Supervisor<'l, 'a> {
    life: &'l mut Life<'a>,
    unwritten: Vec<JournalEntry>,
    probe_at: Option<u64>,
    is_stop_asked: bool,
    times_gone: u32,
    /// Could something not be written?
    is_in_trouble: bool,
    /// The time of the run: from when on, ms since the life began, and what it was then.
    clock: (u64, Timestamp),
    /// How far the run had come, and since when it has come no further.
    stands_since: (u64, u64),
}

/// `start`, or `start --resume`: prepares the run and supervises it until it ends, in whatever way.
pub(crate) fn start(life: &mut Life<'_>) -> Result<End, Wrong> {
    life.counts.starts += 1;
    life.note(|| "-- start".to_owned());
    if let Some(trouble) = life.scenario.machine_trouble(life.t) {
        life.note(|| format!("-- refused: {trouble:?}"));
        return Ok(End::Refused);
    }
    let mut machine = Machine::new(life.scenario.rules);
    for entry in &life.journal {
        machine.apply(entry).map_err(|illegal| Wrong(format!("a replay: {illegal}")))?;
    }
    life.machine = machine;
    for (id, departed) in std::mem::take(&mut life.departed) {
        let is_open = |batch: &Batch| matches!(batch.state, BatchState::Running { attempt, .. } if attempt == departed.number);
        if life.machine.batch(id).is_some_and(is_open) {
            life.running.insert(id, departed);
        }
    }
    let mut supervisor = Supervisor {
        life,
        unwritten: Vec::new(),
        probe_at: None,
        is_stop_asked: false,
        times_gone: 0,
        is_in_trouble: false,
        clock: (0, Timestamp::MIN),
        stands_since: (0, 0),
    };
    match supervisor.supervise() {
        Ok(outcome) => Ok(End::Closed(outcome)),
        Err(Broken::Killed) => {
            supervisor.replays()?;
            let life = supervisor.life;
            life.counts.kills += 1;
            let is_power_cut = life.dice.once_in(3);
            life.note(|| {
                format!("-- killed{}", if is_power_cut { ", and all workers with it" } else { "" })
            });
            if is_power_cut {
                life.power_cut();
            }
            Ok(End::Killed)
        }
        Err(Broken::Failed) => {
            let life = supervisor.life;
            life.note(|| "-- the supervisor gives up, all workers are ended".to_owned());
            life.power_cut();
            Ok(End::Failed)
        }
        Err(Broken::Wrong(wrong)) => Err(wrong),
    }
}

impl Supervisor<'_, '_> {
    fn supervise(&mut self) -> Result<Outcome, Broken> {
        let prepared = prepared(self.life, self.life.now());
        let entries =
            prepared.into_iter().map(|fact| JournalEntry { at: self.life.now(), fact }).collect();
        if !self.write(entries)? {
            return Err(Broken::Failed);
        }
        if self.life.machine.totals().verified == self.life.scenario.securities.len() as u64 {
            self.life.note(|| "already complete".to_owned());
            self.life.all_done_are_there()?;
            return Ok(Outcome::Complete);
        }
        let latest = self.life.journal.iter().map(|entry| entry.at).max();
        self.clock =
            (self.life.t, latest.map_or(self.life.now(), |latest| latest.max(self.life.now())));
        self.life.clock_from = self.life.t;
        let supervisor = ProcessIdentity { pid: 17, start_ticks: 4711, boot_id: "boot".to_owned() };
        self.note(Fact::Opened { supervisor, version: Format::Journal.version() })?;
        self.close_orphans()?;
        if !self.write(Vec::new())? {
            return Err(Broken::Failed);
        }
        self.stands_since = (self.life.machine.advances(), self.life.t);
        let attempts = self.life.counts.attempts;
        let most = self.life.scenario.most_attempts_of_a_start();
        let mut glance = SECOND;
        for _ in 0..ROUNDS {
            self.life.counts.rounds += 1;
            if self.life.counts.attempts - attempts > most {
                return Err(Wrong(format!("more than {most} attempts in one start")).into());
            }
            let known = self.life.journal.len();
            if let Some(outcome) = self.round()? {
                return Ok(outcome);
            }
            if self.life.t - self.stands_since.1 > GIVE_UP_AFTER + LAST_WAY && !self.is_in_trouble {
                let what = format!(
                    "no end long after the last advance; the run is {:?}",
                    self.life.machine.run()
                );
                return Err(Wrong(what).into());
            }
            glance = if known == self.life.journal.len() {
                (glance * 2).min(5 * MINUTE)
            } else {
                SECOND
            };
            let next = self.next(glance);
            self.life.pass_to(next);
        }
        Err(Wrong(format!(
            "no end after {ROUNDS} rounds; the run is {:?}",
            self.life.machine.run()
        ))
        .into())
    }

    /// Attempts that the journal says to be running and that nobody has begun.
    fn close_orphans(&mut self) -> Result<(), Broken> {
        let running = self.life.machine.batches().filter_map(|(id, batch)| match batch.state {
            BatchState::Running { attempt, since } => Some((id, attempt, since, batch.work())),
            BatchState::Pending
            | BatchState::Backoff { .. }
            | BatchState::Done
            | BatchState::Failed => None,
        });
        let running: Vec<_> = running.collect();
        for (id, attempt, since, work) in running {
            if self.life.running.contains_key(&id) {
                continue;
            }
            let mut running =
                super::life::never_begun(attempt, work, since, self.life.scenario.asked);
            let report = self.life.report(&mut running, self.now())?;
            self.note(Fact::Ended { batch: id, attempt, report })?;
        }
        Ok(())
    }

    fn round(&mut self) -> Result<Option<Outcome>, Broken> {
        if self.life.happens(self.life.scenario.odds.stop) && !self.is_stop_asked {
            self.note(Fact::StopAsked { by: "SIGTERM".to_owned() })?;
            self.write(Vec::new())?;
            self.ask_to_end();
        }
        self.reap()?;
        self.mind_the_pause()?;
        if self.life.scenario.machine_trouble(self.life.t) == Some(Trouble::FullDisk)
            && matches!(self.life.machine.run(), RunState::Open)
        {
            self.note(Fact::Hindered { what: "no space left".to_owned() })?;
        }
        self.mind_the_idleness()?;
        self.mishap(self.life.scenario.odds.kill)?;
        let now = self.now();
        let decisions = self.life.machine.decide(Surroundings { now, free_memory: None });
        match decisions.as_slice() {
            [Decision::Close(outcome), ..] => self.close(outcome.clone())?,
            launches => self.launch(launches)?,
        }
        let is_stopping = matches!(self.life.machine.run(), RunState::Stopping { .. });
        if is_stopping && (self.unwritten.is_empty() || self.is_in_trouble) && !self.is_stop_asked {
            self.ask_to_end();
        }
        check(self.life)?;
        Ok(match self.life.machine.run() {
            RunState::Closed { outcome } => Some(outcome.clone()),
            RunState::Planned
            | RunState::Open
            | RunState::Paused { .. }
            | RunState::Stopping { .. } => None,
        })
    }

    /// As `RunClock` goes: on from the last fact, whatever happens to the clock on the wall.
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.life.t - self.clock.0).expect("years");
        self.clock.1.checked_add(SignedDuration::from_millis(passed)).expect("in range")
    }

    fn ask_to_end(&mut self) {
        self.is_stop_asked = true;
        self.life.ask_to_end();
    }

    fn replays(&self) -> Result<(), Wrong> {
        let mut machine = Machine::new(self.life.scenario.rules);
        for entry in self.life.journal.iter().chain(&self.unwritten) {
            machine.apply(entry).map_err(|illegal| Wrong(format!("a replay: {illegal}")))?;
        }
        if machine != self.life.machine {
            return Err(Wrong("a replay of the journal leads to another state".to_owned()));
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<(), Broken> {
        let t = self.life.t;
        let over: Vec<BatchId> =
            self.life.running.iter().filter(|(_, it)| it.ends_at <= t).map(|(id, _)| *id).collect();
        for id in over {
            let mut running = self.life.running.remove(&id).expect("it was there a moment ago");
            let report = self.life.report(&mut running, self.now())?;
            let done: Vec<Ticker> = running
                .tickers
                .iter()
                .filter(|ticker| !report.unfinished.iter().any(|left| left.ticker == **ticker))
                .cloned()
                .collect();
            self.note(Fact::Ended { batch: id, attempt: running.number, report })?;
            for ticker in done {
                self.life.must_be_there(&ticker, running.days)?;
            }
            self.life.departed.insert(id, running);
        }
        Ok(())
    }

    fn mind_the_pause(&mut self) -> Result<(), Broken> {
        let RunState::Paused { probe_after, probe: Probe::Folders, .. } = self.life.machine.run()
        else {
            self.probe_at = None;
            return Ok(());
        };
        let wait = u64::try_from(probe_after.as_millis()).unwrap_or(SECOND);
        let due = *self.probe_at.get_or_insert(self.life.t + wait);
        if due > self.life.t || !self.unwritten.is_empty() {
            return Ok(());
        }
        self.probe_at = None;
        match self.life.scenario.machine_trouble(self.life.t) {
            None => self.note(Fact::PauseLifted),
            Some(_) => Ok(()),
        }
    }

    /// Nothing newly proven for so long: the run is closed as it is.
    fn mind_the_idleness(&mut self) -> Result<(), Broken> {
        let advances = self.life.machine.advances();
        if advances != self.stands_since.0 {
            self.stands_since = (advances, self.life.t);
        }
        let idle = self.life.t - self.stands_since.1;
        let goes_on = matches!(self.life.machine.run(), RunState::Open | RunState::Paused { .. });
        if idle >= GIVE_UP_AFTER && goes_on {
            self.note(Fact::GivenUp { idle_s: GIVE_UP_AFTER / 1000 })?;
            self.write(Vec::new())?;
            self.ask_to_end();
        }
        Ok(())
    }

    fn launch(&mut self, decisions: &[Decision]) -> Result<(), Broken> {
        let launches: Vec<(BatchId, u32)> = decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Launch { batch, attempt } => Some((*batch, *attempt)),
                Decision::Close(_) => None,
            })
            .collect();
        let is_stopping = matches!(self.life.machine.run(), RunState::Stopping { .. });
        if !launches.is_empty() && is_stopping {
            return Err(Wrong("a worker is started after a stop".to_owned()).into());
        }
        let at = self.now();
        let entries = launches.iter().map(|(batch, attempt)| JournalEntry {
            at,
            fact: Fact::Launched { batch: *batch, attempt: *attempt },
        });
        if !self.write(entries.collect())? {
            return Ok(());
        }
        for (batch, attempt) in launches {
            self.mishap(self.life.scenario.odds.kill)?;
            self.life.begin(batch, attempt, at)?;
        }
        Ok(())
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), Broken> {
        if matches!(outcome, Outcome::Complete | Outcome::Incomplete { .. }) {
            if self.life.happens(self.life.scenario.odds.damage) {
                self.life.damage();
            }
            let facts = prepared(self.life, self.life.created.1.min(self.life.now()));
            if facts.iter().any(|fact| matches!(fact, Fact::Reopened { .. } | Fact::Planned { .. }))
            {
                if self.times_gone == TIMES_GONE {
                    return Err(Broken::Failed);
                }
                let at = self.now();
                if self.write(facts.into_iter().map(|fact| JournalEntry { at, fact }).collect())? {
                    self.times_gone += 1;
                }
                return Ok(());
            }
            self.life.all_done_are_there()?;
        }
        if let Outcome::Incomplete { .. } = outcome {
            self.life.nobody_innocent_is_given_up()?;
        }
        // Whoever is given up is forgiven when the run is begun again, and nobody when it was only
        // stopped.
        let is_over = matches!(outcome, Outcome::Incomplete { .. });
        let at = self.now();
        if self.write(vec![JournalEntry { at, fact: Fact::Closed { outcome } }])? && is_over {
            self.life.blows.fill(0);
        }
        Ok(())
    }

    fn note(&mut self, fact: Fact) -> Result<(), Broken> {
        let entry = JournalEntry { at: self.now(), fact };
        self.life.note(|| brief(&entry.fact));
        self.life.machine.apply(&entry).map_err(|illegal| Wrong(illegal.to_string()))?;
        self.unwritten.push(entry);
        Ok(())
    }

    fn write(&mut self, announced: Vec<JournalEntry>) -> Result<bool, Broken> {
        if self.unwritten.is_empty() && announced.is_empty() {
            return Ok(true);
        }
        if self.life.scenario.machine_trouble(self.life.t) == Some(Trouble::FullDisk) {
            self.is_in_trouble = true;
            return if self.life.machine.waits_for_nobody(self.life.running.len()) {
                Err(Broken::Failed)
            } else {
                Ok(false)
            };
        }
        self.is_in_trouble = false;
        let odds = self.life.scenario.odds.kill;
        if self.life.happens(odds) {
            // Whole lines at the beginning of a commit may survive the power cut that breaks it
            // off.
            let all = self.unwritten.len() + announced.len();
            let kept = usize::try_from(self.life.dice.below(all as u64 + 1)).expect("few");
            self.unwritten.extend(announced);
            self.life.journal.extend(self.unwritten.drain(..).take(kept));
            self.life.machine = replayed(self.life)?;
            return Err(Broken::Killed);
        }
        self.life.journal.append(&mut self.unwritten);
        self.life.departed.clear();
        for entry in announced {
            self.life.note(|| brief(&entry.fact));
            self.life.machine.apply(&entry).map_err(|illegal| Wrong(illegal.to_string()))?;
            self.life.journal.push(entry);
        }
        Ok(true)
    }

    fn mishap(&mut self, once_in: u64) -> Result<(), Broken> {
        if self.life.happens(once_in) { Err(Broken::Killed) } else { Ok(()) }
    }

    /// When there is something to do next.
    fn next(&self, glance: u64) -> u64 {
        let life = &self.life;
        if self.is_in_trouble {
            return life.t + 30 * SECOND;
        }
        let slot_free = life.machine.running() < life.scenario.rules.max_concurrent.get();
        let ready = if slot_free { life.machine.next_ready() } else { None };
        let ready = ready.map(|at| life.t + until(self.now(), at).max(50));
        let ends = life.running.values().map(|running| running.ends_at.max(life.t + 1)).min();
        let glance = Some(life.t + glance);
        [ready, ends, self.probe_at.map(|at| at.max(life.t + 50)), glance]
            .into_iter()
            .flatten()
            .min()
            .expect("a glance at least")
    }
}

fn until(now: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond() - now.as_millisecond()).unwrap_or(0)
}

/// The state that the journal leads to.
fn replayed(life: &Life<'_>) -> Result<Machine, Wrong> {
    let mut machine = Machine::new(life.scenario.rules);
    for entry in &life.journal {
        machine.apply(entry).map_err(|illegal| Wrong(format!("a replay: {illegal}")))?;
    }
    Ok(machine)
}
