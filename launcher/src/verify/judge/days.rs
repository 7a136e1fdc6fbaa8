//! The days of a partition, by what is known of them. Pure.

use shared::dataset::answers::Said;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::recorded::{Record, RecordedFile};
use shared::dataset::trust::Trust;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::market::zone::Zone;

use crate::verify::expectation::Expected;
use crate::verify::listed::{Last, Listed};
use crate::verify::state::State;

/// The days on which the source has rows of a ticker. Where nobody knows when it was listed, they
/// bound what the source's word that there is nothing means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evident {
    /// Before its first row nothing is expected, if the source has confirmed it.
    before: Option<DateRange>,
    /// Behind its last row.
    behind: Option<DateRange>,
    /// Where the symbol was listed for nobody, or perhaps for nobody.
    off: Coverage,
}

/// The days from the first row of `file` to its last.
pub(super) fn of_rows(file: &RecordedFile, zone: Zone, kind: Kind) -> Option<DateRange> {
    DateRange::new(day_of(file.first, zone, kind)?, day_of(file.last, zone, kind)?)
}

fn day_of(stamp: i64, zone: Zone, kind: Kind) -> Option<TradingDay> {
    zone.day_of_ms(match kind {
        Kind::Daily | Kind::Minute => stamp,
        Kind::Trades => stamp.div_euclid(NS_PER_MS),
    })
}

impl Evident {
    pub(super) fn of(records: &[Record], listed: Listed, zone: Zone, kind: Kind) -> Self {
        let day = |stamp: i64| day_of(stamp, zone, kind);
        let files = || records.iter().filter_map(|record| record.file.as_ref());
        let first = files().map(|file| file.first).min().and_then(day);
        let last = files().map(|file| file.last).max().and_then(day);
        let is_open_before = listed.first.is_none();
        let is_open_behind = listed.last == Last::Unknown;
        let before = |first: TradingDay| DateRange::new(TradingDay::MIN, first.previous());
        let behind = |last: TradingDay| DateRange::new(last.next(), TradingDay::MAX);
        Self {
            before: first.filter(|_| is_open_before).and_then(before),
            behind: last.filter(|_| is_open_behind).and_then(behind),
            off: listed.off.iter().copied().collect(),
        }
    }

    fn outside(&self) -> Coverage {
        let ends = [self.before, self.behind].into_iter().flatten();
        ends.collect::<Coverage>().union(&self.off)
    }
}

/// The expected days of a partition; no day is in two of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Days {
    /// The source has rows.
    pub(super) data: Coverage,
    /// It has confirmed that it has none.
    pub(super) empty: Coverage,
    /// So it has, and nobody expects any.
    pub(super) outside_listing: Coverage,
    /// The plan does not reach them.
    pub(super) outside_plan: Coverage,
    /// Rows were there, and are to be brought again.
    pub(super) lost: Coverage,
    /// Nothing that counts.
    pub(super) unproven: Coverage,
}

impl Days {
    /// Of the days of `expected` on which the ticker was `listed`.
    ///
    /// `rows` are the days from the first row of the partition's file to its last, where that file
    /// has rows: of others that were answered with data, the source has none.
    pub(super) fn of(
        expected: &Expected,
        listed: Option<DateRange>,
        record: Option<&Record>,
        rows: Option<DateRange>,
        trust: &Trust,
        evident: &Evident,
    ) -> Self {
        let asked = Coverage::from(expected.days);
        let all = listed.map_or_else(Coverage::empty, Coverage::from);
        let answers = || record.into_iter().flat_map(|record| &record.answers);
        let believed = |wanted: fn(Said) -> bool| -> Coverage {
            let of_kind = answers().filter(|answer| wanted(answer.said));
            of_kind.filter_map(|answer| trust.believed(answer)).collect()
        };
        let said_data = believed(|said| said == Said::Data).intersection(&all);
        let data = match rows {
            Some(rows) => said_data.intersection(&rows.into()),
            None => said_data.clone(),
        };
        let empty = believed(|said| matches!(said, Said::Empty { .. })).intersection(&all);
        let empty = empty.union(&said_data.minus(&data));
        let outside_plan = believed(|said| said == Said::OutsidePlan).intersection(&all);
        let lost = answers().filter(|answer| answer.said == Said::Lost).map(|answer| answer.days);
        let lost = lost.collect::<Coverage>().intersection(&all);
        let known = data.union(&empty).union(&outside_plan).union(&lost);
        let beyond = evident.outside().intersection(&empty);
        Self {
            unproven: all.minus(&known),
            outside_listing: asked.minus(&all).union(&beyond),
            empty: empty.minus(&beyond),
            data,
            outside_plan,
            lost,
        }
    }

    /// By the state that they make; where a file stands that no line tells of, nobody believes that
    /// there are no rows.
    pub(super) fn parts(&self, is_untold: bool) -> Vec<(State, Coverage)> {
        let empty = if is_untold { State::Missing } else { State::EmptyConfirmed };
        vec![
            (State::Covered, self.data.clone()),
            (empty, self.empty.clone()),
            (State::OutsideListing, self.outside_listing.clone()),
            (State::OutsidePlan, self.outside_plan.clone()),
            (State::Missing, self.lost.union(&self.unproven)),
        ]
    }
}
