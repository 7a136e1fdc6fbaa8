//! An error with everything behind it, on one line, for people.

use std::error::Error;

/// `error` and its causes, outermost first: `can't write out/A.parquet: No space left on device`. A
/// cause that the text quotes already is not repeated.
///
/// ```
/// let error = std::io::Error::other("the disk is full");
/// assert_eq!(shared::error_chain::with_causes(&error), "the disk is full");
/// ```
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        behind = cause.source();
    }
    text
}
