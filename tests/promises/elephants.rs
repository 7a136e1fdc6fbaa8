//! Promise: a ticker that is heavier than a fair share of the run is brought by several workers at
//! the same time, and nothing of what comes of it tells so: not after kills, not after going on,
//! not after an extension.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use tests::harness::effort;
use tests::harness::place::{Place, days, ticker};
use tests::harness::program::{Running, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;
use tests::sim::synthetic::ELEPHANT;

/// Some trade little beside it.
const TICKERS: usize = 4;
/// One day tells how heavy it is; a heavy one, so that the rest is light enough for a test.
const KNOWN: (&str, &str) = ("2025-02-18", "2025-02-18");
const ASKED: (&str, &str) = ("2023-11-20", "2024-03-28");

struct Herd {
    exchange: Exchange,
    tickers: Vec<String>,
}

impl Herd {
    fn new() -> Self {
        Self::with_slow_bodies(0.0)
    }

    /// With so many replies that take a second: what they hold up can be met on its way.
    fn with_slow_bodies(share: f64) -> Self {
        let config = Config::synthetic(31).with_tickers(TICKERS).with_elephant_trades(5_000);
        let config = config.with_page_rows_max(300).with_fault(Fault::SlowBody, share);
        let exchange = Exchange::start(config).expect("started");
        let tickers = exchange
            .source()
            .listings()
            .iter()
            .map(|listing| listing.ticker.to_string())
            .take(TICKERS);
        let tickers = tickers.collect();
        Self { exchange, tickers }
    }

    /// A place in which one day of everybody is known.
    fn place(&self) -> Place {
        let place = Place::with_tickers(&self.tickers);
        run(&mut self.worker(&place, days(KNOWN.0, KNOWN.1))).expect_code(0);
        place
    }

    fn worker(&self, place: &Place, asked: DateRange) -> Command {
        let mut worker = place.worker_of(Kind::Trades, &self.exchange.base_url(), asked);
        worker.arg("--resume");
        worker
    }

    fn start(&self, place: &Place) -> Command {
        let mut start = place.launcher_start_of(
            Kind::Trades,
            &self.exchange.base_url(),
            days(ASKED.0, ASKED.1),
        );
        start.args(["--resume", "--foreground", "--max-concurrent", "4", "--retries", "1000"]);
        start
    }

    /// What one worker alone makes of it.
    fn alone(&self, asked: DateRange) -> Place {
        let place = self.place();
        run(&mut self.worker(&place, asked)).expect_code(0);
        place
    }

    #[track_caller]
    fn same(&self, place: &Place, alone: &Place, asked: DateRange) {
        for name in &self.tickers {
            assert!(tree::is_proven(&place.outdir(), Kind::Trades, &ticker(name), asked), "{name}");
            let ledger = Ledger::read(&place.outdir(), Kind::Trades, &ticker(name)).expect("sound");
            assert_eq!(ledger.damaged().count(), 0, "{name}");
        }
        let (own, theirs) =
            (tree::parquet_bytes(&place.outdir()), tree::parquet_bytes(&alone.outdir()));
        assert_eq!(own.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        assert!(own == theirs, "the same bytes");
        assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0]);
    }
}

/// The days that each worker was given which had the elephant.
fn parts(place: &Place) -> BTreeSet<String> {
    let why = run(place.launcher("why").args(["--json", ELEPHANT])).expect_code(0).stdout;
    let why: Value = serde_json::from_str(&why).expect("JSON");
    let parts = why["parts"].as_array().cloned().unwrap_or_default();
    parts.iter().map(|part| part["part"].to_string()).collect()
}

/// Lives of a launcher that is killed.
const MOST_ROUNDS: u64 = 12;
/// Answers of the exchange in each of them.
const ANSWERS_A_ROUND: usize = 8;

fn go_on(place: &Place, arguments: &[&str]) -> Command {
    let mut start = place.launcher("start");
    start.args(["--resume", "--foreground"]).args(arguments);
    start
}

#[test]
fn an_elephant_in_parts_is_the_elephant_also_when_everybody_is_killed_on_the_way_and_when_the_run_is_extended()
 {
    let herd = Herd::new();
    let asked = days(ASKED.0, ASKED.1);
    let alone = herd.alone(asked);
    let place = herd.place();
    let before = herd.exchange.stats().total;
    let said = run(&mut herd.start(&place)).expect_code(0).stdout;
    let requests = herd.exchange.stats().total - before;
    says(
        &said,
        &[
            &format!("\nheavy    {ELEPHANT} is split by date into "),
            "tickers     4 / 4 verified, 0 failed, 0 left",
        ],
    );
    let cut = parts(&place);
    assert!(cut.len() > 1, "{cut:?}");
    herd.same(&place, &alone, asked);
    eprintln!("{requests} requests in {} parts", cut.len());

    let again = herd.exchange.stats().total;
    let said = run(&mut go_on(&place, &[])).expect_code(0).stdout;
    says(&said, &["already complete"]);
    assert_eq!(herd.exchange.stats().total, again + 1, "the launcher's question");

    // Longer at both ends: the first and the last part go with it.
    let longer = days("2023-11-12", "2024-04-05");
    let alone_longer = herd.alone(longer);
    let said = run(&mut go_on(&place, &["--from", "2023-11-12", "--to", "2024-04-05"]))
        .expect_code(0)
        .stdout;
    says(&said, &["4 / 4 verified"]);
    assert_eq!(parts(&place).len(), cut.len());
    herd.same(&place, &alone_longer, longer);

    // A file of one part is lost: that part alone is worked on again.
    let lost =
        place.outdir().join(ELEPHANT).join("year=2024/month=03/day=2024-03-11/trades.parquet");
    std::fs::remove_file(&lost).expect("removed");
    let said = run(&mut go_on(&place, &[])).expect_code(0).stdout;
    says(&said, &["1 ticker in 1 batch, 3 done already"]);
    herd.same(&place, &alone_longer, longer);
}

#[test]
fn with_launcher_and_workers_killed_at_any_moment_the_elephant_in_parts_is_whole() {
    let herd = Herd::with_slow_bodies(0.1);
    let asked = days(ASKED.0, ASKED.1);
    let alone = herd.alone(asked);
    let place = herd.place();
    let takes = herd.exchange.stats().total;
    assert!(takes > MOST_ROUNDS * ANSWERS_A_ROUND as u64, "{takes} answers are the whole work");
    let mut interrupted = 0;
    for round in 0..effort::choose(4, MOST_ROUNDS) {
        // All rounds together get fewer answers than the work takes; the first of each is for the
        // launcher itself.
        herd.exchange.close_the_door_after(ANSWERS_A_ROUND);
        let launcher = if place.workdir().join("run.json").exists() {
            Running::start(&mut go_on(&place, &[]))
        } else {
            Running::start(&mut herd.start(&place))
        };
        if round == 0 {
            eventually("two workers at least", || place.processes().len() > 4);
        }
        std::thread::sleep(Duration::from_millis(100 + round * round * 37 % 400));
        // A start may be refused: what of the run is left over has not died yet.
        interrupted += u32::from(launcher.is_running());
        // By turns: workers and shims die under a living launcher, the launcher over living
        // workers, and all of them.
        if round % 3 != 1 {
            for pid in place.processes().into_iter().filter(|pid| *pid != launcher.pid()) {
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        if round % 3 != 0 {
            launcher.signal(Signal::SIGKILL);
        } else {
            launcher.signal(Signal::SIGTERM);
        }
        launcher.wait();
    }
    assert!(interrupted > 2, "the kills came too late to prove anything");
    herd.exchange.open_the_door();
    let said = run(&mut go_on(&place, &[])).expect_code(0).stdout;
    assert!(said.contains("4 / 4 verified") || said.contains("already complete"), "{said}");
    assert!(parts(&place).len() > 1);
    herd.same(&place, &alone, asked);
    assert_eq!(place.processes(), [] as [i32; 0]);
}
