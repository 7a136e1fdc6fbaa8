//! `status` as text: one glance.

use std::fmt::Write;

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;
use shared::pace::budget::Usage;
use shared::run::workdir::Workdir;

use super::eta::Eta;
use super::forecast::{CountedBy, Progress};
use super::groups::{FailureGroup, RetryGroup};
use super::reported::Reported;
use super::running::RunningBatch;
use super::snapshot::{Check, Pause, PausedBy, Snapshot, State, WithoutRows};
use super::words::{self, count, counted};
use crate::job::Job;

/// How many running batches and groups of failures are listed.
pub const LIST_MAX: usize = 20;
/// How many things are listed that were said by those who led to a pause, and how many tickers are
/// named with each.
const PAUSED_BY_MAX: usize = 5;
const NAMED_MAX: usize = 3;
/// With less room than this a work directory can't take what a supervisor writes at its end.
const FULL_BELOW: u64 = 32 * 1024;
/// How many current tickers of a batch are named.
const CURRENT_MAX: usize = 4;

/// The snapshot for people.
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    write(&mut text, snapshot).expect("a string takes what is written");
    text
}

fn write(out: &mut String, it: &Snapshot) -> std::fmt::Result {
    let workdir = Workdir::new(&it.workdir);
    writeln!(
        out,
        "{}{}",
        headline(&it.state, it.workdir_free_bytes, it.batches.running),
        next_step(&it.state, it.tickers.failed, &workdir)
    )?;
    if let Some(pause) = &it.pause {
        writeln!(out, "pause       {}", pause_line(pause))?;
        write_paused_by(out, &it.paused_by)?;
    }
    writeln!(out, "run         {} ({} {}..{})", it.run, it.job, it.from, it.to)?;
    writeln!(out, "progress    {}", progress(&it.progress, it.tickers.failed))?;
    let tickers = &it.tickers;
    write!(out, "tickers     {} / {} verified", count(tickers.verified), count(tickers.expected))?;
    if tickers.reported_by_script > 0 {
        write!(
            out,
            ", {} reported by the script, not verified",
            count(tickers.reported_by_script)
        )?;
    }
    writeln!(out, ", {} failed, {} left", count(tickers.failed), count(tickers.left))?;
    if it.without_rows.tickers > 0 {
        writeln!(out, "without row {}", without_rows(&it.without_rows, &workdir))?;
    }
    let is_bars = it.job == Job::Bars.to_string();
    if tickers.verified > 0 && (!is_bars || it.checked.is_some()) {
        let made = if is_bars { Made::Built } else { Made::Fetched };
        writeln!(out, "files       {}", files(it, made))?;
    }
    if let Some(at) = it.as_of {
        writeln!(out, "as of       {}", as_of(at, it.checked.as_ref(), &workdir))?;
    }
    let partitions = &it.partitions;
    writeln!(
        out,
        "partitions  {} / {} verified: {} data, {} empty, {} outside plan; {}",
        count(partitions.verified),
        count(partitions.expected),
        count(partitions.data),
        count(partitions.empty),
        count(partitions.outside_plan),
        counted(it.rows, "row")
    )?;
    if !it.reported.is_nothing() {
        let Reported { tickers, partitions, rows } = it.reported;
        let (tickers, partitions) = (counted(tickers, "ticker"), counted(partitions, "partition"));
        let rows = counted(rows, "row");
        writeln!(
            out,
            "reported    {tickers} done, {partitions}, {rows} by workers at work; not yet proven"
        )?;
    }
    if partitions.with_gaps() > 0 {
        writeln!(out, "gaps        {}", gaps(partitions.with_gaps()))?;
    }
    let batches = &it.batches;
    writeln!(
        out,
        "batches     {} / {} done, {} running, {} pending, {} in backoff, {} failed",
        count(batches.done),
        count(batches.total),
        count(batches.running),
        count(batches.pending),
        count(batches.backoff),
        count(batches.failed)
    )?;
    if it.state == State::Running {
        writeln!(
            out,
            "to go       {}",
            it.eta_seconds.map_or_else(|| "unknown yet".to_owned(), to_go)
        )?;
    }
    if let Some(bottleneck) = &it.bottleneck {
        writeln!(out, "held up by  {}", bottleneck.sentence)?;
    }
    if let Some(budget) = &it.budget {
        writeln!(out, "budget      {}", budget_line(budget))?;
    }
    let free = it.free_disk_bytes.map_or_else(|| "unknown".to_owned(), words::bytes);
    writeln!(out, "outdir      {} ({free} free)", it.outdir.display())?;
    list(out, &it.running, running_line)?;
    list(out, &it.retries, retry_lines)?;
    if !it.failures.is_empty() {
        writeln!(out, "failures")?;
    }
    list(out, &it.failures, failure_lines)
}

/// Whose attempts led to a pause: what several said is said once, with some of their names.
fn write_paused_by(out: &mut String, paused_by: &[PausedBy]) -> std::fmt::Result {
    let mut groups: Vec<(&str, Vec<&PausedBy>)> = Vec::new();
    for it in paused_by {
        match groups.iter_mut().find(|(said, _)| *said == it.said) {
            Some((_, group)) => group.push(it),
            None => groups.push((&it.said, vec![it])),
        }
    }
    for (said, group) in groups.iter().take(PAUSED_BY_MAX) {
        let named: Vec<String> = group
            .iter()
            .take(NAMED_MAX)
            .map(|it| format!("{} ({})", it.ticker, it.batch))
            .collect();
        let more = match group.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {} more", counted(more as u64, "ticker")),
        };
        writeln!(out, "  {}{more} said last: {said}", named.join(", "))?;
    }
    let rest = groups.iter().skip(PAUSED_BY_MAX).map(|(_, group)| group.len() as u64).sum();
    if rest > 0 { writeln!(out, "  and {}", counted(rest, "more ticker")) } else { Ok(()) }
}

/// How the files of a run came to be.
#[derive(Clone, Copy)]
enum Made {
    Fetched,
    Built,
}

/// Verified is one of two things: looked at, or read.
fn files(it: &Snapshot, made: Made) -> String {
    let Snapshot { tickers, checked, state, .. } = it;
    let (made, looked_at) = match made {
        Made::Fetched => ("fetched", "length, time and inode"),
        Made::Built => ("built", "length"),
    };
    let as_recorded = format!("as recorded ({looked_at}; `start --resume --check` reads them)");
    let Some(check) = checked else { return as_recorded };
    let mut text = format!(
        "{} checked at {:.0} (SHA-256 of {}",
        counted(tickers.checked, "ticker"),
        check.at,
        counted(check.files, "file")
    );
    if check.damaged > 0 {
        let became = if *state == State::Complete { "and were" } else { "to be" };
        text.extend([
            "; ",
            &count(check.damaged),
            " more missing or damaged, ",
            became,
            " ",
            made,
            " again",
        ]);
    }
    text.push(')');
    let without_files = it.without_rows.tickers.min(tickers.as_recorded);
    let as_recorded_ones = tickers.as_recorded - without_files;
    if as_recorded_ones > 0 {
        text.extend([", ", &count(as_recorded_ones), " ", &as_recorded]);
    }
    if without_files > 0 {
        text.extend([", ", &count(without_files), " without files"]);
    }
    text
}

/// The time of what is said of files.
fn as_of(at: Timestamp, checked: Option<&Check>, workdir: &Workdir) -> String {
    if checked.is_some_and(|check| check.at == at) {
        return format!("{at:.0}, when they were checked");
    }
    format!(
        "{at:.0}, when the run ended; later changes of its files are not checked: {} --check reads them",
        words::command("status", workdir)
    )
}

fn without_rows(it: &WithoutRows, workdir: &Workdir) -> String {
    let named = |ticker: &Ticker| {
        let hint = it.hints.iter().find(|hint| hint.ticker == *ticker);
        hint.map_or_else(|| ticker.to_string(), |hint| format!("{ticker}: {}", hint.hint))
    };
    let names: Vec<String> = it.examples.iter().map(named).collect();
    let more = if it.tickers > names.len() as u64 && !names.is_empty() { ", ..." } else { "" };
    format!(
        "{} verified without one row ({}{more}): unknown to the source, misspelled, or not traded; list them: {} --state without-rows",
        counted(it.tickers, "ticker"),
        names.join(", "),
        words::command("tickers", workdir)
    )
}

fn gaps(partitions: u64) -> String {
    let lack = if partitions == 1 {
        "1 partition lacks"
    } else {
        &format!("{} partitions lack", count(partitions))
    };
    format!(
        "{lack} days that the plan of the API key does not reach; `{} why TICKER` names them",
        words::program()
    )
}

/// The first of `items`, and how many more there are.
fn list<T>(out: &mut String, items: &[T], text: impl Fn(&T) -> String) -> std::fmt::Result {
    for item in items.iter().take(LIST_MAX) {
        writeln!(out, "{}", text(item))?;
    }
    match items.len().saturating_sub(LIST_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  and {} more", count(more as u64)),
    }
}

fn retry_lines(group: &RetryGroup) -> String {
    let batches = if group.batches == 1 { "batch waits" } else { "batches wait" };
    format!(
        "  {} {batches} for another attempt, the first until {:.0}: {}\n      for example {}: {}",
        count(group.batches),
        group.next_at,
        group.cause,
        group.example,
        group.log.display()
    )
}

fn failure_lines(group: &FailureGroup) -> String {
    let what = match &group.kind {
        Some(kind) if *kind != group.cause && group.tickers > 1 => {
            format!("{kind}, such as: {}", group.cause)
        }
        Some(_) | None => group.cause.clone(),
    };
    let quote =
        group.log_line.as_ref().map_or_else(String::new, |line| format!("\n      > {line}"));
    format!(
        "  {} x {}\n      for example {}{}: {}{quote}",
        count(group.tickers),
        what,
        group.example,
        days_of(group.days),
        group.log.display()
    )
}

/// Said only of a ticker that was split by date.
fn days_of(part: Option<DateRange>) -> String {
    part.map_or_else(String::new, |days| format!(" {days}"))
}

fn progress(it: &Progress, failed: u64) -> String {
    let given_up = match failed {
        0 => String::new(),
        some => format!(" ({} given up)", counted(some, "ticker")),
    };
    let proven = if it.proven_percent < it.percent {
        format!(", of which {} % proven", it.proven_percent)
    } else {
        String::new()
    };
    format!("{} % of {}{proven}{given_up}", it.percent, counted_by(it.by))
}

/// What was done before the run is in no batch.
fn counted_by(by: CountedBy) -> &'static str {
    match by {
        CountedBy::Tickers => "the tickers in batches",
        CountedBy::Rows => "the rows expected of its batches",
        CountedBy::Weights => "the weights of its batches (a guess)",
    }
}

fn to_go(eta: Eta) -> String {
    let (low, likely, high) =
        (words::span(eta.low), words::span(eta.likely), words::span(eta.high));
    format!("{low} to {high}, likely {likely}")
}

/// What a pause waits for.
fn pause_line(pause: &Pause) -> String {
    let before = |failed: u32| {
        if failed == 0 { String::new() } else { format!(", {failed} canaries before it failed") }
    };
    match pause {
        Pause::Look { next_at } => format!("checked again by {next_at:.0}"),
        Pause::Canary { next_at, failed } => {
            format!("a canary batch starts at {next_at:.0}{}", before(*failed))
        }
        Pause::CanarySent { batch, failed } => {
            format!("{batch} runs as the canary{}", before(*failed))
        }
    }
}

/// Everybody's use of the key on this machine, not this run's alone.
fn budget_line(budget: &Usage) -> String {
    let used = counted(budget.used_last_minute, "request");
    let allowed = count(budget.allowed_per_minute);
    let mut parts = vec![format!("{used} in the last minute, {allowed} allowed ({})", budget.rate)];
    if budget.pace_percent < 100 {
        parts.push(format!("slowed to {} % after a 429", budget.pace_percent));
    }
    if budget.paused_ms > 0 {
        parts.push(format!("paused for {} s by the server", budget.paused_ms.div_ceil(1000)));
    }
    if budget.refused > 0 {
        parts.push(format!("{} answered with 429 so far", count(budget.refused)));
    }
    parts.join("; ")
}

/// A supervisor whose disk is full can't write how its run ended: then it has died for whoever
/// looks.
fn headline(state: &State, workdir_free: Option<u64>, running: u64) -> String {
    let live_on = match running {
        0 => String::new(),
        1 => "; 1 worker lives on".to_owned(),
        some => format!("; {} workers live on", count(some)),
    };
    match state {
        State::Died(_) if workdir_free.is_some_and(|free| free < FULL_BELOW) => {
            let free = words::bytes(workdir_free.unwrap_or(0));
            format!(
                "SUPERVISOR DIED: the disk of the work directory is full ({free} free), so nobody could write how the run \
                 ended; nothing that is proven is lost. Make room there first"
            )
        }
        State::Prepared => "PREPARED".to_owned(),
        State::Running => "RUNNING".to_owned(),
        State::Paused(why) => format!("PAUSED: {why}; resumes by itself when that is over"),
        State::Stopping(why) => format!("STOPPING {why}"),
        State::Died(words) if words.is_empty() => format!("SUPERVISOR DIED{live_on}"),
        State::Died(words) => format!("SUPERVISOR DIED (last words: {words}){live_on}"),
        State::Complete => "COMPLETE".to_owned(),
        State::Incomplete(what) => {
            format!("INCOMPLETE ({})", what.trim_start_matches("incomplete: "))
        }
        State::Stopped(why) => format!("STOPPED {why}"),
    }
}

fn next_step(state: &State, failed: u64, workdir: &Workdir) -> String {
    match state {
        State::Running | State::Paused(_) | State::Stopping(_) | State::Complete => String::new(),
        State::Prepared => format!("; start with: {}", words::resume_command(workdir)),
        State::Incomplete(_) if failed == 0 => {
            format!("; make it complete with: {}", words::resume_command(workdir))
        }
        State::Died(_) | State::Stopped(_) => {
            format!("; resume with: {}", words::resume_command(workdir))
        }
        State::Incomplete(_) => {
            format!("; try the failed ones again with: {}", words::resume_command(workdir))
        }
    }
}

fn running_line(batch: &RunningBatch) -> String {
    let named: Vec<&str> = batch.tickers.iter().take(CURRENT_MAX).map(Ticker::as_str).collect();
    let more = batch.tickers.len().saturating_sub(CURRENT_MAX);
    let tickers = match (named.is_empty(), more) {
        (true, _) => "no ticker yet".to_owned(),
        (false, 0) => named.join(" "),
        (false, more) => format!("{} +{more}", named.join(" ")),
    };
    let quiet = batch.quiet_seconds.map_or_else(
        || "nothing heard".to_owned(),
        |s| format!("last heard {} ago", words::span(s)),
    );
    let memory = batch.rss_bytes.map_or_else(String::new, |rss| format!("  {}", words::bytes(rss)));
    format!(
        "  {}.{}  {}  {tickers}{}  {} ({}/s)  {}{memory}  {quiet}",
        batch.batch,
        batch.attempt,
        words::span(batch.seconds),
        days_of(batch.days),
        counted(batch.rows, "row"),
        count(batch.rows_per_second),
        counted(batch.pages, "page"),
    )
}
