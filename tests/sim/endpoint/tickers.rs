//! `/v3/reference/tickers` and `/v3/reference/tickers/{t}`: who is listed, and what is known of
//! one.

use std::fmt::Write as _;

use serde_json::json;
use shared::market::trading_day::TradingDay;

use super::{Ask, Count, Next, Page};
use crate::sim::chance::of_text;
use crate::sim::params::{cursor, hex32, percent_decoded};
use crate::sim::record::Listing;
use crate::sim::refusal::Refusal;

const DEFAULT_LIMIT: usize = 100;
const MOST_LIMIT: usize = 1_000;

/// The answer to a list of tickers: alive ones unless `active=false`, as of `date` or the last day
/// of data.
pub fn page(ask: &Ask) -> Result<Page, Refusal> {
    let params = &ask.params;
    if params.get("sort").is_some_and(|sort| sort != "ticker") {
        return Err(Refusal::bad("only sort=ticker is simulated"));
    }
    let day = as_of(ask)?;
    let limit = params.limit(DEFAULT_LIMIT, MOST_LIMIT)?;
    let full = limit.min(ask.page_rows_max);
    let wants_active = !params.is_false("active");
    let is_ascending = params.get("order") != Some("desc");
    let after = params.get("ap").map(|ap| ap.split('|').next().unwrap_or(ap));
    let is_wanted = |listing: &&Listing| {
        let ticker = listing.ticker.as_str();
        let is_behind =
            after.is_none_or(|after| if is_ascending { ticker > after } else { ticker < after });
        let is_on_side =
            if wants_active { listing.trades_on(day) } else { listing.is_gone_on(day) };
        is_behind
            && is_on_side
            && params.admits("ticker", ticker)
            && params.admits("type", listing.kind)
            && params.admits("market", "stocks")
            && params.admits("exchange", listing.mic)
            && params.admits("cik", listing.cik.as_deref().unwrap_or(""))
            && params.get("search").is_none_or(|text| finds(listing, text))
    };
    let mut rows: Vec<&Listing> = ask.source.listings().iter().filter(is_wanted).collect();
    if !is_ascending {
        rows.reverse();
    }
    let has_next = rows.len() > full;
    rows.truncate(full);
    let next = has_next.then(|| {
        let back = usize::from(ask.repeats_last_row(rows.len()));
        let last = rows[rows.len() - 1 - back].ticker.as_str();
        Next { path: ask.path.to_owned(), cursor: cursor_after(ask, last, day, limit) }
    });
    let rows: Vec<String> = rows.into_iter().map(|listing| row(listing, day).to_string()).collect();
    Ok(ask.list(&rows, Count::Said, next))
}

/// The answer to one ticker; 404 unless it is alive on `date` (or was, when no date is given,
/// listed last).
pub fn details(ask: &Ask, ticker: &str) -> Result<Page, Refusal> {
    let ticker = percent_decoded(ticker);
    let day = as_of(ask)?;
    let listing =
        ask.source.listings().iter().find(|l| l.ticker.as_str() == ticker && l.trades_on(day));
    let listing = listing.ok_or(Refusal::NotFound("Ticker not found."))?;
    let mut results = row(listing, day);
    let more = json!({
        "market_cap": listing.shares_outstanding * 9,
        "share_class_shares_outstanding": listing.shares_outstanding,
        "weighted_shares_outstanding": listing.shares_outstanding,
        "round_lot": 100,
        "sic_code": "3571",
        "sic_description": "ELECTRONIC COMPUTERS",
        "ticker_root": ticker.split('.').next().unwrap_or(&ticker),
        "total_employees": 120,
        "description": format!("{} exists in a simulation.", listing.name),
        "address": {"address1": "1 Loopback Way", "city": "Nowhere", "state": "NY", "postal_code": "10005"},
        "list_date": listing.list_date,
    });
    let (Some(results_map), Some(more)) = (results.as_object_mut(), more.as_object()) else {
        unreachable!("both are written as objects above")
    };
    results_map
        .extend(more.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())));
    results_map.remove("last_updated_utc");
    let tail = ask.tail(None, 1);
    let mut body = String::new();
    write!(
        body,
        "{{\"results\":{results},\"status\":\"{}\",\"request_id\":\"{}\"}}",
        tail.status, ask.request_id
    )
    .expect("a String");
    Ok(Page { json: body, rows: 1, faults: tail.faults })
}

fn as_of(ask: &Ask) -> Result<TradingDay, Refusal> {
    let (_, last) = ask.source.days();
    let Some(text) = ask.params.get("date") else { return Ok(last) };
    text.parse()
        .map_err(|_| Refusal::bad("Could not parse the time parameter: 'date'. Use YYYY-MM-DD"))
}

fn finds(listing: &Listing, text: &str) -> bool {
    let text = text.to_lowercase();
    listing.name.to_lowercase().contains(&text)
        || listing.ticker.as_str().to_lowercase().contains(&text)
}

fn row(listing: &Listing, day: TradingDay) -> serde_json::Value {
    let mut row = json!({
        "ticker": listing.ticker,
        "name": listing.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": listing.mic,
        "type": listing.kind,
        "active": !listing.is_gone_on(day),
        "currency_name": "usd",
        "last_updated_utc": "2026-05-15T17:29:06.209036472Z",
    });
    if let Some(cik) = &listing.cik {
        row["cik"] = json!(cik);
    }
    if let Some(figi) = &listing.figi {
        row["composite_figi"] = json!(figi);
        row["share_class_figi"] = json!(figi.replace("BBG", "BBH"));
    }
    if let Some(gone) = listing.delisted.filter(|gone| *gone <= day) {
        row["delisted_utc"] = json!(format!("{gone}T00:00:00Z"));
    }
    row
}

/// Recorded form:
/// `active=true&ap=AGM.A|<hash>&as=&date=…&limit=50&market=stocks&order=asc&sort=ticker`.
fn cursor_after(ask: &Ask, last: &str, day: TradingDay, limit: usize) -> String {
    let filters = ask
        .params
        .filters(&["active", "cik", "exchange", "market", "order", "search", "ticker", "type"]);
    let (position, date, limit) =
        (format!("{last}|{}", hex32(of_text(last))), day.to_string(), limit.to_string());
    let mut pairs: Vec<(&str, &str)> =
        filters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.extend([
        ("ap", position.as_str()),
        ("as", ""),
        ("date", &date),
        ("limit", &limit),
        ("sort", "ticker"),
    ]);
    pairs.sort_unstable();
    cursor(pairs)
}
