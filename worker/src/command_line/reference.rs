//! `worker reference`: arguments to a plan, and its run.

use std::path::PathBuf;

use clap::Args;
use shared::market::trading_day::TradingDay;
use shared::run::events::EventLog;
use shared::run::exit::Exit;
use shared::run::limits::MAX_WORKER_THREADS;
use shared::run::redaction::Redaction;

use super::refusal::Refusal;
use super::source::SourceArgs;
use super::until_end;
use crate::clock;
use crate::reference::answers::EarlierAnswers;
use crate::reference::ask::ReferenceSource;
use crate::reference::job::{self, Delisted, JobPlan};
use crate::reference::output::{OutputError, SnapshotOutput};
use crate::report::{Level, Reporter};

/// As typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; the plan has enums")]
pub struct ReferenceArgs {
    /// Root of the tables; not a folder of bars or trades
    #[arg(long, value_name = "DIR")]
    outdir: PathBuf,
    /// Also tickers that no longer trade: without them, results from the list have survivorship
    /// bias
    #[arg(long)]
    include_delisted: bool,
    /// Snapshot as of this New York day, which names its folder; the default is today
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<TradingDay>,
    /// Also the details of each ticker (one request each): market cap, industry, listing date
    #[arg(long)]
    details: bool,
    /// Also all splits
    #[arg(long)]
    splits: bool,
    /// Also the ticker events of each security (one request each): which symbols it had, and since
    /// when
    #[arg(long)]
    ticker_events: bool,
    /// Fetch only what is missing or damaged. To continue the snapshot of an earlier day, give its
    /// --date
    #[arg(long)]
    resume: bool,
    /// Tickers requested at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_WORKER_THREADS)))]
    max_workers: u16,
    #[command(flatten)]
    source: SourceArgs,
}

/// Looks at everything that can be wrong, then asks.
pub fn run(args: &ReferenceArgs) -> Result<Exit, Refusal> {
    let ears = until_end::listen()?;
    let today = TradingDay::of(clock::now()).unwrap_or(TradingDay::MAX);
    if let Some(date) = args.date.filter(|date| *date > today) {
        return Err(Refusal::wrong(format!("--date {date} lies in the future")));
    }
    let snapshot_date = args.date.unwrap_or(today);
    let source = args.source.resolve()?;
    let base = source.base.clone();
    let place =
        SnapshotOutput::take(&args.outdir, base.source_name(), snapshot_date).map_err(refused)?;
    let events = EventLog::open(args.source.events.as_deref()).map_err(Refusal::local)?;
    let reporter = Reporter::new(events).hiding(Redaction::of_key(&source.key));
    let plan = JobPlan {
        date: args.date,
        delisted: if args.include_delisted { Delisted::Included } else { Delisted::LeftOut },
        details: args.details,
        splits: args.splits,
        events: args.ticker_events,
        begin: if args.resume { EarlierAnswers::Kept } else { EarlierAnswers::AskedAgain },
        threads: args.max_workers.into(),
    };
    let client = source.client()?;
    reporter.run(Level::Info, &format!("reference {base}: snapshot of {snapshot_date}"));
    until_end::run(ears, move |stop| {
        let source = ReferenceSource { client: &client, base, reporter: &reporter, stop };
        job::run(&plan, place, &source)
    })
}

fn refused(error: OutputError) -> Refusal {
    let exit = match error {
        OutputError::Disk(_) => Exit::LocalResource,
        OutputError::Busy(_) => Exit::Transient,
        OutputError::MarketData(_) | OutputError::Mismatch { .. } => Exit::Usage,
    };
    Refusal { exit, ..Refusal::usage(error) }
}
