//! What the source has really said of which day, beside everything that is looked at; and whether
//! the tree says the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::dataset::answers::TOLERANCE;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::market::ohlcv::Ohlcv;
use shared::market::trading_day::TradingDay;

use super::disk::Folder;
use super::scenario::Scenario;

/// One answer for one day.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// These rows, and they were in the tree.
    Rows(Vec<Ohlcv>),
    /// No row, while neighbours of the day had some: their file, which was in the tree, tells that
    /// too.
    LeftOut,
    /// No row.
    Empty,
    /// The plan does not reach it.
    Outside,
}

/// An answer for one day, as somebody who reads the tree may know of it.
#[derive(Debug, Clone)]
struct Told {
    /// When it came.
    t: u64,
    /// When it was asked for, by the clock on the wall of then.
    asked_at: Timestamp,
    given: Given,
    /// The number of the first line that told of it and is still there; `None` while it stands in a
    /// file alone.
    line: Option<usize>,
}

impl Told {
    fn rows(&self) -> Option<&Vec<Ohlcv>> {
        match &self.given {
            Given::Rows(rows) => Some(rows),
            Given::LeftOut | Given::Empty | Given::Outside => None,
        }
    }

    /// Does the file of its day tell of it, while it stands there as it was brought?
    fn is_in_file(&self, day: TradingDay, folder: &Folder) -> bool {
        match &self.given {
            Given::Rows(rows) => {
                let there = folder.rows_of(day);
                rows.iter().any(|row| there.iter().any(|it| it.bar == *row))
            }
            Given::LeftOut => folder.has_rows_around(day),
            Given::Empty | Given::Outside => false,
        }
    }

    /// Are these rows of which no line tells?
    fn is_untold(&self) -> bool {
        self.line.is_none() && self.rows().is_some()
    }
}

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
    fn may_believe(self, told: &Told) -> bool {
        let is_own = told.t >= self.run_began;
        told.line.is_some()
            && (is_own || !self.is_anew && told.asked_at.duration_since(self.now) <= TOLERANCE)
    }
}

/// All answers for one ticker that can be known of, and when they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    given: BTreeMap<TradingDay, Vec<Told>>,
    /// When any answer came, of whatever days, and by which stamp.
    answered: Vec<(u64, Timestamp)>,
}

impl Truth {
    /// A file with `draft` was brought into its place; the answer was for `days`. Rows of these
    /// days that stood there and of which no line tells give way to it.
    pub(crate) fn published(
        &mut self,
        (t, asked_at): (u64, Timestamp),
        scenario: &Scenario,
        draft: &[DatedBar],
        days: &Coverage,
    ) {
        self.answered.push((t, asked_at));
        for (day, _) in scenario.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let rows: Vec<_> =
                draft.iter().filter(|row| row.date == *day).map(|row| row.bar).collect();
            let given = if rows.is_empty() { Given::LeftOut } else { Given::Rows(rows) };
            let all = self.given.entry(*day).or_default();
            all.retain(|told| !told.is_untold());
            all.push(Told { t, asked_at, given, line: None });
        }
    }

    /// Line number `line` tells of the rows that came for `days`.
    pub(crate) fn proven(&mut self, days: &Coverage, line: usize) {
        for told in self.of(|day| days.contains(day)).flat_map(|(_, all)| all) {
            told.line.get_or_insert(line);
        }
    }

    /// Line number `line` tells of an answer without rows for `days`.
    pub(crate) fn said(
        &mut self,
        (t, asked_at): (u64, Timestamp),
        scenario: &Scenario,
        days: &Coverage,
        (given, line): (&Given, usize),
    ) {
        self.answered.push((t, asked_at));
        for (day, _) in scenario.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let told = Told { t, asked_at, given: given.clone(), line: Some(line) };
            self.given.entry(*day).or_default().push(told);
        }
    }

    /// Did an answer come after `began`, or did any seem to by its stamp?
    pub(crate) fn was_answered(&self, began: u64, stamp: Timestamp) -> bool {
        self.answered.iter().any(|(t, asked_at)| *t >= began || *asked_at >= stamp)
    }

    /// The file of these days is lost. Of what no line tells of nobody can know.
    pub(crate) fn file_lost(&mut self, days: DateRange) {
        for (_, all) in self.of(|day| days.contains(day)) {
            all.retain(|told| told.line.is_some());
        }
    }

    /// All lines but the first `left` are lost. What they alone told of can be known where a file
    /// of `folder` tells it.
    pub(crate) fn lines_lost(&mut self, left: usize, folder: &Folder) {
        for (day, all) in self.of(|_| true) {
            all.retain_mut(|told| match told.line.take_if(|line| *line >= left) {
                Some(_) => told.is_in_file(day, folder),
                None => true,
            });
        }
    }

    fn of(
        &mut self,
        days: impl Fn(TradingDay) -> bool,
    ) -> impl Iterator<Item = (TradingDay, &mut Vec<Told>)> {
        let all = self.given.iter_mut().map(|(day, all)| (*day, all));
        all.filter(move |(day, _)| days(*day))
    }

    /// Why the tree does not hold what somebody who is called done must have; nothing when it does.
    pub(crate) fn contradicts(
        &self,
        scenario: &Scenario,
        folder: &Folder,
        days: DateRange,
        reader: Reader,
    ) -> Option<String> {
        for (day, _) in scenario.sessions.iter().filter(|(day, _)| days.contains(*day)) {
            let found = folder.rows_of(*day);
            let given = self.given.get(day).map(Vec::as_slice).unwrap_or_default();
            if !given.iter().any(|told| reader.may_believe(told)) {
                return Some(format!("{day}: no answer was ever given for it that counts"));
            }
            let rows_given: Vec<&Vec<Ohlcv>> = given.iter().filter_map(Told::rows).collect();
            let rows_found: Vec<Ohlcv> = found.iter().map(|row| row.bar).collect();
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
            let foreign =
                rows_found.iter().find(|row| !rows_given.iter().any(|given| given.contains(row)));
            if let Some(row) = foreign {
                return Some(format!("{day}: {row:?} was never sent"));
            }
            if let Some(row) = last.iter().find(|row| !rows_found.contains(row)) {
                return Some(format!("{day}: {row:?}, sent last, is not in the tree"));
            }
            if scenario.kind == Kind::Trades && rows_found.len() != last.len() {
                return Some(format!(
                    "{day}: {} trades where {} were sent",
                    rows_found.len(),
                    last.len()
                ));
            }
        }
        None
    }
}

/// Has the source left the day out twice since it had rows? What is lost and was so often asked for
/// again is gone.
fn stands_by_none(given: &[Told]) -> bool {
    let since = given.iter().rev().take_while(|told| told.rows().is_none());
    since.filter(|told| matches!(told.given, Given::Empty | Given::LeftOut)).count() >= 2
}
