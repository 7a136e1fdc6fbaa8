//! By which rules an attempt is settled, what is decided about a ticker, and what may be taken back.

use crate::supervise::causes::Verdict;

/// How much is taken back when attempts turn out to be nobody's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervise) enum Pardon {
    /// Their charges are taken back.
    Charges,
    /// Who was given up for good in one of them is tried again, too.
    Everything,
}

/// What was decided about a ticker that an attempt did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It is not at fault.
    Spared,
    /// It is charged, for this cause; given up where that was one charge too many.
    Charged {
        /// In one sentence.
        cause: String,
    },
}

impl Decided {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Innocent | Verdict::Suspect => Self::Spared,
            Verdict::Charged { cause, .. } | Verdict::Hopeless(cause) => {
                Self::Charged { cause: cause.clone() }
            }
        }
    }
}

/// By which rules an attempt is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervise) struct Terms {
    /// Failed attempts that a member may have after its first one.
    pub(in crate::supervise) retries: u32,
    /// Did we ask it to end?
    pub(in crate::supervise) stops: bool,
}
