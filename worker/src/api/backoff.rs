//! How long to wait before a request is tried again. Pure; chance comes in as a number.
//!
//! Exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

use std::time::Duration;

/// No wait is longer, whatever a server says.
const LONGEST: Duration = Duration::from_mins(2);

/// Why one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Something broke: come back at a random time, so that not everybody comes at once.
    Fault,
    /// Too many requests in the vendor's rolling minute: only waiting helps, so never less than the full step.
    /// Eight tries at the default base wait longer than that minute.
    RateLimit,
}

/// The retry policy of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first step; doubled each time.
    pub base: Duration,
    /// Requests sent in all, the first one included.
    pub tries: u32,
}

impl Backoff {
    /// The wait after `failures` failed tries (at least 1); `None` when it is time to give up.
    /// `chance` is uniform in `0.0..1.0`.
    pub fn wait(
        &self,
        failures: u32,
        reason: Reason,
        retry_after: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        if failures >= self.tries {
            return None;
        }
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let step = self.base.saturating_mul(doubled).min(LONGEST);
        let wait = match (retry_after, reason) {
            (Some(said), _) => said.saturating_add(self.base.mul_f64(chance)),
            (None, Reason::Fault) => step.mul_f64(chance),
            (None, Reason::RateLimit) => step.mul_f64(1.0 + chance / 2.0),
        };
        Some(wait.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Backoff = Backoff { base: Duration::from_millis(500), tries: 8 };

    proptest! {
        #[test]
        fn a_fault_waits_between_nothing_and_the_doubled_step(failures in 1..8_u32, chance in 0.0..1.0) {
            let wait = POLICY.wait(failures, Reason::Fault, None, chance).expect("tries are left");
            prop_assert!(wait <= POLICY.base * 2_u32.pow(failures - 1));
        }
    }

    #[test]
    fn tries_are_bounded() {
        assert_eq!(POLICY.wait(8, Reason::Fault, None, 0.5), None);
        assert_eq!(Backoff { tries: 1, ..POLICY }.wait(1, Reason::Fault, None, 0.5), None);
    }

    #[test]
    fn a_rate_limit_is_waited_out_even_with_the_worst_luck() {
        let waits = (1..8).filter_map(|failures| POLICY.wait(failures, Reason::RateLimit, None, 0.0));
        assert!(waits.sum::<Duration>() > Duration::from_mins(1), "the vendor's window is a rolling minute");
    }

    #[test]
    fn the_server_is_believed_up_to_a_bound() {
        let said = |seconds| POLICY.wait(1, Reason::RateLimit, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(said(7), Some(Duration::from_secs(7)));
        assert_eq!(said(86_400), Some(LONGEST));
    }
}
