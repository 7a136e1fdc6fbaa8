//! Settings: the arguments of `start` with every default filled in and every path made absolute.
//!
//! Resolved once. After that an [`extension`](super::extension) may extend the range and the ticker
//! list, and [`knobs`](super::knobs) may change; [`differences`](super::differences) finds what may
//! not.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Columns;
use shared::market::bar::Modes;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::pace::rate::{Rate, Spacing};
use shared::run::base_url::{BaseUrl, BaseUrlError, DEFAULT_BASE_URL, PlainHttp};
use shared::run::duplicates::Duplicates;
use shared::run::size::Size;
use shared::run::via::Via;
use shared::run::window::Window;

use super::limits::{self, Limits};
use super::notify_url::{NotifyUrl, NotifyUrlError};
use super::paths::absolute;
use super::words_of_bars;
use crate::cli::StartArgs;
use crate::job::{BarsInput, BarsOrder, Job, Task};

const DEFAULT_MAX_CONCURRENT: u32 = 6;
const DEFAULT_PER_SHARD_WORKERS: u32 = 4;
const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_SETTLE: SignedDuration = SignedDuration::from_hours(15);
const DEFAULT_RECHECK_EMPTY: u32 = 1;
const DEFAULT_TRIES: u32 = 8;
const DEFAULT_BACKOFF_BASE: SignedDuration = SignedDuration::from_millis(500);

/// How tickers are cut into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    /// A number of tickers in each.
    Size(NonZeroU32),
    /// A number of batches, as even as possible.
    Shards(NonZeroU32),
}

/// Which coverage of the outdir counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// All that the ledgers prove (a new run with `--resume`).
    Trusted,
    /// Only answers since the run was created.
    FetchedAnew,
}

/// The executable that does the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// The `worker` beside this executable.
    Worker,
    /// Any executable that takes the worker's arguments.
    Script(PathBuf),
    /// The `bars` beside this executable.
    Bars(BarsOrder),
}

/// The rules for batches, from one [change](super::knobs) of a run to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Workers at the same time.
    pub max_concurrent: NonZeroU32,
    /// Failed attempts that a ticker may have after its first one.
    pub retries: u32,
    /// Memory that must stay free for a second worker to start.
    pub min_free_memory: Size,
}

/// Everything that `start` was given, nothing that it has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub job: Job,
    /// The user's CSV, absolute.
    pub tickers_csv: PathBuf,
    /// Root of the tree, absolute.
    pub outdir: PathBuf,
    /// First day, New York, inclusive.
    pub from: TradingDay,
    /// Last day as asked, New York, inclusive.
    pub to: TradingDay,
    /// Sizes of tickers without a ledger, absolute: a dataset or a CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// How to cut batches, if given.
    pub batching: Option<Batching>,
    /// Workers at the same time.
    pub max_concurrent: NonZeroU32,
    /// Threads in one worker.
    pub per_shard_workers: NonZeroU32,
    /// Failed attempts that a ticker may have after its first one.
    pub retries: u32,
    /// What counts as done already.
    pub existing: Reuse,
    /// What does the work.
    pub program: Program,
    /// Origin of the data.
    pub base_url: String,
    /// Was `--allow-http` given?
    pub allow_http: bool,
    /// Scale of prices.
    pub adjusted: Adjusted,
    /// Columns of trades.
    pub columns: Columns,
    /// The time zone of days.
    pub zone: Zone,
    /// The range of one request.
    pub window: Window,
    /// How daily bars come.
    #[serde(default)]
    pub via: Via,
    /// What to do with two different bars of the same time.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// The rate that workers share, if given.
    pub rate: Option<Rate>,
    /// Settling delay after a session.
    pub settle: SignedDuration,
    /// How often an empty answer is asked again.
    pub recheck_empty: u32,
    /// Tries of one request.
    pub tries: NonZeroU32,
    /// First pause between tries of one request.
    pub backoff_base: SignedDuration,
    /// What an attempt may use, and what must stay free.
    pub limits: Limits,
    /// Where notifications go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<NotifyUrl>,
}

/// Why arguments make no settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("a new run needs {0}; `launcher start --help` lists every option")]
    Missing(String),
    #[error("--to {to} is before --from {from}; swap them or correct one")]
    ToBeforeFrom { from: TradingDay, to: TradingDay },
    #[error("{flag} does not apply to --job {job}: {why}; leave it out")]
    NotForJob { flag: &'static str, job: Job, why: &'static str },
    #[error(
        "{0} is an option of the launcher, not of `bars` alone: give it before -- (or leave it out, if the launcher sets it)"
    )]
    OwnWord(&'static str),
    /// The URL is invalid, or not safe for a key.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// The webhook is invalid.
    #[error(transparent)]
    NotifyUrl(#[from] NotifyUrlError),
}

impl Settings {
    /// Fills in defaults; relative paths are taken from `cwd`.
    pub fn resolve(args: &StartArgs, cwd: &Path) -> Result<Self, SettingsError> {
        let (Some(job), Some(tickers_csv), Some(outdir), Some(from), Some(to)) =
            (args.job, &args.tickers_csv, &args.outdir, args.from, args.to)
        else {
            return Err(SettingsError::Missing(missing_flags(args)));
        };
        if to < from {
            return Err(SettingsError::ToBeforeFrom { from, to });
        }
        if args.adjusted && matches!(job, Job::Trades | Job::Bars) {
            let why = match job {
                Job::Bars => "-- --adjust SPLITS puts them on today's scale",
                _ => "trades are never adjusted",
            };
            return Err(SettingsError::NotForJob { flag: "--adjusted", job, why });
        }
        if job != Job::Trades && args.columns.is_some() {
            return Err(SettingsError::NotForJob {
                flag: "--columns",
                job,
                why: "only trades have a choice of columns",
            });
        }
        refuse_via(args.via, job)?;
        refuse_duplicates(args.duplicates, job)?;
        let order = bars_order(args, job, cwd)?;
        let script = args.ingest_script.as_ref().map(|path| Program::Script(absolute(cwd, path)));
        let base_url = args.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL);
        let notify_url = args.notify_url.as_deref();
        Ok(Self {
            job,
            tickers_csv: absolute(cwd, tickers_csv),
            outdir: absolute(cwd, outdir),
            from,
            to,
            weights: args.weights.as_ref().map(|path| absolute(cwd, path)),
            batching: batching(args),
            max_concurrent: args.max_concurrent.unwrap_or(at_least_one(DEFAULT_MAX_CONCURRENT)),
            per_shard_workers: args
                .per_shard_workers
                .unwrap_or(at_least_one(DEFAULT_PER_SHARD_WORKERS)),
            retries: args.retries.unwrap_or(DEFAULT_RETRIES),
            existing: if args.resume { Reuse::Trusted } else { Reuse::FetchedAnew },
            program: order.map(Program::Bars).or(script).unwrap_or(Program::Worker),
            base_url: BaseUrl::parse(base_url, plain_http(args.allow_http))?.to_string(),
            allow_http: args.allow_http,
            adjusted: Adjusted::from(args.adjusted),
            columns: args.columns.unwrap_or_default(),
            zone: args.tz.unwrap_or_default(),
            window: args.window.unwrap_or_default(),
            via: args.via.unwrap_or_default(),
            duplicates: args.duplicates.unwrap_or_default(),
            rate: rate(args).and_then(Spacing::rate),
            settle: args.settle.unwrap_or(DEFAULT_SETTLE),
            recheck_empty: args.recheck_empty.unwrap_or(DEFAULT_RECHECK_EMPTY),
            tries: args.tries.unwrap_or(at_least_one(DEFAULT_TRIES)),
            backoff_base: args.backoff_base.unwrap_or(DEFAULT_BACKOFF_BASE),
            limits: Limits {
                max_rss: args.max_rss.and_then(limits::size_or_none),
                batch_timeout: args.batch_timeout.and_then(limits::span_or_none),
                stall_timeout: args.stall_timeout.unwrap_or(Limits::default().stall_timeout),
                max_log: args.max_log.unwrap_or(Limits::default().max_log),
                min_free_disk: args.min_free_disk.unwrap_or(Limits::default().min_free_disk),
                min_free_memory: args.min_free_memory.unwrap_or(Limits::default().min_free_memory),
                give_up_after: args.give_up_after.unwrap_or(Limits::default().give_up_after),
                keep_attempts: args.keep_attempts.unwrap_or(Limits::default().keep_attempts),
            },
            notify_url: notify_url
                .map(|url| NotifyUrl::said(url, plain_http(args.allow_http)))
                .transpose()?
                .flatten(),
        })
    }

    /// What is to be done for each ticker.
    pub fn task(&self) -> Task<'_> {
        match (&self.program, self.job.kind()) {
            (Program::Bars(order), _) => Task::Bars(order),
            (_, kind) => Task::Download(
                kind.expect("a run that makes bars holds their order since it was begun"),
            ),
        }
    }

    /// The origin, checked again.
    pub fn base_url(&self) -> Result<BaseUrl, BaseUrlError> {
        BaseUrl::parse(&self.base_url, plain_http(self.allow_http))
    }
}

/// What `--job bars` is to make; `None` for another job, to which these options do not apply.
fn bars_order(args: &StartArgs, job: Job, cwd: &Path) -> Result<Option<BarsOrder>, SettingsError> {
    let not_for_job = |flag, why| Err(SettingsError::NotForJob { flag, job, why });
    if job != Job::Bars {
        let said = [
            ("--trades-root", args.trades_root.is_some()),
            ("--agg1m-root", args.agg1m_root.is_some()),
            ("--mode", !args.mode.is_empty()),
            ("--", !args.bars.is_empty()),
        ];
        return match said.iter().find(|(_, said)| *said) {
            Some((flag, _)) => not_for_job(flag, "it is a word of --job bars"),
            None => Ok(None),
        };
    }
    if args.ingest_script.is_some() {
        return not_for_job("--ingest-script", "bars are made by the executable bars");
    }
    if let Some(flag) = words_of_bars::not_for_bars_alone(&args.bars) {
        return Err(SettingsError::OwnWord(flag));
    }
    let input = match (&args.trades_root, &args.agg1m_root) {
        (Some(root), _) => BarsInput::TradesRoot(absolute(cwd, root)),
        (None, Some(root)) => BarsInput::Agg1mRoot(absolute(cwd, root)),
        (None, None) => {
            return Err(SettingsError::Missing("--trades-root or --agg1m-root".to_owned()));
        }
    };
    let modes = Modes::resolve(&args.mode);
    if modes.is_empty() {
        return Err(SettingsError::Missing("--mode".to_owned()));
    }
    Ok(Some(BarsOrder { input, modes, arguments: words_of_bars::spelled(cwd, &args.bars) }))
}

/// Only daily bars can come by the session.
pub(super) fn refuse_via(via: Option<Via>, job: Job) -> Result<(), SettingsError> {
    let why = "only daily bars come a session at a time";
    match via {
        Some(_) if job != Job::Daily => Err(SettingsError::NotForJob { flag: "--via", job, why }),
        Some(_) | None => Ok(()),
    }
}

/// Only bars can have duplicates.
pub(super) fn refuse_duplicates(
    duplicates: Option<Duplicates>,
    job: Job,
) -> Result<(), SettingsError> {
    let why = "only downloaded bars have one row a stamp";
    match (duplicates, job) {
        (None, _) | (Some(_), Job::Daily | Job::Minute) => Ok(()),
        (Some(_), Job::Trades | Job::Bars) => {
            Err(SettingsError::NotForJob { flag: "--duplicates", job, why })
        }
    }
}

/// How to cut batches, if given.
pub(super) fn batching(args: &StartArgs) -> Option<Batching> {
    args.shards.map(Batching::Shards).or(args.batch_size.map(Batching::Size))
}

/// The rate, if given: `--rate-limit 0` means none.
pub(super) fn rate(args: &StartArgs) -> Option<Spacing> {
    args.rate.map(Spacing::from).or(args.rate_limit)
}

pub(super) fn plain_http(allow_http: bool) -> PlainHttp {
    if allow_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly }
}

const fn at_least_one(default: u32) -> NonZeroU32 {
    NonZeroU32::new(default).expect("defaults are not zero")
}

fn missing_flags(args: &StartArgs) -> String {
    let required = [
        ("--job", args.job.is_none()),
        ("--tickers-csv", args.tickers_csv.is_none()),
        ("--outdir", args.outdir.is_none()),
        ("--from", args.from.is_none()),
        ("--to", args.to.is_none()),
    ];
    let missing = required.iter().filter(|(_, missing)| *missing).map(|(flag, _)| *flag);
    missing.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The arguments that a new run needs.
    pub(in crate::plan) fn full() -> StartArgs {
        StartArgs {
            job: Some(Job::Daily),
            tickers_csv: Some("small.csv".into()),
            outdir: Some("out".into()),
            from: Some("2020-01-01".parse().expect("a day")),
            to: Some("2020-12-31".parse().expect("a day")),
            ..StartArgs::default()
        }
    }

    fn cwd() -> &'static Path {
        Path::new("/home/me")
    }

    #[test]
    fn a_new_run_names_every_flag_that_it_misses() {
        let args = StartArgs { job: Some(Job::Daily), ..StartArgs::default() };
        let error = Settings::resolve(&args, cwd()).expect_err("incomplete");
        assert_eq!(
            error.to_string(),
            "a new run needs --tickers-csv, --outdir, --from, --to; `launcher start --help` lists every option"
        );
    }

    #[test]
    fn a_range_that_runs_backwards_is_refused_with_both_days() {
        let args = StartArgs { to: Some("2019-12-31".parse().expect("a day")), ..full() };
        let error = Settings::resolve(&args, cwd()).expect_err("backwards");
        assert_eq!(
            error.to_string(),
            "--to 2019-12-31 is before --from 2020-01-01; swap them or correct one"
        );
    }

    #[test]
    fn a_flag_that_means_nothing_for_the_job_is_refused() {
        let args = StartArgs { job: Some(Job::Trades), adjusted: true, ..full() };
        let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
        assert_eq!(
            said,
            "--adjusted does not apply to --job trades: trades are never adjusted; leave it out"
        );
        let args = StartArgs { columns: Some(Columns::Full), ..full() };
        let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
        assert_eq!(
            said,
            "--columns does not apply to --job daily: only trades have a choice of columns; leave it out"
        );
        let args = StartArgs { job: Some(Job::Minute), via: Some(Via::Auto), ..full() };
        let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
        assert_eq!(
            said,
            "--via does not apply to --job minute: only daily bars come a session at a time; leave it out"
        );
    }

    #[test]
    fn paths_are_absolute_and_settings_survive_the_file() {
        let settings = Settings::resolve(&full(), cwd()).expect("complete");
        assert_eq!(settings.outdir, Path::new("/home/me/out"));
        assert_eq!((settings.batching, settings.via), (None, Via::Ticker));
        let text = serde_json::to_string(&settings).expect("written");
        assert_eq!(serde_json::from_str::<Settings>(&text).expect("read"), settings);
    }
}
