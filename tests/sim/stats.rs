//! What was asked and answered: the numbers behind `/__stats`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::faults::Fault;

/// A snapshot of the counters since the start. `/__stats` itself is not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests by endpoint (`aggs/day`, `trades`, …).
    pub requests: BTreeMap<String, u64>,
    /// Requests in all.
    pub total: u64,
    /// Rows in the bodies of replies with status 200.
    pub rows: u64,
    /// Replies by HTTP status.
    pub status: BTreeMap<String, u64>,
    /// Faults that really showed, by name.
    pub faults: BTreeMap<String, u64>,
    /// Requests being answered now, from the head read to the body sent.
    pub in_flight: u64,
    /// The most of them at any moment.
    pub most_in_flight: u64,
    /// Requests by the ticker that their path names.
    #[serde(default)]
    pub requests_by_ticker: BTreeMap<String, u64>,
    /// When each request arrived, ms since the epoch (UTC), in order of arrival.
    pub requests_at_ms: Vec<i64>,
    /// Bytes of bodies, as sent.
    pub bytes: u64,
}

impl Stats {
    /// A request for `path` has arrived.
    pub fn arrived(&mut self, at_ms: i64, path: &str) {
        self.total += 1;
        if let Some(ticker) = ticker_of(path) {
            *self.requests_by_ticker.entry(ticker.to_owned()).or_default() += 1;
        }
        self.requests_at_ms.push(at_ms);
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
    }

    /// Its reply is ready.
    pub fn answered(
        &mut self,
        endpoint: &str,
        status: u16,
        rows: usize,
        faults: &[Fault],
        bytes: usize,
    ) {
        *self.requests.entry(endpoint.to_owned()).or_default() += 1;
        *self.status.entry(status.to_string()).or_default() += 1;
        for fault in faults {
            *self.faults.entry(fault.to_string()).or_default() += 1;
        }
        self.rows += u64::try_from(rows).expect("rows of a page");
        self.bytes += u64::try_from(bytes).expect("bytes of a page");
    }

    /// Its body is sent, or the connection gone.
    pub fn finished(&mut self) {
        self.in_flight -= 1;
    }
}

/// Whose rows a path asks for.
fn ticker_of(path: &str) -> Option<&str> {
    let rest =
        path.strip_prefix("/v2/aggs/ticker/").or_else(|| path.strip_prefix("/v3/trades/"))?;
    rest.split('/').next()
}
