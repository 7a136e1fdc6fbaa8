//! What counts as progress of a worker: rows, pages and finished tickers, as its events tell them. Saying the same again
//! is none.

use std::collections::BTreeMap;

use shared::market::ticker::Ticker;
use shared::run::events::Event;

/// Does an executable keep the contract about events?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// Ours do: their silence is one from the first moment.
    Surely,
    /// A script may: until it has said something, nothing can be told by its silence.
    Perhaps,
}

/// How far a worker has come.
#[derive(Debug, Clone)]
pub struct Progress {
    speaks: Speaks,
    steps: u64,
    has_spoken: bool,
    /// Rows and pages of each ticker that is being worked on.
    totals: BTreeMap<Ticker, (u64, u64)>,
}

impl Progress {
    /// Before the first event.
    pub fn of(speaks: Speaks) -> Self {
        Self { speaks, steps: 0, has_spoken: false, totals: BTreeMap::new() }
    }

    /// Takes one event in.
    pub fn hear(&mut self, event: Event) {
        self.has_spoken = true;
        match event {
            Event::Progress { ticker, rows, pages, .. } => {
                if self.totals.insert(ticker, (rows, pages)) != Some((rows, pages)) {
                    self.steps += 1;
                }
            }
            Event::TickerDone { ticker, .. } | Event::TickerFailed { ticker, .. } => {
                self.totals.remove(&ticker);
                self.steps += 1;
            }
            Event::TickerStart { .. } | Event::Clock { .. } | Event::Yield { .. } | Event::End { .. } => {}
        }
    }

    /// A number that changes with every step; `None` where nobody can tell.
    pub fn useful(&self) -> Option<u64> {
        let tells = self.has_spoken || self.speaks == Speaks::Surely;
        tells.then_some(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(rows: u64) -> Event {
        Event::Progress { ticker: "A".parse().expect("a ticker"), rows, pages: 1, bytes: rows }
    }

    #[test]
    fn saying_the_same_again_is_no_progress() {
        let mut so_far = Progress::of(Speaks::Perhaps);
        assert_eq!(so_far.useful(), None, "it may be one that never says anything");
        let useful: Vec<_> = [10, 10, 10, 20]
            .map(|rows| {
                so_far.hear(progress(rows));
                so_far.useful()
            })
            .into();
        assert_eq!(useful, [Some(1), Some(1), Some(1), Some(2)]);
    }

    #[test]
    fn the_silence_of_our_own_worker_counts_from_the_first_moment() {
        assert_eq!(Progress::of(Speaks::Surely).useful(), Some(0));
    }
}
