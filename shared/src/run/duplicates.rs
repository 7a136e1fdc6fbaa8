//! What becomes of two different bars with one stamp: the choice behind `--duplicates`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of two different bars with one stamp is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Neither: which one is right is unknown, so the partition is refused.
    #[default]
    Refuse,
    /// The one that the source sends last.
    KeepLast,
    /// The one that the source sends first.
    KeepFirst,
}

impl fmt::Display for Duplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::KeepLast => "keep-last",
            Self::KeepFirst => "keep-first",
        })
    }
}

impl FromStr for Duplicates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Refuse, Self::KeepLast, Self::KeepFirst];
        let named = known.into_iter().find(|choice| choice.to_string() == text);
        named.ok_or_else(|| format!("{text:?} is not a choice (refuse, keep-last or keep-first)"))
    }
}
