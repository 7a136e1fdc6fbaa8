//! Events: what a worker reports while it works, as JSON lines that the launcher reads behind it.
//!
//! Events are hints for progress and blame. Whether a ticker is done is the ledger's word alone.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::publish::DiskError;
use crate::market::ticker::Ticker;

/// May another attempt succeed?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// A later attempt may succeed.
    Transient,
    /// The same request will fail the same way.
    Permanent,
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

/// The writing end: appended line by line, whole lines only, shared by a worker's threads.
pub struct EventLog {
    file: Option<Mutex<File>>,
}

impl EventLog {
    /// Appends to `path`; with `None` events go nowhere.
    pub fn open(path: Option<&Path>) -> Result<Self, DiskError> {
        let open = |path: &Path| {
            OpenOptions::new().create(true).append(true).open(path).map_err(DiskError::at("open", path))
        };
        Ok(Self { file: path.map(open).transpose()?.map(Mutex::new) })
    }

    /// Says that `event` happened at `at`. A full disk must not end the work that the event is about, so the line may be lost:
    /// events are hints, the ledger is the proof.
    pub fn say(&self, at: Timestamp, event: Event) {
        let Some(file) = &self.file else { return };
        let stamped = Stamped { at, event };
        let mut line = serde_json::to_string(&stamped).expect("events are plain data");
        line.push('\n');
        drop(file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()));
    }
}

/// The reading end: remembers how far it has read.
#[derive(Debug, Clone)]
pub struct EventTail {
    path: PathBuf,
    offset: u64,
}

impl EventTail {
    /// Follows `path` from its beginning; it need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0 }
    }

    /// The whole lines that have come since the last call. Lines that are no events (any executable may
    /// stand in for the worker) and a file that can't be read are passed over: events are hints.
    pub fn read_new(&mut self) -> Vec<Stamped> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.read_to_end(&mut bytes)
        });
        if read.is_err() {
            return Vec::new();
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.offset += whole as u64;
        bytes[..whole]
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
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
        assert!(tail.read_new().is_empty(), "no file yet");
        let log = EventLog::open(Some(&path)).expect("opened");
        let start = Event::TickerStart { ticker: "AIG".parse().expect("a ticker") };
        log.say(Timestamp::UNIX_EPOCH, start.clone());
        assert_eq!(tail.read_new().into_iter().map(|said| said.event).collect::<Vec<_>>(), [start]);
        let mut raw = OpenOptions::new().append(true).open(&path).expect("opened");
        raw.write_all(b"not an event\n{\"at\":\"2024-01-01T00:00:00Z\",\"event\":\"yield\",")
            .expect("written");
        assert!(tail.read_new().is_empty());
        raw.write_all(b"\"remaining\":3}\n").expect("written");
        assert_eq!(tail.read_new()[0].event, Event::Yield { remaining: 3 });
    }
}
