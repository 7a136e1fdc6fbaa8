//! Securities that changed their symbol, and symbols that were used again: the made-up twins of what
//! happened to FB, META and others. The source keeps their data under the symbol of the time.

use shared::market::trading_day::TradingDay;

use super::universe::{Liquidity, Stock};
use crate::sim::chance::{join, of_text};
use crate::sim::record::Listing;

/// Whether a synthetic market has these securities, and under which symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Symbols {
    /// It has none of them.
    #[default]
    Kept,
    /// It has them, and their symbols change.
    Changed,
    /// It has them, each under its last symbol all its life, as if nobody had ever changed one.
    LastOnly,
}

/// One security: what its rows share, and its symbols, each with its first day; the last may end.
struct Life {
    name: &'static str,
    kind: &'static str,
    mic: &'static str,
    figi: Option<&'static str>,
    /// What its details say, right or wrong.
    list_date: &'static str,
    symbols: &'static [(&'static str, &'static str)],
    delisted: Option<&'static str>,
}

const LIVES: [Life; 5] = [
    // FB, which is META since.
    Life {
        name: "Friendbook Inc. Common Stock",
        kind: "CS",
        mic: "XNAS",
        figi: Some("BBG00FRNDB00"),
        list_date: "2012-05-18",
        symbols: &[("FRND", "2012-05-18"), ("METR", "2022-06-09")],
        delisted: None,
    },
    // The fund that had META before, and is METV since.
    Life {
        name: "Round Ball Metric Fund",
        kind: "ETF",
        mic: "ARCX",
        figi: Some("BBG00RBALL00"),
        list_date: "2021-06-30",
        symbols: &[("METR", "2021-06-30"), ("METW", "2022-01-31")],
        delisted: None,
    },
    // The fund that has FB now.
    Life {
        name: "Friendly Buffer Fund",
        kind: "ETF",
        mic: "BATS",
        figi: Some("BBG00FBUFF00"),
        list_date: "2025-06-26",
        symbols: &[("FRND", "2025-06-26")],
        delisted: None,
    },
    // A company without a FIGI, whose symbol a fund took over, and with it its listing date.
    Life {
        name: "Ultra Shipping Ltd",
        kind: "CS",
        mic: "XNAS",
        figi: None,
        list_date: "2006-10-13",
        symbols: &[("ULTX", "2006-10-13")],
        delisted: Some("2017-05-01"),
    },
    Life {
        name: "Ultra Short Fund",
        kind: "ETF",
        mic: "ARCX",
        figi: Some("BBG00USHRT00"),
        list_date: "2006-10-13",
        symbols: &[("ULTX", "2019-07-31")],
        delisted: None,
    },
];

/// The stocks of these securities, one a symbol of its time; all those of a security have one tape.
pub fn stocks(seed: u64, symbols: Symbols) -> Vec<Stock> {
    let days = |life: &Life| match symbols {
        Symbols::Kept => Vec::new(),
        Symbols::Changed => life.symbols.to_vec(),
        Symbols::LastOnly => {
            let first = life.symbols.first().map(|(_, since)| *since);
            let last = life.symbols.last().map(|(symbol, _)| *symbol);
            last.zip(first).into_iter().collect()
        }
    };
    LIVES.iter().flat_map(|life| stocks_of(seed, life, &days(life))).collect()
}

fn stocks_of(seed: u64, life: &Life, symbols: &[(&str, &str)]) -> Vec<Stock> {
    let ends = symbols.iter().skip(1).map(|(_, since)| Some(*since)).chain([life.delisted]);
    let stock = |((symbol, since), end): (&(&str, &str), Option<&str>)| Stock {
        listing: Listing {
            ticker: symbol.parse().expect("a ticker"),
            name: life.name.to_owned(),
            kind: life.kind,
            mic: life.mic,
            listed: Some(day(since)),
            delisted: end.map(day),
            list_date: Some(day(life.list_date)),
            cik: None,
            figi: life.figi.map(str::to_owned),
            shares_outstanding: 30_000_000,
        },
        liquidity: Liquidity::Normal,
        splits: Vec::new(),
        typical_price: 22.0,
        key: join(seed, of_text(life.name)),
    };
    symbols.iter().zip(ends).map(stock).collect()
}

fn day(text: &str) -> TradingDay {
    text.parse().expect("a day")
}
