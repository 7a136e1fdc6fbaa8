//! A ticker: the one name that becomes a folder and a part of a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest ticker accepted, in bytes.
pub const MAX_TICKER_LEN: usize = 24;

/// A listed symbol, case-sensitive as the exchange spells it (`BRK.B`, `BACpA`).
///
/// Never empty, at most [`MAX_TICKER_LEN`] of `[A-Za-z0-9.-]`, and never dots alone: safe as a
/// folder name and in a URL. `NA`, `NAN` and `TRUE` are tickers like any other.
///
/// ```
/// use shared::market::ticker::Ticker;
///
/// let ticker: Ticker = "BRK.B".parse()?;
/// assert_eq!(ticker.as_str(), "BRK.B");
/// assert_ne!(ticker, "brk.b".parse()?, "case counts");
/// assert!("../etc".parse::<Ticker>().is_err() && "..".parse::<Ticker>().is_err());
/// # Ok::<(), shared::market::ticker::InvalidTicker>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ticker(Box<str>);

/// Why a text is not a ticker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTicker {
    /// Nothing but white space.
    #[error("the ticker is missing")]
    Empty,
    /// Longer than [`MAX_TICKER_LEN`].
    #[error("{0:?} is too long for a ticker (at most {MAX_TICKER_LEN} characters)")]
    TooLong(String),
    /// A character outside `[A-Za-z0-9.-]`, or dots alone.
    #[error("{0:?} is not a ticker (letters, digits, '.' and '-' only)")]
    Charset(String),
}

impl Ticker {
    /// The symbol as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticker {
    type Err = InvalidTicker;

    fn from_str(text: &str) -> Result<Self, InvalidTicker> {
        if text.is_empty() {
            return Err(InvalidTicker::Empty);
        }
        if text.len() > MAX_TICKER_LEN {
            return Err(InvalidTicker::TooLong(text.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if !text.chars().all(allowed) || text.chars().all(|c| c == '.') {
            return Err(InvalidTicker::Charset(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Ticker {
    type Error = InvalidTicker;

    fn try_from(text: String) -> Result<Self, InvalidTicker> {
        text.parse()
    }
}

impl From<Ticker> for String {
    fn from(ticker: Ticker) -> Self {
        ticker.0.into()
    }
}

impl fmt::Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickers_are_taken_literally() {
        for text in ["A", "BRK.B", "BACpA", "NA", "NAN", "TRUE", "-", "BF-B", "A.WS.A"] {
            let ticker: Ticker = text.parse().expect(text);
            assert_eq!(ticker.as_str(), text);
        }
    }

    #[test]
    fn nothing_that_could_become_a_path_is_a_ticker() {
        for text in ["", ".", "..", "../x", "a/b", "A B", "É", "A\0", "AAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(text.parse::<Ticker>().is_err(), "{text:?}");
        }
    }
}
