//! Securities: whose days the days of a ticker are.
//!
//! A symbol is renamed (FB is META since 2022-06-09) and used again (META was a fund until then), and
//! the source keeps all data under the symbol of the time. So a ticker names a security only on a
//! day. The values are here; how they follow from reference data is
//! [`listed_periods`](super::listed_periods)' business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ticker::Ticker;
use super::trading_day::TradingDay;

/// Letters and digits of a FIGI.
const FIGI_LEN: usize = 12;

/// A Financial Instrument Global Identifier, of a composite (all venues of a country) or of a share
/// class (all countries): twelve capital letters and digits. Safe in a URL.
///
/// ```
/// use shared::market::security::Figi;
///
/// let figi: Figi = "BBG000MM2P62".parse()?;
/// assert_eq!(figi.as_str(), "BBG000MM2P62");
/// assert!("META".parse::<Figi>().is_err() && "bbg000mm2p62".parse::<Figi>().is_err());
/// # Ok::<(), shared::market::security::InvalidFigi>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Figi(Box<str>);

/// A text that is no FIGI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a FIGI (twelve capital letters and digits, such as BBG000MM2P62)")]
pub struct InvalidFigi(String);

impl Figi {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Figi {
    type Err = InvalidFigi;

    fn from_str(text: &str) -> Result<Self, InvalidFigi> {
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.len() != FIGI_LEN || !text.bytes().all(fits) {
            return Err(InvalidFigi(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

crate::as_text!(Figi);

impl fmt::Display for Figi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Figi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A security: its share class where that is known, else its composite, else the listing itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Security {
    /// By the FIGI of its share class.
    ShareClass(Figi),
    /// By the FIGI of its composite: that of the share class is not known.
    Composite(Figi),
    /// By its ticker: no FIGI is known.
    Listing {
        /// The only ticker that it is known by.
        ticker: Ticker,
        /// Its first day there; `None` where that is not known.
        listed: Option<TradingDay>,
        /// When it was delisted, where only that is known.
        delisted: Option<TradingDay>,
    },
}

impl fmt::Display for Security {
    /// `BBG001S5N8V8`, or `ULTX@2006-10-13`, `ULTX@..2017-05-01`, `ULTX@?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShareClass(figi) | Self::Composite(figi) => figi.fmt(f),
            Self::Listing { ticker, listed: Some(listed), .. } => write!(f, "{ticker}@{listed}"),
            Self::Listing { ticker, listed: None, delisted: Some(gone) } => {
                write!(f, "{ticker}@..{gone}")
            }
            Self::Listing { ticker, listed: None, delisted: None } => write!(f, "{ticker}@?"),
        }
    }
}

/// How a listed period ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// On this day: on the next one it has another symbol, or the symbol names another security.
    On(TradingDay),
    /// On this day at the latest. The source names a day of delisting and does not say whether the
    /// security still traded on it, so it may have.
    By(TradingDay),
    /// It had not ended when the source was asked.
    Open,
    /// It has ended, or may have: the source does not say when.
    Unknown,
}

impl End {
    /// The last day that the period can have.
    pub fn last(self) -> TradingDay {
        match self {
            Self::On(day) | Self::By(day) => day,
            Self::Open | Self::Unknown => TradingDay::MAX,
        }
    }
}

/// Where the days of a period are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// The source's ticker events.
    Events,
    /// The listing date in the ticker details: that of the company, perhaps under another symbol.
    ListDate,
    /// The list of tickers alone.
    Snapshot,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "ticker events",
            Self::ListDate => "listing date",
            Self::Snapshot => "list of tickers",
        })
    }
}

/// Days in which a ticker named one security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPeriod {
    /// The symbol.
    pub ticker: Ticker,
    /// Whose it was.
    pub security: Security,
    /// The first day; `None` where that is not known. It then lies behind the last day of the
    /// ticker's period before this one, if there is one.
    pub from: Option<TradingDay>,
    /// The end.
    pub to: End,
    /// Where the days are known from.
    pub known: Known,
}

impl fmt::Display for ListedPeriod {
    /// `META 2022-06-09.. BBG001SQCQC5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.ticker)?;
        match self.from {
            Some(from) => write!(f, "{from}..")?,
            None => f.write_str("?..")?,
        }
        match self.to {
            End::On(to) | End::By(to) => write!(f, "{to}")?,
            End::Open => {}
            End::Unknown => f.write_str("?")?,
        }
        write!(f, " {}", self.security)
    }
}

/// What a ticker is on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Listed.
    Listed(&'a ListedPeriod),
    /// Perhaps listed, and then as this security: the first day of the period is not known, or the
    /// day is its last.
    Perhaps(&'a ListedPeriod),
    /// Not listed as far as the source knows.
    Unlisted,
}

/// The periods of one ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickerPeriods<'a>(&'a [ListedPeriod]);

impl<'a> TickerPeriods<'a> {
    /// Of periods of one ticker in time order that share no day.
    pub(super) fn of(periods: &'a [ListedPeriod]) -> Self {
        debug_assert!(periods.windows(2).all(|pair| {
            pair[1].from.is_none_or(|from| pair[0].to.last() < from)
                && pair[0].ticker == pair[1].ticker
        }));
        Self(periods)
    }

    /// In time order; they share no day.
    pub fn periods(self) -> &'a [ListedPeriod] {
        self.0
    }

    /// What the ticker is on `day`.
    pub fn on(self, day: TradingDay) -> Standing<'a> {
        let Some(period) = self.0.iter().find(|period| day <= period.to.last()) else {
            return Standing::Unlisted;
        };
        match period.from {
            Some(from) if day < from => Standing::Unlisted,
            Some(_) if period.to != End::By(day) => Standing::Listed(period),
            Some(_) | None => Standing::Perhaps(period),
        }
    }

    /// The security that the ticker names on `day`, perhaps.
    pub fn holder_on(self, day: TradingDay) -> Option<&'a Security> {
        match self.on(day) {
            Standing::Listed(period) | Standing::Perhaps(period) => Some(&period.security),
            Standing::Unlisted => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn period(from: Option<&str>, to: End, figi: &str) -> ListedPeriod {
        ListedPeriod {
            ticker: "META".parse().expect("a ticker"),
            security: Security::ShareClass(figi.parse().expect("a FIGI")),
            from: from.map(day),
            to,
            known: Known::Events,
        }
    }

    #[test]
    fn a_security_is_named_by_what_is_known_of_it() {
        let ticker: Ticker = "ULTX".parse().expect("a ticker");
        let listing = |listed: Option<&str>, gone: Option<&str>| Security::Listing {
            ticker: ticker.clone(),
            listed: listed.map(day),
            delisted: gone.map(day),
        };
        let figi: Figi = "BBG001S5N8V8".parse().expect("a FIGI");
        for (security, text) in [
            (Security::ShareClass(figi.clone()), "BBG001S5N8V8"),
            (Security::Composite(figi), "BBG001S5N8V8"),
            (listing(Some("2006-10-13"), Some("2017-05-01")), "ULTX@2006-10-13"),
            (listing(None, Some("2017-05-01")), "ULTX@..2017-05-01"),
            (listing(None, None), "ULTX@?"),
        ] {
            assert_eq!(security.to_string(), text);
        }
        for text in ["", "BBG001S5N8V", "BBG001S5N8V88", "BBG001S5N8v8", "BBG001S5N8/8"] {
            assert!(text.parse::<Figi>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_ticker_is_another_security_on_another_day_and_what_is_not_known_is_said() {
        let periods = [
            period(None, End::By(day("2022-01-31")), "BBG00FUND001"),
            period(Some("2022-06-09"), End::Open, "BBG00META001"),
        ];
        let meta = TickerPeriods::of(&periods);
        for (on, why, expected) in [
            ("2021-09-01", "its first day is not known", Standing::Perhaps(&periods[0])),
            ("2022-01-31", "the day of its delisting", Standing::Perhaps(&periods[0])),
            ("2022-02-01", "nobody had the symbol", Standing::Unlisted),
            ("2022-06-08", "not yet", Standing::Unlisted),
            ("2022-06-09", "the first day", Standing::Listed(&periods[1])),
            ("2026-10-30", "still", Standing::Listed(&periods[1])),
        ] {
            assert_eq!(meta.on(day(on)), expected, "{on}: {why}");
        }
        assert_eq!(periods[0].to_string(), "META ?..2022-01-31 BBG00FUND001");
        assert_eq!(periods[1].to_string(), "META 2022-06-09.. BBG00META001");
    }
}
