//! Promise: who may only read a tree stops nobody who writes it by locking what he reads; a lock of
//! one who may write is respected, and he is named. Two users who share a tree work in it as one
//! would.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::libc;
use nix::sys::signal::Signal;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::market::ticker::Ticker;
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run};
use tests::harness::says::says;
use tests::harness::series::Series;
use tests::harness::truth::universe;
use tests::harness::{tree, users};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

fn opened(path: &Path, options: &mut fs::OpenOptions) -> File {
    options.open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Locks `path` as one does who may only read it.
fn as_reader(path: &Path, how: FlockArg) -> Flock<File> {
    locked(opened(path, fs::OpenOptions::new().read(true)), how)
}

fn locked(file: File, how: FlockArg) -> Flock<File> {
    Flock::lock(file, how).map_err(|(_, error)| error).expect("free")
}

/// Every byte, for reading: `fcntl` gives that to whoever may read, and NFS makes it of a `flock`.
fn every_byte_as_reader(path: &Path) -> File {
    let file = opened(path, fs::OpenOptions::new().read(true));
    let all = libc::flock {
        l_type: i16::try_from(libc::F_RDLCK).expect("0"),
        l_whence: i16::try_from(libc::SEEK_SET).expect("0"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&all)).expect("free");
    file
}

/// A run that is complete, of as many tickers.
fn begun(exchange: &Exchange, tickers: usize) -> (Place, Vec<Ticker>) {
    let tickers = universe(exchange, tickers);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let mut start = place.launcher_start(&exchange.base_url(), days("2024-01-02", "2024-01-31"));
    run(start.arg("--foreground")).expect_code(0);
    (place, tickers)
}

#[test]
fn a_reader_that_has_locked_ledgers_and_the_lock_of_the_output_stops_no_run() {
    let exchange = Exchange::start(Config::synthetic(19).with_tickers(3)).expect("started");
    let (place, tickers) = begun(&exchange, 3);
    let ledger = |n: usize| Ledger::path(&place.outdir(), &tickers[n]);
    let of_output = place.outdir().join("_launcher.lock");
    // As a version left it that did not close it to others.
    fs::set_permissions(&of_output, Permissions::from_mode(0o644)).expect("ours");
    let _held = (
        as_reader(&ledger(0), FlockArg::LockExclusiveNonblock),
        as_reader(&ledger(1), FlockArg::LockSharedNonblock),
        every_byte_as_reader(&ledger(2)),
        as_reader(&of_output, FlockArg::LockExclusiveNonblock),
        as_reader(&place.workdir().join("launcher.lock"), FlockArg::LockExclusiveNonblock),
    );
    let asked = days("2024-01-02", "2024-06-28");
    let mut extended = place.launcher("start");
    extended.args([
        "--resume",
        "--to",
        "2024-06-28",
        "--base-url",
        &exchange.base_url(),
        "--foreground",
    ]);
    run(&mut extended).expect_code(0);
    for ticker in &tickers {
        assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked), "{ticker}");
    }
    assert_eq!(
        fs::metadata(&of_output).expect("there").mode() & 0o777,
        0o600,
        "closed to others now"
    );
}

#[test]
fn a_lock_of_one_who_may_write_is_respected_and_he_is_named() {
    let exchange = Exchange::start(Config::synthetic(19).with_tickers(1)).expect("started");
    let (place, tickers) = begun(&exchange, 1);
    let ledger = Ledger::path(&place.outdir(), &tickers[0]);
    let writer = |path: &Path| opened(path, fs::OpenOptions::new().read(true).append(true));
    let own = format!("process {} (", std::process::id());
    // A version that locked whole tickers.
    let held = locked(writer(&ledger), FlockArg::LockExclusiveNonblock);
    let worker = || place.worker(&exchange.base_url(), days("2024-02-01", "2024-02-29"));
    let said = run(&mut worker()).expect_code(10).stderr;
    says(&said, &[&format!("another worker is writing all of it ({own}")]);
    drop(held);
    run(&mut worker()).expect_code(0);
    let held =
        locked(writer(&place.outdir().join("_launcher.lock")), FlockArg::LockExclusiveNonblock);
    let said = run(place.launcher("start").args(["--resume"])).expect_code(2).stderr;
    says(&said, &[&format!("_launcher.lock is held by {own}")]);
    drop(held);
}

#[test]
fn a_reader_that_has_locked_the_folder_of_bars_or_the_reference_data_stops_nobody() {
    let morning =
        (0..400).map(|n| (tests::harness::series::at("2024-03-05", 36_000 + n), 10.0, 100.0));
    let series = Series::of([("2024-03-05", morning.collect())]);
    let build = || series.bars(("2024-03-05", "2024-03-05"), "--mode DB --target 5000");
    let folder = series.out().join(series.ticker().as_str());
    fs::create_dir_all(&folder).expect("made");
    // Who has a folder open never has it for writing: what counts is whether he may.
    let theirs = as_reader(&folder, FlockArg::LockExclusiveNonblock);
    let ended = run(&mut build());
    let own = format!("process {} (", std::process::id());
    let said = ended.expect_code(10).stderr;
    says(&said, &["another process builds bars in ", &own]);
    drop(theirs);
    if let Some([_, reader]) = users::strangers()
        && let Some(holder) = locked_by(reader, &folder)
    {
        run(&mut build()).expect_code(0);
        holder.signal(Signal::SIGKILL);
        holder.wait();
    }
    run(&mut build()).expect_code(0);

    let exchange = Exchange::start(Config::synthetic(19).with_tickers(2)).expect("started");
    let reference = || {
        let mut worker = tests::harness::program::command("worker");
        worker.current_dir(series.out()).args([
            "reference",
            "--outdir",
            "r",
            "--base-url",
            &exchange.base_url(),
        ]);
        worker
    };
    run(&mut reference()).expect_code(0);
    let lock = series.out().join("r/_reference.lock");
    let _held = as_reader(&lock, FlockArg::LockSharedNonblock);
    run(&mut reference()).expect_code(0);
}

/// Somebody else who has the file locked and lives until he is dropped; `None` where there is no
/// such program.
fn locked_by(uid: u32, path: &Path) -> Option<Running> {
    let path_of_programs = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path_of_programs).map(|folder| folder.join("flock"));
    let Some(program) = programs.find(|path| path.is_file()) else {
        eprintln!("skipped: there is no program `flock` here");
        return None;
    };
    let mut flock = Command::new(program);
    flock.args(["-n", "-F", "-x"]).arg(path).args(["sleep", "600"]);
    let holder = Running::start(&mut users::as_user(&flock, uid, uid));
    eventually("it is locked", || {
        assert!(holder.is_running(), "he may lock what he may read");
        Flock::lock(opened(path, fs::OpenOptions::new().read(true)), FlockArg::LockSharedNonblock)
            .is_err()
    });
    Some(holder)
}

fn may_open(uid: u32, path: &Path) -> bool {
    let mut cat = Command::new("/bin/cat");
    cat.arg(path);
    run(&mut users::as_user(&cat, uid, uid)).code() == Some(0)
}

#[test]
fn another_user_who_may_read_a_tree_can_lock_nothing_that_its_owner_needs() {
    let Some([owner, reader]) = users::strangers() else {
        eprintln!("skipped: only root can be other users");
        return;
    };
    let exchange = Exchange::start(Config::synthetic(19).with_tickers(1)).expect("started");
    let tickers = universe(&exchange, 1);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("ours");
    users::give(place.path(), owner, owner);
    let worker = |to: &str| {
        users::as_user(&place.worker(&exchange.base_url(), days("2024-01-02", to)), owner, owner)
    };
    run(&mut worker("2024-01-31")).expect_code(0);
    let ledger = Ledger::path(&place.outdir(), &tickers[0]);
    assert!(may_open(reader, &ledger), "a ledger is as readable as the data beside it");
    assert!(!may_open(reader, &ledger.with_file_name("_ledger.lock")));
    let Some(holder) = locked_by(reader, &ledger) else { return };
    run(&mut worker("2024-06-28")).expect_code(0);
    assert!(holder.is_running(), "at the same time");
    holder.signal(Signal::SIGKILL);
    holder.wait();
}

#[test]
fn two_users_of_one_group_share_a_tree_whose_folder_is_their_groups() {
    let Some([one, two]) = users::strangers() else {
        eprintln!("skipped: only root can be other users");
        return;
    };
    let group = one;
    let (exchange, tickers, place) = market(Config::synthetic(19).with_tickers(2), 2);
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("ours");
    fs::create_dir(place.outdir()).expect("made");
    users::give(&place.outdir(), one, group);
    fs::set_permissions(place.outdir(), Permissions::from_mode(0o2775)).expect("ours");
    let worker = |uid: u32, from: &str, to: &str| {
        let mut worker =
            users::as_user(&place.worker(&exchange.base_url(), days(from, to)), uid, group);
        umask(&mut worker, 0o002);
        run(worker.arg("--resume")).expect_code(0);
    };
    worker(one, "2023-01-03", "2024-01-31");
    worker(two, "2023-01-03", "2024-06-28");
    worker(one, "2022-01-03", "2024-12-31");
    let asked = days("2022-01-03", "2024-12-31");
    for ticker in &tickers {
        assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked), "{ticker}");
        let lock = Ledger::path(&place.outdir(), ticker).with_file_name("_ledger.lock");
        let found = fs::metadata(lock).expect("there");
        assert_eq!((found.mode() & 0o777, found.gid()), (0o660, group));
    }
}

#[expect(unsafe_code, reason = "a umask is set between fork and exec: there is no other door")]
fn umask(command: &mut Command, umask: u32) {
    use std::os::unix::process::CommandExt;
    let set = move || {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(umask));
        io::Result::Ok(())
    };
    // SAFETY: one system call, which may be made there.
    unsafe { command.pre_exec(set) };
}
