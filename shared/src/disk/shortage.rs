//! Tells from a system error which resource this machine is short of (disk, memory, threads, open
//! files). Such an error is the machine's, not that of the file being opened. The rooms above
//! decide what follows.

use std::error::Error;
use std::io;
use std::iter;

use nix::libc;

/// The resource that is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Files that a process, or all of them, may have open.
    OpenFiles,
    /// Memory, of ours or of the kernel's.
    Memory,
    /// Space on a disk, or the user's quota.
    Room,
    /// How large a file may be.
    FileSize,
    /// Locks, which the kernel and file servers count.
    Locks,
}

impl Shortage {
    /// The shortage that `error` means; `None` if it means something else.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => Some(Self::OpenFiles),
            Some(libc::ENOMEM) => Some(Self::Memory),
            Some(libc::ENOSPC | libc::EDQUOT) => Some(Self::Room),
            Some(libc::EFBIG) => Some(Self::FileSize),
            Some(libc::ENOLCK) => Some(Self::Locks),
            // A library that repeats an error in words loses its number.
            _ => match error.kind() {
                io::ErrorKind::OutOfMemory => Some(Self::Memory),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::Room),
                io::ErrorKind::FileTooLarge => Some(Self::FileSize),
                _ => None,
            },
        }
    }

    /// The same for an error whose source is a system error.
    pub fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
            .find_map(|error| error.downcast_ref::<io::Error>().and_then(Self::within))
    }

    /// Of an error, or of one that it wraps.
    fn within(error: &io::Error) -> Option<Self> {
        Self::of(error).or_else(|| Self::behind(error.get_ref()?))
    }

    /// The system error behind a library's words, if they name a shortage.
    pub fn in_words(words: &str) -> Option<io::Error> {
        let (_, behind) = words.rsplit_once("(os error ")?;
        let (number, _) = behind.split_once(')')?;
        Some(io::Error::from_raw_os_error(number.parse().ok()?))
            .filter(|error| Self::of(error).is_some())
    }

    /// What a person can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::OpenFiles => "raise the limit of open files (ulimit -n)",
            Self::Memory => "free memory, or raise its limit (ulimit -v)",
            Self::Room => "make room there",
            Self::FileSize => "raise the limit of a file's size (ulimit -f)",
            Self::Locks => "see to the locks of that disk's server, or use another disk",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dataset::ledger::LedgerError;
    use crate::disk::publish::DiskError;

    #[test]
    fn a_shortage_is_told_from_the_error_that_the_system_gave_however_deep_it_lies() {
        let os = io::Error::from_raw_os_error;
        assert_eq!(Shortage::of(&os(24)), Some(Shortage::OpenFiles), "EMFILE");
        assert_eq!(Shortage::of(&os(23)), Some(Shortage::OpenFiles), "ENFILE");
        assert_eq!(Shortage::of(&os(12)), Some(Shortage::Memory), "ENOMEM");
        assert_eq!(Shortage::of(&os(28)), Some(Shortage::Room), "ENOSPC");
        assert_eq!(Shortage::of(&os(122)), Some(Shortage::Room), "EDQUOT");
        assert_eq!(Shortage::of(&os(27)), Some(Shortage::FileSize), "EFBIG");
        assert_eq!(Shortage::of(&os(37)), Some(Shortage::Locks), "ENOLCK");
        assert_eq!(Shortage::of(&os(2)), None, "a file that is not there");
        let disk = || DiskError::at("open", Path::new("x"))(os(24));
        assert_eq!(Shortage::behind(&LedgerError::Disk(disk())), Some(Shortage::OpenFiles));
        assert_eq!(
            Shortage::behind(&io::Error::other(disk())),
            Some(Shortage::OpenFiles),
            "wrapped"
        );
        assert_eq!(Shortage::behind(&DiskError::at("open", Path::new("x"))(os(2))), None);
    }

    #[test]
    fn of_a_library_that_passes_on_words_alone_the_number_is_understood() {
        let told = |words: &str| Shortage::in_words(words).and_then(|error| Shortage::of(&error));
        assert_eq!(told("External: Too many open files (os error 24)"), Some(Shortage::OpenFiles));
        assert_eq!(told("EOF: file too short"), None);
        assert_eq!(told("No such file or directory (os error 2)"), None);
    }
}
