//! How a worker is held to its limits: memory, time, silence. Pure; samples come in, and the first
//! breach goes out.
//!
//! Time counts only as far as the attempt could have run: a suspended machine, a stopped worker or
//! a stopped shim is no stall.

use std::time::Duration;

use crate::facts::ending::Ending;
use crate::plan::limits::Limits;

/// Samples come twice a second. In a longer gap this process did not run, and the worker may not
/// have run either.
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// The attempt at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Since the sample before.
    pub elapsed: Duration,
    /// Resident memory of the whole tree.
    pub rss_bytes: u64,
    /// A count of rows, pages and finished tickers; `None` while the worker has not written any
    /// event.
    pub useful: Option<u64>,
    /// Is the worker stopped (`SIGSTOP`)?
    pub is_suspended: bool,
}

/// What the samples of an attempt have shown.
#[derive(Debug, Clone)]
pub struct LimitWatch {
    limits: Limits,
    ran: Duration,
    quiet: Duration,
    useful: Option<u64>,
    /// The most memory seen.
    pub peak_rss_bytes: u64,
}

impl LimitWatch {
    /// Before the first sample.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ran: Duration::ZERO, quiet: Duration::ZERO, useful: None, peak_rss_bytes: 0 }
    }

    /// Takes a sample in; returns how the attempt is to end if it breaks a limit.
    pub fn breach(&mut self, sample: Sample) -> Option<Ending> {
        let step =
            if sample.is_suspended { Duration::ZERO } else { sample.elapsed.min(LONGEST_STEP) };
        self.ran += step;
        self.quiet = if sample.useful == self.useful { self.quiet + step } else { Duration::ZERO };
        self.useful = sample.useful;
        self.peak_rss_bytes = self.peak_rss_bytes.max(sample.rss_bytes);

        let over =
            |limit: Option<Duration>, time: Duration| limit.is_some_and(|limit| time > limit);
        let stall =
            Duration::try_from(self.limits.stall_timeout).ok().filter(|limit| !limit.is_zero());
        let timeout = self.limits.batch_timeout.and_then(|limit| Duration::try_from(limit).ok());
        if self.limits.max_rss.is_some_and(|limit| sample.rss_bytes > limit.0) {
            Some(Ending::TooLarge { rss_bytes: sample.rss_bytes })
        } else if over(timeout, self.ran) {
            Some(Ending::TimedOut { ran_ms: millis(self.ran) })
        } else if self.useful.is_some() && over(stall, self.quiet) {
            Some(Ending::Stalled { quiet_ms: millis(self.quiet) })
        } else {
            None
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use shared::run::size::Size;

    const STEP: Duration = LONGEST_STEP;

    fn vigil() -> LimitWatch {
        LimitWatch::new(Limits {
            max_rss: Some(Size(1000)),
            batch_timeout: Some(SignedDuration::from_secs(60)),
            stall_timeout: SignedDuration::from_secs(10),
            ..Limits::default()
        })
    }

    fn sample(useful: u64) -> Sample {
        Sample { elapsed: STEP, rss_bytes: 10, useful: Some(useful), is_suspended: false }
    }

    #[test]
    fn only_rows_and_pages_count_as_progress() {
        let mut vigil = vigil();
        assert!((0..30).all(|rows| vigil.breach(sample(rows)).is_none()), "it moves");
        assert!((0..20).all(|_| vigil.breach(sample(29)).is_none()), "not yet too long");
        assert_eq!(vigil.breach(sample(29)), Some(Ending::Stalled { quiet_ms: 10_500 }));
    }

    #[test]
    fn time_in_which_nobody_could_work_is_no_stall() {
        let mut vigil = vigil();
        assert_eq!(vigil.breach(sample(1)), None);
        let stopped = Sample { is_suspended: true, ..sample(1) };
        assert!((0..1000).all(|_| vigil.breach(stopped).is_none()), "SIGSTOP");
        let after_sleep = Sample { elapsed: Duration::from_hours(8), ..sample(1) };
        assert!(
            (0..20).all(|_| vigil.breach(after_sleep).is_none()),
            "a laptop was closed, or we were stopped"
        );
    }

    #[test]
    fn a_program_that_never_says_anything_can_only_time_out() {
        let mut vigil = vigil();
        let mute = Sample { useful: None, ..sample(0) };
        assert!((0..120).all(|_| vigil.breach(mute).is_none()));
        assert_eq!(vigil.breach(mute), Some(Ending::TimedOut { ran_ms: 60_500 }));
    }

    #[test]
    fn memory_is_judged_at_once() {
        let mut vigil = vigil();
        assert_eq!(vigil.breach(Sample { rss_bytes: 1000, ..sample(0) }), None);
        let much = Sample { rss_bytes: 1001, ..sample(0) };
        assert_eq!(vigil.breach(much), Some(Ending::TooLarge { rss_bytes: 1001 }));
        assert_eq!(vigil.peak_rss_bytes, 1001);
    }
}
