//! Promise: a day of a ticker is known for the security that it is of. Symbols are renamed and used
//! again; the source keeps data under the symbol of the time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray;
use nix::sys::signal::Signal;
use shared::dataset::kind::Kind;
use shared::dataset::reader;
use shared::dataset::reference::Reference;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, command, eventually, run};
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;
use tests::sim::synthetic::renames::Symbols;

const TODAY: &str = "2026-10-30";
/// FRND was the company's symbol until 2022-06-08, METR is it since. A fund had METR before.
const COMPANY: &str = "BBG00FRNDB00";
const FUND: &str = "BBG00RBALL00";

fn exchange(symbols: Symbols, change: impl FnOnce(Config) -> Config) -> Exchange {
    let config = Config::synthetic(7).with_tickers(20).with_symbols(symbols);
    Exchange::start(change(config)).expect("started")
}

fn reference(place: &Place, exchange: &Exchange, words: &str) -> Command {
    let mut worker = command("worker");
    worker.current_dir(place.path()).args(["reference", "--date", TODAY, "--outdir", "ref"]);
    worker.args(["--base-url", &exchange.base_url(), "--backoff-base", "5ms"]);
    worker.arg("--include-delisted").args(words.split_whitespace());
    worker
}

fn file(place: &Place, table: &str, name: &str) -> PathBuf {
    place.path().join("ref").join(table).join(format!("snapshot_date={TODAY}")).join(name)
}

fn events_file(place: &Place) -> PathBuf {
    file(place, "ticker_events_snapshot", "events.parquet")
}

/// Id, date and symbol of every row of the events.
fn events(path: &Path) -> Vec<(String, String, String)> {
    let batch = reader::read_table(path).expect("a table");
    let texts = |name: &str| {
        let column = batch.column_by_name(name).expect(name).as_string::<i32>().clone();
        column.iter().map(|text| text.unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let rows = texts("id").into_iter().zip(texts("date")).zip(texts("ticker"));
    rows.map(|((id, date), ticker)| (id, date, ticker)).collect()
}

/// What every security of the exchange should say: by FIGI, or by the symbol that names it now.
fn expected_events(exchange: &Exchange) -> Vec<(String, String, String)> {
    let (first, last) = exchange.source().days();
    let mut expected = Vec::new();
    for listing in exchange.source().listings() {
        let begun = listing.trades_on(last) || listing.is_gone_on(last);
        let id = match &listing.figi {
            Some(figi) => figi.clone(),
            None if listing.trades_on(last) => listing.ticker.to_string(),
            None => continue,
        };
        let since = listing.listed.expect("known").max(first);
        if begun {
            expected.push((id, since.to_string(), listing.ticker.to_string()));
        }
    }
    // By FIGI first, then by symbol.
    let by_symbol = |id: &str| !id.starts_with("BBG") || id.len() != 12;
    expected.sort_by(|a, b| (by_symbol(&a.0), a).cmp(&(by_symbol(&b.0), b)));
    expected
}

#[test]
fn the_events_of_every_security_are_brought_once_whole_and_proven() {
    let exchange = exchange(Symbols::Changed, |config| config);
    let place = Place::with_tickers(["UNUSED"]);
    run(&mut reference(&place, &exchange, "--details --ticker-events")).expect_code(0);
    let (found, expected) = (events(&events_file(&place)), expected_events(&exchange));
    assert_eq!(found, expected);
    let company: Vec<&str> =
        found.iter().filter(|row| row.0 == COMPANY).map(|row| row.2.as_str()).collect();
    assert_eq!(company, ["FRND", "METR"]);

    // Whole: nothing is asked again. Damaged: it is said and mended.
    let asked = exchange.stats().total;
    let again = || reference(&place, &exchange, "--details --ticker-events --resume");
    let ended = run(&mut again()).expect_code(0);
    assert_eq!(exchange.stats().total, asked);
    assert!(ended.stderr.contains("events.parquet: "), "{}", ended.stderr);
    let sound = fs::read(events_file(&place)).expect("read");
    fs::write(events_file(&place), &sound[..sound.len() - 9]).expect("written");
    let ended = run(&mut again()).expect_code(0);
    assert!(ended.stderr.contains("events.parquet: damaged, or not proven"), "{}", ended.stderr);
    assert_eq!(fs::read(events_file(&place)).expect("read"), sound);
    assert_eq!(exchange.stats().total, asked, "every answer is in the log");
}

#[test]
fn a_killed_run_goes_on_behind_the_last_events() {
    let slow = exchange(Symbols::Changed, |config| config.with_fault(Fault::SlowBody, 0.3));
    // Two are for the list.
    slow.close_the_door_after(12);
    let place = Place::with_tickers(["UNUSED"]);
    let log = file(&place, "ticker_events_snapshot", "_events.jsonl");
    let answered = || fs::read_to_string(&log).map_or(0, |text| text.matches('\n').count());
    let worker = Running::start(&mut reference(&place, &slow, "--ticker-events --resume"));
    eventually("some events are kept", || answered() > 5);
    worker.signal(Signal::SIGKILL);
    worker.wait();
    let kept = answered() as u64;
    assert!(!events_file(&place).exists(), "a table appears when all are answered");

    let exchange = exchange(Symbols::Changed, |config| config);
    run(&mut reference(&place, &exchange, "--ticker-events --resume")).expect_code(0);
    let ids: std::collections::BTreeSet<String> =
        expected_events(&exchange).into_iter().map(|row| row.0).collect();
    let asked = exchange.stats().requests["events"];
    // A delisted symbol without a FIGI is asked for too, and nobody knows it.
    assert!(asked + kept >= ids.len() as u64 && asked < ids.len() as u64, "{asked} + {kept}");
    assert_eq!(events(&events_file(&place)), expected_events(&exchange));
}

#[test]
fn with_every_fault_at_five_percent_the_events_are_complete_in_the_end() {
    let exchange =
        exchange(Symbols::Changed, |config| config.with_page_rows_max(7).with_all_faults(3, 0.05));
    let place = Place::with_tickers(["UNUSED"]);
    let mut codes = Vec::new();
    for _ in 0..8 {
        let ended = run(&mut reference(&place, &exchange, "--ticker-events --resume"));
        codes.push(ended.code());
        if ended.code() == Some(0) {
            break;
        }
        assert_eq!(ended.code(), Some(10), "{}", ended.stderr);
    }
    assert_eq!(codes.last(), Some(&Some(0)), "{codes:?}");
    assert_eq!(events(&events_file(&place)), expected_events(&exchange));
}

#[test]
fn the_reference_says_which_security_a_ticker_names_on_which_days() {
    let exchange = exchange(Symbols::Changed, |config| config);
    let place = Place::with_tickers(["UNUSED"]);
    run(&mut reference(&place, &exchange, "--details --ticker-events")).expect_code(0);
    let found = Reference::newest(&place.path().join("ref")).expect("read").expect("there");
    let said = |ticker: &str| -> Vec<String> {
        let all = found.securities.ticker(&ticker.parse().expect("a ticker")).expect("known");
        all.periods().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        said("FRND"),
        ["FRND 2012-05-18..2022-06-08 BBH00FRNDB00", "FRND 2025-06-26.. BBH00FBUFF00"]
    );
    assert_eq!(
        said("METR"),
        ["METR 2021-06-30..2022-01-30 BBH00RBALL00", "METR 2022-06-09.. BBH00FRNDB00"]
    );
    assert_eq!(said("METW"), ["METW 2022-01-31.. BBH00RBALL00"]);
    // The shipping company has no FIGI, and its first day went to the fund in the source's details.
    assert_eq!(
        said("ULTX"),
        ["ULTX ?..2017-05-01 ULTX@..2017-05-01", "ULTX 2019-07-31.. BBH00USHRT00"]
    );

    // Every other ticker is one security on the days on which it trades.
    let (first, last) = exchange.source().days();
    for listing in exchange.source().listings().iter().filter(|one| one.trades_on(last)) {
        let periods = found.securities.ticker(&listing.ticker).expect("listed");
        let begin = listing.listed.expect("known").max(first);
        let now = periods.holder_on(last).expect("it trades");
        assert_eq!(periods.holder_on(begin), Some(now), "{}", listing.ticker);
    }
}

/// A folder with reference data of an exchange whose symbols change, and trades of the company and
/// of the fund around the day of a change.
struct Scene {
    place: Place,
}

impl Scene {
    fn new(kind: Kind, (from, to): (&str, &str)) -> Self {
        let exchange = exchange(Symbols::Changed, |config| config);
        let place = Place::with_tickers(["FRND", "METR", "METW"]);
        run(&mut reference(&place, &exchange, "--details --ticker-events")).expect_code(0);
        run(&mut place.worker_of(kind, &exchange.base_url(), days(from, to))).expect_code(0);
        Self { place }
    }

    fn bars(&self, out: &str, words: &str) -> Command {
        let mut bars = command("bars");
        bars.current_dir(self.place.path()).args(["--outdir", out]);
        bars.args(BUILD.split_whitespace()).args(words.split_whitespace());
        bars
    }
}

const BUILD: &str =
    "--mode TB,VB,DB,TIB,DRB --target TB=20,VB=4000,DB=90000,TIB=9 --expected-ticks 30 --extended";

/// The files of bars below `folder`, by their paths in it.
fn bars_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    tree::parquet_bytes(folder)
}

/// The recipe of docs/how-to.md.
#[test]
fn the_joined_series_of_a_renamed_security_is_that_of_a_security_never_renamed() {
    for (kind, root, range) in [
        (Kind::Trades, "--trades-root", ("2022-05-31", "2022-06-17")),
        (Kind::Minute, "--agg1m-root", ("2022-05-02", "2022-07-15")),
    ] {
        let (from, to) = range;
        let scene = Scene::new(kind, range);
        let words = format!(
            "{root} out --ticker METR --from {from} --to {to} --reference ref --security {COMPANY}"
        );
        let ended = run(&mut scene.bars("joined", &words)).expect_code(0);
        let said = "the days of BBH00FRNDB00 (FRND 2012-05-18..2022-06-08, METR 2022-06-09..)";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        let joined = bars_in(&scene.place.path().join("joined/METR"));
        assert_eq!(joined.len(), 5, "{:?}", joined.keys());

        // The same market in which nobody ever changed a symbol.
        let never = exchange(Symbols::LastOnly, |config| config);
        let place = Place::with_tickers(["METR"]);
        run(&mut place.worker_of(kind, &never.base_url(), days(from, to))).expect_code(0);
        let mut bars = command("bars");
        bars.current_dir(place.path()).args(["--outdir", "bars", root, "out", "--ticker", "METR"]);
        run(bars.args(BUILD.split_whitespace()).args(["--from", from, "--to", to])).expect_code(0);
        assert_eq!(joined, bars_in(&place.path().join("bars/METR")), "{kind}");

        // By its symbol alone the series lacks the days before the change.
        let symbol = format!("{root} out --ticker METR --from {from} --to {to}");
        run(&mut scene.bars("symbol", &symbol)).expect_code(0);
        assert_ne!(joined, bars_in(&scene.place.path().join("symbol/METR")), "{kind}");

        // In two runs, cut on the day of the change: the same bytes.
        for (first, last) in [(from, "2022-06-08"), ("2022-06-09", to)] {
            let words = format!(
                "{root} out --ticker METR --from {first} --to {last} --reference ref --as-of 2026-10-30"
            );
            run(&mut scene.bars("parts", &words)).expect_code(0);
        }
        assert_eq!(joined, bars_in(&scene.place.path().join("parts/METR")), "{kind}");
    }
}

#[test]
fn bars_of_a_recycled_symbol_are_of_one_security_alone_and_the_other_is_not_mixed_in() {
    let scene = Scene::new(Kind::Trades, ("2022-01-24", "2022-02-04"));
    let fund = "--trades-root out --ticker METR --from 2022-01-24 --to 2022-02-04 --reference ref";
    let ended = run(&mut scene.bars("bars", &format!("{fund} --as-of 2021-09-01"))).expect_code(0);
    let said = "the days of BBH00RBALL00 (METR 2021-06-30..2022-01-30, METW 2022-01-31..)";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);

    // The same series by its FIGI goes on; another security's is refused and not mixed in.
    run(&mut scene.bars("bars", &format!("{fund} --resume --security {FUND}"))).expect_code(0);
    let ended =
        run(&mut scene.bars("bars", &format!("{fund} --security {COMPANY}"))).expect_code(2);
    assert!(ended.stderr.contains("--rebuild replaces them"), "{}", ended.stderr);

    // What can't be is said.
    let refused = |words: &str| {
        let ended = run(&mut scene.bars("other", words)).expect_code(2);
        assert!(!scene.place.path().join("other/METR").exists());
        ended.stderr
    };
    let said = refused(&fund.replace(" --reference ref", " --security BBG00FRNDB00"));
    assert!(said.contains("--reference <DIR>"), "{said}");
    assert!(refused(fund).contains("--reference needs --security or --as-of"));
    let said = refused(&format!("{fund} --as-of 2022-03-01"));
    assert!(said.contains("METR named no security on 2022-03-01"), "{said}");
    let said = refused(&format!("{fund} --security BBG00FBUFF00"));
    assert!(said.contains("METR was never a symbol of BBH00FBUFF00"), "{said}");
}

#[test]
fn days_of_a_symbol_that_nobody_downloaded_are_missing_and_not_empty() {
    let scene = Scene::new(Kind::Trades, ("2022-06-06", "2022-06-10"));
    fs::rename(scene.place.path().join("out/FRND"), scene.place.path().join("away"))
        .expect("moved");
    let words = format!("--trades-root out --ticker METR --reference ref --security {COMPANY}");
    let whole = format!("{words} --from 2022-06-06 --to 2022-06-10");
    let ended = run(&mut scene.bars("bars", &whole)).expect_code(2);
    let named = "FRND: the ledger does not prove 3 of the sessions that are needed (2022-06-06..2022-06-08) for the bars of METR; download them: worker trades";
    assert!(ended.stderr.contains(named), "{}", ended.stderr);
    let later = format!("{words} --from 2022-06-09 --to 2022-06-10");
    run(&mut scene.bars("bars", &later)).expect_code(0);
}

#[test]
fn a_universe_is_as_of_a_day_or_of_one_security() {
    let exchange = exchange(Symbols::Changed, |config| config);
    let place = Place::with_tickers(["UNUSED"]);
    run(&mut reference(&place, &exchange, "--details --ticker-events")).expect_code(0);
    let universe = |words: &str| {
        let mut worker = command("worker");
        worker.current_dir(place.path()).args(["universe", "--snapdir", "ref/tickers_snapshot"]);
        worker.args(["--ticker-events", "ref/ticker_events_snapshot", "--out-csv", "u.csv"]);
        worker.args(["--details", "ref/ticker_details"]).args(words.split_whitespace());
        run(&mut worker).expect_code(0);
        fs::read_to_string(place.path().join("u.csv")).expect("a list")
    };
    assert_eq!(
        universe(&format!("--security {COMPANY}")),
        "ticker,security,from,to\nFRND,BBH00FRNDB00,2012-05-18,2022-06-08\nMETR,BBH00FRNDB00,2022-06-09,\n"
    );
    let all = "--types CS,ETF,PFD,WARRANT,UNIT,RIGHT,ADRC --exchanges XNYS,XNAS,XASE,ARCX,BATS";
    for on in ["2010-06-01", "2021-09-01", "2022-03-01", "2026-10-30"] {
        let csv = universe(&format!("{all} --as-of {on}"));
        let found: Vec<&str> =
            csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        let day = on.parse().expect("a day");
        let listed = exchange.source().listings().iter().filter(|one| one.trades_on(day));
        let expected: Vec<&str> = listed.map(|one| one.ticker.as_str()).collect();
        let unlisted = |found: &&&str| !expected.contains(*found);
        assert_eq!(found.iter().find(unlisted), None, "{on}");
        let lost = |ticker: &&&str| !found.contains(*ticker);
        assert_eq!(expected.iter().find(lost), None, "{on}");
    }
    let csv = universe(&format!("{all} --as-of 2021-09-01"));
    assert!(csv.contains("METR,BBH00RBALL00,2021-06-30,2022-01-30,listed\n"), "{csv}");
}

#[test]
fn verify_names_the_days_of_another_security_and_expects_nothing_where_nobody_had_the_symbol() {
    let exchange = exchange(Symbols::Changed, |config| config);
    let place = Place::with_tickers(["FRND", "METR", "METW"]);
    run(&mut reference(&place, &exchange, "--details --ticker-events")).expect_code(0);
    let (from, to) = ("2021-06-01", "2022-08-31");
    for kind in [Kind::Daily, Kind::Minute] {
        let asked = days(from, to);
        run(&mut place.worker_of(kind, &exchange.base_url(), asked)).expect_code(0);
        let verify = |words: &str| {
            let mut launcher = command("launcher");
            launcher.current_dir(place.path()).args(["verify", "--outdir", "out", "--csv"]);
            launcher.args(["--tickers-csv", "tickers.csv", "--from", from, "--to", to]);
            run(launcher.args(words.split_whitespace()))
        };
        let ended = verify("--reference ref");
        let said: Vec<&str> =
            ended.stdout.lines().filter(|line| line.contains("another-security")).collect();
        assert_eq!(said.len(), 1, "{}", ended.stdout);
        let words = "these days are of BBH00RBALL00 (Round Ball Metric Fund); METR is BBH00FRNDB00 (Friendbook Inc. Common Stock) since 2022-06-09";
        assert!(said[0].contains("METR") && said[0].contains(words), "{}", said[0]);
        assert!(said[0].contains("2021-06-30"), "{}", said[0]);
        // From February to June nobody was METR: that is no gap, and nor are the days before.
        let gaps = ended.stdout.lines().find(|line| {
            line.contains("nothing-traded") && line.contains("METR") && line.contains("2022-0")
        });
        assert_eq!(gaps, None, "{kind}");
        ended.expect_code(6);

        // Without the reference, or without the rule, nobody says whose they are.
        for words in ["", "--reference ref --rule another-security=off"] {
            let ended = verify(words);
            assert!(!ended.stdout.contains("another-security"), "{}", ended.stdout);
            assert_ne!(ended.code(), Some(6));
        }
        fs::remove_dir_all(place.outdir()).expect("removed");
    }
}

#[test]
fn verify_names_bars_that_mix_two_securities_and_not_those_of_one() {
    let scene = Scene::new(Kind::Trades, ("2022-01-24", "2022-06-17"));
    let build = "--trades-root out --ticker METR --from 2022-01-24 --to 2022-06-17";
    run(&mut scene.bars("mixed", build)).expect_code(0);
    let one = format!("{build} --reference ref --security {COMPANY}");
    run(&mut scene.bars("joined", &one)).expect_code(0);
    fs::write(scene.place.path().join("metr.csv"), "ticker\nMETR\n").expect("written");
    let verify = |bars: &str| {
        let mut launcher = command("launcher");
        launcher.current_dir(scene.place.path()).args(["verify", "--bars", bars, "--csv"]);
        launcher.args(["--tickers-csv", "metr.csv", "--reference", "ref"]);
        run(launcher.args(["--from", "2022-01-24", "--to", "2022-06-17"]))
    };
    let mixed = verify("mixed").expect_code(6);
    let named = "DB: these days are of BBH00RBALL00 (Round Ball Metric Fund); METR is BBH00FRNDB00";
    assert!(mixed.stdout.contains(named), "{}", mixed.stdout);
    let joined = verify("joined").expect_code(0);
    assert!(!joined.stdout.contains("another-security"), "{}", joined.stdout);
}
