//! A log of checked lines that several processes append to, each in its turn.
//!
//! A turn begins with a look at what the others have appended. What one of them left half written when it was killed
//! is cut off then, never glued to what comes next: only who has the turn may tell a line that was torn from one that is
//! being written.

use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::byte_range::{Held, Hold};
use super::checked_lines::{self, Contents, LinesError};
use super::publish::DiskError;

/// The lock of a turn; what else is locked in such a log lies behind it.
const TURN: Range<u32> = 0..1;
/// The first number that is free for the owner of a log to lock something else by.
pub const FIRST_FREE: u32 = TURN.end;
/// Somebody else's turn lasts one write and one sync; no disk takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// A reader has less at stake.
const GLANCE: Duration = Duration::from_secs(1);

/// The writing end of such a log.
pub struct SharedLog<T> {
    file: File,
    path: PathBuf,
    /// What of it was read: whole, sound lines.
    known_bytes: u64,
    entry: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> SharedLog<T> {
    /// Opens `path` for appending (made durably if new); nothing of it is read yet.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let file = checked_lines::open(path)?;
        Ok(Self { file, path: path.to_owned(), known_bytes: 0, entry: PhantomData })
    }

    /// What others, or we before it was opened, have appended since it was last looked at; cuts off a torn tail.
    pub fn catch_up(&mut self) -> Result<Vec<T>, LinesError> {
        let Self { file, path, known_bytes, .. } = self;
        let _turn = Held::wait(file, path, TURN, Hold::Alone, PATIENCE)?;
        look(file, path, known_bytes)
    }

    /// Appends `entries` in one write and one sync: when it returns, they survive a power cut. On an error none of
    /// them counts. Returns what others have appended before them.
    pub fn append(&mut self, entries: &[T]) -> Result<Vec<T>, LinesError> {
        let Self { file, path, known_bytes, .. } = self;
        let _turn = Held::wait(file, path, TURN, Hold::Alone, PATIENCE)?;
        let others = look(file, path, known_bytes)?;
        let lines: String = entries.iter().map(checked_lines::encode).collect();
        let written = (&*file).write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Nobody else appends before our turn is over.
            drop(file.set_len(*known_bytes));
            return Err(DiskError::at("append to", path)(error).into());
        }
        *known_bytes += lines.len() as u64;
        Ok(others)
    }

    /// The open file, for locking.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Reads what lies behind `known_bytes` and cuts off what a crash has torn. The caller has the turn.
fn look<T: DeserializeOwned>(file: &File, path: &Path, known_bytes: &mut u64) -> Result<Vec<T>, LinesError> {
    let length = file.metadata().map_err(DiskError::at("look at", path))?.len();
    if length == *known_bytes {
        return Ok(Vec::new());
    }
    let Some(new) = length.checked_sub(*known_bytes) else {
        let what = "it was cut short while it was written".to_owned();
        return Err(LinesError::Corrupt { path: path.to_owned(), line: 1, what });
    };
    let mut bytes = vec![0; usize::try_from(new).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, *known_bytes).map_err(DiskError::at("read", path))?;
    let Contents { entries, sound_bytes } = match checked_lines::parse(path, &bytes) {
        // The line is to be named by its place in the whole log.
        Err(error) if *known_bytes > 0 => return Err(checked_lines::read::<T>(path).err().unwrap_or(error)),
        parsed => parsed?,
    };
    *known_bytes += sound_bytes;
    if length > *known_bytes {
        file.set_len(*known_bytes).map_err(DiskError::at("cut the torn end of", path))?;
        file.sync_data().map_err(DiskError::at("sync", path))?;
    }
    Ok(entries)
}

/// Reads a whole log that others may be appending to; one that does not exist is empty.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Contents<T>, LinesError> {
    let seen = checked_lines::read(path);
    if !matches!(seen, Err(LinesError::Corrupt { .. })) {
        return seen;
    }
    // Was a torn tail cut off and written over while we read? Then it is whole when nobody has the turn.
    let Ok(file) = File::open(path) else { return seen };
    match Held::wait(&file, path, TURN, Hold::Shared, GLANCE) {
        Ok(_turn) => checked_lines::read(path),
        Err(_) => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Note {
        by: u32,
        number: u32,
    }

    fn note(by: u32, number: u32) -> Note {
        Note { by, number }
    }

    #[test]
    fn many_who_append_at_once_lose_and_tear_nothing_and_learn_of_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        std::thread::scope(|scope| {
            for by in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let mut log = SharedLog::open(path).expect("opened");
                    let mut others = log.catch_up().expect("read");
                    for number in 0..25 {
                        others.extend(log.append(&[note(by, number)]).expect("appended"));
                    }
                    assert!(others.iter().all(|note| note.by != by), "one's own are known");
                    others.extend(log.catch_up().expect("read"));
                    let all = read::<Note>(path).expect("sound").entries;
                    assert!(others.iter().all(|note| all.contains(note)));
                });
            }
        });
        let all = read::<Note>(&path).expect("sound").entries;
        assert_eq!(all.len(), 100);
        for by in 0..4 {
            let own: Vec<u32> = all.iter().filter(|note| note.by == by).map(|note| note.number).collect();
            assert_eq!(own, (0..25).collect::<Vec<_>>(), "each in its order");
        }
    }

    #[test]
    fn what_a_killed_writer_left_half_written_is_cut_off_at_any_byte_and_never_glued_to_the_next_line() {
        let line = checked_lines::encode(&note(7, 7));
        for cut in 1..line.len() {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("log.jsonl");
            let mut log = SharedLog::open(&path).expect("opened");
            log.append(&[note(1, 1)]).expect("appended");
            let mut killed = SharedLog::<Note>::open(&path).expect("opened");
            killed.catch_up().expect("read");
            let mut file = killed.file();
            file.write_all(&line.as_bytes()[..cut]).expect("written");
            drop(killed);
            assert_eq!(log.append(&[note(1, 2)]).expect("appended"), []);
            assert_eq!(read::<Note>(&path).expect("sound").entries, [note(1, 1), note(1, 2)], "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_line_of_somebody_else_is_named_by_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        let mut log = SharedLog::open(&path).expect("opened");
        log.append(&[note(1, 1), note(1, 2)]).expect("appended");
        let mut file = log.file();
        file.write_all(b"{\"by\":7}\n").expect("written");
        let error = log.append(&[note(1, 3)]).expect_err("damaged");
        assert!(matches!(error, LinesError::Corrupt { line: 3, .. }), "{error}");
        let cut = std::fs::OpenOptions::new().write(true).open(&path).expect("opened");
        cut.set_len(5).expect("cut");
        let error = log.append(&[note(1, 3)]).expect_err("cut short");
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}
