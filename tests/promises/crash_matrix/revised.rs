//! The storm over real workers, while the source changes its mind: prices are revised, days shrink
//! and vanish from epoch to epoch. Struck is by what has happened (requests answered, lines of
//! ledgers, lines of the journal), never by the clock.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::epochs::Served;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, run};
use tests::harness::truth::{self, universe};
use tests::harness::{effort, tree};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

use super::storm::{Strikes, marked};

/// Minds that the source has, the first of which is the rows as they are.
const EPOCHS: u64 = 5;
/// A life is struck so often at most.
const STRIKES_OF_A_LIFE: u64 = 6;
/// How often it is looked whether the level is reached.
const LOOK: Duration = Duration::from_millis(2);

/// One dataset and the source it comes from.
struct Scene {
    exchange: Exchange,
    kind: Kind,
    asked: DateRange,
    tickers: Vec<Ticker>,
    place: Place,
    strikes: Strikes,
    served: Served,
    /// Rows that were proven of each partition.
    had: BTreeMap<(Ticker, Partition), u64>,
}

impl Scene {
    fn new(seed: u64, first_cell: usize) -> Self {
        let config = Config::synthetic(seed).with_tickers(12).revising(seed);
        let exchange = Exchange::start(config).expect("started");
        let (kind, asked) = if seed.is_multiple_of(2) {
            (Kind::Trades, days("2024-03-04", "2024-03-08"))
        } else {
            (Kind::Daily, days("2020-01-01", "2024-06-28"))
        };
        let is_small = |ticker: &Ticker| {
            kind == Kind::Daily
                || (1..2_000).contains(&truth::trades(&exchange, ticker, asked).len())
        };
        let tickers: Vec<Ticker> =
            universe(&exchange, 12).into_iter().filter(is_small).take(6).collect();
        let served = Served::of(&exchange, kind, &tickers, asked, EPOCHS);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let strikes = Strikes::new(seed, first_cell);
        Self { exchange, kind, asked, tickers, place, strikes, served, had: BTreeMap::new() }
    }

    fn start(&self) -> Running {
        let mut command = if self.place.workdir().join("run.json").exists() {
            let mut go_on = self.place.launcher("start");
            go_on.arg("--resume");
            go_on
        } else {
            let mut start =
                self.place.launcher_start_of(self.kind, &self.exchange.base_url(), self.asked);
            let words = "--batch-size 1 --max-concurrent 3 --retries 1000 --rate-limit 0";
            start.args(words.split(' '));
            start
        };
        Running::start(command.arg("--foreground").process_group(0))
    }

    /// Waits until a little more has happened, or the supervisor has ended.
    fn until_a_level(&mut self, launcher: &Running) {
        let (which, more) = (self.strikes.dice.below(3), 1 + self.strikes.dice.below(3));
        let reached = |scene: &Self| match which {
            0 => scene.exchange.stats().total,
            1 => scene
                .tickers
                .iter()
                .map(|ticker| lines(&Ledger::path(&scene.place.outdir(), ticker)))
                .sum(),
            _ => lines(&scene.place.workdir().join("journal.jsonl")),
        };
        let before = reached(self);
        while launcher.is_running() && reached(self) < before + more {
            std::thread::sleep(LOOK);
        }
    }

    fn turn(&mut self) {
        let epoch = self.strikes.dice.below(EPOCHS);
        self.exchange.turn_to_epoch(epoch);
    }

    /// One supervisor's life: struck a few times while the source changes its mind.
    fn life(&mut self) -> Option<i32> {
        let launcher = self.start();
        for _ in 0..=self.strikes.dice.below(STRIKES_OF_A_LIFE) {
            self.until_a_level(&launcher);
            if !launcher.is_running() {
                break;
            }
            let next = self.strikes.dice.below(EPOCHS);
            let Self { strikes, place, exchange, .. } = self;
            strikes.strike(place, &launcher, || exchange.turn_to_epoch(next));
            if self.strikes.dice.below(2) == 0 {
                self.turn();
            }
        }
        if self.strikes.dice.below(2) == 0 {
            launcher.signal(Signal::SIGKILL);
        }
        launcher.wait().code()
    }

    /// What is left of a run that was broken off ends.
    #[track_caller]
    fn stop(&self) {
        if self.place.workdir().join("run.json").exists() {
            run(&mut self.place.launcher("stop")).expect_code(0);
            assert_eq!(marked(&self.place), [] as [i32; 0], "stop leaves nothing running");
        }
    }

    /// While nobody writes: every row on disk was served, none twice; what is believed is there;
    /// and what was once proven is not believed again before as many rows are back. A healthy day
    /// of trades is what the newest answer says, but never nothing.
    #[track_caller]
    fn check(&mut self) {
        for ticker in &self.tickers {
            let (disk, ledger) = self.served.prove(&self.place.outdir(), ticker);
            for entry in ledger.entries().filter(|entry| entry.answers.lost().is_empty()) {
                let of_it = disk.iter().filter(|(day, _)| entry.partition.span().contains(**day));
                let rows: u64 = of_it.map(|(_, rows)| rows.len() as u64).sum();
                let had = self.had.entry((ticker.clone(), entry.partition)).or_default();
                let least = if self.kind == Kind::Trades { (*had).min(1) } else { *had };
                assert!(
                    rows >= least,
                    "{ticker}: of {least} rows only {rows} are there: {entry:?}"
                );
                if let Some(file) = &entry.file {
                    *had = file.proven_rows.unwrap_or(file.rows);
                }
            }
        }
    }

    /// The source stands still: the run ends by itself, complete or with those named whose rows the
    /// source now denies.
    #[track_caller]
    fn stands_still(&mut self) {
        let ended = self.start().wait();
        assert_eq!(marked(&self.place), [] as [i32; 0], "nothing is left running");
        if ended.code() != Some(0) {
            let said = |line: &str| {
                line.contains("rows were proven there and are lost, and the source now brings")
                    || line
                        .contains("rows were there that no file proves now, and the source sends")
            };
            let causes = run(self.place.launcher("tickers").args(["--state", "failed"]))
                .expect_code(0)
                .stdout;
            assert!(causes.lines().count() > 1, "{ended:?}");
            assert!(causes.lines().skip(1).all(said), "{causes}\n{ended:?}");
        }
        self.check();
    }

    /// The source is what it was at first, and everything is asked anew: nothing else is left in
    /// the end.
    #[track_caller]
    fn heals(&mut self) {
        self.exchange.turn_to_epoch(0);
        self.next_run();
        let ended = self.start().wait();
        self.check();
        ended.expect_code(0);
        for ticker in &self.tickers {
            assert!(
                tree::is_proven(&self.place.outdir(), self.kind, ticker, self.asked),
                "{ticker} is lost"
            );
            let is_truth = self.served.is_on_disk(0, &self.place.outdir(), ticker);
            assert!(is_truth, "{ticker}: not what the source has");
        }
        assert_eq!(tree::strays(&self.place.outdir()), [] as [&Path; 0]);
    }

    /// The next start begins a run that wants everything anew.
    fn next_run(&self) {
        fs::remove_dir_all(self.place.workdir()).expect("removed");
    }
}

fn lines(path: &Path) -> u64 {
    let text = fs::read(path).unwrap_or_default();
    text.split(|byte| *byte == b'\n').count() as u64
}

/// One dataset: two runs on it, each in the storm, and one in calm.
fn round(seed: u64, first_cell: usize, runs: u64) -> usize {
    let mut scene = Scene::new(seed, first_cell);
    for number in 0..runs {
        if number > 0 {
            scene.next_run();
        }
        for _ in 0..=3 + scene.strikes.dice.below(8) {
            scene.turn();
            if scene.life() == Some(0) {
                break;
            }
            scene.stop();
            scene.check();
        }
        scene.stands_still();
    }
    scene.heals();
    scene.strikes.sent
}

fn storm(seed: u64, strikes: usize) -> usize {
    let mut sent = 0;
    for number in 0.. {
        sent += round(seed * 10_000 + number, sent, 3);
        eprintln!("storm {seed}: {sent} signals after {} rounds", number + 1);
        if sent >= strikes {
            break;
        }
    }
    sent
}

fn storms(seeds: std::ops::RangeInclusive<u64>, strikes: usize) {
    let sent = std::thread::scope(|scope| {
        let storms: Vec<_> = seeds.map(|seed| scope.spawn(move || storm(seed, strikes))).collect();
        storms.into_iter().map(|storm| storm.join().expect("it holds")).sum::<usize>()
    });
    eprintln!("{sent} signals, the source changing its mind");
}

#[test]
fn signals_while_the_source_changes_its_mind_lose_and_double_nothing() {
    storms(1..=2, effort::choose(15, 60));
}

#[test]
#[ignore = "takes most of an hour; scripts/soak runs it"]
fn ten_thousand_signals_while_the_source_changes_its_mind_lose_and_double_nothing() {
    storms(3..=10, 1_250);
}
