//! Promise: one ticker's trouble fails that ticker alone, and its event says whose trouble it is
//! and of which kind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use shared::run::events::{Event, EventTail, Origin, Persistence};
use tests::harness::market::market;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::tree;
use tests::harness::truth::universe;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

/// Whose trouble, may another attempt help, of which kind.
type Said = (Option<Origin>, Persistence, String);

/// Runs `worker`, and returns also what its events say of the tickers that failed.
fn heard(place: &Place, worker: &mut Command) -> (Ended, Vec<(Ticker, Said)>) {
    let path = place.path().join("events.jsonl");
    let ended = run(worker.arg("--events").arg(&path));
    let mut tail = EventTail::new(&path);
    let failed = tail.read_new().filter_map(|said| match said.event {
        Event::TickerFailed { ticker, persistence, origin, kind, .. } => {
            Some((ticker, (origin, persistence, kind.unwrap_or_default())))
        }
        _ => None,
    });
    // Several threads work side by side: which of them speaks first is chance.
    let mut failed: Vec<(Ticker, Said)> = failed.collect();
    failed.sort_by(|one, other| one.0.cmp(&other.0));
    (ended, failed)
}

/// Makes `folder` one that can't be written; `false`, with a word, where that can't be done.
fn forbid(folder: &Path) -> bool {
    fs::create_dir_all(folder).expect("made");
    if !nix::unistd::geteuid().is_root() {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).expect("changed");
        return true;
    }
    // Root may write everywhere but on a disk that is read-only.
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "ro,size=4k", "tmpfs"])
        .arg(folder)
        .output();
    let is_done = mounted.is_ok_and(|ended| ended.status.success());
    if !is_done {
        eprintln!("skipped: root may not mount a disk here");
    }
    is_done
}

fn allow(folder: &Path) {
    if nix::unistd::geteuid().is_root() {
        Command::new("umount").arg("-l").arg(folder).status().expect("umount runs");
    } else {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("changed");
    }
}

#[test]
fn a_folder_that_can_not_be_written_fails_its_ticker_and_the_others_go_on() {
    let (exchange, tickers, place) = market(Config::synthetic(11).with_tickers(4), 4);
    let asked = days("2024-01-02", "2024-02-02");
    let folder = |ticker: &Ticker| place.outdir().join(ticker.as_str());
    // The second has a ledger that leads in a circle.
    fs::create_dir_all(folder(&tickers[1])).expect("made");
    symlink("_ledger.jsonl", folder(&tickers[1]).join("_ledger.jsonl")).expect("made");
    let forbidden = forbid(&folder(&tickers[0]));
    let (ended, failed) = heard(&place, &mut place.worker(&exchange.base_url(), asked));
    if forbidden {
        allow(&folder(&tickers[0]));
    }
    ended.expect_code(11);
    let own = |kind: &str| (Some(Origin::Ticker), Persistence::Permanent, kind.to_owned());
    let mut expected =
        vec![(tickers[1].clone(), own("its folder or a file in it is not what it must be"))];
    if forbidden {
        expected.insert(0, (tickers[0].clone(), own("its folder can't be written")));
    }
    assert_eq!(failed, expected);
    for ticker in &tickers[2..] {
        assert!(
            tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked),
            "{ticker} is in place"
        );
    }
}

#[test]
fn a_tree_that_can_not_be_written_is_no_tickers_trouble_and_ends_the_batch() {
    let (exchange, _, place) = market(Config::synthetic(11).with_tickers(2), 2);
    let asked = days("2024-01-02", "2024-02-02");
    if !forbid(&place.outdir()) {
        return;
    }
    let (ended, failed) = heard(&place, &mut place.worker(&exchange.base_url(), asked));
    allow(&place.outdir());
    ended.expect_code(13);
    assert_eq!(failed, []);
}

#[test]
fn an_answer_that_was_refused_is_the_tickers_own_and_silence_is_the_sources() {
    let cases = [
        (Fault::TextPrice, Origin::Ticker, "an answer is not a page"),
        (Fault::Html200, Origin::Ticker, "an answer is not a page"),
        (Fault::CutJson, Origin::Source, "a page ends too early"),
        (Fault::Reset, Origin::Source, "no complete reply from the server"),
        (Fault::BadGateway, Origin::Source, "the server is in trouble"),
    ];
    for (fault, origin, kind) in cases {
        let config = Config::synthetic(11).with_tickers(1).with_fault(fault, 1.0);
        let exchange = Exchange::start(config).expect("started");
        let tickers = universe(&exchange, 1);
        let place = Place::with_tickers([tickers[0].as_str()]);
        let mut worker = place.worker(&exchange.base_url(), days("2024-01-02", "2024-02-02"));
        let (ended, failed) = heard(&place, worker.args(["--tries", "2"]));
        ended.expect_code(10);
        let expected = (Some(origin), Persistence::Transient, kind.to_owned());
        assert_eq!(failed, [(tickers[0].clone(), expected)], "{fault}");
    }
}

#[test]
fn a_part_that_can_not_be_brought_to_its_place_is_named_and_all_other_parts_are_in_place() {
    let (daily, minute) = (days("2022-12-01", "2024-02-28"), days("2023-12-01", "2024-02-28"));
    let ways: [(Kind, _, &str, &[&str]); 3] = [
        (Kind::Daily, daily, "year=2023", &["--via", "ticker"]),
        (Kind::Daily, daily, "year=2023", &["--via", "grouped"]),
        (Kind::Minute, minute, "year=2024/month=01", &[]),
    ];
    for (kind, asked, blocked, way) in ways {
        let exchange = Exchange::start(Config::synthetic(11).with_tickers(3)).expect("started");
        let ticker = universe(&exchange, 1).remove(0);
        let place = Place::with_tickers([ticker.as_str()]);
        let whole = Place::with_tickers([ticker.as_str()]);
        run(whole.worker_of(kind, &exchange.base_url(), asked).args(way)).expect_code(0);
        let folder = place.outdir().join(ticker.as_str()).join(blocked);
        fs::create_dir_all(folder.parent().expect("a folder")).expect("made");
        fs::write(&folder, "a file in the place of a folder").expect("written");

        let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
        let (ended, failed) = heard(&place, worker.arg("--resume").args(way));
        let period = if kind == Kind::Daily { "2023" } else { "2024-01" };
        let said = ended.expect_code(11).stderr;
        assert!(
            said.contains(&format!("{ticker}: failed for good: {period}: ")),
            "{way:?}: {said}"
        );
        assert_eq!(failed.len(), 1, "{way:?}");
        let mut expected = tree::parquet_bytes(&whole.outdir());
        let all = expected.len();
        expected.retain(|path, _| !path.to_string_lossy().contains(blocked));
        assert_eq!(
            (expected.len(), tree::parquet_bytes(&place.outdir())),
            (all - 1, expected),
            "{way:?}"
        );

        fs::remove_file(&folder).expect("removed");
        run(place.worker_of(kind, &exchange.base_url(), asked).arg("--resume").args(way))
            .expect_code(0);
        assert_eq!(
            tree::parquet_bytes(&place.outdir()),
            tree::parquet_bytes(&whole.outdir()),
            "{way:?}"
        );
    }
}
