//! The days of one security, symbol by symbol: what is read to have its data and nobody else's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::listed_periods::Securities;
use super::security::{End, Figi, ListedPeriod, Security, Standing};
use super::ticker::Ticker;
use super::trading_day::TradingDay;

/// Days in which a security had a symbol, both ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolDays {
    /// The symbol.
    pub ticker: Ticker,
    /// The first day; `None`: not known, and nobody had the symbol before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TradingDay>,
    /// The last day; `None`: it had not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TradingDay>,
}

impl SymbolDays {
    /// First and last day, inclusive; what is not known is the edge of time.
    pub fn ends(&self) -> (TradingDay, TradingDay) {
        (self.from.unwrap_or(TradingDay::MIN), self.to.unwrap_or(TradingDay::MAX))
    }
}

/// The days of one security: its symbols in time order, which share no day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityDays {
    /// Its name: a FIGI, or symbol and listing date.
    pub security: String,
    /// At least one.
    pub symbols: Vec<SymbolDays>,
}

impl fmt::Display for SecurityDays {
    /// `BBG001SQCQC5 (FB 2012-05-18..2022-06-08, META 2022-06-09..)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.security)?;
        for (number, SymbolDays { ticker, from, to }) in self.symbols.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let text =
                |day: &Option<TradingDay>| day.map_or_else(String::new, |day| day.to_string());
            write!(f, "{comma}{ticker} {}..{}", text(from), text(to))?;
        }
        f.write_str(")")
    }
}

/// Which security is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichSecurity {
    /// The one with this FIGI, of a share class or of a composite.
    Figi(Figi),
    /// The one that the ticker names on this day.
    AsOf(TradingDay),
}

/// Why the days of a security can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSecurityDays {
    /// The FIGI is not there.
    #[error("no security with FIGI {0} is in the reference data")]
    NoFigi(Figi),
    /// The ticker is not there.
    #[error(
        "{0} is not in the reference data; is it spelled right, and were delisted tickers asked for (worker reference --include-delisted)?"
    )]
    NoTicker(Ticker),
    /// The ticker names nobody on that day.
    #[error("{ticker} named no security on {day}; {known}")]
    Unlisted {
        /// The ticker.
        ticker: Ticker,
        /// The day.
        day: TradingDay,
        /// What it names when.
        known: String,
    },
    /// Another security's symbol.
    #[error("{ticker} was never a symbol of {security}; its symbols were {symbols}")]
    OtherSymbol {
        /// The ticker.
        ticker: Ticker,
        /// The security.
        security: String,
        /// Its symbols.
        symbols: String,
    },
    /// The day of a change is not known.
    #[error(
        "when {security} became {ticker} is not known; `worker reference --ticker-events` asks for it"
    )]
    NoDate {
        /// The security.
        security: String,
        /// Its later symbol.
        ticker: Ticker,
    },
    /// Two symbols on one day.
    #[error("by the reference data {security} has two symbols on one day: {one}, and {other}")]
    TwoSymbols {
        /// The security.
        security: String,
        /// A period.
        one: String,
        /// One that shares days with it.
        other: String,
    },
}

/// The days of the security that is meant by `which`; `ticker` is one of its symbols.
pub fn of(
    securities: &Securities,
    ticker: &Ticker,
    which: &WhichSecurity,
) -> Result<SecurityDays, NoSecurityDays> {
    let security = match which {
        WhichSecurity::Figi(figi) => {
            securities.by_figi(figi).ok_or_else(|| NoSecurityDays::NoFigi(figi.clone()))?
        }
        WhichSecurity::AsOf(day) => holder(securities, ticker, *day)?,
    };
    let days = of_security(securities, &security)?;
    if days.symbols.iter().any(|symbol| symbol.ticker == *ticker) {
        return Ok(days);
    }
    let symbols: Vec<&str> = days.symbols.iter().map(|symbol| symbol.ticker.as_str()).collect();
    Err(NoSecurityDays::OtherSymbol {
        ticker: ticker.clone(),
        security: days.security.clone(),
        symbols: symbols.join(", "),
    })
}

fn holder(
    securities: &Securities,
    ticker: &Ticker,
    day: TradingDay,
) -> Result<Security, NoSecurityDays> {
    let periods =
        securities.ticker(ticker).ok_or_else(|| NoSecurityDays::NoTicker(ticker.clone()))?;
    match periods.on(day) {
        Standing::Listed(period) | Standing::Perhaps(period) => Ok(period.security.clone()),
        Standing::Unlisted => {
            let known: Vec<String> = periods.periods().iter().map(ToString::to_string).collect();
            let known = known.join("; ");
            Err(NoSecurityDays::Unlisted { ticker: ticker.clone(), day, known })
        }
    }
}

/// The days of `security`. Every change of its symbol must be dated: a day too few or too many would
/// be somebody else's, or lost.
pub fn of_security(
    securities: &Securities,
    security: &Security,
) -> Result<SecurityDays, NoSecurityDays> {
    let periods = securities.of_security(security);
    let name = security.to_string();
    for pair in periods.windows(2) {
        let [before, after] = [pair[0], pair[1]];
        let Some(from) = after.from else {
            let ticker = after.ticker.clone();
            return Err(NoSecurityDays::NoDate { security: name, ticker });
        };
        if from <= before.to.last() {
            let (one, other) = (before.to_string(), after.to_string());
            return Err(NoSecurityDays::TwoSymbols { security: name, one, other });
        }
    }
    let symbols = periods.iter().map(|period| symbol_days(securities, period)).collect();
    Ok(SecurityDays { security: name, symbols })
}

fn symbol_days(securities: &Securities, period: &ListedPeriod) -> SymbolDays {
    let before = securities.ticker(&period.ticker).and_then(|all| {
        let earlier = all.periods().iter().filter(|other| other.to.last() < period.to.last());
        earlier.map(|other| other.to.last().next()).max()
    });
    SymbolDays {
        ticker: period.ticker.clone(),
        from: period.from.or(before),
        to: match period.to {
            End::On(day) | End::By(day) => Some(day),
            End::Open | End::Unknown => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::listed_periods::{AskedOf, ListedRow, TickerEvents};

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn ticker(text: &str) -> Ticker {
        text.parse().expect(text)
    }

    const COMPANY: &str = "BBG000MM2P62";
    const FUND: &str = "BBG011BALL00";

    fn securities(events: &[TickerEvents]) -> Securities {
        let row = |symbol: &str, gone: &str, figi: &str| ListedRow {
            ticker: ticker(symbol),
            active: gone.is_empty(),
            delisted: (!gone.is_empty()).then(|| day(gone)),
            composite: Some(figi.parse().expect("a FIGI")),
            share_class: None,
            place: 0,
            cik: None,
            name: String::new(),
            list_date: None,
        };
        let rows = [
            row("FB", "2022-06-09", COMPANY),
            row("META", "", COMPANY),
            row("META", "2022-01-31", FUND),
            row("METV", "", FUND),
        ];
        Securities::of(&rows, events)
    }

    fn events(figi: &str, changes: [(&str, &str); 2]) -> TickerEvents {
        let changes = changes.map(|(since, symbol)| (day(since), ticker(symbol))).to_vec();
        TickerEvents {
            asked: AskedOf::Composite(figi.parse().expect("a FIGI")),
            composite: None,
            changes,
        }
    }

    fn dated() -> Securities {
        securities(&[
            events(COMPANY, [("2012-05-18", "FB"), ("2022-06-09", "META")]),
            events(FUND, [("2021-06-30", "META"), ("2022-01-31", "METV")]),
        ])
    }

    fn said(symbol: &str, which: &WhichSecurity, all: &Securities) -> String {
        match of(all, &ticker(symbol), which) {
            Ok(days) => days.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_figi_or_a_day_says_which_security_and_it_has_its_days_under_all_its_symbols() {
        let all = dated();
        let company = "BBG000MM2P62 (FB 2012-05-18..2022-06-08, META 2022-06-09..)";
        let fund = "BBG011BALL00 (META 2021-06-30..2022-01-30, METV 2022-01-31..)";
        let figi = |text: &str| WhichSecurity::Figi(text.parse().expect("a FIGI"));
        let as_of = |text: &str| WhichSecurity::AsOf(day(text));
        for (symbol, which, expected) in [
            ("META", figi(COMPANY), company),
            ("FB", figi(COMPANY), company),
            ("META", as_of("2026-10-30"), company),
            ("FB", as_of("2020-01-02"), company),
            ("META", as_of("2021-09-01"), fund),
            ("METV", figi(FUND), fund),
        ] {
            assert_eq!(said(symbol, &which, &all), expected, "{symbol}");
        }
        let json = serde_json::to_string(&of(&all, &ticker("FB"), &figi(COMPANY)).expect("known"));
        assert_eq!(
            json.expect("plain data"),
            r#"{"security":"BBG000MM2P62","symbols":[{"ticker":"FB","from":"2012-05-18","to":"2022-06-08"},{"ticker":"META","from":"2022-06-09"}]}"#
        );
    }

    #[test]
    fn what_can_not_be_told_is_refused_with_what_is_known() {
        let all = dated();
        let figi = |text: &str| WhichSecurity::Figi(text.parse().expect("a FIGI"));
        let as_of = |text: &str| WhichSecurity::AsOf(day(text));
        let begin = |symbol: &str, which: WhichSecurity, all: &Securities, expected: &str| {
            let text = said(symbol, &which, all);
            assert!(text.starts_with(expected), "{text}");
        };
        begin("META", figi("BBG000000000"), &all, "no security with FIGI BBG000000000");
        begin("NONE", as_of("2020-01-02"), &all, "NONE is not in the reference data;");
        begin(
            "META",
            as_of("2022-03-01"),
            &all,
            "META named no security on 2022-03-01; META 2021-06-30..2022-01-30 BBG011BALL00; META 2022-06-09..",
        );
        begin(
            "METV",
            figi(COMPANY),
            &all,
            "METV was never a symbol of BBG000MM2P62; its symbols were FB, META",
        );
        begin(
            "META",
            figi(COMPANY),
            &securities(&[]),
            "when BBG000MM2P62 became META is not known; `worker reference --ticker-events`",
        );
    }
}
