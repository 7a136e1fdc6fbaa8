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

/// An attempt that runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Underway {
    /// Since it began.
    pub seconds: f64,
    /// Tickers that it was given.
    pub tickers: u64,
}

/// What is still to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Tickers that wait.
    pub tickers: u64,
    /// Attempts that have the others.
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

/// The time that `left` takes, going by `finished`; `None` while that would be a guess.
pub fn estimate(finished: &[Finished], left: &Left) -> Option<Eta> {
    let tickers: u64 = finished.iter().map(|attempt| attempt.tickers).sum();
    if finished.len() < ATTEMPTS_MIN || tickers < TICKERS_MIN {
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
        let cost = |tickers: u64| a_ticker.max(0.0) * tickers as f64;
        // One that takes longer than its like may be done any moment; it does not make the others faster.
        let rest = |attempt: &Underway| (cost(attempt.tickers) - attempt.seconds).max(0.0);
        let work = cost(left.tickers) + left.underway.iter().map(rest).sum::<f64>();
        work / left.workers.max(1) as f64
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

    fn left(tickers: u64, underway: &[(f64, u64)]) -> Left {
        let underway = underway.iter().map(|&(seconds, tickers)| Underway { seconds, tickers });
        Left { tickers, underway: underway.collect(), workers: 4 }
    }

    #[test]
    fn at_the_start_nobody_knows() {
        assert_eq!(estimate(&[], &left(100, &[])), None);
        assert_eq!(estimate(&finished(&[(10.0, 25), (10.0, 25)]), &left(100, &[])), None, "two attempts");
        assert_eq!(estimate(&finished(&[(10.0, 3); 3]), &left(100, &[])), None, "nine tickers");
    }

    #[test]
    fn attempts_that_are_alike_leave_only_the_last_one_open() {
        let eta = estimate(&finished(&[(20.0, 10); 3]), &left(100, &[]));
        assert_eq!(eta, Some(Eta { low: 50, likely: 50, high: 70 }), "200 worker-seconds on four workers");
        let half_done = left(80, &[(10.0, 10), (10.0, 10)]);
        assert_eq!(estimate(&finished(&[(20.0, 10); 3]), &half_done).map(|eta| eta.likely), Some(45));
        let stuck = left(90, &[(9000.0, 10)]);
        assert_eq!(estimate(&finished(&[(20.0, 10); 3]), &stuck).map(|eta| eta.likely), Some(45));
    }

    #[test]
    fn attempts_that_differ_widen_the_interval() {
        let eta = estimate(&finished(&[(5.0, 10), (20.0, 10), (35.0, 10)]), &left(100, &[])).expect("enough");
        assert_eq!(eta.likely, 50);
        assert!(eta.low < 35 && eta.high > 100, "{eta:?}");
    }

    #[test]
    fn attempts_that_finish_nothing_cost_time_too() {
        let eta = estimate(&finished(&[(20.0, 10), (20.0, 10), (40.0, 0)]), &left(100, &[])).expect("enough");
        assert_eq!(eta.likely, 100);
    }
}
