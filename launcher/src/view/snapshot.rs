//! A snapshot: where a run stands, gathered once and shown as text or JSON.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::pace::budget::Usage;
use shared::run::workdir::BatchId;

use super::bottleneck::{self, Bottleneck, Facts};
use super::counts::{self, BatchCounts, PartitionCounts, TickerCounts};
use super::eta::Eta;
use super::forecast::{self, Progress};
use super::groups::{self, FailureGroup, RetryGroup};
use super::reported::Reported;
use super::running::{self, RunningBatch};
use super::sources::{Sources, Supervised};
use super::words;
use crate::facts::{Checked, Outcome, Tally};
use crate::plan::request::Request;
use crate::supervise::batch::Batch;
use crate::supervise::machine::{Machine, Probe, RunState};
use crate::supervise::prepare;

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
    /// From when that is which is said of tickers and partitions, where nobody looks at them any
    /// more: the end of the run, or a check since; null while the run goes on.
    pub as_of: Option<Timestamp>,
    /// How a pause will end; null when there is none.
    pub pause: Option<Pause>,
    /// While the run is paused: the tickers whose attempts led there, with their last failure.
    pub paused_by: Vec<PausedBy>,
    /// How much of the work in batches is finished.
    pub progress: Progress,
    /// Tickers by state.
    pub tickers: TickerCounts,
    /// What running attempts report of tickers that are left; none of it is proven before they end.
    pub reported: Reported,
    /// Verified tickers without a single row.
    pub without_rows: WithoutRows,
    /// The last check of all files against their SHA-256; null when there was none.
    pub checked: Option<Check>,
    /// Partitions of verified tickers, and of verified parts of others.
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
    /// Seconds to go; null if that would be a guess.
    pub eta_seconds: Option<Eta>,
    /// What holds the run up; null if nothing stands out, or no supervisor works.
    pub bottleneck: Option<Bottleneck>,
    /// The rate budget that workers share; null without `--rate`, and where this process does not
    /// know the key.
    pub budget: Option<Usage>,
    /// Free bytes on the outdir's file system.
    pub free_disk_bytes: Option<u64>,
    /// Free bytes on the work directory's file system.
    pub workdir_free_bytes: Option<u64>,
}

/// A check of all files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// When, UTC.
    pub at: Timestamp,
    /// Intact files.
    pub files: u64,
    pub bytes: u64,
    /// Damaged files.
    pub damaged: u64,
    /// Tickers that could not be checked.
    pub unchecked: Vec<Ticker>,
    /// Tickers that were done and whose ledgers do not prove it any more; only `status --check`
    /// looks for them.
    pub no_longer_proven: Vec<Ticker>,
    /// What stands in the tree that no ledger tells of, and what of it is missing or can't be read
    /// besides: a sentence each.
    pub found: Vec<String>,
}

/// What a look around the tree has found, beside the files of done tickers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Tickers whose ledgers do not prove any more that they are done.
    pub lost: Vec<Ticker>,
    /// See [`Check::found`].
    pub found: Vec<String>,
}

impl Check {
    fn of(at: Timestamp, it: &Checked) -> Self {
        Self {
            at,
            files: it.files,
            bytes: it.bytes,
            damaged: it.damaged,
            unchecked: it.unchecked.clone(),
            no_longer_proven: Vec::new(),
            found: Vec::new(),
        }
    }
}

/// Verified tickers without a single row: unknown to the source, misspelled, or not traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithoutRows {
    pub tickers: u64,
    /// Some of them, once the ledgers were read.
    pub examples: Vec<Ticker>,
    /// Spelling hints for these.
    pub hints: Vec<Hint>,
}

/// A spelling hint for a ticker that the source may not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hint {
    pub ticker: Ticker,
    /// For people.
    pub hint: String,
}

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// Created, extended or prepared, but no supervisor has started it.
    Prepared,
    /// A supervisor works on it.
    Running,
    /// A supervisor waits for this to pass.
    Paused(String),
    /// A supervisor ends its workers.
    Stopping(String),
    /// The supervisor has died; the last line of its log.
    Died(String),
    /// Every ticker is done.
    Complete,
    /// Nothing left to try; what failed.
    Incomplete(String),
    /// Work is left.
    Stopped(String),
}

/// How a pause will end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Pause {
    /// By a look at the folders.
    Look {
        /// When the next one is due, UTC.
        next_at: Timestamp,
    },
    /// By a canary batch.
    Canary {
        /// When the next one is due, UTC.
        next_at: Timestamp,
        /// How many canaries have failed.
        failed: u32,
    },
    /// By the canary that runs.
    CanarySent {
        batch: BatchId,
        /// How many canaries before it have failed.
        failed: u32,
    },
}

/// A ticker whose attempts led to a pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PausedBy {
    pub ticker: Ticker,
    pub batch: BatchId,
    /// Its last failure, in one sentence.
    pub said: String,
}

impl Snapshot {
    /// Takes a snapshot.
    pub fn take(sources: &Sources) -> Self {
        let Sources { request, workdir, machine, .. } = sources;
        let proven = counts::proven(machine);
        let mut batches = BatchCounts::default();
        machine.batches().for_each(|(id, batch)| batches.add(batch, sources.supervised.runs(id)));
        let tickers = TickerCounts::of(request, machine);
        let state = state_of(sources);
        let works = state == State::Running;
        let retries = groups::retries(machine, workdir);
        let running = running::running(sources);
        let finishes = forecast::finishes(sources);
        Self {
            run: request.run.clone(),
            job: request.settings.job.to_string(),
            workdir: workdir.root().to_owned(),
            outdir: request.settings.outdir.clone(),
            from: request.settings.from,
            to: request.settled_to,
            created_at: request.created_at,
            as_of: match machine.run() {
                RunState::Closed { .. } => machine.latest(),
                RunState::Planned
                | RunState::Open
                | RunState::Paused { .. }
                | RunState::Stopping { .. } => None,
            },
            pause: if matches!(state, State::Paused(_)) {
                pause(machine, sources.now)
            } else {
                None
            },
            paused_by: if matches!(state, State::Paused(_)) {
                paused_by(machine)
            } else {
                Vec::new()
            },
            progress: Progress::of(machine, &tickers, &finishes),
            reported: running.iter().fold(Reported::default(), |mut all, batch| {
                all += batch.reported;
                all
            }),
            tickers,
            without_rows: WithoutRows {
                tickers: counts::without_rows(machine),
                examples: Vec::new(),
                hints: Vec::new(),
            },
            checked: machine.checked().map(|(at, it)| Check::of(*at, it)),
            partitions: PartitionCounts::of(request, proven),
            rows: proven.summary.rows,
            batches,
            failures: groups::failures(machine, workdir, request.days()),
            eta_seconds: works.then(|| forecast::eta(sources, &running, &finishes)).flatten(),
            bottleneck: works.then(|| bottleneck(sources, batches, &running, &retries)).flatten(),
            running,
            budget: sources.budget.clone(),
            free_disk_bytes: sources.free_bytes,
            workdir_free_bytes: sources.workdir_free_bytes,
            retries,
            state,
        }
    }

    /// The same after every file was held against its SHA-256 at `at`, `lost` tickers were found to
    /// be proven no more, so much of all others was found to be `proven`, and nobody has told the
    /// journal.
    pub fn checked_at(
        self,
        request: &Request,
        at: Timestamp,
        found: &Checked,
        around: Surroundings,
        proven: Tally,
    ) -> Self {
        let Surroundings { lost, found: odd } = around;
        let verified = self.tickers.verified.saturating_sub(lost.len() as u64);
        let checked = found.tickers.min(verified);
        let left = self.tickers.left + (self.tickers.verified - verified);
        let tickers = TickerCounts {
            verified,
            checked,
            as_recorded: verified - checked,
            left,
            ..self.tickers
        };
        let progress =
            if lost.is_empty() { self.progress } else { self.progress.after_losses(&tickers) };
        let as_of = self.as_of.map(|_| at);
        let state = match self.state {
            State::Complete if !lost.is_empty() => {
                State::Incomplete(words::lost(lost.len() as u64))
            }
            State::Complete if !found.unchecked.is_empty() => {
                State::Incomplete(words::unchecked(found.unchecked.len() as u64))
            }
            State::Complete if !odd.is_empty() => State::Incomplete(words::odd(&odd)),
            state => state,
        };
        let check = Check { no_longer_proven: lost, found: odd, ..Check::of(at, found) };
        let (partitions, rows) = (PartitionCounts::of(request, proven), proven.summary.rows);
        let checked = Some(check);
        Self { state, as_of, progress, tickers, checked, partitions, rows, ..self }
    }

    /// Is every ticker done, but some days are known to be missing for good? An empty partition is
    /// none of those: a ticker that was not listed yet has them, and so has every weekend.
    pub fn has_gaps(&self) -> bool {
        self.state == State::Complete && self.partitions.with_gaps() > 0
    }
}

fn state_of(sources: &Sources) -> State {
    let Sources { request, machine, supervised, .. } = sources;
    match (machine.run(), supervised) {
        (RunState::Closed { outcome: Outcome::Stopped { why } }, _) => {
            State::Stopped(words::stop_why(why))
        }
        (RunState::Closed { .. }, _) if prepare::leaves_work(machine, request) => State::Prepared,
        (RunState::Closed { outcome: Outcome::Complete }, _) => State::Complete,
        (RunState::Closed { outcome: outcome @ Outcome::Incomplete { .. } }, _) => {
            State::Incomplete(words::outcome(outcome))
        }
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

fn pause(machine: &Machine, now: Timestamp) -> Option<Pause> {
    let RunState::Paused { since, probe_after, probe, .. } = machine.run() else { return None };
    let after = |times: i32| {
        let wait = probe_after.checked_mul(times)?;
        since.checked_add(wait).ok()
    };
    Some(match probe {
        // A look that changes nothing is no fact; the next one comes after the same time.
        Probe::Folders => {
            let every = probe_after.as_secs().max(1);
            let looks = now.duration_since(*since).as_secs() / every + 1;
            Pause::Look { next_at: after(i32::try_from(looks).unwrap_or(i32::MAX)).unwrap_or(now) }
        }
        Probe::Canary { sent: Some(batch), failed } => {
            Pause::CanarySent { batch: *batch, failed: *failed }
        }
        Probe::Canary { sent: None, failed } => {
            Pause::Canary { next_at: after(1).unwrap_or(now), failed: *failed }
        }
    })
}

fn paused_by(machine: &Machine) -> Vec<PausedBy> {
    let of = |(batch, it): (BatchId, &Batch)| {
        let said = it.last_said().map(|(ticker, said)| (ticker.clone(), said.to_owned()));
        said.map(move |(ticker, said)| PausedBy { ticker, batch, said }).collect::<Vec<_>>()
    };
    machine.led_to_the_pause().flat_map(of).collect()
}

fn bottleneck(
    sources: &Sources,
    batches: BatchCounts,
    running: &[RunningBatch],
    retries: &[RetryGroup],
) -> Option<Bottleneck> {
    let settings = &sources.request.settings;
    bottleneck::find(&Facts {
        running: batches.running,
        seconds: running.iter().map(|batch| batch.seconds).max().unwrap_or(0),
        outages: running.iter().filter_map(|batch| batch.outage).collect(),
        now: sources.now,
        slots: u64::from(settings.max_concurrent.get()),
        ready: batches.pending,
        backoff: batches.backoff,
        workdir: sources.workdir,
        per_shard_workers: settings.per_shard_workers.get(),
        rate: settings.rate,
        backoff_cause: retries.first().map(|group| group.cause.as_str()),
        budget: sources.budget.as_ref(),
        free_memory: sources.free_memory,
        peak_rss: sources.machine.peak_rss(),
        free_disk: sources.free_bytes,
        min_free_memory: settings.limits.min_free_memory.0,
        min_free_disk: settings.limits.min_free_disk.0,
    })
}
