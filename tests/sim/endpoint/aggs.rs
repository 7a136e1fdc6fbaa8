//! `/v2/aggs/ticker/{t}/range/1/{day,minute}/{from}/{to}`: bars of one ticker.
//!
//! The position of a later page is in its *path*: ascending moves `from` behind the last row,
//! descending moves `to` before it. The cursor carries limit and order, as recorded, and, for
//! unadjusted chains only, a field of ours that keeps them unadjusted: the simulator itself
//! remembers nothing of a chain.

use std::fmt::Write as _;

use shared::market::trading_day::TradingDay;

use super::{AggsEnd, Ask, Next, Page, quoted};
use crate::sim::faults::Fault;
use crate::sim::fixed::{Point, Shares};
use crate::sim::params::{Moment, Origin, cursor, percent_decoded};
use crate::sim::record::{Adjustment, Bar, Rescale, Span, Spelling};
use crate::sim::refusal::Refusal;
use crate::sim::source::{Source, SourceError, splits_of};

const DEFAULT_LIMIT: usize = 5_000;
const MOST_LIMIT: usize = 50_000;
const MINUTE_MS: i64 = 60_000;

/// The variable parts of the path, as asked.
pub struct AggsPath<'a> {
    /// Symbol, still percent-encoded.
    pub ticker: &'a str,
    /// Day or minute.
    pub span: Span,
    /// First window.
    pub from: &'a str,
    /// Last window.
    pub to: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

struct Query {
    ticker: String,
    span: Span,
    /// Stamps of bars, both inclusive.
    stamps: (i64, i64),
    adjustment: Adjustment,
    order: Order,
    limit: usize,
}

impl Query {
    fn read(ask: &Ask, path: &AggsPath) -> Result<Self, Refusal> {
        let unread = |name: &str| {
            let text = format!(
                "Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"
            );
            Refusal::BadRequest(text)
        };
        let from = Moment::read(path.from).and_then(first_ms).ok_or_else(|| unread("from"))?;
        let to = Moment::read(path.to).and_then(last_ms).ok_or_else(|| unread("to"))?;
        let order = if ask.params.get("sort") == Some("desc") {
            Order::Descending
        } else {
            Order::Ascending
        };
        // The page behind the last one of an ascending chain is empty, not an error.
        if to < from && (ask.page == Origin::Asked || order == Order::Descending) {
            return Err(Refusal::bad(
                "The parameter 'to' cannot be a time that occurs before 'from'",
            ));
        }
        let first_window = match path.span {
            Span::Day => TradingDay::of_utc_ms(from).ok_or_else(|| unread("from"))?.start_utc_ms(),
            Span::Minute => from.div_euclid(MINUTE_MS) * MINUTE_MS,
        };
        let limit = match ask.params.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().map_err(|_| Refusal::bad("'limit' must be a number"))?,
        };
        Ok(Self {
            ticker: percent_decoded(path.ticker),
            span: path.span,
            stamps: (first_window, to),
            adjustment: if ask.params.is_false("adjusted") {
                Adjustment::Unadjusted
            } else {
                Adjustment::Splits
            },
            order,
            limit: limit.clamp(1, MOST_LIMIT),
        })
    }

    /// The first rows of the answer, at most `want`.
    fn gather(&self, source: &dyn Source, want: usize) -> Result<Vec<Bar>, SourceError> {
        let (lowest, highest) = self.stamps;
        let (first, last) = source.days();
        let day_of = |ms: i64| TradingDay::of_utc_ms(ms).unwrap_or(TradingDay::MIN);
        let (from, to) = (day_of(lowest).max(first), day_of(highest).min(last));
        let mut rows = Vec::new();
        let mut take = |bars: &[Bar]| {
            let inside = bars.iter().filter(|bar| (lowest..=highest).contains(&bar.t_ms));
            let room = want - rows.len();
            match self.order {
                Order::Ascending => rows.extend(inside.take(room)),
                Order::Descending => rows.extend(inside.rev().take(room)),
            }
            rows.len() == want
        };
        match (self.span, self.order) {
            _ if lowest > highest => {}
            (Span::Day, order) => {
                let mut years: Vec<i16> = (from.year()..=to.year()).collect();
                if order == Order::Descending {
                    years.reverse();
                }
                for year in years {
                    if take(&source.daily_bars(&self.ticker, year)?) {
                        break;
                    }
                }
            }
            (Span::Minute, Order::Ascending) => {
                let mut day = from;
                while day <= to && !take(&source.minute_bars(&self.ticker, day)?) {
                    day = day.next();
                }
            }
            (Span::Minute, Order::Descending) => {
                let mut day = to;
                while day >= from && !take(&source.minute_bars(&self.ticker, day)?) {
                    day = day.previous();
                }
            }
        }
        Ok(rows)
    }
}

/// The answer to a range of bars.
pub fn page(ask: &Ask, path: &AggsPath) -> Result<Page, Refusal> {
    let query = Query::read(ask, path)?;
    if query.stamps.0 < ask.plan_begins.start_utc_ms() {
        return Err(Refusal::OutsidePlan);
    }
    let (first, last) = query.stamps;
    if ask.defects.are_too_heavy(first, last) || ask.defects.are_mute(&query.ticker, first, last) {
        return Err(Refusal::TooHeavy);
    }
    let full = query.limit.min(ask.page_rows_max) + usize::from(query.order == Order::Descending);
    // One row more than is served says whether there is a next page.
    let mut rows = query.gather(ask.source, full + 1)?;
    let has_next = match ask.aggs_end {
        AggsEnd::Exact => rows.len() > full,
        AggsEnd::EmptyPage => rows.len() >= full,
    };
    rows.truncate(full);
    let next =
        rows.last().filter(|_| has_next).map(|last| next_page(ask, path, &query, last, rows.len()));
    let rows = with_twins(ask, &query.ticker, rows);
    let flips =
        ask.page == Origin::Followed && !rows.is_empty() && ask.drawn.has(Fault::AdjustedFlip);
    let adjustment = if flips { query.adjustment.flipped() } else { query.adjustment };
    let splits = splits_of(ask.source, &query.ticker);
    let of_splits: Vec<Rescale> = rows.iter().map(|bar| Rescale::at(bar.t_ms, splits)).collect();
    let makes_no_difference = of_splits.iter().all(|rescale| *rescale == Rescale::NONE);
    let rescaled = rows.iter().zip(of_splits).map(|(bar, of_splits)| {
        let rescale = match adjustment {
            _ if flips && makes_no_difference => Rescale::DOUBLE,
            Adjustment::Unadjusted => Rescale::NONE,
            Adjustment::Splits => of_splits,
        };
        rescale.apply(bar)
    });
    let mut page =
        envelope(ask, Some(&query.ticker), adjustment, rescaled.map(|bar| (None, bar)), next);
    page.faults.extend(flips.then_some(Fault::AdjustedFlip));
    Ok(page)
}

/// A twin stands right behind the first bar of its day.
fn with_twins(ask: &Ask, ticker: &str, rows: Vec<Bar>) -> Vec<Bar> {
    let mut before = None;
    let mut all = Vec::with_capacity(rows.len());
    for bar in rows {
        let day = TradingDay::of_utc_ms(bar.t_ms).expect("made from a day");
        let is_first = before.replace(day) != Some(day);
        let twin = Bar { volume: Shares(bar.volume.0 + Shares::whole(1).0), ..bar };
        all.push(bar);
        all.extend((is_first && ask.defects.has_twin(ticker, day)).then_some(twin));
    }
    all
}

fn next_page(ask: &Ask, path: &AggsPath, query: &Query, last: &Bar, rows: usize) -> Next {
    let repeats = ask.repeats_last_row(rows);
    let (from, to) = match query.order {
        Order::Ascending if repeats => (last.t_ms.to_string(), path.to.to_owned()),
        Order::Ascending => (window_after(query.span, last.t_ms).to_string(), path.to.to_owned()),
        Order::Descending => (path.from.to_owned(), (last.t_ms - i64::from(!repeats)).to_string()),
    };
    let limit = query.limit.to_string();
    let sort = if query.order == Order::Ascending { "asc" } else { "desc" };
    let ours = (query.adjustment == Adjustment::Unadjusted).then_some(("adjusted", "false"));
    let span = if query.span == Span::Day { "day" } else { "minute" };
    Next {
        path: format!("/v2/aggs/ticker/{}/range/1/{span}/{from}/{to}", path.ticker),
        cursor: cursor(ours.into_iter().chain([("limit", limit.as_str()), ("sort", sort)])),
    }
}

fn window_after(span: Span, t_ms: i64) -> i64 {
    match span {
        Span::Day => TradingDay::of_utc_ms(t_ms).expect("made from a day").next().start_utc_ms(),
        Span::Minute => t_ms + MINUTE_MS,
    }
}

fn first_ms(moment: Moment) -> Option<i64> {
    match moment {
        Moment::Day(day) => Some(day.start_utc_ms()),
        Moment::Number(ms) => TradingDay::of_utc_ms(ms).map(|_| ms),
    }
}

fn last_ms(moment: Moment) -> Option<i64> {
    match moment {
        Moment::Day(day) => Some(day.next().start_utc_ms() - 1),
        Moment::Number(ms) => TradingDay::of_utc_ms(ms).map(|_| ms),
    }
}

/// The envelope of aggregates, without `results` when there are none. Rows of a whole market name
/// their ticker.
pub(super) fn envelope<'a>(
    ask: &Ask,
    ticker: Option<&str>,
    adjustment: Adjustment,
    rows: impl ExactSizeIterator<Item = (Option<&'a str>, Bar)>,
    next: Option<Next>,
) -> Page {
    let count = rows.len();
    let tail = ask.tail(next, count);
    let mut json = String::with_capacity(400 + count * 130);
    json.push('{');
    if let Some(ticker) = ticker {
        write!(json, "\"ticker\":{},", quoted(ticker)).expect("a String");
    }
    let adjusted = adjustment == Adjustment::Splits;
    write!(json, "\"queryCount\":{count},\"resultsCount\":{count},\"adjusted\":{adjusted},")
        .expect("a String");
    for (index, (ticker, bar)) in rows.enumerate() {
        json.push_str(if index == 0 { "\"results\":[" } else { "," });
        push_bar(&mut json, ticker, &bar);
    }
    if count > 0 {
        json.push_str("],");
    }
    write!(
        json,
        "\"status\":\"{}\",\"request_id\":\"{}\",\"count\":{count}",
        tail.status, ask.request_id
    )
    .expect("a String");
    if let Some(url) = &tail.next_url {
        write!(json, ",\"next_url\":{}", quoted(url)).expect("a String");
    }
    json.push('}');
    Page { json, rows: count, faults: tail.faults }
}

fn push_bar(json: &mut String, ticker: Option<&str>, bar: &Bar) {
    let (prices, volume) = match bar.spelling {
        Spelling::Plain => (Point::IfNeeded, Point::IfNeeded),
        Spelling::PointedVolume => (Point::IfNeeded, Point::Always),
        Spelling::PointedPrices => (Point::Always, Point::IfNeeded),
    };
    json.push('{');
    if let Some(ticker) = ticker {
        write!(json, "\"T\":{},", quoted(ticker)).expect("a String");
    }
    json.push_str("\"v\":");
    bar.volume.spell(json, volume);
    if let Some(vwap) = bar.vwap {
        json.push_str(",\"vw\":");
        vwap.spell(json, Point::IfNeeded);
    }
    for (name, price) in [("o", bar.open), ("c", bar.close), ("h", bar.high), ("l", bar.low)] {
        write!(json, ",\"{name}\":").expect("a String");
        price.spell(json, prices);
    }
    write!(json, ",\"t\":{}", bar.t_ms).expect("a String");
    if let Some(trades) = bar.trades {
        write!(json, ",\"n\":{trades}").expect("a String");
    }
    json.push('}');
}
