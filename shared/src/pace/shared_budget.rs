//! The budget between processes: a file named by a hash of the key, changed only under an exclusive
//! `flock`.
//!
//! The kernel releases the lock when its holder dies. The file is one checked line, overwritten in
//! one write, so that after a crash it holds the whole state or none. Without a state, or with one
//! from before the last boot, the budget begins as if every slot had been used, so no death makes
//! it larger. The key itself is never written.
//!
//! Processes with different rates share the slowest one used in the last minute.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::disk::regular;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Slot, Usage};
use super::clock;
use super::place::{self, PlaceError};
use super::rate::Rate;
use crate::disk::checked_lines;
use crate::disk::lock::try_exclusive;
use crate::disk::publish::DiskError;

/// Fits the largest state; less than a page of memory, so that no kill falls into the middle of a
/// write.
const RECORD_BYTES: usize = 2048;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The lock is held for microseconds: waiting longer means that its holder was stopped.
const LOCK_GLANCES: u32 = 5_000;
const LOCK_GLANCE: Duration = Duration::from_millis(1);
/// A reader takes no lock; it reads again if it saw half a write.
const READS: u32 = 20;

/// Why there is no turn.
#[derive(Debug, thiserror::Error)]
pub enum PaceError {
    /// The file or folder of the budget can't be used.
    #[error("can't use the rate budget shared by this API key")]
    Place(#[from] PlaceError),
    /// The state could not be read or written.
    #[error("can't use the rate budget shared by this API key")]
    Disk(#[from] DiskError),
    /// A process holds the lock and does not release it.
    #[error(
        "another process has locked the rate budget {path} for seconds; if a worker is stopped (SIGSTOP), continue or kill it",
        path = path.display()
    )]
    Stuck {
        /// The file; `fuser` names its users.
        path: PathBuf,
    },
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct BudgetRecord {
    boot_id: String,
    budget: Budget,
}

/// The budget of one key, as this process uses it. Threads share one by reference.
#[derive(Debug)]
pub struct SharedBudget {
    rate: Rate,
    boot_id: String,
    /// Its place for the life of this process.
    path: PathBuf,
    /// `flock` excludes processes, not threads of one process: those queue here.
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
}

impl SharedBudget {
    /// Opens (or makes) the budget of `key`, to be used at `rate`.
    pub fn open(key: &[u8], rate: Rate) -> Result<Self, PaceError> {
        Self::open_in(&place::folder(), key, rate)
    }

    /// The same in a folder of the caller's choice, which must be closed to other users.
    pub fn open_in(folder: &Path, key: &[u8], rate: Rate) -> Result<Self, PaceError> {
        let path = place::file_of(folder, key);
        let open = Mutex::new(Open::at(&path)?);
        Ok(Self { rate, boot_id: boot_id()?, path, open })
    }

    /// Gives a slot or says when to ask again; never blocks for longer than the lock is held.
    pub fn ask(&self) -> Result<Slot, PaceError> {
        self.change(|budget, now_ns| budget.take(self.rate, now_ns))
    }

    /// Waits for a slot. On `Continue` send one request now. `sleep` waits for the given time; it
    /// may return early with `Break`, which ends the waiting, and nothing may be sent.
    pub fn take(
        &self,
        mut sleep: impl FnMut(Duration) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PaceError> {
        loop {
            match self.ask()? {
                Slot::Send { after } if after.is_zero() => return Ok(ControlFlow::Continue(())),
                Slot::Send { after } => return Ok(sleep(after)),
                Slot::AskAgain { after } => {
                    if sleep(after).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
    }

    /// Reports a 429 to all processes, with the time to wait if the server named one.
    pub fn refused(&self, retry_after: Option<Duration>) -> Result<(), PaceError> {
        self.change(|budget, now_ns| budget.refused(retry_after, now_ns))
    }

    /// What is allowed and used.
    pub fn usage(&self) -> Result<Usage, PaceError> {
        self.change(|budget, now_ns| budget.usage(now_ns))
    }

    /// What is allowed and used of the budget of `key`; `None` when nobody has used it since boot.
    /// This only reads and delays no process.
    pub fn peek(key: &[u8]) -> Option<Usage> {
        Self::peek_in(&place::folder(), key)
    }

    /// The same in a folder of the caller's choice.
    pub fn peek_in(folder: &Path, key: &[u8]) -> Option<Usage> {
        let file = place::open_to_read(&place::file_of(folder, key)).ok()?;
        let boot_id = boot_id().ok()?;
        (0..READS).find_map(|_| match read(&file, &boot_id) {
            Ok(StoredState::State(budget)) => Some(budget.usage(clock::now_ns())),
            _ => None,
        })
    }

    /// Runs `rule` on the state, alone among all threads and processes.
    fn change<T>(&self, rule: impl FnOnce(&mut Budget, u64) -> T) -> Result<T, PaceError> {
        // Poisoning says that a thread panicked; the state is on disk and proves itself.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.lock()?;
        // The file may have been removed; a new process would make another one, so open that one.
        let mut past = Past::Told;
        while open.is_removed()? {
            *open = Open::at(&self.path)?;
            open.lock()?;
            past = Past::Lost;
        }
        let changed = self.change_locked(&open, past, rule);
        open.file.unlock().map_err(DiskError::at("unlock", &open.path))?;
        changed
    }

    fn change_locked<T>(
        &self,
        open: &Open,
        past: Past,
        rule: impl FnOnce(&mut Budget, u64) -> T,
    ) -> Result<T, PaceError> {
        let found = read(&open.file, &self.boot_id).map_err(DiskError::at("read", &open.path))?;
        // The clock is read after the lock, so its time is never older than the state.
        let now_ns = clock::now_ns();
        let mut budget = match found {
            StoredState::State(budget) => *budget,
            StoredState::Nothing if past == Past::Told => Budget::unused(self.rate, now_ns),
            StoredState::Nothing | StoredState::Unreadable => {
                Budget::past_unknown(self.rate, now_ns)
            }
        };
        let answer = rule(&mut budget, now_ns);
        let record = encode(&BudgetRecord { boot_id: self.boot_id.clone(), budget });
        open.file.write_all_at(&record, 0).map_err(DiskError::at("write", &open.path))?;
        Ok(answer)
    }
}

/// What a new file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// Nobody has used the budget.
    Told,
    /// It was used, and the file that said how much is gone.
    Lost,
}

impl Open {
    fn at(path: &Path) -> Result<Self, PaceError> {
        Ok(Self { file: place::open(path)?, path: path.to_owned() })
    }

    /// Waits for the lock, but not for ever.
    #[expect(clippy::disallowed_methods, reason = "a flock can't be waited for with a bound")]
    fn lock(&self) -> Result<(), PaceError> {
        for _ in 0..LOCK_GLANCES {
            if try_exclusive(&self.file, &self.path)? {
                return Ok(());
            }
            std::thread::sleep(LOCK_GLANCE);
        }
        Err(PaceError::Stuck { path: self.path.clone() })
    }

    fn is_removed(&self) -> Result<bool, DiskError> {
        Ok(self.file.metadata().map_err(DiskError::at("look at", &self.path))?.nlink() == 0)
    }
}

/// What was found in the file.
enum StoredState {
    State(Box<Budget>),
    /// A new file.
    Nothing,
    /// Torn, strange, or from before the last boot.
    Unreadable,
}

fn read(file: &File, boot_id: &str) -> io::Result<StoredState> {
    let mut bytes = [0; RECORD_BYTES];
    let length = file.read_at(&mut bytes, 0)?;
    if length == 0 {
        return Ok(StoredState::Nothing);
    }
    Ok(match checked_lines::decode::<BudgetRecord>(bytes[..length].trim_ascii_end()) {
        Ok(record) if record.boot_id == boot_id => StoredState::State(Box::new(record.budget)),
        _ => StoredState::Unreadable,
    })
}

/// The record, filled up with blanks: whatever was longer before is written over.
fn encode(record: &BudgetRecord) -> Vec<u8> {
    let mut bytes = checked_lines::encode(record).into_bytes();
    assert!(bytes.len() < RECORD_BYTES, "the largest state fits into its record");
    bytes.pop();
    bytes.resize(RECORD_BYTES - 1, b' ');
    bytes.push(b'\n');
    bytes
}

fn boot_id() -> Result<String, PaceError> {
    let text =
        regular::read_to_string(BOOT_ID).map_err(DiskError::at("read", Path::new(BOOT_ID)))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests;
