//! Both ends of an attempt's fence: its lock and its `exit.json`.
//!
//! A shim holds the lock while it lives and leaves `exit.json` when it ends. Whoever finds the lock free and no
//! `exit.json` ends what is left of the attempt and writes one: a shim that comes late finds it and goes.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::disk::audience::Audience;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::{self, DiskError};
use shared::disk::regular;
use shared::run::workdir::BatchId;

use super::seen;
use crate::facts::ending::{Ending, Usage};
use crate::process::clock::{self, RunTime};
use crate::process::watch;
use crate::run::Run;

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

/// Why an attempt can't be closed yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenStill {
    /// Somebody attends to it, or its record can't be read or written.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What it has started does not end.
    #[error(
        "processes of {attempt} do not end even when killed: {pids}; they may wait for a disk or a network that is gone"
    )]
    Undead {
        /// Which attempt.
        attempt: String,
        /// Who, separated by commas.
        pids: String,
    },
}

impl From<DiskError> for OpenStill {
    fn from(error: DiskError) -> Self {
        Self::Lock(error.into())
    }
}

/// How an attempt ended whose shim is gone: as its record says, else `otherwise`, after whatever is left of it
/// was ended and the attempt was closed to late shims.
pub fn how_it_ended(
    run: &Run,
    batch: BatchId,
    number: u32,
    began_at: RunTime,
    otherwise: Ending,
) -> Result<(Ending, Usage), OpenStill> {
    let exit = run.workdir.attempt_exit(batch, number);
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let left = watch::kill(&run.marker(batch, number).into());
    let mut left: Vec<i32> = left.iter().map(|process| process.pid).collect();
    left.extend(seen::end_noted(&run.workdir.attempt_seen(batch, number)));
    if !left.is_empty() {
        let pids = watch::listed(left);
        return Err(OpenStill::Undead { attempt: format!("{batch}.{number}"), pids });
    }
    let _lock = Lock::acquire_for(
        Audience::Owner,
        &run.workdir.attempt_lock(batch, number),
        "the supervisor, closing the attempt",
    )?;
    // A shim that we did not see may have been faster.
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let record = ExitRecord {
        ending: otherwise.clone(),
        usage: Usage::default(),
        began_at: began_at.stamp(),
        ended_at: clock::now(),
    };
    record.publish(&exit)?;
    Ok((otherwise, Usage::default()))
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
