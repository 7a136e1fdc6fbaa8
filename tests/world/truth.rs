//! What the source has really said of which day, beside everything that is looked at; and whether the tree says the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::dataset::answers::TOLERANCE;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::disk::Folder;
use super::fate::Fate;

/// One answer for one day.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// These rows, and they were in the tree.
    Rows(Vec<Ohlcv>),
    /// No row.
    Empty,
    /// The plan does not reach it.
    Outside,
}

/// An answer, when it came, and when it was asked for by the clock on the wall of then.
type Told = (u64, Timestamp, Given);

/// Who looks at what was said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    /// When its run was created, by the true time.
    pub(crate) run_began: u64,
    /// Does it believe its own answers only?
    pub(crate) is_anew: bool,
    /// What the clock on the wall says.
    pub(crate) now: Timestamp,
}

impl Reader {
    /// May it believe that? Nobody believes what others were told by a clock that was ahead.
    fn may_believe(self, (t, asked_at, _): &Told) -> bool {
        let is_own = *t >= self.run_began;
        is_own || !self.is_anew && asked_at.duration_since(self.now) <= TOLERANCE
    }
}

/// All answers for one ticker, and when they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    given: BTreeMap<TradingDay, Vec<Told>>,
    /// When any answer came, of whatever days, and by which stamp.
    answered: Vec<(u64, Timestamp)>,
    /// Days whose rows stand in a file of which no line tells: there the newest answer with rows counts.
    untold: Coverage,
    /// When what was known of a day was destroyed: nobody can know what rows there were.
    forgotten_at: BTreeMap<TradingDay, u64>,
}

impl Truth {
    /// A file with `draft` was brought into its place; the answer was for `days`.
    pub(crate) fn published(
        &mut self,
        (t, asked_at): (u64, Timestamp),
        fate: &Fate,
        draft: &[DatedBar],
        days: &Coverage,
    ) {
        self.answered.push((t, asked_at));
        let (replaced, untold) = (self.untold.intersection(days), self.untold.union(days));
        replaced.ranges().iter().for_each(|days| self.never_told(*days));
        self.untold = untold;
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let rows: Vec<_> = draft.iter().filter(|row| row.date == *day).map(|row| row.bar).collect();
            let given = if rows.is_empty() { Given::Empty } else { Given::Rows(rows) };
            self.given.entry(*day).or_default().push((t, asked_at, given));
        }
    }

    /// A line tells of the rows that came for `days`.
    pub(crate) fn proven(&mut self, days: &Coverage) {
        self.untold = self.untold.minus(days);
    }

    /// An answer without rows was recorded for `days`.
    pub(crate) fn said(
        &mut self,
        (t, asked_at): (u64, Timestamp),
        fate: &Fate,
        days: &Coverage,
        given: &Given,
    ) {
        self.answered.push((t, asked_at));
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            self.given.entry(*day).or_default().push((t, asked_at, given.clone()));
        }
    }

    /// Did an answer come after `began`, or did any seem to by its stamp?
    pub(crate) fn was_answered(&self, began: u64, stamp: Timestamp) -> bool {
        self.answered.iter().any(|(t, asked_at)| *t >= began || *asked_at >= stamp)
    }

    /// A file with rows of these days is lost before any line spoke of it: nobody can know.
    pub(crate) fn never_told(&mut self, days: DateRange) {
        self.untold = self.untold.minus(&days.into());
        for (_, given) in self.given.iter_mut().filter(|(day, _)| days.contains(**day)) {
            given.retain(|told| rows(told).is_none());
        }
    }

    /// A line of its ledger that told of `days` is gone.
    pub(crate) fn forget(&mut self, days: DateRange, t: u64) {
        self.forgotten_at.extend(self.given.keys().filter(|day| days.contains(**day)).map(|day| (*day, t)));
    }

    /// Why the tree does not hold what somebody who is called done must have; nothing when it does.
    pub(crate) fn contradicts(
        &self,
        fate: &Fate,
        folder: &Folder,
        days: DateRange,
        reader: Reader,
    ) -> Option<String> {
        for (day, _) in fate.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let found = folder.rows_of(*day);
            let given = self.given.get(day).map(Vec::as_slice).unwrap_or_default();
            if !given.iter().any(|told| reader.may_believe(told)) {
                return Some(format!("{day}: no answer was ever given for it that counts"));
            }
            let rows_given: Vec<&Vec<Ohlcv>> = given.iter().filter_map(rows).collect();
            let rows_found: Vec<Ohlcv> = found.iter().map(|row| row.bar).collect();
            let is_known =
                |(t, ..): &&Told| self.forgotten_at.get(day).is_none_or(|forgotten| *t > *forgotten);
            let rows_known = given.iter().filter(is_known).any(|given| rows(given).is_some());
            if !rows_known && rows_found.is_empty() && given.iter().any(|given| is_known(&given)) {
                continue;
            }
            let Some(last) = rows_given.last() else {
                if rows_found.is_empty() {
                    continue;
                }
                return Some(format!("{day}: {} rows that nobody has sent", rows_found.len()));
            };
            if rows_found.is_empty() && !stands_by_none(given) {
                return Some(format!("{day}: {} rows were in the tree and are gone", last.len()));
            }
            if rows_found.is_empty() {
                continue;
            }
            if rows_found.windows(2).any(|pair| pair[0].t >= pair[1].t) {
                return Some(format!("{day}: a row is doubled or out of order"));
            }
            let foreign = rows_found.iter().find(|row| !rows_given.iter().any(|given| given.contains(row)));
            if let Some(row) = foreign {
                return Some(format!("{day}: {row:?} was never sent"));
            }
            if let Some(row) = last.iter().find(|row| !rows_found.contains(row)) {
                return Some(format!("{day}: {row:?}, sent last, is not in the tree"));
            }
            if fate.kind == Kind::Trades && rows_found.len() != last.len() {
                return Some(format!("{day}: {} trades where {} were sent", rows_found.len(), last.len()));
            }
        }
        None
    }
}

/// Has the source left the day out twice since it had rows? What is lost and was so often asked for again is gone.
fn stands_by_none(given: &[Told]) -> bool {
    let since = given.iter().rev().take_while(|told| rows(told).is_none());
    since.filter(|(.., given)| matches!(given, Given::Empty)).count() >= 2
}

fn rows((.., given): &Told) -> Option<&Vec<Ohlcv>> {
    match given {
        Given::Rows(rows) => Some(rows),
        Given::Empty | Given::Outside => None,
    }
}
