//! What is known of one ticker: `/v3/reference/tickers/{t}`. Any field may be missing, even the
//! market cap of the largest company (protocol sheet 2.5).

use std::io::Read;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;
use url::Url;

use super::table::TableColumns;
use crate::api::page::{self, PageError};

/// What is known of a ticker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// Symbol.
    pub ticker: String,
    /// Name of the company or fund.
    pub name: Option<String>,
    /// MIC.
    pub primary_exchange: Option<String>,
    /// `CS`, `ETF`, …; an open set.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Did it trade on the day asked about?
    pub active: Option<bool>,
    /// US dollars.
    pub market_cap: Option<f64>,
    pub share_class_shares_outstanding: Option<f64>,
    /// Shares of all classes, in this one's.
    pub weighted_shares_outstanding: Option<f64>,
    /// `YYYY-MM-DD`.
    pub list_date: Option<String>,
    /// RFC 3339.
    pub delisted_utc: Option<String>,
    /// Standard industrial classification: text, zeros in front count.
    pub sic_code: Option<String>,
    /// The same in words.
    pub sic_description: Option<String>,
    /// Number at the SEC.
    pub cik: Option<String>,
    /// FIGI of the composite.
    pub composite_figi: Option<String>,
    /// Such as `usd`.
    pub currency_name: Option<String>,
    /// People.
    pub total_employees: Option<i64>,
}

/// The URL of what is known of `ticker`, as of `date` or today.
pub fn url(base: &BaseUrl, ticker: &Ticker, date: Option<TradingDay>) -> Url {
    let query = date.map(|date| format!("?date={date}")).unwrap_or_default();
    base.join(&format!("/v3/reference/tickers/{ticker}{query}"))
        .expect("a path of letters, digits and dates stays on its origin")
}

/// Reads the reply for `ticker` to its end.
pub fn decode(body: impl Read, ticker: &Ticker) -> Result<Details, PageError> {
    #[derive(Deserialize)]
    struct DetailsReply {
        status: Option<String>,
        results: Details,
    }
    let reply: DetailsReply = page::decode_whole(body)?;
    match reply.status.as_deref() {
        Some("OK" | "DELAYED") => {}
        other => {
            return Err(PageError::Malformed(format!(
                "its status is {}",
                other.unwrap_or("absent")
            )));
        }
    }
    if reply.results.ticker != ticker.as_str() {
        return Err(PageError::Malformed(format!("it is of ticker {:?}", reply.results.ticker)));
    }
    Ok(reply.results)
}

/// As a table, in the order of `rows`.
pub fn table(rows: &[Details]) -> RecordBatch {
    let text =
        |value: fn(&Details) -> &Option<String>| rows.iter().map(move |row| value(row).as_deref());
    let float = |value: fn(&Details) -> Option<f64>| rows.iter().map(value);
    TableColumns::default()
        .required("ticker", rows.iter().map(|row| row.ticker.as_str()))
        .text("name", text(|row| &row.name))
        .text("primary_exchange", text(|row| &row.primary_exchange))
        .text("type", text(|row| &row.kind))
        .truth("active", rows.iter().map(|row| row.active == Some(true)))
        .float("market_cap", float(|row| row.market_cap))
        .float("share_class_shares_outstanding", float(|row| row.share_class_shares_outstanding))
        .float("weighted_shares_outstanding", float(|row| row.weighted_shares_outstanding))
        .text("list_date", text(|row| &row.list_date))
        .text("delisted_utc", text(|row| &row.delisted_utc))
        .text("sic_code", text(|row| &row.sic_code))
        .text("sic_description", text(|row| &row.sic_description))
        .text("cik", text(|row| &row.cik))
        .text("composite_figi", text(|row| &row.composite_figi))
        .text("currency_name", text(|row| &row.currency_name))
        .int("total_employees", rows.iter().map(|row| row.total_employees))
        .table()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_whatever_it_lacks_and_must_be_of_the_ticker_asked_for() {
        let aig: Ticker = "AIG".parse().expect("a ticker");
        let read = |body: &str| decode(body.as_bytes(), &aig).map_err(|error| error.to_string());
        let bare = read(
            r#"{"status":"OK","results":{"ticker":"AIG","market_cap":4379916432759.9995,"address":{}}}"#,
        );
        assert_eq!(bare.expect("details").market_cap, Some(4_379_916_432_759.999_5));
        assert_eq!(
            read(r#"{"status":"OK","results":{"ticker":"A"}}"#),
            Err("it is of ticker \"A\"".to_owned())
        );
        assert!(
            read(r#"{"results":{"ticker":"AIG"}}"#)
                .is_err_and(|error| error == "its status is absent")
        );
        assert!(
            read(r#"{"results":null}"#).is_err() && read(r#"{"results":{"ticker":"AIG""#).is_err()
        );
    }
}
