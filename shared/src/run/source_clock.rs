//! How far this machine's clock is off, by the `Date` of a reply. Pure.
//!
//! The rule: an instant is what the earlier of both clocks says. By it days count as settled, and
//! by it the ledgers say when something was asked. What differs by less than a few minutes is the
//! same. What the source said goes on by a steady clock, so that this machine's time of day may be
//! set at any moment without making either of the two wrong.

use std::fmt;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A `Date` has whole seconds, and a reply is on its way for some. No session depends on minutes.
const TOLERATED: SignedDuration = SignedDuration::from_mins(3);

/// This machine's clock beside the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceClock {
    /// By so much this machine's is ahead; behind where it is negative.
    ahead: SignedDuration,
}

/// What the source said the time is, and when a steady clock heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    said: Timestamp,
    steady: Duration,
}

impl Heard {
    /// A reply that came when the steady clock said `steady` had this `Date`; `None` where that is
    /// no date.
    pub fn new(date: &str, steady: Duration) -> Option<Self> {
        let said = DateTimeParser::new().parse_timestamp(date).ok()?;
        Some(Self { said, steady })
    }

    /// The source's clock beside this machine's, at the moment, sooner or later, at which this
    /// machine's said `own` and the steady one `steady`.
    pub fn beside(self, own: Timestamp, steady: Duration) -> SourceClock {
        let passed = SignedDuration::try_from(steady).unwrap_or(SignedDuration::MAX)
            - SignedDuration::try_from(self.steady).unwrap_or(SignedDuration::MAX);
        SourceClock { ahead: own.duration_since(self.said) - passed }
    }
}

impl SourceClock {
    /// A reply that came at `own`, by this machine's clock, said `date` (RFC 9110, 6.6.1); `None`
    /// where that is no date.
    pub fn heard(date: &str, own: Timestamp) -> Option<Self> {
        Some(Heard::new(date, Duration::ZERO)?.beside(own, Duration::ZERO))
    }

    /// Is it off by more than anybody need tolerate?
    pub fn is_off(self) -> bool {
        self.ahead.abs() > TOLERATED
    }

    /// Do the two differ by more than anybody need tolerate from how they differed `before`?
    pub fn has_moved_since(self, before: Self) -> bool {
        (self.ahead - before.ahead).abs() > TOLERATED
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
            "this machine's clock is {amount} {side} the source's; set it; days count as settled by the earlier of the two clocks"
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
        let heard = |own: &str| {
            SourceClock::heard("Wed, 06 Mar 2024 17:00:00 GMT", at(own)).expect("a date")
        };
        let ahead = heard("2024-03-08T18:30:00Z");
        assert_eq!(ahead.earlier(at("2024-03-08T18:31:00Z")), at("2024-03-06T17:01:00Z"));
        assert!(
            ahead
                .to_string()
                .starts_with("this machine's clock is 2 days 1 h ahead of the source's")
        );
        let behind = heard("2024-03-06T14:30:00Z");
        assert_eq!(behind.earlier(at("2024-03-06T14:30:00Z")), at("2024-03-06T14:30:00Z"));
        assert!(
            behind
                .to_string()
                .starts_with("this machine's clock is 2 h 30 min behind the source's")
        );
        let right = heard("2024-03-06T17:00:02Z");
        assert_eq!(
            (right.is_off(), right.earlier(at("2024-03-06T17:00:02Z"))),
            (false, at("2024-03-06T17:00:02Z"))
        );
        assert_eq!(SourceClock::heard("yesterday", at("2024-03-06T17:00:02Z")), None);
    }

    #[test]
    fn what_was_asked_before_the_clock_was_set_was_asked_then_and_what_the_source_said_goes_on_by_itself()
     {
        let second = Duration::from_secs;
        let heard = Heard::new("Wed, 06 Mar 2024 17:00:00 GMT", second(100)).expect("a date");
        // The clock is set three days ahead between question and reply, and nobody asks again.
        let (asked, later) = (at("2024-03-06T16:59:50Z"), at("2024-03-09T17:01:00Z"));
        assert_eq!(heard.beside(asked, second(90)).earlier(asked), asked);
        assert_eq!(heard.beside(later, second(160)).earlier(later), at("2024-03-06T17:01:00Z"));
        // It is set back again: what the other setting said is nothing to this one.
        let right = at("2024-03-06T17:02:00Z");
        assert!(!heard.beside(right, second(220)).is_off());
        assert!(heard.beside(right, second(220)).has_moved_since(heard.beside(later, second(160))));
    }
}
