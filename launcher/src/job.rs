//! What a run does: a download of one kind of data, or bars made of what was downloaded.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared::dataset::kind::Kind;
use shared::market::bar::Mode;

/// What a run does, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Downloads daily bars.
    Daily,
    /// Downloads 1-minute bars.
    Minute,
    /// Downloads trades.
    Trades,
    /// Makes bars from trades or minutes on disk; sends no request.
    Bars,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 4] = [Self::Daily, Self::Minute, Self::Trades, Self::Bars];

    /// The name in commands.
    pub fn name(self) -> &'static str {
        self.kind().map_or("bars", Kind::name)
    }

    /// What it downloads; `None` where it makes bars.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Daily => Some(Kind::Daily),
            Self::Minute => Some(Kind::Minute),
            Self::Trades => Some(Kind::Trades),
            Self::Bars => None,
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|job| job.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not a job (known: {known})")
        })
    }
}

/// Which bars to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarsOrder {
    /// What they are made from.
    pub input: BarsInput,
    /// Which kinds, each once.
    pub modes: Vec<Mode>,
    /// Further arguments for `bars`, as typed.
    pub arguments: Vec<String>,
}

/// What bars are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarsInput {
    /// The root of a tree of trades, absolute.
    TradesRoot(PathBuf),
    /// The root of a tree of 1-minute bars, absolute.
    Agg1mRoot(PathBuf),
}

impl BarsInput {
    /// The flag, the root, and the kind of data in it.
    pub fn parts(&self) -> (&'static str, &PathBuf, Kind) {
        match self {
            Self::TradesRoot(root) => ("--trades-root", root, Kind::Trades),
            Self::Agg1mRoot(root) => ("--agg1m-root", root, Kind::Minute),
        }
    }
}

/// What is to be done for each ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task<'a> {
    /// A download; the ledger of the ticker proves it.
    Download(Kind),
    /// Bars; the state of each series proves them.
    Bars(&'a BarsOrder),
}
