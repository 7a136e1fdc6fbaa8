//! The sum of the events of one attempt. It serves blame and progress and proves nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::market::ticker::Ticker;
use shared::run::events::{Event, Stamped};
use shared::run::outage::Outage;
use shared::run::source_clock::SourceClock;

use crate::facts::Word;

/// How far an attempt got with one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Course {
    word: Option<Word>,
    rows: u64,
    pages: u64,
}

/// An attempt as its worker reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventSummary {
    courses: BTreeMap<Ticker, Course>,
    /// Did the worker say that it ends early on purpose?
    pub yielded: bool,
    /// This machine's clock and the source's, when this machine's was ahead most.
    pub clocks: Option<SourceClock>,
    /// How the source fails to answer, by the worker's last event about it.
    pub outage: Option<Outage>,
    /// When the worker last said anything.
    pub last_said: Option<Timestamp>,
}

impl EventSummary {
    /// Adds one event.
    pub fn hear(&mut self, said: Stamped) {
        self.last_said = self.last_said.max(Some(said.at));
        match said.event {
            Event::TickerStart { ticker } => self.tell(ticker, Some(Word::Begun), None),
            Event::Progress { ticker, rows, pages, .. } => {
                self.tell(ticker, Some(Word::Begun), Some((rows, pages)));
            }
            Event::TickerDone { ticker, rows, pages } => {
                self.tell(ticker, None, Some((rows, pages)));
            }
            Event::TickerFailed { ticker, cause, persistence, origin, kind } => {
                self.tell(ticker, Some(Word::Failed { cause, persistence, origin, kind }), None);
            }
            Event::Clock { clocks } => self.clocks = self.clocks.max(Some(clocks)),
            Event::Source { outage } => self.outage = outage,
            Event::Yield { .. } => self.yielded = true,
            Event::End { .. } => {}
        }
    }

    fn tell(&mut self, ticker: Ticker, word: Option<Word>, totals: Option<(u64, u64)>) {
        let course = self.courses.entry(ticker).or_insert(Course { word: None, rows: 0, pages: 0 });
        course.word = word;
        if let Some((rows, pages)) = totals {
            (course.rows, course.pages) = (rows, pages);
        }
    }

    /// The last word on a ticker that is not finished. If its worker said "done", that was wrong,
    /// and the ticker counts as begun.
    pub fn word_on(&self, ticker: &Ticker) -> Word {
        match self.courses.get(ticker) {
            None => Word::Untouched,
            Some(course) => course.word.clone().unwrap_or(Word::Begun),
        }
    }

    /// The worker's words on a ticker that it called failed, unless it said something better later.
    pub fn failure_of(&self, ticker: &Ticker) -> Option<Word> {
        let word = self.courses.get(ticker)?.word.as_ref()?;
        matches!(word, Word::Failed { .. }).then(|| word.clone())
    }

    /// Is "done" the last that the worker said of `ticker`?
    pub fn calls_done(&self, ticker: &Ticker) -> bool {
        self.courses.get(ticker).is_some_and(|course| course.word.is_none())
    }

    /// May `ticker` be done, although nothing proves it? Not if the worker called it failed; after
    /// a yield, only if the worker called it done.
    pub fn lets_believe_in(&self, ticker: &Ticker) -> bool {
        match self.courses.get(ticker).map(|course| &course.word) {
            Some(Some(Word::Failed { .. })) => false,
            Some(None) => true,
            Some(Some(Word::Begun | Word::Untouched)) | None => !self.yielded,
        }
    }

    /// Tickers being worked on.
    pub fn current(&self) -> impl Iterator<Item = &Ticker> {
        self.courses
            .iter()
            .filter(|(_, course)| course.word == Some(Word::Begun))
            .map(|(ticker, _)| ticker)
    }

    /// Rows and pages of `ticker` received in this attempt.
    pub fn totals_of(&self, ticker: &Ticker) -> (u64, u64) {
        self.courses.get(ticker).map_or((0, 0), |course| (course.rows, course.pages))
    }

    /// Rows received in this attempt.
    pub fn rows(&self) -> u64 {
        self.courses.values().fold(0, |sum, course| sum.saturating_add(course.rows))
    }

    /// Pages received in this attempt.
    pub fn pages(&self) -> u64 {
        self.courses.values().fold(0, |sum, course| sum.saturating_add(course.pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::run::events::Persistence;

    #[test]
    fn a_script_may_say_any_number_of_rows() {
        let mut summary = EventSummary::default();
        for name in ["A", "B"] {
            let ticker = name.parse::<Ticker>().expect("a ticker");
            let event = Event::TickerDone { ticker, rows: u64::MAX, pages: u64::MAX };
            summary.hear(Stamped { at: Timestamp::UNIX_EPOCH, event });
        }
        assert_eq!((summary.rows(), summary.pages()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn the_last_word_on_each_ticker_counts() {
        let ticker = |name: &str| name.parse::<Ticker>().expect("a ticker");
        let events = [
            Event::TickerStart { ticker: ticker("A") },
            Event::Progress { ticker: ticker("A"), rows: 10, pages: 1, bytes: 100 },
            Event::TickerStart { ticker: ticker("B") },
            Event::TickerDone { ticker: ticker("A"), rows: 15, pages: 2 },
            Event::TickerStart { ticker: ticker("C") },
            Event::TickerFailed {
                origin: None,
                kind: None,
                ticker: ticker("C"),
                cause: "404".to_owned(),
                persistence: Persistence::Permanent,
            },
        ];
        let mut summary = EventSummary::default();
        for event in events {
            summary.hear(Stamped { at: Timestamp::UNIX_EPOCH, event });
        }
        assert_eq!(summary.current().collect::<Vec<_>>(), [&ticker("B")]);
        assert_eq!((summary.rows(), summary.pages()), (15, 2));
        assert_eq!(summary.word_on(&ticker("B")), Word::Begun);
        assert_eq!(summary.word_on(&ticker("D")), Word::Untouched);
        let failed = Word::failed("404".to_owned(), Persistence::Permanent);
        assert_eq!(summary.word_on(&ticker("C")), failed);
        let believed = |summary: &EventSummary| {
            ["A", "B", "C", "D"].map(|name| summary.lets_believe_in(&ticker(name)))
        };
        assert_eq!(believed(&summary), [true, true, false, true], "C is said to have failed");
        summary.hear(Stamped { at: Timestamp::UNIX_EPOCH, event: Event::Yield { remaining: 2 } });
        assert_eq!(
            believed(&summary),
            [true, false, false, false],
            "after a yield only A is said to be done"
        );
    }
}
