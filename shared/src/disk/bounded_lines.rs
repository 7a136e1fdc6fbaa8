//! Reads a stream line by line and holds at most the longest line allowed. Zeros and longer lines
//! are counted and dropped: a file may end with a thousand million zeros.

use std::io::{self, BufRead};

/// The longest line allowed; no line of ours is as long.
const LONGEST: usize = 64 << 20;

/// A line, or what stands in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The line without its newline; `None` if it has a zero byte or is too long.
    pub(super) text: Option<&'a [u8]>,
    /// Its length in the stream, with its newline.
    pub(super) bytes: u64,
    /// Does it end with a newline, and not with the stream?
    pub(super) is_ended: bool,
}

/// Reads line by line.
pub(super) struct BoundedLines<S> {
    source: S,
    held: Vec<u8>,
}

impl<S: BufRead> BoundedLines<S> {
    /// Reads `source` from its current position.
    pub(super) fn new(source: S) -> Self {
        Self { source, held: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let (mut is_text, mut bytes) = (true, 0);
        self.held.clear();
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', chunk);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            is_text = is_text
                && memchr::memchr(0, part).is_none()
                && self.held.len() + part.len() <= LONGEST;
            if is_text {
                self.held.extend_from_slice(part);
            } else {
                self.held = Vec::new();
            }
            let (is_ended, is_over) = (end.is_some(), chunk.is_empty());
            let used = part.len() + usize::from(is_ended);
            self.source.consume(used);
            bytes += used as u64;
            if is_ended || is_over {
                let text = is_text.then_some(self.held.as_slice());
                return Ok((bytes > 0).then_some(Line { text, bytes, is_ended }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_through_a_small_buffer_and_what_is_no_text_is_counted_and_not_held() {
        let stream = b"one\n\0\0\0\0\0\0two\n\nthree".as_slice();
        let mut lines = BoundedLines::new(io::BufReader::with_capacity(2, stream));
        let mut seen = Vec::new();
        while let Some(Line { text, bytes, is_ended }) = lines.next().expect("in memory") {
            seen.push((
                text.map(|text| String::from_utf8_lossy(text).into_owned()),
                bytes,
                is_ended,
            ));
        }
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                (text("one"), 4, true),
                (None, 10, true),
                (text(""), 1, true),
                (text("three"), 5, false)
            ]
        );
    }

    #[test]
    fn a_gigabyte_of_zeros_is_read_and_not_held() {
        let zeros = io::Read::take(io::repeat(0), 1 << 30);
        let mut lines = BoundedLines::new(io::BufReader::with_capacity(1 << 16, zeros));
        let line = lines.next().expect("in memory").expect("something");
        assert_eq!(line, Line { text: None, bytes: 1 << 30, is_ended: false });
        assert_eq!(lines.held.capacity(), 0);
    }
}
