//! A log of checked lines to which several processes append in turns.
//!
//! A turn begins with reading what the others have appended. If one of them was killed in the
//! middle of a line, that piece is cut off: only the holder of the turn can tell a torn line from
//! one that is being written.
//!
//! A process that excludes all others may replace the log by one with fewer lines. So every opener
//! checks in its turn whether the file is still the log, and every appender checks again.

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
use super::checked_lines::{self, Contents, LinesError};
use super::folder::Folder;
use super::log_locks::{self, Log, LogLocks, Turn};
use super::publish::DiskError;
use super::regular;
use super::successor::{self, Successor};

/// How often, and at what interval, a reader looks that can't see whether a writer has a turn.
const GLANCES: u32 = 5;
const GLANCE: Duration = Duration::from_millis(10);
/// How often a log may be replaced while it is being opened.
const TRIES: u32 = 100;

/// Why nothing can be appended.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log can't be read or written.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// Its path now names another file, or nothing.
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

/// The numbers that lock parts of a log, each for the writer of that part.
#[derive(Debug, Clone)]
pub struct Holding {
    /// Those that are held.
    pub own: Range<u32>,
    /// All that there are.
    pub all: Range<u32>,
}

impl Holding {
    /// `false` if another process has some.
    fn take_all(&self, locks: &LogLocks, log: Log<'_>) -> Result<bool, DiskError> {
        Ok(locks.hold(log, &self.all)?.is_none())
    }

    fn keep_own(&self, locks: &LogLocks, log: Log<'_>) -> Result<(), DiskError> {
        self.others().iter().try_for_each(|numbers| locks.release(log, numbers))
    }

    fn others(&self) -> [Range<u32>; 2] {
        [self.all.start..self.own.start, self.own.end..self.all.end]
    }
}

/// The result of a rewrite without the lines that later ones replace.
#[derive(Debug)]
pub enum Rewritten {
    /// The log was replaced; it ends with the appended lines.
    Whole,
    /// Another process writes a part of it: nothing was appended.
    Busy,
    /// It failed: nothing was appended, and the log is as it was.
    Failed(DiskError),
}

/// What was found of a log, in bytes.
#[derive(Debug, Default)]
struct LogBytes {
    /// Whole, sound lines that were read.
    bytes: u64,
    /// Torn ends that were cut off.
    torn: u64,
}

/// Reads a file from a byte on, without moving its position.
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
    folder: Folder,
    locks: LogLocks,
    known: LogBytes,
    /// The log that this one has replaced. Its locks exclude processes that opened it and have not
    /// checked yet.
    predecessor: Option<File>,
    entry: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> SharedLog<T> {
    /// Opens `path`, which lies below `root`, for appending (made durably if new); nothing of it is
    /// read yet. `lock` takes its locks in the turn, while nobody can replace the log.
    pub fn open<R>(
        root: &Path,
        path: &Path,
        mut lock: impl FnMut(&LogLocks, Log<'_>) -> Result<R, DiskError>,
    ) -> Result<(Self, R), DiskError> {
        let name = path.file_name().unwrap_or_default();
        for _ in 0..TRIES {
            let folder = Folder::of(Audience::AsUmaskSays, root, path)?;
            let locks = LogLocks::open(&folder, path)?;
            let file = checked_lines::open(Audience::AsUmaskSays, &folder, name)?;
            let log = Log { file: &file, path };
            let turn = locks.turn(log)?;
            if locks.is_in_place()? && successor::is_in_place(&file, path)? {
                successor::remove_leftover(&folder, name)?;
                let locked = lock(&locks, log)?;
                drop(turn);
                let (path, known) = (path.to_owned(), LogBytes::default());
                let log = Self {
                    file,
                    path,
                    folder,
                    locks,
                    known,
                    predecessor: None,
                    entry: PhantomData,
                };
                return Ok((log, locked));
            }
        }
        Err(DiskError::at("open", path)(io::Error::other(
            "it was replaced each time that it was opened",
        )))
    }

    /// Returns what was appended since the last look, and cuts off a torn tail.
    pub fn catch_up(&mut self) -> Result<Vec<T>, LinesError> {
        let Self { file, path, locks, known, .. } = self;
        let log = Log { file, path };
        let _turn = locks.turn(log)?;
        look(log, known)
    }

    /// Appends `entries` in one write and one sync: when it returns, they survive a power cut. On
    /// an error none of them counts. Returns what others have appended before them.
    pub fn append(&mut self, entries: &[T]) -> Result<Vec<T>, LogError> {
        let Self { file, path, locks, known, .. } = self;
        let log = Log { file, path };
        let _turn = turn(locks, log)?;
        let others = look(log, known)?;
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

    /// Appends `entries` by putting a new log in the place of this one, whole or not at all,
    /// without the lines that a later one about the same replaces; only if no other process holds a
    /// part of it, or could hold all of it (a shared `flock` ensures that). When it returns
    /// `Whole`, they survive a power cut, and so does what others had appended.
    pub fn rewrite<K: Ord>(
        &mut self,
        entries: &[T],
        about: impl Fn(&T) -> K,
        holding: &Holding,
    ) -> Result<Rewritten, LogError> {
        let Self { file, path, folder, locks, known, predecessor, .. } = self;
        let log = Log { file, path };
        let turn = turn(locks, log)?;
        look::<T>(log, known)?;
        if !holding.take_all(locks, log)? {
            holding.keep_own(locks, log)?;
            return Ok(Rewritten::Busy);
        }
        let mut bytes = vec![0; usize::try_from(known.bytes).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, 0).map_err(DiskError::at("read", path))?;
        bytes.extend_from_slice(encoded(entries).as_bytes());
        let bytes = checked_lines::without_replaced(path, &bytes, about)?;
        let new = match put_in_place(folder, log, &bytes, holding) {
            Ok(new) => new,
            Err(error) => {
                holding.keep_own(locks, log)?;
                return Ok(Rewritten::Failed(error));
            }
        };
        known.bytes = bytes.len() as u64;
        // Nobody else may append before this is done: a power cut could lose the file's name with
        // their lines.
        let synced = folder.sync();
        LogLocks::end_turn_of(Log { file: &new, path })?;
        holding.others().iter().try_for_each(|numbers| locks.release_own(numbers))?;
        drop(turn);
        *predecessor = Some(std::mem::replace(file, new));
        synced?;
        Ok(Rewritten::Whole)
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// How many bytes it had when it was last looked at.
    pub fn known_bytes(&self) -> u64 {
        self.known.bytes
    }

    /// Is it still the log at its path?
    pub fn look_for_it(&self) -> Result<(), LogError> {
        look_for(&self.locks, Log { file: &self.file, path: &self.path })
    }

    /// How many torn bytes were cut off its end.
    pub fn torn_bytes(&self) -> u64 {
        self.known.torn
    }

    #[cfg(test)]
    fn file(&self) -> &File {
        &self.file
    }
}

/// Waits for a turn at the log and checks that it is still at its path.
fn turn<'a>(locks: &'a LogLocks, log: Log<'a>) -> Result<Turn<'a>, LogError> {
    let turn = locks.turn(log)?;
    look_for(locks, log).map(|()| turn)
}

fn look_for(locks: &LogLocks, log: Log<'_>) -> Result<(), LogError> {
    if !successor::is_in_place(log.file, log.path)? {
        return Err(LogError::Gone { path: log.path.to_owned() });
    }
    // Without its lock file other processes would not see our locks.
    if locks.is_in_place()? {
        Ok(())
    } else {
        Err(LogError::Gone { path: LogLocks::path_of(log.path) })
    }
}

/// Replaces the log by `lines`. The new log is locked as the old one, and its turn is taken.
fn put_in_place(
    folder: &Folder,
    old: Log<'_>,
    lines: &[u8],
    holding: &Holding,
) -> Result<File, DiskError> {
    let name = old.path.file_name().unwrap_or_default();
    let successor = Successor::write(folder, name, old.file, lines)?;
    LogLocks::hold_successor(Log { file: successor.file(), path: old.path }, &holding.own)?;
    successor.rename()
}

fn encoded<T: Serialize>(entries: &[T]) -> String {
    entries.iter().map(checked_lines::encode).collect()
}

/// Reads what lies behind `known_bytes` and cuts off what a crash has torn. The caller has the
/// turn.
fn look<T: DeserializeOwned>(log: Log<'_>, known: &mut LogBytes) -> Result<Vec<T>, LinesError> {
    let Log { file, path } = log;
    let LogBytes { bytes: known_bytes, torn: torn_bytes } = known;
    let length = file.metadata().map_err(DiskError::at("look at", path))?.len();
    if length == *known_bytes {
        return Ok(Vec::new());
    }
    let Some(new) = length.checked_sub(*known_bytes) else {
        let what = "it was cut short while it was written".to_owned();
        return Err(LinesError::Corrupt { path: path.to_owned(), line: 1, what });
    };
    let bytes =
        BufReader::with_capacity(checked_lines::CHUNK, Rest { file, at: *known_bytes }.take(new));
    let Contents { entries, sound_bytes } = match checked_lines::parse(path, bytes) {
        // The error must name the line by its number in the whole log.
        Err(error) if *known_bytes > 0 => {
            return Err(checked_lines::read::<T>(path).err().unwrap_or(error));
        }
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
#[expect(clippy::disallowed_methods, reason = "whose turns can't be seen they can't be waited for")]
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Contents<T>, LinesError> {
    let mut seen = checked_lines::read(path);
    for _ in 0..GLANCES {
        if !matches!(seen, Err(LinesError::Corrupt { .. })) {
            break;
        }
        // A writer may have cut off and overwritten a torn tail while we read. Then the log is
        // sound once nobody has the turn.
        let Ok(file) = regular::open(path) else { break };
        let nobody_has_it = log_locks::wait_for_turns(Log { file: &file, path });
        if matches!(nobody_has_it, Ok(false)) {
            std::thread::sleep(GLANCE);
        }
        if nobody_has_it.is_ok() {
            seen = checked_lines::read(path);
        }
        if !matches!(nobody_has_it, Ok(false)) {
            break;
        }
    }
    seen
}

#[cfg(test)]
mod tests;
