//! A copy of a page as received, written to disk while the page is read, so that memory stays flat.
//! The API key is cut out of it. Whether to keep the copy is decided after the page has been
//! judged.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use shared::disk::audience::Audience;
use shared::disk::publish::{DiskError, Draft};
use shared::run::redaction::{Redacted, Redaction};

/// Keeps the last page that was read under its eyes.
pub struct PageCopy {
    root: PathBuf,
    target: PathBuf,
    redaction: Redaction,
    page: RefCell<Option<Redacted<Draft>>>,
}

impl PageCopy {
    /// Of pages that would go to `target`, which lies below `root`, without what `redaction` cuts
    /// out.
    pub fn new(root: PathBuf, target: PathBuf, redaction: Redaction) -> Self {
        Self { root, target, redaction, page: RefCell::new(None) }
    }

    /// The tree that pages go to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads `body` by `read`, and then to its end, and has a copy of all of it. A copy that can't
    /// be written is none.
    pub fn watch<T, E>(
        &self,
        body: &mut dyn Read,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        // The one before goes first: they have one name.
        drop(self.page.take());
        let page = Draft::below_for(Audience::Owner, &self.root, &self.target).ok();
        let page = page.map(|page| self.redaction.writer(page));
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
