//! Events: what a worker reports while it works, as JSON lines that the launcher reads behind it.
//!
//! Events are hints for progress and blame. Whether a ticker is done is the ledger's word alone.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::audience::Audience;
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::formats::{self, Format};
use crate::market::ticker::Ticker;

use super::outage::Outage;
use super::redaction::Redaction;
use super::source_clock::SourceClock;

/// May another attempt succeed?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// A later attempt may succeed.
    Transient,
    /// The same request will fail the same way.
    Permanent,
}

/// Whose trouble a failure is. Only what is the source's or the machine's may be everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The ticker's own: an answer came and was refused, or a file or folder of its own is in the
    /// way.
    Ticker,
    /// The source's: silence, 429 or 5xx.
    Source,
    /// This machine's: a full disk, a tree that can't be written, a clock that is wrong.
    Machine,
}

/// One thing a worker reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work on a ticker begins.
    TickerStart {
        /// Which.
        ticker: Ticker,
    },
    /// Totals of this attempt at the ticker so far.
    Progress {
        /// Which.
        ticker: Ticker,
        /// Rows received.
        rows: u64,
        /// Pages received.
        pages: u64,
        /// Bytes received, uncompressed.
        bytes: u64,
    },
    /// Everything asked of the ticker is in its ledger.
    TickerDone {
        /// Which.
        ticker: Ticker,
        /// Rows received in this attempt.
        rows: u64,
        /// Pages received in this attempt.
        pages: u64,
    },
    /// The ticker is not done, and why.
    TickerFailed {
        /// Which.
        ticker: Ticker,
        /// One sentence for people.
        cause: String,
        /// Is another attempt worth it?
        persistence: Persistence,
        /// Whose trouble it is; not said by other executables and by older workers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// The cause without what differs from ticker to ticker (names, dates, numbers): failures
        /// are grouped by it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// A reply has told that this machine's clock is off, or is not any more.
    Clock {
        /// What it says beside the source's.
        clocks: SourceClock,
    },
    /// The source does not answer as it should, or does again.
    Source {
        /// What is wrong; `None` once it answers.
        outage: Option<Outage>,
    },
    /// The worker ends early on purpose; these are left for another one.
    Yield {
        /// Tickers not begun.
        remaining: u64,
    },
    /// The worker's last word.
    End {
        /// Tickers done in this attempt.
        done: u64,
        /// Tickers failed in this attempt.
        failed: u64,
    },
}

/// An event and when it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// UTC.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// One line of `events.jsonl`.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Version of the line ([`Format::Events`]).
    #[serde(rename = "v", default = "formats::first", skip_serializing_if = "formats::is_first")]
    format: u32,
    #[serde(flatten)]
    said: Stamped,
}

/// More of a cause or a kind is not kept.
const WORDS_CHARS: usize = 600;

impl Stamped {
    /// The same, its words without what `redaction` cuts out: any executable may have said it.
    pub fn fit_to_say(self, redaction: &Redaction) -> Self {
        let Self { at, event } = self;
        let fit = |text: &str| redaction.words(text, WORDS_CHARS);
        let event = match event {
            Event::TickerFailed { ticker, cause, persistence, origin, kind } => {
                let (cause, kind) = (fit(&cause), kind.as_deref().map(fit));
                Event::TickerFailed { ticker, cause, persistence, origin, kind }
            }
            said @ (Event::TickerStart { .. }
            | Event::Progress { .. }
            | Event::TickerDone { .. }
            | Event::Clock { .. }
            | Event::Source { .. }
            | Event::Yield { .. }
            | Event::End { .. }) => said,
        };
        Self { at, event }
    }
}

/// The writing end: appended line by line, whole lines only, shared by a worker's threads.
pub struct EventLog {
    file: Option<Mutex<File>>,
}

impl EventLog {
    /// Appends to `path`; with `None` events go nowhere.
    pub fn open(path: Option<&Path>) -> Result<Self, DiskError> {
        let open = |path: &Path| {
            Audience::Owner
                .open(OpenOptions::new().create(true).append(true), path)
                .map_err(DiskError::at("open", path))
        };
        Ok(Self { file: path.map(open).transpose()?.map(Mutex::new) })
    }

    /// Says that `event` happened at `at`. A full disk must not end the work that the event is
    /// about, so the line may be lost: events are hints, the ledger is the proof.
    pub fn say(&self, at: Timestamp, event: Event) {
        let Some(file) = &self.file else { return };
        let line = Line { format: Format::Events.version(), said: Stamped { at, event } };
        let line = serde_json::to_string(&line).expect("events are plain data") + "\n";
        drop(file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()));
    }
}

/// No event is as long: what is longer is passed over piece by piece, for its writer may be any
/// executable.
const LONGEST_LINE: u64 = 64 * 1024;

/// The reading end: remembers how far it has read.
#[derive(Debug, Clone)]
pub struct EventTail {
    path: PathBuf,
    offset: u64,
    /// Was what was read last a piece of a line that is too long?
    amid_a_line: bool,
}

impl EventTail {
    /// Follows `path` from its beginning; it need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, amid_a_line: false }
    }

    /// The whole lines that have come since the last call, read while they are asked for: one at a
    /// time is in memory, however many there are. Lines that are no events (any executable may
    /// stand in for the worker) and a file that can't be read are passed over: events are hints.
    pub fn read_new(&mut self) -> NewEvents<'_> {
        let open = || {
            let mut file = regular::open(&self.path)?;
            file.seek(SeekFrom::Start(self.offset))?;
            io::Result::Ok(BufReader::new(file))
        };
        let reader = open().ok();
        NewEvents { reader, piece: Vec::new(), tail: self }
    }
}

/// What a tail has not read yet.
#[must_use = "nothing is read that nobody asks for"]
pub struct NewEvents<'a> {
    tail: &'a mut EventTail,
    /// Nothing once it broke off.
    reader: Option<BufReader<File>>,
    piece: Vec<u8>,
}

impl NewEvents<'_> {
    /// The next whole line, or the end of one that is too long (then `false`); nothing when there
    /// is no more.
    fn read_piece(&mut self) -> Option<bool> {
        self.piece.clear();
        let read = self.reader.as_mut()?.take(LONGEST_LINE).read_until(b'\n', &mut self.piece);
        // What was read before it broke off counts.
        let length = read.ok()? as u64;
        let ends_a_line = self.piece.ends_with(b"\n");
        if !ends_a_line && length < LONGEST_LINE {
            return None;
        }
        let is_whole = ends_a_line && !self.tail.amid_a_line;
        self.tail.offset += length;
        self.tail.amid_a_line = !ends_a_line;
        Some(is_whole)
    }
}

impl Iterator for NewEvents<'_> {
    type Item = Stamped;

    fn next(&mut self) -> Option<Stamped> {
        loop {
            let is_whole = self.read_piece()?;
            if is_whole
                && let Ok(Line { format, said }) = serde_json::from_slice(&self.piece)
                && Format::Events.read(format).is_ok()
            {
                return Some(said);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_reads_every_event_once_and_waits_for_whole_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let mut tail = EventTail::new(&path);
        assert_eq!(tail.read_new().count(), 0, "no file yet");
        let log = EventLog::open(Some(&path)).expect("opened");
        let start = Event::TickerStart { ticker: "AIG".parse().expect("a ticker") };
        log.say(Timestamp::UNIX_EPOCH, start.clone());
        assert_eq!(tail.read_new().map(|said| said.event).collect::<Vec<_>>(), [start]);
        let mut raw = OpenOptions::new().append(true).open(&path).expect("opened");
        raw.write_all(b"not an event\n{\"at\":\"2024-01-01T00:00:00Z\",\"event\":\"yield\",")
            .expect("written");
        assert_eq!(tail.read_new().count(), 0);
        raw.write_all(b"\"remaining\":3}\n").expect("written");
        let said: Vec<Event> = tail.read_new().map(|said| said.event).collect();
        assert_eq!(said, [Event::Yield { remaining: 3 }]);
    }

    #[test]
    fn a_line_without_a_version_is_of_the_first_and_one_of_another_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        EventLog::open(Some(&path))
            .expect("opened")
            .say(Timestamp::UNIX_EPOCH, Event::Yield { remaining: 1 });
        let first = std::fs::read_to_string(&path).expect("read");
        assert!(first.starts_with(r#"{"at":"#), "the first is not said: {first}");
        let of = |v: u32| first.replacen('{', &format!("{{\"v\":{v},"), 1);
        std::fs::write(&path, [&of(2), &of(1), &first].map(String::as_str).concat())
            .expect("written");
        assert_eq!(EventTail::new(&path).read_new().count(), 2);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_whenever_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let event: &[u8] = br#"{"at":"2024-01-01T00:00:00Z","event":"yield","remaining":3}"#;
        let long = usize::try_from(LONGEST_LINE).expect("small");
        for garbage in [long - 1, long, long + 1, 3 * long] {
            let (mut early, mut late) = (EventTail::new(&path), EventTail::new(&path));
            let mut file = File::create(&path).expect("made");
            for part in [event, b"\n", &vec![b'x'; garbage], event, b"\n", event, b"\n"] {
                file.write_all(part).expect("written");
                early.read_new().for_each(drop);
            }
            file.write_all(&[event, b"\n"].concat()).expect("written");
            assert_eq!((early.read_new().count(), late.read_new().count()), (1, 3), "{garbage}");
        }
    }

    #[test]
    fn what_nobody_has_asked_for_is_not_read_and_comes_the_next_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let log = EventLog::open(Some(&path)).expect("opened");
        for remaining in 0..1000 {
            log.say(Timestamp::UNIX_EPOCH, Event::Yield { remaining });
        }
        let mut tail = EventTail::new(&path);
        let first: Vec<Event> = tail.read_new().take(10).map(|said| said.event).collect();
        assert_eq!(first.last(), Some(&Event::Yield { remaining: 9 }));
        let next = tail.read_new().next().expect("the next one");
        assert_eq!(next.event, Event::Yield { remaining: 10 });
        assert_eq!(tail.read_new().count(), 989);
    }
}
