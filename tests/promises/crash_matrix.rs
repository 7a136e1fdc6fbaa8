//! Promise: any signal to anybody at any moment costs no ticker, doubles none, and never exceeds
//! the cap.
//!
//! Moments are not staged here: workers take some milliseconds, so that kills at random moments
//! fall before a spawn is journalled, between fork and exec, into publishing and journalling, and
//! into a stop. Rounds are seeded, and every signal meets every victim. System call by system call:
//! `crash_points`.

mod storm;
mod revised;

use std::os::unix::process::CommandExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::effort;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run, with_environment};
use tests::harness::tree;
use tests::harness::zoo::{DAYS, Zoo};

use storm::{SIGNALS, Strikes, VICTIMS, marked};

const CAP: u32 = 3;
const TICKERS: usize = 60;

struct Matrix {
    zoo: Zoo,
    place: Place,
    strikes: Strikes,
}

impl Matrix {
    fn new(seed: u64, first_cell: usize) -> Self {
        let tickers = (0..TICKERS).map(|number| format!("T{number}"));
        let place = Place::with_tickers(tickers);
        Self { zoo: Zoo::open(), place, strikes: Strikes::new(seed, first_cell) }
    }

    fn start(&self) -> Running {
        let mut command = if self.place.workdir().join("run.json").exists() {
            let mut go_on = self.zoo.launcher(&self.place, "", "start");
            go_on.arg("--resume");
            go_on
        } else {
            let mut start = self.zoo.start(&self.place, "");
            start.args([
                "--batch-size",
                "2",
                "--max-concurrent",
                &CAP.to_string(),
                "--retries",
                "1000",
            ]);
            start
        };
        command.arg("--foreground");
        Running::start(command.env("ZOO_CAP", CAP.to_string()).process_group(0))
    }

    fn marked(&self) -> Vec<i32> {
        marked(&self.place)
    }

    /// One supervisor's life: struck a few times, or stopped and struck.
    fn life(&mut self) -> Option<i32> {
        let launcher = self.start();
        let stopper = (self.strikes.dice.below(6) == 0)
            .then(|| Running::start(&mut self.zoo.launcher(&self.place, "", "stop")));
        for _ in 0..=self.strikes.dice.below(4) {
            std::thread::sleep(Duration::from_millis(self.strikes.dice.below(70)));
            if !launcher.is_running() {
                break;
            }
            let pause = Duration::from_millis(self.strikes.dice.below(40));
            self.strikes.strike(&self.place, &launcher, || std::thread::sleep(pause));
        }
        if let Some(stopper) = stopper {
            // It may come before there is a run, or meet one that was killed.
            stopper.wait();
            launcher.signal(Signal::SIGKILL);
            launcher.wait();
            self.stop();
            return None;
        }
        if self.strikes.dice.below(2) == 0 {
            launcher.signal(Signal::SIGKILL);
        }
        launcher.wait().code()
    }

    /// Nobody begins anything meanwhile: whatever state it finds, nothing is left.
    #[track_caller]
    fn stop(&self) {
        if self.place.workdir().join("run.json").exists() {
            run(&mut self.zoo.launcher(&self.place, "", "stop")).expect_code(0);
            assert_eq!(self.marked(), [] as [i32; 0], "stop leaves nothing running");
        }
    }

    #[track_caller]
    fn check(&self) {
        let read =
            |name: &str| std::fs::read_to_string(self.place.path().join(name)).unwrap_or_default();
        assert_eq!(read("doubled"), "", "no ticker was worked on twice at the same time");
        assert_eq!(read("exceeded"), "", "the cap held, orphans counted");
    }

    /// One more start, and everything ends by itself, and all is there.
    #[track_caller]
    fn finish(&self) {
        self.start().wait().expect_code(0);
        self.check();
        for number in 0..TICKERS {
            let ticker: Ticker = format!("T{number}").parse().expect("a ticker");
            let asked = days(DAYS.0, DAYS.1);
            assert!(
                tree::is_proven(&self.place.outdir(), Kind::Daily, &ticker, asked),
                "{ticker} is lost"
            );
        }
        assert_eq!(self.marked(), [] as [i32; 0], "nothing is left running");
    }
}

/// Runs until so many signals have been sent; says how many.
fn storm(seed: u64, kills: usize) -> usize {
    let mut sent = 0;
    for round in 0.. {
        let mut matrix = Matrix::new(seed * 1000 + round, sent);
        // Mostly it is broken off in the middle, so that the start after it has something to go on
        // with.
        for _ in 0..=matrix.strikes.dice.below(12) {
            if matrix.life() == Some(0) {
                break;
            }
            matrix.check();
        }
        matrix.finish();
        sent += matrix.strikes.sent;
        if sent >= kills {
            break;
        }
    }
    sent
}

fn storms(seeds: std::ops::RangeInclusive<u64>, kills: usize) {
    assert!(kills >= SIGNALS.len() * VICTIMS.len(), "each storm strikes every cell");
    let sent = std::thread::scope(|scope| {
        let storms: Vec<_> = seeds.map(|seed| scope.spawn(move || storm(seed, kills))).collect();
        storms.into_iter().map(|storm| storm.join().expect("it holds")).sum::<usize>()
    });
    eprintln!(
        "{sent} signals, each of {} cells as often as the others",
        SIGNALS.len() * VICTIMS.len()
    );
}

#[test]
fn hundreds_of_signals_at_random_moments_lose_double_and_hide_nothing() {
    // Each storm strikes every cell once at least.
    storms(1..=effort::choose(2, 3), effort::choose(30, 100));
}

#[test]
#[ignore = "takes most of an hour; scripts/soak runs it"]
fn ten_thousand_signals_at_random_moments_lose_double_and_hide_nothing() {
    storms(4..=7, 2_500);
}

#[test]
fn stop_leaves_no_process_also_of_workers_that_do_not_want_to_go() {
    let place = Place::with_tickers(["A", "B", "C"]);
    let zoo = Zoo::open();
    run(zoo.start(&place, "deaf").args(["--batch-size", "1", "--max-concurrent", "3"]))
        .expect_code(0);
    let text = std::fs::read_to_string(place.workdir().join("run.json")).expect("a run");
    let request: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let marker = format!("LAUNCHER_RUN={}", request["run"].as_str().expect("a name"));
    eventually("three shims and three workers", || with_environment(&marker).len() == 6);
    run(zoo.launcher(&place, "deaf", "stop").args(["--grace", "500ms"])).expect_code(0);
    assert_eq!(with_environment(&marker), [] as [i32; 0]);
}
