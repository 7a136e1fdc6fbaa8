//! The rate rule of the service: so many requests in any stretch of so much time, counted over all
//! endpoints.
//!
//! Pure: `now` is an argument. Refused requests don't count.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// At most `requests` in any `window`. Text forms `600/60s`, `5/min`, `100/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests admitted in one window.
    pub requests: usize,
    /// Its length.
    pub window: Duration,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate such as 600/60s, 5/min or 100/s");
        let (requests, window) = text.split_once('/').ok_or_else(wrong)?;
        let requests = requests.parse().ok().filter(|&n| n > 0).ok_or_else(wrong)?;
        let seconds = match window {
            "min" => "60",
            "s" => "1",
            other => other.strip_suffix('s').ok_or_else(wrong)?,
        };
        let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
        let window =
            Duration::try_from_secs_f64(seconds).ok().filter(|w| !w.is_zero()).ok_or_else(wrong)?;
        Ok(Self { requests, window })
    }
}

/// The requests admitted in the last window.
#[derive(Debug)]
pub struct RateWindow {
    rate: Rate,
    admitted: VecDeque<Instant>,
}

impl RateWindow {
    /// An empty window.
    pub fn new(rate: Rate) -> Self {
        Self { rate, admitted: VecDeque::new() }
    }

    /// Admits the request, or says after which time the next one will be admitted.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while self.admitted.front().is_some_and(|at| age(at) >= self.rate.window) {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(oldest) if self.admitted.len() >= self.rate.requests => {
                Err(self.rate.window.saturating_sub(age(oldest)))
            }
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_number_and_a_window() {
        let rate = |text: &str| text.parse::<Rate>();
        assert_eq!(rate("600/60s"), Ok(Rate { requests: 600, window: Duration::from_mins(1) }));
        assert_eq!(rate("5/min"), rate("5/60s"));
        assert_eq!(rate("3/0.5s"), Ok(Rate { requests: 3, window: Duration::from_millis(500) }));
        assert_eq!(rate("100/s"), rate("100/1s"));
        for text in ["", "5", "0/s", "5/0s", "5/h", "x/60s", "5/-1s"] {
            assert!(rate(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_request_after_the_last_allowed_waits_for_the_oldest_to_age() {
        let mut window = RateWindow::new("2/60s".parse().expect("a rate"));
        let start = Instant::now();
        let after = |s: u64| start + Duration::from_secs(s);
        assert_eq!(window.admit(start), Ok(()));
        assert_eq!(window.admit(after(10)), Ok(()));
        assert_eq!(window.admit(after(20)), Err(Duration::from_secs(40)));
        assert_eq!(window.admit(after(60)), Ok(()));
        assert_eq!(window.admit(after(61)), Err(Duration::from_secs(9)));
    }
}
