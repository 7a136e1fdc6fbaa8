//! `OUT/TICKER/<folder>/_run.json`: which run made a series, or found it to be what it asked for.
//! Beside the state and not in it, for the bytes of a series do not tell in how many runs it was
//! built.
//!
//! The note names the state by its SHA-256: what another run builds later is not what was looked
//! at. No clock is asked. The note is written before the state that it names: a builder that dies
//! amid it leaves a series that is not done, so a later process goes on and sweeps the draft of the
//! note.

use std::path::PathBuf;

use crate::disk::regular;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::proof::{self, SeriesFolder};
use crate::dataset::run_mark::RunMark;
use crate::dataset::writer::Fingerprint;
use crate::disk::publish::DiskError;

/// A run and the state that it found right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RunNote {
    run: RunMark,
    /// SHA-256 of `_state.json`, lower-case hex.
    state: String,
}

/// Notes that `run` makes the series in `folder` with `state` as its `_state.json`, or has found it
/// right so.
pub fn note(folder: &SeriesFolder, run: RunMark, state: Fingerprint) -> Result<(), DiskError> {
    let note = RunNote { run, state: state.sha256 };
    let text = serde_json::to_string(&note).expect("a note is plain data") + "\n";
    folder.begin(&path(folder))?.fill(text.as_bytes())
}

/// Has `run` found the series in `folder` right as it stands? A note that can't be read says
/// nothing.
pub fn is_of(folder: &SeriesFolder, run: RunMark) -> bool {
    let note = regular::read(path(folder))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<RunNote>(&bytes).ok());
    let is_as_it_was = |note: &RunNote| {
        Fingerprint::of_file(&folder.state()).is_ok_and(|found| found.sha256 == note.state)
    };
    note.is_some_and(|note| note.run == run && is_as_it_was(&note))
}

/// The series in `folder` was found damaged: no run takes it for proven before `bars` has looked at
/// it again, and `bars` looks at every byte. The state itself stays as it is.
pub fn doubt(folder: &SeriesFolder) -> Result<(), DiskError> {
    let note = path(folder);
    folder.folder_of(&note)?.remove(note.file_name().unwrap_or_default())?;
    proof::note_verified(folder, Timestamp::UNIX_EPOCH)
}

fn path(folder: &SeriesFolder) -> PathBuf {
    folder.path().join("_run.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::bar::Mode;
    use std::fs;

    #[test]
    fn a_note_is_of_its_run_and_of_the_state_as_it_was() {
        let out = tempfile::tempdir().expect("a folder");
        let mode: Mode = "DB".parse().expect("a mode");
        let folder = SeriesFolder::new(out.path(), &"AIG".parse().expect("a ticker"), mode);
        let [own, other] = ["ab12", "cd34"].map(RunMark::of_run);
        assert!(!is_of(&folder, own), "no series");
        fs::create_dir_all(folder.path()).expect("made");
        note(&folder, own, Fingerprint::of_bytes(b"one")).expect("noted");
        assert!(!is_of(&folder, own), "no state yet");
        fs::write(folder.state(), "one").expect("written");
        assert_eq!((is_of(&folder, own), is_of(&folder, other)), (true, false));
        fs::write(folder.state(), "two").expect("written");
        assert!(!is_of(&folder, own), "somebody has built it anew");
    }
}
