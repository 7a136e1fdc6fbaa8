//! Days on which the market did not keep the hours that its rules foretell, with their sources.
//!
//! One table. Holidays and half days that come every year are rules, and those are
//! [`session`](super::session)'s business. A closure that is announced tomorrow becomes a line here.
//!
//! Left out on purpose is what concerned one exchange while stocks were traded on the others: the
//! NYSE's minutes of silence after 09:30 (2001-09-17, 2001-10-08, 2003-03-20, 2004-06-07,
//! 2006-12-27), its outages (1998-10-26, 2001-06-08, 2015-07-08), its early end on 2005-06-01
//! (15:56) and its late end on 2009-07-02 (16:15). Market-wide halts of minutes (March 2020) change
//! neither open nor close.

use jiff::civil::{Date, Time, date, time};

/// A day that no rule foretells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialDay {
    /// The New York day.
    pub day: Date,
    /// What the market did.
    pub hours: SpecialHours,
    /// Why, in a few words.
    pub why: &'static str,
    /// Who said so: publisher and day.
    pub source: &'static str,
}

/// What the market did on a special day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialHours {
    /// It stayed closed.
    Closed,
    /// It closed at 13:00, as on a half day.
    Half,
    /// It opened at this New York time and closed at 16:00.
    OpensAt(Time),
}

/// All special days since 1998, in order.
///
/// ```
/// use shared::market::special_days::{SPECIAL_DAYS, SpecialHours};
///
/// let closed = SPECIAL_DAYS.iter().filter(|it| it.hours == SpecialHours::Closed).count();
/// assert_eq!(closed, 10);
/// assert!(SPECIAL_DAYS.is_sorted_by_key(|it| it.day));
/// ```
pub const SPECIAL_DAYS: [SpecialDay; 13] = [
    SpecialDay {
        day: date(1999, 12, 31),
        hours: SpecialHours::Half,
        why: "the change to the year 2000",
        source: "New York Stock Exchange, 1999-06-04: the board approved to close at 1:00pm",
    },
    attack(date(2001, 9, 11)),
    attack(date(2001, 9, 12)),
    attack(date(2001, 9, 13)),
    attack(date(2001, 9, 14)),
    SpecialDay {
        day: date(2002, 9, 11),
        hours: SpecialHours::OpensAt(time(12, 0, 0, 0)),
        why: "first anniversary of the attack on the World Trade Center",
        source: "ABC News and Variety, 2002-09-11: all exchanges opened late, the NYSE at noon",
    },
    SpecialDay {
        day: date(2003, 12, 26),
        hours: SpecialHours::Half,
        why: "the Friday after Christmas",
        source: "New York Stock Exchange, list of special closings since 1885",
    },
    SpecialDay {
        day: date(2004, 6, 11),
        hours: SpecialHours::Closed,
        why: "mourning for President Reagan",
        source: "Chicago Tribune, 2004-06-08: NYSE, Nasdaq and AMEX will be closed on Friday",
    },
    SpecialDay {
        day: date(2007, 1, 2),
        hours: SpecialHours::Closed,
        why: "mourning for President Ford",
        source: "NYSE Group, 2006-12-29; Nasdaq, 2006-12-28",
    },
    hurricane(date(2012, 10, 29)),
    hurricane(date(2012, 10, 30)),
    SpecialDay {
        day: date(2018, 12, 5),
        hours: SpecialHours::Closed,
        why: "mourning for President George H. W. Bush",
        source: "NYSE Group, 2018-12-01; Nasdaq, 2018-12-01",
    },
    SpecialDay {
        day: date(2025, 1, 9),
        hours: SpecialHours::Closed,
        why: "mourning for President Carter",
        source: "NYSE Group, 2024-12-30; Nasdaq, 2024-12-30",
    },
];

const fn attack(day: Date) -> SpecialDay {
    SpecialDay {
        day,
        hours: SpecialHours::Closed,
        why: "the attack on the World Trade Center",
        source: "New York Stock Exchange, list of special closings since 1885",
    }
}

const fn hurricane(day: Date) -> SpecialDay {
    SpecialDay {
        day,
        hours: SpecialHours::Closed,
        why: "Hurricane Sandy",
        source: "NYSE Euronext, 2012-10-28 and 2012-10-29; Nasdaq OMX, 2012-10-29",
    }
}

/// What was special about `day`; `None` on all other days.
pub fn special_day(day: Date) -> Option<&'static SpecialDay> {
    SPECIAL_DAYS.binary_search_by_key(&day, |it| it.day).ok().map(|at| &SPECIAL_DAYS[at])
}
