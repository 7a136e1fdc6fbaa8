//! The kinds of dataset: what rows a tree holds, and so its partitions and file names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the rows of a dataset are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One bar a session, partitioned by year.
    Daily,
    /// One bar a minute with trades, partitioned by month.
    Minute,
    /// Every trade of the tape, partitioned by day.
    Trades,
}

impl Kind {
    /// Every kind that can be downloaded.
    pub const ALL: [Self; 3] = [Self::Daily, Self::Minute, Self::Trades];

    /// The name in commands, folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Minute => "minute",
            Self::Trades => "trades",
        }
    }

    /// The file that holds a partition's rows.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Daily => "daily.parquet",
            Self::Minute => "minute.parquet",
            Self::Trades => "trades.parquet",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not a kind of data (known: {known})")
        })
    }
}

/// Which columns a trade has on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    /// Stamp, price and size: what bars are built from.
    #[default]
    Narrow,
    /// With venue, conditions, corrections, sequence and ids.
    Full,
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Narrow => "narrow",
            Self::Full => "full",
        })
    }
}

impl FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Narrow, Self::Full];
        let named = known.into_iter().find(|columns| columns.to_string() == text);
        named.ok_or_else(|| format!("{text:?} is not a choice of columns (narrow or full)"))
    }
}

/// Which columns a bar that ends by what was traded has on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarColumns {
    /// Stamp, prices and sums.
    Seven,
    /// With closing stamp, trades, sides and threshold.
    Extended,
}
