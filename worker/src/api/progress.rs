//! Whether a chain of pages gets on: how many pages in a row may bring nothing, come no further in time, or bring only
//! crumbs, and lead on all the same. Pure.
//!
//! We ask for 50,000 rows a page. No honest source meets these bounds, and without them a chain that brings one more row
//! with every page has no end.

use super::lie::Lie;

/// More pages in a row without a new row are no progress.
pub const MAX_IDLE_PAGES: u32 = 32;
/// More pages in a row of one stamp are none either: with a thousand rows each, 64,000 trades in one nanosecond.
pub const MAX_STANDING_PAGES: u32 = 64;
/// More pages in a row with fewer new rows than `CRUMBS` are none either.
pub const MAX_CRUMB_PAGES: u32 = 1_000;
/// No page that leads on has so few rows.
const CRUMBS: usize = 10;

/// Pages in a row, up to now, that did not get on as pages should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    idle: u32,
    standing: u32,
    crumbs: u32,
}

impl Progress {
    /// Another page has come with so many new rows; the last row stood at `before`, and stands at `now`.
    #[must_use]
    pub fn after(self, new_rows: usize, before: Option<i64>, now: Option<i64>) -> Self {
        let counted = |pages: u32, is_one_more: bool| if is_one_more { pages + 1 } else { 0 };
        Self {
            idle: counted(self.idle, new_rows == 0),
            standing: counted(self.standing, before == now),
            crumbs: counted(self.crumbs, new_rows < CRUMBS),
        }
    }

    /// May a chain that has come to `now` lead on?
    pub fn check(self, now: Option<i64>) -> Result<(), Lie> {
        if self.idle >= MAX_IDLE_PAGES {
            return Err(Lie::NothingNew);
        }
        let Some(now) = now else { return Ok(()) };
        if self.standing >= MAX_STANDING_PAGES {
            return Err(Lie::StandsStill(now));
        }
        if self.crumbs >= MAX_CRUMB_PAGES { Err(Lie::Crumbs(now)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a chain ends whose page with this number has so many new rows and comes to this stamp.
    fn ends(page: impl Fn(u32) -> (usize, i64)) -> (u32, Option<Lie>) {
        let (mut progress, mut before) = (Progress::default(), None);
        for number in 1..100_000 {
            let (rows, now) = page(number);
            progress = progress.after(rows, before, Some(now));
            before = Some(now);
            if let Err(lie) = progress.check(before) {
                return (number, Some(lie));
            }
        }
        (0, None)
    }

    #[test]
    fn a_chain_that_does_not_get_on_has_an_end_however_it_dawdles() {
        assert_eq!(ends(|_| (0, 5)), (32, Some(Lie::NothingNew)));
        assert_eq!(ends(|_| (1, 5)), (65, Some(Lie::StandsStill(5))), "the first page came to it");
        assert_eq!(ends(|_| (50_000, 5)), (65, Some(Lie::StandsStill(5))));
        assert_eq!(ends(|number| (9, number.into())), (1_000, Some(Lie::Crumbs(1_000))));
        let mixed = |number: u32| (usize::from(number.is_multiple_of(31)), i64::from(number / 62));
        assert_eq!(ends(mixed), (1_000, Some(Lie::Crumbs(16))), "each for a while");
    }

    #[test]
    fn a_chain_that_gets_on_from_time_to_time_goes_on() {
        assert_eq!(ends(|number| (10, number.into())), (0, None));
        assert_eq!(ends(|number| (50_000, (number / 60).into())), (0, None), "millions of one nanosecond");
        assert_eq!(
            ends(|number| (if number.is_multiple_of(30) { 10 } else { 0 }, (number / 30).into())),
            (0, None)
        );
    }
}
