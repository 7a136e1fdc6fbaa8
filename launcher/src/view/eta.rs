//! How much longer: an interval from what finished attempts took. Pure.
//!
//! An attempt costs worker-seconds and finishes tickers. What is left costs as much a ticker, give or take what the
//! attempts differed, divided by the workers that can share it. The last worker to begin may be a slow one: the
//! longest attempt seen is added to the upper end.

use serde::Serialize;

/// Fewer finished attempts make no estimate.
const ATTEMPTS_MIN: usize = 3;
/// And fewer finished tickers.
const TICKERS_MIN: u64 = 10;
/// So many standard errors to either side.
const ERRORS: f64 = 2.0;

/// An attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// How long it took.
    pub seconds: f64,
    /// Tickers that it finished.
    pub tickers: u64,
}

/// What is still to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Tickers that are not done, those being worked on included.
    pub tickers: u64,
    /// What running attempts have spent on them so far.
    pub spent_seconds: f64,
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

/// The time that `left` takes, going by `finished`; `None` while that would be a guess.
pub fn estimate(finished: &[Finished], left: Left) -> Option<Eta> {
    let tickers: u64 = finished.iter().map(|attempt| attempt.tickers).sum();
    if finished.len() < ATTEMPTS_MIN || tickers < TICKERS_MIN || left.tickers == 0 {
        return None;
    }
    let seconds: f64 = finished.iter().map(|attempt| attempt.seconds).sum();
    let longest = finished.iter().map(|attempt| attempt.seconds).fold(0.0, f64::max);
    let a_ticker = seconds / tickers as f64;
    // The standard error of a ratio (Cochran, Sampling Techniques, 2.11): attempts differ in both.
    let square = |attempt: &Finished| (attempt.seconds - a_ticker * attempt.tickers as f64).powi(2);
    let count = finished.len() as f64;
    let spread = (finished.iter().map(square).sum::<f64>() * count / (count - 1.0)).sqrt() / tickers as f64;
    let wall = |a_ticker: f64| {
        let work = a_ticker.max(0.0) * left.tickers as f64 - left.spent_seconds;
        work.max(0.0) / left.workers.max(1) as f64
    };
    Some(Eta {
        low: whole(wall(a_ticker - ERRORS * spread)),
        likely: whole(wall(a_ticker)),
        high: whole(wall(a_ticker + ERRORS * spread) + longest),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of seconds for people")]
fn whole(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(attempts: &[(f64, u64)]) -> Vec<Finished> {
        attempts.iter().map(|&(seconds, tickers)| Finished { seconds, tickers }).collect()
    }

    const LEFT: Left = Left { tickers: 100, spent_seconds: 0.0, workers: 4 };

    #[test]
    fn at_the_start_nobody_knows() {
        assert_eq!(estimate(&[], LEFT), None);
        assert_eq!(estimate(&finished(&[(10.0, 25), (10.0, 25)]), LEFT), None, "two attempts");
        assert_eq!(estimate(&finished(&[(10.0, 3); 3]), LEFT), None, "nine tickers");
    }

    #[test]
    fn attempts_that_are_alike_leave_only_the_last_one_open() {
        let eta = estimate(&finished(&[(20.0, 10); 3]), LEFT);
        assert_eq!(eta, Some(Eta { low: 50, likely: 50, high: 70 }), "200 worker-seconds on four workers");
        let half_done = Left { spent_seconds: 40.0, ..LEFT };
        assert_eq!(estimate(&finished(&[(20.0, 10); 3]), half_done).map(|eta| eta.likely), Some(40));
    }

    #[test]
    fn attempts_that_differ_widen_the_interval() {
        let eta = estimate(&finished(&[(5.0, 10), (20.0, 10), (35.0, 10)]), LEFT).expect("enough");
        assert_eq!(eta.likely, 50);
        assert!(eta.low < 35 && eta.high > 100, "{eta:?}");
    }

    #[test]
    fn attempts_that_finish_nothing_cost_time_too() {
        let eta = estimate(&finished(&[(20.0, 10), (20.0, 10), (40.0, 0)]), LEFT).expect("enough");
        assert_eq!(eta.likely, 100);
    }
}
