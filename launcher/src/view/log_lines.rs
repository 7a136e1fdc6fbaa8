//! The line of a batch's log that tells best what happened to one ticker, attempt by attempt.
//!
//! A log is read in one pass and never held whole. Its older end, where it was cut, is read first.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use shared::disk::regular;
use shared::market::ticker::Ticker;
use shared::run::redaction::{Redaction, shortened};

use crate::supervise::error_line::{ERROR_LEVEL, ERROR_PREFIX, RULE};

/// A longer line is read in pieces.
const LINE_BYTES: u64 = 64 * 1024;
/// How much of the end of a log a quick look reads.
const FIRST_LOOK: u64 = 64 * 1024;
/// How much of a line is kept.
const TEXT_CHARS: usize = 300;
/// How the worker marks normal progress. Such a line never explains a failure.
const INFO_LEVEL: &str = " INFO ";

/// A line and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The log.
    pub file: PathBuf,
    /// One-based; null where only the end of the log was read.
    pub line: Option<u64>,
    /// What it says.
    pub text: String,
}

/// Which ticker to look for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// This one,
    pub ticker: &'a Ticker,
    /// and lines about other tickers of its batch do not matter.
    pub members: &'a [Ticker],
}

/// How much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Whole,
    /// So many bytes from the end.
    End(u64),
}

/// The line that best explains each attempt in the log at `path`. A log that can't be read has
/// none.
pub fn telling(path: &Path, subject: Subject, reach: Reach) -> BTreeMap<u32, LogLine> {
    let mut search = Search { subject, attempt: None, found: BTreeMap::new(), homeless: None };
    let older = path.with_extension("log.1");
    if reach == Reach::Whole {
        drop(search.read(&older, reach));
    }
    drop(search.read(path, reach));
    search.found.into_iter().map(|(attempt, (_, line))| (attempt, line)).collect()
}

/// The line that tells best of this attempt, as far as the end of the log at `path` tells it: a
/// look reads less first, and more only where that brought no error. So many bytes at most.
pub fn telling_of(path: &Path, subject: Subject, attempt: u32, most: u64) -> Option<LogLine> {
    let mut best = None;
    for bytes in [FIRST_LOOK.min(most), most] {
        let mut search = Search { subject, attempt: None, found: BTreeMap::new(), homeless: None };
        let length = fs::metadata(path).map_or(0, |log| log.len());
        if let Some(before @ 1..) = bytes.checked_sub(length) {
            drop(search.read(&path.with_extension("log.1"), Reach::End(before)));
        }
        drop(search.read(path, Reach::End(bytes)));
        let found = search.found.remove(&attempt);
        let is_enough =
            found.as_ref().is_some_and(|(significance, _)| *significance > Significance::Words);
        best = found.map(|(_, line)| line).or(best);
        if is_enough {
            break;
        }
    }
    best
}

/// How well a line explains a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Significance {
    /// Any line.
    Words,
    /// An error of no ticker in particular.
    CommonError,
    /// An error of this very ticker.
    OwnError,
}

struct Search<'a> {
    subject: Subject<'a>,
    /// Whose lines these are; not known before the first line of ours.
    attempt: Option<u32>,
    found: BTreeMap<u32, (Significance, LogLine)>,
    /// Lines before the first header.
    homeless: Option<(Significance, LogLine)>,
}

impl Search<'_> {
    fn read(&mut self, path: &Path, reach: Reach) -> io::Result<()> {
        let mut file = regular::open(path)?;
        let from = match reach {
            Reach::Whole => 0,
            Reach::End(bytes) => file.metadata()?.len().saturating_sub(bytes),
        };
        file.seek(SeekFrom::Start(from))?;
        let mut reader = BufReader::new(file);
        let mut piece = Vec::new();
        let mut number = 1;
        // Where the beginning is not read, the first line is half a line and nobody knows its
        // number.
        let mut is_whole = from == 0;
        while reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut piece)? > 0 {
            if is_whole {
                let text = String::from_utf8_lossy(&piece);
                self.hear(path, (from == 0).then_some(number), text.trim());
            }
            is_whole |= piece.ends_with(b"\n");
            number += u64::from(piece.ends_with(b"\n"));
            piece.clear();
        }
        Ok(())
    }

    fn hear(&mut self, path: &Path, line: Option<u64>, text: &str) {
        if let Some(rule) = text.strip_prefix(RULE) {
            self.turn_to(rule);
            return;
        }
        let Some(significance) = self.weigh(text) else { return };
        let text = shortened(&Redaction::default().line(text), TEXT_CHARS);
        let line = (significance, LogLine { file: path.to_owned(), line, text });
        match self.attempt {
            Some(attempt) => self.keep(attempt, line),
            None if self.homeless.as_ref().is_none_or(|(least, _)| significance >= *least) => {
                self.homeless = Some(line);
            }
            None => {}
        }
    }

    /// Of equally good lines, the last one is kept.
    fn keep(&mut self, attempt: u32, line: (Significance, LogLine)) {
        if self.found.get(&attempt).is_none_or(|(least, _)| line.0 >= *least) {
            self.found.insert(attempt, line);
        }
    }

    /// Ours are `==== batch_0001 attempt 2, …` and `==== batch_0001 attempt 2 ended: …`.
    fn turn_to(&mut self, rule: &str) {
        let mut words = rule.split_whitespace().skip_while(|word| *word != "attempt").skip(1);
        let Some(number) =
            words.next().and_then(|word| word.trim_end_matches(',').parse::<u32>().ok())
        else {
            return;
        };
        if self.attempt.is_none()
            && let Some(line) = self.homeless.take()
        {
            let has_ended = words.next().is_some_and(|word| word == "ended:");
            self.keep(if has_ended { number } else { number.saturating_sub(1) }, line);
        }
        self.attempt = Some(number);
    }

    fn weigh(&self, text: &str) -> Option<Significance> {
        if text.split_once(INFO_LEVEL).is_some_and(|(stamp, _)| !stamp.contains(' ')) {
            return None;
        }
        let error = text.split_once(ERROR_LEVEL).map(|(_, said)| said.trim_start());
        let said = error.or_else(|| text.splitn(3, ' ').nth(2)).unwrap_or(text).trim_start();
        let named = said.split_once(": ").map(|(name, _)| name);
        let is_other = |name: &str| {
            name != self.subject.ticker.as_str()
                && self.subject.members.iter().any(|it| it.as_str() == name)
        };
        if text.is_empty() || named.is_some_and(is_other) {
            return None;
        }
        let is_error =
            error.is_some() || text.starts_with(ERROR_PREFIX) || text.contains(" panicked at ");
        Some(match (is_error, named == Some(self.subject.ticker.as_str())) {
            (true, true) => Significance::OwnError,
            (true, false) => Significance::CommonError,
            (false, _) => Significance::Words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;

    fn told(
        log: &str,
        older: Option<&str>,
        reach: Reach,
    ) -> Vec<(u32, String, Option<u64>, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch_0001.log");
        publish::publish(&path, log.as_bytes()).expect("written");
        if let Some(older) = older {
            publish::publish(&path.with_extension("log.1"), older.as_bytes()).expect("written");
        }
        let members: Vec<Ticker> =
            ["A", "B"].iter().map(|name| name.parse().expect("a ticker")).collect();
        let found = telling(&path, Subject { ticker: &members[0], members: &members }, reach);
        let told = found.into_iter().map(|(attempt, line)| {
            let file = line.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (attempt, file, line.line, line.text)
        });
        told.collect()
    }

    const LOG: &str = "==== batch_0001 attempt 1, 2024-07-01T12:00:00Z, tickers: 2\n\
        2024-07-01T12:00:00.000Z INFO  A: starts\n\
        2024-07-01T12:00:01.000Z ERROR A: HTTP 404\n\
        2024-07-01T12:00:02.000Z ERROR B: HTTP 500\n\
        2024-07-01T12:00:02.001Z INFO  end: 0 tickers done, 2 failed\n\
        ==== batch_0001 attempt 1 ended: exit 10\n\
        ==== batch_0001 attempt 2, 2024-07-01T12:01:00Z, tickers: 2\n\
        2024-07-01T12:01:00.000Z INFO  A: starts\n\
        thread 'main' panicked at src/main.rs:1:\n\
        2024-07-01T12:01:00.000Z ERROR B: HTTP 500\n";

    #[test]
    fn each_attempt_is_told_by_its_own_line_with_its_number() {
        let log = "batch_0001.log".to_owned();
        assert_eq!(
            told(LOG, None, Reach::Whole),
            [
                (1, log.clone(), Some(3), "2024-07-01T12:00:01.000Z ERROR A: HTTP 404".to_owned()),
                (2, log, Some(9), "thread 'main' panicked at src/main.rs:1:".to_owned()),
            ]
        );
    }

    #[test]
    fn a_line_that_says_that_all_is_well_tells_no_cause() {
        let log = "==== batch_0001 attempt 1, 2024-07-01T12:00:00Z, tickers: 2\n\
            2024-07-01T12:00:00.000Z INFO  A: starts\n\
            2024-07-01T12:00:02.001Z INFO  end: 0 tickers done, 2 failed\n";
        assert_eq!(told(log, None, Reach::Whole), []);
    }

    #[test]
    fn what_was_cut_off_is_read_first_and_belongs_to_the_attempt_that_ends_after_it() {
        let older = "2024-07-01T12:00:01.000Z ERROR A: HTTP 404\n";
        let log = "==== the log had grown to 100 bytes; its end is in x\n\
            ==== batch_0001 attempt 3 ended: exit 10\n";
        let expected = (3, "batch_0001.log.1".to_owned(), Some(1), older.trim().to_owned());
        assert_eq!(told(log, Some(older), Reach::Whole), [expected]);
    }

    #[test]
    fn an_error_far_from_the_end_is_found_also_where_the_log_was_cut_behind_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch_0001.log");
        let a: Ticker = "A".parse().expect("a ticker");
        let subject = Subject { ticker: &a, members: std::slice::from_ref(&a) };
        let told = || telling_of(&path, subject, 1, 1 << 20).map(|line| line.text);
        let header = "==== batch_0001 attempt 1, 2024-07-01T12:00:00Z, tickers: 1\n";
        let error = "2024-07-01T12:00:01.000Z ERROR A: HTTP 404\n";
        let noise = "2024-07-01T12:00:02.000Z WARN  it goes on and on\n".repeat(4_000);
        let footer = "==== batch_0001 attempt 1 ended: exit 11\n";
        let whole = [header, error, &noise, footer].concat();
        publish::publish(&path, whole.as_bytes()).expect("written");
        assert_eq!(told().as_deref(), Some(error.trim()), "two hundred kilobytes before the end");
        publish::publish(&path.with_extension("log.1"), [error, &noise].concat().as_bytes())
            .expect("written");
        let cut = format!("==== the log had grown to 9 bytes; its end is in x\n{footer}");
        publish::publish(&path, cut.as_bytes()).expect("written");
        assert_eq!(told().as_deref(), Some(error.trim()), "in the older part");
    }

    #[test]
    fn of_the_end_alone_nobody_knows_the_line_number() {
        let end = told(LOG, None, Reach::End(120));
        assert_eq!(end, [], "the attempt is not known");
        let end = told(LOG, None, Reach::End(250));
        assert_eq!(end.len(), 1);
        assert_eq!((end[0].0, end[0].2), (2, None));
    }
}
