//! A life: what is there, what runs, and what has been found wrong. Time passes here, and workers
//! do what they do in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::AddAssign;

use jiff::Timestamp;
use launcher::facts::ending::Ending;
use launcher::facts::{JournalEntry, Report, Tally, Unfinished};
use launcher::process::clock::RunTime;
use launcher::supervise::batch::Work;
use launcher::supervise::event_summary::EventSummary;
use launcher::supervise::evidence::{self, Began};
use launcher::supervise::machine::Machine;
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::run::events::Stamped;
use shared::run::exit::Exit;
use shared::run::workdir::BatchId;
use tests::sim::chance::{Dice, join};

use super::actions::{Action, Answered};
use super::clock::{MINUTE, SECOND};
use super::disk::Folder;
use super::scenario::{Scenario, asker};
use super::trace::Trace;
use super::truth::{Given, Truth};
use super::worker::{self, Orders};

/// An attempt that somebody attends to, or that has ended and was not looked at yet.
pub(crate) struct Running {
    pub(crate) number: u32,
    pub(crate) tickers: Vec<Ticker>,
    pub(crate) days: DateRange,
    pub(crate) began_at: Timestamp,
    /// The same by the true time; `None` when it never began.
    pub(crate) began: Option<u64>,
    /// Since when the supervisor that started it has gone by its own clock.
    pub(crate) clock_from: u64,
    /// Was the clock on the wall set while it ran, or before somebody looked at what it left?
    is_jolted: bool,
    actions: VecDeque<(u64, Action)>,
    pub(crate) ends_at: u64,
    pub(crate) ending: Ending,
    summary: EventSummary,
    is_mute: bool,
}

/// What is counted of a life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) attempts: u64,
    pub(crate) kills: u64,
    pub(crate) starts: u64,
    pub(crate) damages: u64,
    pub(crate) rounds: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { requests, attempts, kills, starts, damages, rounds } = other;
        self.requests += requests;
        self.attempts += attempts;
        self.kills += kills;
        self.starts += starts;
        self.damages += damages;
        self.rounds += rounds;
    }
}

/// What must never be.
#[derive(Debug, Clone)]
pub(crate) struct Wrong(pub(crate) String);

/// One life.
pub(crate) struct Life<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) dice: Dice,
    pub(crate) t: u64,
    pub(crate) folders: Vec<Folder>,
    pub(crate) truths: Vec<Truth>,
    /// What survives a power cut.
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) machine: Machine,
    pub(crate) running: BTreeMap<BatchId, Running>,
    /// Attempts that were looked at, and nothing of that is written yet: their records are there.
    pub(crate) departed: BTreeMap<BatchId, Running>,
    /// Every attempt that was ever begun.
    begun: BTreeSet<(BatchId, u32)>,
    /// The number of the run.
    pub(crate) run: u64,
    /// Does it want everything anew?
    pub(crate) is_anew: bool,
    /// When the run was created, by the true time and by the wall.
    pub(crate) created: (u64, Timestamp),
    /// Since when the supervisor goes by a clock of its own.
    pub(crate) clock_from: u64,
    /// How many attempts at each ticker came to a violent end, or were met by a change of the
    /// clock, since the run was last begun anew.
    pub(crate) blows: Vec<u32>,
    /// When it was last begun anew.
    pub(crate) anew_at: u64,
    pub(crate) counts: Counts,
    pub(crate) trace: Trace,
    /// Nothing happens by chance any more.
    pub(crate) is_calm: bool,
}

impl<'a> Life<'a> {
    pub(crate) fn new(scenario: &'a Scenario, seed: u64, trace: Trace) -> Self {
        let securities = scenario.securities.len();
        Self {
            scenario,
            dice: Dice::new(join(seed, 0x11FE)),
            t: 0,
            folders: vec![Folder::default(); securities],
            truths: vec![Truth::default(); securities],
            journal: Vec::new(),
            machine: Machine::new(scenario.rules),
            running: BTreeMap::new(),
            departed: BTreeMap::new(),
            begun: BTreeSet::new(),
            run: 1,
            is_anew: scenario.is_anew,
            created: (0, scenario.wall(0)),
            clock_from: 0,
            blows: vec![0; securities],
            anew_at: 0,
            counts: Counts::default(),
            trace,
            is_calm: false,
        }
    }

    /// Somebody begins another run on the same tree, in a work directory of its own.
    pub(crate) fn begin_another_run(&mut self, is_anew: bool) {
        self.run += 1;
        self.is_anew = is_anew;
        self.note(|| {
            format!("== another run{}", if is_anew { " that wants everything anew" } else { "" })
        });
        self.created = (self.t, self.now());
        self.journal.clear();
        self.machine = Machine::new(self.scenario.rules);
        self.begun.clear();
        self.blows.fill(0);
        self.anew_at = self.t;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.scenario.wall(self.t)
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        self.trace.note(self.t, what);
    }

    /// Does something happen that happens once in so many times?
    pub(crate) fn happens(&mut self, once_in: u64) -> bool {
        !self.is_calm && once_in > 0 && self.dice.once_in(once_in)
    }

    pub(crate) fn security(&self, ticker: &Ticker) -> usize {
        self.scenario
            .securities
            .iter()
            .position(|security| security.ticker == *ticker)
            .expect("of this life")
    }

    /// Which answers count at this moment.
    pub(crate) fn trust(&self) -> Trust {
        let since = self.since();
        Trust {
            since,
            run: Some(asker(self.run, since)),
            ..Trust::at(self.now(), self.scenario.recheck_empty)
        }
    }

    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.is_anew.then_some(self.created.1)
    }

    /// Time passes until `to`, and every worker does what it does until then.
    pub(crate) fn pass_to(&mut self, to: u64) {
        debug_assert!(to >= self.t, "time does not go back");
        let ids: Vec<BatchId> = self.running.keys().copied().collect();
        for id in ids {
            let mut running = self.running.remove(&id).expect("it runs");
            while running.actions.front().is_some_and(|(at, _)| *at <= to) {
                let (at, action) = running.actions.pop_front().expect("there is one");
                self.t = at.max(self.t);
                self.do_it(&mut running, id, at, action);
            }
            self.running.insert(id, running);
        }
        self.t = to;
    }

    fn do_it(&mut self, running: &mut Running, id: BatchId, at: u64, action: Action) {
        match action {
            Action::Says(event) => {
                self.trace.note(at, || format!("  {id}.{}: {event:?}", running.number));
                if !running.is_mute {
                    running.summary.hear(Stamped { at: self.scenario.wall(at), event });
                }
            }
            Action::Asks(whom) => {
                self.counts.requests += 1;
                let ticker = &self.scenario.securities[whom].ticker;
                self.trace.note(at, || format!("  {id}.{}: asks for {ticker}", running.number));
            }
            Action::SetsAside(whom, partition) => {
                let ticker = &self.scenario.securities[whom].ticker;
                self.trace.note(at, || {
                    format!("  {id}.{}: {ticker} {partition} is set aside", running.number)
                });
                self.folders[whom].files.remove(&partition);
            }
            Action::Publishes(whom, partition, file, draft, days, asked_at) => {
                let ticker = &self.scenario.securities[whom].ticker;
                let rows = file.rows.len();
                self.trace.note(at, || {
                    format!(
                        "  {id}.{}: {ticker} {partition} is in its place, {rows} rows",
                        running.number
                    )
                });
                self.truths[whom].published((at, asked_at), self.scenario, &draft, &days);
                self.folders[whom].files.insert(partition, file);
            }
            Action::Proves(whom, entries, answered) => {
                let ticker = &self.scenario.securities[whom].ticker;
                self.trace.note(at, || {
                    let said = answered
                        .iter()
                        .map(|Answered { days, said, .. }| format!("{days} {said:?}"));
                    format!(
                        "  {id}.{}: {ticker} ledger: {}",
                        running.number,
                        said.collect::<Vec<_>>().join(", ")
                    )
                });
                let before = self.folders[whom].lines.len();
                for Answered { line, days, said, asked_at } in &answered {
                    let line = before + line;
                    let given = match said {
                        Said::Empty { .. } => Given::Empty,
                        Said::OutsidePlan => Given::Outside,
                        Said::Data => {
                            self.truths[whom].proven(days, line);
                            continue;
                        }
                        Said::Lost => continue,
                    };
                    self.truths[whom].said((at, *asked_at), self.scenario, days, (&given, line));
                }
                self.folders[whom].lines.extend(entries);
            }
        }
    }

    /// A worker is started.
    pub(crate) fn begin(
        &mut self,
        id: BatchId,
        number: u32,
        began_at: Timestamp,
    ) -> Result<(), Wrong> {
        if !self.begun.insert((id, number)) {
            return Err(Wrong(format!("{id}.{number} begins twice")));
        }
        self.counts.attempts += 1;
        let batch = self.machine.batch(id).expect("what is launched was planned");
        let work = batch.work();
        let days = work.part.days(self.scenario.asked);
        let securities: Vec<usize> =
            work.tickers.iter().map(|ticker| self.security(ticker)).collect();
        for other in self.running.values() {
            let both = other.tickers.iter().any(|ticker| work.tickers.contains(ticker));
            if both && other.days.intersection(days).is_some() {
                return Err(Wrong(format!(
                    "{id}.{number} begins beside another worker on the same days"
                )));
            }
        }
        let orders = Orders {
            scenario: self.scenario,
            securities,
            days,
            since: self.since(),
            run: asker(self.run, self.since()),
        };
        let dice = Dice::new(self.dice.roll());
        let course = worker::course(&orders, |whom| &self.folders[whom], self.t, dice);
        for whom in &orders.securities {
            let asks = course
                .actions
                .iter()
                .filter(|(_, action)| matches!(action, Action::Asks(it) if it == whom))
                .count();
            let most = self.scenario.most_requests_of_a_visit();
            if asks as u64 > most {
                return Err(Wrong(format!(
                    "{asks} requests in one visit, where {most} are enough"
                )));
            }
        }
        let code = |exit: Exit| Ending::Exited { code: i32::from(exit.code()) };
        let mut running = Running {
            number,
            tickers: work.tickers,
            days,
            began_at,
            began: Some(self.t),
            clock_from: self.clock_from,
            is_jolted: false,
            actions: course.actions.into(),
            ends_at: course.ends_at,
            ending: code(course.exit),
            summary: EventSummary::default(),
            is_mute: self.happens(self.scenario.odds.mute),
        };
        if let Some(at) = course.poisoned_at {
            running.end_at(at, Ending::Signaled { signal: 11 });
        }
        if self.happens(self.scenario.odds.crash) {
            self.crash(&mut running);
            let hit: Vec<usize> =
                running.tickers.iter().map(|ticker| self.security(ticker)).collect();
            for whom in hit {
                self.blows[whom] += 1;
            }
        }
        self.running.insert(id, running);
        Ok(())
    }

    fn crash(&mut self, running: &mut Running) {
        let last = running.actions.len() as u64;
        let at = usize::try_from(self.dice.below(last + 1)).expect("few actions");
        let at = running.actions.get(at).map_or(running.ends_at, |(at, _)| *at);
        // What happens at the same moment may happen, or not.
        let at = if self.dice.once_in(2) { at } else { at.saturating_sub(1).max(self.t) };
        let (later, ending) = match self.dice.below(7) {
            0 => (0, Ending::Signaled { signal: 9 }),
            1 => (0, Ending::Exited { code: 101 }),
            2 => (0, Ending::TooLarge { rss_bytes: 1 << 30 }),
            3 => (10 * MINUTE, Ending::Stalled { quiet_ms: 600_000 }),
            4 => (60 * MINUTE, Ending::TimedOut { ran_ms: 3_600_000 }),
            5 => (0, Ending::Unattended { what: "killed by SIGKILL".to_owned() }),
            _ => (0, Ending::Exited { code: 0 }),
        };
        running.end_at(at, ending);
        running.ends_at += later;
    }

    /// Everything that a kernel runs ends at once, and leaves no record.
    pub(crate) fn power_cut(&mut self) {
        let t = self.t;
        for running in self.running.values_mut().filter(|running| running.ends_at > t) {
            running.end_at(t, Ending::Interrupted);
        }
    }

    /// All workers are asked to end.
    pub(crate) fn ask_to_end(&mut self) {
        let t = self.t;
        for running in self.running.values_mut() {
            let at = t + self.dice.below(5 * SECOND);
            if running.ends_at > at {
                running.end_at(at, Ending::Stopped { killed: self.dice.once_in(4) });
            }
        }
    }

    /// What an attempt that is over left behind, as `Run::report` finds it.
    pub(crate) fn report(
        &mut self,
        running: &mut Running,
        now: Timestamp,
    ) -> Result<Report, Wrong> {
        self.jolt(running);
        let trust = self.trust();
        let began =
            Began::of(RunTime::of_fact(running.began_at), RunTime::of_fact(now), self.now());
        // An empty answer that has become old since is no fault of the worker.
        let as_of_begin = Trust { recheck_at: began.as_of(), ..trust };
        let mut proven = Tally::default();
        let mut unfinished = Vec::new();
        for ticker in &running.tickers {
            let ledger = self.folders[self.security(ticker)].ledger();
            let missing = ledger.missing(running.days, &as_of_begin);
            let failure = running.summary.failure_of(ticker);
            if missing.is_empty() && failure.is_none() {
                proven += Tally::of_ticker(ledger.summary(running.days, &as_of_begin));
                continue;
            }
            let partway = evidence::partway_of(&ledger, running.days, &trust, began);
            self.moved_on_by_itself(ticker, running, partway)?;
            unfinished.push(Unfinished {
                ticker: ticker.clone(),
                word: running.summary.word_on(ticker),
                partway,
                proven: ledger.summary(running.days, &as_of_begin),
            });
        }
        Ok(Report {
            ending: running.ending.clone(),
            usage: launcher::facts::ending::Usage::default(),
            proven,
            reported: 0,
            unfinished,
            yielded: running.summary.yielded,
            left_no_sign: false,
            clocks: None,
            pages: running.summary.last_said.map(|_| running.summary.pages()),
            last_words: String::new(),
            dice: u32::try_from(self.dice.below(u64::from(u32::MAX))).expect("it fits"),
        })
    }

    /// Who sets the clock back while somebody works takes away what the work is believed by: its
    /// answers are of the future then, and nobody believes those. That is no fault of the product,
    /// and it can happen once in each attempt.
    fn jolt(&mut self, running: &mut Running) {
        let is_set_back = |began| self.scenario.clock.is_set_back(began, self.t);
        if !running.is_jolted && running.began.is_some_and(is_set_back) {
            running.is_jolted = true;
            for ticker in &running.tickers {
                let whom = self.security(ticker);
                self.blows[whom] += 1;
            }
        }
    }

    /// A file of somebody who is not worked on is damaged.
    pub(crate) fn damage(&mut self) {
        let whom = usize::try_from(self.dice.below(self.folders.len() as u64)).expect("few");
        let ticker = &self.scenario.securities[whom].ticker;
        let mut attempts = self.running.values().chain(self.departed.values());
        if attempts.any(|attempt| attempt.tickers.contains(ticker)) {
            return;
        }
        let before = self.folders[whom].clone();
        if let Some(what) = self.folders[whom].suffer(&mut self.dice) {
            let (folder, truth) = (&self.folders[whom], &mut self.truths[whom]);
            folder
                .lost_since(&before)
                .iter()
                .for_each(|partition| truth.file_lost(partition.span()));
            truth.lines_lost(folder.lines.len(), folder);
            self.counts.damages += 1;
            self.note(|| format!("{ticker}: {what}"));
        }
    }
}

/// An attempt that was announced, and whoever announced it died.
pub(crate) fn never_begun(number: u32, work: Work, began_at: Timestamp, run: DateRange) -> Running {
    Running {
        number,
        days: work.part.days(run),
        tickers: work.tickers,
        began_at,
        began: None,
        clock_from: 0,
        is_jolted: false,
        actions: VecDeque::new(),
        ends_at: 0,
        ending: Ending::Interrupted,
        summary: EventSummary::default(),
        is_mute: true,
    }
}

impl Running {
    /// It ends at `at`, and does nothing later.
    fn end_at(&mut self, at: u64, ending: Ending) {
        self.ends_at = at;
        self.ending = ending;
        self.actions.retain(|(when, _)| *when <= at);
    }
}
