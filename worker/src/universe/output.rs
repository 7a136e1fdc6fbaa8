//! A universe as files, and in words.

use std::fmt::Write as _;
use std::path::Path;

use shared::dataset::writer;
use shared::disk::publish::{self, DiskError, Draft};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::thousands::counted;
use shared::run::ticker_list::TickerList;

use super::rule::{ListedTicker, PeriodDays, Universe};
use crate::reference::table::TableColumns;

/// Publishes the tickers as a CSV with the one column `ticker`.
pub fn publish_csv(path: &Path, universe: &Universe) -> Result<(), DiskError> {
    let ticker = |kept: &ListedTicker| {
        kept.ticker.parse::<Ticker>().expect("the rule keeps only usable names")
    };
    let tickers: Vec<Ticker> = universe.kept.iter().map(ticker).collect();
    publish::publish(path, TickerList::text(&tickers).as_bytes())
}

/// Publishes the tickers with the days on which each names its security, as a CSV: a list of tickers
/// like any other, for whoever reads no other column.
pub fn publish_days(path: &Path, kept: &[ListedTicker]) -> Result<(), DiskError> {
    publish::publish(path, days_csv(kept).as_bytes())
}

/// Where a day was asked about, a column tells who was listed on it from who perhaps was.
fn days_csv(kept: &[ListedTicker]) -> String {
    let mut text = "ticker,security,from,to".to_owned();
    let is_of_a_day = kept.iter().filter_map(|it| it.days.as_ref()).any(|it| it.on_day.is_some());
    text.push_str(if is_of_a_day { ",standing\n" } else { "\n" });
    for ListedTicker { ticker, days, .. } in kept {
        let Some(PeriodDays { security, from, to, on_day }) = days else { continue };
        let spelled =
            |day: &Option<TradingDay>| day.map_or_else(String::new, |day| day.to_string());
        let standing = on_day.map_or_else(String::new, |on_day| format!(",{}", on_day.name()));
        writeln!(text, "{ticker},{security},{},{}{standing}", spelled(from), spelled(to))
            .expect("a String takes every write");
    }
    text
}

/// Publishes the tickers with their market caps as a CSV, by which the launcher weighs them;
/// nothing where none is known.
pub fn publish_weights(path: &Path, universe: &Universe) -> Result<(), DiskError> {
    let mut text = "ticker,market_cap\n".to_owned();
    for kept in &universe.kept {
        let size = kept.market_cap.filter(|cap| cap.is_finite() && *cap >= 0.0);
        let size = size.map_or_else(String::new, |cap| cap.to_string());
        writeln!(text, "{},{size}", kept.ticker).expect("a String takes every write");
    }
    publish::publish(path, text.as_bytes())
}

/// Publishes the tickers with what is known of them. The source names no sectors: the column is
/// there, empty.
pub fn publish_parquet(path: &Path, universe: &Universe) -> Result<(), DiskError> {
    let rows = &universe.kept;
    let text = |value: fn(&ListedTicker) -> &Option<String>| {
        rows.iter().map(move |row| value(row).as_deref())
    };
    let table = TableColumns::default()
        .required("ticker", rows.iter().map(|row| row.ticker.as_str()))
        .text("name", text(|row| &row.name))
        .text("primary_exchange", text(|row| &row.primary_exchange))
        .text("type", text(|row| &row.kind))
        .text("sector", rows.iter().map(|_| None))
        .text("industry", text(|row| &row.industry))
        .text("cik", text(|row| &row.cik))
        .text("list_date", text(|row| &row.list_date))
        .truth("active", rows.iter().map(|row| row.active))
        .float("market_cap", rows.iter().map(|row| row.market_cap))
        .table();
    writer::publish_table(Draft::create(path)?, &table)?;
    Ok(())
}

/// What became of the rows, one line a rule; with `as_of`, of the tickers of that day.
pub fn account(universe: &Universe, as_of: Option<TradingDay>) -> String {
    let rows = universe.rows as u64;
    let mut text = match as_of {
        Some(day) => format!("{}, listed or perhaps listed on {day}\n", counted(rows, "ticker")),
        None => format!("{} in the snapshot\n", counted(rows, "row")),
    };
    if universe.duplicates > 0 {
        let line = "belong to a ticker that stands more than once (kept: the one that trades, else the newest)";
        writeln!(text, "{:>8} {line}", less(universe.duplicates))
            .expect("a String takes every write");
    }
    for (reason, count) in &universe.dropped {
        writeln!(text, "{:>8} {reason}", less(*count)).expect("a String takes every write");
    }
    let delisted = match universe.delisted() {
        0 => String::new(),
        count => format!(", {count} of them delisted"),
    };
    let perhaps = match universe.perhaps() {
        0 => String::new(),
        count => format!(", {count} of them only perhaps listed (column `standing`)"),
    };
    let kept = universe.kept.len() as u64;
    let are = if kept == 1 { "is" } else { "are" };
    writeln!(text, "{} {are} left{delisted}{perhaps}", counted(kept, "ticker"))
        .expect("a String takes every write");
    text
}

fn less(count: usize) -> String {
    format!("-{count}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::run::ticker_list::TickerList;

    use super::*;
    use crate::universe::rule::{Filter, OnDay};

    fn row(ticker: &str, on_day: Option<OnDay>) -> ListedTicker {
        ListedTicker {
            ticker: ticker.to_owned(),
            kind: Some("CS".to_owned()),
            primary_exchange: Some("XNYS".to_owned()),
            active: true,
            days: Some(PeriodDays { security: "F".to_owned(), from: None, to: None, on_day }),
            ..ListedTicker::default()
        }
    }

    #[test]
    fn who_only_perhaps_was_listed_is_marked_and_counted() {
        let rows = vec![row("A", Some(OnDay::Listed)), row("B", Some(OnDay::Perhaps))];
        let csv = days_csv(&rows);
        assert_eq!(csv, "ticker,security,from,to,standing\nA,F,,,listed\nB,F,,,perhaps\n");
        let list = TickerList::parse(Path::new("u.csv"), &csv).expect("a list of tickers");
        assert_eq!(TickerList::text(&list.tickers), "ticker\nA\nB\n");
        let wanted = Filter {
            exchanges: vec!["XNYS".to_owned()],
            types: vec!["CS".to_owned()],
            delisted: true,
            cap_max: None,
        };
        let universe = Universe::choose(rows, &wanted);
        assert_eq!(
            account(&universe, "2005-09-01".parse().ok()),
            "2 tickers, listed or perhaps listed on 2005-09-01\n2 tickers are left, 1 of them only perhaps listed (column `standing`)\n"
        );
        assert_eq!(days_csv(&[row("A", None)]), "ticker,security,from,to\nA,F,,\n");
    }
}
