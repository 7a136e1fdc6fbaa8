//! The command line: arguments parsed into dumb structs, and nothing decided.
//!
//! An argument that was not given stays `None`: defaults are filled in by [`plan`](crate::plan), because a
//! resumed run must tell "not said" from "said to be the default".

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
use shared::run::limits::{MAX_TRIES, MAX_WORKER_THREADS};
use shared::run::size::Size;
use shared::run::via::Via;
use shared::run::window::Window;
use shared::run::workdir::BatchId;

use crate::job::Job;

/// Shards a ticker CSV into micro-batches, runs disposable workers, and knows what is proven to be on disk.
#[derive(Debug, Parser)]
#[command(name = "launcher", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `wait` means by its exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0    complete: every ticker is done (proven by its ledger, or by the word of a script). Those of
       which the source has not one row are named: unknown, or spelled otherwise?
  3    complete, with gaps that the source has confirmed: some partitions lie, wholly or in part,
       outside the plan of the API key. Empty ones are no gaps: weekends, and years before a listing
  1    incomplete: tickers failed, or the run was stopped or has died; `launcher status` says which
  2    no such run, or one whose run.json or journal is damaged: nobody can tell, the error says why
  124  --timeout is over and the run goes on";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check everything, begin a run (or go on with one) and detach
    Start(Box<StartArgs>),
    /// Say where a run stands, in one glance
    Status(StatusArgs),
    /// Stop a run and every process of it; what was committed stays, `start --resume` goes on
    Stop(StopArgs),
    /// Say everything about one ticker: its batch, every attempt, its cause, what is missing, what to type
    Why(WhyArgs),
    /// Print the tickers that failed, are left, are done, or have not one row: a CSV that --tickers-csv takes back
    Tickers(TickersArgs),
    /// Print the log of a batch, or of the batch that has a ticker
    Logs(LogsArgs),
    /// Wait until the run has ended: 0 complete, 3 complete with gaps, 1 incomplete, 124 timeout
    #[command(after_help = EXIT_CODES)]
    Wait(WaitArgs),
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
    /// What to fetch: daily, minute or trades; or bars, made of what was fetched
    #[arg(long, value_name = "JOB")]
    pub job: Option<Job>,
    /// --job bars: root of the trades that they are made of
    #[arg(long, value_name = "DIR", conflicts_with = "agg1m_root")]
    pub trades_root: Option<PathBuf>,
    /// --job bars: root of 1-minute bars instead
    #[arg(long, value_name = "DIR")]
    pub agg1m_root: Option<PathBuf>,
    /// --job bars: which kinds, all in one pass (`bars --help` explains them): TB,VB,DB,TIB,VIB,DIB,TRB,VRB,DRB or all
    #[arg(long, value_name = "MODE,…", value_delimiter = ',')]
    pub mode: Vec<Modes>,
    /// --job bars: what stands behind -- goes to `bars` as it is: -- --target 50000 --extended
    #[arg(last = true, value_name = "BARS OPTIONS")]
    pub bars: Vec<String>,
    /// CSV with a column `ticker`; --resume with more tickers extends the run
    #[arg(long, value_name = "FILE")]
    pub tickers_csv: Option<PathBuf>,
    /// Root of the Parquet tree
    #[arg(long, value_name = "DIR")]
    pub outdir: Option<PathBuf>,
    /// First day asked for, New York, inclusive; --resume with an earlier one extends the run
    #[arg(long, value_name = "DATE")]
    pub from: Option<TradingDay>,
    /// Last day asked for, New York, inclusive; --resume with a later one extends the run, with the same one takes in the
    /// days that have settled since
    #[arg(long, value_name = "DATE")]
    pub to: Option<TradingDay>,
    /// What tells how heavy tickers are, where the outdir does not: the tree of an earlier run, or a CSV with `ticker` and
    /// `weight`, `rows`, `volume` or `market_cap`
    #[arg(
        help = "What tells how heavy tickers are, where the outdir does not: the tree of an earlier run, or a CSV with ticker and weight, rows, volume or market_cap [default: such a column of --tickers-csv, unless --job daily]",
        long,
        value_name = "PATH"
    )]
    pub weights: Option<PathBuf>,
    /// The output of `worker reference`: tickers that its newest snapshot does not name are said, with other spellings of it
    /// [default: the folder reference beside the outdir, if it is there]
    #[arg(long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// Tickers in a batch at most; heavy ones stand alone [default: 25; all where bars come session by session]
    #[arg(long, value_name = "N", conflicts_with = "shards")]
    pub batch_size: Option<NonZeroU32>,
    /// Number of batches, instead of their size
    #[arg(long, value_name = "N")]
    pub shards: Option<NonZeroU32>,
    /// Workers at the same time [default: 6]
    #[arg(long, value_name = "N")]
    pub max_concurrent: Option<NonZeroU32>,
    /// Tickers at the same time in one worker, at most 64 [default: 4]
    #[arg(long, value_name = "N", value_parser = worker_threads)]
    pub per_shard_workers: Option<NonZeroU32>,
    /// Further attempts at a ticker after its first failed one [default: 2]
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Go on with the run in --workdir, as it is, extended, or with other knobs (rate, retries, limits, ...); for a new run: trust
    /// what the outdir's ledgers prove already
    #[arg(long)]
    pub resume: bool,
    /// First hold every file of the run against its SHA-256, whatever its length, time and inode say; what differs is fetched
    /// again. It reads every byte, and is no part of the run: say it each time
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
    /// Stay, with a progress bar on a terminal; Ctrl-C stops the run, a second one kills it
    #[arg(long)]
    pub foreground: bool,
    /// Run this executable instead of `worker`, with the same arguments. What it starts is ended with its attempt, daemons too; where no cgroup v2 is writable, one that kills its shim and its supervisor and clears its environment within half a second of its start outlives `stop`
    #[arg(long, value_name = "PATH")]
    pub ingest_script: Option<PathBuf>,
    /// The data service
    #[arg(
        help = "The data service [default: https://api.massive.com]",
        long,
        value_name = "URL",
        env = "POLYGON_BASE_URL",
        hide_env_values = true
    )]
    pub base_url: Option<String>,
    /// Allow plain http to a host that is not this machine
    #[arg(long)]
    pub allow_http: bool,
    /// Ask for split-adjusted bars
    #[arg(long)]
    pub adjusted: bool,
    /// Columns of trades: narrow (stamp, price, size) or full [default: narrow]
    #[arg(long, value_name = "CHOICE")]
    pub columns: Option<Columns>,
    /// Zone in which days, and so files, are counted: `America/New_York` or UTC [default: `America/New_York`]
    #[arg(
        help = "Zone in which days, and so files, are counted: America/New_York or UTC [default: America/New_York]",
        long,
        value_name = "ZONE"
    )]
    pub tz: Option<Zone>,
    /// Ask for a missing range in one go or month by month [default: range]
    #[arg(long, value_name = "range|month")]
    pub window: Option<Window>,
    /// How daily bars come: ticker by ticker, the whole market session by session (grouped), or by auto whichever takes
    /// fewer requests [default: ticker]
    #[arg(long, value_name = "CHOICE")]
    pub via: Option<Via>,
    /// What becomes of two different bars with one stamp: refuse their partition, keep-last or keep-first
    /// [default: refuse]
    #[arg(long, value_name = "CHOICE")]
    pub duplicates: Option<Duplicates>,
    /// At most so many requests, shared by everything on this machine that uses the key: 500/min, 100/s
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// The same as seconds between requests; 0 is no pause at all
    #[arg(long, value_name = "SECONDS", conflicts_with = "rate")]
    pub rate_limit: Option<Spacing>,
    /// Settling delay after a session before its day counts [default: 15h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub settle: Option<SignedDuration>,
    /// How often an empty answer is asked again on later runs [default: 1]
    #[arg(long, value_name = "N")]
    pub recheck_empty: Option<u32>,
    /// Tries of one request inside a worker, at most 100 [default: 8]
    #[arg(long, value_name = "N", value_parser = tries)]
    pub tries: Option<NonZeroU32>,
    /// First pause between the tries of one request [default: 500ms]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub backoff_base: Option<SignedDuration>,
    /// Resident memory of one worker with everything that it starts: 64MiB, 2G; 0 is no limit [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = resident)]
    pub max_rss: Option<Size>,
    /// End an attempt at a batch that takes longer; 0s is never [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub batch_timeout: Option<SignedDuration>,
    /// End an attempt that gets no row and no page for so long; 0s is never [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub stall_timeout: Option<SignedDuration>,
    /// Largest log of a batch; what grew beyond is cut off, its end kept beside it [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_log: Option<Size>,
    /// Pause while less disk is free, under --outdir or --workdir [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub min_free_disk: Option<Size>,
    /// Start no worker beside another one when that may leave less memory free [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub min_free_memory: Option<Size>,
    /// Close the run as incomplete when nothing was newly proven for so long; 0s is never [default: 12h]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub give_up_after: Option<SignedDuration>,
    /// Keep the folders of so many attempts of each batch, beside those that tell why tickers fail [default: 20]
    #[arg(long, value_name = "N")]
    pub keep_attempts: Option<NonZeroU32>,
    /// Post a line of JSON there at every pause, every stop and the end; never the API key. `none` ends that on --resume
    #[arg(long, value_name = "URL")]
    pub notify_url: Option<String>,
    /// Print the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
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
    /// Again and again until the supervisor ends: every second on a terminal, else every 10 seconds
    #[arg(long)]
    pub watch: bool,
    /// First hold every file of the run against its SHA-256, as `start --check` does, and every ticker that was done against
    /// its ledger; ends with 1 where one is not what was written, or not there: `start --resume` fetches it again. It reads
    /// every byte
    #[arg(long, conflicts_with = "watch")]
    pub check: bool,
}

/// `launcher why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Which ticker, as it is spelled in the CSV
    pub ticker: String,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// The output of `worker reference`, which tells how tickers are spelled [default: reference beside the outdir]
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
    /// Which: columns are ticker and cause
    #[arg(long, value_name = "STATE")]
    pub state: TickerState,
    /// The output of `worker reference`, which tells how tickers are spelled [default: reference beside the outdir]
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
    #[arg(help = "A ticker, or a batch such as batch_0001", value_name = "TICKER|BATCH")]
    pub name: String,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub workdir: PathBuf,
    /// Go on as it grows, until the batch is over or Ctrl-C
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
    /// How long workers may take to end by themselves, at most 30s
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
    /// Attend to one attempt at this batch, such as `batch_0001`, and end; without it, to whatever standard input asks for
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

/// More than that no worker takes: a run of such workers would get nowhere.
fn at_most(text: &str, limit: u32) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= limit);
    number.ok_or_else(|| format!("{text} is not a number from 1 to {limit}"))
}

/// The supervisor waits no longer than that.
/// Less than any program has is a unit that was forgotten.
fn resident(text: &str) -> Result<Size, String> {
    const LEAST: Size = Size(1 << 20);
    let size: Size = text.parse()?;
    if size > Size(0) && size < LEAST {
        return Err(format!(
            "{text} bytes are less than any program has; at least {LEAST}, such as 512MiB, or 0 for no limit"
        ));
    }
    Ok(size)
}

fn grace(text: &str) -> Result<SignedDuration, String> {
    let grace = duration(text)?;
    let limit = SignedDuration::from_secs(30);
    if grace > limit {
        Err(format!("{text} is longer than {limit:#}; workers get no more"))
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
