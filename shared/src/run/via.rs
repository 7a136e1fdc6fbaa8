//! Which way daily bars come: ticker by ticker, or the whole market a session at a time. The choice
//! behind `--via`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whom a request for daily bars is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Whichever takes fewer requests.
    Auto,
    /// One ticker over its range: the default, since the two have not been held against each other
    /// on the live service, and the same request should bring the same bytes however many tickers
    /// it is for.
    #[default]
    Ticker,
    /// Every ticker on one day, of which those not asked for are left out.
    Grouped,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Ticker => "ticker",
            Self::Grouped => "grouped",
        })
    }
}

impl FromStr for Via {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Auto, Self::Ticker, Self::Grouped];
        let named = known.into_iter().find(|via| via.to_string() == text);
        named.ok_or_else(|| format!("{text:?} is not a way (ticker, grouped or auto)"))
    }
}
