//! A page as it came, kept beside the reading of it: written while it arrives, so that memory stays flat. The API key is
//! cut out of it. Whether it is worth keeping is decided when the page has been judged.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use shared::disk::publish::{DiskError, Draft};
use shared::run::api_key::ApiKey;

/// Stands for the key.
const INSTEAD: &[u8] = b"(key)";

/// Keeps the last page that was read under its eyes.
pub struct Witness {
    target: PathBuf,
    key: ApiKey,
    page: RefCell<Option<Redacted<Draft>>>,
}

impl Witness {
    /// Of pages that would go to `target`, without `key`.
    pub fn new(target: PathBuf, key: ApiKey) -> Self {
        Self { target, key, page: RefCell::new(None) }
    }

    /// Reads `body` by `read`, and then to its end, and has a copy of all of it. A copy that can't be written is none.
    pub fn watch<T, E>(
        &self,
        body: &mut dyn Read,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        // The one before goes first: they have one name.
        drop(self.page.take());
        let page = Draft::create(&self.target).and_then(Draft::for_its_owner_alone).ok();
        let page = page.map(|page| Redacted::new(page, self.key.expose().as_bytes().to_vec()));
        let mut copied = Copied { body, page };
        let made = read(&mut copied);
        let is_whole = io::copy(&mut copied, &mut io::sink()).is_ok();
        *self.page.borrow_mut() = copied.page.filter(|_| is_whole);
        made
    }

    /// Brings the last page into its place; `None` where there is none.
    pub fn keep(&self) -> Result<Option<PathBuf>, DiskError> {
        let Some(page) = self.page.take() else { return Ok(None) };
        page.into_inner().map_err(DiskError::at("write", &self.target))?.publish()?;
        Ok(Some(self.target.clone()))
    }
}

struct Copied<'a> {
    body: &'a mut dyn Read,
    page: Option<Redacted<Draft>>,
}

impl Read for Copied<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if let Some(page) = &mut self.page
            && page.write_all(&buffer[..read]).is_err()
        {
            self.page = None;
        }
        Ok(read)
    }
}

/// Passes everything on but one text, in whatever pieces it comes.
struct Redacted<W> {
    out: W,
    hidden: Vec<u8>,
    /// The end of what came, which may be the beginning of what is hidden.
    held: Vec<u8>,
}

impl<W: Write> Redacted<W> {
    fn new(out: W, hidden: Vec<u8>) -> Self {
        Self { out, hidden, held: Vec::new() }
    }

    fn into_inner(mut self) -> io::Result<W> {
        self.out.write_all(&self.held)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let mut done = 0;
        let is_hidden = |window: &[u8]| window == self.hidden;
        while let Some(at) = self.held[done..].windows(self.hidden.len().max(1)).position(is_hidden) {
            self.out.write_all(&self.held[done..done + at])?;
            self.out.write_all(INSTEAD)?;
            done += at + self.hidden.len();
        }
        let sure = self.held.len().saturating_sub(self.hidden.len().saturating_sub(1)).max(done);
        self.out.write_all(&self.held[done..sure])?;
        self.held.drain(..sure);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_cut_out_in_whatever_pieces_it_comes() {
        let text = b"a secret, s, se, secresecret and secret";
        for size in 1..=text.len() {
            let mut redacted = Redacted::new(Vec::new(), b"secret".to_vec());
            text.chunks(size).for_each(|piece| redacted.write_all(piece).expect("written"));
            let out = String::from_utf8(redacted.into_inner().expect("written")).expect("text");
            assert_eq!(out, "a (key), s, se, secre(key) and (key)", "pieces of {size}");
        }
    }
}
