//! Promise: several workers may write one ticker at the same time, each its own days, and be killed
//! at any moment: what comes of it is what one worker alone makes. Nobody gets days that somebody
//! else is writing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::disk::checked_lines;
use tests::harness::place::{Place, days, ticker};
use tests::harness::program::{Running, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;
use tests::sim::synthetic::ELEPHANT;

/// A small generator of our own: the same seed gives the same kills.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One ticker of an exchange, cut into parts that different workers bring.
struct Shared {
    exchange: Exchange,
    kind: Kind,
    parts: Vec<DateRange>,
    alone: BTreeMap<PathBuf, Vec<u8>>,
}

impl Shared {
    fn new(config: Config, kind: Kind, parts: &[(&str, &str)]) -> Self {
        let exchange = Exchange::start(config).expect("started");
        let parts: Vec<DateRange> = parts.iter().map(|(from, to)| days(from, to)).collect();
        let whole = DateRange::new(parts[0].from(), parts[parts.len() - 1].to()).expect("in order");
        let place = Place::with_tickers([ELEPHANT]);
        run(place.worker_of(kind, &exchange.base_url(), whole).arg("--resume")).expect_code(0);
        let alone = tree::parquet_bytes(&place.outdir());
        Self { exchange, kind, parts, alone }
    }

    fn worker(&self, place: &Place, days: DateRange) -> Command {
        let mut worker = place.worker_of(self.kind, &self.exchange.base_url(), days);
        worker.arg("--resume");
        worker
    }

    /// The days that the last line of each partition tells of.
    fn told(place: &Place) -> BTreeMap<Partition, Coverage> {
        let path = Ledger::path(&place.outdir(), &ticker(ELEPHANT));
        let lines: Vec<Entry> =
            checked_lines::read(&path).expect("sound but for a torn tail").entries;
        let known =
            |entry: Entry| (entry.partition, entry.answers.days(|answer| answer.said.is_known()));
        lines.into_iter().map(known).collect()
    }

    /// Until everything is there: all parts at once, each killed at some moment or, sometimes, not.
    /// Returns how often.
    fn round(&self, dice: &mut Dice) -> u32 {
        let place = Place::with_tickers([ELEPHANT]);
        let (mut kills, mut lives) = (0, 0);
        let mut known: BTreeMap<Partition, Coverage> = BTreeMap::new();
        while !self.parts.iter().all(|part| self.is_proven(&place, *part)) {
            let mut workers: Vec<Running> = self
                .parts
                .iter()
                .map(|part| Running::start(&mut self.worker(&place, *part)))
                .collect();
            for worker in &mut workers {
                std::thread::sleep(Duration::from_millis(dice.below(60)));
                if lives < 8 && dice.below(4) > 0 && worker.is_running() {
                    worker.signal(Signal::SIGKILL);
                    kills += 1;
                }
            }
            for ended in workers.into_iter().map(Running::wait) {
                assert!(matches!(ended.code(), None | Some(0)), "{}", ended.stderr);
            }
            let told = Self::told(&place);
            for (partition, days) in &known {
                let now = told.get(partition).cloned().unwrap_or_default();
                assert!(
                    days.minus(&now).is_empty(),
                    "{partition} has lost a line, whoever was killed"
                );
            }
            known = told;
            lives += 1;
            assert!(lives < 20, "it comes to its end");
        }
        assert!(
            tree::parquet_bytes(&place.outdir()) == self.alone,
            "the same bytes as one worker makes"
        );
        assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0]);
        kills
    }

    fn is_proven(&self, place: &Place, days: DateRange) -> bool {
        tree::is_proven(&place.outdir(), self.kind, &ticker(ELEPHANT), days)
    }

    #[track_caller]
    fn survive(&self, seed: u64, kills: u32) {
        let mut dice = Dice(seed);
        let mut sent = 0;
        while sent < kills {
            sent += self.round(&mut dice);
        }
    }
}

#[test]
fn trades_of_one_ticker_by_three_workers_killed_at_any_moment_are_those_of_one_worker() {
    let parts =
        [("2024-02-20", "2024-03-01"), ("2024-03-02", "2024-03-15"), ("2024-03-16", "2024-03-28")];
    let config =
        Config::synthetic(31).with_tickers(3).with_elephant_trades(2_000).with_page_rows_max(900);
    Shared::new(config, Kind::Trades, &parts).survive(1, 60);
}

#[test]
fn minutes_of_one_ticker_by_three_workers_killed_at_any_moment_are_those_of_one_worker() {
    let parts =
        [("2023-10-01", "2023-12-31"), ("2024-01-01", "2024-02-29"), ("2024-03-01", "2024-04-19")];
    let config = Config::synthetic(31).with_tickers(3).with_page_rows_max(900);
    Shared::new(config, Kind::Minute, &parts).survive(2, 60);
}

#[test]
fn days_that_somebody_writes_are_refused_to_others_by_name_and_the_next_ones_are_not() {
    let slow = Config::synthetic(31)
        .with_tickers(3)
        .with_page_rows_max(200)
        .with_fault(Fault::SlowBody, 1.0);
    let exchange = Exchange::start(slow).expect("started");
    let place = Place::with_tickers([ELEPHANT]);
    let worker = |from, to| {
        let mut worker = place.worker_of(Kind::Minute, &exchange.base_url(), days(from, to));
        worker.arg("--resume");
        worker
    };
    let first = Running::start(&mut worker("2024-01-10", "2024-03-20"));
    eventually("it has asked", || exchange.stats().total > 0);
    // March is whole or not at all, however few of its days were asked for.
    let refused = run(&mut worker("2024-03-25", "2024-04-02")).expect_code(10).stderr;
    let whose = format!("(process {} (worker) has locked ", first.pid());
    let said = format!(
        "{ELEPHANT}: failed, may be tried again: another worker is writing 2024-01-01..2024-03-31 of it {whose}"
    );
    says(&refused, &[&said]);
    run(&mut worker("2024-04-01", "2024-04-02")).expect_code(0);
    assert!(first.is_running(), "at the same time");
    first.signal(Signal::SIGKILL);
    first.wait();
    run(&mut worker("2024-03-25", "2024-04-02")).expect_code(0);
}

#[test]
fn a_worker_waits_for_who_has_its_days_for_a_moment_only() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(3)).expect("started");
    let place = Place::with_tickers([ELEPHANT]);
    let asked = days("2024-03-04", "2024-03-08");
    // As a check does while it notes what it has found.
    let moment =
        OpenLedger::open(&place.outdir(), Kind::Minute, &ticker(ELEPHANT), asked).expect("free");
    let worker =
        Running::start(place.worker_of(Kind::Minute, &exchange.base_url(), asked).arg("--resume"));
    std::thread::sleep(Duration::from_millis(300));
    drop(moment);
    worker.wait().expect_code(0);
    assert!(tree::is_proven(&place.outdir(), Kind::Minute, &ticker(ELEPHANT), asked));
}

#[test]
fn a_draft_of_a_living_neighbour_stays_and_one_of_a_dead_writer_goes() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(3)).expect("started");
    let place = Place::with_tickers([ELEPHANT]);
    let draft = |month: &str| {
        let folder = place.outdir().join(ELEPHANT).join("year=2024").join(month);
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("_minute.parquet.17.tmp"), b"half").expect("written");
        folder.join("_minute.parquet.17.tmp")
    };
    let (theirs, own) = (draft("month=02"), draft("month=03"));
    let mut worker =
        place.worker_of(Kind::Minute, &exchange.base_url(), days("2024-03-04", "2024-03-08"));
    let said = run(worker.arg("--resume")).expect_code(0).stderr;
    says(&said, &[&format!("removed {}, left by a crash", own.display())]);
    assert!(theirs.exists() && !own.exists(), "who claims February may be at it");
}
