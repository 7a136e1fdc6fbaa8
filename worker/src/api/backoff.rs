//! How long to wait before a request is tried again. Pure; chance comes in as a number.
//!
//! Exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
//! 2015). Faults use tries up. A rate limit does not, it is no failure of the request: it is waited
//! out, for a while.

use std::time::Duration;

use shared::run::limits::LONGEST_BACKOFF as LONGEST;

/// While the rate limit refuses us we ask again at least so often (plus half of it by chance), so
/// that full pace is back soon after it is over: the rate budget, slowed for everybody, keeps these
/// requests few.
const LONGEST_REFUSED_STEP: Duration = Duration::from_secs(8);
/// And never more often, whatever the base.
const SHORTEST_REFUSED_STEP: Duration = Duration::from_millis(50);
/// A request that has waited so long for the rate limit alone is given up. The vendor's window is a
/// minute.
const LONGEST_REFUSED: Duration = Duration::from_mins(5);

/// Why one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Something broke: come back at a random time, so that not everybody comes at once.
    Fault,
    /// Too many requests in the vendor's rolling minute: only waiting helps, so never less than the
    /// full step.
    RateLimit,
}

/// The retry policy of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first step; doubled each time.
    pub base: Duration,
    /// Requests that may fail by a fault; the last of them is not tried again.
    pub tries: u32,
}

/// How one request has fared so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Troubles {
    faults: u32,
    refusals: u32,
    /// All waits for the rate limit together.
    refused: Duration,
}

impl Backoff {
    /// The wait after one more failure; `None` when it is time to give up. `chance` is uniform in
    /// `0.0..1.0`.
    pub fn wait(
        &self,
        troubles: &mut Troubles,
        reason: Reason,
        retry_after: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        match reason {
            Reason::Fault => {
                troubles.faults += 1;
                self.wait_after_faults(troubles.faults, chance)
            }
            Reason::RateLimit => {
                if troubles.refused >= LONGEST_REFUSED {
                    return None;
                }
                troubles.refusals += 1;
                let wait = self.wait_after_refusals(troubles.refusals, retry_after, chance);
                troubles.refused += wait;
                Some(wait)
            }
        }
    }

    /// The wait after `faults` faults (at least 1); `None` when the tries are used up.
    pub fn wait_after_faults(&self, faults: u32, chance: f64) -> Option<Duration> {
        (faults < self.tries).then(|| doubled(self.base, faults).min(LONGEST).mul_f64(chance))
    }

    fn wait_after_refusals(
        &self,
        refusals: u32,
        retry_after: Option<Duration>,
        chance: f64,
    ) -> Duration {
        let base = self.base.max(SHORTEST_REFUSED_STEP);
        let step = doubled(base, refusals).min(LONGEST_REFUSED_STEP);
        // The server's word is the earliest time, and no reason to ask for ever in its rhythm.
        let wait = match retry_after {
            Some(said) if said > step => said.saturating_add(base.mul_f64(chance)),
            _ => step.mul_f64(1.0 + chance / 2.0),
        };
        wait.min(LONGEST)
    }
}

fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Backoff = Backoff { base: Duration::from_millis(500), tries: 8 };

    /// The waits for a rate limit that never ends, until the request is given up.
    fn refused(policy: Backoff, retry_after: Option<Duration>, chance: f64) -> Vec<Duration> {
        let mut troubles = Troubles::default();
        std::iter::from_fn(|| policy.wait(&mut troubles, Reason::RateLimit, retry_after, chance))
            .collect()
    }

    proptest! {
        #[test]
        fn a_fault_waits_between_nothing_and_the_doubled_step(faults in 1..8_u32, chance in 0.0..1.0) {
            let wait = POLICY.wait_after_faults(faults, chance).expect("tries are left");
            prop_assert!(wait <= POLICY.base * 2_u32.pow(faults - 1));
        }

        #[test]
        fn a_rate_limit_without_end_is_given_up_after_minutes_and_few_requests(
            base_ms in 0..5_000_u64,
            retry_after_s in proptest::option::of(0..1_000_u64),
            chance in 0.0..1.0,
        ) {
            let policy = Backoff { base: Duration::from_millis(base_ms), tries: 1 };
            let waits = refused(policy, retry_after_s.map(Duration::from_secs), chance);
            let (all, last) = (waits.iter().sum::<Duration>(), *waits.last().expect("at least one"));
            prop_assert!(all >= LONGEST_REFUSED && all < LONGEST_REFUSED + last, "{:?}", all);
            prop_assert!(waits.len() < 50, "{} requests", waits.len());
        }
    }

    #[test]
    fn tries_are_bounded() {
        assert_eq!(POLICY.wait_after_faults(8, 0.5), None);
        assert_eq!(Backoff { tries: 1, ..POLICY }.wait_after_faults(1, 0.5), None);
        let mut troubles = Troubles::default();
        let waits = std::iter::from_fn(|| POLICY.wait(&mut troubles, Reason::Fault, None, 0.5));
        assert_eq!(waits.count(), 7);
    }

    #[test]
    fn a_rate_limit_uses_up_no_tries_and_a_fault_no_patience() {
        let mut troubles = Troubles::default();
        let policy = Backoff { tries: 2, ..POLICY };
        for _ in 0..10 {
            assert!(policy.wait(&mut troubles, Reason::RateLimit, None, 0.0).is_some());
        }
        assert!(policy.wait(&mut troubles, Reason::Fault, None, 0.0).is_some());
        assert!(policy.wait(&mut troubles, Reason::RateLimit, None, 0.0).is_some());
        assert_eq!(policy.wait(&mut troubles, Reason::Fault, None, 0.0), None);
    }

    #[test]
    fn who_is_refused_by_the_rate_limit_is_back_within_seconds_of_its_end() {
        for chance in [0.0, 0.999] {
            let longest = refused(POLICY, None, chance).into_iter().max().expect("many");
            assert!(longest <= Duration::from_secs(12), "{longest:?}");
        }
    }

    #[test]
    fn the_server_is_believed_up_to_a_bound() {
        let said = |seconds| refused(POLICY, Some(Duration::from_secs(seconds)), 0.0)[0];
        assert_eq!(said(7), Duration::from_secs(7));
        assert_eq!(said(0), Duration::from_millis(500));
        assert_eq!(said(86_400), LONGEST);
    }
}
