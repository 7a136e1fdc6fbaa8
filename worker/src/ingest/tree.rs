//! The tree: can anything be written there at this moment? That tells the trouble of one path from
//! everybody's.

use std::fs;
use std::io::Write;
use std::path::Path;

use shared::disk::publish::{DiskError, Draft};

/// Writes a small file into `tree` and takes it away again. A tree that is gone is not made anew.
pub fn try_to_write(tree: &Path) -> Result<(), DiskError> {
    // As large as a block: an empty file needs no room.
    let block = [0; 4096];
    fs::metadata(tree).map_err(DiskError::at("look at", tree))?;
    let mut draft = Draft::below(tree, &tree.join("trial"))?;
    let written = draft.write_all(&block).and_then(|()| draft.flush());
    written.map_err(DiskError::at("write into", tree))
}
