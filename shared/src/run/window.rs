//! How much of a missing range is asked for at a time: the choice behind `--window`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dataset::coverage::DateRange;
use crate::dataset::kind::Kind;
use crate::dataset::partition::Partition;

/// The length of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// All of it: as few requests as can be.
    #[default]
    Range,
    /// Month by month: the vendor's cautious advice for minutes.
    Month,
}

impl Window {
    /// The ranges to ask for, one after the other.
    pub fn pieces(self, range: DateRange) -> Vec<DateRange> {
        match self {
            Self::Range => vec![range],
            Self::Month => {
                let months = Partition::within(Kind::Minute, range);
                months.filter_map(|month| month.span().intersection(range)).collect()
            }
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Range => "range",
            Self::Month => "month",
        })
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Range, Self::Month];
        let named = known.into_iter().find(|window| window.to_string() == text);
        named.ok_or_else(|| format!("{text:?} is not a window (range or month)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_cover_the_range_and_no_more() {
        let range = DateRange::new(
            "2024-01-15".parse().expect("a day"),
            "2024-03-02".parse().expect("a day"),
        );
        let pieces = Window::Month.pieces(range.expect("in order"));
        let spelled: Vec<String> = pieces.iter().map(ToString::to_string).collect();
        assert_eq!(
            spelled,
            ["2024-01-15..2024-01-31", "2024-02-01..2024-02-29", "2024-03-01..2024-03-02"]
        );
    }
}
