//! Promise: what a machine limits (threads, the size of a file) ends a worker with 13 and a
//! sentence, or makes it slower; nobody dies without a word of it, and no ticker is charged.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};
use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, built, command, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::users;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// `command` within `limit` of `resource`.
#[expect(unsafe_code, reason = "a limit is set between fork and exec: there is no other door")]
fn limit(command: &mut Command, resource: Resource, limit: u64) {
    // SAFETY: one system call, which may be made there.
    unsafe {
        command.pre_exec(move || setrlimit(resource, limit, limit).map_err(std::io::Error::from))
    };
}

/// Whoever the kernel counts threads of, which it does not of root: somebody who has no other
/// process.
fn nobody_else() -> Option<u32> {
    users::strangers().map(|[one, _]| one)
}

/// A worker on `place` that may have so many threads, of which the first is its own.
fn with_threads(place: &Place, exchange: &Exchange, threads: u64, uid: u32) -> Command {
    // By a name: to look one up takes a thread, too.
    let address = exchange.base_url().replace("127.0.0.1", "localhost");
    let like = place.worker(&address, days("2024-01-02", "2024-01-31"));
    let mut worker = users::as_user(&like, uid, uid);
    limit(&mut worker, Resource::RLIMIT_NPROC, threads);
    worker
}

#[test]
fn a_worker_that_gets_no_thread_ends_with_13_and_one_that_gets_few_does_its_work_with_them() {
    let Some(uid) = nobody_else() else {
        eprintln!("skipped: only root can be somebody who has no other process");
        return;
    };
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(6)).expect("started");
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let (mut refused, mut done) = (0, 0);
    for threads in 1..=10 {
        let place = Place::with_tickers(&tickers);
        users::give(place.path(), uid, uid);
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
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let place = Place::with_tickers(&tickers);
    let asked = days("2023-01-03", "2024-06-28");
    let mut worker = place.worker(&exchange.base_url(), asked);
    limit(&mut worker, Resource::RLIMIT_FSIZE, 4_000);
    let said = run(&mut worker).expect_code(13).stderr;
    says(&said, &["File too large (os error 27)"]);
    assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0], "nothing half written");
    run(place.worker(&exchange.base_url(), asked).arg("--resume")).expect_code(0);
}

#[test]
fn a_run_under_a_limit_of_file_sizes_waits_with_a_word_and_charges_nobody() {
    let exchange =
        Exchange::start(Config::synthetic(7).with_tickers(2).with_elephant_trades(60_000))
            .expect("started");
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let place = Place::with_tickers(&tickers);
    let asked = days("2025-03-04", "2025-03-06");
    let mut start = place.launcher_start_of(Kind::Trades, &exchange.base_url(), asked);
    // A day of an elephant's trades is larger; what a run writes of itself is smaller, and its
    // first proof of a folder just fits.
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

/// Who is to do its work with few open files may fail for want of them (13), but neither panic nor
/// die of a signal, and it says what it needs.
#[track_caller]
fn expect_work_or_13(of: &str, ended: &Ended) {
    let said = format!("{of}: {:?}\n{}{}", ended.status, ended.stdout, ended.stderr);
    assert!(matches!(ended.code(), Some(0 | 13)), "{said}");
    assert!(!said.contains("panicked") && !said.contains("failed for good"), "{said}");
    if ended.code() == Some(13) {
        let words =
            ["Too many open files", "Resource temporarily unavailable", "No CA certificates"];
        assert!(words.iter().any(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn with_few_open_files_nobody_panics_no_ticker_is_charged_and_13_says_what_there_is_too_little_of()
{
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(6)).expect("started");
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    let (url, asked) = (exchange.base_url(), days("2024-01-02", "2024-01-31"));
    let trades = Place::with_tickers(&tickers[..1]);
    let of_trades = days("2024-01-02", "2024-01-03");
    run(&mut trades.worker_of(Kind::Trades, &url, of_trades)).expect_code(0);
    let done = Place::with_tickers(&tickers);
    run(done.launcher_start(&url, asked).arg("--foreground")).expect_code(0);

    for files in (4..=12).chain([14, 16, 20, 32]) {
        let limited = |of: &str, mut command: Command| {
            limit(&mut command, Resource::RLIMIT_NOFILE, files);
            let ended = run(&mut command);
            expect_work_or_13(&format!("{of} with {files} files"), &ended);
            ended
        };
        let place = Place::with_tickers(&tickers);
        limited("worker", place.worker(&url, asked));
        // What was there is not taken for damaged because it could not be read.
        limited("worker anew", done.worker(&url, asked));
        let mut bars = command("bars");
        bars.current_dir(trades.path()).args([
            "--mode",
            "DB",
            "--target",
            "50000",
            "--ticker",
            &tickers[0],
        ]);
        bars.args(["--from", "2024-01-02", "--to", "2024-01-03", "--rebuild", "--trades-root"]);
        bars.arg(trades.outdir()).arg("--outdir").arg(place.path().join("bars"));
        limited("bars", bars);
        for subcommand in ["status", "stop"] {
            limited(subcommand, done.launcher(subcommand));
        }
        let mut why = done.launcher("why");
        why.arg(&tickers[0]);
        limited("why", why);

        let run_of = Place::with_tickers(&tickers);
        let started = limited("start", run_of.launcher_start(&url, asked));
        if started.code() == Some(0) {
            run(run_of.launcher("stop").arg("--now")).expect_code(0);
            let status = run(&mut run_of.launcher("status")).stdout;
            assert!(status.contains(" 0 failed"), "{files} files: {status}");
        }
    }
    let is_aside =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "damaged");
    let aside: Vec<PathBuf> = tree::files(&done.outdir()).into_iter().filter(is_aside).collect();
    assert_eq!(aside, [] as [PathBuf; 0], "everything that was there was whole");
}

/// `names` as programs that anybody may start: the folder in which they are built may be closed to
/// others.
fn for_anybody(place: &Place, names: [&str; 2]) {
    for name in names {
        let (built, linked) = (built(name), place.path().join(name));
        std::fs::hard_link(&built, &linked)
            .or_else(|_| std::fs::copy(&built, &linked).map(drop))
            .expect("a program beside the list");
    }
}

#[test]
fn a_launcher_that_gets_no_process_and_no_thread_says_so() {
    let Some(uid) = nobody_else() else {
        eprintln!("skipped: only root can be somebody who has no other process");
        return;
    };
    let exchange = Exchange::start(Config::synthetic(7).with_tickers(2)).expect("started");
    let tickers: Vec<String> =
        exchange.source().listings().iter().map(|it| it.ticker.to_string()).collect();
    // By a name: to look one up takes a thread, too.
    let address = exchange.base_url().replace("127.0.0.1", "localhost");
    let mut done = 0;
    for processes in 1..=4 {
        let place = Place::with_tickers(&tickers);
        users::give(place.path(), uid, uid);
        for_anybody(&place, ["launcher", "worker"]);
        let as_somebody = |like: Command| {
            let mut command = Command::new(place.path().join("launcher"));
            command.args(like.get_args()).current_dir(place.path()).env_clear().uid(uid);
            command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.stdin(std::process::Stdio::null());
            command
        };
        let limited = |like: Command| {
            let mut command = as_somebody(like);
            limit(&mut command, Resource::RLIMIT_NPROC, processes);
            run(&mut command)
        };
        let started = limited(place.launcher_start(&address, days("2024-01-02", "2024-01-31")));
        expect_work_or_13(&format!("start with {processes} processes"), &started);
        if processes == 1 {
            says(&started.stderr, &["Resource temporarily unavailable"]);
        }
        for subcommand in ["status", "stop"] {
            let ended = limited(place.launcher(subcommand));
            expect_work_or_13(&format!("{subcommand} with {processes} processes"), &ended);
        }
        run(&mut as_somebody(place.launcher("stop"))).expect_code(0);
        let status = run(&mut as_somebody(place.launcher("status"))).stdout;
        assert!(status.contains(" 0 failed"), "{processes} processes: {status}");
        done += u32::from(started.code() == Some(0));
    }
    assert!(done >= 1, "with some processes a run begins");
}
