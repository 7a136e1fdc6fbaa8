//! `why`: everything that is known of one ticker, as text and as JSON. Gathered once by the
//! command.

use std::cmp::Reverse;
use std::fmt::Write;
use std::iter;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::dataset::ledger::Summary;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::workdir::BatchId;

use super::log_lines::LogLine;
use super::story::{AttemptStory, Chapter, Result};
use super::words::{self, count, counted};
use crate::supervise::batch::Charges;

/// So many ranges of missing days and damaged files are named; JSON has all.
const NAMED_MAX: usize = 10;
/// A cause of so many letters is printed once.
const LONG_CAUSE: usize = 60;

/// Everything about one ticker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    pub ticker: Ticker,
    /// Name of the run.
    pub run: String,
    /// Kind of data.
    pub job: String,
    /// What the run is to prove, New York days, inclusive.
    pub days: DateRange,
    /// What its batch has of it; of one that was split by date, the part that most needs a look.
    #[serde(flatten)]
    pub share: Share,
    /// All parts in the order of their days, if it was split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Share>,
    /// So many charges of each kind are allowed.
    pub retries: u32,
    /// What its ledger proves.
    pub ledger: Proof,
    /// What to type to have it tried again; null while that happens by itself or nothing is
    /// missing.
    pub again: Option<String>,
    /// What to type to have it tried again in the way that its failure advises, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
    /// Does the run go on? Then that can be typed only once it has ended.
    pub goes_on: bool,
    /// How a ticker may be spelled that is proven, or was given up, without one row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spelling: Option<String>,
    /// The day of the newest reference snapshot, if that has the ticker as it is spelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<TradingDay>,
    /// What to type to learn how tickers are spelled, where no snapshot is there to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Why {
    /// Is every day proven, and not one row of it?
    pub fn is_without_rows(&self) -> bool {
        matches!(self.share.now, Now::Verified | Now::Surveyed) && self.ledger.summary.rows == 0
    }

    /// Is it given up, and not one row of it proven? Then nobody may know it, as it is spelled.
    pub fn failed_without_rows(&self) -> bool {
        matches!(self.share.now, Now::Failed { .. }) && self.ledger.summary.rows == 0
    }
}

/// What one batch has of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// Where it stands.
    pub now: Now,
    /// Its batch; null when it is in none.
    pub batch: Option<BatchId>,
    /// The days of which the batch has it, where they are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<DateRange>,
    /// The log of that batch.
    pub log: Option<PathBuf>,
    /// What happened, in order.
    pub story: Vec<Chapter>,
    /// The most telling line of each attempt's log.
    pub log_lines: Vec<Quote>,
    /// What it was charged with; null once it is done or given up.
    pub charges: Option<Charges>,
}

impl Share {
    /// Of a ticker that is in no batch.
    pub fn of_no_batch(now: Now) -> Self {
        Self {
            now,
            batch: None,
            part: None,
            log: None,
            story: Vec::new(),
            log_lines: Vec::new(),
            charges: None,
        }
    }
}

/// What an attempt's log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    pub attempt: u32,
    /// File, line number and text.
    #[serde(flatten)]
    pub line: LogLine,
}

/// Where a ticker stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Now {
    /// It was proven before the run began, and is in no batch.
    Surveyed,
    /// It is in no batch, and not proven any more: the next start plans it.
    NotPlanned,
    /// Its ledger proves every day.
    Verified,
    /// A script says that it is done; there is no ledger.
    ReportedByScript,
    /// It was done, and its ledger does not prove it any more.
    NoLongerProven,
    /// A worker has it.
    Running {
        /// Counted from 1.
        attempt: u32,
        /// Since the attempt began.
        seconds: u64,
        /// Does the worker say to be at it?
        is_begun: bool,
        /// Rows received of it in this attempt.
        rows: u64,
        /// Pages received of it in this attempt.
        pages: u64,
        /// Since the worker's last event; null when it has said nothing yet.
        quiet_seconds: Option<u64>,
    },
    /// Its batch is being worked on, but another part of it.
    InAnotherPart {
        /// The attempt that runs.
        attempt: u32,
    },
    /// It waits for a worker.
    Waiting,
    /// It waits for another attempt.
    Backoff {
        /// Until then, UTC.
        until: Timestamp,
        /// What its batch was charged with last.
        cause: String,
    },
    /// It is given up.
    Failed {
        /// In one sentence.
        cause: String,
        /// The attempt that was the last straw.
        attempt: u32,
    },
    /// An attempt that nobody attends to had it.
    Abandoned { attempt: u32 },
}

impl Now {
    /// Which of several parts is to be looked at first? The one with the lowest number.
    pub fn urgency(&self) -> u8 {
        match self {
            Self::Failed { .. } => 0,
            Self::NoLongerProven | Self::Abandoned { .. } => 1,
            Self::Backoff { .. } => 2,
            Self::Running { .. } => 3,
            Self::InAnotherPart { .. } | Self::Waiting | Self::NotPlanned => 4,
            Self::ReportedByScript | Self::Surveyed | Self::Verified => 5,
        }
    }
}

/// What a ledger proves of the days of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The ledger.
    pub file: PathBuf,
    /// Why it can't be used; null when it can.
    pub error: Option<String>,
    /// Proven partitions and rows.
    #[serde(flatten)]
    pub summary: Summary,
    /// Files that were held against their SHA-256 by the last `start --check` of the run.
    pub checked: u64,
    /// When that was; null when there was none.
    pub checked_at: Option<Timestamp>,
    /// Files whose length, time and inode are as recorded when their bytes were written or last
    /// compared.
    pub as_recorded: u64,
    /// Days that are not proven.
    pub missing: Vec<DateRange>,
    /// Days that the plan of the API key does not reach: nobody asks for them again.
    pub outside_plan: Vec<DateRange>,
    /// Days that `verify --adopt` has proven, and no answer of the source since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adopted: Vec<DateRange>,
    /// Files that are not what the ledger says.
    pub damaged: Vec<DamagedFile>,
}

/// A file that is not what its ledger line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedFile {
    pub file: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// As JSON, with a newline.
pub fn json(why: &Why) -> String {
    serde_json::to_string(why).expect("plain data") + "\n"
}

/// For people.
pub fn render(why: &Why) -> String {
    let mut text = String::new();
    write(&mut text, why).expect("a string takes what is written");
    causes(why).into_iter().fold(text, |text, cause| once(&text, cause))
}

/// Long causes, the longest first: each is printed once.
fn causes<'a>(why: &'a Why) -> Vec<&'a str> {
    let of_chapter = |chapter: &'a Chapter| match chapter {
        Chapter::Attempt(attempt) => match &attempt.end.as_ref()?.result {
            Result::Done => None,
            Result::Charged { cause }
            | Result::NotCharged { cause }
            | Result::GivenUp { cause } => Some(cause.as_str()),
        },
        Chapter::Planned { .. } | Chapter::Reopened { .. } | Chapter::Forgiven { .. } => None,
    };
    let shares = iter::once(&why.share).chain(&why.parts);
    let mut causes: Vec<&str> = shares
        .flat_map(|share| &share.story)
        .filter_map(of_chapter)
        .filter(|cause| cause.chars().count() >= LONG_CAUSE)
        .collect();
    causes.sort_by_key(|cause| (Reverse(cause.len()), *cause));
    causes.dedup();
    causes
}

/// `text` with `said` at its first place, and "the same" at others.
fn once(text: &str, said: &str) -> String {
    match text.split_once(said) {
        Some((before, after)) => format!("{before}{said}{}", after.replace(said, "the same")),
        None => text.to_owned(),
    }
}

fn write(out: &mut String, why: &Why) -> std::fmt::Result {
    writeln!(out, "{}: {}", why.ticker, headline(why))?;
    writeln!(out, "run         {} ({} {})", why.run, why.job, why.days)?;
    if why.parts.is_empty() {
        tell(out, &why.share, why.retries)?;
    }
    why.parts.iter().try_for_each(|part| tell(out, part, why.retries))?;
    proof(out, &why.ledger)?;
    if let Some(spelling) = &why.spelling {
        let said = if why.failed_without_rows() {
            "nothing of it is on disk"
        } else {
            "the source has none in these days"
        };
        writeln!(out, "without row {said}; {spelling}")?;
    }
    if let Some(command) = &why.reference {
        writeln!(out, "to look up  the symbols that the source lists: {command}")?;
    }
    match &why.again {
        Some(command) if why.goes_on => {
            writeln!(out, "try again   once the run has ended: {command}")?;
        }
        Some(command) => writeln!(out, "try again   {command}")?,
        None => {}
    }
    why.otherwise.iter().try_for_each(|command| writeln!(out, "or          {command}"))
}

fn headline(why: &Why) -> String {
    let now = if why.is_without_rows() && why.ledger.summary.partitions_empty > 0 {
        without_rows(why)
    } else {
        standing(&why.share.now)
    };
    let Some(days) = why.share.part else { return now };
    let batches = why.parts.len();
    match why.parts.iter().filter(|part| matches!(part.now, Now::Verified)).count() {
        done if done == batches => format!("{now} (split by date into {batches} batches)"),
        done => format!("split by date into {batches} batches, {done} of them done; {days} {now}"),
    }
}

/// Of a ticker that is done without one row: most are misspelled.
fn without_rows(why: &Why) -> String {
    let is_older = matches!(why.share.now, Now::Surveyed);
    let done = if is_older { "proven before this run began" } else { "done" };
    let end = if why.listed.is_some() { " in these days" } else { ": is it spelled so?" };
    format!("{done}, but the source has not one row of it{end}")
}

/// What happened in one batch.
fn tell(out: &mut String, share: &Share, retries: u32) -> std::fmt::Result {
    if let (Some(batch), Some(log)) = (share.batch, &share.log) {
        let days = share.part.map_or_else(String::new, |days| format!(" ({days})"));
        writeln!(out, "batch       {batch}{days}: {}", log.display())?;
    }
    if share.part.is_some() {
        writeln!(out, "  now       {}", standing(&share.now))?;
    }
    for chapter in &share.story {
        writeln!(out, "  {}", chapter_line(chapter, share.batch))?;
        if let Chapter::Attempt(attempt) = chapter {
            let own = share.log_lines.iter().filter(|quote| quote.attempt == attempt.attempt);
            own.map(|quote| &quote.line).try_for_each(|line| {
                let number = line.line.map_or_else(String::new, |number| format!(":{number}"));
                writeln!(out, "      {}{number}\n      > {}", line.file.display(), line.text)
            })?;
        }
    }
    if let Some(Charges { transient, crash, memory }) = share.charges {
        writeln!(
            out,
            "charges     {transient} transient, {crash} crash, {memory} memory; {retries} of each allowed (--retries)"
        )?;
    }
    Ok(())
}

fn proof(out: &mut String, proof: &Proof) -> std::fmt::Result {
    let file = proof.file.display();
    if let Some(error) = &proof.error {
        return writeln!(out, "ledger      can't be used: {error}");
    }
    let Summary { partitions_data, partitions_empty, partitions_outside_plan, rows, .. } =
        proof.summary;
    writeln!(
        out,
        "ledger      {file}: {} with data, {} empty, {} outside the plan; {}",
        counted(partitions_data, "partition"),
        count(partitions_empty),
        count(partitions_outside_plan),
        counted(rows, "row")
    )?;
    files(out, proof)?;
    if !proof.missing.is_empty() {
        writeln!(out, "missing     {}", days_of(&proof.missing))?;
    }
    if !proof.outside_plan.is_empty() {
        writeln!(out, "beyond plan {}", days_of(&proof.outside_plan))?;
    }
    if !proof.adopted.is_empty() {
        writeln!(out, "adopted     {}", days_of(&proof.adopted))?;
    }
    for file in proof.damaged.iter().take(NAMED_MAX) {
        writeln!(out, "damaged     {}: {}", file.file.display(), file.what)?;
    }
    match proof.damaged.len().saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        more => writeln!(out, "            and {}", counted(more as u64, "more file")),
    }
}

/// How the bytes of its files are known.
fn files(out: &mut String, proof: &Proof) -> std::fmt::Result {
    let checked = proof.checked_at.filter(|_| proof.checked > 0);
    let checked =
        checked.map(|at| format!("{} checked at {at:.0} (SHA-256)", count(proof.checked)));
    let as_recorded = (proof.as_recorded > 0)
        .then(|| format!("{} as recorded (length, time and inode)", count(proof.as_recorded)));
    let said: Vec<String> = checked.into_iter().chain(as_recorded).collect();
    if said.is_empty() { Ok(()) } else { writeln!(out, "files       {}", said.join(", ")) }
}

fn days_of(ranges: &[DateRange]) -> String {
    let days = ranges.iter().map(|range| u64::from(range.days())).sum();
    let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    format!("{}: {}", counted(days, "day"), some_of(&ranges, ", "))
}

fn some_of(items: &[String], between: &str) -> String {
    let shown = items[..items.len().min(NAMED_MAX)].join(between);
    match items.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {} more (--json has all)", count(more as u64)),
    }
}

fn standing(now: &Now) -> String {
    match now {
        Now::Surveyed => "proven before this run began; it is in no batch".to_owned(),
        Now::NotPlanned => "in no batch yet".to_owned(),
        Now::Verified => "done, every day is proven".to_owned(),
        Now::ReportedByScript => "reported done by the script; no ledger proves it".to_owned(),
        Now::NoLongerProven => "it was done, but its ledger does not prove it any more".to_owned(),
        Now::Running { attempt, seconds, is_begun, rows, pages, quiet_seconds } => {
            let at_it = if *is_begun { "being worked on" } else { "given to a worker" };
            let quiet = quiet_seconds.map_or_else(
                || "nothing heard".to_owned(),
                |seconds| format!("last heard {} ago", words::span(seconds)),
            );
            let (rows, pages) = (counted(*rows, "row"), counted(*pages, "page"));
            let for_long = words::span(*seconds);
            format!("{at_it} in attempt {attempt} for {for_long}; {rows}, {pages}, {quiet}")
        }
        Now::InAnotherPart { attempt } => {
            format!("waiting; attempt {attempt} works on another part of its batch")
        }
        Now::Waiting => "waiting for a worker".to_owned(),
        Now::Backoff { until, cause } => {
            format!("waiting until {until:.0} for another attempt ({cause})")
        }
        Now::Failed { cause, attempt } => format!("given up after attempt {attempt}: {cause}"),
        Now::Abandoned { attempt } => {
            format!("not done; attempt {attempt} had it when the supervisor and its worker died")
        }
    }
}

fn chapter_line(chapter: &Chapter, batch: Option<BatchId>) -> String {
    match chapter {
        Chapter::Planned { at, batch, members } => {
            format!("{at:.0}  planned in {batch}, {}", counted(*members as u64, "ticker"))
        }
        Chapter::Reopened { at } => {
            format!("{at:.0}  taken up again: not every day asked for is proven")
        }
        Chapter::Forgiven { at } => format!("{at:.0}  the run was begun again: another chance"),
        Chapter::Attempt(attempt) => {
            let name = batch.map_or_else(String::new, |batch| format!("{batch}."));
            format!("{:.0}  {name}{}", attempt.began_at, attempt_line(attempt))
        }
    }
}

fn attempt_line(attempt: &AttemptStory) -> String {
    let with = counted(attempt.tickers as u64, "ticker");
    let Some(end) = &attempt.end else { return format!("{} with {with}: runs", attempt.attempt) };
    let took = end.at.duration_since(attempt.began_at).as_secs();
    let took = words::span(u64::try_from(took).unwrap_or(0));
    let result = match &end.result {
        Result::Done => "done".to_owned(),
        Result::Charged { cause } => format!("{cause}; charged"),
        Result::NotCharged { cause } => format!("{cause}; not charged"),
        Result::GivenUp { cause } => format!("{cause}; given up"),
    };
    let words = if end.last_words.is_empty() {
        String::new()
    } else {
        format!(" (last words: {})", end.last_words)
    };
    format!("{} with {with}: {} after {took}{words}: {result}", attempt.attempt, end.ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cause_is_printed_once() {
        let text = "A: given up: it broke\n  attempt 1: it broke; charged\n  > ERROR A: it broke\n";
        let expected =
            "A: given up: it broke\n  attempt 1: the same; charged\n  > ERROR A: the same\n";
        assert_eq!(once(text, "it broke"), expected);
        assert_eq!(once(text, "it is fine"), text);
    }
}
