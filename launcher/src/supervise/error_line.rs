//! The line of a worker's log that best explains why the worker ended.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use shared::disk::regular;
use shared::run::redaction::{Redaction, shortened};

use crate::shim::worker::CUT;

/// How lines of the launcher in a batch log begin.
pub const RULE: &str = "====";
/// How much of the end of a log is read, and how much of a line is kept.
const END_BYTES: u64 = 16 * 1024;
const LINE_CHARS: usize = 300;
/// How much of a line without its beginning is skipped: more than the length of a secret.
const HALF_BYTES: usize = 2 * 1024;
/// How the worker marks an error.
pub const ERROR_LEVEL: &str = " ERROR ";
/// How a program marks an error in its arguments.
pub const ERROR_PREFIX: &str = "error:";

/// The line of the log at `path` that best explains the end of the last attempt, without secrets;
/// empty if there is none.
pub fn read(path: &Path, redaction: &Redaction) -> io::Result<String> {
    Ok(shortened(&redaction.line(telling_line(&end_of(path)?)), LINE_CHARS))
}

/// The last line of the log at `path` that is not blank, ours included.
pub fn last_line(path: &Path) -> io::Result<String> {
    let end = end_of(path)?;
    Ok(end
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned())
}

/// The end of a log. After a cut it continues from the file beside it.
fn end_of(path: &Path) -> io::Result<String> {
    let end = end_of_file(path)?;
    let Some((_, behind)) = end.strip_prefix(CUT).and_then(|cut| cut.split_once('\n')) else {
        return Ok(end);
    };
    let before = end_of_file(&path.with_extension("log.1")).unwrap_or_default();
    Ok(before + behind)
}

fn end_of_file(path: &Path) -> io::Result<String> {
    let mut file = regular::open(path)?;
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(END_BYTES);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(END_BYTES).read_to_end(&mut bytes)?;
    if begin > 0 {
        // It may begin inside a secret, and half a secret would not be recognised.
        let half = bytes.iter().position(|byte| *byte == b'\n').map_or(HALF_BYTES, |end| end + 1);
        bytes.drain(..half.min(bytes.len()));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line that is marked as an error, else the last line. A worker ends with a count and
/// clap with a hint: neither is the reason.
fn telling_line(log: &str) -> &str {
    // Stop at the header of this attempt.
    let own = log.lines().rev().map(str::trim).take_while(|line| !line.starts_with(RULE));
    let mut last = "";
    for line in own.filter(|line| !line.is_empty()) {
        match line.split_once(ERROR_LEVEL) {
            // Drop the worker's time stamp only; keep a sentence before the marker.
            Some((stamp, said)) if !stamp.contains(' ') => return said,
            Some(_) => return line,
            None if line.starts_with(ERROR_PREFIX) => return line,
            None if last.is_empty() => last = line,
            None => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;

    #[test]
    fn what_is_too_long_keeps_what_happened_and_what_to_do() {
        let days: String = (1..=30).map(|day| format!("2024-06-{day:02}, ")).collect();
        let cause = format!(
            "A: the ledger does not prove 30 sessions ({days}); download them, or --allow-gap"
        );
        let short = shortened(&cause, 100);
        assert_eq!(short.chars().count(), 100);
        assert!(short.starts_with("A: the ledger does not prove 30 sessions (2024-"), "{short}");
        assert!(
            short.ends_with("); download them, or --allow-gap") && short.contains(" … "),
            "{short}"
        );
        assert_eq!(shortened("as it is", 8), "as it is");
    }

    #[test]
    fn an_error_tells_more_than_the_count_after_it() {
        let log = "==== batch_0001 attempt 1, tickers: 2\n\
            2024-07-01T12:00:00.000Z ERROR of the attempt before\n\
            ==== batch_0001 attempt 1 ended: exit 13\n\
            ==== batch_0001 attempt 2, tickers: 2\n\
            2024-07-01T12:00:01.000Z INFO  A starts\n\
            2024-07-01T12:00:02.000Z ERROR A: can't write out/A: No space left on device\n\
            2024-07-01T12:00:02.001Z INFO  end: 0 tickers done, 2 failed\n";
        assert_eq!(telling_line(log), "A: can't write out/A: No space left on device");
    }

    #[test]
    fn the_words_of_a_log_that_was_just_cut_are_in_the_file_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch_0001.log");
        let older =
            "2024-07-01T12:00:02.000Z ERROR A: no room\n2024-07-01T12:00:02.001Z INFO  end\n";
        publish::publish(&path.with_extension("log.1"), older.as_bytes()).expect("written");
        let cut = format!("{CUT}9000 bytes; its end is in x\n");
        publish::publish(&path, cut.as_bytes()).expect("written");
        assert_eq!(read(&path, &Redaction::default()).expect("read"), "A: no room");
        let next = format!(
            "{cut}==== batch_0001 attempt 2, tickers: 1\n2024-07-01T12:00:03.000Z WARN  on\n"
        );
        publish::publish(&path, next.as_bytes()).expect("written");
        assert_eq!(
            read(&path, &Redaction::default()).expect("read"),
            "2024-07-01T12:00:03.000Z WARN  on",
            "words of the attempt before are not this one's"
        );
    }

    #[test]
    fn a_complaint_about_arguments_tells_more_than_the_hint_after_it() {
        let log = "error: invalid value '99' for '--max-workers <N>': 99 is not in 1..=64\n\n\
            For more information, try '--help'.\n";
        assert_eq!(
            telling_line(log),
            "error: invalid value '99' for '--max-workers <N>': 99 is not in 1..=64"
        );
    }

    #[test]
    fn without_an_error_the_last_line_is_all_there_is() {
        assert_eq!(telling_line("==== begin\nfirst\ndisk full\n\n"), "disk full");
        assert_eq!(telling_line("words\n==== begin\n"), "");
        assert_eq!(telling_line("it said an ERROR of sorts\nbye\n"), "it said an ERROR of sorts");
    }
}
