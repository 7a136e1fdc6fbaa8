//! How much longer the run takes: an interval, estimated from finished attempts. Pure.
//!
//! An attempt costs worker-seconds and does work, counted in some
//! [`Measure`](super::measure::Measure). A unit of the work that is left is expected to cost the
//! same, within the spread of these attempts; the workers share it. The latest attempts weigh most,
//! because pace and kind of work change on the way. The last worker to begin may be slow, so the
//! upper end includes an attempt as long as the longest one seen.

use serde::Serialize;

/// There is no estimate before this many attempts have ended.
const ATTEMPTS_MIN: usize = 3;
/// An attempt weighs half as much after this many later ones.
const HALF_LIFE: f64 = 20.0;
/// How many standard errors to either side.
const ERRORS: f64 = 2.0;
/// The least relative width: even after very similar attempts the next ones may differ by this
/// much.
const ERROR_MIN: f64 = 0.025;

/// An attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// How long it took.
    pub seconds: f64,
    /// Work that it was given.
    pub given: f64,
    /// Work that it did.
    pub done: f64,
}

/// An attempt that runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Underway {
    /// Since it began.
    pub seconds: f64,
    /// Work that it was given.
    pub given: f64,
    /// Work that it has reported done.
    pub done: f64,
}

/// What is still to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Work that waits, batch by batch.
    pub waiting: Vec<f64>,
    /// Attempts that have the rest.
    pub underway: Vec<Underway>,
    /// Workers that can share it.
    pub workers: u64,
}

/// Seconds to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Eta {
    /// Hardly sooner.
    pub low: u64,
    /// At the pace so far.
    pub likely: u64,
    /// Hardly later.
    pub high: u64,
}

impl Eta {
    /// For when either of two measures may be right: an interval around both, with their geometric
    /// mean.
    pub fn or(self, other: Self) -> Self {
        let likely = (self.likely as f64 * other.likely as f64).sqrt();
        Self {
            low: self.low.min(other.low),
            likely: whole(likely),
            high: self.high.max(other.high),
        }
    }
}

/// The time that `left` takes, estimated from `finished` (oldest first); `None` while there are too
/// few attempts.
pub fn estimate(finished: &[Finished], left: &Left) -> Option<Eta> {
    // The last attempt counts 1.
    let counts = |index: usize| 0.5_f64.powf((finished.len() - 1 - index) as f64 / HALF_LIFE);
    let sum = |of: &dyn Fn(usize, &Finished) -> f64| -> f64 {
        finished.iter().enumerate().map(|(index, attempt)| of(index, attempt)).sum()
    };
    let done = sum(&|index, attempt| counts(index) * attempt.done);
    if finished.len() < ATTEMPTS_MIN || done <= 0.0 {
        return None;
    }
    let pace = sum(&|index, attempt| counts(index) * attempt.seconds) / done;
    // The standard error of a ratio (Cochran, Sampling Techniques, 2.11): attempts differ in both.
    let square = |index, attempt: &Finished| {
        (counts(index) * (attempt.seconds - pace * attempt.done)).powi(2)
    };
    let count = finished.len() as f64;
    let spread = (sum(&square) * count / (count - 1.0)).sqrt() / done;
    let margin = ERRORS * spread.max(pace * ERROR_MIN);
    let (slower, faster) = (pace + margin, (pace - margin).max(0.0));
    Some(Eta {
        low: whole(left.seconds(faster)),
        likely: whole(left.seconds(pace)),
        high: whole(left.seconds(slower) + left.longest(finished)),
    })
}

impl Left {
    /// The time if a unit of work costs a worker this many seconds.
    fn seconds(&self, pace: f64) -> f64 {
        // An attempt that is overdue may end at any moment, but does not make the others faster.
        let rest = |attempt: &Underway| {
            let by_time = (pace * attempt.given - attempt.seconds).max(0.0);
            if attempt.done > 0.0 {
                pace * (attempt.given - attempt.done).max(0.0)
            } else {
                by_time
            }
        };
        let rests = self.underway.iter().map(rest);
        let batches = || self.waiting.iter().map(|work| pace * work).chain(rests.clone());
        // Nor do two workers share a batch.
        let longest = batches().fold(0.0, f64::max);
        longest.max(batches().sum::<f64>() / self.workers.max(1) as f64)
    }

    /// The time of the heaviest batch that waits (or runs, if none waits), at the pace of the
    /// longest attempt seen.
    fn longest(&self, finished: &[Finished]) -> f64 {
        let mut heaviest = self.waiting.iter().copied().fold(0.0, f64::max);
        if heaviest == 0.0 {
            heaviest = self.underway.iter().map(|attempt| attempt.given).fold(0.0, f64::max);
        }
        let scaled =
            |attempt: &Finished| attempt.seconds * (heaviest / attempt.given.max(heaviest));
        if heaviest > 0.0 { finished.iter().map(scaled).fold(0.0, f64::max) } else { 0.0 }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of seconds for people"
)]
fn whole(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts that were given ten tickers, and finished some.
    fn finished(attempts: &[(f64, f64)]) -> Vec<Finished> {
        attempts.iter().map(|&(seconds, done)| Finished { seconds, given: 10.0, done }).collect()
    }

    /// Batches of ten, and attempts at others since so many seconds.
    fn left(waiting: usize, underway: &[f64]) -> Left {
        let underway =
            underway.iter().map(|&seconds| Underway { seconds, given: 10.0, done: 0.0 }).collect();
        Left { waiting: vec![10.0; waiting], underway, workers: 4 }
    }

    fn eta(attempts: &[(f64, f64)], left: &Left) -> Option<Eta> {
        estimate(&finished(attempts), left)
    }

    #[test]
    fn at_the_start_nobody_knows() {
        assert_eq!(eta(&[], &left(10, &[])), None);
        assert_eq!(eta(&[(10.0, 10.0); 2], &left(10, &[])), None, "two attempts");
        assert_eq!(eta(&[(10.0, 0.0); 3], &left(10, &[])), None, "nothing was done");
    }

    #[test]
    fn attempts_that_are_alike_leave_only_the_last_one_open() {
        let alike = [(20.0, 10.0); 3];
        let expected = Some(Eta { low: 48, likely: 50, high: 73 });
        assert_eq!(eta(&alike, &left(10, &[])), expected, "200 worker-seconds on four workers");
        assert_eq!(eta(&alike, &left(8, &[10.0, 10.0])).map(|eta| eta.likely), Some(45));
        assert_eq!(eta(&alike, &left(9, &[9000.0])).map(|eta| eta.likely), Some(45));
    }

    #[test]
    fn what_a_running_attempt_has_done_by_its_word_is_not_left_however_long_it_took() {
        let mut left = left(0, &[300.0, 300.0]);
        left.underway[0].done = 8.0;
        left.underway[1].done = 9.0;
        // Tickers take 2 s by those that ended; two are left in the longer one.
        assert_eq!(eta(&[(20.0, 10.0); 3], &left).map(|eta| eta.likely), Some(4));
    }

    #[test]
    fn a_heavy_batch_takes_its_time_whoever_helps() {
        let mut left = left(1, &[]);
        left.waiting[0] = 1_000.0;
        assert_eq!(
            eta(&[(20.0, 10.0); 3], &left),
            Some(Eta { low: 1900, likely: 2000, high: 2120 })
        );
        left.waiting[0] = 1.0;
        assert_eq!(
            eta(&[(20.0, 10.0); 3], &left),
            Some(Eta { low: 2, likely: 2, high: 5 }),
            "a light one"
        );
    }

    #[test]
    fn attempts_that_differ_widen_the_interval() {
        let eta = eta(&[(5.0, 10.0), (20.0, 10.0), (35.0, 10.0)], &left(10, &[])).expect("enough");
        assert_eq!(eta.likely, 51, "the last one counts a little more");
        assert!(eta.low < 35 && eta.high > 100, "{eta:?}");
    }

    #[test]
    fn what_was_long_ago_says_little() {
        let slow_then_fast = [vec![(200.0, 10.0); 200], vec![(20.0, 10.0); 200]].concat();
        assert_eq!(eta(&slow_then_fast, &left(10, &[])).map(|eta| eta.likely), Some(51));
    }

    #[test]
    fn attempts_that_finish_nothing_cost_time_too() {
        let eta = eta(&[(20.0, 10.0), (40.0, 0.0), (20.0, 10.0)], &left(10, &[])).expect("enough");
        assert_eq!(eta.likely, 100);
    }

    #[test]
    fn between_two_measures_lies_the_middle_of_both() {
        let (early, late) =
            (Eta { low: 10, likely: 20, high: 100 }, Eta { low: 50, likely: 80, high: 90 });
        assert_eq!(early.or(late), Eta { low: 10, likely: 40, high: 100 });
        assert_eq!(late.or(early), early.or(late));
    }
}
