//! Run marks: the run that sent a request, in a few letters. A run recognises its own answers by
//! it, even if the wall clock was set back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A run, short enough to stand in every ledger line. Written as eight hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunMark(u32);

impl RunMark {
    /// The mark of the run called `name`.
    pub fn of_run(name: &str) -> Self {
        Self(crc32fast::hash(name.as_bytes()))
    }

    /// The mark of a process that belongs to no run, made of a random number.
    pub fn of_chance(random: u64) -> Self {
        Self(crc32fast::hash(&random.to_le_bytes()))
    }
}

impl fmt::Display for RunMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for RunMark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not the mark of a run: eight hexadecimal digits");
        let number = u32::from_str_radix(text, 16).map_err(|_| wrong())?;
        Some(Self(number)).filter(|mark| mark.to_string() == text).ok_or_else(wrong)
    }
}

crate::as_text!(RunMark);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_is_written_and_in_no_other_way() {
        let mark = RunMark::of_run("ab12");
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_ne!(mark, RunMark::of_run("ab13"));
        for wrong in ["", "ab12", "+0000001", "ABCDEF01", "0x123456", "123456789"] {
            assert!(wrong.parse::<RunMark>().is_err(), "{wrong}");
        }
    }
}
