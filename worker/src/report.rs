//! Reports what a worker does: a log line for people, an event for the launcher.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::market::ticker::Ticker;
use shared::run::events::{Event, EventLog, Origin, Persistence};
use shared::run::outage::Outage;
use shared::run::redaction::Redaction;
use shared::run::source_clock::SourceClock;
use shared::run::thousands::counted;

use crate::clock;
use crate::pulse::{Pulse, Reached};

/// Longer texts are cut.
const MAX_TEXT: usize = 600;

/// What is known of a failure beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// Is another attempt worth it?
    pub persistence: Persistence,
    /// Whose trouble it is.
    pub origin: Origin,
    /// The same few words for every ticker that fails like this: no name, date or number is in
    /// them.
    pub kind: &'static str,
}

impl Trouble {
    /// The ticker's own, for good: only a person or another question helps.
    pub fn own_for_good(kind: &'static str) -> Self {
        Self { persistence: Persistence::Permanent, origin: Origin::Ticker, kind }
    }

    /// The ticker's own; a later attempt may succeed.
    pub fn own_for_now(kind: &'static str) -> Self {
        Self { persistence: Persistence::Transient, origin: Origin::Ticker, kind }
    }
}

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
    redaction: Redaction,
    pulse: Mutex<Pulse>,
}

impl Reporter {
    /// Reports to stderr and to `events`.
    pub fn new(events: EventLog) -> Self {
        Self { events, redaction: Redaction::default(), pulse: Mutex::default() }
    }

    /// Never says what `redaction` cuts out, not even where a server repeats it.
    pub fn hiding(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    fn say(&self, event: Event) {
        self.events.say(clock::now(), event);
    }

    /// Of a length that a person reads: servers say what they like.
    fn fit_to_say(&self, text: &str) -> String {
        self.redaction.words(text, MAX_TEXT)
    }

    /// A line about the run as a whole.
    pub fn run(&self, level: Level, text: &str) {
        line(level, &self.fit_to_say(text));
    }

    /// A line about one ticker.
    pub fn ticker(&self, level: Level, ticker: &Ticker, text: impl Display) {
        line(level, &self.fit_to_say(&format!("{ticker}: {text}")));
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the log tells how `name` gets on, until [`Reporter::fetched`].
    pub fn fetching(&self, name: impl Display) {
        self.pulse().begin(&name.to_string(), clock::uptime());
    }

    /// How far `name` has come.
    pub fn reached(&self, name: impl Display, reached: Reached) {
        self.pulse().reach(&name.to_string(), reached);
    }

    /// What `name` waits for.
    pub fn waiting(&self, name: impl Display, what: impl Display) {
        self.pulse().wait(&name.to_string(), what.to_string());
    }

    /// `name` is fetched, or given up.
    pub fn fetched(&self, name: impl Display) {
        self.pulse().end(&name.to_string());
    }

    /// Tells how what is being fetched gets on, where the log has been silent of it for long.
    pub fn say_how_it_gets_on(&self, turns: usize) {
        let due = self.pulse().due(clock::uptime(), turns);
        for (name, text) in due {
            line(Level::Info, &self.fit_to_say(&format!("{name}: {text}")));
        }
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
        match pages {
            // Nothing was asked, or its pages are counted with another ticker whose rows they hold
            // too.
            0 if rows == 0 => self.ticker(Level::Info, ticker, format_args!("done, nothing new")),
            0 => self.ticker(Level::Info, ticker, format_args!("done, {}", counted(rows, "row"))),
            _ => self.ticker(
                Level::Info,
                ticker,
                format_args!("done, {} in {}", counted(rows, "row"), counted(pages, "page")),
            ),
        }
        self.say(Event::TickerDone { ticker: ticker.clone(), rows, pages });
    }

    /// `ticker` is not done.
    pub fn failed(&self, ticker: &Ticker, cause: &str, trouble: Trouble) {
        let Trouble { persistence, origin, kind } = trouble;
        // Some errors name the ticker themselves.
        let cause = cause.strip_prefix(&format!("{ticker}: ")).unwrap_or(cause);
        let word = match persistence {
            Persistence::Transient => "failed, may be tried again",
            Persistence::Permanent => "failed for good",
        };
        self.ticker(Level::Error, ticker, format_args!("{word}: {cause}"));
        self.say(Event::TickerFailed {
            ticker: ticker.clone(),
            cause: self.fit_to_say(cause),
            persistence,
            origin: Some(origin),
            kind: Some(kind.to_owned()),
        });
    }

    /// What this machine's clock says beside the source's: it is off, or is not any more.
    pub fn clock(&self, clocks: SourceClock) {
        if clocks.is_off() {
            self.run(Level::Warn, &clocks.to_string());
        } else {
            self.run(Level::Info, "this machine's clock and the source's agree again");
        }
        self.say(Event::Clock { clocks });
    }

    /// The source does not answer as it should; `None` once it does again.
    pub fn source(&self, outage: Option<Outage>) {
        match outage {
            Some(Outage { since, symptom }) => {
                self.run(
                    Level::Warn,
                    &format!("no good answer from the source since {since:.0}: it {symptom}"),
                );
            }
            None => self.run(Level::Info, "the source answers again"),
        }
        self.say(Event::Source { outage });
    }

    /// The rest is left to another process.
    pub fn yields(&self, remaining: u64) {
        let (tickers, are) =
            (counted(remaining, "ticker"), if remaining == 1 { "is" } else { "are" });
        line(Level::Info, &format!("{tickers} {are} left to another process, as asked"));
        self.say(Event::Yield { remaining });
    }

    /// The last word.
    pub fn end(&self, done: u64, failed: u64) {
        line(Level::Info, &format!("end: {} done, {failed} failed", counted(done, "ticker")));
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
