//! Bytes to a page of rows. The body is read while it arrives and never kept; rows or the reason why not
//! come out.

use std::fmt;
use std::io::{self, Read};
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::wire::FromWire;

/// One page as the vendor sent it; not yet checked against what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The ticker that the page says it is of; trades don't say.
    pub ticker: Option<String>,
    /// The scale that the page says it has; trades have none.
    pub adjusted: Option<bool>,
    /// How many rows the page says it has.
    pub results_count: Option<u64>,
    /// `OK`, `DELAYED` or something worse.
    pub status: Option<String>,
    /// Where the next page is.
    pub next_url: Option<String>,
    /// The rows in the order sent.
    pub rows: Vec<R>,
}

/// Why a body is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It stopped arriving.
    #[error("the body broke off")]
    Read(#[source] io::Error),
    /// It arrived whole, and its JSON ends too early.
    #[error("{0}")]
    Cut(String),
    /// It is not the JSON that was asked for.
    #[error("{0}")]
    Malformed(String),
}

impl PageError {
    /// The same, of the page with this number (from 1).
    #[must_use]
    pub fn on_page(self, number: u32) -> Self {
        match self {
            Self::Read(error) => Self::Read(error),
            Self::Cut(what) => Self::Cut(format!("page {number}, {what}")),
            Self::Malformed(what) => Self::Malformed(format!("page {number}, {what}")),
        }
    }
}

/// Reads a body to its end.
pub fn decode<R: FromWire>(body: impl Read) -> Result<Page<R>, PageError> {
    let mut rows = Vec::new();
    let page = decode_each(body, |row| rows.push(row))?;
    Ok(Page { rows, ..page })
}

/// Reads a body to its end and hands each row to `take` as it comes; the page that is returned holds none.
pub fn decode_each<R: FromWire>(body: impl Read, take: impl FnMut(R)) -> Result<Page<R>, PageError> {
    let mut body = Watched { body, broke: None, has_ended: false };
    let mut reader = serde_json::Deserializer::from_reader(&mut body);
    let seed = PageSeed { take, rows: PhantomData };
    let page = seed.deserialize(&mut reader).and_then(|page| reader.end().map(|()| page));
    match (page, body.broke) {
        // What the reader makes of a body that broke off is of no interest.
        (_, Some(error)) => Err(PageError::Read(error)),
        (Ok(page), None) => Ok(page),
        // Only a reader that still wants more comes to the end of a page that is wrong.
        (Err(error), None) if body.has_ended => Err(PageError::Cut(error.to_string())),
        (Err(error), None) => Err(PageError::Malformed(error.to_string())),
    }
}

/// Remembers how a body broke off: serde forgets it where rows name themselves in errors.
struct Watched<B> {
    body: B,
    broke: Option<io::Error>,
    has_ended: bool,
}

impl<B: Read> Read for Watched<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.broke = Some(error);
            }
            io::Error::from(kind)
        })?;
        self.has_ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

struct PageSeed<R, F> {
    take: F,
    rows: PhantomData<R>,
}

impl<'de, R: FromWire, F: FnMut(R)> DeserializeSeed<'de> for PageSeed<R, F> {
    type Value = Page<R>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Page<R>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de, R: FromWire, F: FnMut(R)> Visitor<'de> for PageSeed<R, F> {
    type Value = Page<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of rows")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Page<R>, A::Error> {
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
                "results" => map.next_value_seed(RowsSeed { take: &mut self.take, rows: PhantomData })?,
                // Fields appear without notice (protocol sheet 2.1).
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(page)
    }
}

struct RowsSeed<'a, R, F> {
    take: &'a mut F,
    rows: PhantomData<R>,
}

impl<'de, R: FromWire, F: FnMut(R)> DeserializeSeed<'de> for RowsSeed<'_, R, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_option(self)
    }
}

impl<'de, R: FromWire, F: FnMut(R)> Visitor<'de> for RowsSeed<'_, R, F> {
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
        for number in 1_u64.. {
            let wrong =
                |what: &dyn fmt::Display| serde::de::Error::custom(format_args!("row {number}: {what}"));
            let Some(wire) = rows.next_element::<R::Wire>().map_err(|error| wrong(&error))? else { break };
            (self.take)(R::from_wire(wire).map_err(|what| wrong(&what))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::trade::Trade;

    fn bars(body: &str) -> Result<Page<Ohlcv>, String> {
        decode(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_read_with_its_numbers_exact_whatever_their_spelling() {
        let body = r#"{"ticker":"AAPL","queryCount":2,"resultsCount":2,"adjusted":true,"results":[
            {"v":642646396.0,"vw":1.469,"o":1.5032,"c":1.4604,"h":1.5064,"l":1e-06,"t":1112331600000,"n":82132},
            {"v":41120042.153782,"o":1,"c":1,"h":1,"l":1,"t":1112587200000,"otc":true}],
            "status":"DELAYED","request_id":1,"count":2,"next_url":"https://api.massive.com/x"}"#;
        let page = bars(body).expect("a page");
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
            assert_eq!(bars(body).expect(body).rows, [], "{body}");
        }
    }

    #[test]
    fn what_is_no_page_is_said_with_its_row() {
        let error = |body: &str| bars(body).expect_err(body);
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
        let is_cut = |body: &str| matches!(decode::<Ohlcv>(body.as_bytes()), Err(PageError::Cut(_)));
        assert!([r#"{"results":[{"t":1,"#, r#"{"results":[]"#, ""].into_iter().all(is_cut));
        assert!(!["<html>", string, r#"{"status":"OK"}}"#].into_iter().any(is_cut));
        assert!(error("<html>").contains("expected value"));
        assert!(error(r#"{"results":[{"t":1,"#).contains("EOF while parsing"));
        assert!(error(r#"{"status":"OK"}}"#).contains("trailing characters"));
    }

    #[test]
    fn a_trade_keeps_its_nanoseconds_and_its_exact_size() {
        let body = r#"{"status":"OK","results":[{"conditions":[12,37],"exchange":4,"id":"1","participant_timestamp":1789047000000000000,
            "price":747.6944,"sequence_number":1,"sip_timestamp":1789047000000108301,"size":0,"decimal_size":"0.013374","tape":3,
            "trf_id":202,"trf_timestamp":1789047000000090001},
            {"exchange":11,"participant_timestamp":2,"price":1,"sequence_number":2,"sip_timestamp":3,"size":10,"tape":1}]}"#;
        let page = decode::<Trade>(body.as_bytes()).expect("a page");
        let [first, second] = page.rows.as_slice() else { panic!("two rows") };
        assert_eq!(
            (first.sip_ns, first.trf_ns),
            (1_789_047_000_000_108_301, Some(1_789_047_000_000_090_001))
        );
        assert_eq!((first.size, first.conditions.as_deref()), (0.013_374, Some([12, 37].as_slice())));
        assert_eq!(
            (second.size, &*second.id, second.conditions.as_deref(), second.correction),
            (10.0, "", None, None)
        );
        for size in ["ten", "", "inf", "-1"] {
            let body = body.replace("0.013374", size);
            let error = decode::<Trade>(body.as_bytes()).expect_err(size).to_string();
            assert!(error.starts_with(&format!("row 1: decimal_size {size:?} is not a number")), "{error}");
        }
    }
}
