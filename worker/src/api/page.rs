//! Bytes to a page of aggregates. Sans-I/O: the whole body in, rows or the reason why not out.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use shared::market::ohlcv::Ohlcv;

/// One page of aggregates as the vendor sent it; not yet checked against what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The ticker that the page says it is of.
    pub ticker: Option<String>,
    /// The scale that the page says it has.
    pub adjusted: Option<bool>,
    /// How many rows the page says it has.
    pub results_count: Option<u64>,
    /// `OK`, `DELAYED` or something worse.
    pub status: Option<String>,
    /// Where the next page is.
    pub next_url: Option<String>,
    /// The rows in the order sent.
    pub rows: Vec<Ohlcv>,
}

/// Reads a body. The error says what is wrong and at which row.
pub fn decode(body: &[u8]) -> Result<Page, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let page = PageSeed.deserialize(&mut reader).map_err(|error| describe(&error, body))?;
    reader.end().map_err(|error| describe(&error, body))?;
    Ok(page)
}

fn describe(error: &serde_json::Error, body: &[u8]) -> String {
    let start: String = String::from_utf8_lossy(body).chars().take(40).collect();
    format!("{error}; {} bytes beginning with {start:?}", body.len())
}

#[derive(Deserialize)]
struct Row {
    t: i64,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: f64,
    n: Option<i64>,
    vw: Option<f64>,
}

impl From<Row> for Ohlcv {
    fn from(row: Row) -> Self {
        let Row { t, o: open, h: high, l: low, c: close, v: volume, n: trades, vw: vwap } = row;
        Self { t, open, high, low, close, volume, trades, vwap }
    }
}

struct PageSeed;

impl<'de> DeserializeSeed<'de> for PageSeed {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Page, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of aggregates")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page {
            ticker: None,
            adjusted: None,
            results_count: None,
            status: None,
            next_url: None,
            rows: Vec::new(),
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "ticker" => page.ticker = map.next_value()?,
                "adjusted" => page.adjusted = map.next_value()?,
                "resultsCount" => page.results_count = map.next_value()?,
                "status" => page.status = map.next_value()?,
                "next_url" => page.next_url = map.next_value()?,
                "results" => map.next_value_seed(RowsSeed(&mut page.rows))?,
                // Fields appear without notice (protocol sheet 2.1).
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(page)
    }
}

struct RowsSeed<'a>(&'a mut Vec<Ohlcv>);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows, or null")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        loop {
            match rows.next_element::<Row>() {
                Ok(Some(row)) => self.0.push(row.into()),
                Ok(None) => return Ok(()),
                Err(error) => {
                    let row = self.0.len() + 1;
                    return Err(serde::de::Error::custom(format_args!("row {row}: {error}")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_its_numbers_exact_whatever_their_spelling() {
        let body = br#"{"ticker":"AAPL","queryCount":2,"resultsCount":2,"adjusted":true,"results":[
            {"v":642646396.0,"vw":1.469,"o":1.5032,"c":1.4604,"h":1.5064,"l":1e-06,"t":1112331600000,"n":82132},
            {"v":41120042.153782,"o":1,"c":1,"h":1,"l":1,"t":1112587200000,"otc":true}],
            "status":"DELAYED","request_id":1,"count":2,"next_url":"https://api.massive.com/x"}"#;
        let page = decode(body).expect("a page");
        assert_eq!((page.rows[0].volume, page.rows[0].low), (642_646_396.0, 0.000_001));
        assert_eq!((page.rows[0].trades, page.rows[0].vwap), (Some(82_132), Some(1.469)));
        assert_eq!(
            (page.rows[1].volume, page.rows[1].trades, page.rows[1].vwap),
            (41_120_042.153_782, None, None)
        );
        assert_eq!(page.status.as_deref(), Some("DELAYED"));
        assert_eq!(page.next_url.as_deref(), Some("https://api.massive.com/x"));
    }

    #[test]
    fn nothing_found_has_three_spellings() {
        for body in [r#"{"status":"OK","resultsCount":0}"#, r#"{"results":null}"#, r#"{"results":[]}"#] {
            assert_eq!(decode(body.as_bytes()).expect(body).rows, [], "{body}");
        }
    }

    #[test]
    fn what_is_no_page_is_said_with_its_row() {
        let error = |body: &str| decode(body.as_bytes()).expect_err(body);
        let string =
            r#"{"results":[{"t":1,"o":1,"h":1,"l":1,"c":1,"v":1},{"t":2,"o":"1","h":1,"l":1,"c":1,"v":1}]}"#;
        assert!(
            error(string).starts_with("row 2: invalid type: string \"1\", expected f64"),
            "{}",
            error(string)
        );
        assert!(error(r#"{"results":[{"t":1.5,"o":1}]}"#).starts_with("row 1: invalid type: floating point"));
        assert!(
            error(r#"{"results":[{"t":1,"o":1,"h":1,"l":1,"c":1}]}"#).starts_with("row 1: missing field `v`")
        );
        assert!(error("<html>").contains("beginning with \"<html>\""));
        assert!(error(r#"{"results":[{"t":1,"#).contains("EOF while parsing"));
        assert!(error(r#"{"status":"OK"}}"#).contains("trailing characters"));
    }
}
