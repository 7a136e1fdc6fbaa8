//! The simulated exchange as a program: arguments in, one line with the address out, then serve
//! until told to stop.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;

use clap::{Parser, ValueEnum};
use jiff::SignedDuration;
use shared::disk::publish::publish;
use shared::error_chain::with_causes;
use shared::market::trading_day::TradingDay;
use shared::run::ticker_list::TickerList;
use signal_hook::consts::{SIGINT, SIGTERM};
use tests::sim::config::{Config, RetryAfter, Rows};
use tests::sim::defects::{Defect, Defects};
use tests::sim::endpoint::AggsEnd;
use tests::sim::faults::{FaultPlan, FaultRate, parse_probability};
use tests::sim::rate_window::Rate;
use tests::sim::server::Exchange;
use tests::sim::synthetic::Shape;
use tests::sim::synthetic::renames::Symbols;

/// A simulated exchange behind the vendor's HTTP API, on loopback. For demos and tests only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Serve a made-up market, the same for the same seed
    #[arg(
        long,
        value_name = "SEED",
        conflicts_with = "replay",
        required_unless_present = "replay"
    )]
    synthetic: Option<u64>,
    /// Serve recorded data: DIR/daily/TICKER.csv.gz, DIR/minute/TICKER/DATE.csv.gz,
    /// DIR/trades/TICKER.parquet
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// Revise, shorten and drop answers from epoch to epoch, drawn from SEED; /__epoch/N turns to
    /// epoch N, 0 is the truth
    #[arg(long, value_name = "SEED")]
    revise: Option<u64>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// Write "HOST:PORT" here once listening
    #[arg(long, value_name = "FILE")]
    addr_file: Option<PathBuf>,
    /// Write the symbols of the universe here, as a CSV with the column `ticker`, once listening
    #[arg(long, value_name = "FILE")]
    tickers_csv: Option<PathBuf>,
    /// The accepted API key [default: any non-empty one]
    #[arg(long, env = "SIM_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Synthetic tickers
    #[arg(long, value_name = "N", default_value_t = 300)]
    tickers: usize,
    /// Trades of the elephant (MAMTH) on a full session since 2025
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    elephant_trades: u64,
    /// Also securities that change their symbols: kept (none) · changed · last-only (as if they
    /// never had)
    #[arg(long, value_enum, default_value_t = Symbols::Kept)]
    symbols: Symbols,
    /// Last day with synthetic data [default: 2026-10-30]
    #[arg(long, value_name = "DATE")]
    last_day: Option<TradingDay>,
    /// Most rows of a page, whatever the client asks for
    #[arg(long, value_name = "N")]
    page_rows_max: Option<usize>,
    /// Answer 429 beyond so many requests in a rolling window: 600/60s, 5/min, 100/s
    #[arg(long)]
    rate: Option<Rate>,
    /// Whether these 429 carry Retry-After
    #[arg(long, value_enum, default_value_t = OnOff::Off)]
    retry_after: OnOff,
    /// What follows a last page of aggregates that is exactly full
    #[arg(long, value_enum, default_value_t = End::Exact)]
    aggs_end: End,
    /// First day of aggregates that the plan reaches; what is older is a 403
    #[arg(long, value_name = "DATE")]
    plan_begins: Option<TradingDay>,
    /// What is wrong for good, repeatable: twin=TICKER@DATE (its first bar stands there twice),
    /// text-price=TICKER@DATE (the first trade of that day has a text for a price; trades alone),
    /// mute=TICKER@DATE (504 for whatever has that day), 504=DAYS (longer ranges)
    #[arg(long, value_name = "DEFECT")]
    defect: Vec<Defect>,
    /// Let the `Date` of replies be so far off this machine's clock, as if that were wrong: -48h,
    /// 90m
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "0s")]
    date_offset: SignedDuration,
    /// Root of the chances of all faults
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed_faults: u64,
    /// Probability of every fault
    #[arg(long, value_name = "P", value_parser = parse_probability)]
    faults_all: Option<f64>,
    /// Probability of one fault, repeatable, stronger than --faults-all: 429, 429-retry-after, 500,
    /// 502, 504, reset, cut-json, slow-body, html-200, duplicate-row, repeated-next-url,
    /// foreign-next-url, adjusted-flip, delayed, text-price
    #[arg(long, value_name = "KIND=P")]
    fault: Vec<FaultRate>,
    /// End when standard input closes
    #[arg(long)]
    shutdown_with_stdin: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// No `next_url`
    Exact,
    /// A `next_url` to an empty page (ascending) or a 400 (descending)
    EmptyPage,
}

impl Arguments {
    fn config(&self) -> Config {
        let rows = match (&self.replay, self.synthetic) {
            (Some(folder), _) => Rows::Replay(folder.clone()),
            (None, seed) => {
                let shape = Shape::new(seed.unwrap_or_default());
                Rows::Synthetic(Shape {
                    tickers: self.tickers,
                    elephant_trades: self.elephant_trades,
                    symbols: self.symbols,
                    last_day: self.last_day.unwrap_or(shape.last_day),
                    ..shape
                })
            }
        };
        let everywhere = FaultPlan::new(self.seed_faults).with_all(self.faults_all.unwrap_or(0.0));
        let config = Config::of(rows);
        Config {
            addr: self.addr,
            revise: self.revise,
            key: self.key.clone().filter(|key| !key.is_empty()),
            page_rows_max: self.page_rows_max.unwrap_or(config.page_rows_max),
            rate: self.rate,
            retry_after: if self.retry_after == OnOff::On {
                RetryAfter::Said
            } else {
                RetryAfter::Silent
            },
            faults: self.fault.iter().fold(everywhere, |plan, rate| plan.with(*rate)),
            defects: Defects(self.defect.clone()),
            aggs_end: if self.aggs_end == End::Exact { AggsEnd::Exact } else { AggsEnd::EmptyPage },
            plan_begins: self.plan_begins.unwrap_or(config.plan_begins),
            date_offset: self.date_offset,
            ..config
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told that stderr is closed.
            writeln!(io::stderr(), "error: {}", with_causes(&*error)).ok();
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = mpsc::channel::<()>();
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
    let stop_by_signal = stop.clone();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stop_by_signal.send(()).ok();
        }
    });
    let exchange = Exchange::start(arguments.config())?;
    if let Some(file) = &arguments.tickers_csv {
        let mut tickers: Vec<_> =
            exchange.source().listings().iter().map(|listing| &listing.ticker).collect();
        tickers.dedup();
        publish(file, TickerList::text(tickers).as_bytes())?;
    }
    if let Some(file) = &arguments.addr_file {
        publish(file, format!("{}\n", exchange.addr()).as_bytes())?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", exchange.base_url()).and_then(|()| stdout.flush())?;
    if arguments.shutdown_with_stdin {
        std::thread::spawn(move || {
            // An unreadable standard input is as good as a closed one.
            io::copy(&mut io::stdin(), &mut io::sink()).ok();
            stop.send(()).ok();
        });
    }
    // The signal thread never lets go of its sender: this ends by a message only.
    stopped.recv()?;
    Ok(())
}
