//! Promise: killed at any of its system calls, a program loses nothing, doubles nothing, and leaves
//! nothing behind.
//!
//! `strace` kills a process as it enters its N-th call that changes anything: before a start is
//! journalled, between journal and deed, while a file is published, between file and ledger, in the
//! middle of a stop. No code of ours knows. The gate takes every few calls, `scripts/soak` each.

mod revised;
mod series;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger};
use shared::disk::checked_lines;
use shared::run::identity::ProcessIdentity;
use tests::harness::effort;
use tests::harness::place::{Place, days, ticker};
use tests::harness::program::{eventually, run};
use tests::harness::strace::{CHANGES, Follows, Point, can_trace, each, each_of, survives};
use tests::harness::tree;
use tests::harness::truth::universe;
use tests::harness::zoo::{DAYS, Zoo};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

#[track_caller]
fn is_whole(place: &Place, point: Point) {
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap_or_default();
    assert_eq!((read("doubled"), read("exceeded")), (String::new(), String::new()), "{point:?}");
    for name in ["A", "B", "C"] {
        let asked = days(DAYS.0, DAYS.1);
        let proven = tree::is_proven(&place.outdir(), Kind::Daily, &ticker(name), asked);
        assert!(proven, "{name} is lost, {point:?}");
    }
    assert_eq!(place.processes(), [] as [i32; 0], "nothing is left running, {point:?}");
}

fn supervisors(stride: usize, least: usize) {
    if !can_trace() {
        return;
    }
    let zoo = Zoo::open();
    let start = |place: &Place| {
        let mut start = zoo.start(place, "");
        let words = "--batch-size 1 --max-concurrent 2 --retries 9 --foreground";
        start.args(words.split(' '));
        start.env("ZOO_CAP", "2");
        start
    };
    each(stride, least, |point| {
        let place = Place::with_tickers(["A", "B", "C"]);
        let survived = survives(point, Follows::Itself, &start(&place));
        let mut again = if place.workdir().join("run.json").exists() {
            let mut go_on = zoo.launcher(&place, "", "start");
            go_on.args(["--resume", "--foreground"]).env("ZOO_CAP", "2");
            go_on
        } else {
            start(&place)
        };
        run(&mut again).expect_code(0);
        is_whole(&place, point);
        survived
    });
}

#[test]
fn a_supervisor_killed_at_one_of_its_changes_is_gone_on_with_by_one_start() {
    supervisors(effort::choose(15, 5), effort::choose(5, 15));
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_supervisor_killed_at_each_of_its_changes_is_gone_on_with_by_one_start() {
    supervisors(1, 80);
}

fn supervisor(place: &Place) -> i32 {
    let text =
        std::fs::read_to_string(place.workdir().join("pids/launcher.pid")).expect("a pid file");
    serde_json::from_str::<ProcessIdentity>(&text).expect("who supervises").pid
}

/// Stops a run, with a supervisor or without one, and is killed at each of its changes.
fn stops(is_supervised: bool) {
    let zoo = Zoo::open();
    let place = Place::with_tickers(["A", "B", "C"]);
    let at_work = |start: &mut Command| {
        run(start).expect_code(0);
        eventually("two workers", || place.processes().len() >= 4);
        if !is_supervised {
            kill(Pid::from_raw(supervisor(&place)), Signal::SIGKILL).expect("it supervises");
        }
    };
    let mut start = zoo.start(&place, "sleeper");
    at_work(start.args(["--batch-size", "1", "--max-concurrent", "2", "--retries", "99"]));
    each(1, 2, |point| {
        let survived = survives(point, Follows::Itself, &zoo.launcher(&place, "", "stop"));
        run(&mut zoo.launcher(&place, "", "stop")).expect_code(0);
        assert_eq!(place.processes(), [] as [i32; 0], "nothing is left running, {point:?}");
        at_work(zoo.launcher(&place, "sleeper", "start").arg("--resume"));
        survived
    });
    run(&mut zoo.launcher(&place, "", "stop")).expect_code(0);
    run(zoo.launcher(&place, "", "start").args(["--resume", "--foreground"])).expect_code(0);
    is_whole(&place, Point { kind: "none", number: 0 });
}

#[test]
fn a_stop_killed_at_each_of_its_changes_is_finished_by_the_next_one() {
    if can_trace() {
        stops(true);
        stops(false);
    }
}

#[test]
fn a_shim_killed_at_each_of_its_changes_leaves_an_attempt_that_the_next_supervisor_settles() {
    if !can_trace() {
        return;
    }
    let zoo = Zoo::open();
    each(1, 7, |point| {
        // An attempt that the journal knows, and nobody attends to.
        let place = Place::with_tickers(["A", "B", "C"]);
        run(zoo.start(&place, "sleeper").args(["--retries", "9"])).expect_code(0);
        eventually("the worker", || place.processes().len() >= 2);
        let supervisor = supervisor(&place);
        for pid in [vec![supervisor], place.processes()].concat() {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        eventually("their end", || place.processes().is_empty() && !is_alive(supervisor));
        // Its shim may have had the time to see its worker die.
        std::fs::remove_file(place.workdir().join("attempts/batch_0001.1/exit.json")).ok();
        let mut shim = zoo.launcher(&place, "", "attend");
        shim.args(["--batch", "batch_0001", "--attempt", "1"]);
        let survived = survives(point, Follows::Itself, &shim);
        run(zoo.launcher(&place, "", "start").args(["--resume", "--foreground"])).expect_code(0);
        is_whole(&place, point);
        survived
    });
}

fn is_alive(pid: i32) -> bool {
    ProcessIdentity::of(pid).is_some()
}

/// Everything in a dataset but what says when.
fn data(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    tree::parquet_bytes(&place.outdir())
}

fn workers(kind: Kind, asked: (&str, &str), stride: usize, least: usize) {
    if !can_trace() {
        return;
    }
    let exchange = Exchange::start(Config::synthetic(21).with_tickers(3).with_page_rows_max(200))
        .expect("started");
    let tickers = universe(&exchange, 3);
    let asked = days(asked.0, asked.1);
    let worker = |place: &Place| {
        let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
        worker.args(["--resume", "--max-workers", "1"]);
        worker
    };
    let place = || Place::with_tickers(tickers.iter().map(shared::market::ticker::Ticker::as_str));
    let undisturbed = place();
    run(&mut worker(&undisturbed)).expect_code(0);
    let truth = data(&undisturbed);
    assert!(truth.len() > 3, "several files are published");
    each(stride, least, |point| {
        let place = place();
        let survived = survives(point, Follows::Threads, &worker(&place));
        let is_whole = |(path, bytes): (PathBuf, Vec<u8>)| truth.get(&path) == Some(&bytes);
        assert!(data(&place).into_iter().all(is_whole), "half a file, {point:?}");
        run(&mut worker(&place)).expect_code(0);
        assert!(data(&place) == truth, "other bytes than undisturbed, {point:?}");
        assert_eq!(tree::strays(&place.outdir()), [] as [&Path; 0], "{point:?}");
        for ticker in &tickers {
            assert!(tree::is_proven(&place.outdir(), kind, ticker, asked), "{ticker}, {point:?}");
        }
        survived
    });
}

#[test]
fn a_worker_killed_at_one_of_its_changes_leaves_whole_files_and_is_gone_on_with() {
    let (stride, least) = effort::choose((39, 4), (13, 12));
    workers(Kind::Daily, ("2019-01-01", "2024-06-28"), stride, least);
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_worker_killed_at_each_of_its_changes_leaves_whole_files_and_is_gone_on_with() {
    workers(Kind::Daily, ("2019-01-01", "2024-06-28"), 1, 100);
    workers(Kind::Trades, ("2024-03-04", "2024-03-08"), 1, 50);
}

/// A worker that finds a ledger with six lines for each that counts, and has something to add to
/// it.
fn rewriters(kinds: &[&'static str], stride: usize, least: usize) {
    if !can_trace() {
        return;
    }
    let exchange = Exchange::start(Config::synthetic(21).with_tickers(3)).expect("started");
    let ticker = universe(&exchange, 3).remove(0);
    let (old, all) = (days("2023-01-03", "2024-03-28"), days("2023-01-03", "2024-06-28"));
    let worker = |place: &Place, asked| {
        let mut worker = place.worker(&exchange.base_url(), asked);
        worker.args(["--resume", "--max-workers", "1"]);
        worker
    };
    let ledger = |place: &Place| Ledger::path(&place.outdir(), &ticker);
    let grown = || {
        let place = Place::with_tickers([ticker.as_str()]);
        run(&mut worker(&place, old)).expect_code(0);
        let lines = std::fs::read_to_string(ledger(&place)).expect("read");
        std::fs::write(ledger(&place), lines.repeat(6)).expect("written");
        place
    };
    let is_proven =
        |place: &Place, days| tree::is_proven(&place.outdir(), Kind::Daily, &ticker, days);
    let undisturbed = grown();
    run(&mut worker(&undisturbed, all)).expect_code(0);
    let truth = data(&undisturbed);
    each_of(kinds, stride, least, |point| {
        let place = grown();
        let survived = survives(point, Follows::Threads, &worker(&place, all));
        let lines = std::fs::read_to_string(ledger(&place)).expect("it is there at any moment");
        assert!([2, 12, 13].contains(&lines.lines().count()), "old or new, {point:?}:\n{lines}");
        let told: Vec<Entry> = checked_lines::read(&ledger(&place)).expect("sound").entries;
        let told = Ledger::of_lines(told, |_| None).answered();
        assert!(told.includes(old), "{told}, {point:?}");
        run(&mut worker(&place, all)).expect_code(0);
        assert!(data(&place) == truth && is_proven(&place, all), "{point:?}");
        let lines = std::fs::read_to_string(ledger(&place)).expect("read");
        assert_eq!(lines.lines().count(), 2, "{point:?}:\n{lines}");
        assert_eq!(tree::strays(&place.outdir()), [] as [&Path; 0], "{point:?}");
        survived
    });
}

/// What writing a ledger anew is made of.
const REWRITING: [&str; 3] = ["fsync", "rename", "unlink,unlinkat"];

#[test]
fn a_worker_killed_while_it_rewrites_a_ledger_leaves_the_old_one_or_the_new_one() {
    rewriters(&REWRITING, 1, 8);
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_worker_killed_at_each_change_while_it_rewrites_a_ledger_leaves_the_old_one_or_the_new_one() {
    rewriters(&CHANGES, 1, 30);
}
