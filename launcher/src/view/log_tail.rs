//! A batch's log as it grows: what is new since the last look, also when the log was cut in
//! between.
//!
//! The shim cuts a log that has grown too long: it puts its end into `batch_0001.log.1`, empties it
//! in place and begins it with a line that says how long it had been.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use shared::disk::regular;

/// How much is passed on at a time.
const PIECE_BYTES: u64 = 256 * 1024;

/// How far a log has been read.
pub struct LogTail {
    log: PathBuf,
    cut: PathBuf,
    offset: u64,
    /// The file with the last cut part: a new file means a new cut.
    cut_file: Option<u64>,
}

impl LogTail {
    /// Starts at the beginning of the log at `path`, which may not exist yet; after a cut, at what
    /// was kept of it.
    pub fn new(path: &Path) -> Self {
        Self { log: path.to_owned(), cut: path.with_extension("log.1"), offset: 0, cut_file: None }
    }

    /// What has come since the last call, piece by piece; empty when all was read.
    pub fn read_new(&mut self) -> io::Result<Vec<u8>> {
        let mut log = match regular::open(&self.log) {
            Ok(log) => log,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let cut_file = inode(&self.cut);
        let was_cut = cut_file != self.cut_file || log.metadata()?.len() < self.offset;
        self.cut_file = cut_file;
        let mut new = if was_cut { self.unread_of_the_cut(&mut log)? } else { Vec::new() };
        log.seek(SeekFrom::Start(self.offset))?;
        self.offset += log.take(PIECE_BYTES).read_to_end(&mut new)? as u64;
        Ok(new)
    }

    /// What was written between our last read and the cut, as far as it was kept.
    fn unread_of_the_cut(&mut self, log: &mut File) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        Read::by_ref(log).take(1024).read_to_end(&mut head)?;
        let offset = std::mem::take(&mut self.offset);
        let kept = regular::read(&self.cut).unwrap_or_default();
        let unread = length_before(&head).map_or(0, |length| length.saturating_sub(offset));
        let begin = kept.len().saturating_sub(usize::try_from(unread).unwrap_or(usize::MAX));
        Ok(kept[begin..].to_vec())
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}

/// How long the log was when it was cut, by its own first line.
fn length_before(head: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(head);
    let said = text.lines().next()?.split_once("had grown to ")?.1;
    said.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;
    use std::io::Write;

    struct Log {
        folder: tempfile::TempDir,
    }

    impl Log {
        fn path(&self) -> PathBuf {
            self.folder.path().join("batch_0001.log")
        }

        fn append(&self, text: &str) {
            let mut file =
                File::options().create(true).append(true).open(self.path()).expect("opened");
            file.write_all(text.as_bytes()).expect("written");
        }

        /// As the shim does it.
        fn cut(&self, keep: usize) {
            let text = fs::read_to_string(self.path()).expect("read");
            let kept = &text[text.len() - keep..];
            publish::publish(&self.path().with_extension("log.1"), kept.as_bytes())
                .expect("published");
            File::options()
                .write(true)
                .open(self.path())
                .expect("opened")
                .set_len(0)
                .expect("emptied");
            self.append(&format!(
                "==== the log had grown to {} bytes; its end is in x\n",
                text.len()
            ));
        }
    }

    fn text(tail: &mut LogTail) -> String {
        let mut all = Vec::new();
        loop {
            let new = tail.read_new().expect("read");
            if new.is_empty() {
                return String::from_utf8(all).expect("UTF-8");
            }
            all.extend(new);
        }
    }

    #[test]
    fn every_line_is_passed_on_once_also_when_the_log_is_cut_between_two_looks() {
        let log = Log { folder: tempfile::tempdir().expect("a folder") };
        let mut tail = LogTail::new(&log.path());
        assert_eq!(text(&mut tail), "", "no log yet");
        log.append("one\ntwo\n");
        assert_eq!(text(&mut tail), "one\ntwo\n");
        log.append("three\n");
        log.cut(10);
        log.append("four, and the log is longer again than it was when it was read\n");
        let said = text(&mut tail);
        assert!(said.starts_with("three\n==== the log had grown to 14 bytes"), "{said}");
        assert!(
            said.ends_with("\nfour, and the log is longer again than it was when it was read\n"),
            "{said}"
        );
        assert_eq!(text(&mut tail), "");
        let said = text(&mut LogTail::new(&log.path()));
        assert!(
            said.starts_with("two\nthree\n==== the log had grown to 14 bytes"),
            "what was kept: {said}"
        );
    }
}
