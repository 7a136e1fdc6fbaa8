//! The command line: arguments parsed into plain structs. Nothing is decided here.
//!
//! An argument that was not given stays `None`. [`plan`](crate::plan) fills in defaults, because a
//! resumed run must distinguish an argument that was left out from one that names the default.

pub mod again;
pub mod calendar;
pub mod adopt;
pub mod verify;

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use shared::dataset::kind::Columns;
use shared::market::bar::Modes;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::pace::rate::{Rate, Spacing};
use shared::run::duplicates::Duplicates;
use shared::run::limits::{LONGEST_BACKOFF, MAX_TRIES, MAX_WORKER_THREADS};
use shared::run::size::Size;
use shared::run::via::Via;
use shared::run::window::Window;
use shared::run::workdir::BatchId;

use self::verify::VerifyArgs;
use crate::job::Job;

/// Downloads market data of a list of tickers, resumes after any stop, and proves what is on disk.
#[derive(Debug, Parser)]
#[command(name = "launcher", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the options of `start` are about; those without a heading come first.
const DATA: &str = "Data";
const BARS: &str = "Bars (--job bars)";
const SOURCE: &str = "Source";
const BATCHES: &str = "Batches and workers";
const LIMITS: &str = "Limits";
const SUPERVISION: &str = "Supervision";

/// What `wait` means by its exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0    complete: every ticker is done (its ledger proves it, or a script reported it). `wait` names
       the tickers without a single row: they may be unknown to the source, or misspelled
  3    complete, with gaps in the plan: the plan of the API key does not reach some partitions,
       wholly or in part. Empty partitions are not gaps: weekends, for example
  1    incomplete: tickers failed, or the run was stopped or has died; `launcher status` says which
  2    no such run, or its run.json or journal is damaged; the error says why
  124  --timeout has passed and the run goes on";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check everything, start a run (or resume one) and detach
    Start(Box<StartArgs>),
    /// Show where a run stands, at a glance
    Status(StatusArgs),
    /// Stop a run and all its processes; committed data stays, and `start --resume` continues
    Stop(StopArgs),
    /// Explain one ticker: its batch, every attempt, the cause, what is missing, what to type
    Why(WhyArgs),
    /// Print the tickers that failed, are left, are done, or have no rows: a CSV that --tickers-csv
    /// accepts
    Tickers(TickersArgs),
    /// Print the log of a batch, or of the batch that has a ticker
    Logs(LogsArgs),
    /// Wait until the run ends: 0 complete, 3 complete with gaps in the plan, 1 incomplete, 124
    /// timeout
    #[command(after_help = EXIT_CODES)]
    Wait(WaitArgs),
    /// Hold what is on disk against what ought to be there: 0 complete, 3 confirmed empty, 4
    /// incomplete, 5 damaged, 6 suspect only
    #[command(after_help = verify::EXIT_CODES)]
    Verify(Box<VerifyArgs>),
    /// Print the exchange's sessions: date, full or half, open and close in New York and in UTC
    Calendar(calendar::CalendarArgs),
    /// The detached supervisor itself; started by `start`
    #[command(hide = true)]
    Supervise(SuperviseArgs),
    /// The parent of one worker; started by the supervisor
    #[command(hide = true)]
    Attend(AttendArgs),
}

/// `launcher start`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person may give or not")]
#[derive(Debug, Clone, Default, Args)]
pub struct StartArgs {
    /// Folder of this run: state, logs, batches (one run, one folder)
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Download daily, minute or trades data, or make bars from downloaded data
    #[arg(long, value_name = "JOB")]
    pub job: Option<Job>,
    /// CSV with a column `ticker`; --resume with more tickers extends the run
    #[arg(long, value_name = "FILE")]
    pub tickers_csv: Option<PathBuf>,
    /// Root of the Parquet tree
    #[arg(long, value_name = "DIR")]
    pub outdir: Option<PathBuf>,
    /// First day asked for, New York, inclusive; --resume with an earlier one extends the run
    #[arg(long, value_name = "DATE")]
    pub from: Option<TradingDay>,
    /// Last day asked for, New York, inclusive; --resume with a later one extends the run; --resume
    /// with the same one adds the days that have settled since
    #[arg(long, value_name = "DATE")]
    pub to: Option<TradingDay>,
    /// Continue the run in --workdir; other options extend it (days, tickers) or change its knobs
    /// (rate, retries, limits, ...). For a new run: trust what the ledgers in --outdir prove
    #[arg(long)]
    pub resume: bool,
    /// Print the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Ask for split-adjusted bars
    #[arg(help_heading = DATA, long)]
    pub adjusted: bool,
    /// Columns of trades: narrow (stamp, price, size) or full [default: narrow]
    #[arg(help_heading = DATA, long, value_name = "CHOICE")]
    pub columns: Option<Columns>,
    /// Time zone of days, and so of files: `America/New_York` or UTC [default: `America/New_York`]
    #[arg(help_heading = DATA, long, value_name = "ZONE")]
    pub tz: Option<Zone>,
    /// What to do with two different bars of the same time: refuse their partition, keep-last or
    /// keep-first [default: refuse]
    #[arg(help_heading = DATA, long, value_name = "CHOICE")]
    pub duplicates: Option<Duplicates>,
    /// Run this executable instead of `worker`, with the same arguments. The launcher ends all its
    /// processes with the attempt, daemons too. Without a writable cgroup v2 there is one
    /// exception: a process survives `stop` if it kills its shim and its supervisor and clears its
    /// environment within half a second of its start
    #[arg(help_heading = DATA, long, value_name = "PATH")]
    pub ingest_script: Option<PathBuf>,
    /// Root of the trades to make bars from
    #[arg(help_heading = BARS, long, value_name = "DIR", conflicts_with = "agg1m_root")]
    pub trades_root: Option<PathBuf>,
    /// Root of the 1-minute bars to make bars from
    #[arg(help_heading = BARS, long, value_name = "DIR")]
    pub agg1m_root: Option<PathBuf>,
    /// Which kinds, all in one pass (`bars --help` explains them): TB,VB,DB,TIB,VIB,DIB,TRB,VRB,DRB
    /// or all
    #[arg(help_heading = BARS, long, value_name = "MODE,…", value_delimiter = ',')]
    pub mode: Vec<Modes>,
    /// --job bars: options after -- are passed to `bars` unchanged: -- --target 50000 --extended
    #[arg(last = true, value_name = "BARS OPTIONS")]
    pub bars: Vec<String>,
    /// URL of the data service [default: `https://api.massive.com`]
    #[arg(help_heading = SOURCE, long, value_name = "URL", env = "POLYGON_BASE_URL", hide_env_values = true)]
    pub base_url: Option<String>,
    /// Allow plain http to a host that is not this machine
    #[arg(help_heading = SOURCE, long)]
    pub allow_http: bool,
    /// Limit on requests, shared by everything on this machine that uses the key: 500/min, 100/s
    #[arg(help_heading = SOURCE, long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// The same in seconds between requests; 0 is no pause
    #[arg(help_heading = SOURCE, long, value_name = "SECONDS", conflicts_with = "rate")]
    pub rate_limit: Option<Spacing>,
    /// How to fetch daily bars: ticker by ticker, the whole market session by session (grouped), or
    /// auto: whichever takes fewer requests [default: ticker]
    #[arg(help_heading = SOURCE, long, value_name = "CHOICE")]
    pub via: Option<Via>,
    /// Ask for a missing range in one go or month by month [default: range]
    #[arg(help_heading = SOURCE, long, value_name = "range|month")]
    pub window: Option<Window>,
    /// Time from 20:00 New York until a day counts as settled [default: 15h]
    #[arg(help_heading = SOURCE, long, value_name = "DURATION", value_parser = duration)]
    pub settle: Option<SignedDuration>,
    /// How many times later runs ask again where the answer was empty [default: 1]
    #[arg(help_heading = SOURCE, long, value_name = "N")]
    pub recheck_empty: Option<u32>,
    /// Tries of one request inside a worker, at most 100 [default: 8]
    #[arg(help_heading = SOURCE, long, value_name = "N", value_parser = tries)]
    pub tries: Option<NonZeroU32>,
    /// First pause between the tries of one request [default: 500ms]
    #[arg(help_heading = SOURCE, long, value_name = "DURATION", value_parser = backoff_base)]
    pub backoff_base: Option<SignedDuration>,
    /// Most tickers in a batch; a heavy ticker gets its own batch [default: 25; all tickers where
    /// bars come session by session]
    #[arg(help_heading = BATCHES, long, value_name = "N", conflicts_with = "shards", value_parser = at_least_one)]
    pub batch_size: Option<NonZeroU32>,
    /// Number of batches, instead of their size
    #[arg(help_heading = BATCHES, long, value_name = "N", value_parser = at_least_one)]
    pub shards: Option<NonZeroU32>,
    /// Workers at the same time [default: 6]
    #[arg(help_heading = BATCHES, long, value_name = "N", value_parser = at_least_one)]
    pub max_concurrent: Option<NonZeroU32>,
    /// Tickers at the same time in one worker, at most 64 [default: 4]
    #[arg(help_heading = BATCHES, long, value_name = "N", value_parser = worker_threads)]
    pub per_shard_workers: Option<NonZeroU32>,
    /// Further attempts at a ticker after the first one has failed [default: 2]
    #[arg(help_heading = BATCHES, long, value_name = "N")]
    pub retries: Option<u32>,
    /// Ticker sizes for tickers that are not yet in --outdir: the tree of an earlier run, or a CSV
    /// with ticker and weight, rows, volume or `market_cap` [default: such a column of
    /// --tickers-csv, unless --job daily]
    #[arg(help_heading = BATCHES, long, value_name = "PATH")]
    pub weights: Option<PathBuf>,
    /// Most resident memory of one worker and everything that it starts: 64MiB, 2G; 0 is no limit
    /// [default: no limit]
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = resident)]
    pub max_rss: Option<Size>,
    /// End an attempt at a batch that takes longer than this; 0s is never [default: no limit]
    #[arg(help_heading = LIMITS, long, value_name = "DURATION", value_parser = time_limit)]
    pub batch_timeout: Option<SignedDuration>,
    /// End an attempt that receives no row and no page for this long; 0s is never [default: 30m]
    #[arg(help_heading = LIMITS, long, value_name = "DURATION", value_parser = time_limit)]
    pub stall_timeout: Option<SignedDuration>,
    /// Close the run as incomplete when nothing new was proven for this long; 0s is never [default:
    /// 12h]
    #[arg(help_heading = LIMITS, long, value_name = "DURATION", value_parser = time_limit)]
    pub give_up_after: Option<SignedDuration>,
    /// Pause while less than this is free on the disk of --outdir or --workdir [default: 256MiB]
    #[arg(help_heading = LIMITS, long, value_name = "SIZE")]
    pub min_free_disk: Option<Size>,
    /// Start a further worker only if this much memory is likely to stay free [default: 256MiB]
    #[arg(help_heading = LIMITS, long, value_name = "SIZE")]
    pub min_free_memory: Option<Size>,
    /// Largest log of a batch; a longer log is cut, and its end is kept beside it [default: 64MiB]
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = log_size)]
    pub max_log: Option<Size>,
    /// Keep the folders of this many attempts of each batch, and all that tell why a ticker failed
    /// [default: 20]
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = at_least_one)]
    pub keep_attempts: Option<NonZeroU32>,
    /// Do not detach; show a progress bar on a terminal. Ctrl-C stops the run, a second Ctrl-C
    /// kills it
    #[arg(help_heading = SUPERVISION, long)]
    pub foreground: bool,
    /// First compare every file of the run with its SHA-256, even if its length, time and inode
    /// match, and fetch again what differs. This reads every byte. The run does not remember it:
    /// give it each time
    #[arg(help_heading = SUPERVISION, long, conflicts_with = "dry_run")]
    pub check: bool,
    /// Output of `worker reference`: `start` names the tickers that its newest snapshot lacks, with
    /// names that differ only in case, dot and dash, or in one letter [default: the folder reference beside the outdir, if it exists]
    #[arg(help_heading = SUPERVISION, long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// Post a line of JSON to this URL at every pause, at every stop and at the end; never the API
    /// key. On --resume, `none` turns it off
    #[arg(help_heading = SUPERVISION, long, value_name = "URL")]
    pub notify_url: Option<String>,
}

/// `launcher status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// One JSON object instead of text; docs/status.md explains every key
    #[arg(long)]
    pub json: bool,
    /// Repeat until the supervisor ends: every second on a terminal, else every 10 seconds
    #[arg(long)]
    pub watch: bool,
    /// First compare every file of the run with its SHA-256, as `start --check` does, and every
    /// done ticker with its ledger. Exit with 1 if a file is damaged or missing; `start --resume`
    /// fetches it again. This reads every byte
    #[arg(long, conflicts_with = "watch")]
    pub check: bool,
}

/// `launcher why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The ticker, as the CSV spells it
    pub ticker: String,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Output of `worker reference`, for the spelling of tickers [default: the folder reference
    /// beside the outdir]
    #[arg(long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// `launcher tickers`.
#[derive(Debug, Args)]
pub struct TickersArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Which tickers; the columns are ticker and cause
    #[arg(long, value_name = "STATE")]
    pub state: TickerState,
    /// Output of `worker reference`, for the spelling of tickers [default: the folder reference
    /// beside the outdir]
    #[arg(long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
}

/// Where a ticker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TickerState {
    /// Given up.
    Failed,
    /// Still to be done.
    Left,
    /// Every day is proven, and there is not one row.
    WithoutRows,
    /// Every day is proven.
    Done,
}

/// `launcher logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A ticker, or a batch such as `batch_0001`
    #[arg(value_name = "TICKER|BATCH")]
    pub name: String,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Follow the log as it grows, until the batch is over or Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// `launcher stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Kill at once instead of asking first
    #[arg(long)]
    pub now: bool,
    /// How long workers may take to end, at most 30s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = grace)]
    pub grace: SignedDuration,
}

/// `launcher wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Give up after this long, with exit code 124
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<SignedDuration>,
}

/// `launcher supervise`.
#[derive(Debug, Args)]
pub struct SuperviseArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
}

/// `launcher attend`.
#[derive(Debug, Args)]
pub struct AttendArgs {
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Run one attempt at this batch, such as `batch_0001`, and exit; without it, run the attempts
    /// that standard input names
    #[arg(long, value_name = "BATCH", requires = "attempt")]
    pub batch: Option<BatchId>,
    /// Number of the attempt, from 1
    #[arg(long, value_name = "N", requires = "batch")]
    pub attempt: Option<u32>,
}

fn worker_threads(text: &str) -> Result<NonZeroU32, String> {
    at_most(text, u32::from(MAX_WORKER_THREADS))
}

fn tries(text: &str) -> Result<NonZeroU32, String> {
    at_most(text, MAX_TRIES)
}

/// Workers refuse more than `limit`, so a run with more would get nowhere.
fn at_most(text: &str, limit: u32) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= limit);
    number.ok_or_else(|| format!("{text} is not a number from 1 to {limit}"))
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("{text} is not a number from 1 to {}", u32::MAX))
}

/// A size that no program can run in is a number whose unit was forgotten.
fn resident(text: &str) -> Result<Size, String> {
    const LEAST: Size = Size(1 << 20);
    let size: Size = text.parse()?;
    if size > Size(0) && size < LEAST {
        return Err(format!(
            "no program can run in {text} bytes; give at least {LEAST}, such as 512MiB, or 0 for no limit"
        ));
    }
    Ok(size)
}

/// So is a log that holds not even a few lines.
fn log_size(text: &str) -> Result<Size, String> {
    const LEAST: Size = Size(1 << 10);
    let size: Size = text.parse()?;
    if size < LEAST {
        return Err(format!("{text} bytes hold no log; at least {LEAST}, such as 64MiB"));
    }
    Ok(size)
}

/// No attempt gets anything done in less than a second, so no limit is shorter.
fn time_limit(text: &str) -> Result<SignedDuration, String> {
    let limit = duration(text)?;
    if !limit.is_zero() && limit < SignedDuration::from_secs(1) {
        return Err(format!(
            "{text} is too short for any work; at least 1s, such as 30m, or 0s for no limit"
        ));
    }
    Ok(limit)
}

fn backoff_base(text: &str) -> Result<SignedDuration, String> {
    let base = duration(text)?;
    let limit = SignedDuration::try_from(LONGEST_BACKOFF).unwrap_or(SignedDuration::MAX);
    if base > limit {
        return Err(format!("{text} is longer than {limit:#}: no wait between two tries is"));
    }
    Ok(base)
}

/// The supervisor waits no longer than 30 seconds.
fn grace(text: &str) -> Result<SignedDuration, String> {
    let grace = duration(text)?;
    let limit = SignedDuration::from_secs(30);
    if grace > limit {
        Err(format!("{text} is longer than {limit:#}, the most that workers get"))
    } else {
        Ok(grace)
    }
}

/// Reads `500ms`, `30s`, `15h`, `1h 30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 30s or 15h");
    let span: SignedDuration = text.parse().map_err(|_| wrong())?;
    if span.is_negative() { Err(wrong()) } else { Ok(span) }
}
