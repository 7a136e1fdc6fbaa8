//! Troubles: what may be wrong with a source or a machine for a while, and for whom.

use tests::sim::chance::Dice;

/// What is wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing comes.
    Silence,
    /// 503.
    Server,
    /// 429.
    RateLimit,
    /// A page of HTML with status 200.
    Garbage,
    /// 401.
    KeyRefused,
    /// 200 and no rows, whatever there is.
    Forgetful,
    /// One row less than there is.
    Shrunk,
    /// Rows whose stamps fall.
    Falling,
    /// Pages of another ticker.
    OtherTicker,
    /// No space is left.
    FullDisk,
    /// The tree can't be written.
    ReadOnly,
}

impl Trouble {
    /// Does it keep good rows from whoever asks?
    pub(crate) fn is_of_source(self) -> bool {
        match self {
            Self::Silence
            | Self::Server
            | Self::RateLimit
            | Self::Garbage
            | Self::KeyRefused
            | Self::Falling
            | Self::OtherTicker
            | Self::Forgetful
            | Self::Shrunk => true,
            Self::FullDisk | Self::ReadOnly => false,
        }
    }

    /// Is it this machine's?
    pub(crate) fn is_of_machine(self) -> bool {
        matches!(self, Self::FullDisk | Self::ReadOnly)
    }
}

/// A trouble, when, and whose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spell {
    /// From, ms since the life began.
    pub(crate) from: u64,
    /// To, exclusive.
    pub(crate) to: u64,
    /// What.
    pub(crate) trouble: Trouble,
    /// Which ticker; `None` when it is everybody's.
    pub(crate) whom: Option<usize>,
}

/// A number in `0..sides`.
pub(crate) fn below(dice: &mut Dice, sides: usize) -> usize {
    usize::try_from(dice.below(sides as u64)).expect("less than a usize")
}
