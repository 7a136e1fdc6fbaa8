//! The synthetic universe: which small caps exist, when they trade, how much, and how they split.
//!
//! Stock number `i` depends on the seed and `i` alone, so a larger universe begins with the smaller
//! one.

use std::collections::HashSet;

use shared::market::session::session;
use shared::market::trading_day::TradingDay;

use crate::sim::chance::{Dice, join};
use crate::sim::record::{Listing, Split};

/// The elephant of every universe: a made-up, always listed symbol with by far the most trades.
pub const ELEPHANT: &str = "MAMTH";

/// Symbols that broke somebody's reader: a missing value, a boolean, a pair that differs only in
/// case, a class.
const AWKWARD: [&str; 5] = ["NA", "TRUE", "TpC", "TPC", "BRX.B"];

/// How much a stock trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liquidity {
    /// 0 to 3 trades a day.
    Illiquid,
    /// 5 to 60 trades a day.
    Thin,
    /// 40 to 160 trades a day.
    Normal,
    /// As many as asked for, since [`first_heavy_day`]; before, like a normal one.
    Elephant,
}

/// One synthetic stock.
#[derive(Debug, Clone)]
pub struct Stock {
    /// What the reference endpoints say.
    pub listing: Listing,
    /// How much it trades.
    pub liquidity: Liquidity,
    /// Oldest first.
    pub splits: Vec<Split>,
    /// Typical price in today's shares, US dollars.
    pub typical_price: f64,
    /// Root of all its chances.
    pub key: u64,
}

/// The day since which the elephant trades its full weight. Two decades of it would make every test
/// of daily bars wait for a hundred million trades.
pub fn first_heavy_day() -> TradingDay {
    TradingDay::from_ymd(2025, 1, 2).expect("a date")
}

/// The first day the vendor has data for.
pub fn first_day() -> TradingDay {
    TradingDay::from_ymd(2003, 9, 10).expect("a date")
}

/// The first `count` stocks of a seed, in order of their number; the first is [`ELEPHANT`].
pub fn stocks(seed: u64, count: usize, last_day: TradingDay) -> Vec<Stock> {
    let mut taken = HashSet::new();
    (0..count)
        .map(|number| {
            let key = join(seed, u64::try_from(number).expect("a count of stocks"));
            stock(key, number, last_day, &mut taken)
        })
        .collect()
}

fn stock(key: u64, number: usize, last_day: TradingDay, taken: &mut HashSet<String>) -> Stock {
    let mut dice = Dice::new(key);
    let (symbol, kind) = symbol(number, &mut dice, taken);
    let is_elephant = number == 0;
    let (listed, delisted) =
        if is_elephant { (first_day(), None) } else { life(&mut dice, last_day) };
    let liquidity = match dice.below(20) {
        _ if is_elephant => Liquidity::Elephant,
        0..=2 => Liquidity::Illiquid,
        3..=9 => Liquidity::Thin,
        _ if kind == "CS" || kind == "ETF" => Liquidity::Normal,
        _ => Liquidity::Thin,
    };
    let ticker = symbol.parse().expect("symbols are made of letters and dots");
    let listing = Listing {
        name: format!(
            "{} {}",
            company(&mut dice),
            if kind == "CS" { "Common Stock" } else { kind }
        ),
        ticker,
        kind,
        mic: dice.pick(&["XNYS", "XNAS", "XASE", "ARCX", "BATS"]),
        listed: Some(listed),
        delisted,
        list_date: Some(listed),
        cik: (!dice.once_in(6)).then(|| format!("{:010}", 100_000 + dice.below(2_000_000))),
        figi: (!dice.once_in(6)).then(|| figi(&mut dice)),
        shares_outstanding: i64::try_from(1_000_000 + dice.below(90_000_000)).expect("below 2^63"),
    };
    let typical_price = dice.pick(&[0.9, 2.1, 3.7, 6.4, 9.8, 14.5, 22.0, 37.0, 61.0]);
    let splits = splits(&listing, &mut dice, last_day);
    Stock { listing, liquidity, splits, typical_price, key }
}

/// A symbol that nobody has yet, and its security type.
fn symbol(number: usize, dice: &mut Dice, taken: &mut HashSet<String>) -> (String, &'static str) {
    if number <= AWKWARD.len() {
        let symbol = if number == 0 { ELEPHANT } else { AWKWARD[number - 1] };
        taken.insert(symbol.to_owned());
        return (symbol.to_owned(), "CS");
    }
    loop {
        let letters = 2 + dice.below(3);
        let mut symbol: String = (0..letters).map(|_| letter(dice)).collect();
        let (suffix, kind) = match dice.below(40) {
            0 | 1 => (".A", "CS"),
            2 | 3 => (".B", "CS"),
            4 => ("pC", "PFD"),
            5 => ("pL", "PFD"),
            6 => (".WS", "WARRANT"),
            7 => (".U", "UNIT"),
            8 => ("r", "RIGHT"),
            9 | 10 => ("", "ETF"),
            11 => ("", "ADRC"),
            _ => ("", "CS"),
        };
        symbol.push_str(suffix);
        if taken.insert(symbol.clone()) {
            return (symbol, kind);
        }
    }
}

fn letter(dice: &mut Dice) -> char {
    char::from(dice.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
}

fn company(dice: &mut Dice) -> String {
    let first = dice
        .pick(&["Aster", "Birch", "Copper", "Delta", "Elm", "Fjord", "Granite", "Harbor", "Iris"]);
    let second = dice.pick(&[
        "Bancorp",
        "Biosciences",
        "Energy",
        "Foods & Co.",
        "Mining",
        "Robotics",
        "\"Q\" Systems",
    ]);
    format!("{first} {second}, Inc.")
}

fn figi(dice: &mut Dice) -> String {
    let tail: String =
        (0..9).map(|_| char::from(dice.pick(b"0123456789BCDFGHJKLMNPQRSTVWXYZ"))).collect();
    format!("BBG{tail}")
}

/// First day of trading, and the first day without, if it is gone.
fn life(dice: &mut Dice, last_day: TradingDay) -> (TradingDay, Option<TradingDay>) {
    let earliest = if dice.below(10) < 6 {
        first_day().plus_days(-roll_days(dice, 9_000))
    } else {
        first_day().plus_days(roll_days(dice, 7_500))
    };
    let listed = next_session(earliest);
    let gone = next_session(listed.max(first_day()).plus_days(365 + roll_days(dice, 7_000)));
    (listed, (dice.below(10) < 3 && gone <= last_day).then_some(gone))
}

fn splits(listing: &Listing, dice: &mut Dice, last_day: TradingDay) -> Vec<Split> {
    const RATIOS: [(i64, i64); 7] = [(1, 2), (1, 3), (2, 3), (1, 4), (10, 1), (20, 1), (4, 1)];
    let first = listing.listed.unwrap_or(first_day()).max(first_day());
    let end = listing.delisted.unwrap_or(last_day);
    let room = first.days_until(end);
    // Preferred shares and warrants do not split here; the elephant always does.
    let count = match listing.kind {
        "CS" if listing.ticker.as_str() == ELEPHANT => 1,
        "CS" | "ADRC" => dice.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]),
        _ => 0,
    };
    let mut days: Vec<TradingDay> = (0..count)
        .filter(|_| room > 60)
        .map(|_| {
            next_session(
                first.plus_days(30 + roll_days(dice, u64::try_from(room - 45).unwrap_or(1))),
            )
        })
        .collect();
    days.sort_unstable();
    days.dedup();
    let split = |execution| {
        let (from, to) = dice.pick(&RATIOS);
        Split { ticker: listing.ticker.clone(), execution, from, to }
    };
    days.into_iter().map(split).collect()
}

fn roll_days(dice: &mut Dice, below: u64) -> i32 {
    i32::try_from(dice.below(below)).expect("a few thousand days")
}

fn next_session(mut day: TradingDay) -> TradingDay {
    while session(day).is_none() {
        day = day.next();
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_day() -> TradingDay {
        TradingDay::from_ymd(2026, 10, 30).expect("a date")
    }

    #[test]
    fn a_larger_universe_begins_with_the_smaller_one() {
        let (small, large) = (stocks(7, 40, last_day()), stocks(7, 300, last_day()));
        let names = |stocks: &[Stock]| stocks.iter().map(|s| s.listing.clone()).collect::<Vec<_>>();
        assert_eq!(names(&small), names(&large)[..40]);
        let unique: HashSet<_> = large.iter().map(|s| s.listing.ticker.clone()).collect();
        assert_eq!(unique.len(), 300);
    }

    #[test]
    fn every_kind_of_trouble_is_in_a_universe_of_three_hundred() {
        let stocks = stocks(7, 300, last_day());
        let count =
            |test: &dyn Fn(&Stock) -> bool| stocks.iter().filter(|stock| test(stock)).count();
        assert!(count(&|s| s.listing.delisted.is_some()) > 30);
        assert!(count(&|s| s.listing.listed > Some(first_day())) > 60);
        assert!(count(&|s| !s.splits.is_empty()) > 60);
        assert!(count(&|s| s.splits.iter().any(|split| split.from > split.to)) > 20);
        assert!(count(&|s| s.liquidity == Liquidity::Illiquid) > 20);
        assert_eq!(count(&|s| s.liquidity == Liquidity::Elephant), 1);
        assert!(count(&|s| s.listing.ticker.as_str().contains('.')) > 10);
        for stock in &stocks {
            let (listed, gone) = (stock.listing.listed.expect("known"), stock.listing.delisted);
            assert!(gone.is_none_or(|gone| gone > listed), "{:?}", stock.listing);
            assert!(
                stock
                    .splits
                    .iter()
                    .all(|s| s.execution > listed && gone.is_none_or(|gone| s.execution < gone))
            );
        }
    }
}
