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
    let mut text = "ticker,security,from,to\n".to_owned();
    for ListedTicker { ticker, days, .. } in kept {
        let Some(PeriodDays { security, from, to }) = days else { continue };
        let spelled =
            |day: &Option<TradingDay>| day.map_or_else(String::new, |day| day.to_string());
        writeln!(text, "{ticker},{security},{},{}", spelled(from), spelled(to))
            .expect("a String takes every write");
    }
    publish::publish(path, text.as_bytes())
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

/// What became of the rows, one line a rule.
pub fn account(universe: &Universe) -> String {
    let mut text = format!("{} in the snapshot\n", counted(universe.rows as u64, "row"));
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
    let kept = universe.kept.len() as u64;
    let are = if kept == 1 { "is" } else { "are" };
    writeln!(text, "{} {are} left{delisted}", counted(kept, "ticker"))
        .expect("a String takes every write");
    text
}

fn less(count: usize) -> String {
    format!("-{count}")
}
