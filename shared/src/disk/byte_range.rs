//! Locks on byte ranges of an open file, which no crash leaves behind. The bytes need not exist: a
//! number far behind the end of a file can stand for anything.
//!
//! These locks belong to the open file ("open file description locks"), not to the process: two
//! threads that each opened the file exclude each other as two processes do. The kernel releases
//! them when the file is closed, even by death. On a local disk they and `flock` are independent.

use std::fs::File;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::holders::{self, Which};
use super::publish::DiskError;

/// How long to wait between two tries for a range that another process has.
const GLANCE: Duration = Duration::from_millis(1);

/// How often to try a range that seems taken once and free the next time.
const TRIES: u32 = 10;

/// Who may have a range at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Any number of holders.
    Shared,
    /// One holder alone; the file must be open for writing.
    Alone,
}

/// Locks `bytes` until the file is closed, or returns at once which of them another holder has.
pub fn try_hold(
    file: &File,
    path: &Path,
    bytes: Range<u32>,
    hold: Hold,
) -> Result<Option<Range<u32>>, DiskError> {
    for _ in 0..TRIES {
        if set(file, path, &bytes, kind_of(hold))? {
            return Ok(None);
        }
        // The holder may have released it between the two calls.
        if let Some(theirs) = who_has(file, path, &bytes, hold)? {
            return Ok(Some(theirs));
        }
    }
    Ok(Some(bytes))
}

/// Releases `bytes`; it is no error if nobody holds them.
pub fn release(file: &File, path: &Path, bytes: Range<u32>) -> Result<(), DiskError> {
    if bytes.is_empty() {
        return Ok(());
    }
    set(file, path, &bytes, libc::F_UNLCK).map(drop)
}

/// Bytes that are held until this is dropped.
pub struct Held<'a> {
    file: &'a File,
    path: &'a Path,
    bytes: Range<u32>,
}

impl<'a> Held<'a> {
    /// Waits for `bytes`, which others hold only for moments. Waiting longer than `patience` is an
    /// error.
    #[expect(clippy::disallowed_methods, reason = "such a lock can't be waited for with a bound")]
    pub fn wait(
        file: &'a File,
        path: &'a Path,
        bytes: Range<u32>,
        hold: Hold,
        patience: Duration,
    ) -> Result<Self, DiskError> {
        let mut left = patience.as_millis() / GLANCE.as_millis();
        while !set(file, path, &bytes, kind_of(hold))? {
            if left == 0 {
                return Err(DiskError::at("get a turn at", path)(taken_by(file, &bytes)));
            }
            left -= 1;
            std::thread::sleep(GLANCE);
        }
        Ok(Self { file, path, bytes })
    }
}

/// The error when a holder does not release `bytes`.
fn taken_by(file: &File, bytes: &Range<u32>) -> io::Error {
    let holders = holders::of(file, &Which::Bytes(bytes_of(bytes)), &[]);
    io::Error::new(io::ErrorKind::TimedOut, format!("{holders} does not give it back"))
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // This can't fail; if it did, closing the file would release the range.
        drop(set(self.file, self.path, &self.bytes, libc::F_UNLCK));
    }
}

fn kind_of(hold: Hold) -> libc::c_int {
    match hold {
        Hold::Shared => libc::F_RDLCK,
        Hold::Alone => libc::F_WRLCK,
    }
}

/// `false` if another holder is in the way.
fn set(file: &File, path: &Path, bytes: &Range<u32>, kind: libc::c_int) -> Result<bool, DiskError> {
    match retrying(|| fcntl(file, FcntlArg::F_OFD_SETLK(&described(bytes, kind)))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(DiskError::at("lock", path)(error.into())),
    }
}

/// A signal may interrupt a lock over a network and says nothing of the lock: try again.
fn retrying<T>(mut ask: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match ask() {
            Err(Errno::EINTR) => {}
            answer => return answer,
        }
    }
}

fn who_has(
    file: &File,
    path: &Path,
    bytes: &Range<u32>,
    hold: Hold,
) -> Result<Option<Range<u32>>, DiskError> {
    let mut answer = described(bytes, kind_of(hold));
    retrying(|| fcntl(file, FcntlArg::F_OFD_GETLK(&mut answer)))
        .map_err(|error| DiskError::at("ask who has locked", path)(error.into()))?;
    if i32::from(answer.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    let start = answer.l_start.saturating_sub(BASE);
    // A length of 0 reaches to the end of all files.
    let end = if answer.l_len == 0 { i64::MAX } else { start.saturating_add(answer.l_len) };
    let number = |at: i64| u32::try_from(at.max(0)).unwrap_or(u32::MAX);
    Ok(Some(number(start)..number(end)))
}

/// Ranges are counted from here on. No log grows so long, so a range never means a byte of its
/// content.
const BASE: i64 = 1 << 40;

/// Where in the file `bytes` are, as the kernel counts.
pub fn bytes_of(bytes: &Range<u32>) -> RangeInclusive<u64> {
    let at = |number: u32| BASE.unsigned_abs() + u64::from(number);
    at(bytes.start)..=at(bytes.end.saturating_sub(1))
}

fn described(bytes: &Range<u32>, kind: libc::c_int) -> libc::flock {
    assert!(!bytes.is_empty(), "a length of 0 would mean all that follows");
    libc::flock {
        l_type: libc::c_short::try_from(kind).expect("the kinds are 0, 1 and 2"),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).expect("it is 0"),
        l_start: BASE + i64::from(bytes.start),
        l_len: i64::from(bytes.end) - i64::from(bytes.start),
        // Must be 0 for a lock of an open file.
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::path::PathBuf;

    struct LogFile {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl LogFile {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("log");
            std::fs::write(&path, b"").expect("written");
            Self { _folder: folder, path }
        }

        fn open(&self) -> File {
            OpenOptions::new().read(true).append(true).open(&self.path).expect("opened")
        }

        fn hold(&self, file: &File, bytes: Range<u32>, hold: Hold) -> Option<Range<u32>> {
            try_hold(file, &self.path, bytes, hold).expect("locks work here")
        }
    }

    #[test]
    fn ranges_that_touch_are_free_and_ranges_that_overlap_say_whose_they_are() {
        let place = LogFile::new();
        let (one, two) = (place.open(), place.open());
        assert_eq!(place.hold(&one, 10..20, Hold::Alone), None);
        assert_eq!(place.hold(&two, 20..30, Hold::Alone), None);
        assert_eq!(place.hold(&two, 0..10, Hold::Alone), None);
        assert_eq!(place.hold(&two, 15..16, Hold::Alone), Some(10..20));
        assert_eq!(place.hold(&two, 15..16, Hold::Shared), Some(10..20));
        drop(one);
        assert_eq!(place.hold(&two, 15..16, Hold::Alone), None);
    }

    #[test]
    fn a_turn_is_given_back_and_waited_for_only_so_long() {
        let place = LogFile::new();
        let (one, two) = (place.open(), place.open());
        let wait = |file, ms| {
            Held::wait(file, &place.path, 0..1, Hold::Alone, Duration::from_millis(ms))
                .map(std::mem::forget)
        };
        let turn = Held::wait(&one, &place.path, 0..1, Hold::Alone, Duration::ZERO).expect("free");
        let error = wait(&two, 5).expect_err("it is taken");
        assert_eq!(error.to_string(), format!("can't get a turn at {}", place.path.display()));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| wait(&two, 60_000));
            drop(turn);
            waits.join().expect("no panic").expect("given back");
        });
    }
}
