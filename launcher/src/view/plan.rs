//! What `start` says before it begins: notes on the input, and what the run will do.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;

use shared::market::ticker::Ticker;
use shared::run::workdir::Workdir;

use super::words::{self, counted};
use crate::job::Task;
use crate::plan::request::{Input, Request};
use crate::plan::settings::{Program, Reuse};
use crate::plan::weights::{Account, Sizes};
use crate::supervise::batch::Batch;
use crate::supervise::folders;
use crate::supervise::machine::Machine;

/// How many repeated tickers a note names.
const NAMED_MAX: usize = 5;

/// Notes on the input: what was read differently than written.
pub fn notes(request: &Request, input: &Input) -> String {
    odd(request, input) + &repeated(input) + &unsettled(request)
}

/// Harmless oddities of the list.
fn odd(request: &Request, input: &Input) -> String {
    if !input.oddities.is_any() {
        return String::new();
    }
    format!("note: {}: {}\n", request.settings.tickers_csv.display(), input.oddities)
}

fn repeated(input: &Input) -> String {
    let mut text = String::new();
    let repeated = &input.list.repeated;
    if !repeated.is_empty() {
        let names: Vec<&str> = repeated.iter().take(NAMED_MAX).map(Ticker::as_str).collect();
        let more = if repeated.len() > NAMED_MAX { ", ..." } else { "" };
        let extra = counted(repeated.len() as u64, "repeated line");
        push(
            &mut text,
            format_args!(
                "note: {extra} left out, each ticker is taken once ({}{more})",
                names.join(", ")
            ),
        );
    }
    text
}

/// Where the run ends, if a later day was asked for.
pub fn unsettled(request: &Request) -> String {
    let mut text = String::new();
    let settings = &request.settings;
    if request.settled_to < settings.to {
        let (to, settled) = (settings.to, request.settled_to);
        let settle = settings.settle;
        push(
            &mut text,
            format_args!(
                "note: --to {to} is not settled yet (a day counts {settle:#} after 20:00 New York); this run ends at {settled}"
            ),
        );
    }
    text
}

/// Has a worker of the run been at work? Days that are added leave nobody verified, and what is
/// there in its place.
fn has_fetched(machine: &Machine) -> bool {
    machine.totals().verified > 0 || machine.batches().any(|(_, batch)| batch.attempts > 0)
}

/// Is nothing there yet but what `start` itself puts there? A folder that can't be read is not new.
fn is_new(outdir: &Path) -> bool {
    match outdir.read_dir() {
        Ok(mut entries) => entries.all(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with('_'))
        }),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// What the run will do.
pub fn describe(request: &Request, workdir: &Workdir, machine: &Machine) -> String {
    let settings = &request.settings;
    let trust = match (settings.task(), settings.existing) {
        (Task::Download(_), Reuse::Trusted) => "what the ledgers prove is not fetched again",
        (Task::Download(_), Reuse::FetchedAnew) if has_fetched(machine) => {
            "what this run has fetched itself is not fetched again, all else is fetched anew and merged"
        }
        (Task::Download(_), Reuse::FetchedAnew) if is_new(&settings.outdir) => "a new tree",
        (Task::Download(_), Reuse::FetchedAnew) => "everything is fetched anew and merged",
        (Task::Bars(_), Reuse::Trusted) => "series that cover the range are left alone",
        (Task::Bars(_), Reuse::FetchedAnew) => {
            "days after a series are appended to it; a series that the range overlaps is built again"
        }
    };
    let source = match &settings.program {
        Program::Worker => settings.base_url.clone(),
        Program::Bars(order) => {
            let (_, root, kind) = order.input.parts();
            let modes: Vec<&str> = order.modes.iter().map(|mode| mode.name()).collect();
            format!("{} of {kind} in {}", modes.join(","), root.display())
        }
        Program::Script(path) => {
            format!("{} (its exit code is believed where there is no ledger)", path.display())
        }
    };
    let mut text = String::new();
    push(&mut text, format_args!("run      {} in {}", request.run, workdir.root().display()));
    push(
        &mut text,
        format_args!("job      {} {}..{}", settings.job, settings.from, request.settled_to),
    );
    let tickers = counted(request.tickers as u64, "ticker");
    let csv = settings.tickers_csv.display();
    push(
        &mut text,
        format_args!("input    {tickers} of {csv} (SHA-256 {:.12})", request.tickers_sha256),
    );
    push(&mut text, format_args!("source   {source}"));
    if let Some(sessions) = request.by_session() {
        let sessions = counted(sessions as u64, "session");
        push(
            &mut text,
            format_args!(
                "way      one request a session for the whole market where that is cheaper ({sessions}), so all in one batch"
            ),
        );
    }
    let free =
        folders::free_bytes(&settings.outdir).map_or_else(|| "unknown".to_owned(), words::bytes);
    push(&mut text, format_args!("outdir   {} ({free} free); {trust}", settings.outdir.display()));
    push(&mut text, format_args!("work     {}", work(request, machine)));
    let heavy = parts(machine);
    for (ticker, batches) in heavy.iter().take(NAMED_MAX) {
        push(&mut text, format_args!("heavy    {ticker} is split by date into {batches} batches"));
    }
    if heavy.len() > NAMED_MAX {
        push(&mut text, format_args!("heavy    and {} more", heavy.len() - NAMED_MAX));
    }
    text
}

/// What new batches are sorted by; empty if they are not sorted.
pub fn weighed(by: Account, sizes: &Sizes) -> String {
    let Account { own, second, unknown } = by;
    if own + second == 0 {
        return String::new();
    }
    let mut parts = Vec::new();
    if own > 0 {
        parts.push(format!("{} by their own ledgers", words::count(own)));
    }
    if second > 0 {
        parts.push(format!("{} by {}", words::count(second), sizes.source));
    }
    if unknown > 0 {
        parts.push(format!("{} unknown, which may be heavy", words::count(unknown)));
    }
    format!("weights  {}; the heaviest first\n", parts.join(", "))
}

/// Tickers that were split by date and are not done, and in how many batches they are.
fn parts(machine: &Machine) -> BTreeMap<&Ticker, u64> {
    let mut parts = BTreeMap::new();
    for batch in open(machine).filter(|batch| !batch.part().is_whole()) {
        batch.members().iter().for_each(|ticker| *parts.entry(ticker).or_default() += 1);
    }
    parts
}

/// Batches with something left to do.
fn open(machine: &Machine) -> impl Iterator<Item = &Batch> {
    let is_open = |batch: &&Batch| batch.left().len() + batch.failures().len() > 0;
    machine.batches().map(|(_, batch)| batch).filter(is_open)
}

fn work(request: &Request, machine: &Machine) -> String {
    // Failed tickers are tried again, or were given up in this run: work either way.
    let whole = open(machine).filter(|batch| batch.part().is_whole());
    let in_whole: u64 =
        whole.map(|batch| (batch.left().len() + batch.failures().len()) as u64).sum();
    let left = in_whole + parts(machine).len() as u64;
    let batches = counted(open(machine).count() as u64, "batch");
    if left == 0 {
        return "none, every ticker is done already".to_owned();
    }
    let done = (request.tickers as u64).saturating_sub(left);
    let settings = &request.settings;
    let threads = counted(u64::from(settings.per_shard_workers.get()), "thread");
    let already =
        if done > 0 { format!(", {} done already", words::count(done)) } else { String::new() };
    format!(
        "{} in {batches}{already}; at most {} workers with {threads} each, {} retries",
        counted(left, "ticker"),
        settings.max_concurrent,
        settings.retries
    )
}

/// What a tree cost that was copied, or written by a version that did not record how files are
/// found; nothing of others.
pub fn read_whole(files: usize) -> String {
    if files == 0 {
        return String::new();
    }
    format!(
        "{} read whole, because the ledgers had not recorded how they look now; all match their SHA-256, and that is recorded\n",
        counted(files as u64, "file")
    )
}

fn push(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("a string takes what is written");
}

#[cfg(test)]
mod tests {
    use super::is_new;

    #[test]
    fn a_folder_without_a_ticker_is_a_new_tree() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(is_new(&folder.path().join("absent")));
        std::fs::write(folder.path().join("_dataset.json"), "{}").expect("written");
        assert!(is_new(folder.path()), "start has claimed it");
        std::fs::create_dir(folder.path().join("PLUG")).expect("made");
        assert!(!is_new(folder.path()));
    }
}
