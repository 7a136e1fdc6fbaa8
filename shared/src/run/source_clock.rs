//! How far this machine's clock is off, by the `Date` of a reply. Pure.
//!
//! The rule: an instant is what the earlier of both clocks says. By it days count as settled, and by it the ledgers say
//! when something was asked. What differs by less than a few minutes is the same.

use std::fmt;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A `Date` has whole seconds, and a reply is on its way for some. No session depends on minutes.
const TOLERATED: SignedDuration = SignedDuration::from_mins(3);

/// This machine's clock beside the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceClock {
    /// By so much this machine's is ahead; behind where it is negative.
    ahead: SignedDuration,
}

impl SourceClock {
    /// A reply that came at `own`, by this machine's clock, said `date` (RFC 9110, 6.6.1); `None` where that is no date.
    pub fn heard(date: &str, own: Timestamp) -> Option<Self> {
        let said = DateTimeParser::new().parse_timestamp(date).ok()?;
        Some(Self { ahead: own.duration_since(said) })
    }

    /// Is it off by more than anybody need tolerate?
    pub fn is_off(self) -> bool {
        self.ahead.abs() > TOLERATED
    }

    /// Is this machine's clock ahead?
    pub fn is_ahead(self) -> bool {
        self.ahead > TOLERATED
    }

    /// What the earlier of both clocks says when this machine's says `own`.
    pub fn earlier(self, own: Timestamp) -> Timestamp {
        if self.is_ahead() { own.checked_sub(self.ahead).unwrap_or(own) } else { own }
    }
}

impl fmt::Display for SourceClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, side) =
            (self.ahead.abs().as_mins(), if self.is_ahead() { "ahead of" } else { "behind" });
        let amount = match minutes {
            0..120 => format!("{minutes} minutes"),
            120..2_880 => format!("{} h {} min", minutes / 60, minutes % 60),
            _ => format!("{} days {} h", minutes / 1_440, minutes % 1_440 / 60),
        };
        write!(
            f,
            "this machine's clock is {amount} {side} the source's; set it right, days count as settled by the earlier of both"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn the_earlier_of_both_clocks_counts_and_the_amount_is_said() {
        let heard = |own: &str| SourceClock::heard("Wed, 06 Mar 2024 17:00:00 GMT", at(own)).expect("a date");
        let ahead = heard("2024-03-08T18:30:00Z");
        assert_eq!(ahead.earlier(at("2024-03-08T18:31:00Z")), at("2024-03-06T17:01:00Z"));
        assert!(ahead.to_string().starts_with("this machine's clock is 2 days 1 h ahead of the source's"));
        let behind = heard("2024-03-06T14:30:00Z");
        assert_eq!(behind.earlier(at("2024-03-06T14:30:00Z")), at("2024-03-06T14:30:00Z"));
        assert!(behind.to_string().starts_with("this machine's clock is 2 h 30 min behind the source's"));
        let right = heard("2024-03-06T17:00:02Z");
        assert_eq!(
            (right.is_off(), right.earlier(at("2024-03-06T17:00:02Z"))),
            (false, at("2024-03-06T17:00:02Z"))
        );
        assert_eq!(SourceClock::heard("yesterday", at("2024-03-06T17:00:02Z")), None);
    }
}
