//! How an attempt ended: written by its shim, read by whoever supervises then.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::disk::audience::Audience;
use shared::disk::publish::{self, DiskError};
use shared::disk::regular;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By a signal that was not ours.
    Signaled {
        /// Which.
        signal: i32,
    },
    /// Its shim was asked to end it.
    Stopped {
        /// It did not go by itself.
        killed: bool,
    },
    /// We ended it: it had more memory than it may have.
    TooLarge {
        /// Resident memory of its whole tree.
        rss_bytes: u64,
    },
    /// We ended it: no row and no page for so long.
    Stalled {
        /// Time in which it could have run.
        quiet_ms: u64,
    },
    /// We ended it: it took longer than an attempt may take.
    TimedOut {
        /// Time in which it could have run.
        ran_ms: u64,
    },
    /// It never began: this machine was in the way.
    NotStarted {
        /// The error, for people.
        what: String,
    },
    /// It never began, and no other will until somebody changes the executable.
    Unusable {
        /// The error, for people.
        what: String,
    },
    /// Its shim was ended from outside, and its processes after it.
    Unattended {
        /// How the shim ended, for people.
        what: String,
    },
    /// Supervisor and shim died first, so nobody knows.
    Interrupted,
}

/// What an attempt took, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Most resident memory at one time, as far as it was seen.
    pub peak_rss_bytes: u64,
    /// Time on processors, of those that have been waited for.
    pub cpu_ms: u64,
}

impl Usage {
    /// What two processes took that need not have lived at the same time.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
        }
    }
}

/// `exit.json`. That it exists means that the attempt is over, whoever may still want to begin it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// How.
    pub ending: Ending,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
    /// When it was begun, UTC.
    pub began_at: Timestamp,
    /// When its last process was gone, UTC.
    pub ended_at: Timestamp,
}

impl ExitRecord {
    /// The record at `path`; `None` when there is none, or none that can be read: then nobody knows.
    pub fn read(path: &Path) -> Result<Option<Self>, DiskError> {
        match regular::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DiskError::at("read", path)(error)),
        }
    }

    /// Writes it down for the living. What a power cut leaves of it, before it was journalled or made durable, is
    /// [`read`](Self::read) as none.
    pub fn publish(&self, path: &Path) -> Result<(), DiskError> {
        publish::show_for(Audience::Owner, path, &serde_json::to_vec(self).expect("a record is plain data"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::File;

    use super::*;

    #[test]
    fn what_a_power_cut_left_of_a_record_is_none_and_the_next_one_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("exit.json");
        let record = ExitRecord {
            ending: Ending::Exited { code: 11 },
            usage: Usage::default(),
            began_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
        };
        record.publish(&path).expect("published");
        let whole = fs::read(&path).expect("read");
        for length in 0..whole.len() {
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(length as u64))
                .expect("cut");
            assert_eq!(ExitRecord::read(&path).expect("readable"), None, "cut at {length}");
            record.publish(&path).expect("published again");
            assert_eq!(ExitRecord::read(&path).expect("readable").as_ref(), Some(&record));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft is left");
    }
}
