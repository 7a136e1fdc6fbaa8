//! A storm: for a while every request is refused, as if others had used the key up. Pure.

use std::time::Duration;

/// Every request is answered 429 without `Retry-After`, from a time after the first request on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storm {
    /// When it begins, counted from the first request.
    pub begins: Duration,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Storm {
    /// Is a request refused that arrives so long after the first one?
    pub fn refuses(self, since_first: Duration) -> bool {
        (self.begins..self.begins + self.lasts).contains(&since_first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_has_a_beginning_and_an_end() {
        let seconds = Duration::from_secs;
        let storm = Storm { begins: seconds(2), lasts: seconds(3) };
        let refused = [0, 1, 2, 4, 5, 9].map(|at| storm.refuses(seconds(at)));
        assert_eq!(refused, [false, false, true, true, false, false]);
    }
}
