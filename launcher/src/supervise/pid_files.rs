//! Pid files of running batches, for people. The launcher itself knows a shim by its lock.
//!
//! The file of a batch that has ended is renamed for the next batch: creating and removing one for
//! each attempt is slow where the file system takes time for what was just removed (ext4 without a
//! journal).

use std::fs;
use std::path::{Path, PathBuf};

use shared::run::identity::ProcessIdentity;

use crate::process::unsynced;

/// The pid files of one supervisor.
#[derive(Default)]
pub struct PidFiles {
    /// Files of batches that have ended in this round.
    idle: Vec<PathBuf>,
}

impl PidFiles {
    /// Writes the shim of a batch to `path`.
    pub fn write(&mut self, path: &Path, shim: &ProcessIdentity) {
        if let Some(idle) = self.idle.pop() {
            drop(fs::rename(idle, path));
        }
        let text = serde_json::to_string(shim).expect("an identity is plain data");
        drop(unsynced::write_over(path, &text));
    }

    /// Releases the file of a batch without a shim.
    pub fn release(&mut self, path: PathBuf) {
        self.idle.push(path);
    }

    /// Removes released files that no batch has taken over.
    pub fn tidy(&mut self) {
        for path in self.idle.drain(..) {
            drop(fs::remove_file(path));
        }
    }
}

impl Drop for PidFiles {
    fn drop(&mut self) {
        self.tidy();
    }
}
