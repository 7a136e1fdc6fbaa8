//! Regular files: what must be a file is opened as one. A named pipe would keep its reader waiting for ever, deaf to every signal.

use std::fs::{FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// All bytes of the file at `path`; an error that says what it is where it is no file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let what = kind_of(metadata.file_type());
        return Err(io::Error::other(format!("it is {what}; write the text into a file and name that one")));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn kind_of(found: FileType) -> &'static str {
    if found.is_dir() {
        "a folder"
    } else if found.is_fifo() {
        "a named pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_named_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("made");
        let said = |path: &Path| read(path).expect_err("refused").to_string();
        let advice = "; write the text into a file and name that one";
        assert_eq!(said(&pipe), format!("it is a named pipe{advice}"));
        assert_eq!(said(folder.path()), format!("it is a folder{advice}"));
        assert_eq!(said(Path::new("/dev/null")), format!("it is a device{advice}"));
        let file = folder.path().join("file");
        std::fs::write(&file, "text").expect("written");
        assert_eq!(read(&file).expect("read"), b"text");
    }
}
