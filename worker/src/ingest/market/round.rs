//! What the source has said to one round of queries, and what that means for a ticker. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::session_query::SessionQuery;
use crate::api::failure::Failure;
use crate::api::market_day::MarketDay;
use crate::ingest::store::Fetch;

/// What came of a query.
#[derive(Debug)]
pub enum SessionReply {
    /// The market of its session.
    Day(MarketDay),
    /// There was no session to ask for.
    NoSession,
    /// Not asked: its session is not settled by the source's clock.
    Unsettled,
    /// The plan does not reach it.
    OutsidePlan,
    /// No reply that can be believed.
    Failed(Failure),
}

/// Replies to neighbouring queries.
#[derive(Debug)]
pub struct Round {
    /// Oldest first.
    replies: Vec<(SessionQuery, SessionReply)>,
    /// How they came.
    pub fetch: Fetch,
    /// The days answered for with a market, or by the calendar.
    pub answered: Coverage,
    /// The days of sessions whose whole market had not a row: empty, whatever came of
    /// their neighbours.
    pub silent: Coverage,
    /// The days that the plan does not reach.
    pub refused: Coverage,
}

impl Round {
    /// Replies in any order.
    pub fn new(mut replies: Vec<(SessionQuery, SessionReply)>, fetch: Fetch) -> Self {
        replies.sort_by_key(|(query, _)| query.days);
        let days = |wanted: fn(&SessionReply) -> bool| -> Coverage {
            replies.iter().filter(|(_, reply)| wanted(reply)).map(|(query, _)| query.days).collect()
        };
        let silent = days(|reply| matches!(reply, SessionReply::Day(day) if day.held == 0));
        let answered =
            days(|reply| matches!(reply, SessionReply::Day(_) | SessionReply::NoSession))
                .minus(&silent);
        let refused = days(|reply| matches!(reply, SessionReply::OutsidePlan));
        Self { replies, fetch, answered, silent, refused }
    }

    /// Its first day.
    pub fn begins(&self) -> Option<TradingDay> {
        self.replies.first().map(|(query, _)| query.days.from())
    }

    /// The bars of ticker `number` on the days of `range`, oldest first.
    pub fn bars(&self, number: u32, range: DateRange) -> Vec<Ohlcv> {
        let bar = |(query, reply): &(SessionQuery, SessionReply)| match reply {
            SessionReply::Day(day)
                if query.session.is_some_and(|session| range.contains(session)) =>
            {
                day.bar(number)
            }
            _ => None,
        };
        self.replies.iter().filter_map(bar).collect()
    }

    /// The days that are not answered for to ticker `number`, since the market's row of it is of no
    /// use, and why.
    pub fn bad(&self, number: u32) -> (Coverage, Option<&str>) {
        let mut bad = Vec::new();
        for (query, reply) in &self.replies {
            if let SessionReply::Day(day) = reply {
                bad.extend(day.bad(number).map(|what| (query.days, what)));
            }
        }
        (bad.iter().map(|(days, _)| *days).collect(), bad.first().map(|(_, what)| *what))
    }

    /// What has failed of the days of `missing`, if anything.
    pub fn failure(&self, missing: &Coverage) -> Option<&Failure> {
        let is_missing = |query: &SessionQuery| {
            missing.ranges().iter().any(|range| range.intersection(query.days).is_some())
        };
        self.replies.iter().find_map(|(query, reply)| match reply {
            SessionReply::Failed(failure) if is_missing(query) => Some(failure),
            _ => None,
        })
    }
}
