//! The journal: facts on disk, the only truth about batches. One supervisor writes it, anybody may read it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use shared::disk::audience::Audience;
use shared::disk::checked_lines::{self, Appender, LinesError};
use shared::disk::publish::DiskError;
use shared::run::workdir::Workdir;

use super::batch::Illegal;
use super::facts::Entry;
use super::machine::Machine;
use crate::plan::settings::Rules;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It can't be read, or is damaged in its middle.
    #[error("{0}{way_on}", way_on = way_on(.0))]
    Lines(#[from] LinesError),
    /// It says what can't have happened.
    #[error("{path}:{line}: {source}; this journal can't be gone on with, choose another --workdir (what is in the outdir stays proven: use --resume)", path = path.display())]
    Impossible {
        /// The journal.
        path: std::path::PathBuf,
        /// One-based.
        line: usize,
        /// Fact and state.
        source: Illegal,
    },
}

fn way_on(error: &LinesError) -> &'static str {
    match error {
        LinesError::Disk(_) => "",
        LinesError::Corrupt { .. } => {
            "; no crash does that: put a copy from before in its place, or begin a new run with another --workdir and --resume (what the outdir's ledgers prove stays proven)"
        }
    }
}

/// A journal opened for writing, by the holder of the run's lock.
pub struct Journal {
    log: Appender<Entry>,
}

impl Journal {
    /// Opens the journal of `workdir` and replays it.
    pub fn open(workdir: &Workdir, rules: Rules) -> Result<(Self, Machine), JournalError> {
        let mut log = Appender::open_for(Audience::Owner, &workdir.journal()).map_err(LinesError::from)?;
        let entries = log.recover()?;
        let machine = replay(workdir, rules, &entries)?;
        Ok((Self { log }, machine))
    }

    /// Is it still the file that others find by its name? A folder can be moved or deleted under us.
    pub fn is_in_place(&self, workdir: &Workdir) -> bool {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let found = fs::metadata(workdir.journal()).map(identity);
        match (found, self.log.file().metadata().map(identity)) {
            (Ok(found), Ok(own)) => found == own,
            (Err(error), _) => error.kind() != io::ErrorKind::NotFound,
            (_, Err(_)) => true,
        }
    }

    /// Writes `entries` in one go; on return they survive a power cut, on an error none of them counts.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), DiskError> {
        self.log.append(entries)
    }
}

/// Reads the journal of `workdir` without touching it.
pub fn read(workdir: &Workdir) -> Result<Vec<Entry>, LinesError> {
    Ok(checked_lines::read(&workdir.journal())?.entries)
}

/// The state that `entries` lead to.
pub fn replay(workdir: &Workdir, rules: Rules, entries: &[Entry]) -> Result<Machine, JournalError> {
    let mut machine = Machine::new(rules);
    for (index, entry) in entries.iter().enumerate() {
        machine.apply(entry).map_err(|source| JournalError::Impossible {
            path: workdir.journal(),
            line: index + 1,
            source,
        })?;
    }
    Ok(machine)
}
