//! The kinds of dataset: what a folder tree holds, and so how it is partitioned and named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the rows of a dataset are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One bar a session, partitioned by year.
    Daily,
}

impl Kind {
    /// Every kind that can be downloaded.
    pub const ALL: [Self; 1] = [Self::Daily];

    /// The name in commands, folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
        }
    }

    /// The file that holds a partition's rows.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Daily => "daily.parquet",
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
