//! Promise: below an output folder nothing is written through a link. Whose way leads over one
//! fails by name, and the others go on; the output folder itself may be a link.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use shared::run::events::{Event, EventTail, Origin};
use tests::harness::effort;
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::{command, run};
use tests::harness::says::says;
use tests::harness::series::{Series, at};
use tests::harness::strace::{Follows, can_trace, tampered};
use tests::harness::tree;
use tests::harness::truth::universe;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

#[test]
fn a_link_in_the_place_of_a_ticker_a_year_or_a_ledger_fails_by_name_and_nothing_is_written_behind_it()
 {
    let (exchange, tickers, place) = market(Config::synthetic(17).with_tickers(5), 5);
    let asked = days("2023-01-03", "2024-06-28");
    let outside = place.path().join("outside");
    let real = place.path().join("disk");
    fs::create_dir_all(&outside).expect("made");
    fs::create_dir_all(&real).expect("made");
    symlink(&real, place.outdir()).expect("OUT may be a link");
    let [folder, year, ledger, file, whole] =
        [0, 1, 2, 3, 4].map(|n| real.join(tickers[n].as_str()));
    symlink(&outside, &folder).expect("linked");
    for folder in [&year, &ledger, &file] {
        fs::create_dir(folder).expect("made");
    }
    symlink(&outside, year.join("year=2023")).expect("linked");
    symlink(outside.join("new"), ledger.join("_ledger.jsonl")).expect("linked, dangling");
    fs::create_dir(file.join("year=2024")).expect("made");
    symlink(outside.join("bars"), file.join("year=2024/daily.parquet")).expect("linked, dangling");

    let events = place.path().join("events.jsonl");
    let mut worker = place.worker(&exchange.base_url(), asked);
    let said = run(worker.arg("--events").arg(&events)).expect_code(11).stderr;
    let in_out = |path: &Path| place.outdir().join(path.strip_prefix(&real).expect("below it"));
    let links = [
        folder.clone(),
        year.join("year=2023"),
        ledger.join("_ledger.jsonl"),
        file.join("year=2024/daily.parquet"),
    ];
    for link in links.iter().map(|link| in_out(link).display().to_string()) {
        let line =
            said.lines().find(|line| line.contains("failed for good") && line.contains(&link));
        let line = line.unwrap_or_else(|| panic!("{link} is not named\n{said}"));
        says(line, &["it is a link, and below an output folder nothing is written through links"]);
    }
    let mut tail = EventTail::new(&events);
    let failed = tail.read_new().filter_map(|said| match said.event {
        Event::TickerFailed { origin, .. } => Some(origin),
        _ => None,
    });
    assert_eq!(failed.collect::<Vec<_>>(), [Some(Origin::Ticker); 4]);
    assert_eq!(fs::read_dir(&outside).expect("listed").count(), 0, "nothing was written there");
    assert!(links.iter().all(|link| link.is_symlink()), "no link was touched");
    assert!(tree::is_proven(&real, Kind::Daily, &tickers[4], asked), "{}", whole.display());
    assert_eq!(tree::proven_files(&real, Kind::Daily, &tickers[1]).len(), 1, "the other year came");

    for link in &links {
        fs::remove_file(link).expect("removed");
    }
    run(place.worker(&exchange.base_url(), asked).arg("--resume")).expect_code(0);
    assert!(tickers.iter().all(|ticker| tree::is_proven(&real, Kind::Daily, ticker, asked)));
    assert_eq!(fs::read_dir(&outside).expect("listed").count(), 0);
}

/// Swaps, again and again, the folder `name` in `parent` for `link` and back, each time in one
/// step.
fn swap(parent: &File, name: &str, link: &Path, is_over: &AtomicBool) -> u64 {
    let mut swaps = 0;
    while !is_over.load(Ordering::Relaxed) || swaps % 2 == 1 {
        renameat2(AT_FDCWD, link, parent, name, RenameFlags::RENAME_EXCHANGE)
            .expect("both are there");
        swaps += 1;
        std::thread::yield_now();
    }
    swaps
}

#[test]
fn a_folder_that_is_swapped_for_a_link_again_and_again_lets_no_file_out() {
    let exchange = Exchange::start(Config::synthetic(17).with_tickers(1)).expect("started");
    let place = Place::with_tickers(universe(&exchange, 1).iter().map(Ticker::as_str));
    let ticker = universe(&exchange, 1).remove(0);
    let asked = days("2004-01-02", "2024-06-28");
    let worker = || {
        let mut worker = place.worker(&exchange.base_url(), asked);
        worker.args(["--window", "month"]);
        worker
    };
    let without_openat2 = || tampered("openat2", "error=ENOSYS", Follows::Threads, &worker());
    run(&mut worker()).expect_code(0);
    let outside = place.path().join("outside");
    let folder = place.outdir().join(ticker.as_str());
    // As a tree of the ticker would look: whoever follows the link finds all that it looks for.
    for year in 2004..=2024 {
        fs::create_dir_all(outside.join(format!("year={year}"))).expect("made");
    }
    let before = tree::files(&outside);
    let is_over = AtomicBool::new(false);
    // Open, for the way to a year leads over the ticker, which is a link half of the time.
    let parents = [place.outdir(), folder].map(|path| File::open(path).expect("opened"));
    let links = ["one", "two"].map(|name| place.path().join(name));
    for link in &links {
        symlink(&outside, link).expect("linked");
    }
    let names = [ticker.as_str(), "year=2014"];
    let swaps = std::thread::scope(|scope| {
        let swappers = [0, 1].map(|at| {
            let (parents, links, is_over) = (&parents, &links, &is_over);
            scope.spawn(move || swap(&parents[at], names[at], &links[at], is_over))
        });
        for _ in 0..effort::choose(2, 6) {
            run(&mut worker());
        }
        if can_trace() {
            run(&mut without_openat2());
        }
        is_over.store(true, Ordering::Relaxed);
        swappers.map(|swapper| swapper.join().expect("no panic"))
    });
    assert!(swaps.iter().all(|swaps| *swaps > 100), "{swaps:?}");
    assert_eq!(tree::files(&outside), before, "something was written through a link");
    run(&mut worker()).expect_code(0);
    if can_trace() {
        run(&mut without_openat2()).expect_code(0);
    }
    assert!(tree::is_proven(&place.outdir(), Kind::Daily, &ticker, asked));
}

#[test]
fn a_lock_of_the_output_folder_that_is_a_link_is_refused() {
    let exchange = Exchange::start(Config::synthetic(17).with_tickers(1)).expect("started");
    let place = Place::with_tickers(universe(&exchange, 1).iter().map(Ticker::as_str));
    fs::create_dir_all(place.outdir()).expect("made");
    let outside = place.path().join("outside");
    symlink(&outside, place.outdir().join("_launcher.lock")).expect("linked, dangling");
    let mut start = place.launcher_start(&exchange.base_url(), days("2024-01-02", "2024-01-31"));
    let said = run(start.arg("--foreground")).expect_code(13).stderr;
    says(&said, &["_launcher.lock", "symbolic links"]);
    assert!(!outside.exists());
}

#[test]
fn a_link_in_the_place_of_bars_or_of_a_snapshot_is_refused_by_name_and_nothing_is_written_behind_it()
 {
    let morning = (0..400).map(|n| (at("2024-03-05", 36_000 + n), 10.0, 100.0));
    let exchange = Exchange::start(Config::synthetic(17).with_tickers(2)).expect("started");
    for name in [
        "MADE.UP",
        "MADE.UP/dollar",
        "MADE.UP/dollar/year=2024",
        "MADE.UP/dollar/year=2024/bars.parquet",
        "MADE.UP/dollar/_state.json",
        "MADE.UP/_bars.lock",
        "tickers_snapshot",
        "tickers_snapshot/snapshot_date=2024-03-05",
        "tickers_snapshot/snapshot_date=2024-03-05/tickers.parquet",
        "_reference.lock",
    ] {
        let series = Series::of([("2024-03-05", morning.clone().collect())]);
        let (link, outside) = (series.out().join(name), series.root().join("outside"));
        fs::create_dir_all(&outside).expect("made");
        fs::create_dir_all(link.parent().expect("a folder")).expect("made");
        let is_file = Path::new(name).extension().is_some_and(|it| it != "UP");
        symlink(if is_file { outside.join("new") } else { outside.clone() }, &link)
            .expect("linked");
        let mut program = if name.starts_with("MADE.UP") {
            series.bars(("2024-03-05", "2024-03-05"), "--mode DB --target 5000")
        } else {
            let mut worker = command("worker");
            let words = "reference --date 2024-03-05 --outdir";
            worker.current_dir(series.root()).args(words.split(' '));
            worker.arg(series.out()).args(["--base-url", &exchange.base_url()]);
            worker
        };
        let ended = run(&mut program);
        assert!(!matches!(ended.code(), None | Some(0)), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(name), "{name} is not named: {}", ended.stderr);
        assert_eq!(
            fs::read_dir(&outside).expect("listed").count(),
            0,
            "{name}: nothing was written there"
        );
        assert!(link.is_symlink(), "{name}: no link was touched");
    }
}
