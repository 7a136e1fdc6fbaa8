//! How far back the plan of the API key reaches: found by halving a range that is refused for its
//! dates.

use std::sync::PoisonError;

use shared::dataset::coverage::DateRange;

use super::{Pipeline, Visit};
use crate::api::failure::Failure;
use crate::clock;
use crate::ingest::division::cuts::halves;
use crate::ingest::storable::Storable;
use crate::ingest::store::Fetch;
use crate::ingest::tally::TickerError;
use crate::report::Level;

/// A plan may refuse so many of the newest days for being too new: that says nothing of older ones.
const TOO_NEW_DAYS: u32 = 7;

/// How far back into a range the plan reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    FirstDay,
    /// Not to its first day, but to a later one.
    LaterDay,
    /// To none of its days.
    Nothing,
}

impl Pipeline<'_> {
    /// Where another ticker's questions have found the plan's first day, this one is asked for the
    /// day before it: refused, all that is older is refused too, without a search; answered, that
    /// day is no edge of this ticker.
    pub(super) fn fetch_within_plan<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        range: DateRange,
    ) -> Result<(), TickerError> {
        let begins = *self.plan_begins.lock().unwrap_or_else(PoisonError::into_inner);
        let known = begins
            .and_then(|begins| DateRange::new(range.from(), begins.previous().min(range.to())));
        let Some(before) = known.and_then(|before| visit.wanted_of(before).hull()) else {
            return self.fetch(visit, range).map(drop);
        };
        match self.follow_chain(visit, before.to().into()) {
            Ok(()) => {}
            Err(TickerError::Source(Failure::OutsidePlan(_))) => self.refuse(visit, before)?,
            Err(error) => return Err(error),
        }
        let rest = visit.open_of(range).hull();
        rest.map_or(Ok(()), |rest| self.fetch(visit, rest).map(drop))
    }

    /// Fetches `range`. Where the plan refuses it for its dates, halves it to find the first day
    /// that the plan reaches: plans reach back a number of years from today, so what is older than
    /// a refused day is refused. The newest days alone prove nothing: a plan may refuse those for
    /// being too new.
    fn fetch<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        range: DateRange,
    ) -> Result<Reach, TickerError> {
        match self.follow_chain(visit, range) {
            Ok(()) => return Ok(Reach::FirstDay),
            Err(TickerError::Source(Failure::OutsidePlan(_))) => {}
            Err(error) => return Err(error),
        }
        let Some((older, newer)) = halves(range) else {
            self.refuse(visit, range)?;
            return Ok(Reach::Nothing);
        };
        let of_newer = self.fetch(visit, newer)?;
        if of_newer != Reach::FirstDay && newer.days() > TOO_NEW_DAYS {
            self.refuse(visit, older)?;
            return Ok(of_newer);
        }
        let of_older = self.fetch(visit, older)?;
        if (of_newer, of_older) == (Reach::FirstDay, Reach::Nothing) {
            *self.plan_begins.lock().unwrap_or_else(PoisonError::into_inner) = Some(newer.from());
        }
        Ok(match (of_older, of_newer) {
            (Reach::Nothing, Reach::Nothing) => Reach::Nothing,
            (Reach::Nothing, _) => Reach::LaterDay,
            (of_older, _) => of_older,
        })
    }

    /// What lies between the days wanted may be on disk: nothing is said of it.
    fn refuse<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        days: DateRange,
    ) -> Result<(), TickerError> {
        let refused = self.tools.settled(&visit.wanted_of(days));
        if refused.is_empty() {
            return Ok(());
        }
        let text = format_args!("{refused} is outside the plan of the API key");
        self.tools.reporter.ticker(Level::Warn, visit.ticker, text);
        let fetch =
            Fetch { asking: self.tools.asked_at(clock::moment()), pages: visit.received.pages };
        visit.store.record_outside_plan(&refused, fetch)?;
        visit.open = visit.open.minus(&refused);
        Ok(())
    }
}
