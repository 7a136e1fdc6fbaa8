//! `/v2/aggs/grouped/locale/us/market/stocks/{date}`: the whole market of one day, in no order, on
//! one page.

use shared::market::session::{Session, session};
use shared::market::trading_day::TradingDay;

use super::{Ask, Page, aggs};
use crate::sim::chance::of_text;
use crate::sim::faults::Fault;
use crate::sim::record::{Adjustment, Bar, Rescale};
use crate::sim::refusal::Refusal;
use crate::sim::source::splits_of;

/// The answer for one day. `t` is 16:00 New York, unlike the same bar's in a range.
pub fn page(ask: &Ask, date: &str) -> Result<Page, Refusal> {
    let unread = "Could not parse the time parameter: 'date'. Use YYYY-MM-DD or Unix MS Timestamps";
    let day: TradingDay = date.parse().map_err(|_| Refusal::bad(unread))?;
    if day < ask.plan_begins {
        return Err(Refusal::OutsidePlan);
    }
    let asked =
        if ask.params.is_false("adjusted") { Adjustment::Unadjusted } else { Adjustment::Splits };
    let flips = ask.drawn.has(Fault::AdjustedFlip);
    let adjustment = if flips { asked.flipped() } else { asked };
    let mut rows: Vec<(Option<&str>, Bar)> = Vec::new();
    if session(day).is_some() {
        let end_ms = Session::Full.regular_close(day).as_millisecond();
        // A symbol that was used again is listed twice, and trades once.
        for listing in ask.source.listings().iter().filter(|one| one.trades_on(day)) {
            let ticker = listing.ticker.as_str();
            let Some(bar) = ask.source.day_bar(ticker, day)? else { continue };
            let rescale = match adjustment {
                Adjustment::Unadjusted => Rescale::NONE,
                Adjustment::Splits => Rescale::at(bar.t_ms, splits_of(ask.source, ticker)),
            };
            rows.push((Some(ticker), Bar { t_ms: end_ms, ..rescale.apply(&bar) }));
        }
    }
    rows.sort_by_key(|(ticker, _)| ticker.map(of_text));
    let repeats = ask.repeats_last_row(rows.len());
    if repeats {
        rows.extend(rows.first().copied());
    }
    let mut page = aggs::envelope(ask, None, adjustment, rows.into_iter(), None);
    page.faults.extend(flips.then_some(Fault::AdjustedFlip));
    page.faults.extend(repeats.then_some(Fault::DuplicateRow));
    Ok(page)
}
