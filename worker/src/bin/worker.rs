//! `worker`: arguments → plan → run → exit code, and nothing else.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::{SignedDuration, Timestamp};
use shared::dataset::answers::Asker;
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Adjusted, Descriptor, DescriptorError};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::run_mark::RunMark;
use shared::dataset::stranger::{self, Wanted};
use shared::dataset::trust::Trust;
use shared::disk::file_size;
use shared::disk::folder::Folder;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::run::duplicates::Duplicates;
use shared::run::events::EventLog;
use shared::run::exit::Exit;
use shared::run::leftovers;
use shared::run::limits::MAX_WORKER_THREADS;
use shared::run::redaction::Redaction;
use shared::run::thousands::counted;
use shared::run::ticker_list::TickerList;
use shared::run::via::Via;
use shared::run::window::Window;
use worker::chance;
use worker::clock;
use worker::command_line::reference::{self, ReferenceArgs};
use worker::command_line::refusal::Refusal;
use worker::command_line::source::{SourceAccess, SourceArgs, not_negative};
use worker::command_line::universe::{self, UniverseArgs};
use worker::command_line::until_end::{self, Ears};
use worker::ingest::batch::{self, Load};
use worker::ingest::check;
use worker::ingest::quarantine;
use worker::ingest::task::{Task, Tools};
use worker::memory;
use worker::report::{Level, Reporter};

/// Downloads one batch of tickers, then exits.
///
/// Exit codes: 0 all done · 2 usage · 10 some tickers failed and may be tried again · 11 some
/// failed for good · 12 key or plan refused · 13 disk full or not writable · 143 stopped by
/// SIGTERM.
#[derive(Parser)]
#[command(name = "worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Daily bars: OUT/TICKER/year=YYYY/daily.parquet
    Daily {
        #[command(flatten)]
        download: DownloadArgs,
        #[command(flatten)]
        bars: BarArgs,
        /// Request bars ticker by ticker, or the whole market session by session (grouped) and keep
        /// the tickers of the list; auto chooses the way that needs fewer requests
        #[arg(long, value_name = "ticker|grouped|auto", default_value_t = Via::default())]
        via: Via,
    },
    /// 1-minute bars, extended hours included: OUT/TICKER/year=YYYY/month=MM/minute.parquet
    Minute {
        #[command(flatten)]
        download: DownloadArgs,
        #[command(flatten)]
        bars: BarArgs,
    },
    /// Trades: OUT/TICKER/year=YYYY/month=MM/day=YYYY-MM-DD/trades.parquet
    Trades {
        #[command(flatten)]
        download: DownloadArgs,
        /// narrow: stamp, price and size · full: also venue, conditions, corrections, sequence and
        /// ids
        #[arg(long, value_name = "CHOICE", default_value_t = Columns::Narrow)]
        columns: Columns,
    },
    /// Listed tickers: OUT/tickers_snapshot/snapshot_date=YYYY-MM-DD/tickers.parquet; also details,
    /// splits and ticker events
    Reference(ReferenceArgs),
    /// Chooses tickers from a snapshot and writes them to a CSV; sends no requests
    Universe(UniverseArgs),
}

#[derive(Args)]
struct BarArgs {
    /// Prices and volumes on today's scale instead of as traded
    #[arg(long)]
    adjusted: bool,
    /// What to do with two different bars with the same timestamp: refuse their partition, or keep
    /// the one that was sent last or first
    #[arg(long, value_name = "CHOICE", default_value_t = Duplicates::default())]
    duplicates: Duplicates,
}

#[derive(Args)]
struct DownloadArgs {
    /// CSV with a column `ticker`
    #[arg(long, value_name = "FILE")]
    tickers_csv: PathBuf,
    /// Root of the dataset
    #[arg(long, value_name = "DIR")]
    outdir: PathBuf,
    /// First New York day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: TradingDay,
    /// Last New York day; days that are not settled yet are left out
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: TradingDay,
    /// Fetch only what the ledgers do not prove; without it, everything is fetched again and merged
    #[arg(long)]
    resume: bool,
    /// First verify every file of the range against its SHA-256, which reads every byte; files that
    /// differ are fetched again
    #[arg(long)]
    check: bool,
    /// With --resume: trust only answers that were requested at or after this instant (RFC 3339)
    #[arg(long, value_name = "TIMESTAMP", requires = "resume")]
    covered_since: Option<Timestamp>,
    /// Mark of the run, eight hexadecimal digits: identifies the ledger lines of the run, whatever
    /// the clock says
    #[arg(long, value_name = "HEX")]
    run_mark: Option<RunMark>,
    /// Tickers downloaded at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_WORKER_THREADS)))]
    max_workers: u16,
    /// Stop cleanly after N tickers and leave the rest to another process
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tickers_per_process: Option<u32>,
    /// Time zone that assigns rows to days, and so to files: `America/New_York`, or `UTC` as in
    /// older systems
    #[arg(long, value_name = "ZONE", default_value_t = Zone::NewYork)]
    tz: Zone,
    /// Request a missing range in one go, or month by month
    #[arg(long, value_name = "range|month", default_value_t = Window::Range)]
    window: Window,
    /// A day counts as settled this long after 20:00 New York
    #[arg(long, value_name = "DURATION", default_value = "15h", value_parser = not_negative)]
    settle: Duration,
    /// How many times an empty answer is requested again, each a day later, before it
    /// counts for good; until then it counts for 24 hours
    #[arg(long, value_name = "N", default_value_t = 1)]
    recheck_empty: u32,
    #[command(flatten)]
    source: SourceArgs,
}

/// What differs between the kinds.
struct KindSettings {
    kind: Kind,
    adjusted: Adjusted,
    columns: Columns,
    via: Via,
    duplicates: Duplicates,
}

/// The arguments, resolved: everything that can be wrong with them has been looked at.
struct DownloadPlan {
    task: Task,
    tickers: Vec<Ticker>,
    repeated: Vec<Ticker>,
    asked_to: TradingDay,
    load: Load,
    check: bool,
    events: Option<PathBuf>,
    source: SourceAccess,
}

fn main() -> ExitCode {
    memory::give_back_what_is_freed();
    // Where even this is refused, the limit of a file's size does what it always does.
    drop(file_size::limit_is_an_error());
    let download = |args, choice| {
        let ears = until_end::listen()?;
        run(resolve(args, &choice)?, ears)
    };
    let ended = match Cli::parse().command {
        Command::Daily { download: args, bars, via } => {
            download(args, KindSettings { via, ..KindSettings::bars(Kind::Daily, &bars) })
        }
        Command::Minute { download: args, bars } => {
            download(args, KindSettings::bars(Kind::Minute, &bars))
        }
        Command::Trades { download: args, columns } => {
            let duplicates = Duplicates::default();
            let adjusted = Adjusted::No;
            download(
                args,
                KindSettings {
                    kind: Kind::Trades,
                    adjusted,
                    columns,
                    via: Via::Ticker,
                    duplicates,
                },
            )
        }
        Command::Reference(args) => reference::run(&args),
        Command::Universe(args) => universe::run(&args),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(Refusal { exit, text }) => {
            drop(writeln!(io::stderr(), "error: {text}"));
            exit.into()
        }
    }
}

impl KindSettings {
    fn bars(kind: Kind, args: &BarArgs) -> Self {
        let BarArgs { adjusted, duplicates } = *args;
        Self {
            kind,
            adjusted: adjusted.into(),
            columns: Columns::Narrow,
            via: Via::Ticker,
            duplicates,
        }
    }
}

fn resolve(args: DownloadArgs, choice: &KindSettings) -> Result<DownloadPlan, Refusal> {
    let wrong = Refusal::wrong;
    let now = clock::now();
    if args.to < args.from {
        return Err(wrong(format!("--to {} lies before --from {}", args.to, args.from)));
    }
    let settle = SignedDuration::try_from(args.settle).unwrap_or(SignedDuration::MAX);
    let settled = TradingDay::last_settled(now, settle);
    let told = DateRange::new(args.from, args.to).filter(|_| args.run_mark.is_some());
    let asked = DateRange::new(args.from, args.to.min(settled)).ok_or_else(|| {
        let text = format!(
            "nothing from {} on is settled yet: the last settled day is {settled}",
            args.from
        );
        // To a run they were settled: it is the clock that is wrong, and no argument.
        let exit = if told.is_some() { Exit::LocalResource } else { Exit::Usage };
        Refusal { exit, text }
    })?;
    let source = args.source.resolve()?;
    let list = TickerList::read(&args.tickers_csv)
        .map_err(|error| Refusal::flag("--tickers-csv", &error))?;
    let since = if args.resume { args.covered_since } else { Some(now) };
    let mark = args.run_mark.unwrap_or_else(|| RunMark::of_chance(chance::number()));
    let run = Some(if since.is_some() { Asker::Anew(mark) } else { Asker::Trusting(mark) });
    let trust = Trust { since, run, ..Trust::at(now, args.recheck_empty) };
    let KindSettings { kind, adjusted, columns, via, duplicates } = *choice;
    let task = Task {
        outdir: args.outdir,
        kind,
        columns,
        zone: args.tz,
        asked,
        told,
        settle,
        window: args.window,
        via,
        duplicates,
        trust,
        base: source.base.clone(),
        adjusted,
    };
    Ok(DownloadPlan {
        task,
        tickers: list.tickers,
        repeated: list.repeated,
        asked_to: args.to,
        load: Load {
            threads: args.max_workers.into(),
            tickers: args.max_tickers_per_process.map(|tickers| tickers as usize),
        },
        check: args.check,
        events: args.source.events,
        source,
    })
}

fn run(plan: DownloadPlan, ears: Ears) -> Result<Exit, Refusal> {
    let DownloadPlan { task, tickers, repeated, .. } = plan;
    let events = EventLog::open(plan.events.as_deref()).map_err(Refusal::local)?;
    let reporter = Reporter::new(events).hiding(Redaction::of_key(&plan.source.key));
    refuse_strange_tree(&task, &tickers)?;
    claim(&task)?;
    let swept = Folder::open(&task.outdir).and_then(|outdir| leftovers::sweep(&outdir));
    swept.and_then(|()| quarantine::sweep(&task.outdir)).map_err(Refusal::local)?;
    let asked = task.asked;
    reporter.run(
        Level::Info,
        &format!(
            "{} {}: {}, {asked}",
            task.kind,
            task.base,
            counted(tickers.len() as u64, "ticker")
        ),
    );
    if plan.asked_to > asked.to() {
        reporter.run(
            Level::Info,
            &format!("days after {} are not settled yet and are left out", asked.to()),
        );
    }
    for ticker in repeated {
        reporter.ticker(
            Level::Warn,
            &ticker,
            "stands more than once in the ticker list; kept once",
        );
    }
    let client = plan.source.client()?;
    until_end::run(ears, move |stop| {
        let tools = Tools { task: &task, client: &client, reporter: &reporter, stop };
        if plan.check {
            check::run(tools, &tickers, plan.load.threads);
        }
        batch::run(tools, &tickers, plan.load)
    })
}

/// A tree that says nothing of itself, and whose files are none of ours, is left as it is.
fn refuse_strange_tree(task: &Task, tickers: &[Ticker]) -> Result<(), Refusal> {
    let Task { kind, columns, zone, .. } = *task;
    let refused = stranger::refuse(&task.outdir, Wanted { kind, columns, zone }, tickers);
    refused.map_err(|error| Refusal::flag("--outdir", &error))
}

/// The tree is, or becomes, one of this kind, scale and source.
fn claim(task: &Task) -> Result<(), Refusal> {
    let descriptor =
        Descriptor::new(task.kind, task.adjusted, task.columns, task.zone, task.base.source_name());
    descriptor::claim(&task.outdir, &descriptor).map_err(|error| {
        let exit = match error {
            DescriptorError::Disk(_) => Exit::LocalResource,
            DescriptorError::Corrupt { .. } | DescriptorError::Mismatch { .. } => Exit::Usage,
        };
        Refusal { exit, text: with_causes(&error) }
    })
}
