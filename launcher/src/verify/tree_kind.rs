//! Kinds of trees: what the folder tree that is verified holds. Downloads are kinds of data; a tree
//! of bars is made of them.

use std::fmt;

use serde::Serialize;
use shared::dataset::kind::Kind;

/// What a tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeKind {
    /// One bar a session, a file a year.
    Daily,
    /// One bar a minute, a file a month.
    Minute,
    /// Every trade, a file a day.
    Trades,
    /// Bars that end by what was traded: a series a kind of bars, a file a year.
    Bars,
}

impl TreeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Daily, Self::Minute, Self::Trades, Self::Bars];

    /// The kind of data that was downloaded; `None` where it was made.
    pub fn data(self) -> Option<Kind> {
        match self {
            Self::Daily => Some(Kind::Daily),
            Self::Minute => Some(Kind::Minute),
            Self::Trades => Some(Kind::Trades),
            Self::Bars => None,
        }
    }

    /// Its name in options, JSON and CSV.
    pub fn name(self) -> &'static str {
        self.data().map_or("bars", Kind::name)
    }
}

impl From<Kind> for TreeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Daily => Self::Daily,
            Kind::Minute => Self::Minute,
            Kind::Trades => Self::Trades,
        }
    }
}

impl fmt::Display for TreeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
