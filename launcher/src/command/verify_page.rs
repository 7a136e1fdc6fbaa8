//! Where the page of a verify may go: to a new file, or in the place of an earlier page.

use std::io::{self, Read};
use std::path::Path;

use shared::disk::regular;

use super::verify_error::VerifyError;
use crate::verify::report::html;

/// So many bytes show whether a file is a page.
const BEGINNING: u64 = 1024;

/// `path`, unless somebody else's file is there. Asked before the looking, which may take long.
pub fn place(path: &Path) -> Result<&Path, VerifyError> {
    let beginning = match beginning(path) {
        Ok(beginning) => beginning,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
        Err(source) => return Err(VerifyError::Page { path: path.to_owned(), source }),
    };
    if html::is_page(&beginning) {
        Ok(path)
    } else {
        Err(VerifyError::NoPage { path: path.to_owned() })
    }
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_page_replaces_a_page_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.html");
        assert!(place(&path).is_ok(), "nothing is there");
        let page = r#"<!DOCTYPE html><meta name="generator" content="launcher verify">"#;
        fs::write(&path, page).expect("written");
        assert!(place(&path).is_ok(), "an earlier page");
        fs::write(&path, "<!DOCTYPE html>\n<title>diary</title>").expect("written");
        assert!(matches!(place(&path), Err(VerifyError::NoPage { .. })));
        assert!(matches!(place(folder.path()), Err(VerifyError::Page { .. })), "a folder");
    }
}
