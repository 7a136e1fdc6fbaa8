//! Observation of a run from outside: which supervisor has it, which attempts really run, and how
//! far they are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::disk::regular;
use shared::market::ticker::Ticker;
use shared::run::events::EventTail;
use shared::run::identity::ProcessIdentity;
use shared::run::redaction::Redaction;
use shared::run::workdir::{BatchId, Workdir};

use crate::plan::request::Request;
use crate::process::tree;
use crate::process::watch::{self, Marker};
use crate::supervise::batch::BatchState;
use crate::supervise::event_summary::EventSummary;
use crate::supervise::evidence;
use crate::supervise::machine::Machine;
use crate::view::pace::Pace;
use crate::view::sources::{Observed, SoFar, Supervised};

/// At the ledgers of so many tickers in work a glance looks.
const LOOKS: usize = 50;

/// What runs according to the journal: batch, attempt, since when.
fn running(machine: &Machine) -> impl Iterator<Item = (BatchId, u32, Timestamp)> {
    machine.batches().filter_map(|(batch, it)| match it.state {
        BatchState::Running { attempt, since } => Some((batch, attempt, since)),
        _ => None,
    })
}

/// Is `run` supervised? Whether its lock is held was asked before the journal was read.
pub fn supervised(
    is_supervised: bool,
    run: &str,
    workdir: &Workdir,
    machine: &Machine,
) -> Supervised {
    if is_supervised {
        return Supervised::Yes;
    }
    Supervised::No { last_words: last_words(workdir), alive: alive(run, machine) }
}

/// Batches of `run` that run according to the journal and have a process that lives.
pub fn alive(run: &str, machine: &Machine) -> BTreeSet<BatchId> {
    let lives = |&(batch, attempt, _): &(BatchId, u32, Timestamp)| {
        !watch::marked(&Marker::of_attempt(run, format!("{batch}.{attempt}"))).is_empty()
    };
    running(machine).filter(lives).map(|(batch, ..)| batch).collect()
}

/// What can be seen of every attempt that runs according to the journal.
pub fn attempts(
    request: &Request,
    workdir: &Workdir,
    machine: &Machine,
    now: Timestamp,
) -> BTreeMap<BatchId, Observed> {
    let mut looks = LOOKS;
    let mut observe = |(batch, number, since)| {
        let mut observed = attempt(workdir, batch, number, since, now);
        let days = machine.batch(batch).map_or(request.days(), |it| it.part().days(request.days()));
        let in_work: Vec<Ticker> = observed.summary.current().take(looks).cloned().collect();
        looks -= in_work.len();
        for ticker in in_work {
            let (days, summary) = evidence::so_far(request, &ticker, days, now);
            observed.so_far.insert(ticker, SoFar { days, summary });
        }
        (batch, observed)
    };
    running(machine).map(&mut observe).collect()
}

fn attempt(
    workdir: &Workdir,
    batch: BatchId,
    number: u32,
    since: Timestamp,
    now: Timestamp,
) -> Observed {
    let mut summary = EventSummary::default();
    let mut pace = Pace::new(since, now);
    for said in EventTail::new(&workdir.attempt_events(batch, number)).read_new() {
        pace.hear(&said);
        summary.hear(said);
    }
    let rss_bytes = shim(workdir, batch).and_then(|shim| tree::memory_below(shim.pid));
    Observed {
        summary,
        so_far: BTreeMap::new(),
        rows_per_second: pace.rows_per_second(),
        rss_bytes,
    }
}

/// The shim of the batch, by its pid file.
fn shim(workdir: &Workdir, batch: BatchId) -> Option<ProcessIdentity> {
    let text = regular::read_to_string(workdir.batch_pid(batch)).ok()?;
    serde_json::from_str(&text).ok().filter(ProcessIdentity::is_alive)
}

fn last_words(workdir: &Workdir) -> String {
    let log = regular::read_to_string(workdir.launcher_log()).unwrap_or_default();
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Redaction::default().line(last.trim())
}
