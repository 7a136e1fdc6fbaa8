//! Promise: killed at any of its system calls, a program loses nothing, doubles nothing, and leaves nothing behind.
//!
//! `strace` kills a process as it enters its N-th call that changes anything: before a start is journalled, between
//! journal and deed, while a file is published, between file and ledger, in the middle of a stop. No code of ours knows.
//! The gate takes every few calls, `scripts/soak` each.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days, ticker};
use tests::harness::program::{Ended, eventually, run, with_environment};
use tests::harness::tree;
use tests::harness::truth::universe;
use tests::harness::zoo::{DAYS, Zoo};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// Calls that change files, tell another process something, or start one.
const CHANGES: &str = "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,\
                       unlinkat,mkdir,mkdirat,rmdir,sendto,sendmsg,clone,clone3,vfork,kill,pidfd_send_signal";
/// More calls than any of these programs makes.
const ENDLESS: usize = 2_000;

/// Whom strace follows.
#[derive(Clone, Copy, PartialEq)]
enum Follows {
    /// The program alone.
    Itself,
    /// Its threads too, each of which counts for itself.
    Threads,
}

/// May a program be traced here? CI must.
fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let can = strace.status().is_ok_and(|status| status.success());
    if !can {
        assert!(std::env::var_os("CI").is_none(), "CI must have strace, and leave to trace");
        eprintln!("skipped: strace is not installed, or may not trace");
    }
    can
}

/// Runs `command` until its `number`-th change and kills it there; `None` when it came to its end before.
fn killed_at(number: usize, follows: Follows, command: &Command) -> Option<Ended> {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null"]);
    if follows == Follows::Threads {
        strace.arg("-f");
    }
    strace.args(["-e", &format!("trace={CHANGES}")]);
    strace.args(["-e", &format!("inject={CHANGES}:signal=KILL:when={number}")]);
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.current_dir(command.get_current_dir().expect("these have one"));
    let ended = run(strace.stdin(Stdio::null()));
    // It dies as what it traces has died.
    let was_killed = ended.status.signal() == Some(Signal::SIGKILL as i32);
    assert!(was_killed || ended.code().is_some(), "{ended:?}");
    was_killed.then_some(ended)
}

/// Every `stride`-th change from `first` on, until `survives` says that there are no more.
#[track_caller]
fn each(first: usize, stride: usize, mut survives: impl FnMut(usize) -> bool) {
    let last = (first..ENDLESS).step_by(stride).find(|number| survives(*number));
    let last = last.expect("the program comes to its end");
    assert!(last > 20, "only {last} changes: that is not the program that was meant");
    eprintln!("killed at every {stride}. of {last} changes");
}

fn marked(place: &Place) -> Vec<i32> {
    let text = std::fs::read_to_string(place.workdir().join("run.json")).unwrap_or_default();
    let request: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    request["run"].as_str().map(|run| with_environment(&format!("LAUNCHER_RUN={run}"))).unwrap_or_default()
}

#[track_caller]
fn is_whole(place: &Place, number: usize) {
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap_or_default();
    assert_eq!((read("doubled"), read("exceeded")), (String::new(), String::new()), "killed at {number}");
    for name in ["A", "B", "C"] {
        let asked = days(DAYS.0, DAYS.1);
        let proven = tree::is_proven(&place.outdir(), Kind::Daily, &ticker(name), asked);
        assert!(proven, "{name} is lost, killed at {number}");
    }
    assert_eq!(marked(place), [] as [i32; 0], "nothing is left running, killed at {number}");
}

fn supervisors(first: usize, stride: usize) {
    if !can_trace() {
        return;
    }
    let zoo = Zoo::open();
    let start = |place: &Place| {
        let mut start = zoo.start(place, "");
        start.args(["--batch-size", "1", "--max-concurrent", "2", "--retries", "9", "--foreground"]);
        start.env("ZOO_CAP", "2");
        start
    };
    each(first, stride, |number| {
        let place = Place::with_tickers(["A", "B", "C"]);
        let survived = killed_at(number, Follows::Itself, &start(&place)).is_none();
        let mut again = if place.workdir().join("run.json").exists() {
            let mut go_on = zoo.launcher(&place, "", "start");
            go_on.args(["--resume", "--foreground"]).env("ZOO_CAP", "2");
            go_on
        } else {
            start(&place)
        };
        run(&mut again).expect_code(0);
        is_whole(&place, number);
        survived
    });
}

#[test]
fn a_supervisor_killed_at_one_of_its_changes_is_gone_on_with_by_one_start() {
    supervisors(1, 2);
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_supervisor_killed_at_each_of_its_changes_is_gone_on_with_by_one_start() {
    supervisors(1, 1);
}

/// Stops a run, with a supervisor or without one, and is killed at each of its changes.
fn stops(is_supervised: bool) {
    let zoo = Zoo::open();
    let place = Place::with_tickers(["A", "B", "C"]);
    let at_work = |start: &mut Command| {
        run(start).expect_code(0);
        eventually("two workers", || marked(&place).len() >= 4);
        if !is_supervised {
            let pid = std::fs::read_to_string(place.workdir().join("pids/launcher.pid")).expect("a pid file");
            let pid: serde_json::Value = serde_json::from_str(&pid).expect("JSON");
            let pid = i32::try_from(pid["pid"].as_i64().expect("a number")).expect("a pid");
            kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it supervises");
        }
    };
    let mut start = zoo.start(&place, "sleeper");
    at_work(start.args(["--batch-size", "1", "--max-concurrent", "2", "--retries", "99"]));
    let mut number = 1;
    while killed_at(number, Follows::Itself, &zoo.launcher(&place, "", "stop")).is_some() {
        run(&mut zoo.launcher(&place, "", "stop")).expect_code(0);
        assert_eq!(marked(&place), [] as [i32; 0], "nothing is left running, killed at {number}");
        at_work(zoo.launcher(&place, "sleeper", "start").arg("--resume"));
        number += 1;
    }
    assert_eq!(marked(&place), [] as [i32; 0]);
    assert!(number > 2, "it asked somebody to end, and said so");
    eprintln!("killed at each of {} changes", number - 1);
    run(zoo.launcher(&place, "", "start").args(["--resume", "--foreground"])).expect_code(0);
    is_whole(&place, number);
}

#[test]
fn a_stop_killed_at_each_of_its_changes_is_finished_by_the_next_one() {
    if can_trace() {
        stops(true);
        stops(false);
    }
}

/// Everything in a dataset but what says when.
fn data(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    tree::parquet_bytes(&place.outdir())
}

fn workers(kind: Kind, asked: (&str, &str), first: usize, stride: usize) {
    if !can_trace() {
        return;
    }
    let exchange =
        Exchange::start(Config::synthetic(21).with_tickers(3).with_page_rows_max(200)).expect("started");
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
    each(first, stride, |number| {
        let place = place();
        let survived = killed_at(number, Follows::Threads, &worker(&place)).is_none();
        let is_whole = |(path, bytes): (PathBuf, Vec<u8>)| truth.get(&path) == Some(&bytes);
        assert!(data(&place).into_iter().all(is_whole), "half a file, killed at {number}");
        run(&mut worker(&place)).expect_code(0);
        assert!(data(&place) == truth, "other bytes than undisturbed, killed at {number}");
        assert_eq!(tree::strays(&place.outdir()), [] as [&Path; 0], "killed at {number}");
        for ticker in &tickers {
            assert!(tree::is_proven(&place.outdir(), kind, ticker, asked), "{ticker}, killed at {number}");
        }
        survived
    });
}

#[test]
fn a_worker_killed_at_one_of_its_changes_leaves_whole_files_and_is_gone_on_with() {
    workers(Kind::Daily, ("2019-01-01", "2024-06-28"), 3, 7);
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_worker_killed_at_each_of_its_changes_leaves_whole_files_and_is_gone_on_with() {
    workers(Kind::Daily, ("2019-01-01", "2024-06-28"), 1, 1);
    workers(Kind::Trades, ("2024-03-04", "2024-03-08"), 1, 1);
}
