//! Defects: what is permanently wrong with the data, however often one asks. Pure.
//!
//! Faults come and go and are the business of `faults`.

use std::str::FromStr;

use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// One thing that is wrong for good. Text form `twin=FB@2023-05-04`, `text-price=FB@2023-05-04`,
/// `504=400`, `mute=FB@2023-05-04`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// The first bar of that day stands there twice, the second time with another volume.
    Twin(Ticker, TradingDay),
    /// The price of the first trade of that day is a string; bars stay as they are.
    TextPrice(Ticker, TradingDay),
    /// A range of more days than this is answered 504.
    TooHeavy(u32),
    /// Whatever has that day of the ticker is answered 504.
    Mute(Ticker, TradingDay),
}

impl FromStr for Defect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is none of twin=TICKER@DAY, text-price=TICKER@DAY, mute=TICKER@DAY, 504=DAYS"
            )
        };
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let place = || -> Option<(Ticker, TradingDay)> {
            let (ticker, day) = value.split_once('@')?;
            Some((ticker.parse().ok()?, day.parse().ok()?))
        };
        let defect = match name {
            "twin" => place().map(|(ticker, day)| Self::Twin(ticker, day)),
            "text-price" => place().map(|(ticker, day)| Self::TextPrice(ticker, day)),
            "mute" => place().map(|(ticker, day)| Self::Mute(ticker, day)),
            "504" => value.parse().ok().map(Self::TooHeavy),
            _ => None,
        };
        defect.ok_or_else(wrong)
    }
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defects(pub Vec<Defect>);

impl Defects {
    /// Does the first bar of `ticker` on `day` stand there twice?
    pub fn has_twin(&self, ticker: &str, day: TradingDay) -> bool {
        self.0
            .iter()
            .any(|defect| matches!(defect, Defect::Twin(whose, on) if whose.as_str() == ticker && *on == day))
    }

    /// Is the price of the first trade of `ticker` on `day` a string?
    pub fn has_text_price(&self, ticker: &str, day: TradingDay) -> bool {
        self.0.iter().any(
            |defect| matches!(defect, Defect::TextPrice(whose, on) if whose.as_str() == ticker && *on == day),
        )
    }

    /// Is a range from the one to the other of these instants, in ms, too much?
    pub fn are_too_heavy(&self, from_ms: i64, to_ms: i64) -> bool {
        let days = to_ms.saturating_sub(from_ms) / 86_400_000;
        self.0
            .iter()
            .any(|defect| matches!(defect, Defect::TooHeavy(most) if days > i64::from(*most)))
    }

    /// Does a range of `ticker` from the one to the other of these instants, in ms and both
    /// inclusive, touch a day that never comes?
    pub fn are_mute(&self, ticker: &str, from_ms: i64, to_ms: i64) -> bool {
        let touches =
            |day: &TradingDay| day.start_utc_ms() <= to_ms && from_ms < day.next().start_utc_ms();
        self.0.iter().any(
            |defect| matches!(defect, Defect::Mute(whose, day) if whose.as_str() == ticker && touches(day)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_are_read_from_text() {
        let day = "2023-05-04".parse().expect("a day");
        let fb = || "FB".parse().expect("a ticker");
        assert_eq!("twin=FB@2023-05-04".parse(), Ok(Defect::Twin(fb(), day)));
        assert_eq!("text-price=FB@2023-05-04".parse(), Ok(Defect::TextPrice(fb(), day)));
        assert_eq!("mute=FB@2023-05-04".parse(), Ok(Defect::Mute(fb(), day)));
        assert_eq!("504=400".parse(), Ok(Defect::TooHeavy(400)));
        for text in ["twin", "twin=FB", "504=x", "other=FB@2023-05-04"] {
            assert!(text.parse::<Defect>().is_err(), "{text}");
        }
    }
}
