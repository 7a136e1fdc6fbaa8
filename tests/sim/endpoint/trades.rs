//! `/v3/trades/{t}`: trades by keyset on (SIP stamp, sequence number).

use std::fmt::Write as _;

use shared::market::trading_day::TradingDay;

use super::{Ask, Count, Next, Page};
use crate::sim::fixed::Point;
use crate::sim::params::{Moment, cursor, percent_decoded, rfc3339};
use crate::sim::record::Trade;
use crate::sim::refusal::Refusal;
use crate::sim::source::SourceError;

const DEFAULT_LIMIT: usize = 1_000;
const MOST_LIMIT: usize = 50_000;
const MS_NS: i64 = 1_000_000;

struct Query {
    ticker: String,
    /// First stamp, inclusive.
    from_ns: i64,
    /// Last stamp, exclusive.
    to_ns: i64,
    is_ascending: bool,
    limit: usize,
    /// Stamp and sequence number of the row before the page.
    after: Option<(i64, i64)>,
}

/// The answer to a range of trades.
pub fn page(ask: &Ask, ticker: &str) -> Result<Page, Refusal> {
    let query = Query::read(ask, ticker)?;
    let full = query.limit.min(ask.page_rows_max);
    let (first, end) = (query.from_ns / MS_NS, query.to_ns / MS_NS);
    if ask.defects.are_too_heavy(first, end) || ask.defects.are_mute(&query.ticker, first, end - 1)
    {
        return Err(Refusal::TooHeavy);
    }
    let mut rows = query.gather(ask, full + 1)?;
    let has_next = rows.len() > full;
    rows.truncate(full);
    let next = has_next.then(|| {
        let back = usize::from(ask.repeats_last_row(rows.len()));
        let last = &rows[rows.len() - 1 - back];
        Next { path: ask.path.to_owned(), cursor: query.cursor_after(last) }
    });
    let mut before = None;
    let spelled = |trade: &Trade| {
        let day = day_of(trade.sip_ns);
        let is_first = before.replace(day) != Some(day);
        let text = row(trade);
        if !is_first || !ask.defects.has_text_price(&query.ticker, day) {
            return text;
        }
        text.replace("\"price\":", "\"price\":\"")
            .replace(",\"sequence_number\"", "\",\"sequence_number\"")
    };
    let rows: Vec<String> = rows.iter().map(spelled).collect();
    Ok(ask.list(&rows, Count::Absent, next))
}

impl Query {
    fn read(ask: &Ask, ticker: &str) -> Result<Self, Refusal> {
        let params = &ask.params;
        let moment = |name: &str| match params.get(name) {
            None => Ok(None),
            Some(text) => Moment::read_ns(text).map(Some).ok_or_else(|| {
                Refusal::BadRequest(format!(
                    "Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix NS"
                ))
            }),
        };
        // A bare date in a comparison is taken as New York midnight.
        let instant = |moment: Moment| match moment {
            Moment::Day(day) => start_ns(day),
            Moment::Number(ns) => ns,
        };
        let (mut from_ns, mut to_ns) = (i64::MIN, i64::MAX);
        match moment("timestamp")? {
            Some(Moment::Day(day)) => (from_ns, to_ns) = (start_ns(day), start_ns(day.next())),
            Some(Moment::Number(ns)) => (from_ns, to_ns) = (ns, ns.saturating_add(1)),
            None => {}
        }
        for (name, after) in [("timestamp.gte", 0), ("timestamp.gt", 1)] {
            from_ns =
                from_ns.max(moment(name)?.map_or(i64::MIN, |m| instant(m).saturating_add(after)));
        }
        for (name, after) in [("timestamp.lt", 0), ("timestamp.lte", 1)] {
            to_ns = to_ns.min(moment(name)?.map_or(i64::MAX, |m| instant(m).saturating_add(after)));
        }
        let is_ascending = params.get("order") == Some("asc");
        let sequence = params.get("ap").and_then(|text| text.parse().ok());
        // In a cursor the bound on the side we come from is the stamp of the last row.
        let after =
            sequence.map(|ap| (if is_ascending { from_ns } else { to_ns.saturating_sub(1) }, ap));
        Ok(Self {
            ticker: percent_decoded(ticker),
            from_ns,
            to_ns,
            is_ascending,
            limit: params.limit(DEFAULT_LIMIT, MOST_LIMIT)?,
            after,
        })
    }

    fn gather(&self, ask: &Ask, want: usize) -> Result<Vec<Trade>, SourceError> {
        let (first, last) = ask.source.days();
        let mut rows = Vec::new();
        if self.from_ns >= self.to_ns {
            return Ok(rows);
        }
        let from = day_of(self.from_ns).max(first);
        let to = day_of(self.to_ns - 1).min(last);
        let mut day = if self.is_ascending { from } else { to };
        while (from..=to).contains(&day) && rows.len() < want {
            let trades = ask.source.trades(&self.ticker, day)?;
            let inside = trades.iter().filter(|trade| self.admits(trade));
            let room = want - rows.len();
            if self.is_ascending {
                rows.extend(inside.take(room).cloned());
                day = day.next();
            } else {
                rows.extend(inside.rev().take(room).cloned());
                day = day.previous();
            }
        }
        Ok(rows)
    }

    fn admits(&self, trade: &Trade) -> bool {
        let key = (trade.sip_ns, trade.sequence);
        let is_behind = match self.after {
            None => true,
            Some(after) if self.is_ascending => key > after,
            Some(after) => key < after,
        };
        is_behind && (self.from_ns..self.to_ns).contains(&trade.sip_ns)
    }

    /// Recorded form: `ap=…&as=&limit=…&order=…&sort=timestamp&timestamp.gte=…`, and the far bound
    /// if there is one.
    fn cursor_after(&self, last: &Trade) -> String {
        let (sequence, limit) = (last.sequence.to_string(), self.limit.to_string());
        let reached = rfc3339(last.sip_ns);
        let (order, near, far) = if self.is_ascending {
            (
                "asc",
                "timestamp.gte",
                (self.to_ns < i64::MAX).then(|| ("timestamp.lt", rfc3339(self.to_ns))),
            )
        } else {
            (
                "desc",
                "timestamp.lte",
                (self.from_ns > i64::MIN).then(|| ("timestamp.gte", rfc3339(self.from_ns))),
            )
        };
        let fixed = [
            ("ap", sequence.as_str()),
            ("as", ""),
            ("limit", limit.as_str()),
            ("order", order),
            ("sort", "timestamp"),
            (near, reached.as_str()),
        ];
        cursor(fixed.into_iter().chain(far.as_ref().map(|(name, at)| (*name, at.as_str()))))
    }
}

fn start_ns(day: TradingDay) -> i64 {
    day.start_utc_ms() * MS_NS
}

fn day_of(ns: i64) -> TradingDay {
    let outside = if ns < 0 { TradingDay::MIN } else { TradingDay::MAX };
    TradingDay::of_utc_ms(ns.div_euclid(MS_NS)).unwrap_or(outside)
}

fn row(trade: &Trade) -> String {
    let mut out = String::with_capacity(260);
    out.push('{');
    if !trade.conditions.is_empty() {
        out.push_str("\"conditions\":[");
        for (index, condition) in trade.conditions.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{condition}").expect("a String");
        }
        out.push_str("],");
    }
    if let Some(correction) = trade.correction {
        write!(out, "\"correction\":{correction},").expect("a String");
    }
    if trade.spells_decimal_size {
        out.push_str("\"decimal_size\":\"");
        trade.size.spell(&mut out, Point::Always);
        out.push_str("\",");
    }
    let id = trade.id.map(|id| id.to_string()).unwrap_or_default();
    write!(out, "\"exchange\":{},\"id\":\"{id}\"", trade.exchange).expect("a String");
    write!(out, ",\"participant_timestamp\":{},\"price\":", trade.participant_ns)
        .expect("a String");
    trade.price.spell(&mut out, Point::IfNeeded);
    write!(out, ",\"sequence_number\":{},\"sip_timestamp\":{}", trade.sequence, trade.sip_ns)
        .expect("a String");
    write!(out, ",\"size\":{},\"tape\":{}", trade.size.floor(), trade.tape).expect("a String");
    if let Some((id, at_ns)) = trade.trf {
        write!(out, ",\"trf_id\":{id},\"trf_timestamp\":{at_ns}").expect("a String");
    }
    out.push('}');
    out
}
