//! A member of a batch that still needs work or was given up: its charges, and what was last said
//! of it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::Serialize;
use shared::dataset::summary::Summary;

use crate::facts::{Partway, Report, Word};
use crate::supervise::causes::{Budget, said};

/// Failed attempts of one member, by what they are charged to: each kind has its own budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Charges {
    /// The source was in the way.
    pub transient: u32,
    /// Its worker crashed.
    pub crash: u32,
    /// Its worker used too much memory.
    pub memory: u32,
}

impl Charges {
    /// All charges.
    pub fn total(self) -> u32 {
        self.transient + self.crash + self.memory
    }

    /// Charges of one kind.
    pub(super) fn of(&mut self, budget: Budget) -> &mut u32 {
        match budget {
            Budget::Transient => &mut self.transient,
            Budget::Crash => &mut self.crash,
            Budget::Memory => &mut self.memory,
        }
    }
}

/// One failed attempt of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) attempt: u32,
    pub(super) budget: Budget,
    /// Is it the member's own trouble, whatever other members had?
    pub(super) is_own: bool,
}

/// The last failure of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastFailure {
    /// In one sentence.
    pub(super) cause: String,
    /// The cause without what differs from ticker to ticker, where its worker has said.
    pub(super) kind: Option<String>,
}

impl LastFailure {
    /// Of a member that an attempt has left with this `word`; `how` is how the attempt ended.
    pub(super) fn of(word: &Word, report: &Report, how: &str) -> Self {
        match word {
            Word::Failed { cause, kind, .. } => Self { cause: cause.clone(), kind: kind.clone() },
            Word::Begun | Word::Untouched => Self { cause: said(report, how), kind: None },
        }
    }

    /// Of a member whose attempt we have ended after it `ran` so long. That says nothing about the
    /// member, so the failure `before` stays.
    pub(super) fn cut_short(word: &Word, before: Option<Self>, ran: SignedDuration) -> Self {
        match word {
            Word::Failed { cause, kind, .. } => Self { cause: cause.clone(), kind: kind.clone() },
            Word::Begun | Word::Untouched => before.unwrap_or_else(|| {
                let ran = SignedDuration::from_secs(ran.as_secs());
                Self { cause: format!("no answer in {ran:#}"), kind: None }
            }),
        }
    }
}

/// A member that still needs work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenMember {
    pub(super) member: usize,
    pub(super) cell: u32,
    /// Taken back when the attempt turns out to be nobody's fault.
    pub(super) charged: Vec<Charge>,
    /// By its last attempt. Boxed, because most members have not been tried yet or are done.
    pub(super) said: Option<Box<LastFailure>>,
    /// The most days that were ever proven of it.
    pub(super) days: u32,
    /// The partitions of it that are proven, where any are. Boxed, because most have none.
    pub(super) proven: Option<Box<Summary>>,
}

/// A member that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUpMember {
    pub(super) left: OpenMember,
    /// Why, in one sentence.
    pub cause: String,
    /// The cause without what differs from ticker to ticker, where its worker has said.
    pub kind: Option<String>,
    /// The last attempt before it was given up.
    pub attempt: u32,
    /// Would any other attempt end the same way?
    pub(super) is_permanent: bool,
    /// Is it the member's own trouble, whatever others had at the time?
    pub(super) is_own: bool,
}

impl OpenMember {
    pub(super) fn fresh(member: usize) -> Self {
        Self { member, cell: 0, charged: Vec::new(), said: None, days: 0, proven: None }
    }

    /// So much of it is proven by now.
    pub(super) fn is_proven(&mut self, proven: Summary) {
        self.proven = (proven != Summary::default()).then(|| Box::new(proven));
    }

    pub(super) fn charges(&self) -> Charges {
        let mut charges = Charges::default();
        for charge in &self.charged {
            *charges.of(charge.budget) += 1;
        }
        charges
    }

    /// Takes back the charges of these attempts, except for its own trouble.
    pub(super) fn forget(&mut self, attempts: &BTreeSet<u32>) {
        self.charged.retain(|charge| charge.is_own || !attempts.contains(&charge.attempt));
    }

    /// Attempts that it was charged with.
    pub(super) fn charged_in(&self) -> impl Iterator<Item = u32> {
        self.charged.iter().map(|charge| charge.attempt)
    }

    /// Is more of it proven than ever before, by this attempt? Fetching the same days again is no
    /// progress.
    pub(super) fn moves_on(&mut self, Partway { days, fresh_days }: Partway) -> bool {
        let days = u32::try_from(days).unwrap_or(u32::MAX);
        let moves_on = fresh_days > 0 && days > self.days;
        self.days = self.days.max(days);
        moves_on
    }
}
