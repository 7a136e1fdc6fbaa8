//! A log of checked lines that several processes append to, each in its turn.
//!
//! A turn begins with a look at what the others have appended. What one of them left half written when it was killed
//! is cut off then, never glued to what comes next: only who has the turn may tell a line that was torn from one that is
//! being written.
//!
//! A log may be put in its own place with fewer lines, by one who keeps everybody else out of it. So whoever opens one looks
//! in a turn whether it is still the log, and whoever appends to one looks again.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::marker::PhantomData;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audience::Audience;
use super::byte_range::{self, Held, Hold};
use super::checked_lines::{self, Contents, LinesError};
use super::lock;
use super::publish::DiskError;
use super::regular;
use super::successor::{self, Successor};

/// The lock of a turn; what else is locked in such a log lies behind it.
const TURN: Range<u32> = 0..1;
/// The first number that is free for the owner of a log to lock something else by.
pub const FIRST_FREE: u32 = TURN.end;
/// Somebody else's turn lasts a write and a few syncs; no disk takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// A reader has less at stake.
const GLANCE: Duration = Duration::from_secs(1);
/// So often a log may be replaced while somebody opens it.
const TRIES: u32 = 100;

/// Why nothing can be appended.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// What is there can't be read or written.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// What others find in its place is something else, or nothing.
    #[error("{path} was moved or removed while it was written", path = path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
}

impl From<DiskError> for LogError {
    fn from(error: DiskError) -> Self {
        Self::Lines(error.into())
    }
}

/// Numbers by which parts of a log are locked, each for who writes that part.
#[derive(Debug, Clone)]
pub struct Holding {
    /// Those that are held.
    pub own: Range<u32>,
    /// All that there are.
    pub all: Range<u32>,
}

impl Holding {
    /// `false` when somebody else has some.
    fn take_all(&self, file: &File, path: &Path) -> Result<bool, DiskError> {
        Ok(byte_range::try_hold(file, path, self.all.clone(), Hold::Alone)?.is_none())
    }

    fn keep_own(&self, file: &File, path: &Path) -> Result<(), DiskError> {
        byte_range::release(file, path, self.all.start..self.own.start)?;
        byte_range::release(file, path, self.own.end..self.all.end)
    }

    /// Of a file that nobody else knows, with a turn.
    fn take_own(&self, file: &File, path: &Path) -> Result<(), DiskError> {
        let held = |numbers| Ok(byte_range::try_hold(file, path, numbers, Hold::Alone)?.is_none());
        if lock::try_shared(file, path)? && held(self.own.clone())? && held(TURN)? {
            return Ok(());
        }
        Err(DiskError::at("lock the successor of", path)(io::ErrorKind::WouldBlock.into()))
    }
}

/// What came of a wish to leave out the lines that later ones replace.
#[derive(Debug)]
pub enum Rewritten {
    /// The log is new, and the lines that were to be appended are its last.
    Whole,
    /// Somebody else writes some of it: nothing was appended.
    Busy,
    /// It can't be done, and nothing was appended: the log is as it was.
    Failed(DiskError),
}

/// What was found of a log, in bytes.
#[derive(Debug, Default)]
struct Known {
    /// Whole, sound lines that were read.
    bytes: u64,
    /// Torn ends that were cut off.
    torn: u64,
}

/// A file from some byte on, whatever its position.
struct Rest<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Rest<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The writing end of such a log.
pub struct SharedLog<T> {
    file: File,
    path: PathBuf,
    known: Known,
    /// What this log has replaced. Its locks keep out those who had opened it and have not looked yet.
    predecessor: Option<File>,
    entry: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> SharedLog<T> {
    /// Opens `path` for appending (made durably if new); nothing of it is read yet. In its turn, while nobody can replace
    /// the log, `lock` takes what it wants of it.
    pub fn open<R>(
        path: &Path,
        mut lock: impl FnMut(&File) -> Result<R, DiskError>,
    ) -> Result<(Self, R), DiskError> {
        for _ in 0..TRIES {
            let file = checked_lines::open(Audience::AsUmaskSays, path)?;
            let turn = Held::wait(&file, path, TURN, Hold::Alone, PATIENCE)?;
            if successor::is_in_place(&file, path)? {
                successor::remove_leftover(path)?;
                let locked = lock(&file)?;
                drop(turn);
                let path = path.to_owned();
                return Ok((
                    Self { file, path, known: Known::default(), predecessor: None, entry: PhantomData },
                    locked,
                ));
            }
        }
        Err(DiskError::at("open", path)(io::Error::other("it was replaced each time that it was opened")))
    }

    /// What others, or we before it was opened, have appended since it was last looked at; cuts off a torn tail.
    pub fn catch_up(&mut self) -> Result<Vec<T>, LinesError> {
        let Self { file, path, known, .. } = self;
        let _turn = Held::wait(file, path, TURN, Hold::Alone, PATIENCE)?;
        look(file, path, known)
    }

    /// Appends `entries` in one write and one sync: when it returns, they survive a power cut. On an error none of
    /// them counts. Returns what others have appended before them.
    pub fn append(&mut self, entries: &[T]) -> Result<Vec<T>, LogError> {
        let Self { file, path, known, .. } = self;
        let _turn = turn(file, path)?;
        let others = look(file, path, known)?;
        let lines = encoded(entries);
        let written = (&*file).write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Nobody else appends before our turn is over.
            drop(file.set_len(known.bytes));
            return Err(DiskError::at("append to", path)(error).into());
        }
        known.bytes += lines.len() as u64;
        Ok(others)
    }

    /// Appends `entries` by putting a new log in the place of this one, whole or not at all, without the lines that a later
    /// one about the same replaces; only if nobody else holds a part of it, and nobody may hold it as a whole (a shared
    /// `flock` sees to that). When it returns `Whole`, they survive a power
    /// cut, and so does what others had appended.
    pub fn rewrite<K: Ord>(
        &mut self,
        entries: &[T],
        about: impl Fn(&T) -> K,
        holding: &Holding,
    ) -> Result<Rewritten, LogError> {
        let (file, path) = (&self.file, self.path.as_path());
        let turn = turn(file, path)?;
        look::<T>(file, path, &mut self.known)?;
        if !holding.take_all(file, path)? {
            return Ok(Rewritten::Busy);
        }
        let mut bytes = vec![0; usize::try_from(self.known.bytes).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, 0).map_err(DiskError::at("read", path))?;
        bytes.extend_from_slice(encoded(entries).as_bytes());
        let bytes = checked_lines::without_replaced(path, &bytes, about)?;
        let new = match put_in_place(file, path, &bytes, holding) {
            Ok(new) => new,
            Err(error) => {
                holding.keep_own(file, path)?;
                return Ok(Rewritten::Failed(error));
            }
        };
        drop(turn);
        self.predecessor = Some(std::mem::replace(&mut self.file, new));
        self.known.bytes = bytes.len() as u64;
        // Until this is done nobody else appends: what is proven there would go with the name of the file.
        let synced = successor::sync_place(&self.path);
        byte_range::release(&self.file, &self.path, TURN)?;
        synced?;
        Ok(Rewritten::Whole)
    }

    /// How many bytes it had when it was last looked at.
    pub fn known_bytes(&self) -> u64 {
        self.known.bytes
    }

    /// Is it still the log that others find?
    pub fn look_for_it(&self) -> Result<(), LogError> {
        if successor::is_in_place(&self.file, &self.path)? {
            return Ok(());
        }
        Err(LogError::Gone { path: self.path.clone() })
    }

    /// How many bytes were cut off its end, which crashes had torn.
    pub fn torn_bytes(&self) -> u64 {
        self.known.torn
    }

    /// The open file, for locking.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Waits for a turn at a log that is still the one that others find.
fn turn<'a>(file: &'a File, path: &'a Path) -> Result<Held<'a>, LogError> {
    let turn = Held::wait(file, path, TURN, Hold::Alone, PATIENCE)?;
    if successor::is_in_place(file, path)? { Ok(turn) } else { Err(LogError::Gone { path: path.to_owned() }) }
}

/// Puts `lines` in the place of the log, locked as the old one is and with a turn that is not over.
fn put_in_place(old: &File, path: &Path, lines: &[u8], holding: &Holding) -> Result<File, DiskError> {
    let successor = Successor::write(path, old, lines)?;
    holding.take_own(successor.file(), path)?;
    successor.rename()
}

fn encoded<T: Serialize>(entries: &[T]) -> String {
    entries.iter().map(checked_lines::encode).collect()
}

/// Reads what lies behind `known_bytes` and cuts off what a crash has torn. The caller has the turn.
fn look<T: DeserializeOwned>(file: &File, path: &Path, known: &mut Known) -> Result<Vec<T>, LinesError> {
    let Known { bytes: known_bytes, torn: torn_bytes } = known;
    let length = file.metadata().map_err(DiskError::at("look at", path))?.len();
    if length == *known_bytes {
        return Ok(Vec::new());
    }
    let Some(new) = length.checked_sub(*known_bytes) else {
        let what = "it was cut short while it was written".to_owned();
        return Err(LinesError::Corrupt { path: path.to_owned(), line: 1, what });
    };
    let bytes = BufReader::with_capacity(checked_lines::CHUNK, Rest { file, at: *known_bytes }.take(new));
    let Contents { entries, sound_bytes } = match checked_lines::parse(path, bytes) {
        // The line is to be named by its place in the whole log.
        Err(error) if *known_bytes > 0 => return Err(checked_lines::read::<T>(path).err().unwrap_or(error)),
        parsed => parsed?,
    };
    *known_bytes += sound_bytes;
    if length > *known_bytes {
        *torn_bytes += length - *known_bytes;
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
    let Ok(file) = regular::open(path) else { return seen };
    match Held::wait(&file, path, TURN, Hold::Shared, GLANCE) {
        Ok(_turn) => checked_lines::read(path),
        Err(_) => seen,
    }
}

#[cfg(test)]
mod tests;
