//! The endpoints: a question answered out of a source, one page at a time.
//!
//! Pure but for what a source reads. Authentication, rates and transport faults are settled before
//! and after.

pub mod aggs;
pub mod grouped;
pub mod trades;
pub mod tickers;
pub mod events;
pub mod splits;

use std::fmt::Write as _;

use shared::market::trading_day::TradingDay;

use super::defects::Defects;
use super::faults::{Drawn, Fault};
use super::params::{Origin, Params};
use super::source::Source;

/// What happens when the last page of aggregates is exactly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AggsEnd {
    /// No `next_url`.
    #[default]
    Exact,
    /// A `next_url` to a page without rows (ascending) or to a 400 (descending).
    EmptyPage,
}

/// One question, with all that its answer depends on.
pub struct Ask<'a> {
    /// Where the rows are.
    pub source: &'a dyn Source,
    /// Scheme and host as the client called it.
    pub origin: &'a str,
    /// Path and query as asked.
    pub target: &'a str,
    /// The path alone.
    pub path: &'a str,
    /// The query, or what its cursor hides.
    pub params: Params,
    /// Whether it is a page after the first.
    pub page: Origin,
    /// What shall go wrong.
    pub drawn: &'a Drawn,
    /// What is wrong for good.
    pub defects: &'a Defects,
    /// Most rows of a page, whatever `limit` says.
    pub page_rows_max: usize,
    /// See [`AggsEnd`].
    pub aggs_end: AggsEnd,
    /// The first day that the plan of every key reaches.
    pub plan_begins: TradingDay,
    /// The body's `request_id`.
    pub request_id: &'a str,
}

/// A body with status 200.
#[derive(Debug)]
pub struct Page {
    /// The body.
    pub json: String,
    pub rows: usize,
    /// The faults it shows.
    pub faults: Vec<Fault>,
}

/// Where the next page is, path and cursor.
struct Next {
    path: String,
    cursor: String,
}

/// `status` and `next_url` of a page, and the faults they show.
struct Tail {
    status: &'static str,
    next_url: Option<String>,
    faults: Vec<Fault>,
}

impl Ask<'_> {
    /// The one fault that bends the link to the next page.
    fn link_fault(&self) -> Option<Fault> {
        self.drawn.first_of(&[Fault::RepeatedNextUrl, Fault::ForeignNextUrl, Fault::DuplicateRow])
    }

    /// Whether the link to the next page shall lead back by one row; needs a row to go back to.
    fn repeats_last_row(&self, rows: usize) -> bool {
        rows >= 2 && self.link_fault() == Some(Fault::DuplicateRow)
    }

    fn tail(&self, next: Option<Next>, rows: usize) -> Tail {
        let mut faults = Vec::new();
        let bent = self.link_fault().filter(|&fault| fault != Fault::DuplicateRow || rows >= 2);
        let next_url = next.map(|next| {
            faults.extend(bent);
            match bent {
                Some(Fault::RepeatedNextUrl) => format!("{}{}", self.origin, self.target),
                Some(Fault::ForeignNextUrl) => {
                    format!("https://evil.example{}?cursor={}", next.path, next.cursor)
                }
                _ => format!("{}{}?cursor={}", self.origin, next.path, next.cursor),
            }
        });
        let status = if self.drawn.has(Fault::Delayed) {
            faults.push(Fault::Delayed);
            "DELAYED"
        } else {
            "OK"
        };
        Tail { status, next_url, faults }
    }

    /// The envelope of the v3 lists.
    fn list(&self, rows: &[String], count: Count, next: Option<Next>) -> Page {
        let tail = self.tail(next, rows.len());
        let size = rows.iter().map(|row| row.len() + 1).sum::<usize>() + 400;
        let mut json = String::with_capacity(size);
        json.push_str("{\"results\":[");
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(row);
        }
        write!(json, "],\"status\":\"{}\",\"request_id\":\"{}\"", tail.status, self.request_id)
            .expect("a String");
        if count == Count::Said {
            write!(json, ",\"count\":{}", rows.len()).expect("a String");
        }
        if let Some(url) = &tail.next_url {
            write!(json, ",\"next_url\":{}", quoted(url)).expect("a String");
        }
        json.push('}');
        Page { json, rows: rows.len(), faults: tail.faults }
    }
}

/// Whether a list says how many rows the page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Said,
    Absent,
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}
