//! The API key: found in the environment or a `.env` file, sent as a header, written nowhere.

use std::fmt;
use std::io;
use std::path::Path;

use crate::disk::regular;

/// Where a key may stand, first one first.
const NAMES: [&str; 2] = ["POLYGON_API_KEY", "MASSIVE_API_KEY"];

/// Shorter texts are no keys.
const LEAST_CHARS: usize = 8;

/// The API key. It is at least eight visible ASCII characters, has no `Display`, and its `Debug`
/// does not show it.
///
/// ```
/// use std::path::Path;
/// use shared::run::api_key::ApiKey;
///
/// let variable = |name: &str| (name == "MASSIVE_API_KEY").then(|| "0123456789abcdef".to_owned());
/// let key = ApiKey::find(variable, Path::new("/nonexistent"))?;
/// assert_eq!(key.expose(), "0123456789abcdef");
/// assert!(!format!("{key:?}").contains("0123"));
/// # Ok::<(), shared::run::api_key::ApiKeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// Why there is no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// Neither place has one.
    #[error(
        "no API key: set POLYGON_API_KEY (or MASSIVE_API_KEY) in the environment, or write POLYGON_API_KEY=... into a file called .env in this folder"
    )]
    Missing,
    /// A `.env` is there and can't be read.
    #[error(
        "can't read .env in this folder ({0}); make it readable UTF-8 text, or set POLYGON_API_KEY in the environment"
    )]
    Unreadable(String),
    /// A character that no header can carry. The value is not shown.
    #[error(
        "{0} holds a character that no API key has (blank, control or non-ASCII); is it quoted or truncated?"
    )]
    Malformed(&'static str),
    /// So short a text is part of many words: it could not be kept out of what is said. The value
    /// is not shown.
    #[error(
        "{0} holds fewer than {LEAST_CHARS} characters, which no API key does; is it truncated?"
    )]
    TooShort(&'static str),
}

impl ApiKey {
    /// The variable by which a parent hands the key to its child.
    pub const ENV: &'static str = NAMES[0];

    /// Looks into the environment, then into `.env` in `folder`. `variable` is how the environment
    /// is asked.
    pub fn find(
        variable: impl Fn(&str) -> Option<String>,
        folder: &Path,
    ) -> Result<Self, ApiKeyError> {
        let file = match regular::read(folder.join(".env")) {
            Ok(bytes) => text_of(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(ApiKeyError::Unreadable(error.to_string())),
        };
        let mut in_environment = NAMES.iter().filter_map(|name| Some((*name, variable(name)?)));
        let set = |(_, value): &(&str, String)| !value.trim().is_empty();
        let (name, value) = if let Some(found) = in_environment.find(set) {
            found
        } else {
            let file = file?;
            let mut in_file = NAMES.iter().filter_map(|name| Some((*name, value_in(&file, name)?)));
            in_file.find(set).ok_or(ApiKeyError::Missing)?
        };
        let value = value.trim();
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError::Malformed(name));
        }
        if value.len() < LEAST_CHARS {
            return Err(ApiKeyError::TooShort(name));
        }
        Ok(Self(value.to_owned()))
    }

    /// The secret itself: for the header and the child's environment only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Without the mark that editors put before UTF-8.
fn text_of(bytes: Vec<u8>) -> Result<String, ApiKeyError> {
    let text =
        String::from_utf8(bytes).map_err(|error| ApiKeyError::Unreadable(error.to_string()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// `NAME=value` or `export NAME="value"`, the last one counts; lines that begin with `#` do not.
fn value_in(file: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let line = line.trim();
        let assignment = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let value = assignment.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim();
        let unquoted =
            ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        Some(unquoted.unwrap_or(value).to_owned())
    };
    file.lines().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn find(environment: &[(&str, &str)], file: &str) -> Result<String, ApiKeyError> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(".env"), file).expect("written");
        let variable = |name: &str| {
            environment
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        ApiKey::find(variable, folder.path()).map(|key| key.expose().to_owned())
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        assert_eq!(
            find(&[("MASSIVE_API_KEY", "of-the-env")], "POLYGON_API_KEY=file").as_deref(),
            Ok("of-the-env")
        );
        assert_eq!(
            find(
                &[("POLYGON_API_KEY", " ")],
                "# POLYGON_API_KEY=no\nexport MASSIVE_API_KEY = \"of-the-file\""
            )
            .as_deref(),
            Ok("of-the-file")
        );
        assert_eq!(find(&[], "OTHER=1"), Err(ApiKeyError::Missing));
        let marked = "\u{feff}POLYGON_API_KEY=of-the-file";
        assert_eq!(
            find(&[], marked).as_deref(),
            Ok("of-the-file"),
            "as editors of Windows save it"
        );
    }

    #[test]
    fn a_file_that_can_not_be_read_is_not_a_missing_key() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(".env"), b"POLYGON_API_KEY=\xff").expect("written");
        assert!(matches!(ApiKey::find(|_| None, folder.path()), Err(ApiKeyError::Unreadable(_))));
        assert!(
            ApiKey::find(|_| Some("long-enough".to_owned()), folder.path()).is_ok(),
            "the environment comes first"
        );
    }

    #[test]
    fn a_text_that_is_part_of_many_words_is_no_key() {
        assert_eq!(
            find(&[("POLYGON_API_KEY", "k")], ""),
            Err(ApiKeyError::TooShort("POLYGON_API_KEY"))
        );
        assert_eq!(
            find(&[], "MASSIVE_API_KEY=sesame1"),
            Err(ApiKeyError::TooShort("MASSIVE_API_KEY"))
        );
        assert_eq!(find(&[], "MASSIVE_API_KEY=sesame12").as_deref(), Ok("sesame12"));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(
            find(&[("POLYGON_API_KEY", "se cret")], ""),
            Err(ApiKeyError::Malformed("POLYGON_API_KEY"))
        );
        assert_eq!(format!("{:?}", ApiKey("secret".to_owned())), "ApiKey(…)");
    }
}
