//! Sizes in bytes, as people spell them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// So many bytes; spelled `64MiB`, `2G`, `500000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// Units are powers of 1024, as in every tool that limits memory.
const UNITS: [(&str, u32); 4] = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size such as 500000, 64MiB or 2G");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim().trim_end_matches("iB").trim_end_matches('B');
        let shift = match UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)) {
            Some((_, shift)) => *shift,
            None if unit.is_empty() => 0,
            None => return Err(wrong()),
        };
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, shift): &&(&str, u32)| self.0 > 0 && self.0.is_multiple_of(1 << shift);
        match UNITS.iter().rev().find(fits) {
            Some((name, shift)) => write!(f, "{}{name}iB", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

crate::as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_people_spell_it_and_reads_as_it_is_written() {
        let size = |text: &str| text.parse::<Size>();
        assert_eq!(size("64MiB"), Ok(Size(64 << 20)));
        assert_eq!(
            [size("2g"), size("2GB"), size("2 GiB")],
            [Ok(Size(2 << 30)), Ok(Size(2 << 30)), Ok(Size(2 << 30))]
        );
        for wrong in ["", "MiB", "1.5G", "-1", "12X", "99999999999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        for bytes in [0, 1, 1023, 1024, 1536, 3 << 30, u64::MAX] {
            assert_eq!(size(&Size(bytes).to_string()), Ok(Size(bytes)));
        }
    }
}
