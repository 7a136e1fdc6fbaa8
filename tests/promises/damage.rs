//! Promise: whatever is wrong with a tree is found and named, by its rule, with its file and a
//! reason; and what is right is not suspected, however odd it looks.
//!
//! A market of 200 synthetic tickers (100 with usual effort) over three years, with halts,
//! delistings, splits, days without trades and half days, is verified as it is, and again with one
//! kind of damage done to each of many tickers.

mod cases;
mod mended;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::effort;
use tests::harness::market_on_disk::{Asked, MarketOnDisk};
use tests::harness::place::beside_the_project;
use tests::harness::program::{Running, command};
use tests::sim::replay::Replay;
use tests::sim::synthetic::universe::Liquidity;

use self::cases::Case;

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
}

/// A finding of a report.
#[derive(Debug)]
struct Found {
    tree: String,
    ticker: String,
    state: String,
    rule: String,
    file: Option<PathBuf>,
    reason: String,
}

/// Verifies the trees of `kinds` to the bottom.
fn verify(market: &MarketOnDisk, kinds: &[Kind], days: DateRange) -> (i32, Vec<Found>) {
    let mut verify = command("launcher");
    verify.arg("verify").arg("--deep").arg("--json");
    for kind in kinds {
        verify.arg(format!("--{kind}")).arg(market.tree(*kind));
    }
    if !market.stocks.is_empty() {
        verify.arg("--reference").arg(market.reference());
        verify.arg("--tickers-csv").arg(market.tickers_csv());
    }
    verify.args(["--from", &days.from().to_string(), "--to", &days.to().to_string()]);
    let ended = Running::start(&mut verify).wait();
    let report: serde_json::Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let text = |finding: &serde_json::Value, key: &str| {
        finding.get(key).and_then(|value| value.as_str()).map(str::to_owned)
    };
    let findings = report["findings"].as_array().expect("findings");
    let found = findings.iter().map(|finding| Found {
        tree: text(finding, "tree").expect("a tree"),
        ticker: text(finding, "ticker").unwrap_or_default(),
        state: text(finding, "state").expect("a state"),
        rule: text(finding, "rule").expect("a rule"),
        file: text(finding, "file").map(PathBuf::from),
        reason: text(finding, "reason").expect("a reason"),
    });
    (ended.code().expect("it ended by itself"), found.collect())
}

impl Found {
    /// Does it say that something is wrong, or may be?
    fn is_alarm(&self) -> bool {
        ["suspect", "missing", "damaged"].contains(&self.state.as_str())
    }
}

/// Tickers that trade on every day that the cases damage.
fn victims(market: &MarketOnDisk) -> Vec<Ticker> {
    let trades_all_along = |ticker: &Ticker| {
        let months = [5, 6, 7].map(|month| Partition::Month(2023, month));
        let days = ["2024-12-19", "2024-12-20"].map(|day| Partition::Day(day.parse().expect(day)));
        let rows = |partition: &Partition| {
            let entries = market.ledger(partition.kind(), ticker);
            let entry = entries.into_iter().find(|entry| entry.partition == *partition);
            entry.and_then(|entry| entry.file).map_or(0, |file| file.rows)
        };
        let years = (2022..=2024).map(Partition::Year);
        years.into_iter().all(|year| rows(&year) > 200)
            && months.iter().all(|month| rows(month) > 60)
            && days.iter().all(|day| rows(day) > 2)
    };
    let thin = market.stocks.iter().skip(1).filter(|stock| stock.liquidity == Liquidity::Thin);
    thin.map(|stock| stock.listing.ticker.clone()).filter(trades_all_along).collect()
}

struct Planted {
    case: Case,
    ticker: Ticker,
    file: PathBuf,
}

/// Does each kind of damage to a ticker of its own; cases of several trees may share one.
fn plant(market: &MarketOnDisk, victims: &[Ticker], cases: Vec<Case>) -> Vec<Planted> {
    assert!(victims.len() >= cases.len(), "{} victims for {} cases", victims.len(), cases.len());
    let planted = cases.into_iter().zip(victims).map(|(case, ticker)| {
        let file = (case.harm)(market, ticker);
        Planted { case, ticker: ticker.clone(), file }
    });
    planted.collect()
}

/// What was planted and not found, and alarms about tickers in which nothing was.
fn complaints_about(planted: &[Planted], found: &[Found]) -> Vec<String> {
    let missed = planted.iter().filter_map(|Planted { case, ticker, file }| {
        // Of rows that nobody has there is no file.
        let is_there = file.symlink_metadata().is_ok() || case.rule == "file-gone";
        let is_it = |found: &&Found| {
            found.ticker == ticker.as_str()
                && found.tree == case.kind.name()
                && found.rule == case.rule
                && (found.file.as_deref() == Some(Path::new(file)) || !is_there)
                && found.reason.contains(case.words)
        };
        let of_ticker: Vec<&Found> =
            found.iter().filter(|found| found.ticker == ticker.as_str()).collect();
        (!found.iter().any(|found| is_it(&found))).then(|| {
            format!("{} {ticker}, {} ({}): {of_ticker:#?}", case.kind, case.what, case.rule)
        })
    });
    let harmed: BTreeSet<&str> = planted.iter().map(|planted| planted.ticker.as_str()).collect();
    let false_alarms = found
        .iter()
        .filter(|found| found.is_alarm() && !harmed.contains(found.ticker.as_str()))
        .map(|found| format!("{found:?}"));
    missed.chain(false_alarms).collect()
}

#[test]
fn forty_kinds_of_damage_are_found_and_named_and_clean_tickers_are_not_suspected() {
    let folder = tempfile::tempdir().expect("a folder");
    let days = range("2022-01-03", "2024-12-31");
    let trade_days = range("2024-12-17", "2024-12-31");
    let asked = Asked { daily: days, minute: days, trades: trade_days };
    let market = MarketOnDisk::write(folder.path(), effort::choose(100, 200), asked);
    let runs =
        [(&[Kind::Daily, Kind::Minute][..], days), (&[Kind::Daily, Kind::Trades], trade_days)];
    let mut complaints = Vec::new();
    for (kinds, days) in runs {
        let (code, found) = verify(&market, kinds, days);
        complaints.extend(
            found.iter().filter(|found| found.is_alarm()).map(|alarm| format!("clean: {alarm:?}")),
        );
        assert!(!complaints.is_empty() || [0, 3].contains(&code), "{code}");
    }

    let victims = victims(&market);
    let daily = plant(&market, &victims, cases::daily());
    let minute = plant(&market, &victims, cases::minute());
    let trades = plant(&market, &victims[daily.len()..], cases::trade());
    assert!(daily.len() + minute.len() + trades.len() >= 40);
    let planted: Vec<Planted> = daily.into_iter().chain(minute).collect();
    let (code, found) = verify(&market, runs[0].0, days);
    complaints.extend(complaints_about(&planted, &found));
    assert_eq!(code, 5);
    let (code, found) = verify(&market, runs[1].0, trade_days);
    let found: Vec<Found> = found.into_iter().filter(|found| found.tree == "trades").collect();
    complaints.extend(complaints_about(&trades, &found));
    assert_eq!(code, 5);
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Trades at a cent that the exchange cancelled that evening: the bar's low is wrong indeed.
fn is_true(found: &Found) -> bool {
    (found.ticker.as_str(), found.rule.as_str()) == ("GOOG", "price-spike")
        && found.reason.starts_with("on 2008-09-30 one row has the price 0.01")
}

#[test]
fn the_real_data_are_not_suspected_but_for_the_one_price_that_is_wrong() {
    let Some(folder) = beside_the_project("market") else { return };
    let replay = Replay::open(&folder).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let asked = Asked {
        daily: range("1998-01-02", "2021-03-31"),
        minute: range("2013-10-04", "2013-10-11"),
        trades: range("2013-10-07", "2013-10-11"),
    };
    let market = MarketOnDisk::replayed(folder.path(), &replay, asked);
    for (kind, days) in
        [(Kind::Daily, asked.daily), (Kind::Minute, asked.minute), (Kind::Trades, asked.trades)]
    {
        let (_, found) = verify(&market, &[kind], days);
        let alarms: Vec<&Found> =
            found.iter().filter(|found| found.is_alarm()).filter(|it| !is_true(it)).collect();
        assert!(alarms.is_empty(), "{kind}: {alarms:#?}");
    }
    let all = [Kind::Daily, Kind::Trades];
    let (_, found) = verify(&market, &all, asked.trades);
    let alarms: Vec<&Found> = found.iter().filter(|found| found.is_alarm()).collect();
    assert!(alarms.iter().all(|found| found.rule == "volume-without-trades"), "{alarms:#?}");
}
