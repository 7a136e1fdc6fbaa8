//! Pace: how many rows came in the last minute of an attempt. Pure; events and the time come in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::run::events::{Event, Stamped};

/// Older rows do not count.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Rows a second of one attempt in the last minute.
pub struct Pace {
    since: Timestamp,
    now: Timestamp,
    totals: BTreeMap<Ticker, u64>,
    gained: u64,
}

impl Pace {
    /// The pace at `now` of an attempt that began at `began_at`.
    pub fn new(began_at: Timestamp, now: Timestamp) -> Self {
        let since = now.checked_sub(WINDOW).unwrap_or(began_at).max(began_at);
        Self { since, now, totals: BTreeMap::new(), gained: 0 }
    }

    /// Takes the next event in.
    pub fn hear(&mut self, said: &Stamped) {
        let (Event::Progress { ticker, rows, .. } | Event::TickerDone { ticker, rows, .. }) =
            &said.event
        else {
            return;
        };
        let before = self.totals.insert(ticker.clone(), *rows).unwrap_or(0);
        if said.at >= self.since {
            self.gained += rows.saturating_sub(before);
        }
    }

    /// Rounded down; 0 when nothing came.
    pub fn rows_per_second(&self) -> u64 {
        let seconds = self.now.duration_since(self.since).as_secs();
        self.gained / u64::try_from(seconds).unwrap_or(0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_in_the_last_minute_counts() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let said = |second, ticker: &str, rows| Stamped {
            at: at(second),
            event: Event::Progress {
                ticker: ticker.parse().expect("a ticker"),
                rows,
                pages: 1,
                bytes: 1,
            },
        };
        let mut pace = Pace::new(at(0), at(120));
        for event in [said(10, "A", 50_000), said(70, "A", 53_000), said(80, "B", 3_000)] {
            pace.hear(&event);
        }
        assert_eq!(pace.rows_per_second(), 100);
        let mut young = Pace::new(at(110), at(120));
        young.hear(&said(115, "A", 500));
        assert_eq!(young.rows_per_second(), 50, "it is ten seconds old");
    }
}
