//! A snapshot: where a run stands, gathered once and shown as text or JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::pace::budget::Usage;
use shared::run::workdir::{BatchId, Workdir};

use super::words;
use crate::plan::request::Request;
use crate::supervise::batch::{Batch, BatchState};
use crate::supervise::digest::Digest;
use crate::supervise::facts::{Entry, Fact, Outcome, Tally};
use crate::supervise::machine::{Machine, RunState};

/// Fewer finished tickers than this make no estimate.
const ETA_MIN_TICKERS: u64 = 10;

/// Does a supervisor hold the run's lock?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervised {
    /// Yes.
    Yes,
    /// No; the last line of its log, and what outlived it.
    No {
        /// Empty when there is none.
        last_words: String,
        /// Batches of which a process still lives.
        alive: BTreeSet<BatchId>,
    },
}

impl Supervised {
    /// Does what the journal calls running really run? A supervisor knows; without one, only what lives does.
    fn runs(&self, batch: BatchId) -> bool {
        match self {
            Self::Yes => true,
            Self::No { alive, .. } => alive.contains(&batch),
        }
    }
}

/// What a snapshot is made from.
pub struct Sources<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// Where.
    pub workdir: &'a Workdir,
    /// The whole journal.
    pub entries: &'a [Entry],
    /// What it adds up to.
    pub machine: &'a Machine,
    /// Events of the attempts that run.
    pub digests: BTreeMap<BatchId, Digest>,
    /// Is anybody at work?
    pub supervised: Supervised,
    /// On the outdir's file system.
    pub free_bytes: Option<u64>,
    /// The rate budget of the key, where this process knows the key.
    pub budget: Option<Usage>,
    /// The time of the question.
    pub now: Timestamp,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Name of the run.
    pub run: String,
    /// Kind of data.
    pub job: String,
    /// Work directory.
    pub workdir: PathBuf,
    /// Root of the tree.
    pub outdir: PathBuf,
    /// First day, New York, inclusive.
    pub from: TradingDay,
    /// Last day that the run proves, New York, inclusive.
    pub to: TradingDay,
    /// When the run was created, UTC.
    pub created_at: Timestamp,
    /// The run as a whole.
    #[serde(flatten)]
    pub state: State,
    /// Tickers by standing.
    pub tickers: TickerCounts,
    /// Partitions of verified tickers.
    pub partitions: PartitionCounts,
    /// Rows in these partitions.
    pub rows: u64,
    /// Batches by state.
    pub batches: BatchCounts,
    /// What runs now.
    pub running: Vec<RunningBatch>,
    /// What batches in backoff wait for.
    pub retries: Vec<RetryGroup>,
    /// Given-up tickers by cause, most frequent first.
    pub failures: Vec<FailureGroup>,
    /// Seconds to go at the pace so far; null when that is a guess.
    pub eta_seconds: Option<u64>,
    /// The rate budget that workers share; null without `--rate`, and where this process does not know the key.
    pub budget: Option<Usage>,
    /// Free bytes on the outdir's file system.
    pub free_disk_bytes: Option<u64>,
}

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// Created, and nobody has begun.
    Prepared,
    /// A supervisor works on it.
    Running,
    /// A supervisor waits for this to pass.
    Paused(String),
    /// A supervisor ends its workers.
    Stopping(String),
    /// The supervisor is gone without a word; its last line.
    Died(String),
    /// Every ticker is done.
    Complete,
    /// Nothing left to try; what failed.
    Incomplete(String),
    /// Work is left.
    Stopped(String),
}

/// Tickers by standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TickerCounts {
    /// In the run.
    pub expected: u64,
    /// Proven by their ledgers.
    pub verified: u64,
    /// Done by a script's word only.
    pub reported_by_script: u64,
    /// Given up.
    pub failed: u64,
    /// Still to be done.
    pub left: u64,
}

/// Partitions by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PartitionCounts {
    /// With rows.
    pub data: u64,
    /// Said to be empty.
    pub empty: u64,
    /// Not reached by the plan.
    pub outside_plan: u64,
}

/// Batches by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BatchCounts {
    /// All.
    pub total: u64,
    /// Ready for a worker.
    pub pending: u64,
    /// With a worker.
    pub running: u64,
    /// Waiting for another attempt.
    pub backoff: u64,
    /// Done.
    pub done: u64,
    /// Over, with failed tickers.
    pub failed: u64,
}

/// A batch that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningBatch {
    /// Which.
    pub batch: BatchId,
    /// From 1.
    pub attempt: u32,
    /// Since it began.
    pub seconds: u64,
    /// Tickers being worked on, by its events.
    pub tickers: Vec<Ticker>,
    /// Rows received in this attempt.
    pub rows: u64,
    /// Pages received in this attempt.
    pub pages: u64,
    /// Since its last event; null when it has said nothing yet.
    pub quiet_seconds: Option<u64>,
    /// Follow it here.
    pub log: PathBuf,
}

/// Batches in backoff with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetryGroup {
    /// In one sentence.
    pub cause: String,
    /// How many.
    pub batches: u64,
    /// One of them.
    pub example: BatchId,
    /// Its log.
    pub log: PathBuf,
}

/// Given-up tickers with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// In one sentence.
    pub cause: String,
    /// How many.
    pub tickers: u64,
    /// One of them.
    pub example: Ticker,
    /// Its log.
    pub log: PathBuf,
}

impl Snapshot {
    /// Gathers one.
    pub fn take(sources: &Sources) -> Self {
        let Sources { request, workdir, machine, .. } = sources;
        let mut proven = machine.surveyed();
        let (mut reported, mut failed) = (0, 0);
        let mut batches = BatchCounts::default();
        for (id, batch) in machine.batches() {
            proven += batch.proven;
            reported += batch.reported;
            failed += batch.failures().len() as u64;
            batches.add(batch, sources.supervised.runs(id));
        }
        let tickers = TickerCounts {
            expected: request.tickers as u64,
            verified: proven.tickers,
            reported_by_script: reported,
            failed,
            left: (request.tickers as u64).saturating_sub(proven.tickers + reported + failed),
        };
        let state = state_of(machine, &sources.supervised);
        let eta_seconds = if state == State::Running { eta_seconds(sources, tickers.left) } else { None };
        Self {
            run: request.run.clone(),
            job: request.settings.job.to_string(),
            workdir: workdir.root().to_owned(),
            outdir: request.settings.outdir.clone(),
            from: request.settings.from,
            to: request.settled_to,
            created_at: request.created_at,
            state,
            tickers,
            partitions: PartitionCounts::of(proven),
            rows: proven.summary.rows,
            batches,
            running: running(sources),
            retries: retries(machine, workdir),
            failures: failures(machine, workdir),
            eta_seconds,
            budget: sources.budget.clone(),
            free_disk_bytes: sources.free_bytes,
        }
    }
}

impl PartitionCounts {
    fn of(proven: Tally) -> Self {
        Self {
            data: proven.summary.partitions_data,
            empty: proven.summary.partitions_empty,
            outside_plan: proven.summary.partitions_outside_plan,
        }
    }
}

impl BatchCounts {
    fn add(&mut self, batch: &Batch, runs: bool) {
        self.total += 1;
        *match batch.state {
            BatchState::Running { .. } if runs => &mut self.running,
            // Whoever goes on starts it anew.
            BatchState::Running { .. } | BatchState::Pending => &mut self.pending,
            BatchState::Backoff { .. } => &mut self.backoff,
            BatchState::Done => &mut self.done,
            BatchState::Failed => &mut self.failed,
        } += 1;
    }
}

fn state_of(machine: &Machine, supervised: &Supervised) -> State {
    match (machine.run(), supervised) {
        (RunState::Closed { outcome: Outcome::Complete }, _) => State::Complete,
        (RunState::Closed { outcome: outcome @ Outcome::Incomplete { .. } }, _) => {
            State::Incomplete(words::outcome(outcome))
        }
        (RunState::Closed { outcome: Outcome::Stopped { why } }, _) => State::Stopped(words::stop_why(why)),
        (RunState::Planned, _) => State::Prepared,
        (
            RunState::Open | RunState::Paused { .. } | RunState::Stopping { .. },
            Supervised::No { last_words, .. },
        ) => State::Died(last_words.clone()),
        (RunState::Open, Supervised::Yes) => State::Running,
        (RunState::Paused { why, .. }, Supervised::Yes) => State::Paused(why.clone()),
        (RunState::Stopping { why }, Supervised::Yes) => State::Stopping(words::stop_why(why)),
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

fn running(sources: &Sources) -> Vec<RunningBatch> {
    let running = sources.machine.batches().filter_map(|(batch, it)| {
        let BatchState::Running { attempt, since } = it.state else { return None };
        if !sources.supervised.runs(batch) {
            return None;
        }
        let digest = sources.digests.get(&batch);
        Some(RunningBatch {
            batch,
            attempt,
            seconds: seconds_between(since, sources.now),
            tickers: digest.map(|digest| digest.current().cloned().collect()).unwrap_or_default(),
            rows: digest.map_or(0, Digest::rows),
            pages: digest.map_or(0, Digest::pages),
            quiet_seconds: digest
                .and_then(|digest| digest.last_said)
                .map(|at| seconds_between(at, sources.now)),
            log: sources.workdir.batch_log(batch),
        })
    });
    running.collect()
}

fn retries(machine: &Machine, workdir: &Workdir) -> Vec<RetryGroup> {
    let mut groups: BTreeMap<&str, RetryGroup> = BTreeMap::new();
    for (id, batch) in machine.batches() {
        if let BatchState::Backoff { cause, .. } = &batch.state {
            let log = workdir.batch_log(id);
            let group = RetryGroup { cause: cause.clone(), batches: 0, example: id, log };
            groups.entry(cause).or_insert(group).batches += 1;
        }
    }
    groups.into_values().collect()
}

fn failures(machine: &Machine, workdir: &Workdir) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<&str, FailureGroup> = BTreeMap::new();
    for (id, batch) in machine.batches() {
        for (ticker, failure) in batch.failures() {
            let group = groups.entry(&failure.cause).or_insert_with(|| FailureGroup {
                cause: failure.cause.clone(),
                tickers: 0,
                example: ticker.clone(),
                log: workdir.batch_log(id),
            });
            group.tickers += 1;
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.tickers));
    groups
}

/// What is left at the pace since the supervisor began.
fn eta_seconds(sources: &Sources, left: u64) -> Option<u64> {
    let opened = sources.entries.iter().rposition(|entry| matches!(entry.fact, Fact::Opened { .. }))?;
    let since = &sources.entries[opened..];
    let finished = |entry: &Entry| match &entry.fact {
        Fact::Ended { report, .. } => report.proven.tickers + report.reported,
        _ => 0,
    };
    let done: u64 = since.iter().map(finished).sum();
    let seconds = seconds_between(since.first()?.at, sources.now).max(1);
    (done >= ETA_MIN_TICKERS).then(|| left * seconds / done)
}
