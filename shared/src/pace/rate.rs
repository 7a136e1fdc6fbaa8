//! How many requests in how much time: `500/min`, `100/s`, `600/60s`, never zero; or how much time
//! between two of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const SECOND_NS: u64 = 1_000_000_000;
const MOST_REQUESTS: u32 = 1_000_000;
const LONGEST_WINDOW_NS: u64 = 86_400 * SECOND_NS;
/// The fastest rate. A faster one is no limit, and the time between its slots would round to zero.
const SHORTEST_INTERVAL_NS: u64 = 1_000;

/// At most a number of requests in any window of a given time; never zero.
///
/// ```
/// use shared::pace::rate::{Rate, Spacing};
///
/// let rate: Rate = "500/min".parse()?;
/// assert_eq!((rate.requests(), rate.window().as_secs()), (500, 60));
/// let spacing: Spacing = "0.2".parse()?;
/// assert_eq!(spacing.rate().map(Rate::per_minute), Some(300));
/// assert!("0/min".parse::<Rate>().is_err());
/// # Ok::<(), shared::pace::rate::RateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    requests: u32,
    window_ns: u64,
}

/// Seconds from one request to the next: `0.2`. Zero is no pause at all, and so no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing(Option<Rate>);

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// It is not written like one.
    #[error("{0:?} is not a rate; write requests and time, such as 500/min, 100/s or 600/60s")]
    NotARate(String),
    /// It is not a number of seconds.
    #[error("{0:?} is not a time between requests; write seconds, such as 0.2")]
    NotSeconds(String),
    /// Nothing would ever be sent, or everything at once.
    #[error("{0:?} contains a zero: a rate needs at least one request and some time")]
    Zero(String),
    /// Numbers that no service means.
    #[error(
        "{0:?} is out of bounds: at most 1,000,000 requests, a day, and a request a microsecond"
    )]
    OutOfBounds(String),
}

impl Rate {
    /// Requests in one window, at least 1.
    pub fn requests(self) -> u32 {
        self.requests
    }

    /// A rate with twice as many requests, or the fastest one.
    pub fn doubled(self) -> Self {
        Self::checked(self.requests.saturating_mul(2), self.window_ns, "").unwrap_or(self)
    }

    /// The window.
    pub fn window(self) -> Duration {
        Duration::from_nanos(self.window_ns)
    }

    /// Requests a minute, rounded; 0 when it is less than one in two minutes.
    pub fn per_minute(self) -> u64 {
        let minute_ns = 60 * SECOND_NS;
        (u64::from(self.requests) * minute_ns + self.window_ns / 2) / self.window_ns
    }

    /// Requests that may come at once after a pause: a sixtieth of the window's, at most one
    /// second's, at least 1. Of `600/min` that is one second's worth, of `5/min` a single one.
    pub(super) fn burst(self) -> u64 {
        let requests = u64::from(self.requests);
        let of_a_second = requests * SECOND_NS / self.window_ns;
        (requests / 60).min(of_a_second).max(1)
    }

    /// Time between two evenly spaced slots.
    ///
    /// A full burst followed by evenly spaced slots must not bring more than `requests` into one
    /// window: `burst + window / interval <= requests + 1`. One per cent is added, because requests
    /// travel for different times: slots a window apart must not arrive within less than a window.
    pub(super) fn interval_ns(self) -> u64 {
        let spaced = u64::from(self.requests) + 1 - self.burst();
        (self.window_ns + self.window_ns / 100).div_ceil(spaced)
    }

    fn checked(requests: u32, window_ns: u64, text: &str) -> Result<Self, RateError> {
        if requests == 0 || window_ns == 0 {
            return Err(RateError::Zero(text.to_owned()));
        }
        let too_fast = window_ns / u64::from(requests) < SHORTEST_INTERVAL_NS;
        if requests > MOST_REQUESTS || window_ns > LONGEST_WINDOW_NS || too_fast {
            return Err(RateError::OutOfBounds(text.to_owned()));
        }
        Ok(Self { requests, window_ns })
    }
}

fn is_nought(seconds: &str) -> bool {
    seconds.trim().parse() == Ok(0.0)
}

/// Decimal seconds; rounded to nanoseconds.
fn nanoseconds(seconds: &str) -> Option<u64> {
    let window = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(u64::try_from(window.as_nanos()).unwrap_or(u64::MAX))
}

impl Spacing {
    /// The rate that follows from it; `None` for no pause at all.
    pub fn rate(self) -> Option<Rate> {
        self.0
    }
}

impl From<Rate> for Spacing {
    fn from(rate: Rate) -> Self {
        Self(Some(rate))
    }
}

impl FromStr for Spacing {
    type Err = RateError;

    fn from_str(seconds: &str) -> Result<Self, RateError> {
        match nanoseconds(seconds.trim()) {
            None => Err(RateError::NotSeconds(seconds.to_owned())),
            // A number other than zero is meant as a pause; one that is too short to keep is
            // refused.
            Some(0) if is_nought(seconds) => Ok(Self(None)),
            Some(0) => Err(RateError::OutOfBounds(seconds.to_owned())),
            Some(window_ns) => Rate::checked(1, window_ns, seconds).map(|rate| Self(Some(rate))),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong = || RateError::NotARate(text.to_owned());
        let (requests, window) = text.trim().split_once('/').ok_or_else(wrong)?;
        let seconds = match window.trim() {
            "s" | "sec" | "second" => "1",
            "min" | "minute" => "60",
            "h" | "hour" => "3600",
            other => other.strip_suffix('s').ok_or_else(wrong)?,
        };
        let window_ns = nanoseconds(seconds).ok_or_else(wrong)?;
        let requests = requests.trim();
        if requests.is_empty() || !requests.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        // Only too many digits are left to fail.
        let requests = requests.parse().unwrap_or(u32::MAX);
        Self::checked(requests, window_ns, text)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window_ns {
            SECOND_NS => write!(f, "{}/s", self.requests),
            ns if ns == 60 * SECOND_NS => write!(f, "{}/min", self.requests),
            _ => write!(f, "{}/{}s", self.requests, self.window().as_secs_f64()),
        }
    }
}

crate::as_text!(Rate);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    #[test]
    fn a_rate_is_requests_and_time() {
        assert_eq!(rate("600/60s"), rate("600/min"));
        assert_eq!(rate("5/minute"), rate(" 5 / min "));
        assert_eq!(rate("3600/hour"), rate("3600/3600s"));
        assert_eq!(
            (rate("100/s").requests(), rate("100/s").window()),
            (100, Duration::from_secs(1))
        );
        assert_eq!(spaced("0.2"), Ok(Some(rate("1/0.2s"))));
        assert_eq!(rate("1/0.2s").per_minute(), 300);
        assert_eq!(
            (rate("500/min").doubled(), rate("1000000/s").doubled()),
            (rate("1000/min"), rate("1000000/s"))
        );
    }

    fn spaced(seconds: &str) -> Result<Option<Rate>, RateError> {
        seconds.parse().map(Spacing::rate)
    }

    #[test]
    fn no_seconds_between_requests_are_no_pause() {
        for zero in ["0", "0.0", " 0 "] {
            assert_eq!(spaced(zero), Ok(None), "{zero}");
        }
    }

    #[test]
    fn what_is_no_rate_is_named() {
        for text in
            ["", "5", "/s", "-5/s", "+5/s", "x/60s", "5/", "5/week", "5/-1s", "5/NaNs", "1.5/s"]
        {
            assert_eq!(text.parse::<Rate>(), Err(RateError::NotARate(text.to_owned())));
        }
        for text in ["0/s", "5/0s", "5/0.0000000001s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::Zero(text.to_owned())));
        }
        for text in ["1000001/min", "99999999999999999999/s", "5/86401s", "1000000/0.5s", "5/1e15s"]
        {
            assert_eq!(text.parse::<Rate>(), Err(RateError::OutOfBounds(text.to_owned())));
        }
        for text in ["1e-30", "0.0000000001", "100000"] {
            assert_eq!(
                spaced(text),
                Err(RateError::OutOfBounds(text.to_owned())),
                "no pause that anybody means"
            );
        }
        assert_eq!(spaced("-1"), Err(RateError::NotSeconds("-1".to_owned())));
        let error = spaced("fast").expect_err("no number");
        assert_eq!(
            error.to_string(),
            "\"fast\" is not a time between requests; write seconds, such as 0.2"
        );
    }

    #[test]
    fn it_is_written_as_people_write_it() {
        for text in ["500/min", "100/s", "1/0.2s", "3000/3600s"] {
            assert_eq!(rate(text).to_string(), text);
            assert_eq!(serde_json::to_string(&rate(text)).expect("json"), format!("{text:?}"));
        }
        assert!(serde_json::from_str::<Rate>("\"0/s\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_spacing_uses_the_budget(
            requests in 1..=100_000_u32,
            window_ns in 100_000_000..=LONGEST_WINDOW_NS,
        ) {
            let rate = Rate::checked(requests, window_ns, "made").expect("within bounds");
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
            let in_window = window_ns as f64 / rate.interval_ns() as f64;
            prop_assert!(in_window >= f64::from(requests) * 0.97, "{} of {}", in_window, requests);
            prop_assert!(in_window + rate.burst() as f64 <= f64::from(requests) + 1.0);
        }
    }
}
