//! Promise: what a machine limits (threads, the size of a file) ends a worker with 13 and a sentence, or makes it slower;
//! nobody dies without a word of it, and no ticker is charged.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Uid, chown};
use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::{built, eventually, run};
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// `command` within `limit` of `resource`.
#[expect(unsafe_code, reason = "a limit is set between fork and exec: there is no other door")]
fn limit(command: &mut Command, resource: Resource, limit: u64) {
    // SAFETY: one system call, which may be made there.
    unsafe { command.pre_exec(move || setrlimit(resource, limit, limit).map_err(std::io::Error::from)) };
}

/// Whoever the kernel counts threads of, which it does not of root: somebody who has no other process.
fn nobody_else() -> Option<u32> {
    // Above what a system gives away, and not what another test has at this time.
    Uid::effective().is_root().then(|| 2_000_000_000 + std::process::id())
}

fn all_belongs_to(uid: u32, folder: &Path) {
    chown(folder, Some(Uid::from_raw(uid)), None).expect("root may");
}

/// A worker on `place` that may have so many threads, of which the first is its own.
fn with_threads(place: &Place, exchange: &Exchange, threads: u64, uid: u32) -> Command {
    // By a name: to look one up takes a thread, too.
    let address = exchange.base_url().replace("127.0.0.1", "localhost");
    let like = place.worker(&address, days("2024-01-02", "2024-01-31"));
    // By its open file: a folder above it may be closed to others.
    let executable = std::fs::File::open(built("worker")).expect("it is built");
    let mut worker =
        Command::new(format!("/proc/self/fd/{}", std::os::fd::IntoRawFd::into_raw_fd(inherited(executable))));
    worker.args(like.get_args()).current_dir(place.path()).env_clear();
    worker.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    worker.uid(uid).stdin(std::process::Stdio::null());
    limit(&mut worker, Resource::RLIMIT_NPROC, threads);
    worker
}

/// A copy of it that whoever we start has, too.
fn inherited(file: std::fs::File) -> std::os::fd::OwnedFd {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).expect("our own file");
    file.into()
}

#[test]
fn a_worker_that_gets_no_thread_ends_with_13_and_one_that_gets_few_does_its_work_with_them() {
    let Some(uid) = nobody_else() else {
        eprintln!("skipped: only root can be somebody who has no other process");
        return;
    };
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(6)).expect("started");
    let tickers: Vec<String> = exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let (mut refused, mut done) = (0, 0);
    for threads in 1..=8 {
        let place = Place::with_tickers(&tickers);
        all_belongs_to(uid, place.path());
        let ended = run(&mut with_threads(&place, &exchange, threads, uid));
        let said = &ended.stderr;
        assert!(!said.contains("panicked"), "{threads}: {said}");
        match ended.code() {
            Some(0) => done += 1,
            Some(13) => {
                assert_eq!(done, 0, "more threads do no harm: {said}");
                assert!(said.contains("Resource temporarily unavailable"), "{threads}: {said}");
                refused += 1;
            }
            code => panic!("{threads} threads: {code:?}\n{said}"),
        }
    }
    eprintln!("{refused} times too few threads, {done} times enough");
    assert!(refused >= 2 && done >= 3, "{refused} refused, {done} done");
}

#[test]
fn a_limit_of_file_sizes_is_the_machine_s_trouble_and_no_death_without_a_word() {
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(2)).expect("started");
    let tickers: Vec<String> = exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let place = Place::with_tickers(&tickers);
    let asked = days("2023-01-03", "2024-06-28");
    let mut worker = place.worker(&exchange.base_url(), asked);
    limit(&mut worker, Resource::RLIMIT_FSIZE, 4_000);
    let said = run(&mut worker).expect_code(13).stderr;
    assert!(said.contains("File too large (os error 27)"), "{said}");
    assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0], "nothing half written");
    run(place.worker(&exchange.base_url(), asked).arg("--resume")).expect_code(0);
}

#[test]
fn a_run_under_a_limit_of_file_sizes_waits_with_a_word_and_charges_nobody() {
    let exchange =
        Exchange::start(Config::synthetic(7).with_tickers(2).with_elephant_trades(60_000)).expect("started");
    let tickers: Vec<String> = exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let place = Place::with_tickers(&tickers);
    let asked = days("2025-03-04", "2025-03-06");
    let mut start = place.launcher_start_of(Kind::Trades, &exchange.base_url(), asked);
    // A day of an elephant's trades is larger; what a run writes of itself is smaller, and its first proof of a folder just fits.
    limit(&mut start, Resource::RLIMIT_FSIZE, 70_000);
    run(start.args(["--retries", "0", "--min-free-disk", "0"])).expect_code(0);
    let status = || run(&mut place.launcher("status")).stdout;
    eventually("a word of it", || {
        status().contains("said last: exit 13") && status().contains("File too large")
    });
    assert!(status().contains(" 0 failed"), "{}", status());
    run(&mut place.launcher("stop")).expect_code(0);
    let mut resumed = place.launcher("start");
    run(resumed.args(["--resume", "--foreground"])).expect_code(0);
}
