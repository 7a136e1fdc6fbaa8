//! The formats in which state is kept on disk, each with its version. This is the one place that
//! says which versions are read.
//!
//! A change that an older program would misread raises the version; a field that may be missing
//! does not. State that does not say its version is of version 1. `_dataset.json` says its
//! `schema_version`, which must be the same.

use serde::Deserialize;

/// A format of state on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `journal.jsonl` of a work directory; said with each supervisor that begins.
    Journal,
    /// `run.json` of a work directory.
    Run,
    /// `_ledger.jsonl` of a ticker; said in each line that is not of version 1.
    Ledger,
    /// `_state.json` of a series of bars, its parameters and points included.
    Series,
    /// `exit.json` of an attempt.
    Exit,
    /// `events.jsonl` of an attempt; said in each line that is not of version 1. A reader passes
    /// over lines of other versions: events are hints.
    Events,
}

/// What `run.json` and `exit.json` say of their format, whatever their version.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Versioned {
    /// The version.
    #[serde(default = "first")]
    pub format: u32,
}

/// State of a version that this program does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} of version {found}, and this program reads {known}; {way_on}", what = format.name(), known = format.known(), way_on = self.way_on())]
pub struct UnknownVersion {
    /// Of what.
    pub format: Format,
    /// The version that was found; 0 is from before there were versions.
    pub found: u32,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Journal, Self::Run, Self::Ledger, Self::Series, Self::Exit, Self::Events];

    /// The oldest version that this program reads, and the one that it writes.
    const fn versions(self) -> (u32, u32) {
        use Format::{Events, Exit, Journal, Ledger, Run, Series};
        match self {
            Journal | Run | Ledger | Series | Exit | Events => (1, 1),
        }
    }

    /// The version that this program writes.
    pub const fn version(self) -> u32 {
        self.versions().1
    }

    /// The oldest version that it reads.
    pub const fn oldest(self) -> u32 {
        self.versions().0
    }

    /// Does this program read version `found`?
    pub fn read(self, found: u32) -> Result<(), UnknownVersion> {
        let is_known = (self.oldest()..=self.version()).contains(&found);
        if is_known { Ok(()) } else { Err(UnknownVersion { format: self, found }) }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Journal => "a journal",
            Self::Run => "a run.json",
            Self::Ledger => "a ledger line",
            Self::Series => "a state of bars",
            Self::Exit => "an exit.json",
            Self::Events => "an event",
        }
    }

    fn known(self) -> String {
        match (self.oldest(), self.version()) {
            (oldest, newest) if oldest == newest => newest.to_string(),
            (oldest, newest) => format!("{oldest} to {newest}"),
        }
    }
}

impl UnknownVersion {
    fn way_on(self) -> &'static str {
        let is_newer = self.found > self.format.version();
        match self.format {
            _ if is_newer => "use the newer program that wrote it",
            Format::Journal | Format::Run | Format::Exit | Format::Events => {
                "begin a new run with another --workdir and --resume: what the outdir proves stays proven"
            }
            Format::Ledger => {
                "move the ledger aside and run again with --resume to download the ticker anew"
            }
            Format::Series => "--rebuild makes the bars anew",
        }
    }
}

/// The version of what does not say one: the first.
pub const fn first() -> u32 {
    1
}

/// Is it the first, which need not be said?
pub fn is_first(version: &u32) -> bool {
    *version == first()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_newer_is_refused_by_name_with_a_way_on() {
        for format in Format::ALL {
            assert_eq!(format.read(format.version()), Ok(()));
            assert_eq!(format.read(format.oldest()), Ok(()));
            let newer = format.read(format.version() + 1).expect_err("unknown").to_string();
            assert!(
                newer.contains(format.name())
                    && newer.ends_with("; use the newer program that wrote it"),
                "{newer}"
            );
            let older = format.read(format.oldest() - 1).expect_err("unknown").to_string();
            assert!(!older.contains("newer program"), "{older}");
        }
        let said = Format::Journal.read(7).expect_err("unknown").to_string();
        assert_eq!(
            said,
            "a journal of version 7, and this program reads 1; use the newer program that wrote it"
        );
    }
}
