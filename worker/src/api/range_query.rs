//! All bars or trades of a ticker whose stamps lie in a range: what to ask for, and what may come.
//! Pure.

use std::marker::PhantomData;
use std::ops::Range;

use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use shared::run::duplicates::Duplicates;
use url::Url;

use super::endpoints::Endpoint;
use super::envelope;
use super::lie::Lie;
use super::page::Page;
use super::progress::Stall;
use super::query::{Query, SameKey};
use super::wire::Record;

/// The records of `endpoint` with stamps in a range, oldest first, asked for in one go.
#[derive(Debug, Clone)]
pub struct RangeQuery<R> {
    endpoint: Endpoint,
    /// The stamps asked for, half-open.
    stamps: Range<i64>,
    duplicates: Duplicates,
    row: PhantomData<R>,
}

impl<R> RangeQuery<R> {
    /// The records of `endpoint` with these `stamps`; two different bars with one stamp are a lie.
    pub fn new(endpoint: Endpoint, stamps: Range<i64>) -> Self {
        Self { endpoint, stamps, duplicates: Duplicates::Refuse, row: PhantomData }
    }

    /// The same, where this becomes of two different bars with one stamp.
    #[must_use]
    pub fn with(self, duplicates: Duplicates) -> Self {
        Self { duplicates, ..self }
    }
}

impl<R: Record<Key = i64>> Query for RangeQuery<R> {
    type Row = R;

    /// Stamps go forward and have an end.
    const MOST_PAGES: u32 = u32::MAX;

    fn url(&self, base: &BaseUrl, last: Option<&i64>) -> Option<Url> {
        let from = last.map_or(self.stamps.start, |stamp| self.endpoint.after(*stamp));
        let rest = from..self.stamps.end;
        let join = |path: String| {
            base.join(&path).expect("a path of letters, digits and dates stays on its origin")
        };
        (!rest.is_empty()).then(|| join(self.endpoint.path_and_query(&rest)))
    }

    fn same_key(&self) -> SameKey {
        match (&self.endpoint, self.duplicates) {
            (Endpoint::Trades(_), _) => SameKey::KeepAll,
            (Endpoint::DailyBars(..) | Endpoint::MinuteBars(..), Duplicates::KeepFirst) => {
                SameKey::KeepFirst
            }
            // Where they are refused, `check_record` says so.
            (
                Endpoint::DailyBars(..) | Endpoint::MinuteBars(..),
                Duplicates::Refuse | Duplicates::KeepLast,
            ) => SameKey::KeepLast,
        }
    }

    /// Every page says what it is; bars also say of what, on which scale and how many.
    fn check_page(&self, page: &Page<R>) -> Result<(), Lie> {
        envelope::check_status(page)?;
        let other = |name: &&String| *name != self.endpoint.ticker().as_str();
        if let Some(name) = page.rows_ticker.as_ref().filter(other) {
            return Err(Lie::RowsOfOther(name.clone()));
        }
        if let Some(name) = page.ticker.as_ref().filter(other) {
            return Err(Lie::OtherTicker(name.clone()));
        }
        if let Endpoint::Trades(_) = self.endpoint {
            return Ok(());
        }
        if page.ticker.is_none() {
            return Err(Lie::Silent("ticker"));
        }
        envelope::check_scale(page, self.endpoint.adjusted())?;
        envelope::check_count(page, page.rows.len() as u64)
    }

    fn check_record(&self, record: &R, before: Option<&R>) -> Result<(), Lie> {
        let stamp = *record.key();
        if !self.stamps.contains(&stamp) {
            return Err(Lie::OutsideRange(stamp));
        }
        if !self.endpoint.begins_window(stamp) {
            return Err(Lie::NotAWindow(stamp));
        }
        let Some(before) = before else { return Ok(()) };
        let after = *before.key();
        if stamp < after {
            return Err(Lie::StampFalls { stamp, after });
        }
        let is_bar = !matches!(self.endpoint, Endpoint::Trades(_));
        if stamp == after && is_bar && self.duplicates == Duplicates::Refuse && record != before {
            return Err(Lie::TwoRows(stamp));
        }
        Ok(())
    }

    fn check_next(&self, url: &Url, last: Option<&i64>) -> Result<(), Lie> {
        let other = || Lie::OtherEndpoint(url.path().to_owned());
        let rest = url.path().strip_prefix(&self.endpoint.path_prefix()).ok_or_else(other)?;
        if let Endpoint::Trades(_) = self.endpoint {
            // The position is inside the cursor, which is the vendor's own business.
            return if rest.is_empty() { Ok(()) } else { Err(other()) };
        }
        let (from, to) = ends_in(url).ok_or_else(other)?;
        let expected = last.map_or(self.stamps.start, |stamp| self.endpoint.after(*stamp));
        // A page may begin with the row that ended the one before, no earlier.
        if last.is_some_and(|last| from < *last) {
            return Err(Lie::DoesNotAdvance);
        }
        if from > expected || to < self.stamps.end - 1 {
            return Err(Lie::Skips);
        }
        Ok(())
    }

    fn is_behind_end(&self, url: &Url) -> bool {
        ends_in(url).is_some_and(|(from, to)| from > to)
    }

    fn stalled(stall: Stall, last: Option<&i64>) -> Lie {
        match (stall, last) {
            (Stall::NothingNew | Stall::TooManyPages, _) | (_, None) => Lie::NothingNew,
            (Stall::SameKey, Some(stamp)) => Lie::StandsStill(*stamp),
            (Stall::Crumbs, Some(stamp)) => Lie::Crumbs(*stamp),
        }
    }
}

/// The two ends in the path of an aggregates URL, ms UTC: the first instant of the first, the last
/// of the last. Other paths have no ends in them.
fn ends_in(url: &Url) -> Option<(i64, i64)> {
    let mut segments = url.path().rsplit('/');
    let (to, from) = (segments.next()?, segments.next()?);
    let day = |text: &str| text.parse::<TradingDay>().ok();
    let from = from.parse().ok().or_else(|| Some(day(from)?.start_utc_ms()))?;
    let to = to.parse().ok().or_else(|| Some(day(to)?.next().start_utc_ms() - 1))?;
    Some((from, to))
}
