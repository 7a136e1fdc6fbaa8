//! Which tickers of a snapshot are kept, and why each of the others is not. Pure.

use std::collections::BTreeMap;
use std::fmt;

use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// A row of a snapshot, with what its details say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedTicker {
    /// As the vendor spells it.
    pub ticker: String,
    /// Name of the company or fund.
    pub name: Option<String>,
    /// MIC.
    pub primary_exchange: Option<String>,
    /// `CS`, `ETF`, …
    pub kind: Option<String>,
    /// Does it trade?
    pub active: bool,
    /// Number at the SEC.
    pub cik: Option<String>,
    /// RFC 3339.
    pub last_updated_utc: Option<String>,
    /// US dollars, where known.
    pub market_cap: Option<f64>,
    /// `YYYY-MM-DD`, where known.
    pub list_date: Option<String>,
    /// The classification in words, where known.
    pub industry: Option<String>,
    /// Whose days are meant, where one security is.
    pub days: Option<PeriodDays>,
}

/// Days in which a ticker names one security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodDays {
    /// The name of the security.
    pub security: String,
    /// The first day, where known.
    pub from: Option<TradingDay>,
    /// The last day; `None` where it had not come or is not known.
    pub to: Option<TradingDay>,
    /// Is the day that was asked about one of them? `None` where no day was.
    pub on_day: Option<OnDay>,
}

/// How a ticker stands on the day that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDay {
    /// It was listed.
    Listed,
    /// It was listed unless its first day, or its last, is another than it may be.
    Perhaps,
}

impl OnDay {
    /// Its name in a CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Perhaps => "perhaps",
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// MICs.
    pub exchanges: Vec<String>,
    /// Security types.
    pub types: Vec<String>,
    /// Also those that no longer trade?
    pub delisted: bool,
    /// US dollars. Drops only what trades and has a larger cap.
    pub cap_max: Option<f64>,
}

/// Why a ticker is not kept. In the order in which the rules are applied: each ticker falls to the
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// Its name can't be asked for.
    Unusable,
    /// It no longer trades.
    Delisted,
    /// No type is known.
    NoType,
    /// Another type.
    OtherType,
    /// No exchange is known.
    NoExchange,
    /// Another exchange.
    OtherExchange,
    /// Larger than wanted.
    TooLarge,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unusable => {
                "have a name that can't be asked for (letters, digits, '.' and '-' only)"
            }
            Self::Delisted => "no longer trade (--include-delisted keeps them)",
            Self::NoType => "have no known type",
            Self::OtherType => "are of another type (--types)",
            Self::NoExchange => "have no known exchange",
            Self::OtherExchange => "are listed on another exchange (--exchanges)",
            Self::TooLarge => "trade and have a market cap above --cap-max",
        })
    }
}

/// Who is kept, and what became of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Universe {
    /// By ticker, each once.
    pub kept: Vec<ListedTicker>,
    /// How many fell to which rule; rules that dropped nobody are left out.
    pub dropped: BTreeMap<Exclusion, usize>,
    /// Rows that were left out because their ticker stands in a better one.
    pub duplicates: usize,
    /// Rows looked at.
    pub rows: usize,
}

impl Universe {
    /// Applies the rules to the rows of a snapshot.
    pub fn choose(rows: Vec<ListedTicker>, wanted: &Filter) -> Self {
        let count = rows.len();
        let unique = unique(rows);
        let duplicates = count - unique.len();
        let mut dropped = BTreeMap::new();
        let mut kept = Vec::new();
        for candidate in unique {
            match reason_against(&candidate, wanted) {
                None => kept.push(candidate),
                Some(reason) => *dropped.entry(reason).or_default() += 1,
            }
        }
        Self { kept, dropped, duplicates, rows: count }
    }

    /// Tickers kept that perhaps were not listed on the day that was asked about.
    pub fn perhaps(&self) -> usize {
        let on_day = |kept: &ListedTicker| kept.days.as_ref().and_then(|days| days.on_day);
        self.kept.iter().filter(|kept| on_day(kept) == Some(OnDay::Perhaps)).count()
    }

    /// Tickers kept that no longer trade.
    pub fn delisted(&self) -> usize {
        self.kept.iter().filter(|candidate| !candidate.active).count()
    }
}

/// One row a ticker, by ticker: the one that trades, else the one updated last.
fn unique(mut rows: Vec<ListedTicker>) -> Vec<ListedTicker> {
    rows.sort_by(|a, b| {
        let better_first = (b.active, &b.last_updated_utc).cmp(&(a.active, &a.last_updated_utc));
        a.ticker.cmp(&b.ticker).then(better_first).then_with(|| a.cik.cmp(&b.cik))
    });
    rows.dedup_by(|later, kept| later.ticker == kept.ticker);
    rows
}

fn reason_against(candidate: &ListedTicker, wanted: &Filter) -> Option<Exclusion> {
    let is_too_large = || {
        let (cap, most) = (candidate.market_cap?, wanted.cap_max?);
        Some(candidate.active && cap > most)
    };
    let among = |value: &String, list: &[String]| list.contains(value);
    if candidate.ticker.parse::<Ticker>().is_err() {
        return Some(Exclusion::Unusable);
    }
    if !candidate.active && !wanted.delisted {
        return Some(Exclusion::Delisted);
    }
    match &candidate.kind {
        None => return Some(Exclusion::NoType),
        Some(kind) if !among(kind, &wanted.types) => return Some(Exclusion::OtherType),
        Some(_) => {}
    }
    match &candidate.primary_exchange {
        None => return Some(Exclusion::NoExchange),
        Some(mic) if !among(mic, &wanted.exchanges) => return Some(Exclusion::OtherExchange),
        Some(_) => {}
    }
    is_too_large().unwrap_or(false).then_some(Exclusion::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Filter {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Filter {
            exchanges: list(&["XNAS", "XNYS"]),
            types: list(&["CS"]),
            delisted: false,
            cap_max: Some(2e9),
        }
    }

    fn stock(ticker: &str) -> ListedTicker {
        let some = |text: &str| Some(text.to_owned());
        let (kind, primary_exchange) = (some("CS"), some("XNYS"));
        ListedTicker {
            ticker: ticker.to_owned(),
            kind,
            primary_exchange,
            active: true,
            ..ListedTicker::default()
        }
    }

    fn names(universe: &Universe) -> Vec<&str> {
        universe.kept.iter().map(|candidate| candidate.ticker.as_str()).collect()
    }

    #[test]
    fn each_ticker_falls_to_the_first_rule_against_it() {
        let some = |text: &str| Some(text.to_owned());
        let rows = vec![
            stock("KEPT"),
            ListedTicker { ticker: "O:X".to_owned(), ..stock("") },
            ListedTicker { active: false, kind: None, ..stock("GONE") },
            ListedTicker { kind: None, ..stock("B") },
            ListedTicker { kind: some("ETF"), primary_exchange: some("ARCX"), ..stock("C") },
            ListedTicker { primary_exchange: some("ARCX"), ..stock("D") },
            ListedTicker { primary_exchange: None, ..stock("E") },
            ListedTicker { market_cap: Some(2.1e9), ..stock("LARGE") },
        ];
        let universe = Universe::choose(rows, &wanted());
        assert_eq!(names(&universe), ["KEPT"]);
        let reasons: Vec<_> = universe.dropped.into_iter().collect();
        assert_eq!(
            reasons,
            [
                (Exclusion::Unusable, 1),
                (Exclusion::Delisted, 1),
                (Exclusion::NoType, 1),
                (Exclusion::OtherType, 1),
                (Exclusion::NoExchange, 1),
                (Exclusion::OtherExchange, 1),
                (Exclusion::TooLarge, 1),
            ]
        );
    }

    #[test]
    fn a_cap_drops_only_what_trades_and_has_one() {
        let large = |ticker| ListedTicker { market_cap: Some(1e12), ..stock(ticker) };
        let rows = vec![
            stock("UNKNOWN"),
            ListedTicker { market_cap: Some(2e9), ..stock("JUST") },
            large("LARGE"),
            ListedTicker { active: false, ..large("GONE") },
            ListedTicker { market_cap: Some(f64::NAN), ..stock("NAN") },
        ];
        let universe = Universe::choose(rows, &Filter { delisted: true, ..wanted() });
        assert_eq!(names(&universe), ["GONE", "JUST", "NAN", "UNKNOWN"]);
        assert_eq!((universe.delisted(), universe.duplicates), (1, 0));
    }

    #[test]
    fn of_rows_of_one_ticker_the_one_that_trades_is_kept_else_the_newest() {
        let row = |ticker: &str, active, updated: &str, cik: &str| ListedTicker {
            active,
            last_updated_utc: Some(updated.to_owned()),
            cik: Some(cik.to_owned()),
            ..stock(ticker)
        };
        let rows = vec![
            row("GONE", false, "2010-01-01T00:00:00Z", "old"),
            row("GONE", false, "2020-01-01T00:00:00Z", "new"),
            row("THC", false, "2026-01-01T00:00:00Z", "gone"),
            row("THC", true, "2020-01-01T00:00:00Z", "trades"),
        ];
        let universe = Universe::choose(rows, &Filter { delisted: true, ..wanted() });
        let ciks: Vec<_> =
            universe.kept.iter().filter_map(|candidate| candidate.cik.as_deref()).collect();
        assert_eq!((ciks, universe.duplicates, universe.rows), (vec!["new", "trades"], 2, 4));
    }
}
