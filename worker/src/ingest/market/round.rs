//! What the source has said to one round of questions, and what that means for a ticker. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::question::Question;
use crate::api::failure::Failure;
use crate::api::market_day::MarketDay;
use crate::ingest::store::Fetch;

/// What came of a question.
#[derive(Debug)]
pub enum Reply {
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

/// Replies to neighbouring questions.
#[derive(Debug)]
pub struct Round {
    /// Oldest first.
    replies: Vec<(Question, Reply)>,
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
    pub fn new(mut replies: Vec<(Question, Reply)>, fetch: Fetch) -> Self {
        replies.sort_by_key(|(question, _)| question.days);
        let days = |wanted: fn(&Reply) -> bool| -> Coverage {
            replies.iter().filter(|(_, reply)| wanted(reply)).map(|(question, _)| question.days).collect()
        };
        let silent = days(|reply| matches!(reply, Reply::Day(day) if day.held == 0));
        let answered = days(|reply| matches!(reply, Reply::Day(_) | Reply::NoSession)).minus(&silent);
        let refused = days(|reply| matches!(reply, Reply::OutsidePlan));
        Self { replies, fetch, answered, silent, refused }
    }

    /// Its first day.
    pub fn begins(&self) -> Option<TradingDay> {
        self.replies.first().map(|(question, _)| question.days.from())
    }

    /// The bars of ticker `number` on the days of `range`, oldest first.
    pub fn bars(&self, number: u32, range: DateRange) -> Vec<Ohlcv> {
        let bar = |(question, reply): &(Question, Reply)| match reply {
            Reply::Day(day) if question.session.is_some_and(|session| range.contains(session)) => {
                day.bar(number)
            }
            _ => None,
        };
        self.replies.iter().filter_map(bar).collect()
    }

    /// The days that are not answered for to ticker `number`, since the market's row of it is of no use, and why.
    pub fn bad(&self, number: u32) -> (Coverage, Option<&str>) {
        let mut bad = Vec::new();
        for (question, reply) in &self.replies {
            if let Reply::Day(day) = reply {
                bad.extend(day.bad(number).map(|what| (question.days, what)));
            }
        }
        (bad.iter().map(|(days, _)| *days).collect(), bad.first().map(|(_, what)| *what))
    }

    /// What has failed of the days of `missing`, if anything.
    pub fn failure(&self, missing: &Coverage) -> Option<&Failure> {
        let is_missing = |question: &Question| {
            missing.ranges().iter().any(|range| range.intersection(question.days).is_some())
        };
        self.replies.iter().find_map(|(question, reply)| match reply {
            Reply::Failed(failure) if is_missing(question) => Some(failure),
            _ => None,
        })
    }
}
