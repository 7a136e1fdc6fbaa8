//! The journal: facts on disk, the only truth about batches. One supervisor writes it; anyone may
//! read it.

use shared::disk::audience::Audience;
use shared::disk::checked_lines::{self, Appender, LinesError};
use shared::disk::in_place;
use shared::disk::publish::DiskError;
use shared::formats::{Format, UnknownVersion};
use shared::run::workdir::Workdir;

use super::batch::Illegal;
use super::machine::Machine;
use crate::facts::{Fact, JournalEntry};
use crate::plan::settings::Rules;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{0}{way_on}", way_on = way_on(.0))]
    Lines(#[from] LinesError),
    #[error("{path}:{line}: {source}", path = path.display())]
    Version {
        path: std::path::PathBuf,
        /// One-based.
        line: usize,
        source: UnknownVersion,
    },
    #[error("{path}:{line}: {source}; the run can't continue from this journal; choose another --workdir (data in the outdir stay proven: use --resume)", path = path.display())]
    Impossible {
        path: std::path::PathBuf,
        /// One-based.
        line: usize,
        source: Illegal,
    },
}

fn way_on(error: &LinesError) -> &'static str {
    match error {
        LinesError::Disk(_) => "",
        LinesError::Corrupt { .. } => {
            "; a crash can't do that; restore an earlier copy, or start a new run with another --workdir and --resume (what the ledgers prove stays proven)"
        }
    }
}

/// The journal, open for writing by the holder of the lock.
pub struct Journal {
    log: Appender<JournalEntry>,
}

impl Journal {
    /// Opens the journal of `workdir` and replays it.
    pub fn open(workdir: &Workdir, rules: Rules) -> Result<(Self, Machine), JournalError> {
        let mut log =
            Appender::open_for(Audience::Owner, &workdir.journal()).map_err(LinesError::from)?;
        let mut replay = Replay::new(rules, |_: &Machine, _: &JournalEntry| ());
        log.recover_each(|entry| replay.take(&entry))?;
        Ok((Self { log }, replay.end(workdir)?))
    }

    /// Is it still the file at its path? The folder can be moved or deleted under us.
    pub fn is_in_place(&self, workdir: &Workdir) -> bool {
        // A file that can't be looked at counts as there.
        in_place::is_in_place(self.log.file(), &workdir.journal()).unwrap_or(true)
    }

    /// Writes `entries` in one go. On return they survive a power cut; after an error none of them
    /// counts.
    pub fn append(&mut self, entries: &[JournalEntry]) -> Result<(), DiskError> {
        self.log.append(entries)
    }
}

/// The state that the journal of `workdir` leads to. Changes nothing.
pub fn follow(workdir: &Workdir, rules: Rules) -> Result<Machine, JournalError> {
    follow_with(workdir, rules, |_, _| ())
}

/// The same; `look` gets each entry with the state after it. The journal is read line by line and
/// never held whole.
pub fn follow_with(
    workdir: &Workdir,
    rules: Rules,
    look: impl FnMut(&Machine, &JournalEntry),
) -> Result<Machine, JournalError> {
    let mut replay = Replay::new(rules, look);
    checked_lines::each(&workdir.journal(), |entry| replay.take(&entry))?;
    replay.end(workdir)
}

/// A machine that replays a journal.
struct Replay<F> {
    machine: Machine,
    look: F,
    lines: usize,
    /// What is wrong with the last line. Nothing after it counts.
    wrong: Option<Wrong>,
}

enum Wrong {
    Version(UnknownVersion),
    Fact(Illegal),
}

impl<F: FnMut(&Machine, &JournalEntry)> Replay<F> {
    fn new(rules: Rules, look: F) -> Self {
        Self { machine: Machine::new(rules), look, lines: 0, wrong: None }
    }

    fn take(&mut self, entry: &JournalEntry) {
        if self.wrong.is_some() {
            return;
        }
        self.lines += 1;
        if let Fact::Opened { version, .. } = &entry.fact
            && let Err(unknown) = Format::Journal.read(*version)
        {
            self.wrong = Some(Wrong::Version(unknown));
            return;
        }
        match self.machine.apply(entry) {
            Ok(()) => (self.look)(&self.machine, entry),
            Err(wrong) => self.wrong = Some(Wrong::Fact(wrong)),
        }
    }

    fn end(self, workdir: &Workdir) -> Result<Machine, JournalError> {
        let (path, line) = (workdir.journal(), self.lines);
        match self.wrong {
            None => Ok(self.machine),
            Some(Wrong::Version(source)) => Err(JournalError::Version { path, line, source }),
            Some(Wrong::Fact(source)) => Err(JournalError::Impossible { path, line, source }),
        }
    }
}
