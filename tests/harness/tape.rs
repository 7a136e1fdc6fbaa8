//! Trades and minutes made up for bars, in trees as `worker` writes them but without a ledger.
//!
//! The tape repeats with its seed and holds what makes bars go wrong: prints that share a stamp,
//! flat prices, jumps, fractional and huge sizes, and rows that carry no information.

use std::collections::BTreeMap;
use std::path::Path;

use shared::dataset::kind::{Columns, Kind};
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::dataset::writer::{TradesFile, publish_bars};
use shared::disk::publish::Draft;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::tree::Print;
use crate::sim::chance::Dice;

/// 09:30 in New York, after midnight.
const OPEN_NS: i64 = (9 * 60 + 30) * 60 * 1_000_000_000;

/// Writes one day's prints as `worker trades` would, and nothing beside them.
pub fn write_trades(root: &Path, ticker: &Ticker, day: TradingDay, prints: &[Print]) {
    let trade = |(at, &(sip_ns, price, size)): (usize, &Print)| Trade {
        sip_ns,
        price,
        size,
        sequence_number: i64::try_from(at).expect("few rows"),
        exchange: 4,
        id: "".into(),
        conditions: None,
        correction: None,
        tape: 1,
        participant_ns: sip_ns,
        trf_ns: None,
    };
    let path = Partition::Day(day).file(root, ticker, Kind::Trades);
    let mut file =
        TradesFile::create(Draft::create(&path).expect("begun"), ticker, day, Columns::Narrow)
            .expect("begun");
    file.append(prints.iter().enumerate().map(trade).collect()).expect("taken");
    file.publish().expect("published");
}

/// Writes minutes, sorted, as `worker minute` would, and nothing beside them.
pub fn write_minutes(root: &Path, ticker: &Ticker, minutes: &[Ohlcv]) {
    let mut months: BTreeMap<Partition, Vec<DatedBar>> = BTreeMap::new();
    for bar in minutes {
        let date = TradingDay::of_utc_ms(bar.t).expect("a day");
        months
            .entry(Partition::of(Kind::Minute, date))
            .or_default()
            .push(DatedBar { date, bar: *bar });
    }
    for (month, rows) in months {
        let path = month.file(root, ticker, Kind::Minute);
        publish_bars(
            Draft::create(&path).expect("begun"),
            Kind::Minute,
            Zone::NewYork,
            ticker,
            &rows,
        )
        .expect("published");
    }
}

/// So many prints on each of `days`, one walk of the price through all of them.
pub fn walk(seed: u64, days: &[TradingDay], prints_a_day: usize) -> Vec<(TradingDay, Vec<Print>)> {
    let mut dice = Dice::new(seed);
    let mut cents = 2_000 + dice.below(3_000);
    let mut day_of = |(number, day): (usize, &TradingDay)| {
        // Calm days and wild ones: the magnitudes and the flow change their regime.
        let is_wild = number % 2 == 1;
        let mut stamp = day.start_utc_ms() * 1_000_000 + OPEN_NS;
        let prints = (0..prints_a_day).map(|_| {
            // A third of the prints share the stamp of the one before.
            stamp +=
                dice.pick(&[0, 1, 1_000_000_000]) * i64::try_from(dice.below(4)).expect("small");
            cents = moved(&mut dice, cents, is_wild);
            print(&mut dice, stamp, cents)
        });
        (*day, prints.collect())
    };
    days.iter().enumerate().map(&mut day_of).collect()
}

/// The next price: half the prints leave it, a few make it jump.
fn moved(dice: &mut Dice, cents: u64, is_wild: bool) -> u64 {
    let step = match dice.below(if is_wild { 60 } else { 1_000 }) {
        0 => cents / 5,
        odd if odd % 2 == 1 => 0,
        _ => 1 + dice.below(3),
    };
    if dice.once_in(2) && cents > step + 100 { cents - step } else { cents + step }
}

fn print(dice: &mut Dice, stamp: i64, cents: u64) -> Print {
    let price = cents as f64 / 100.0;
    let size = match dice.below(200) {
        0 => 20_000.0 + dice.below(50_000) as f64,
        1..80 => 100.0,
        80..130 => dice.below(1_000_000) as f64 / 1_000.0 + 0.001,
        _ => 1.0 + dice.below(600) as f64,
    };
    match dice.below(400) {
        0 => (stamp, price * 7.0, 0.0),
        1 => (stamp, f64::NAN, size),
        2 => (stamp, -price, size),
        3 => (stamp, 0.0, size),
        4 => (stamp, f64::INFINITY, size),
        _ => (stamp, price, size),
    }
}

/// Minutes of `days`: some have no average price, some no volume.
pub fn minutes(seed: u64, days: &[TradingDay]) -> Vec<Ohlcv> {
    let mut dice = Dice::new(seed);
    let mut cents = 5_000;
    let mut minutes = Vec::new();
    for day in days {
        for minute in 570..960 {
            cents = moved(&mut dice, cents, minute > 900);
            if dice.once_in(5) {
                continue;
            }
            let close = cents as f64 / 100.0;
            let volume = if dice.once_in(50) { 0.0 } else { dice.below(5_000_000) as f64 / 100.0 };
            let vwap = (!dice.once_in(6)).then(|| close + dice.below(100) as f64 / 7_000.0);
            minutes.push(Ohlcv {
                t: day.start_utc_ms() + minute * 60_000,
                open: close,
                high: close + 0.02,
                low: close - 0.02,
                close,
                volume,
                trades: Some(3),
                vwap,
            });
        }
    }
    minutes
}
