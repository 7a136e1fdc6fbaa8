//! Trust: which answers of a ledger count, for whom. Pure.

use jiff::{SignedDuration, Timestamp};

use super::answers::{Answer, Answers, Asker, RECHECK_AFTER, Said, TOLERANCE, has_session};
use super::coverage::{Coverage, DateRange};
use crate::market::trading_day::TradingDay;

/// A run whose clock was set back still believes answers about days that were over for this long.
/// Answers about newer days may have come in the middle of their session, if the earlier clock was
/// the wrong one.
const WELL_OVER_DAYS: i32 = 7;

/// Which answers count, for whom.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// The time now: no later answer is believed.
    pub now: Timestamp,
    /// Empty answers that are due by this time (`now` or earlier) are asked again.
    pub recheck_at: Timestamp,
    /// Only answers requested at or after this instant, or by the run itself, count. A run that
    /// fetches everything anew sets it.
    pub since: Option<Timestamp>,
    /// The run that asks, if any does.
    pub run: Option<Asker>,
    /// How often an empty answer is asked again before it is believed for good.
    pub recheck_empty: u32,
}

impl Trust {
    /// Trust in every answer from before `now`.
    pub fn at(now: Timestamp, recheck_empty: u32) -> Self {
        Self { now, recheck_at: now, since: None, run: None, recheck_empty }
    }

    /// The days for which this answer makes a request unnecessary.
    pub fn believed(&self, answer: &Answer) -> Option<DateRange> {
        let is_own = self.run.is_some_and(|run| answer.run == Some(run.mark()));
        // The mark says whose answer it is. The clock, which may have been set back between two
        // runs, decides only without a mark.
        let may_be_own = answer.run.is_none() || self.run.is_none();
        let is_fresh =
            is_own || self.since.is_none_or(|since| may_be_own && answer.asked_at >= since);
        let is_settled = match answer.said {
            Said::Data | Said::OutsidePlan => true,
            Said::Empty { asks } => {
                asks > self.recheck_empty
                    || self.recheck_at.duration_since(answer.asked_at) < RECHECK_AFTER
                    || !has_session(answer.days)
            }
            Said::Lost => false,
        };
        if !is_fresh || !is_settled {
            return None;
        }
        if answer.latest().duration_since(self.now) <= TOLERANCE {
            return if self.may_have_been_too_new(answer) {
                well_over_at(answer.asked_at)?.intersection(answer.days)
            } else {
                Some(answer.days)
            };
        }
        well_over_at(self.now).filter(|_| is_own)?.intersection(answer.days)
    }

    /// A plan reaches back a number of years. If it refused days right before the request, they may
    /// have been too new; they are asked for again after a day.
    fn may_have_been_too_new(&self, answer: &Answer) -> bool {
        answer.said == Said::OutsidePlan
            && self.recheck_at.duration_since(answer.asked_at) >= RECHECK_AFTER
    }

    /// The days of `answers` that need no request.
    pub fn days(&self, answers: &Answers) -> Coverage {
        answers.iter().filter_map(|answer| self.believed(answer)).collect()
    }
}

/// The days that had been over for more than a week at that time.
fn well_over_at(at: Timestamp) -> Option<DateRange> {
    DateRange::new(
        TradingDay::MIN,
        TradingDay::last_settled(at, SignedDuration::ZERO).plus_days(-WELL_OVER_DAYS),
    )
}

#[cfg(test)]
mod tests;
