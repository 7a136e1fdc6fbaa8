//! Notes: one odd thing, with its file and what there is to say of it.

use std::path::PathBuf;

use super::oddity::Oddity;

/// One odd thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What.
    pub oddity: Oddity,
    /// The file or folder.
    pub path: PathBuf,
    /// Days, or a reason; may be empty.
    pub detail: String,
    /// Of how many days, where it is about days.
    pub days: u64,
}

impl Noted {
    /// Of a file as a whole, without a word.
    pub fn plain(oddity: Oddity, path: PathBuf) -> Self {
        Self::of(oddity, path, String::new())
    }

    /// Of a file as a whole.
    pub fn of(oddity: Oddity, path: PathBuf, detail: String) -> Self {
        Self { oddity, path, detail, days: 0 }
    }
}
