//! `/v3/reference/splits` and `/stocks/v1/splits`: the same table in its old and its new dress.

use serde_json::{Value, json};

use super::{Ask, Count, Next, Page};
use crate::sim::chance::of_text;
use crate::sim::params::{cursor, hex32};
use crate::sim::record::{Rescale, Split};
use crate::sim::refusal::Refusal;

/// Which of the two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// `/v3/reference/splits`, deprecated but served.
    V3,
    /// `/stocks/v1/splits`.
    V1,
}

/// The answer to a list of splits, latest execution first unless asked otherwise. Pages are
/// counted, not keyed, as recorded for one ticker: `ap` is the number of rows before the page.
pub fn page(ask: &Ask, edition: Edition) -> Result<Page, Refusal> {
    let params = &ask.params;
    let limit = match edition {
        Edition::V3 => params.limit(10, 1_000)?,
        Edition::V1 => params.limit(100, 5_000)?,
    };
    let full = limit.min(ask.page_rows_max);
    // The old endpoint says `sort=ticker&order=asc`, the new one `sort=ticker.asc`.
    let sort = params.get("sort").unwrap_or("execution_date");
    let (column, direction) =
        sort.split_once('.').unwrap_or((sort, params.get("order").unwrap_or("desc")));
    let (by_ticker, is_ascending) = (column == "ticker", direction == "asc");
    let is_wanted = |split: &&Split| {
        params.admits("ticker", split.ticker.as_str())
            && params.admits("execution_date", &split.execution.to_string())
            && params.admits("adjustment_type", kind(split))
    };
    let mut rows: Vec<&Split> = ask.source.splits().values().flatten().filter(is_wanted).collect();
    rows.sort_by(|a, b| (a.execution, &a.ticker).cmp(&(b.execution, &b.ticker)));
    if by_ticker {
        rows.sort_by(|a, b| a.ticker.cmp(&b.ticker));
    }
    if !is_ascending {
        rows.reverse();
    }
    let before: usize = params.get("ap").and_then(|ap| ap.parse().ok()).unwrap_or(0);
    let mut rows = rows.split_off(before.min(rows.len()));
    let has_next = rows.len() > full;
    rows.truncate(full);
    let next = has_next.then(|| {
        let position =
            (before + rows.len() - usize::from(ask.repeats_last_row(rows.len()))).to_string();
        let filters =
            params.filters(&["ticker", "execution_date", "adjustment_type", "order", "sort"]);
        let mut pairs: Vec<(&str, &str)> =
            filters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let limit = limit.to_string();
        pairs.extend([("ap", position.as_str()), ("as", ""), ("limit", &limit)]);
        pairs.sort_unstable();
        Next { path: ask.path.to_owned(), cursor: cursor(pairs) }
    });
    let rows: Vec<String> = rows.iter().map(|split| row(ask, split, edition).to_string()).collect();
    Ok(ask.list(&rows, Count::Absent, next))
}

fn kind(split: &Split) -> &'static str {
    if split.from > split.to { "reverse_split" } else { "forward_split" }
}

fn row(ask: &Ask, split: &Split, edition: Edition) -> Value {
    let mut row = json!({
        "execution_date": split.execution,
        "split_from": split.from,
        "split_to": split.to,
        "ticker": split.ticker,
    });
    if edition == Edition::V1 {
        let before_it = split.execution.previous().start_utc_ms();
        let of_ticker = ask.source.splits().get(split.ticker.as_str()).into_iter().flatten();
        row["adjustment_type"] = json!(kind(split));
        row["historical_adjustment_factor"] = json!(Rescale::at(before_it, of_ticker).as_f64());
        row["id"] =
            json!(format!("E{}", hex32(of_text(&format!("{}{}", split.ticker, split.execution)))));
    }
    row
}
