//! `status` as text: one glance.

use std::fmt::Write;

use shared::market::ticker::Ticker;
use shared::pace::budget::Usage;
use shared::run::workdir::Workdir;

use super::snapshot::{RunningBatch, Snapshot, State};
use super::words::{self, count, counted};

/// How many running batches and failure groups are listed.
const LIST_MAX: usize = 20;
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
    writeln!(out, "{}{}", headline(&it.state), next_step(&it.state, &workdir))?;
    writeln!(out, "run         {} ({} {}..{})", it.run, it.job, it.from, it.to)?;
    let tickers = &it.tickers;
    write!(out, "tickers     {} / {} verified", count(tickers.verified), count(tickers.expected))?;
    if tickers.reported_by_script > 0 {
        write!(out, ", {} reported by the script, not verified", count(tickers.reported_by_script))?;
    }
    writeln!(out, ", {} failed, {} left", count(tickers.failed), count(tickers.left))?;
    let partitions = &it.partitions;
    writeln!(
        out,
        "partitions  {} data, {} empty, {} outside plan; {}",
        count(partitions.data),
        count(partitions.empty),
        count(partitions.outside_plan),
        counted(it.rows, "row")
    )?;
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
    if let Some(seconds) = it.eta_seconds {
        writeln!(out, "to go       about {} at the pace so far", words::span(seconds))?;
    }
    if let Some(budget) = &it.budget {
        writeln!(out, "budget      {}", budget_line(budget))?;
    }
    let free = it.free_disk_bytes.map_or_else(|| "unknown".to_owned(), words::bytes);
    writeln!(out, "outdir      {} ({free} free)", it.outdir.display())?;
    for batch in it.running.iter().take(LIST_MAX) {
        writeln!(out, "{}", running_line(batch))?;
    }
    if it.running.len() > LIST_MAX {
        writeln!(out, "  and {} more", count((it.running.len() - LIST_MAX) as u64))?;
    }
    for group in it.retries.iter().take(LIST_MAX) {
        let batches = if group.batches == 1 { "batch waits" } else { "batches wait" };
        writeln!(out, "  {} {batches} for another attempt: {}", count(group.batches), group.cause)?;
        writeln!(out, "      for example {}: {}", group.example, group.log.display())?;
    }
    if !it.failures.is_empty() {
        writeln!(out, "failures")?;
    }
    for group in it.failures.iter().take(LIST_MAX) {
        writeln!(out, "  {} x {}", count(group.tickers), group.cause)?;
        writeln!(out, "      for example {}: {}", group.example, group.log.display())?;
    }
    if it.failures.len() > LIST_MAX {
        writeln!(out, "  and {} other causes", count((it.failures.len() - LIST_MAX) as u64))?;
    }
    Ok(())
}

/// Everybody's use of the key on this machine, not this run's alone.
fn budget_line(budget: &Usage) -> String {
    let (used, allowed) = (count(budget.used_last_minute), count(budget.allowed_per_minute));
    let mut parts = vec![format!("{used} requests in the last minute, {allowed} allowed ({})", budget.rate)];
    if budget.pace_percent < 100 {
        parts.push(format!("slowed to {} % after a 429", budget.pace_percent));
    }
    if budget.paused_ms > 0 {
        parts.push(format!("paused for {} s by the server", budget.paused_ms.div_ceil(1000)));
    }
    if budget.refused > 0 {
        parts.push(format!("{} refused so far", count(budget.refused)));
    }
    parts.join("; ")
}

fn headline(state: &State) -> String {
    match state {
        State::Prepared => "PREPARED".to_owned(),
        State::Running => "RUNNING".to_owned(),
        State::Paused(why) => format!("PAUSED: {why}; goes on by itself when that is gone"),
        State::Stopping(why) => format!("STOPPING {why}"),
        State::Died(words) if words.is_empty() => "SUPERVISOR DIED".to_owned(),
        State::Died(words) => format!("SUPERVISOR DIED (last words: {words})"),
        State::Complete => "COMPLETE".to_owned(),
        State::Incomplete(what) => format!("INCOMPLETE ({})", what.trim_start_matches("incomplete: ")),
        State::Stopped(why) => format!("STOPPED {why}"),
    }
}

fn next_step(state: &State, workdir: &Workdir) -> String {
    match state {
        State::Running | State::Paused(_) | State::Stopping(_) | State::Complete => String::new(),
        State::Prepared => format!("  (begin with: {})", words::resume_command(workdir)),
        State::Died(_) | State::Stopped(_) => format!("  (resume with: {})", words::resume_command(workdir)),
        State::Incomplete(_) => {
            format!("  (try the failed ones again with: {})", words::resume_command(workdir))
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
    let quiet = batch
        .quiet_seconds
        .map_or_else(|| "nothing heard".to_owned(), |s| format!("last heard {} ago", words::span(s)));
    format!(
        "  {}.{}  {}  {tickers}  {}  {}  {quiet}",
        batch.batch,
        batch.attempt,
        words::span(batch.seconds),
        counted(batch.rows, "row"),
        counted(batch.pages, "page"),
    )
}
