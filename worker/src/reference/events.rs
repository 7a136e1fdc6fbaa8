//! Which symbols a security had, and since when: `/vX/reference/tickers/{id}/events`.
//!
//! The endpoint is experimental. Asked by symbol, it answers for the security that the symbol names
//! now; asked by the FIGI of a composite, for that one (protocol sheet 1.5, 5.5). Its order is not
//! promised, events come twice, and keys were renamed once (`figi`, `event_type`).

use std::io::Read;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use shared::market::security::Figi;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use url::Url;

use super::table::TableColumns;
use crate::api::page::{self, PageError};

/// The only type of event that there is so far.
const TICKER_CHANGE: &str = "ticker_change";

/// Whose events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventsOf {
    /// Those of the security with this composite.
    Composite(Figi),
    /// Those of the security that this symbol names now: no FIGI is known.
    Ticker(Ticker),
}

impl EventsOf {
    /// As it stands in the URL.
    pub fn id(&self) -> &str {
        match self {
            Self::Composite(figi) => figi.as_str(),
            Self::Ticker(ticker) => ticker.as_str(),
        }
    }
}

/// Since `date` the security has had the symbol `ticker`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TickerChange {
    /// First day.
    pub date: TradingDay,
    /// The symbol, as it is sent.
    pub ticker: String,
}

/// What is known of one security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEvents {
    /// Name of the company or fund.
    pub name: Option<String>,
    /// FIGI of the composite.
    pub composite_figi: Option<String>,
    /// Number at the SEC.
    pub cik: Option<String>,
    /// By day, each once.
    pub changes: Vec<TickerChange>,
}

/// The URL of the events of `id`.
pub fn url(base: &BaseUrl, id: &EventsOf) -> Url {
    base.join(&format!("/vX/reference/tickers/{}/events?types={TICKER_CHANGE}", id.id()))
        .expect("a path of letters and digits stays on its origin")
}

/// A reply as it is sent. Keys of both spellings are fields of their own: as aliases they would be
/// an error where both are sent.
#[derive(Deserialize)]
struct EventsReply {
    status: Option<String>,
    results: Option<WireResults>,
}

#[derive(Deserialize, Default)]
struct WireResults {
    name: Option<String>,
    composite_figi: Option<String>,
    figi: Option<String>,
    cik: Option<String>,
    events: Option<Vec<WireEvent>>,
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(rename = "type")]
    kind: Option<String>,
    event_type: Option<String>,
    date: Option<TradingDay>,
    ticker_change: Option<WireChange>,
}

#[derive(Deserialize)]
struct WireChange {
    ticker: String,
}

/// Reads the reply about `id` to its end. A reply of another security than the one with the FIGI
/// that was asked for is no answer; whose events they are that a symbol brings is the reader's
/// business.
pub fn decode(body: impl Read, id: &EventsOf) -> Result<SecurityEvents, PageError> {
    let reply: EventsReply = page::decode_whole(body)?;
    match reply.status.as_deref() {
        Some("OK" | "DELAYED") => {}
        other => {
            return Err(PageError::Malformed(format!(
                "its status is {}",
                other.unwrap_or("absent")
            )));
        }
    }
    let WireResults { name, composite_figi, figi, cik, events } = reply.results.unwrap_or_default();
    let composite_figi = composite_figi.or(figi).filter(|figi| !figi.is_empty());
    if let (EventsOf::Composite(asked), Some(found)) = (id, &composite_figi)
        && found != asked.as_str()
    {
        return Err(PageError::Malformed(format!("it is of FIGI {found:?}")));
    }
    let mut changes = Vec::new();
    for event in events.unwrap_or_default() {
        changes.extend(event.change()?);
    }
    changes.sort();
    changes.dedup();
    Ok(SecurityEvents { name, composite_figi, cik, changes })
}

impl WireEvent {
    /// The change of symbol; `None` for an event of another type.
    fn change(self) -> Result<Option<TickerChange>, PageError> {
        let kind = self.kind.or(self.event_type);
        if kind.as_deref().is_some_and(|kind| kind != TICKER_CHANGE) {
            return Ok(None);
        }
        let missing = |what: &str| PageError::Malformed(format!("an event has no {what}"));
        let change = self.ticker_change.ok_or_else(|| missing("ticker_change"))?;
        let date = self.date.ok_or_else(|| missing("date"))?;
        if change.ticker.is_empty() {
            return Err(missing("ticker"));
        }
        Ok(Some(TickerChange { date, ticker: change.ticker }))
    }
}

/// What was said of one security, for the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsRow {
    /// The FIGI or symbol asked for.
    pub id: String,
    /// FIGI of the share class, by the list of tickers.
    pub share_class_figi: Option<String>,
    /// What was said.
    pub events: SecurityEvents,
}

/// As a table, in the order of `rows`: one row an event, and one without date and symbol for a
/// security without events.
pub fn table(rows: &[EventsRow]) -> RecordBatch {
    let flat: Vec<(&EventsRow, Option<&TickerChange>)> = rows
        .iter()
        .flat_map(|row| {
            let none = row.events.changes.is_empty().then_some((row, None));
            row.events.changes.iter().map(move |change| (row, Some(change))).chain(none)
        })
        .collect();
    let text = |value: fn(&EventsRow) -> &Option<String>| {
        flat.iter().map(move |(row, _)| value(row).as_deref())
    };
    let dates: Vec<Option<String>> =
        flat.iter().map(|(_, change)| change.map(|change| change.date.to_string())).collect();
    TableColumns::default()
        .required("id", flat.iter().map(|(row, _)| row.id.as_str()))
        .text("composite_figi", text(|row| &row.events.composite_figi))
        .text("share_class_figi", text(|row| &row.share_class_figi))
        .text("name", text(|row| &row.events.name))
        .text("cik", text(|row| &row.events.cik))
        .text("type", flat.iter().map(|(_, change)| change.map(|_| TICKER_CHANGE)))
        .text("date", dates.iter().map(Option::as_deref))
        .text("ticker", flat.iter().map(|(_, change)| change.map(|change| change.ticker.as_str())))
        .table()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figi() -> EventsOf {
        EventsOf::Composite("BBG000MM2P62".parse().expect("a FIGI"))
    }

    fn read(results: &str) -> Result<SecurityEvents, String> {
        let body = format!(r#"{{"results":{results},"status":"OK","request_id":"1"}}"#);
        decode(body.as_bytes(), &figi()).map_err(|error| error.to_string())
    }

    fn changes(results: &str) -> Vec<(String, String)> {
        let all = read(results).expect("an answer").changes;
        all.into_iter().map(|change| (change.date.to_string(), change.ticker)).collect()
    }

    fn pair(date: &str, ticker: &str) -> (String, String) {
        (date.to_owned(), ticker.to_owned())
    }

    #[test]
    fn the_recorded_answer_is_read_newest_first_or_not_and_an_event_sent_twice_is_one() {
        let meta =
            r#"{"ticker_change":{"ticker":"META"},"type":"ticker_change","date":"2022-06-09"}"#;
        let fb = r#"{"ticker_change":{"ticker":"FB"},"type":"ticker_change","date":"2012-05-18"}"#;
        let both = [pair("2012-05-18", "FB"), pair("2022-06-09", "META")];
        for events in
            [format!("{meta},{fb}"), format!("{fb},{meta}"), format!("{meta},{fb},{meta}")]
        {
            let results = format!(
                r#"{{"name":"Meta Platforms, Inc.","composite_figi":"BBG000MM2P62","cik":"0001326801","events":[{events}]}}"#
            );
            assert_eq!(changes(&results), both);
        }
    }

    #[test]
    fn both_spellings_of_a_key_are_read_other_types_are_passed_over_and_absent_is_empty() {
        let old = r#"{"figi":"BBG000MM2P62","events":[
            {"ticker_change":{"ticker":"FB"},"event_type":"ticker_change","date":"2012-05-18"},
            {"type":"name_change","date":"2021-10-28"}]}"#;
        assert_eq!(changes(old), [pair("2012-05-18", "FB")]);
        let answer = read(r#"{"figi":"BBG000MM2P62","composite_figi":"BBG000MM2P62"}"#);
        assert_eq!(answer.expect("both at once").composite_figi.as_deref(), Some("BBG000MM2P62"));
        for none in ["{}", "null", r#"{"events":null}"#, r#"{"events":[]}"#] {
            assert_eq!(changes(none), [], "{none}");
        }
    }

    #[test]
    fn an_answer_of_another_security_and_an_event_that_says_nothing_are_refused() {
        let refused = |results: &str| read(results).expect_err("refused");
        assert_eq!(
            refused(r#"{"composite_figi":"BBG011BALL00"}"#),
            "it is of FIGI \"BBG011BALL00\""
        );
        let bare = |event: &str| refused(&format!(r#"{{"events":[{event}]}}"#));
        assert_eq!(bare(r#"{"type":"ticker_change"}"#), "an event has no ticker_change");
        assert_eq!(bare(r#"{"ticker_change":{"ticker":"FB"}}"#), "an event has no date");
        let empty = r#"{"ticker_change":{"ticker":""},"date":"2012-05-18"}"#;
        assert_eq!(bare(empty), "an event has no ticker");
        assert!(bare(r#"{"ticker_change":{"ticker":"FB"},"date":"2012-05-32"}"#).contains("2012"));
        let ticker = EventsOf::Ticker("FB".parse().expect("a ticker"));
        let other = br#"{"results":{"composite_figi":"BBG011BALL00"},"status":"OK"}"#;
        assert!(decode(&other[..], &ticker).is_ok(), "a symbol may be anyone's");
        assert!(decode(&br#"{"results":{}}"#[..], &ticker).is_err(), "no status");
    }

    #[test]
    fn a_security_without_events_has_a_row_too() {
        let none = SecurityEvents { name: None, composite_figi: None, cik: None, changes: vec![] };
        let fb = TickerChange { date: "2012-05-18".parse().expect("a day"), ticker: "FB".into() };
        let some = SecurityEvents { changes: vec![fb.clone(), fb], ..none.clone() };
        let row = |id: &str, events: &SecurityEvents| EventsRow {
            id: id.to_owned(),
            share_class_figi: None,
            events: events.clone(),
        };
        let table = table(&[row("A", &none), row("B", &some)]);
        assert_eq!((table.num_rows(), table.num_columns()), (3, 8));
    }
}
