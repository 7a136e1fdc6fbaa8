//! Promise: the bars of a universe are those of an undisturbed run, however often their run is
//! killed; and a series counts as done only when `bars` itself has found it to be what was asked
//! for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// A place with trades of so many tickers, and no bars yet.
fn with_trades(count: usize, asked: DateRange) -> Place {
    let exchange = Exchange::start(Config::synthetic(41).with_tickers(count)).expect("started");
    let listings = exchange.source().listings();
    let place =
        Place::with_tickers(listings.iter().take(count).map(|listing| listing.ticker.to_string()));
    run(place.worker_of(Kind::Trades, &exchange.base_url(), asked).args(["--max-workers", "8"]))
        .expect_code(0);
    place
}

/// `launcher start --job bars` into the folder `bars` of `place`.
fn start(place: &Place, asked: (&str, &str), words: &str) -> Command {
    let mut start = place.launcher("start");
    start.args(["--job", "bars", "--foreground", "--tickers-csv"]).arg(place.tickers_csv());
    start.arg("--outdir").arg(place.path().join("bars")).arg("--trades-root").arg(place.outdir());
    start.args(["--from", asked.0, "--to", asked.1]).args(words.split(' '));
    start
}

/// Every file of the bars, but for the locks and notes of runs.
fn made(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = tree::bytes(&place.path().join("bars"));
    files.retain(|path, _| !path.ends_with("_launcher.lock") && !path.ends_with("_run.json"));
    files
}

/// How many files of bars there are, also while they are made.
fn files(place: &Place) -> usize {
    let is_bars = |path: &PathBuf| path.ends_with("bars.parquet");
    tree::files(&place.path().join("bars")).into_iter().filter(is_bars).count()
}

/// Forgets the run and its bars, keeps the trades.
fn forget(place: &Place) {
    for folder in [place.workdir(), place.path().join("bars")] {
        std::fs::remove_dir_all(folder).expect("removed");
    }
}

/// A run over `asked` whose launcher and workers are killed whenever `step` files more are there,
/// as often as `kills` says. Where it was over before anybody came, on a machine that is busy with
/// others, all of it begins anew.
fn killed_on_its_way(place: &Place, asked: (&str, &str), words: &str, kills: u32, step: usize) {
    let (mut met, mut round) = (0, 0);
    while met < kills {
        let before = files(place);
        let launcher = if place.workdir().join("run.json").exists() {
            Running::start(place.launcher("start").args(["--resume", "--foreground"]))
        } else {
            Running::start(&mut start(place, asked, words))
        };
        let more = step * (round * 37 % 100) / 100;
        let is_on_its_way = || place.processes().len() > 1 && files(place) >= before + more;
        eventually("a worker with some files, or the end", || {
            is_on_its_way() || !launcher.is_running()
        });
        let is_met = launcher.is_running();
        // By turns: workers under a living launcher, the launcher over living workers, and all of
        // them.
        if round % 3 != 1 {
            for pid in place.processes().into_iter().filter(|pid| *pid != launcher.pid()) {
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        launcher.signal(if round % 3 == 0 { Signal::SIGTERM } else { Signal::SIGKILL });
        launcher.wait();
        met += u32::from(is_met);
        round += 1;
        assert!(round < 20 * kills as usize, "the run is never met on its way");
        if !is_met {
            forget(place);
        }
    }
    if place.workdir().join("run.json").exists() {
        run(place.launcher("start").args(["--resume", "--foreground"])).expect_code(0);
    } else {
        run(&mut start(place, asked, words)).expect_code(0);
    }
}

fn same_after_kills(tickers: usize, asked: (&str, &str), kills: u32) {
    let place = with_trades(tickers, days(asked.0, asked.1));
    let words = "--mode all --batch-size 3 --max-concurrent 3 --retries 1000 -- --expected-ticks 40 --target 20000";
    let said = run(&mut start(&place, asked, words)).expect_code(0).stdout;
    says(&said, &[&format!("{tickers} / {tickers} verified, 0 failed, 0 left")]);
    let undisturbed = made(&place);
    let step = files(&place) / kills as usize;
    assert!(
        undisturbed.keys().any(|path| path.ends_with("year=2024/bars.parquet")),
        "there are bars"
    );
    forget(&place);
    killed_on_its_way(&place, asked, words, kills, step);
    let disturbed = made(&place);
    let only_in = |one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>| {
        one.keys().filter(|path| !other.contains_key(*path)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only_in(&disturbed, &undisturbed), [] as [PathBuf; 0], "files too many");
    assert_eq!(only_in(&undisturbed, &disturbed), [] as [PathBuf; 0], "files that are missing");
    assert!(disturbed == undisturbed, "the same bytes, states included");
    eventually("nobody left", || place.processes().is_empty());
}

#[test]
fn the_bars_of_a_universe_are_those_of_an_undisturbed_run_after_kills() {
    same_after_kills(12, ("2023-11-01", "2024-02-09"), 9);
}

#[test]
#[ignore = "100 tickers over a year take minutes: scripts/soak"]
fn the_bars_of_a_hundred_tickers_over_a_year_are_those_of_an_undisturbed_run_after_kills() {
    same_after_kills(100, ("2023-06-01", "2024-05-31"), 40);
}

#[test]
fn a_run_of_bars_is_extended_told_and_found_complete() {
    let place = with_trades(4, days("2024-01-02", "2024-02-09"));
    let first = ("2024-01-02", "2024-01-31");
    let said = run(&mut start(&place, first, "--mode DB,TB -- --target DB=20000,TB=30"))
        .expect_code(0)
        .stdout;
    says(&said, &["4 / 4 verified"]);
    let go_on = || {
        let mut start = place.launcher("start");
        start.args(["--resume", "--foreground"]);
        start
    };
    assert!(run(&mut go_on()).expect_code(0).stdout.contains("already complete"));
    let said = run(go_on().args(["--to", "2024-02-09"])).expect_code(0).stdout;
    says(&said, &["extends the run: --to 2024-01-31 → 2024-02-09"]);
    let extended = made(&place);
    let status = run(place.launcher("status").arg("--json")).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&status["job"], &status["partitions"]["verified"]),
        (&"bars".into(), &8.into()),
        "{status}"
    );

    // Nothing of it tells that there were two steps.
    forget(&place);
    run(&mut start(
        &place,
        ("2024-01-02", "2024-02-09"),
        "--mode DB,TB -- --target DB=20000,TB=30",
    ))
    .expect_code(0);
    assert!(made(&place) == extended, "the same bytes");

    // A lost file is found, and made again.
    let lost = extended.keys().find(|path| path.ends_with("bars.parquet")).expect("bars");
    std::fs::remove_file(place.path().join("bars").join(lost)).expect("removed");
    let ticker = lost.iter().next().expect("a ticker").to_str().expect("UTF-8");
    let said = run(place.launcher("why").arg(ticker)).expect_code(0).stdout;
    assert!(
        said.contains(": 1 partition with data, 0 empty"),
        "its other series counts as before: {said}"
    );
    run(&mut go_on()).expect_code(0);
    assert!(made(&place) == extended, "the same bytes again");
}

#[test]
fn bars_that_were_built_while_the_clock_was_set_back_count_for_their_run_and_for_no_other() {
    let place = with_trades(2, days("2024-01-02", "2024-01-12"));
    let asked = ("2024-01-02", "2024-01-12");
    run(&mut start(&place, asked, "--mode DB,TB -- --target DB=20000,TB=30")).expect_code(0);
    let bars = made(&place);
    // As a clock leaves them that was set back by a day after the run had begun.
    let yesterday = std::time::SystemTime::now() - Duration::from_hours(24);
    for path in bars.keys().filter(|path| path.ends_with("_state.json")) {
        let file = std::fs::File::options().append(true).open(place.path().join("bars").join(path));
        file.and_then(|file| file.set_modified(yesterday)).expect("set back");
    }
    let said =
        run(place.launcher("start").args(["--resume", "--foreground"])).expect_code(0).stdout;
    says(&said, &["already complete"]);
    assert!(!place.workdir().join("attempts/batch_0001.2").exists(), "nobody was asked again");
    std::fs::remove_dir_all(place.workdir()).expect("removed");
    let said = run(&mut start(&place, asked, "--resume --mode DB,TB -- --target DB=20000,TB=30"));
    let said = said.expect_code(0).stdout;
    says(&said, &["2 / 2 verified"]);
    assert!(
        place.workdir().join("attempts/batch_0001.1").exists(),
        "another run has them looked at: {said}"
    );
    assert!(made(&place) == bars, "the same bytes");
}

#[test]
fn bars_of_other_parameters_are_not_taken_for_what_was_asked() {
    let place = with_trades(2, days("2024-01-02", "2024-01-12"));
    let asked = ("2024-01-02", "2024-01-12");
    run(&mut start(&place, asked, "--mode DB -- --target 20000")).expect_code(0);
    std::fs::remove_dir_all(place.workdir()).expect("removed");
    let said = run(&mut start(&place, asked, "--resume --mode DB --retries 0 -- --target 30000"))
        .expect_code(1);
    says(&said.stdout, &["target 20000", "target 30000"]);
    std::fs::remove_dir_all(place.workdir()).expect("removed");
    run(&mut start(&place, asked, "--mode DB -- --target 30000 --rebuild")).expect_code(0);
    let rebuilt = made(&place);
    forget(&place);
    run(&mut start(&place, asked, "--mode DB -- --target 30000")).expect_code(0);
    assert!(made(&place) == rebuilt, "the same bytes");
}

#[test]
fn what_makes_no_sense_for_bars_is_said_before_anything_begins() {
    let place = Place::with_tickers(["AIG"]);
    std::fs::create_dir(place.outdir()).expect("made");
    let asked = ("2024-01-02", "2024-01-12");
    for (words, named) in [
        ("--mode XB", "XB"),
        ("--mode DB -- --ticker AIG", "--ticker"),
        ("--mode DB -- --resume", "--resume"),
        ("--mode DB --adjusted", "--adjusted"),
        ("--mode DB --ingest-script job", "--ingest-script"),
        ("--mode DB --agg1m-root x", "--agg1m-root"),
        ("--mode DB --target 50", "options of `bars` stand last, behind --"),
        // What only `bars` itself knows.
        ("--mode DB -- --nonsense", "unexpected argument '--nonsense'"),
        ("--mode DB -- nonsense", "the subcommand 'nonsense'"),
        ("--mode DB -- --target -5", "-5"),
        ("--mode DB -- --target", "a value is required for '--target"),
        ("--mode DB -- --target TB=30", "--target names TB, but --mode does not"),
        (
            "--mode DIB -- --threshold afml --min-ticks 9 --max-ticks 3",
            "--min-ticks 9 is more than --max-ticks 3",
        ),
        ("--mode DB -- --warmup 50", "--warmup needs --threshold afml"),
        ("--mode DB -- --conditions some", "some"),
        ("--mode DB -- --agg1m-price close", "cannot be used with"),
        ("--mode DB -- --adjust nowhere.parquet", "nowhere.parquet"),
        (
            "--mode DB -- --target auto --bars-per-day 50 --daily-root nowhere",
            "nowhere is not a folder",
        ),
        ("--mode DB -- --check-only", "--check-only"),
        ("--mode DB -- --help", "--help"),
        ("--mode DB -- -V", "-V"),
        ("--dry-run --mode DB -- --nonsense", "unexpected argument '--nonsense'"),
    ] {
        let said = run(&mut start(&place, asked, words)).expect_code(2).stderr;
        assert!(said.contains(named), "{words}: {said}");
        assert!(!place.workdir().join("run.json").exists(), "{words}: nothing has begun");
        assert!(!place.path().join("bars").exists(), "{words}: nothing was made");
    }
    std::fs::write(place.outdir().join("_dataset.json"), DAILY_TREE).expect("written");
    let said = run(&mut start(&place, asked, "--mode DB")).expect_code(2).stderr;
    says(&said, &["this tree holds daily data, not trades"]);
    assert!(!place.workdir().join("run.json").exists(), "nothing has begun");
}

const DAILY_TREE: &str = r#"{"kind":"daily","schema_version":1,"adjusted":false,"time_zone":"America/New_York","source":"x"}"#;

#[test]
fn bars_beyond_the_days_there_are_are_refused_before_the_first_worker_and_what_was_built_stays_counted()
 {
    let place = with_trades(2, days("2024-06-03", "2024-06-07"));
    let begun =
        run(&mut start(&place, ("2024-06-03", "2024-06-12"), "--mode DB -- --target 50000"));
    let said = begun.expect_code(2).stderr;
    let lacks = "lacks 2024-06-10..2024-06-12); download them, choose days that are there";
    says(&said, &[lacks, "-- --allow-gap"]);
    assert!(!place.workdir().join("run.json").exists());

    run(&mut start(&place, ("2024-06-03", "2024-06-07"), "--mode DB -- --target 50000"))
        .expect_code(0);
    let longer =
        run(place.launcher("start").args(["--resume", "--foreground", "--to", "2024-06-12"]));
    let said = longer.expect_code(2).stderr;
    says(&said, &[lacks, "-- --allow-gap"]);
    let status = || run(&mut place.launcher("status")).expect_code(0).stdout;
    let shown = status();
    assert!(shown.starts_with("COMPLETE") && shown.contains("2 / 2 verified"), "{shown}");

    // As it was advised.
    let words = ["--resume", "--foreground", "--to", "2024-06-12", "--", "--allow-gap"];
    let said = run(place.launcher("start").args(words)).expect_code(0).stdout;
    says(&said, &["changes the run: -- --allow-gap no → yes"]);
    let journal =
        std::fs::read_to_string(place.workdir().join("journal.jsonl")).expect("a journal");
    assert!(journal.contains("-- --allow-gap"), "journalled as other knobs are");
    let shown = status();
    assert!(shown.starts_with("COMPLETE") && shown.contains("2 / 2 verified"), "{shown}");
    // Bars are not made otherwise than they were.
    let words = ["--resume", "--foreground", "--", "--target", "60000", "--allow-gap"];
    let said = run(place.launcher("start").args(words)).expect_code(2).stderr;
    let frozen = "--: the run has --target 50000 --allow-gap, you say --target 60000 --allow-gap";
    says(&said, &[frozen]);
}

#[test]
fn bars_that_failed_for_days_that_are_missing_are_made_without_them_when_the_run_goes_on_so() {
    let place = with_trades(2, days("2024-06-03", "2024-06-07"));
    let tickers = std::fs::read_to_string(place.tickers_csv()).expect("a list");
    let one = tickers.lines().nth(1).expect("a ticker");
    // One of them has less than the other.
    let ledger = place.outdir().join(one).join("_ledger.jsonl");
    let lines = std::fs::read_to_string(&ledger).expect("a ledger");
    let fewer: String =
        lines.split_inclusive('\n').filter(|line| !line.contains("2024-06-05")).collect();
    std::fs::write(&ledger, fewer).expect("written");
    let asked = ("2024-06-03", "2024-06-07");
    let said = run(&mut start(&place, asked, "--mode DB -- --target 50000")).expect_code(1).stdout;
    says(&said, &["1 / 2 verified", "or add --allow-gap"]);
    let words = ["--resume", "--foreground", "--", "--allow-gap"];
    let said = run(place.launcher("start").args(words)).expect_code(0).stdout;
    says(&said, &["2 / 2 verified"]);
}

#[test]
fn a_check_reads_bars_too_and_what_it_finds_damaged_is_built_again_by_the_next_start() {
    let asked = ("2024-01-02", "2024-01-12");
    let place = with_trades(2, days(asked.0, asked.1));
    run(&mut start(&place, asked, "--mode TB,DB -- --target 3000")).expect_code(0);
    let built = made(&place);
    let status = |more: &[&str]| run(place.launcher("status").args(more));
    let said = status(&["--check"]).expect_code(0).stdout;
    assert!(said.starts_with("COMPLETE\n"), "{said}");
    says(&said, &["files       2 tickers checked at ", " (SHA-256 of 4 files)"]);
    // One byte of one file, its length as it was.
    let is_bars = |path: &PathBuf| path.ends_with("bars.parquet");
    let file = tree::files(&place.path().join("bars")).into_iter().find(is_bars).expect("bars");
    let file = place.path().join("bars").join(file);
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("damaged");
    assert!(
        status(&[]).expect_code(0).stdout.starts_with("COMPLETE\n"),
        "a glance looks at lengths"
    );
    let ended = status(&["--check"]).expect_code(1);
    assert!(ended.stdout.starts_with("INCOMPLETE ("), "{}", ended.stdout);
    says(
        &ended.stdout,
        &["; 1 more missing or damaged, to be built again", "\npartitions  3 / 4 verified: 3 data"],
    );
    run(place.launcher("start").args(["--resume", "--foreground"])).expect_code(0);
    assert!(made(&place) == built, "the same bytes");
    status(&["--check"]).expect_code(0);
}

#[test]
fn bars_in_the_place_of_others_prove_nothing_to_anybody() {
    let asked = ("2024-01-02", "2024-01-12");
    let place = with_trades(2, days(asked.0, asked.1));
    run(&mut start(&place, asked, "--mode TB,DB -- --target 3000")).expect_code(0);
    let tickers = std::fs::read_to_string(place.tickers_csv()).expect("a list");
    let names: Vec<&str> = tickers.lines().skip(1).collect();
    let bars = place.path().join("bars");
    let swap = |one: &str, other: &str| {
        let aside = place.path().join("aside");
        for (from, to) in [
            (bars.join(one), aside.clone()),
            (bars.join(other), bars.join(one)),
            (aside, bars.join(other)),
        ] {
            std::fs::rename(from, to).expect("renamed");
        }
    };
    let modes = |name: &str, mode: &str| format!("{name}/{mode}");
    for (one, other) in [
        (names[0].to_owned(), names[1].to_owned()),
        (modes(names[0], "tick"), modes(names[0], "dollar")),
    ] {
        swap(&one, &other);
        let ended = run(place.launcher("status").arg("--check")).expect_code(1);
        assert!(ended.stdout.starts_with("INCOMPLETE ("), "{}", ended.stdout);
        let named = "_state.json is the state of ";
        says(&ended.stderr, &[named]);
        let ended = run(place.launcher("start").args(["--resume", "--foreground"]));
        let ended = ended.expect_code(1);
        says(&ended.stdout, &[named]);
        swap(&one, &other);
        run(place.launcher("start").args(["--resume", "--foreground"])).expect_code(0);
        run(place.launcher("status").arg("--check")).expect_code(0);
    }
    // Behind a link, with a byte changed: it can't be noted as damaged, and is not called complete.
    let (ticker, away) = (bars.join(names[0]), place.path().join("away"));
    std::fs::rename(&ticker, &away).expect("moved");
    std::os::unix::fs::symlink(&away, &ticker).expect("a link");
    let file = away.join("dollar/year=2024/bars.parquet");
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("damaged");
    let ended = run(place.launcher("status").arg("--check")).expect_code(1);
    let head = "INCOMPLETE (1 ticker could not be checked)";
    assert!(ended.stdout.starts_with(head), "{}", ended.stdout);
}
