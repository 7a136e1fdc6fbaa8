//! Activity of a script that keeps no ledger: a line in the log, or a new file of the ticker.
//! Without either, its exit code 0 is not believed.

use std::fs::{self, DirEntry};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use shared::run::workdir::BatchId;

use super::error_line::{self, RULE};

/// How far the clock that stamps files may be behind ours.
const CLOCK_LAG: Duration = Duration::from_millis(20);
/// How deep a ticker's files may lie below its folder: `year=/month=/day=`, or a kind of bars and a
/// year.
const DEPTH: u32 = 4;

/// How the header of an attempt begins in the log of its batch.
pub fn header(batch: BatchId, number: u32) -> String {
    format!("{RULE} {batch} attempt {number}, ")
}

/// Does the log have a line after the header of this attempt?
pub fn has_spoken(log: &Path, batch: BatchId, number: u32) -> bool {
    let last = error_line::last_line(log).unwrap_or_default();
    !last.is_empty() && !last.starts_with(&header(batch, number))
}

/// When an attempt began, by the clock that stamps files. Two answers: `took` ago by the time of
/// the run, and when its `lock` was written. If they differ the clock was set, and the earlier one
/// counts.
pub fn began_by_files(lock: &Path, took: SignedDuration, now: Timestamp) -> SystemTime {
    let counted = SystemTime::from(now.checked_sub(took).unwrap_or(Timestamp::MIN));
    let signed = fs::metadata(lock).and_then(|metadata| metadata.modified());
    signed.map_or(counted, |signed| signed.min(counted))
}

/// Is there a non-empty file below `folder` that was written at or after `since`?
pub fn has_new_file(folder: &Path, since: SystemTime) -> bool {
    let since = since.checked_sub(CLOCK_LAG).unwrap_or(SystemTime::UNIX_EPOCH);
    holds_new_file(folder, since, DEPTH)
}

fn holds_new_file(folder: &Path, since: SystemTime, depth: u32) -> bool {
    let is_new = |entry: &DirEntry| {
        let Ok(metadata) = entry.metadata() else { return false };
        if metadata.is_dir() {
            return depth > 0 && holds_new_file(&entry.path(), since, depth - 1);
        }
        metadata.len() > 0 && metadata.modified().is_ok_and(|at| at >= since)
    };
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_new(&entry)))
}

/// When the latest non-empty file below `folder` was written.
pub fn latest_file(folder: &Path) -> Option<SystemTime> {
    latest_within(folder, DEPTH)
}

fn latest_within(folder: &Path, depth: u32) -> Option<SystemTime> {
    let latest = |entry: DirEntry| {
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() {
            return if depth > 0 { latest_within(&entry.path(), depth - 1) } else { None };
        }
        if metadata.len() > 0 { metadata.modified().ok() } else { None }
    };
    fs::read_dir(folder).ok()?.flatten().filter_map(latest).max()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures")]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write as _;

    #[test]
    fn only_a_file_with_something_in_it_that_is_new_is_a_sign() {
        let folder = tempfile::tempdir().expect("a folder");
        let began_at = SystemTime::from(crate::process::clock::now());
        let year = folder.path().join("A/year=2024");
        fs::create_dir_all(&year).expect("made");
        let has_sign = || has_new_file(&folder.path().join("A"), began_at);
        assert!(!has_sign(), "a folder is none");
        let mut file = File::create(year.join("daily.parquet")).expect("made");
        assert!(!has_sign(), "nothing is in it");
        file.write_all(b"PAR1").expect("written");
        assert!(has_sign());
        file.set_modified(began_at - Duration::from_mins(1)).expect("dated");
        assert!(!has_sign(), "it was there before");
    }

    #[test]
    fn an_attempt_began_when_its_lock_was_signed_or_earlier_where_the_clock_was_set_back_since() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = folder.path().join("shim.lock");
        let file = File::create(&lock).expect("made");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let (signed, hour) = (at("2024-07-02T12:00:00Z"), SignedDuration::from_hours(1));
        file.set_modified(SystemTime::from(signed)).expect("dated");
        let began = |now: &str| began_by_files(&lock, hour, at(now));
        assert_eq!(
            began("2024-07-02T13:00:00Z"),
            SystemTime::from(signed),
            "nobody has touched the clock"
        );
        assert_eq!(began("2024-07-03T13:00:00Z"), SystemTime::from(signed), "a day ahead");
        let a_day_back = at("2024-07-01T12:00:00Z");
        assert_eq!(began("2024-07-01T13:00:00Z"), SystemTime::from(a_day_back));
    }

    #[test]
    fn a_header_of_ours_is_no_word_of_the_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch_0001.log");
        let mut log = File::create(&path).expect("made");
        let batch = BatchId(1);
        assert!(!has_spoken(&path, batch, 1));
        writeln!(log, "{}tickers: 2\nwords\n{}tickers: 2", header(batch, 1), header(batch, 2))
            .expect("written");
        assert!(!has_spoken(&path, batch, 2), "those were words of the attempt before");
        writeln!(log, "==== all done").expect("written");
        assert!(has_spoken(&path, batch, 2));
    }
}
