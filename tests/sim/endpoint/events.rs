//! `/vX/reference/tickers/{id}/events`: which symbols a security had, by the FIGI of its composite or
//! by the symbol that names it now.
//!
//! As unreliable in its form as the live endpoint was seen to be: by the id, an answer spells the
//! FIGI's key the old way, sends an event twice, turns the order round, or holds another type of
//! event.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Ask, Page};
use crate::sim::chance::of_text;
use crate::sim::params::percent_decoded;
use crate::sim::record::Listing;
use crate::sim::refusal::Refusal;

/// The answer for one security; 404 for one that nobody knows, and for a symbol that names none on
/// the last day of the data.
pub fn answer(ask: &Ask, id: &str) -> Result<Page, Refusal> {
    let id = percent_decoded(id);
    let (first, last) = ask.source.days();
    let listings = ask.source.listings();
    let named = listings.iter().find(|one| one.ticker.as_str() == id && one.trades_on(last));
    let same = |one: &&Listing| match named {
        Some(Listing { figi: None, .. }) => named == Some(*one),
        Some(named) => one.figi == named.figi,
        None => one.figi.as_deref() == Some(&*id),
    };
    let mut own: Vec<&Listing> = listings.iter().filter(same).collect();
    own.sort_by_key(|one| std::cmp::Reverse(one.listed));
    let newest = *own.first().ok_or(Refusal::NotFound("Ticker not found."))?;
    let odd = of_text(&id);
    let event = |one: &&Listing| {
        json!({
            "ticker_change": {"ticker": one.ticker},
            "type": "ticker_change",
            "date": one.listed.unwrap_or(first).max(first),
        })
    };
    let mut events: Vec<Value> = own.iter().map(event).collect();
    if odd.is_multiple_of(5) {
        events.extend(events.first().cloned());
    }
    if odd.is_multiple_of(6) {
        events.reverse();
    }
    if odd.is_multiple_of(7) {
        events.push(json!({"type": "name_change", "date": last}));
    }
    let mut results = json!({"name": newest.name, "events": events});
    if let Some(figi) = &newest.figi {
        results[if odd.is_multiple_of(4) { "figi" } else { "composite_figi" }] = json!(figi);
    }
    if let Some(cik) = &newest.cik {
        results["cik"] = json!(cik);
    }
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
