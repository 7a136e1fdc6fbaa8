//! Append-only logs of JSON lines with a checksum each. A line that a crash tore is ignored; a line
//! that was damaged later is an error. The ledger and the journal are such logs.
//!
//! A line is the entry's JSON object with a last key `crc`: the CRC-32 of everything before it. So
//! it stays readable by `jq` and provable byte by byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audience::Audience;
use super::bounded_lines::BoundedLines;
use super::folder::{Folder, parent_of};
use super::publish::DiskError;
use super::regular;

const CRC_KEY: &str = ",\"crc\":\"";
/// `,"crc":"` + eight hex digits + `"}`.
const CRC_TAIL_LEN: usize = CRC_KEY.len() + 8 + 2;
/// Bytes read at a time.
pub(super) const CHUNK: usize = 1 << 16;

/// Why a log can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A whole line is damaged, or of a version that this program does not know. No crash does
    /// that.
    #[error("{path}:{line}: not a line of this log ({what})", path = path.display())]
    Corrupt {
        /// The log.
        path: PathBuf,
        /// One-based.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// What a log holds.
pub struct Contents<T> {
    /// Every sound entry, in order.
    pub entries: Vec<T>,
    /// Length of the sound part; bytes after it were torn off by a crash.
    pub sound_bytes: u64,
}

/// The line of one entry, newline included. `entry` must serialize to a JSON object.
pub fn encode<T: Serialize>(entry: &T) -> String {
    let mut line = serde_json::to_string(entry).expect("entries are plain data with string keys");
    let closing = line.pop();
    assert_eq!(closing, Some('}'), "a log entry is a JSON object");
    let crc = crc32fast::hash(line.as_bytes());
    format!("{line}{CRC_KEY}{crc:08x}\"}}\n")
}

/// Reads one line (without its newline).
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_str(sound(line)?).map_err(|error| error.to_string())
}

/// The text of a line with which its checksum agrees.
fn sound(line: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    let split = text.len().checked_sub(CRC_TAIL_LEN).filter(|at| text.is_char_boundary(*at));
    let (body, tail) = split.map(|at| text.split_at(at)).ok_or("too short")?;
    let digits = tail.strip_prefix(CRC_KEY).and_then(|rest| rest.strip_suffix("\"}"));
    let said =
        digits.and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or("no checksum at its end")?;
    if said != crc32fast::hash(body.as_bytes()) {
        return Err("its checksum does not match".to_owned());
    }
    Ok(text)
}

/// Is this line whole, whoever wrote it: a newer version, or an editor that ends lines its own way?
fn is_whole(line: &[u8]) -> bool {
    sound(line.strip_suffix(b"\r").unwrap_or(line)).is_ok()
}

/// Passes every sound entry of a log to `hear`, in order, and holds one line at a time. Returns the
/// length of the sound part; a log that does not exist is empty.
pub fn each<T: DeserializeOwned>(path: &Path, mut hear: impl FnMut(T)) -> Result<u64, LinesError> {
    match regular::open(path) {
        Ok(file) => each_of(path, BufReader::with_capacity(CHUNK, file), &mut hear),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(DiskError::at("read", path)(error).into()),
    }
}

/// Reads a whole log; a log that does not exist is empty.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Contents<T>, LinesError> {
    let mut entries = Vec::new();
    let sound_bytes = each(path, |entry| entries.push(entry))?;
    Ok(Contents { entries, sound_bytes })
}

/// Reads a log from its bytes; `path` is only for messages. A crash leaves a torn line at the end:
/// it lacks its newline, or has zeros where the file system had reserved blocks and not yet written
/// them, and no whole line follows. Any other line that can't be read was damaged later, or is not
/// ours.
pub fn parse<T: DeserializeOwned>(
    path: &Path,
    bytes: impl BufRead,
) -> Result<Contents<T>, LinesError> {
    let mut entries = Vec::new();
    let sound_bytes = each_of(path, bytes, &mut |entry| entries.push(entry))?;
    Ok(Contents { entries, sound_bytes })
}

fn each_of<T: DeserializeOwned>(
    path: &Path,
    bytes: impl BufRead,
    hear: &mut dyn FnMut(T),
) -> Result<u64, LinesError> {
    each_text(path, bytes, |text| {
        hear(serde_json::from_str(text).map_err(|error| error.to_string())?);
        Ok(())
    })
}

/// Hands the text of every sound line of a log on, as [`parse`] finds them; what `hear` refuses is
/// no line of this log.
pub fn each_text(
    path: &Path,
    bytes: impl BufRead,
    mut hear: impl FnMut(&str) -> Result<(), String>,
) -> Result<u64, LinesError> {
    let mut lines = BoundedLines::new(bytes);
    let mut sound_bytes = 0;
    let corrupt = |line, what| Err(LinesError::Corrupt { path: path.to_owned(), line, what });
    let (mut number, mut torn) = (0, None);
    while let Some(line) = lines.next().map_err(DiskError::at("read", path))? {
        number += 1;
        let Some(text) = line.text.filter(|_| line.is_ended) else {
            torn.get_or_insert(number);
            continue;
        };
        match torn {
            None => {
                if let Err(what) = sound(text).and_then(&mut hear) {
                    return corrupt(number, what);
                }
            }
            Some(first) if is_whole(text) => {
                return corrupt(first, "it has zeros, or is too long".to_owned());
            }
            Some(_) => continue,
        }
        sound_bytes += line.bytes;
    }
    Ok(sound_bytes)
}

/// The lines in `bytes`, unchanged and in order, without those that a later line with the same key
/// replaces. A torn end is left out.
pub(super) fn without_replaced<T: DeserializeOwned, K: Ord>(
    path: &Path,
    bytes: &[u8],
    about: impl Fn(&T) -> K,
) -> Result<Vec<u8>, LinesError> {
    let entries = parse::<T>(path, bytes)?.entries;
    let last: BTreeMap<K, usize> =
        entries.iter().enumerate().map(|(at, entry)| (about(entry), at)).collect();
    let last: BTreeSet<usize> = last.into_values().collect();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let kept: Vec<&[u8]> =
        lines.filter(|(at, _)| last.contains(at)).map(|(_, line)| line).collect();
    Ok(kept.concat())
}

/// Opens the log `name` in `folder` for reading and appending; a new one is made durably.
pub(super) fn open(audience: Audience, folder: &Folder, name: &OsStr) -> Result<File, DiskError> {
    let flags = OFlag::O_RDWR | OFlag::O_APPEND;
    match folder.open_file(audience, name, flags) {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
            let file = folder.open_file(audience, name, flags | OFlag::O_CREAT)?;
            folder.sync()?;
            Ok(file)
        }
        opened => opened,
    }
}

/// The writing end of a log, for one process at a time: its owner ensures that with a lock.
pub struct Appender<T> {
    file: File,
    path: PathBuf,
    length: u64,
    entry: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Appender<T> {
    /// Opens `path`, which lies below `root`, for appending (made durably if new).
    pub fn below(root: &Path, path: &Path) -> Result<Self, DiskError> {
        let audience = Audience::AsUmaskSays;
        Self::within(&Folder::of(audience, root, path)?, audience, path)
    }

    /// Opens `path`, which a person or a run has chosen, for appending by `audience`.
    pub fn open_for(audience: Audience, path: &Path) -> Result<Self, DiskError> {
        Self::within(&Folder::make(audience, parent_of(path))?, audience, path)
    }

    fn within(folder: &Folder, audience: Audience, path: &Path) -> Result<Self, DiskError> {
        let file = open(audience, folder, path.file_name().unwrap_or_default())?;
        Ok(Self { file, path: path.to_owned(), length: 0, entry: PhantomData })
    }

    /// Reads what is there and cuts off a torn tail, so that the next line begins a line.
    pub fn recover(&mut self) -> Result<Vec<T>, LinesError> {
        let mut entries = Vec::new();
        self.recover_each(|entry| entries.push(entry))?;
        Ok(entries)
    }

    /// The same, with every entry passed to `hear` instead of held.
    pub fn recover_each(&mut self, hear: impl FnMut(T)) -> Result<(), LinesError> {
        let sound_bytes = each(&self.path, hear)?;
        let length = self.file.metadata().map_err(DiskError::at("look at", &self.path))?.len();
        if length > sound_bytes {
            self.file
                .set_len(sound_bytes)
                .map_err(DiskError::at("cut the torn end of", &self.path))?;
            self.file.sync_data().map_err(DiskError::at("sync", &self.path))?;
        }
        self.length = sound_bytes;
        Ok(())
    }

    /// Appends `entries` in one write and one sync: when it returns, they survive a power cut.
    /// On an error none of them counts.
    pub fn append(&mut self, entries: &[T]) -> Result<(), DiskError> {
        let lines: String = entries.iter().map(encode).collect();
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stay in front of the next one (a full disk may be freed later).
            drop(self.file.set_len(self.length));
            return Err(DiskError::at("append to", &self.path)(error));
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// The open file, for locking.
    pub fn file(&self) -> &File {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Note {
        number: u32,
        text: String,
    }

    fn notes(count: u32) -> Vec<Note> {
        (0..count).map(|number| Note { number, text: format!("é \"{number}\" }}") }).collect()
    }

    fn log_of(notes: &[Note]) -> Vec<u8> {
        notes.iter().map(encode).collect::<String>().into_bytes()
    }

    #[test]
    fn a_log_cut_at_any_byte_keeps_every_whole_line() {
        let notes = notes(5);
        let bytes = log_of(&notes);
        for cut in 0..=bytes.len() {
            let whole_lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let contents =
                parse::<Note>(Path::new("log"), &bytes[..cut]).expect("a torn tail is no error");
            assert_eq!(contents.entries, notes[..whole_lines], "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_that_names_the_line() {
        let bytes = log_of(&notes(3));
        let first_line = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for at in first_line..first_line + 20 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let error = parse::<Note>(Path::new("log"), &bytes[..]).err().expect("damage is seen");
            assert!(matches!(error, LinesError::Corrupt { line: 2, .. }), "{error}");
        }
    }

    #[test]
    fn whole_lines_are_never_cut_off_whoever_wrote_them() {
        let text = String::from_utf8(log_of(&notes(2))).expect("UTF-8");
        let by_windows = text.replace('\n', "\r\n");
        let newer = text + &encode(&serde_json::json!({ "number": "two", "text": "x" }));
        for (log, line) in [(by_windows, 1), (newer, 3)] {
            let error = parse::<Note>(Path::new("log"), log.as_bytes()).err().expect("refused");
            assert!(
                matches!(error, LinesError::Corrupt { line: named, .. } if named == line),
                "{error}"
            );
        }
    }

    #[test]
    fn reserved_blocks_that_were_never_written_are_torn() {
        let mut bytes = log_of(&notes(2));
        bytes.extend([0; 512]);
        assert_eq!(parse::<Note>(Path::new("log"), &bytes[..]).expect("torn").entries, notes(2));
    }

    #[test]
    fn a_power_cut_may_take_any_block_of_the_last_line_and_all_behind_it() {
        let (notes, bytes) = (notes(4), log_of(&notes(4)));
        let ends: Vec<usize> =
            (0..bytes.len()).filter(|at| bytes[*at] == b'\n').map(|at| at + 1).collect();
        for (whole, begins) in [(3, ends[2]), (0, 0)] {
            for zeros in 1..=ends[whole] - begins {
                let mut bytes = bytes[..ends[whole]].to_vec();
                bytes[begins..begins + zeros].fill(0);
                let contents = parse::<Note>(Path::new("log"), &bytes[..]).expect("torn");
                assert_eq!(contents.entries, notes[..whole], "{zeros} zeros");
                assert_eq!(contents.sound_bytes, begins as u64);
                bytes.extend([0; 4096]);
                assert!(parse::<Note>(Path::new("log"), &bytes[..]).is_ok(), "and zeros behind it");
            }
        }
        // Zeros in the middle were damaged, and are named.
        let mut middle = bytes;
        middle[ends[0]..ends[0] + 9].fill(0);
        let error = parse::<Note>(Path::new("log"), &middle[..]).err().expect("damage is seen");
        assert!(matches!(error, LinesError::Corrupt { line: 2, .. }), "{error}");
    }

    #[test]
    fn appending_after_a_crash_continues_behind_the_last_whole_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        let notes = notes(3);
        let mut torn = log_of(&notes[..2]);
        torn.extend_from_slice(b"{\"number\":2,\"te");
        std::fs::write(&path, torn).expect("written");
        let mut log = Appender::below(folder.path(), &path).expect("opened");
        assert_eq!(log.recover().expect("recovered"), notes[..2]);
        log.append(&notes[2..]).expect("appended");
        assert_eq!(read::<Note>(&path).expect("read").entries, notes);
    }
}
