//! Promise: all processes of one key share one rate, whoever of them is killed.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::pace::clock::now_ns;
use shared::pace::shared_budget::SharedBudget;
use tests::harness::load::Watch;
use tests::harness::program::{Running, SECRET, command, with_environment};

const SECOND_NS: u64 = 1_000_000_000;
const PROCESSES: usize = 12;
const PER_SECOND: u64 = 100;
const SECONDS: u64 = 6;

/// The key, in a folder where nobody else's budget is.
fn pacer(home: &Path, end_ns: u64) -> Running {
    let mut pacer = command("pacer");
    pacer.env("XDG_RUNTIME_DIR", home).arg(format!("{PER_SECOND}/s")).arg(end_ns.to_string());
    Running::start(pacer.arg(home.join("sent")))
}

/// The most that were sent within any window of this length.
fn worst(sent_ns: &[u64], window_ns: u64) -> u64 {
    let within =
        |first: usize| sent_ns[first..].partition_point(|at| *at < sent_ns[first] + window_ns);
    (0..sent_ns.len()).map(within).max().unwrap_or(0) as u64
}

#[test]
fn twelve_processes_keep_one_rate_and_use_it_while_some_are_killed() {
    let home = tempfile::tempdir().expect("a folder");
    let start_ns = now_ns();
    let end_ns = start_ns + SECONDS * SECOND_NS;
    let watch = Watch::begin();
    let mut pacers: Vec<Running> = (0..PROCESSES).map(|_| pacer(home.path(), end_ns)).collect();
    let mut killed = 0;
    while now_ns() + SECOND_NS < end_ns {
        std::thread::sleep(Duration::from_millis(270));
        let victim = &mut pacers[killed * 5 % PROCESSES];
        assert!(victim.is_running() || now_ns() >= end_ns, "a pacer ended too early");
        victim.signal(Signal::SIGKILL);
        *victim = pacer(home.path(), end_ns);
        killed += 1;
    }
    for pacer in pacers {
        pacer.wait().expect_code(0);
    }

    let written = std::fs::read_to_string(home.path().join("sent")).expect("read");
    let numbers = |line: &str| -> Vec<u64> {
        line.split_whitespace().map(|number| number.parse().expect("nanoseconds")).collect()
    };
    let lines: Vec<Vec<u64>> = written.lines().map(numbers).collect();
    let mut sent_ns: Vec<u64> = lines.iter().map(|line| line[0]).collect();
    sent_ns.sort_unstable();
    // Slots keep the rate exactly. Who woke late for one sends among those of the next ones: in no
    // window can there be more of these than slots in the longest delay.
    let late_ns = lines.iter().map(|line| line[1]).max().unwrap_or(0);
    let late = late_ns * PER_SECOND / SECOND_NS;
    let load = watch.end();
    let used = sent_ns.len() as u64;
    let worst = |seconds: u64| worst(&sent_ns, seconds * SECOND_NS);
    eprintln!(
        "{used} sent in {SECONDS} s, {killed} killed, worst second {}, worst two {}",
        worst(1),
        worst(2)
    );
    for seconds in 1..=SECONDS {
        let most = PER_SECOND * seconds + PER_SECOND / 10 + late;
        assert!(worst(seconds) <= most, "{} in {seconds} s", worst(seconds));
    }
    let is_used = used * 100 >= PER_SECOND * SECONDS * 95;
    assert!(is_used || load.is_crowded(), "{used} used of {}, {load:?}", PER_SECOND * SECONDS);

    let marker = format!("XDG_RUNTIME_DIR={}", home.path().display());
    assert_eq!(with_environment(&marker), [] as [i32; 0], "nothing is left running");
    let usage = SharedBudget::peek_in(&home.path().join("ingest-pace"), SECRET.as_bytes())
        .expect("a budget was used");
    assert!((used..=used + 10 * killed as u64 + 50).contains(&usage.taken), "{usage:?}");
    assert!(usage.waited_ms > 0);
}
