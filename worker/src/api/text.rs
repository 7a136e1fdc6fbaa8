//! The text of a body while it arrives: what of it is envelope and where its list of rows begins.
//! Holds a buffer and the envelope, never the body. What rows mean is [`page`](super::page)'s
//! business.

use std::io::{self, Read};

/// Room for many rows; grows where one is longer.
const BUFFER_BYTES: usize = 32 << 10;
/// A row of a page of tickers has about a thousand bytes; the envelope has few hundred.
const LONGEST: usize = 1 << 20;

/// Why no more of a text can be had.
#[derive(Debug)]
pub enum TextError {
    /// It stopped arriving.
    Read(io::Error),
    /// A row or an envelope without end.
    TooLong,
}

/// A body, of which a piece is held.
pub struct BodyText<B> {
    body: B,
    buffer: Vec<u8>,
    /// What is held and not used up.
    held: std::ops::Range<usize>,
    is_at_end: bool,
}

impl<B: Read> BodyText<B> {
    /// Of a body of which nothing is read.
    pub fn new(body: B) -> Self {
        Self { body, buffer: vec![0; BUFFER_BYTES], held: 0..0, is_at_end: false }
    }

    pub fn held(&self) -> &[u8] {
        &self.buffer[self.held.clone()]
    }

    /// The first so many bytes are used up.
    pub fn use_up(&mut self, bytes: usize) {
        self.held.start += bytes;
    }

    /// Holds more than now. `false` at the end of the body.
    ///
    /// Fills the buffer, however small the pieces are that arrive: a row that is cut off is looked
    /// at anew each time.
    pub fn read_more(&mut self) -> Result<bool, TextError> {
        self.buffer.copy_within(self.held.clone(), 0);
        self.held = 0..self.held.len();
        if self.held.end == self.buffer.len() {
            if self.buffer.len() >= LONGEST {
                return Err(TextError::TooLong);
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let before = self.held.end;
        while !self.is_at_end && self.held.end < self.buffer.len() {
            match self.body.read(&mut self.buffer[self.held.end..]) {
                Ok(0) => self.is_at_end = true,
                Ok(bytes) => self.held.end += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TextError::Read(error)),
            }
        }
        Ok(self.held.end > before)
    }

    /// The next byte that is no blank, which stays held; `None` at the end.
    pub fn next_visible(&mut self) -> Result<Option<u8>, TextError> {
        loop {
            let blanks = self
                .held()
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                .count();
            self.use_up(blanks);
            match self.held().first().copied() {
                Some(byte) => return Ok(Some(byte)),
                None if self.read_more()? => {}
                None => return Ok(None),
            }
        }
    }
}

/// The body without its rows: the object around an empty list.
#[derive(Debug, Default)]
pub struct Envelope {
    text: Vec<u8>,
    depth: usize,
    /// Where the last string begins, or where it is; in text.
    string: std::ops::Range<usize>,
    place: Quoting,
    /// Does the value of `results` come next?
    is_results: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    #[default]
    Outside,
    InString,
    /// Behind a backslash.
    Escaped,
}

impl Envelope {
    /// Takes all that is held of `text`, up to where the list of rows has begun. `false` at the end
    /// of the body.
    pub fn reaches_rows<B: Read>(&mut self, text: &mut BodyText<B>) -> Result<bool, TextError> {
        loop {
            let rows = text.held().iter().position(|byte| self.take(*byte));
            text.use_up(rows.map_or(text.held().len(), |at| at + 1));
            if rows.is_some() {
                return Ok(true);
            }
            if self.text.len() > LONGEST {
                return Err(TextError::TooLong);
            }
            if !text.read_more()? {
                return Ok(false);
            }
        }
    }

    /// What was taken.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes the next byte. Does the list of rows begin with it?
    fn take(&mut self, byte: u8) -> bool {
        self.text.push(byte);
        let end = self.text.len();
        match (self.place, byte) {
            (Quoting::Escaped, _) => self.place = Quoting::InString,
            (Quoting::InString, b'\\') => self.place = Quoting::Escaped,
            (Quoting::InString, b'"') => {
                self.place = Quoting::Outside;
                self.string.end = end - 1;
            }
            (Quoting::InString, _) | (Quoting::Outside, b' ' | b'\t' | b'\n' | b'\r') => {}
            (Quoting::Outside, b'"') => {
                self.place = Quoting::InString;
                self.string = end..end;
            }
            (Quoting::Outside, b':') => {
                self.is_results = self.depth == 1 && &self.text[self.string.clone()] == b"results";
            }
            (Quoting::Outside, b'{' | b'[') => {
                self.depth += 1;
                return byte == b'[' && std::mem::take(&mut self.is_results);
            }
            (Quoting::Outside, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (Quoting::Outside, _) => self.is_results = false,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text before the rows, for each list of rows that was found.
    fn envelopes(body: &str) -> Vec<String> {
        let (mut text, mut envelope) = (BodyText::new(body.as_bytes()), Envelope::default());
        let mut found = Vec::new();
        while envelope.reaches_rows(&mut text).expect("short") {
            found.push(String::from_utf8(envelope.text().to_vec()).expect("text"));
        }
        found
    }

    #[test]
    fn the_rows_are_the_list_called_results_and_no_other() {
        assert_eq!(envelopes(r#"{"a":[1],"results" : [{"x":1}]}"#), [r#"{"a":[1],"results" : ["#]);
        let others = [
            r#"{"a":"results","b":[1]}"#,
            r#"{"a":"results:[","b":"\"results\":["}"#,
            r#"{"a":{"results":[1]}}"#,
            r#"{"results":null,"b":[1]}"#,
            r#"{"results":"x","b":[1]}"#,
            r#"[{"results":[]}]"#,
            "<html>results</html>",
        ];
        assert!(others.iter().all(|body| envelopes(body).is_empty()));
    }

    #[test]
    fn what_has_no_end_is_not_held() {
        let endless = io::repeat(b'x');
        let ended = Envelope::default().reaches_rows(&mut BodyText::new(endless));
        assert!(matches!(ended, Err(TextError::TooLong)));
    }
}
