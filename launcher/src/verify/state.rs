//! States: what can be said of the days of a ticker that share a file, which of two is worse, and
//! with which code a verify ends that found them. How a state is found is not said here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is true of a ticker's partition, or of a month of it. Ordered from the best to the worst:
/// of two states of parts, the greater one is that of the whole.
///
/// ```
/// use launcher::verify::state::State;
///
/// assert_eq!(State::Covered.max(State::Missing), State::Missing);
/// assert_eq!("outside-plan".parse(), Ok(State::OutsidePlan));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[repr(u8)]
pub enum State {
    /// The security was not listed on any of its days: nothing is expected.
    OutsideListing,
    /// Every expected day is proven, and the rows are there.
    Covered,
    /// Rows were expected, and the source has confirmed that it has none.
    EmptyConfirmed,
    /// The plan of the API key does not reach its days.
    OutsidePlan,
    /// It is there and proven, and something about it is unlikely to be right.
    Suspect,
    /// Expected days are not proven, or the rows are gone.
    Missing,
    /// What is there is not what was written, or contradicts itself.
    Damaged,
}

impl State {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 7] = [
        Self::OutsideListing,
        Self::Covered,
        Self::EmptyConfirmed,
        Self::OutsidePlan,
        Self::Suspect,
        Self::Missing,
        Self::Damaged,
    ];

    /// Its name in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutsideListing => "outside-listing",
            Self::Covered => "covered",
            Self::EmptyConfirmed => "empty-confirmed",
            Self::OutsidePlan => "outside-plan",
            Self::Suspect => "suspect",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }

    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::OutsideListing => "outside listing",
            Self::Covered => "covered",
            Self::EmptyConfirmed => "empty, confirmed",
            Self::OutsidePlan => "outside plan",
            Self::Suspect => "suspect",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("{text:?} is not a state of a partition"))
    }
}

shared::as_text!(State);

/// How a verify ends, by the worst that it has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything expected is there.
    Complete,
    /// So it is, but for what the source has confirmed that it has not, or that the plan does not
    /// reach.
    ConfirmedGaps,
    /// Something expected is missing.
    Incomplete,
    /// Something is damaged.
    Damaged,
    /// Nothing is missing or damaged, and something is suspect.
    Suspect,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Complete, Self::ConfirmedGaps, Self::Incomplete, Self::Damaged, Self::Suspect];

    /// Of whatever has `worst` as its worst state; `None` where nothing was expected.
    pub fn of(worst: Option<State>) -> Self {
        match worst {
            None | Some(State::OutsideListing | State::Covered) => Self::Complete,
            Some(State::EmptyConfirmed | State::OutsidePlan) => Self::ConfirmedGaps,
            Some(State::Suspect) => Self::Suspect,
            Some(State::Missing) => Self::Incomplete,
            Some(State::Damaged) => Self::Damaged,
        }
    }

    /// The same where something else was to be proven and was not: it is not complete.
    #[must_use]
    pub fn but_unproven(self) -> Self {
        match self {
            Self::Complete | Self::ConfirmedGaps | Self::Suspect => Self::Incomplete,
            Self::Incomplete | Self::Damaged => self,
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::ConfirmedGaps => 3,
            Self::Incomplete => 4,
            Self::Damaged => 5,
            Self::Suspect => 6,
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ConfirmedGaps => "complete-with-confirmed-gaps",
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
            Self::Suspect => "suspect",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_state_decides_the_exit_code() {
        let code = |states: &[State]| Verdict::of(states.iter().copied().max()).code();
        for (states, expected) in [
            (&[][..], 0),
            (&[State::Covered, State::OutsideListing], 0),
            (&[State::Covered, State::EmptyConfirmed], 3),
            (&[State::Covered, State::OutsidePlan], 3),
            (&[State::Suspect, State::OutsidePlan], 6),
            (&[State::Suspect, State::Missing], 4),
            (&[State::Missing, State::Damaged, State::Suspect], 5),
        ] {
            assert_eq!(code(states), expected, "{states:?}");
        }
    }

    #[test]
    fn an_audit_that_compared_nothing_ends_as_incomplete_unless_damage_is_worse() {
        let codes = Verdict::ALL.map(|verdict| (verdict.code(), verdict.but_unproven().code()));
        assert_eq!(codes, [(0, 4), (3, 4), (4, 4), (5, 5), (6, 4)]);
    }

    #[test]
    fn a_state_is_one_byte_with_none_and_reads_as_it_is_written() {
        assert_eq!(size_of::<Option<State>>(), 1);
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!("gone".parse::<State>().is_err());
    }
}
