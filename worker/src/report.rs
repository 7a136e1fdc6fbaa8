//! What a worker says: one line to the log for people, one event for the launcher.

use std::fmt::Display;
use std::io::{self, Write};

use shared::market::ticker::Ticker;
use shared::run::events::{Event, EventLog, Persistence};

use crate::clock;

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Things go as they should.
    Info,
    /// Worth a look; the work goes on.
    Warn,
    /// Something is not done.
    Error,
}

/// Says things as they happen; shared by all threads.
pub struct Reporter {
    events: EventLog,
}

impl Reporter {
    /// Reports to stderr and to `events`.
    pub fn new(events: EventLog) -> Self {
        Self { events }
    }

    fn say(&self, event: Event) {
        self.events.say(clock::now(), event);
    }

    /// A line about the run as a whole.
    pub fn run(&self, level: Level, text: &str) {
        line(level, text);
    }

    /// A line about one ticker.
    pub fn ticker(&self, level: Level, ticker: &Ticker, text: impl Display) {
        line(level, &format!("{ticker}: {text}"));
    }

    /// Work on `ticker` begins.
    pub fn start(&self, ticker: &Ticker) {
        self.say(Event::TickerStart { ticker: ticker.clone() });
    }

    /// Totals of `ticker` so far.
    pub fn progress(&self, ticker: &Ticker, rows: u64, pages: u64, bytes: u64) {
        self.say(Event::Progress { ticker: ticker.clone(), rows, pages, bytes });
    }

    /// Everything asked of `ticker` is proven.
    pub fn done(&self, ticker: &Ticker, rows: u64, pages: u64) {
        self.ticker(Level::Info, ticker, format_args!("done, {rows} rows in {pages} pages"));
        self.say(Event::TickerDone { ticker: ticker.clone(), rows, pages });
    }

    /// `ticker` is not done.
    pub fn failed(&self, ticker: &Ticker, cause: &str, persistence: Persistence) {
        let word = match persistence {
            Persistence::Transient => "failed, may be tried again",
            Persistence::Permanent => "failed for good",
        };
        self.ticker(Level::Error, ticker, format_args!("{word}: {cause}"));
        self.say(Event::TickerFailed { ticker: ticker.clone(), cause: cause.to_owned(), persistence });
    }

    /// The last word.
    pub fn end(&self, done: u64, failed: u64) {
        line(Level::Info, &format!("end: {done} tickers done, {failed} failed"));
        self.say(Event::End { done, failed });
    }
}

fn line(level: Level, text: &str) {
    let name = match level {
        Level::Info => "INFO ",
        Level::Warn => "WARN ",
        Level::Error => "ERROR",
    };
    // A log that can't be written (its disk is full, its reader is gone) must not end the work.
    drop(writeln!(io::stderr(), "{:.3} {name} {text}", clock::now()));
}
