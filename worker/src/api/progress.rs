//! Whether a chain of pages advances: how many pages in a row may bring nothing new, come no
//! further than one key, or bring only a few rows, and lead on all the same. Pure.
//!
//! We ask for 50,000 rows a page. No honest source meets these bounds, and without them a chain
//! that brings one more row with every page has no end.

/// More pages in a row without a new row are no progress.
pub const MAX_IDLE_PAGES: u32 = 32;
/// More pages in a row of one stamp are none either: with a thousand rows each, 64,000 trades in
/// one nanosecond.
pub const MAX_STANDING_PAGES: u32 = 64;
/// More pages in a row with fewer new rows than `CRUMBS` are none either.
pub const MAX_CRUMB_PAGES: u32 = 1_000;
/// No page that leads on has so few rows.
const CRUMBS: usize = 10;

/// How a chain leads on and does not advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// Pages in a row bring nothing new.
    NothingNew,
    /// Pages in a row come no further than one key.
    SameKey,
    /// Pages in a row bring next to nothing.
    Crumbs,
    /// There are more pages than any honest answer has.
    TooManyPages,
}

/// The pages up to now, and those in a row that did not advance as pages should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pages: u32,
    idle: u32,
    standing: u32,
    crumbs: u32,
}

impl Progress {
    /// Pages so far.
    pub fn pages(self) -> u32 {
        self.pages
    }

    /// Another page has come with so many new rows; `has_moved` says whether its last row has
    /// another key than the last one before it.
    #[must_use]
    pub fn after(self, new_rows: usize, has_moved: bool) -> Self {
        let counted = |pages: u32, is_one_more: bool| if is_one_more { pages + 1 } else { 0 };
        Self {
            pages: self.pages.saturating_add(1),
            idle: counted(self.idle, new_rows == 0),
            standing: counted(self.standing, !has_moved),
            crumbs: counted(self.crumbs, new_rows < CRUMBS),
        }
    }

    /// May a chain of `most_pages` at the most lead on?
    pub fn check(self, most_pages: u32) -> Result<(), Stall> {
        if self.idle >= MAX_IDLE_PAGES {
            return Err(Stall::NothingNew);
        }
        if self.standing >= MAX_STANDING_PAGES {
            return Err(Stall::SameKey);
        }
        if self.crumbs >= MAX_CRUMB_PAGES {
            return Err(Stall::Crumbs);
        }
        if self.pages > most_pages { Err(Stall::TooManyPages) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a chain ends whose page with this number has so many new rows and comes to this key.
    fn ends(page: impl Fn(u32) -> (usize, i64)) -> (u32, Option<Stall>) {
        let (mut progress, mut before) = (Progress::default(), None);
        for number in 1..100_000 {
            let (rows, now) = page(number);
            progress = progress.after(rows, before != Some(now));
            before = Some(now);
            if let Err(stall) = progress.check(u32::MAX) {
                return (number, Some(stall));
            }
        }
        (0, None)
    }

    #[test]
    fn a_chain_that_does_not_get_on_has_an_end_however_it_dawdles() {
        assert_eq!(ends(|_| (0, 5)), (32, Some(Stall::NothingNew)));
        assert_eq!(ends(|_| (1, 5)), (65, Some(Stall::SameKey)), "the first page came to it");
        assert_eq!(ends(|_| (50_000, 5)), (65, Some(Stall::SameKey)));
        assert_eq!(ends(|number| (9, number.into())), (1_000, Some(Stall::Crumbs)));
        let mixed = |number: u32| (usize::from(number.is_multiple_of(31)), i64::from(number / 62));
        assert_eq!(ends(mixed), (1_000, Some(Stall::Crumbs)), "each for a while");
    }

    #[test]
    fn a_chain_that_gets_on_from_time_to_time_goes_on() {
        assert_eq!(ends(|number| (10, number.into())), (0, None));
        assert_eq!(
            ends(|number| (50_000, (number / 60).into())),
            (0, None),
            "millions of one nanosecond"
        );
        assert_eq!(
            ends(|number| (if number.is_multiple_of(30) { 10 } else { 0 }, (number / 30).into())),
            (0, None)
        );
    }
}
