//! Promise: what was damaged in any of these ways becomes, by a repair, what a clean download is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::market_on_disk::MarketOnDisk;
use tests::harness::place::Place;
use tests::harness::program::{command, run};
use tests::harness::tree;
use tests::harness::truth;
use tests::sim::config::Config;
use tests::sim::server::Exchange;
use tests::sim::synthetic::universe;

use super::cases::{self, Case};
use super::range;

/// The days of a tree; the cases damage some of them.
fn days(kind: Kind) -> DateRange {
    match kind {
        Kind::Daily => range("2022-01-03", "2024-12-31"),
        Kind::Minute => range("2023-04-03", "2023-08-31"),
        Kind::Trades => range("2024-12-17", "2024-12-31"),
    }
}

/// Tickers that trade on every day that the cases damage, and not too much.
fn victims(exchange: &Exchange, count: usize) -> Vec<Ticker> {
    let trades_all_along = |ticker: &Ticker| {
        let years = ["2022", "2023", "2024"]
            .map(|year| range(&format!("{year}-01-01"), &format!("{year}-12-31")));
        let weeks = [range("2023-05-01", "2023-05-05"), range("2023-07-24", "2023-07-28")];
        let sessions = ["2024-12-19", "2024-12-20"].map(|day| range(day, day));
        years.iter().all(|year| truth::daily_bars(exchange, ticker, *year).len() > 230)
            && weeks.iter().all(|week| {
                (30..1_500).contains(&truth::minute_bars(exchange, ticker, *week).len())
            })
            && sessions
                .iter()
                .all(|day| (5..3_000).contains(&truth::trades(exchange, ticker, *day).len()))
    };
    let all = truth::universe(exchange, 200);
    let found: Vec<Ticker> = all.into_iter().filter(trades_all_along).take(count).collect();
    assert_eq!(found.len(), count, "as many that trade all along");
    found
}

/// A download of one kind below `root`.
fn download(exchange: &Exchange, root: &Path, kind: Kind, csv: &Path) {
    let asked = days(kind);
    let mut worker = command("worker");
    worker.arg(kind.name()).arg("--tickers-csv").arg(csv);
    worker.arg("--outdir").arg(root.join(kind.name())).arg("--resume");
    worker.args(["--from", &asked.from().to_string(), "--to", &asked.to().to_string()]);
    run(worker.args(["--base-url", &exchange.base_url()])).expect_code(0);
}

/// Verifies and repairs the tree of `kind`, what is suspect too.
fn repair(exchange: &Exchange, place: &Place, kind: Kind) -> String {
    let asked = days(kind);
    let mut verify = command("launcher");
    verify.arg("verify").arg("--outdir").arg(place.path().join(kind.name()));
    verify.arg("--tickers-csv").arg(place.tickers_csv()).args(["--deep", "--repair=suspect"]);
    verify.args(["--from", &asked.from().to_string(), "--to", &asked.to().to_string()]);
    verify.arg("--workdir").arg(place.path().join(format!("repair-{kind}")));
    run(verify.args(["--base-url", &exchange.base_url()])).stdout
}

/// Every file of each ticker that a reader of the tree reads.
fn files(root: &Path, kind: Kind, ticker: &Ticker) -> BTreeMap<PathBuf, Vec<u8>> {
    tree::parquet_bytes(&root.join(kind.name()).join(ticker.as_str()))
}

/// What no download of this tree alone mends: folders that belong to nothing are a person's, and
/// that the source's word for nothing was wrong is known by another tree only.
const LEFT: [&str; 3] = [
    "daily: a folder is renamed",
    "minute: the source said empty, and it was not",
    "trades: a day with volume and no trades",
];

#[test]
fn forty_kinds_of_damage_are_mended_and_what_was_whole_is_not_asked_for() {
    let exchange = Exchange::start(Config::synthetic(5).with_tickers(200)).expect("started");
    let (daily, minute, trades) = (cases::daily(), cases::minute(), cases::trade());
    let count = daily.len().max(minute.len()).max(trades.len());
    assert!(daily.len() + minute.len() + trades.len() >= 40);
    // One more than there are cases: in it nothing is planted.
    let victims = victims(&exchange, count + 1);
    let [clean, place] = [(); 2].map(|()| Place::with_tickers(victims.iter().map(Ticker::as_str)));
    for (place, kind) in [&clean, &place].into_iter().flat_map(|it| Kind::ALL.map(|k| (it, k))) {
        download(&exchange, place.path(), kind, &place.tickers_csv());
    }
    let whole = victims.last().expect("one more");
    let last_day = exchange.source().days().1;
    let mut stocks = universe::stocks(5, 200, last_day);
    stocks.retain(|stock| stock.listing.ticker == *whole);
    let market = MarketOnDisk::downloaded(place.path(), stocks);
    let mut planted: Vec<(Case, &Ticker)> = Vec::new();
    for cases in [daily, minute, trades] {
        for (case, ticker) in cases.into_iter().zip(&victims) {
            (case.harm)(&market, ticker);
            planted.push((case, ticker));
        }
    }
    let asked_of_whole = exchange.stats().requests_by_ticker[whole.as_str()];
    let said: Vec<String> =
        Kind::ALL.into_iter().map(|kind| repair(&exchange, &place, kind)).collect();
    let is_left = |(case, ticker): &&(Case, &Ticker)| {
        files(place.path(), case.kind, ticker) != files(clean.path(), case.kind, ticker)
    };
    let left: BTreeSet<String> = planted
        .iter()
        .filter(is_left)
        .map(|(case, _)| format!("{}: {}", case.kind, case.what))
        .collect();
    let expected: BTreeSet<String> = LEFT.into_iter().map(str::to_owned).collect();
    assert_eq!(left, expected, "{}", said.concat());
    assert_eq!(exchange.stats().requests_by_ticker[whole.as_str()], asked_of_whole);
    assert!(fs::read_dir(place.path().join("minute/_set_aside")).is_ok(), "nothing is deleted");
}
