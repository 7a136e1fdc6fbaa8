//! Promise: a universe is what its rules say, in plain words, and never silently without its dead.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use shared::dataset::reader;
use shared::run::ticker_sizes::TickerSizes;
use tests::harness::place::Place;
use tests::harness::program::{command, run};
use tests::harness::says::says;
use tests::sim::config::Config;
use tests::sim::record::Listing;
use tests::sim::server::Exchange;

const TODAY: &str = "2026-10-30";
const CAP: i64 = 400_000_000;

/// A snapshot of an exchange with details, made by the real worker.
struct Scene {
    exchange: Exchange,
    place: Place,
}

impl Scene {
    fn new(extra: &[&str]) -> Self {
        let exchange = Exchange::start(Config::synthetic(7).with_tickers(60)).expect("started");
        let place = Place::with_tickers(["UNUSED"]);
        let mut worker = command("worker");
        worker.current_dir(place.path()).args([
            "reference",
            "--date",
            TODAY,
            "--outdir",
            "out",
            "--details",
        ]);
        run(worker.args(["--base-url", &exchange.base_url()]).args(extra)).expect_code(0);
        Self { exchange, place }
    }

    fn universe(&self) -> Command {
        let mut worker = command("worker");
        worker.env_remove("POLYGON_API_KEY").current_dir(self.place.path());
        worker.args(["universe", "--snapdir", "out/tickers_snapshot", "--out-csv", "u.csv"]);
        worker
    }

    fn csv(&self) -> String {
        fs::read_to_string(self.place.path().join("u.csv")).expect("a list")
    }

    /// Tickers of the exchange that pass a rule of our own, as a CSV.
    fn expected(&self, rule: impl Fn(&Listing, bool) -> bool) -> String {
        let today = TODAY.parse().expect("a day");
        let kept = self.exchange.source().listings().iter().filter(|listing| {
            let trades = listing.trades_on(today);
            (trades || listing.is_gone_on(today)) && rule(listing, trades)
        });
        std::iter::once("ticker\n".to_owned())
            .chain(kept.map(|l| format!("{}\n", l.ticker)))
            .collect()
    }
}

fn is_common(listing: &Listing) -> bool {
    listing.kind == "CS" && ["XNAS", "XNYS"].contains(&listing.mic)
}

fn is_small(listing: &Listing) -> bool {
    listing.shares_outstanding * 9 <= CAP
}

#[test]
fn the_rules_do_what_they_say_and_every_ticker_is_accounted_for() {
    let scene = Scene::new(&["--include-delisted"]);
    let ended = run(&mut scene.universe()).expect_code(0);
    assert_eq!(scene.csv(), scene.expected(|listing, trades| trades && is_common(listing)));
    assert!(
        ended.stderr.starts_with(
            "warning: results from this list have survivorship bias: delisted tickers are left out"
        ),
        "{}",
        ended.stderr
    );

    let cap = CAP.to_string();
    let mut capped = scene.universe();
    capped.args(["--include-delisted", "--details", "out/ticker_details", "--cap-max", &cap]);
    let files = ["--out-parquet", "u.parquet", "--out-weights", "w.csv"];
    let ended = run(capped.args(files)).expect_code(0);
    assert_eq!(ended.stderr, "", "with the dead there is nothing to warn of");
    let expected =
        scene.expected(|listing, trades| is_common(listing) && (!trades || is_small(listing)));
    assert_eq!(scene.csv(), expected);

    // The account adds up: rows in the snapshot, less each rule, are the tickers left.
    let numbers = |prefix: char| -> Vec<usize> {
        let lines = ended.stdout.lines().filter_map(|line| line.trim().strip_prefix(prefix));
        lines.filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
    };
    let first = |words: &str| -> usize {
        let line = ended.stdout.lines().find(|line| line.contains(words)).expect(words);
        line.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    let left = first("tickers are left");
    assert_eq!(left, expected.lines().count() - 1);
    assert_eq!(
        first("rows in the snapshot") - numbers('-').iter().sum::<usize>(),
        left,
        "{}",
        ended.stdout
    );
    says(&ended.stdout, &["trade and have a market cap above --cap-max"]);

    let table = reader::read_table(&scene.place.path().join("u.parquet")).expect("a table");
    let names: Vec<String> =
        table.schema().fields().iter().map(|field| field.name().clone()).collect();
    let columns =
        "ticker name primary_exchange type sector industry cik list_date active market_cap";
    assert_eq!(names.join(" "), columns);
    let column = |name: &str| table.column_by_name(name).expect(name);
    let weights =
        TickerSizes::read(&scene.place.path().join("w.csv")).expect("read").expect("sizes");
    let caps = column("market_cap").as_primitive::<Float64Type>();
    assert_eq!((weights.column, weights.of.len()), ("market_cap", caps.len() - caps.null_count()));
    let tickers: Vec<_> = column("ticker").as_string::<i32>().iter().flatten().collect();
    assert_eq!(tickers, expected.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(column("sector").null_count(), tickers.len(), "the source names none");
    assert_eq!(column("industry").null_count() + column("list_date").null_count(), 0);
    let dead = column("active").as_boolean().iter().filter(|active| *active == Some(false)).count();
    assert!(
        dead > 0
            && ended.stdout.contains(&format!("{left} tickers are left, {dead} of them delisted"))
    );
}

#[test]
fn the_same_snapshot_gives_the_same_bytes_and_the_launcher_takes_the_list() {
    let scene = Scene::new(&["--include-delisted"]);
    let mut bytes: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for _ in 0..2 {
        run(scene.universe().args(["--include-delisted", "--out-parquet", "u.parquet"]))
            .expect_code(0);
        for name in ["u.csv", "u.parquet"] {
            bytes
                .entry(name)
                .or_default()
                .push(fs::read(scene.place.path().join(name)).expect("read"));
        }
    }
    assert!(bytes.values().all(|two| two[0] == two[1]));
    let list = shared::run::ticker_list::TickerList::read(&scene.place.path().join("u.csv"))
        .expect("a list");
    assert_eq!(list.repeated, []);
}

#[test]
fn a_snapshot_without_the_dead_is_warned_of_whatever_the_flags() {
    let scene = Scene::new(&[]);
    let ended = run(scene.universe().arg("--include-delisted")).expect_code(0);
    assert!(
        ended.stderr.starts_with(
            "warning: results from this list have survivorship bias: the snapshot holds no delisted"
        ),
        "{}",
        ended.stderr
    );
    assert_eq!(scene.csv(), scene.expected(|listing, trades| trades && is_common(listing)));
}

#[test]
fn a_choice_that_leaves_nothing_or_makes_no_sense_is_refused_with_its_reason() {
    let scene = Scene::new(&[]);
    let refused = |extra: &[&str]| {
        let ended = run(scene.universe().args(extra)).expect_code(2);
        assert!(!scene.place.path().join("u.csv").exists());
        ended.stderr
    };
    let said = refused(&["--types", "BASKET"]);
    assert!(said.starts_with("error: no ticker is left; nothing was written\n"), "{said}");
    assert!(
        said.contains("are of another type (--types)") && said.ends_with("0 tickers are left\n"),
        "{said}"
    );
    assert!(refused(&["--cap-max", "2e9"]).contains("--details <FILE>"));
    assert!(
        refused(&["--details", "out/ticker_details", "--cap-max", "0"])
            .contains("an amount of dollars")
    );
    let said = refused(&["--details", "nowhere.parquet"]);
    assert!(
        said.starts_with("error: --details: can't open nowhere.parquet: No such file"),
        "{said}"
    );
    let wrong = "out/tickers_snapshot/snapshot_date=2026-10-30/tickers.parquet";
    let said = refused(&["--details", wrong]);
    let words = format!(
        "error: --details: {wrong}: no column is called \"market_cap\" (found: ticker, name, market"
    );
    assert!(said.starts_with(&words), "{said}");
    let mut empty = command("worker");
    empty.current_dir(scene.place.path()).args([
        "universe",
        "--snapdir",
        "out",
        "--out-csv",
        "u.csv",
    ]);
    let said = run(&mut empty).expect_code(2).stderr;
    assert!(
        said.starts_with(
            "error: --snapdir: out: no tickers.parquet in it and none in a snapshot_date="
        ),
        "{said}"
    );
}
