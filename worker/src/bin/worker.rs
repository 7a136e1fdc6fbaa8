//! `worker`: arguments → plan → run → exit code, and nothing else.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::{SignedDuration, Timestamp};
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Adjusted, Descriptor, DescriptorError};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::Trust;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::pace::rate::Rate;
use shared::pace::shared_budget::SharedBudget;
use shared::run::api_key::ApiKey;
use shared::run::base_url::{BaseUrl, DEFAULT_BASE_URL, PlainHttp};
use shared::run::events::EventLog;
use shared::run::exit::Exit;
use shared::run::leftovers;
use shared::run::ticker_list::TickerList;
use shared::run::window::Window;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use worker::api::backoff::Backoff;
use worker::api::client::Client;
use worker::api::failure::causes;
use worker::clock::{self, Deadline};
use worker::ingest::batch;
use worker::ingest::pipeline::{Pipeline, Task};
use worker::report::{Level, Reporter};
use worker::stop::Stop;

/// After SIGTERM the process is gone within 5 s, even if a server keeps silent.
const STOP_GRACE: Duration = Duration::from_secs(4);

/// Downloads one batch of tickers, then exits.
///
/// Exit codes: 0 all done · 2 usage · 10 some tickers failed and may be tried again · 11 some failed for
/// good · 12 key or plan refused · 13 disk full or not writable · 143 stopped by SIGTERM.
#[derive(Parser)]
#[command(name = "worker", version)]
struct Cli {
    #[command(subcommand)]
    kind: KindCommand,
}

#[derive(Subcommand)]
enum KindCommand {
    /// Daily bars: OUT/TICKER/year=YYYY/daily.parquet
    Daily {
        #[command(flatten)]
        download: DownloadArgs,
        #[command(flatten)]
        bars: BarArgs,
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
        /// narrow: stamp, price and size · full: also venue, conditions, corrections, sequence and ids
        #[arg(long, value_name = "CHOICE", default_value_t = Columns::Narrow)]
        columns: Columns,
    },
}

#[derive(Args)]
struct BarArgs {
    /// Prices and volumes on today's scale instead of as traded
    #[arg(long)]
    adjusted: bool,
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
    /// Ask only for what the ledgers do not prove; without it everything is fetched anew and merged
    #[arg(long)]
    resume: bool,
    /// With --resume: count only what was asked for at or after this instant (RFC 3339)
    #[arg(long, value_name = "TIMESTAMP", requires = "resume")]
    covered_since: Option<Timestamp>,
    /// Tickers downloaded side by side
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    max_workers: u16,
    /// Append events (JSON lines) to this file
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Where to ask
    #[arg(long, value_name = "URL", env = "POLYGON_BASE_URL", default_value = DEFAULT_BASE_URL)]
    base_url: String,
    /// Let the API key travel over plain http to another machine
    #[arg(long)]
    allow_http: bool,
    /// The zone in which days, and so files, are counted: `America/New_York`, or `UTC` as older systems had it
    #[arg(long, value_name = "ZONE", default_value_t = Zone::NewYork)]
    tz: Zone,
    /// Ask for a missing range in one go, or month by month
    #[arg(long, value_name = "range|month", default_value_t = Window::Range)]
    window: Window,
    /// A day counts as settled this long after 20:00 New York
    #[arg(long, value_name = "DURATION", default_value = "15h")]
    settle: SignedDuration,
    /// How often an empty answer is asked again, a day later, before it is believed
    #[arg(long, value_name = "N", default_value_t = 1)]
    recheck_empty: u32,
    /// At most so many requests, shared by all processes of this machine that use the key: 500/min, 100/s
    #[arg(long, value_name = "RATE", value_parser = str::parse::<Rate>)]
    rate: Option<Rate>,
    /// The same as seconds between requests
    #[arg(long, value_name = "SECONDS", value_parser = Rate::one_every, conflicts_with = "rate")]
    rate_limit: Option<Rate>,
    /// Requests sent for one page before its ticker fails
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// First wait between tries; doubled each time, with jitter
    #[arg(long, value_name = "DURATION", default_value = "500ms")]
    backoff_base: SignedDuration,
}

/// What differs between the kinds.
struct Choice {
    kind: Kind,
    adjusted: Adjusted,
    columns: Columns,
}

/// The arguments, resolved: everything that can be wrong with them has been looked at.
struct Plan {
    task: Task,
    tickers: Vec<Ticker>,
    repeated: Vec<Ticker>,
    asked_to: TradingDay,
    threads: usize,
    events: Option<PathBuf>,
    key: ApiKey,
    backoff: Backoff,
    rate: Option<Rate>,
}

fn main() -> ExitCode {
    let (args, choice) = match Cli::parse().kind {
        KindCommand::Daily { download, bars } => (download, Choice::bars(Kind::Daily, &bars)),
        KindCommand::Minute { download, bars } => (download, Choice::bars(Kind::Minute, &bars)),
        KindCommand::Trades { download, columns } => {
            (download, Choice { kind: Kind::Trades, adjusted: Adjusted::No, columns })
        }
    };
    match resolve(args, &choice).and_then(run) {
        Ok(exit) => exit.into(),
        Err(Refusal { exit, text }) => {
            drop(writeln!(io::stderr(), "error: {text}"));
            exit.into()
        }
    }
}

impl Choice {
    fn bars(kind: Kind, args: &BarArgs) -> Self {
        Self { kind, adjusted: args.adjusted.into(), columns: Columns::Narrow }
    }
}

/// Why nothing was started.
struct Refusal {
    exit: Exit,
    text: String,
}

fn usage(error: impl std::error::Error) -> Refusal {
    Refusal { exit: Exit::Usage, text: causes(&error) }
}

fn resolve(args: DownloadArgs, choice: &Choice) -> Result<Plan, Refusal> {
    let wrong = |text: String| Refusal { exit: Exit::Usage, text };
    let now = clock::now();
    if args.to < args.from {
        return Err(wrong(format!("--to {} lies before --from {}", args.to, args.from)));
    }
    let settled = TradingDay::last_settled(now, args.settle);
    let asked = DateRange::new(args.from, args.to.min(settled)).ok_or_else(|| {
        wrong(format!("nothing from {} on is settled yet: the last settled day is {settled}", args.from))
    })?;
    let plain_http = if args.allow_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
    let base = BaseUrl::parse(&args.base_url, plain_http).map_err(usage)?;
    let backoff_base = Duration::try_from(args.backoff_base)
        .map_err(|_| wrong(format!("--backoff-base {} is negative", args.backoff_base)))?;
    let folder = std::env::current_dir().unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "here arguments and environment become a plan")]
    let key = ApiKey::find(|name| std::env::var(name).ok(), &folder).map_err(usage)?;
    let list = TickerList::read(&args.tickers_csv).map_err(usage)?;
    let since = if args.resume { args.covered_since } else { Some(now) };
    let trust = Trust { now, since, recheck_empty: args.recheck_empty };
    let Choice { kind, adjusted, columns } = *choice;
    let task = Task {
        outdir: args.outdir,
        kind,
        columns,
        zone: args.tz,
        asked,
        window: args.window,
        trust,
        base,
        adjusted,
    };
    Ok(Plan {
        task,
        tickers: list.tickers,
        repeated: list.repeated,
        asked_to: args.to,
        threads: args.max_workers.into(),
        events: args.events,
        key,
        backoff: Backoff { base: backoff_base, tries: args.tries },
        rate: args.rate.or(args.rate_limit),
    })
}

fn run(plan: Plan) -> Result<Exit, Refusal> {
    let local = |error: &dyn std::error::Error| Refusal { exit: Exit::LocalResource, text: causes(error) };
    let Plan { task, tickers, repeated, .. } = plan;
    let events = EventLog::open(plan.events.as_deref()).map_err(|error| local(&error))?;
    let reporter = Reporter::new(events);
    claim(&task)?;
    leftovers::sweep(&task.outdir).map_err(|error| local(&error))?;
    let asked = task.asked;
    reporter.run(Level::Info, &format!("{} {}: {} tickers, {asked}", task.kind, task.base, tickers.len()));
    if plan.asked_to > asked.to() {
        reporter.run(Level::Info, &format!("days after {} are not settled yet and are left out", asked.to()));
    }
    for ticker in repeated {
        reporter.ticker(Level::Warn, &ticker, "stands more than once in the ticker list; kept once");
    }
    let budget =
        plan.rate.map(|rate| SharedBudget::open(&task.base.budget_name(&plan.key), rate)).transpose();
    let budget = budget.map_err(|error| local(&error))?;
    let client = Client::new(plan.key, plan.backoff, budget).map_err(|error| local(&error))?;

    let stop = Arc::new(Stop::default());
    let (post, inbox) = mpsc::channel();
    post_sigterm(post.clone()).map_err(|error| local(&error))?;
    let stop_of_batch = Arc::clone(&stop);
    thread::spawn(move || {
        let batch = || {
            let pipeline = Pipeline::new(&task, &client, &reporter, &stop_of_batch);
            batch::run(&pipeline, &tickers, plan.threads, &reporter, &stop_of_batch)
        };
        // The receiver is gone only when the process ends without waiting for us.
        drop(post.send(Letter::Ended(panic::catch_unwind(AssertUnwindSafe(batch)))));
    });
    Ok(await_end(&inbox, &stop))
}

/// What the main thread waits for.
enum Letter {
    /// SIGTERM came.
    Terminate,
    /// The batch has ended, or panicked.
    Ended(thread::Result<Exit>),
}

fn post_sigterm(post: Sender<Letter>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            drop(post.send(Letter::Terminate));
        }
    });
    Ok(())
}

fn await_end(inbox: &Receiver<Letter>, stop: &Stop) -> Exit {
    let mut letter = inbox.recv().ok();
    if let Some(Letter::Terminate) = letter {
        stop.ask();
        let deadline = Deadline::after(STOP_GRACE);
        while let Some(Letter::Terminate) = letter {
            letter = inbox.recv_timeout(deadline.left()).ok();
        }
    }
    match letter {
        Some(Letter::Ended(Ok(exit))) => exit,
        // The panic has said what it is; the process dies of it, and the launcher sees a crash.
        Some(Letter::Ended(Err(panic))) => panic::resume_unwind(panic),
        // A server keeps silent. Nothing is half written that the next run would not sweep away.
        Some(Letter::Terminate) | None => Exit::Stopped,
    }
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
        Refusal { exit, text: causes(&error) }
    })
}
