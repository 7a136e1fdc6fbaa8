//! What a program said, as tests judge it.

/// Panics with all of `text` unless each of `parts` is in it.
#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
