//! What there is to ask about the details of the tickers of a snapshot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::answers::Answer;
use super::ask::ReferenceSource;
use super::details::{self, Details};
use super::survey::Question;
use super::tickers::Listed;
use crate::api::failure::Failure;

/// What the source said of one ticker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetailsAnswer {
    /// Who was asked about.
    pub ticker: Ticker,
    /// As of which day; `None` is the day of the snapshot.
    pub date: Option<TradingDay>,
    /// `None`: nothing is known of it (404).
    pub details: Option<Details>,
}

impl Answer for DetailsAnswer {
    type Key = (Ticker, Option<TradingDay>);

    fn key(&self) -> Self::Key {
        (self.ticker.clone(), self.date)
    }

    fn is_known(&self) -> bool {
        self.details.is_some()
    }
}

/// One ticker to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsQuery {
    /// Who.
    pub ticker: Ticker,
    /// As of which day; `None` is today.
    pub date: Option<TradingDay>,
    /// Does it trade, says the snapshot?
    pub active: bool,
    /// When it was delisted, says the snapshot.
    pub delisted_utc: Option<String>,
}

/// What there is to ask about the rows of a snapshot: each ticker once, in order, and the names
/// that are none.
///
/// A delisted ticker is asked about as of the day before its delisting: of today, nothing is known
/// of it (protocol sheet 1.5).
pub fn queries(listed: Vec<Listed>, date: Option<TradingDay>) -> (Vec<DetailsQuery>, Vec<String>) {
    let mut queries: Vec<DetailsQuery> = Vec::new();
    let mut unusable = Vec::new();
    for Listed { ticker: name, active, delisted_utc, .. } in listed {
        let Ok(ticker) = name.parse::<Ticker>() else {
            unusable.push(name);
            continue;
        };
        let date = if active { date } else { day_before(delisted_utc.as_deref()).or(date) };
        queries.push(DetailsQuery { ticker, date, active, delisted_utc });
    }
    // Of several rows of a ticker the one that trades counts, else the one that traded last.
    queries.sort_by(|a, b| {
        let order = (b.active, &b.delisted_utc).cmp(&(a.active, &a.delisted_utc));
        a.ticker.cmp(&b.ticker).then(order)
    });
    queries.dedup_by(|later, kept| later.ticker == kept.ticker);
    (queries, unusable)
}

fn day_before(instant: Option<&str>) -> Option<TradingDay> {
    // The vendor writes a bare date as midnight UTC: the day is in the text, not in a time zone.
    let text = instant?;
    text.parse::<Timestamp>().ok()?;
    Some(text.get(..10)?.parse::<TradingDay>().ok()?.previous())
}

impl Question for DetailsQuery {
    type Answer = DetailsAnswer;

    fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    fn key(&self) -> (Ticker, Option<TradingDay>) {
        (self.ticker.clone(), self.date)
    }

    fn ask(&self, source: &ReferenceSource<'_>) -> Result<DetailsAnswer, Failure> {
        let url = details::url(&source.base, &self.ticker, self.date);
        let details =
            source.known(&self.ticker, &url, |body| details::decode(body, &self.ticker))?;
        Ok(DetailsAnswer { ticker: self.ticker.clone(), date: self.date, details })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ticker_is_asked_about_once_as_of_a_day_on_which_it_traded() {
        let listed = |ticker: &str, gone: Option<&str>| Listed {
            ticker: ticker.to_owned(),
            active: gone.is_none(),
            delisted_utc: gone.map(str::to_owned),
            ..Listed::default()
        };
        let rows = vec![
            listed("A", None),
            listed("A", Some("2010-05-04T00:00:00Z")),
            listed("GONE", Some("2010-05-04T00:00:00Z")),
            listed("GONE", Some("2019-01-02T00:00:00Z")),
            listed("O:X", None),
        ];
        let (queries, unusable) = queries(rows, None);
        let asked: Vec<_> = queries
            .iter()
            .map(|query| (query.ticker.as_str(), query.date.map(|date| date.to_string())))
            .collect();
        assert_eq!(asked, [("A", None), ("GONE", Some("2019-01-01".to_owned()))]);
        assert_eq!(unusable, ["O:X"]);
    }
}
