//! `launcher status`: reads run.json, the journal and the events of what runs; touches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use shared::pace::budget::Usage;
use shared::pace::shared_budget::SharedBudget;
use shared::run::events::EventTail;
use shared::run::workdir::{BatchId, Workdir};

use super::existing;
use super::failure::{Ending, Failure};
use crate::cli::StatusArgs;
use crate::plan::request::Request;
use crate::process::clock;
use crate::process::watch::{self, Marker};
use crate::supervise::batch::BatchState;
use crate::supervise::digest::Digest;
use crate::supervise::journal;
use crate::supervise::locks;
use crate::supervise::machine::Machine;
use crate::view::json;
use crate::view::snapshot::{Snapshot, Sources, Supervised};
use crate::view::status as text;
use crate::view::words::say;

/// Says where the run stands.
pub fn status(args: &StatusArgs) -> Result<Ending, Failure> {
    let workdir = existing::workdir(&args.workdir)?;
    let snapshot = take(&workdir)?;
    say(&if args.json { json::render(&snapshot) } else { render(&snapshot) }).map_err(Failure::Output)?;
    Ok(Ending::Well)
}

/// A snapshot for people.
pub fn render(snapshot: &Snapshot) -> String {
    text::render(snapshot)
}

/// Where the run in `workdir` stands.
pub fn take(workdir: &Workdir) -> Result<Snapshot, Failure> {
    let request = existing::request(workdir)?;
    // The lock before the journal: a supervisor that ends in between has then said its last word.
    let is_supervised = locks::is_supervised(workdir);
    let entries = journal::read(workdir)?;
    let machine = journal::replay(workdir, request.rules(), &entries)?;
    let supervised = if is_supervised {
        Supervised::Yes
    } else {
        Supervised::No { last_words: last_words(workdir), alive: alive(&request.run, &machine) }
    };
    let sources = Sources {
        request: &request,
        workdir,
        entries: &entries,
        machine: &machine,
        digests: digests(workdir, &machine),
        supervised,
        budget: budget(&request),
        free_bytes: fs2::available_space(&request.settings.outdir).ok(),
        now: clock::now(),
    };
    Ok(Snapshot::take(&sources))
}

/// The budget can only be found with the key; a status without it is a status all the same.
fn budget(request: &Request) -> Option<Usage> {
    request.settings.rate?;
    let key = existing::api_key(&request.settings.program).ok().flatten()?;
    SharedBudget::peek(&request.settings.base_url().ok()?.budget_name(&key))
}

/// What the journal says to be running, with the attempt.
fn running(machine: &Machine) -> impl Iterator<Item = (BatchId, u32)> {
    machine.batches().filter_map(|(batch, it)| match it.state {
        BatchState::Running { attempt, .. } => Some((batch, attempt)),
        _ => None,
    })
}

/// The batches of which a process really lives.
fn alive(run: &str, machine: &Machine) -> BTreeSet<BatchId> {
    let lives = |&(batch, attempt): &(BatchId, u32)| {
        !watch::marked(&Marker::of_attempt(run, format!("{batch}.{attempt}"))).is_empty()
    };
    running(machine).filter(lives).map(|(batch, _)| batch).collect()
}

fn digests(workdir: &Workdir, machine: &Machine) -> BTreeMap<BatchId, Digest> {
    let digest = |(batch, attempt)| {
        let mut digest = Digest::default();
        EventTail::new(&workdir.attempt_events(batch, attempt))
            .read_new()
            .into_iter()
            .for_each(|said| digest.hear(said));
        (batch, digest)
    };
    running(machine).map(digest).collect()
}

fn last_words(workdir: &Workdir) -> String {
    let log = fs::read_to_string(workdir.launcher_log()).unwrap_or_default();
    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
