//! Opens only regular files. A named pipe would block its reader for ever, and a device may do
//! anything.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;

/// Opens the file at `path` for reading. If it is no file, the error says what it is.
pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path.as_ref())
}

/// Opens the file at `path` as `options` say, which must not have custom flags.
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    open_as(options, OFlag::empty(), path)
}

/// The same; a link at `path`, dangling or not, is an error.
pub fn open_no_link(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    open_as(options, OFlag::O_NOFOLLOW, path)
}

/// The flags for opening what may not be a file.
pub(super) const FLAGS: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOCTTY);

#[expect(clippy::disallowed_methods, reason = "the one door to files that may be something else")]
fn open_as(options: &mut OpenOptions, more: OFlag, path: &Path) -> io::Result<File> {
    match options.custom_flags((FLAGS | more).bits()).open(path) {
        Ok(file) => checked(file),
        // The system's own error for such a file is hard to understand.
        Err(error) => Err(refusal_of(path).unwrap_or(error)),
    }
}

/// The opened file, if it is one.
pub(super) fn checked(file: File) -> io::Result<File> {
    let found = file.metadata()?.file_type();
    if found.is_file() { Ok(file) } else { Err(refusal(found)) }
}

/// Opens a folder, for locking it or making its names durable.
#[expect(clippy::disallowed_methods, reason = "the one door to folders")]
pub fn open_folder(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(path)
}

/// The largest file that is read whole, in bytes; a list of a million tickers has six million.
const MOST_MIB: u64 = 64;

/// All bytes of the file at `path`; one without end is an error.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take((MOST_MIB << 20) + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_MIB << 20 {
        return Err(io::Error::other(format!("it has more than {MOST_MIB} MiB")));
    }
    Ok(bytes)
}

/// All text of the file at `path`, which must be UTF-8.
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path)?).map_err(not_text)
}

fn refusal_of(path: &Path) -> Option<io::Error> {
    let found = fs::metadata(path).ok()?.file_type();
    (!found.is_file()).then(|| refusal(found))
}

fn refusal(found: FileType) -> io::Error {
    refusal_of_kind(if found.is_dir() {
        SFlag::S_IFDIR
    } else if found.is_fifo() {
        SFlag::S_IFIFO
    } else if found.is_socket() {
        SFlag::S_IFSOCK
    } else {
        SFlag::S_IFCHR
    })
}

/// Words for something that is neither a file nor a link.
pub(super) fn refusal_of_kind(found: SFlag) -> io::Error {
    let (kind, what) = match found {
        SFlag::S_IFDIR => (io::ErrorKind::IsADirectory, "a folder"),
        SFlag::S_IFIFO => (io::ErrorKind::InvalidInput, "a named pipe"),
        SFlag::S_IFSOCK => (io::ErrorKind::InvalidInput, "a socket"),
        _ => (io::ErrorKind::InvalidInput, "a device"),
    };
    io::Error::new(kind, format!("it is {what}, not a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_not_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.json");
        let file = File::create(&path).expect("made");
        // A hole: it takes no disk.
        file.set_len(1 << 40).expect("made long");
        assert_eq!(read(&path).expect_err("too long").to_string(), "it has more than 64 MiB");
        file.set_len(3).expect("made short");
        assert_eq!(read(&path).expect("read").len(), 3);
    }

    #[test]
    fn what_is_no_file_is_named_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("made");
        let ways = [
            OpenOptions::new().read(true).clone(),
            OpenOptions::new().append(true).clone(),
            OpenOptions::new().read(true).append(true).create(true).clone(),
            OpenOptions::new().write(true).create(true).truncate(true).clone(),
        ];
        for (path, what) in [
            (pipe.as_path(), "a named pipe"),
            (folder.path(), "a folder"),
            (Path::new("/dev/null"), "a device"),
        ] {
            for mut way in ways.clone() {
                let said = open_with(&mut way, path).expect_err("refused").to_string();
                assert_eq!(said, format!("it is {what}, not a file"), "{way:?}");
            }
        }
        assert!(open_folder(&pipe).is_err());
        let file = folder.path().join("file");
        fs::write(&file, "text").expect("written");
        assert_eq!(read(&file).expect("read"), b"text");
        assert_eq!(
            read(folder.path().join("none")).expect_err("none").kind(),
            io::ErrorKind::NotFound
        );
    }
}
