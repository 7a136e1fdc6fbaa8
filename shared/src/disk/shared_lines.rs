//! A log of checked lines that several processes append to, each in its turn.
//!
//! A turn begins with a look at what the others have appended. What one of them left half written
//! when it was killed is cut off then, never glued to what comes next: only who has the turn may
//! tell a line that was torn from one that is being written.
//!
//! A log may be put in its own place with fewer lines, by one who keeps everybody else out of it.
//! So whoever opens one looks in a turn whether it is still the log, and whoever appends to one
//! looks again.

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

/// So often, and so long after each other, a reader looks who can't see whether somebody has a
/// turn.
const GLANCES: u32 = 5;
const GLANCE: Duration = Duration::from_millis(10);
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
struct LogBytes {
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
    folder: Folder,
    locks: LogLocks,
    known: LogBytes,
    /// What this log has replaced. Its locks keep out those who had opened it and have not looked
    /// yet.
    predecessor: Option<File>,
    entry: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> SharedLog<T> {
    /// Opens `path`, which lies below `root`, for appending (made durably if new); nothing of it is
    /// read yet. In its turn, while nobody can replace the log, `lock` takes what it wants of it.
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

    /// What others, or we before it was opened, have appended since it was last looked at; cuts off
    /// a torn tail.
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
    /// without the lines that a later one about the same replaces; only if nobody else holds a part
    /// of it, and nobody may hold it as a whole (a shared `flock` sees to that). When it returns
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
        // Until this is done nobody else appends: what is proven there would go with the name of
        // the file.
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

    /// Is it still the log that others find?
    pub fn look_for_it(&self) -> Result<(), LogError> {
        look_for(&self.locks, Log { file: &self.file, path: &self.path })
    }

    /// How many bytes were cut off its end, which crashes had torn.
    pub fn torn_bytes(&self) -> u64 {
        self.known.torn
    }

    #[cfg(test)]
    fn file(&self) -> &File {
        &self.file
    }
}

/// Waits for a turn at a log that is still the one that others find.
fn turn<'a>(locks: &'a LogLocks, log: Log<'a>) -> Result<Turn<'a>, LogError> {
    let turn = locks.turn(log)?;
    look_for(locks, log).map(|()| turn)
}

fn look_for(locks: &LogLocks, log: Log<'_>) -> Result<(), LogError> {
    if !successor::is_in_place(log.file, log.path)? {
        return Err(LogError::Gone { path: log.path.to_owned() });
    }
    // Without its lock file others would not know of us.
    if locks.is_in_place()? {
        Ok(())
    } else {
        Err(LogError::Gone { path: LogLocks::path_of(log.path) })
    }
}

/// Puts `lines` in the place of the log, locked as the old one is and with a turn that is not over.
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
        // The line is to be named by its place in the whole log.
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
        // Was a torn tail cut off and written over while we read? Then it is whole when nobody has
        // the turn.
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
