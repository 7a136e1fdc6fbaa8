//! `launcher status`: reads run.json, the journal and the events of running attempts; changes
//! nothing.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use jiff::Timestamp;
use shared::market::ticker::Ticker;
use shared::pace::budget::Usage;
use shared::pace::shared_budget::SharedBudget;
use shared::run::workdir::Workdir;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::observe;
use super::spelling;
use super::stored_run;
use super::ticker_states::{self, Reviewed};
use super::verify;
use crate::cli::StatusArgs;
use crate::facts::Checked;
use crate::plan::request::Request;
use crate::preflight::files::{self, Found};
use crate::process::clock;
use crate::process::memory::Gauge;
use crate::supervise::journal;
use crate::supervise::locks;
use crate::supervise::machine::{Machine, RunState};
use crate::view::json;
use crate::view::recent::Recent;
use crate::view::snapshot::{Hint, Snapshot, Surroundings};
use crate::view::sources::Sources;
use crate::view::status::{self as text, LIST_MAX};
use crate::view::words::{self, say};

/// How often `--watch` prints: on a terminal, and to a file or a pipe.
const ON_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(10);
/// How many lost tickers the text names; `--json` has all.
const NAMED: usize = 20;
/// So many tickers without a row are examples.
const EXAMPLES: usize = 3;
/// Clears the terminal.
const CLEAR_AND_HOME: &str = "\x1b[2J\x1b[H";

/// What can be read of a run: its journal is read once for all that is said.
struct Read {
    request: Request,
    machine: Machine,
    recent: Recent,
    is_supervised: bool,
}

/// What `--check` has found.
struct CheckResult {
    at: Timestamp,
    checked: Checked,
    reviewed: Reviewed,
    around: Surroundings,
}

/// Prints where the run stands; with `--watch` until its supervisor ends.
pub fn status(args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let mut read = read(&workdir)?;
    let verdict = if args.check { Some(check(&workdir, &read)?) } else { None };
    if verdict.is_some() && read.is_supervised {
        // Much has happened while files were read.
        read = self::read(&workdir)?;
    }
    let on_terminal = io::stdout().is_terminal();
    let (every, before) =
        if on_terminal && !args.json { (ON_TERMINAL, CLEAR_AND_HOME) } else { (ELSEWHERE, "") };
    loop {
        // The lock before the snapshot, so that the last snapshot shows the end.
        let goes_on = args.watch && read.is_supervised;
        let mut snapshot = snapshot(&workdir, &read)?;
        if let Some(CheckResult { at, checked, reviewed, around }) = &verdict {
            snapshot =
                snapshot.checked_at(&read.request, *at, checked, around.clone(), reviewed.proven);
        }
        let said = if args.json { json::render(&snapshot) } else { render(&snapshot) };
        let clear = if args.watch { before } else { "" };
        let heard = words::pass_on(format!("{clear}{said}").as_bytes()).map_err(Failure::Output)?;
        if !goes_on || heard.is_break() {
            let is_sound = |it: &CheckResult| {
                it.checked.damaged == 0
                    && it.checked.unchecked.is_empty()
                    && it.around == Surroundings::default()
            };
            let is_sound = verdict.as_ref().is_none_or(is_sound);
            return Ok(if is_sound { ExitStatus::Well } else { ExitStatus::Incomplete });
        }
        clock::wait_until(every, || !locks::is_supervised(&workdir));
        if before.is_empty() && !args.json {
            say("\n").map_err(Failure::Output)?;
        }
        read = self::read(&workdir)?;
    }
}

/// Holds every file of the run against its SHA-256, and every ticker that was done against its
/// ledger. What is found is kept beside the files, so the next start makes it good; said where it
/// is in nobody's way who reads the JSON.
fn check(workdir: &Workdir, read: &Read) -> Result<CheckResult, Failure> {
    let Read { request, machine, is_supervised, .. } = read;
    let all = request.frozen_tickers(workdir)?;
    let mut tickers = all.clone();
    if *is_supervised {
        // What is being written is not done: nobody says of it that its files are right.
        let left: HashSet<&Ticker> =
            machine.batches().flat_map(|(_, batch)| batch.left()).collect();
        tickers.retain(|ticker| !left.contains(ticker));
    }
    let Found { checked, said } = files::check_run(request, &tickers);
    for what in said {
        warn(&what);
    }
    let at = clock::now();
    let as_of = match machine.run() {
        RunState::Closed { .. } => machine.latest().unwrap_or(at),
        RunState::Planned
        | RunState::Open
        | RunState::Paused { .. }
        | RunState::Stopping { .. } => at,
    };
    let reviewed = ticker_states::review(request, &all, machine, as_of);
    let (lost, outdir) = (&reviewed.lost, &request.settings.outdir);
    if !lost.is_empty() && !outdir.is_dir() {
        warn(&format!("{} is not there: is its disk mounted?", outdir.display()));
    }
    for ticker in lost.iter().take(NAMED) {
        warn(&format!("{ticker} was done, but its ledger does not prove it any more"));
    }
    if lost.len() > NAMED {
        warn(&format!("and {} more tickers", lost.len() - NAMED));
    }
    let found = verify::beside_the_ledgers(request, tickers, at);
    for what in found.iter().take(NAMED) {
        warn(what);
    }
    if found.len() > NAMED {
        warn(&format!("and {} more findings; `verify` names all", found.len() - NAMED));
    }
    let around = Surroundings { lost: lost.clone(), found };
    Ok(CheckResult { at, checked, reviewed, around })
}

fn warn(what: &str) {
    drop(writeln!(io::stderr(), "warning: {what}"));
}

/// A snapshot for people.
pub fn render(snapshot: &Snapshot) -> String {
    text::render(snapshot)
}

/// A snapshot of the run in `workdir`.
pub fn take(workdir: &Workdir) -> Result<Snapshot, Failure> {
    snapshot(workdir, &read(workdir)?)
}

fn read(workdir: &Workdir) -> Result<Read, Failure> {
    let request = stored_run::request(workdir)?;
    // The lock before the journal: the journal of a supervisor that ends in between is then
    // complete.
    let is_supervised = locks::is_supervised(workdir);
    let mut recent = Recent::default();
    let machine =
        journal::follow_with(workdir, request.first_rules(), |_, entry| recent.hear(entry))?;
    Ok(Read { request, machine, recent, is_supervised })
}

fn snapshot(workdir: &Workdir, read: &Read) -> Result<Snapshot, Failure> {
    let Read { request, machine, recent, is_supervised } = read;
    let now = clock::now();
    let sources = Sources {
        request,
        workdir,
        recent,
        machine,
        observed: observe::attempts(request, workdir, machine, now),
        supervised: observe::supervised(*is_supervised, &request.run, workdir, machine),
        budget: budget(request),
        free_bytes: fs2::available_space(&request.settings.outdir).ok(),
        workdir_free_bytes: fs2::available_space(workdir.root()).ok(),
        free_memory: Gauge::default().available(),
        now,
    };
    let mut snapshot = Snapshot::take(&sources);
    if snapshot.without_rows.tickers > 0 {
        let mut examples = ticker_states::some_without_rows(request, workdir, machine, now)?;
        let mut hints = hints(request, &examples)?;
        if examples.len() > EXAMPLES {
            // Those that can be mended come first.
            examples.sort_by_key(|ticker| !hints.iter().any(|hint| hint.ticker == *ticker));
            examples.truncate(EXAMPLES);
        }
        hints.retain(|hint| examples.contains(&hint.ticker));
        snapshot.without_rows.hints = hints;
        snapshot.without_rows.examples = examples;
    }
    snapshot.failures.iter_mut().take(LIST_MAX).for_each(|group| group.look_up(machine));
    Ok(snapshot)
}

fn hints(request: &Request, tickers: &[Ticker]) -> Result<Vec<Hint>, Failure> {
    let listing = spelling::listing(None, &request.settings.outdir)?;
    let of = |ticker: &Ticker| {
        let hint = spelling::hint(ticker, listing.as_ref())?;
        Some(Hint { ticker: ticker.clone(), hint })
    };
    Ok(tickers.iter().filter_map(of).collect())
}

/// The budget can only be found with the key; a status without it is a status all the same.
fn budget(request: &Request) -> Option<Usage> {
    request.settings.rate?;
    let key = stored_run::api_key(&request.settings.program).ok().flatten()?;
    SharedBudget::peek(&request.settings.base_url().ok()?.budget_name(&key))
}
