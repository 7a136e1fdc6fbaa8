//! Kinds of damage, each done to one ticker of a [`MarketOnDisk`]: how it is done, and by which rule
//! and in which file it must be found.

mod daily;
mod minute;
mod trades;

use std::fs;
use std::path::{Path, PathBuf};

use shared::dataset::answers::Said;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::market_on_disk::{MarketOnDisk, Proof};
use tests::harness::tables::{BarRow, TradeRow};

pub(crate) use self::daily::daily;
pub(crate) use self::minute::minute;
pub(crate) use self::trades::trade;

/// Damages a ticker, and returns the file or folder that must be named.
pub(crate) type Harm = fn(&MarketOnDisk, &Ticker) -> PathBuf;

/// One kind of damage.
pub(crate) struct Case {
    /// What has happened.
    pub(crate) what: &'static str,
    /// Where.
    pub(crate) kind: Kind,
    /// By which rule it is found.
    pub(crate) rule: &'static str,
    /// What the reason says of it.
    pub(crate) words: &'static str,
    /// How it is done.
    pub(crate) harm: Harm,
}

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

/// The session of which trades are damaged.
fn trade_day() -> Partition {
    Partition::Day(day("2024-12-19"))
}

fn cut(
    market: &MarketOnDisk,
    ticker: &Ticker,
    partition: Partition,
    keep: fn(usize) -> usize,
) -> PathBuf {
    let path = market.file(ticker, partition);
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..keep(bytes.len())]).expect("written");
    path
}

fn bars(
    market: &MarketOnDisk,
    ticker: &Ticker,
    partition: Partition,
    change: impl FnOnce(&mut Vec<BarRow>),
) -> PathBuf {
    market.change_bars(ticker, partition, Proof::Follows, change);
    market.file(ticker, partition)
}

fn trades(
    market: &MarketOnDisk,
    ticker: &Ticker,
    change: impl FnOnce(&mut Vec<TradeRow>),
) -> PathBuf {
    market.change_trades(ticker, trade_day(), Proof::Follows, change);
    market.file(ticker, trade_day())
}

/// The same bar at another time of the same or another day.
fn at(row: &BarRow, date: &str, minute_of_day: i64) -> BarRow {
    let minute = row
        .minute
        .is_some()
        .then(|| format!("{date} {:02}:{:02}", minute_of_day / 60, minute_of_day % 60));
    let t = day(date).start_utc_ms() + minute_of_day * 60_000;
    BarRow { date: date.to_owned(), minute, t, ..row.clone() }
}

fn each<T>(rows: &mut [T], change: impl Fn(&mut T)) {
    for row in rows {
        change(row);
    }
}

fn sort(rows: &mut [BarRow]) {
    rows.sort_by_key(|row| row.t);
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).expect("written");
}

/// The source's word for nothing, in the place of rows.
fn say_empty(market: &MarketOnDisk, ticker: &Ticker, partition: Partition) -> PathBuf {
    let path = market.file(ticker, partition);
    fs::remove_file(&path).expect("removed");
    market.change_line(ticker, partition, |entry| {
        entry.file = None;
        let at: jiff::Timestamp = "2025-02-03T12:00:00Z".parse().expect("an instant");
        entry.answers = Vec::new().into();
        entry.answers.record(partition.span(), Said::Empty { asks: 2 }, at);
    });
    path
}

/// Removes the line of a partition.
fn forget(market: &MarketOnDisk, ticker: &Ticker, partition: Partition) {
    let mut entries = market.ledger(partition.kind(), ticker);
    entries.retain(|entry| entry.partition != partition);
    market.write_ledger(partition.kind(), ticker, &entries);
}

fn case(
    what: &'static str,
    kind: Kind,
    (rule, words): (&'static str, &'static str),
    harm: Harm,
) -> Case {
    Case { what, kind, rule, words, harm }
}
