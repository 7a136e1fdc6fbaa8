//! What counts as progress of a worker: new rows, pages and finished tickers in its events.
//! Repeating the same numbers does not count.

use std::collections::BTreeMap;

use shared::market::ticker::Ticker;
use shared::run::events::Event;

/// Does an executable write events?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// Ours do: their silence counts from the first moment.
    Certain,
    /// A script may: its silence counts only after its first event.
    Perhaps,
}

/// How far a worker has come.
#[derive(Debug, Clone)]
pub struct WorkerProgress {
    speaks: Events,
    steps: u64,
    has_spoken: bool,
    /// Rows and pages of each ticker that is being worked on.
    totals: BTreeMap<Ticker, (u64, u64)>,
}

impl WorkerProgress {
    /// Before the first event.
    pub fn of(speaks: Events) -> Self {
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
            Event::TickerStart { .. }
            | Event::Clock { .. }
            | Event::Source { .. }
            | Event::Yield { .. }
            | Event::End { .. } => {}
        }
    }

    /// A number that changes with every step; `None` where silence says nothing.
    pub fn useful(&self) -> Option<u64> {
        let tells = self.has_spoken || self.speaks == Events::Certain;
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
        let mut so_far = WorkerProgress::of(Events::Perhaps);
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
        assert_eq!(WorkerProgress::of(Events::Certain).useful(), Some(0));
    }
}
