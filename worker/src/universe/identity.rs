//! Which tickers of a snapshot are meant by a day or by a security: who was listed then, under the
//! symbol of the day, and which symbols a security had. Pure.

use shared::market::listed_periods::Securities;
use shared::market::security::{End, Figi, ListedPeriod, Standing};
use shared::market::trading_day::TradingDay;

use super::rule::{ListedTicker, OnDay, PeriodDays};

/// Who was listed on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedThen {
    /// One a ticker, each as its security stands in the snapshot, under the symbol of the day.
    pub rows: Vec<ListedTicker>,
    /// So many of them perhaps were not listed yet, or no longer.
    pub perhaps: usize,
}

/// Who of `rows`, the snapshot, was listed on `day`.
pub fn as_of(known: &Securities, rows: &[ListedTicker], day: TradingDay) -> ListedThen {
    let mut then = ListedThen { rows: Vec::new(), perhaps: 0 };
    let mut tickers: Vec<_> = known.all().map(|period| &period.ticker).collect();
    tickers.dedup();
    for ticker in tickers {
        let Some(periods) = known.ticker(ticker) else { continue };
        let (period, on_day) = match periods.on(day) {
            Standing::Listed(period) => (period, OnDay::Listed),
            Standing::Perhaps(period) => {
                then.perhaps += 1;
                (period, OnDay::Perhaps)
            }
            Standing::Unlisted => continue,
        };
        then.rows.push(row_of(known, rows, period, Some(on_day)));
    }
    then
}

/// Every symbol that the security with `figi` had, in time order; `None` where nobody knows it.
pub fn symbols_of(
    known: &Securities,
    rows: &[ListedTicker],
    figi: &Figi,
) -> Option<Vec<ListedTicker>> {
    let security = known.by_figi(figi)?;
    let periods = known.of_security(&security);
    Some(periods.into_iter().map(|period| row_of(known, rows, period, None)).collect())
}

/// What the snapshot says of the security, under the symbol of the period. A security that is known
/// by events alone has no row.
fn row_of(
    known: &Securities,
    rows: &[ListedTicker],
    period: &ListedPeriod,
    on_day: Option<OnDay>,
) -> ListedTicker {
    let row = known.place(&period.security).and_then(|place| rows.get(place));
    ListedTicker {
        ticker: period.ticker.to_string(),
        days: Some(PeriodDays {
            security: period.security.to_string(),
            from: period.from,
            to: match period.to {
                End::On(day) | End::By(day) => Some(day),
                End::Open | End::Unknown => None,
            },
            on_day,
        }),
        ..row.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::market::listed_periods::{AskedOf, ListedRow, TickerEvents};

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    const COMPANY: &str = "BBG000MM2P62";
    const FUND: &str = "BBG011BALL00";

    /// FB became META, a symbol that a fund had had before.
    fn market() -> (Securities, Vec<ListedTicker>) {
        let rows = [
            ("FB", "2022-06-09", COMPANY, "CS"),
            ("META", "", COMPANY, "CS"),
            ("META", "2022-01-31", FUND, "ETF"),
            ("METV", "", FUND, "ETF"),
        ];
        let listed =
            |(place, (symbol, gone, figi, _)): (usize, &(&str, &str, &str, &str))| ListedRow {
                ticker: symbol.parse().expect("a ticker"),
                active: gone.is_empty(),
                delisted: (!gone.is_empty()).then(|| day(gone)),
                composite: Some(figi.parse().expect("a FIGI")),
                share_class: None,
                place,
                cik: None,
                name: String::new(),
                list_date: None,
            };
        let events = |figi: &str, changes: [(&str, &str); 2]| TickerEvents {
            asked: AskedOf::Composite(figi.parse().expect("a FIGI")),
            composite: None,
            changes: changes
                .map(|(since, symbol)| (day(since), symbol.parse().expect("a ticker")))
                .to_vec(),
        };
        let known = Securities::of(
            &rows.iter().enumerate().map(listed).collect::<Vec<_>>(),
            &[
                events(COMPANY, [("2012-05-18", "FB"), ("2022-06-09", "META")]),
                events(FUND, [("2021-06-30", "META"), ("2022-01-31", "METV")]),
            ],
        );
        let row = |(symbol, gone, _, kind): &(&str, &str, &str, &str)| ListedTicker {
            ticker: (*symbol).to_owned(),
            active: gone.is_empty(),
            kind: Some((*kind).to_owned()),
            ..ListedTicker::default()
        };
        (known, rows.iter().map(row).collect())
    }

    fn said(rows: &[ListedTicker]) -> Vec<String> {
        let text = |row: &ListedTicker| {
            let days = row.days.as_ref().expect("of one security");
            let spelled =
                |day: Option<TradingDay>| day.map_or(String::new(), |day| day.to_string());
            let kind = row.kind.as_deref().unwrap_or("?");
            format!("{} {kind} {}..{}", row.ticker, spelled(days.from), spelled(days.to))
        };
        rows.iter().map(text).collect()
    }

    #[test]
    fn who_was_listed_on_a_day_stands_there_under_the_symbol_of_the_day() {
        let (known, rows) = market();
        for (on, expected) in [
            ("2012-05-17", vec![]),
            ("2021-09-01", vec!["FB CS 2012-05-18..2022-06-08", "META ETF 2021-06-30..2022-01-30"]),
            ("2022-03-01", vec!["FB CS 2012-05-18..2022-06-08", "METV ETF 2022-01-31.."]),
            ("2026-10-30", vec!["META CS 2022-06-09..", "METV ETF 2022-01-31.."]),
        ] {
            let then = as_of(&known, &rows, day(on));
            assert_eq!(
                (said(&then.rows), then.perhaps),
                (expected.iter().map(ToString::to_string).collect(), 0),
                "{on}"
            );
        }
    }

    #[test]
    fn a_security_stands_there_under_every_symbol_that_it_had() {
        let (known, rows) = market();
        let symbols = symbols_of(&known, &rows, &COMPANY.parse().expect("a FIGI"));
        assert_eq!(
            said(&symbols.expect("known")),
            ["FB CS 2012-05-18..2022-06-08", "META CS 2022-06-09.."]
        );
        assert_eq!(symbols_of(&known, &rows, &"BBG000000000".parse().expect("a FIGI")), None);
    }
}
