//! The locks of a log: a file beside it that only its writers can open, so that readers can't stop
//! them.
//!
//! Earlier versions lock the log itself exclusively, and everybody may read that. A holder of a
//! part of the lock file also takes a shared lock on that part of the log: that excludes earlier
//! versions and ignores readers.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;

use super::audience::Audience;
use super::byte_range::{self, Held, Hold};
use super::folder::Folder;
use super::holders::{self, Holders, Which};
use super::lock;
use super::publish::DiskError;
use super::successor;

/// The number of the turn's lock; all other numbers lie after it.
const TURN: Range<u32> = 0..1;
/// The first number that the owner of a log may use for something else.
pub const FIRST_FREE: u32 = TURN.end;
/// How long to wait for a turn. A turn lasts a write and a few syncs; no disk takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// The same for a reader, who has less at stake.
const GLANCE: Duration = Duration::from_secs(1);

/// A log and where it is.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// Open for reading and appending.
    pub file: &'a File,
    /// Its path.
    pub path: &'a Path,
}

/// What another holder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Part of what was requested, or everything.
    pub numbers: Option<Range<u32>>,
    /// Who.
    pub by: Holders,
}

/// The open lock file of a log.
#[derive(Debug)]
pub struct LogLocks {
    file: File,
    path: PathBuf,
}

/// Nobody else appends until it is dropped.
pub(super) struct Turn<'a> {
    _own: Held<'a>,
    _log: Held<'a>,
}

impl LogLocks {
    /// Where the lock file of the log at `path` is.
    pub fn path_of(path: &Path) -> PathBuf {
        path.with_extension("lock")
    }

    /// Opens (or makes) the lock file of the log at `path`, whose folder is `folder`.
    pub(crate) fn open(folder: &Folder, path: &Path) -> Result<Self, DiskError> {
        let path = Self::path_of(path);
        let name = path.file_name().unwrap_or_default();
        let file = folder.open_file(Audience::Writers, name, OFlag::O_RDWR | OFlag::O_CREAT)?;
        Ok(Self { file, path })
    }

    /// Is it still the file at its path? Nothing is ever renamed into its place.
    pub(super) fn is_in_place(&self) -> Result<bool, DiskError> {
        successor::is_in_place(&self.file, &self.path)
    }

    /// Waits for a turn at `log`.
    pub(super) fn turn<'a>(&'a self, log: Log<'a>) -> Result<Turn<'a>, DiskError> {
        let own = Held::wait(&self.file, &self.path, TURN, Hold::Alone, PATIENCE)?;
        Ok(Turn { _own: own, _log: Held::wait(log.file, log.path, TURN, Hold::Shared, PATIENCE)? })
    }

    /// Locks `numbers` until the files are closed, or returns at once which of them another holder
    /// has.
    pub fn hold(&self, log: Log<'_>, numbers: &Range<u32>) -> Result<Option<Taken>, DiskError> {
        if let Some(by) = lock::share_or_tell(log.file, log.path)? {
            return Ok(Some(Taken { numbers: None, by }));
        }
        let files =
            [(&self.file, self.path.as_path(), Hold::Alone), (log.file, log.path, Hold::Shared)];
        for (file, path, hold) in files {
            if let Some(theirs) = byte_range::try_hold(file, path, numbers.clone(), hold)? {
                let by = holders::of(file, &Which::Bytes(byte_range::bytes_of(&theirs)), &[]);
                return Ok(Some(Taken { numbers: Some(theirs), by }));
            }
        }
        Ok(None)
    }

    /// Releases `numbers`.
    pub(super) fn release(&self, log: Log<'_>, numbers: &Range<u32>) -> Result<(), DiskError> {
        byte_range::release(log.file, log.path, numbers.clone())?;
        self.release_own(numbers)
    }

    /// The same, except for the lock in the log itself: it keeps earlier versions out of a log that
    /// was replaced.
    pub(super) fn release_own(&self, numbers: &Range<u32>) -> Result<(), DiskError> {
        byte_range::release(&self.file, &self.path, numbers.clone())
    }

    /// Locks a new log, which no other process knows yet, as the log that it will replace is
    /// locked, and takes its turn.
    pub(super) fn hold_successor(log: Log<'_>, numbers: &Range<u32>) -> Result<(), DiskError> {
        let share =
            |numbers: Range<u32>| byte_range::try_hold(log.file, log.path, numbers, Hold::Shared);
        let is_free =
            lock::share_or_tell(log.file, log.path)?.is_none() && share(numbers.clone())?.is_none();
        if is_free && share(TURN)?.is_none() {
            return Ok(());
        }
        Err(DiskError::at("lock the successor of", log.path)(io::ErrorKind::WouldBlock.into()))
    }

    /// Ends the turn that [`hold_successor`](Self::hold_successor) began.
    pub(super) fn end_turn_of(log: Log<'_>) -> Result<(), DiskError> {
        byte_range::release(log.file, log.path, TURN)
    }
}

/// For a reader: waits until nobody has a turn at the log at `path`. `false` if that is unknown,
/// because only writers can open the lock file.
pub(super) fn wait_for_turns(log: Log<'_>) -> Result<bool, DiskError> {
    drop(Held::wait(log.file, log.path, TURN, Hold::Shared, GLANCE)?);
    let path = LogLocks::path_of(log.path);
    let Ok(file) = super::regular::open(&path) else { return Ok(false) };
    drop(Held::wait(&file, &path, TURN, Hold::Shared, GLANCE)?);
    Ok(true)
}
