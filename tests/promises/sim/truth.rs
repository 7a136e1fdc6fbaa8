//! What is served is what tests compare with, and bars are aggregates of the trades served.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::market::ohlcv::Ohlcv;
use shared::market::session::session;
use shared::market::trading_day::TradingDay;
use tests::sim::config::Config;
use tests::sim::record::{Adjustment, Span};
use tests::sim::server::Exchange;
use tests::sim::source::true_bars;

use super::{Client, rows, rows_of, shared_folder, small, started};

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

fn read_bar(row: &Value) -> Ohlcv {
    let number = |key: &str| row[key].as_f64().expect(key);
    Ohlcv {
        t: row["t"].as_i64().expect("a stamp"),
        open: number("o"),
        high: number("h"),
        low: number("l"),
        close: number("c"),
        volume: number("v"),
        trades: row["n"].as_i64(),
        vwap: row["vw"].as_f64(),
    }
}

/// Bars by the rules of the protocol sheet, from the trades as a client reads them.
#[derive(Default)]
struct Aggregate {
    prices: Vec<f64>,
    micro_shares: i64,
    trades: i64,
}

impl Aggregate {
    fn add(&mut self, trade: &Value, is_day: bool) {
        let conditions: Vec<i64> = trade["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect();
        let is_extended = conditions.contains(&12);
        if trade["correction"] == 8 || (is_day && is_extended) {
            return;
        }
        let size = trade["decimal_size"].as_str().expect("text").split_once('.').expect("a point");
        let micro = format!("{:0<6}", size.1);
        self.micro_shares += size.0.parse::<i64>().expect("digits") * 1_000_000
            + micro.parse::<i64>().expect("digits");
        self.trades += 1;
        if !conditions.contains(&37) && !conditions.contains(&2) {
            self.prices.push(trade["price"].as_f64().expect("a price"));
        }
    }

    fn agrees_with(&self, bar: Option<&Value>) {
        let Some(bar) = bar else {
            assert!(self.prices.is_empty(), "prices without a bar");
            return;
        };
        let bar = read_bar(bar);
        let (low, high) =
            self.prices.iter().fold((f64::MAX, f64::MIN), |(l, h), &p| (l.min(p), h.max(p)));
        assert_eq!((Some(&bar.open), Some(&bar.close)), (self.prices.first(), self.prices.last()));
        assert_eq!((bar.low, bar.high), (low, high));
        assert_eq!((bar.volume, bar.trades), (self.micro_shares as f64 / 1e6, Some(self.trades)));
        let vwap = bar.vwap.expect("all rows have it since 2005");
        assert!((0.5 * low..=2.0 * high).contains(&vwap));
    }
}

#[test]
fn bars_are_aggregates_of_the_trades_served() {
    let exchange = started(small());
    let client = Client::of(&exchange);
    // A half day, days before and after fractional sizes, and the change to summer time between
    // them.
    for (ticker, date) in [
        ("MAMTH", "2025-11-28"),
        ("MAMTH", "2026-03-06"),
        ("MAMTH", "2026-03-09"),
        ("NA", "2022-12-05"),
        ("TPC", "2022-12-05"),
        ("TRUE", "2021-06-18"),
    ] {
        let pages =
            client.chain(&format!("/v3/trades/{ticker}?timestamp={date}&order=asc&limit=700"), 9);
        let trades = rows_of(&pages);
        let bars = |span: &str| {
            let path = format!(
                "/v2/aggs/ticker/{ticker}/range/1/{span}/{date}/{date}?adjusted=false&limit=5000"
            );
            rows(&client.json(&path))
        };
        let mut of_day = Aggregate::default();
        let mut of_minutes: BTreeMap<i64, Aggregate> = BTreeMap::new();
        for trade in &trades {
            of_day.add(trade, true);
            let minute =
                trade["sip_timestamp"].as_i64().expect("a stamp") / 60_000_000_000 * 60_000;
            of_minutes.entry(minute).or_default().add(trade, false);
        }
        of_day.agrees_with(bars("day").first());
        let minutes = bars("minute");
        for (minute, aggregate) in &of_minutes {
            aggregate.agrees_with(minutes.iter().find(|bar| bar["t"].as_i64() == Some(*minute)));
        }
        assert!(
            minutes.iter().all(|bar| of_minutes.contains_key(&bar["t"].as_i64().expect("a stamp")))
        );
        if ticker == "MAMTH" {
            let close =
                session(day(date)).expect("a session").regular_close(day(date)).as_millisecond();
            let auction = minutes
                .iter()
                .find(|bar| bar["t"].as_i64() == Some(close))
                .expect("the auction's minute");
            assert_eq!(auction["o"], bars("day")[0]["c"], "the auction makes the close");
        }
    }
}

fn asked(
    exchange: &Exchange,
    ticker: &str,
    span: &str,
    (from, to): (TradingDay, TradingDay),
) -> Vec<Ohlcv> {
    let path =
        format!("/v2/aggs/ticker/{ticker}/range/1/{span}/{from}/{to}?adjusted=false&limit=50000");
    rows_of(&Client::of(exchange).chain(&path, 9)).iter().map(read_bar).collect()
}

#[test]
fn the_truth_is_what_is_served_whatever_was_asked_before() {
    let (fresh, used) = (started(small()), started(small()));
    let names: Vec<String> =
        fresh.source().listings().iter().map(|l| l.ticker.to_string()).collect();
    let span = (day("2020-11-02"), day("2021-02-26"));
    for name in names.iter().rev() {
        asked(&used, name, "minute", (day("2021-01-04"), day("2021-01-04")));
    }
    for name in &names {
        let truth = true_bars(fresh.source(), name, Span::Day, span, Adjustment::Unadjusted)
            .expect("synthetic");
        assert_eq!(asked(&used, name, "day", span), truth, "{name}");
    }
    let minutes = (day("2021-01-04"), day("2021-01-08"));
    let truth = true_bars(fresh.source(), "MAMTH", Span::Minute, minutes, Adjustment::Unadjusted)
        .expect("synthetic");
    assert_eq!(asked(&used, "MAMTH", "minute", minutes), truth);
    assert!(truth.len() > 100);
}

#[test]
fn a_replay_serves_its_files_row_for_row() {
    let Some(folder) = shared_folder("market") else { return };
    let exchange = started(Config::replay(&folder));
    let client = Client::of(&exchange);
    let mut total = 0;
    for listing in exchange.source().listings() {
        let ticker = listing.ticker.as_str();
        let page = client.get(&format!(
            "/v2/aggs/ticker/{ticker}/range/1/day/1998-01-01/2021-12-31?limit=50000"
        ));
        let file = std::fs::File::open(folder.join(format!("daily/{ticker}.csv.gz")))
            .expect("a file of the folder");
        let lines =
            std::io::read_to_string(flate2::read::GzDecoder::new(file)).expect("packed text");
        let mut served = page.text();
        for line in lines.lines().skip(1) {
            let [date, open, high, low, close, volume] = line.split(',').collect::<Vec<_>>()[..]
            else {
                panic!("not a row of six: {line}")
            };
            let t = day(date).start_utc_ms();
            // The spelling of every number is the file's.
            let row = format!(
                "{{\"v\":{volume},\"o\":{open},\"c\":{close},\"h\":{high},\"l\":{low},\"t\":{t}}}"
            );
            let at = served
                .find(&row)
                .unwrap_or_else(|| panic!("{ticker}: no {row} after the row before"));
            served = &served[at + row.len()..];
            total += 1;
        }
        assert!(!served.contains("\"t\":"), "{ticker}: more rows than the file");
    }
    assert_eq!(total, 41_582);
    let minutes = client.json("/v2/aggs/ticker/AIG/range/1/minute/2013-10-04/2013-10-04");
    assert_eq!(rows(&minutes)[0]["t"].as_i64(), Some(1_380_884_340_000), "06:59 New York");
    let pages = client.chain("/v3/trades/AIG?timestamp.gte=2013-10-01&order=asc&limit=50000", 9);
    assert_eq!(rows_of(&pages).len(), 206_337);
}
