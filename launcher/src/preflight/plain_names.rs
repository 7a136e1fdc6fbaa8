//! Are all names text? A run stores its arguments as text, so each must be valid UTF-8.

use std::env;
use std::ffi::{OsStr, OsString};

/// A name that is not UTF-8.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} {name:?} is not UTF-8, and a run stores names as text; rename it, or use a link with a plain name"
)]
pub struct NameError {
    /// What the name belongs to.
    what: &'static str,
    /// As given; invalid bytes are shown as escapes.
    name: OsString,
}

/// Checks our arguments and the current folder.
pub fn all() -> Result<(), NameError> {
    // A missing folder is reported where it is needed.
    let folder = env::current_dir().unwrap_or_default();
    env::args_os().skip(1).try_for_each(|argument| plain("the argument", &argument))?;
    plain("the current folder", folder.as_os_str())
}

fn plain(what: &'static str, name: &OsStr) -> Result<(), NameError> {
    match name.to_str() {
        Some(_) => Ok(()),
        None => Err(NameError { what, name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_name_that_is_no_text_is_refused_and_shown_with_escapes() {
        assert_eq!(plain("the argument", OsStr::new("Bücher")), Ok(()));
        let error = plain("the argument", OsStr::from_bytes(b"b\xfccher"))
            .expect_err("Latin-1")
            .to_string();
        assert!(error.starts_with(r#"the argument "b\xFCcher" is not UTF-8"#), "{error}");
    }
}
