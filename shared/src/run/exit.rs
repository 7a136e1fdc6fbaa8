//! Exit codes: the short form of what a worker has to say (DESIGN 6).

use std::process::ExitCode;

/// How a worker ends on its own account. Anything else, or a signal, is a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every ticker is done, or a yield was said in the events.
    Done,
    /// The arguments or the input make no sense; nothing was started.
    Usage,
    /// Some tickers failed in a way that may pass.
    Transient,
    /// Some tickers failed for good; all others are done.
    Permanent,
    /// The key or the plan is refused; no other worker will do better.
    Refused,
    /// This machine is in the way: disk full, permission, read-only.
    LocalResource,
    /// Stopped by SIGTERM; everything committed stays.
    Stopped,
}

impl Exit {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Usage,
        Self::Transient,
        Self::Permanent,
        Self::Refused,
        Self::LocalResource,
        Self::Stopped,
    ];

    /// The process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::Transient => 10,
            Self::Permanent => 11,
            Self::Refused => 12,
            Self::LocalResource => 13,
            Self::Stopped => 143,
        }
    }

    /// Reads a process exit code; `None` is a crash.
    pub fn of_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| i32::from(exit.code()) == code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_meanings_are_one_to_one() {
        for exit in Exit::ALL {
            assert_eq!(Exit::of_code(i32::from(exit.code())), Some(exit));
        }
        assert_eq!(Exit::of_code(101), None, "a panic is a crash");
    }
}
