//! Bytes to a page of rows. The body is read while it arrives and never kept; rows or the reason why not
//! come out.

use std::io::{self, Read};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::culprit::Culprit;
use super::spelling;
use super::text::{Envelope, Text, TextError};
use super::wire::{self, FromWire};

/// One page as the vendor sent it; not yet checked against what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The ticker that the page says it is of; trades don't say.
    pub ticker: Option<String>,
    /// The one ticker that rows say they are of, where rows of a page are of one; most don't say.
    pub rows_ticker: Option<String>,
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
    /// It is the beginning of JSON and ends before that does.
    #[error("{0}")]
    Cut(String),
    /// It is not the JSON that was asked for.
    #[error("{0}")]
    Malformed(String),
    /// It can be read and can't be true.
    #[error("{0}")]
    Impossible(String),
}

/// A row that is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Counted from 1.
    pub number: u64,
    /// Whose it says it is; `None` where that names no ticker.
    pub ticker: Option<String>,
    /// Why it is of no use.
    pub what: String,
    /// Whether it could be read at all.
    pub kind: Wrong,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// A value is missing, or is no number.
    Spelling,
    /// What it says can't be.
    Meaning,
}

impl PageError {
    /// The same, of the page with this number (from 1).
    #[must_use]
    pub fn on_page(self, number: u32) -> Self {
        let named = |what| format!("page {number}, {what}");
        match self {
            Self::Read(error) => Self::Read(error),
            Self::Cut(what) => Self::Cut(named(what)),
            Self::Malformed(what) => Self::Malformed(named(what)),
            Self::Impossible(what) => Self::Impossible(named(what)),
        }
    }

    fn new(kind: Wrong, what: String) -> Self {
        match kind {
            Wrong::Spelling => Self::Malformed(what),
            Wrong::Meaning => Self::Impossible(what),
        }
    }
}

impl From<TextError> for PageError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Read(error) => Self::Read(error),
            TextError::TooLong => Self::Malformed("a row or an envelope without end".to_owned()),
        }
    }
}

impl From<BadRow> for PageError {
    fn from(row: BadRow) -> Self {
        Self::new(row.kind, format!("row {}: {}", row.number, row.what))
    }
}

/// Reads a body to its end.
pub fn decode<R: FromWire>(body: impl Read) -> Result<Page<R>, PageError> {
    let mut rows = Vec::new();
    let page = decode_each(body, |row| {
        rows.push(row?);
        Ok(())
    })?;
    Ok(Page { rows, ..page })
}

/// Reads a body to its end and hands each row to `take` as it comes, or why it is of no use; an error of `take` ends
/// it. The page that is returned holds no rows.
pub fn decode_each<R: FromWire>(
    body: impl Read,
    mut take: impl FnMut(Result<R, BadRow>) -> Result<(), BadRow>,
) -> Result<Page<R>, PageError> {
    let mut text = Text::new(body);
    let mut envelope = Envelope::default();
    let mut owner = None;
    while envelope.reaches_rows(&mut text)? {
        let mut number = 0;
        while begins_row(&mut text, number)? {
            number += 1;
            take(next_row(&mut text, &mut owner, number)?)?;
        }
    }
    let WireEnvelope { ticker, adjusted, results_count, status, next_url, results: _ } =
        decode_whole(envelope.text())?;
    Ok(Page { ticker, rows_ticker: owner, adjusted, results_count, status, next_url, rows: Vec::new() })
}

/// A page without its rows. Fields appear without notice (protocol sheet 2.1); those that are known stand once.
#[derive(Deserialize)]
struct WireEnvelope {
    ticker: Option<String>,
    adjusted: Option<bool>,
    #[serde(rename = "resultsCount")]
    results_count: Option<u64>,
    status: Option<String>,
    next_url: Option<String>,
    /// An empty list: the rows have been taken out of it.
    #[expect(dead_code, reason = "looked at by serde: a list, null or nothing, and once")]
    results: Option<[(); 0]>,
}

/// Is there another row behind the first `number`? Leaves the end of the list to the envelope.
fn begins_row<B: Read>(text: &mut Text<B>, number: u64) -> Result<bool, PageError> {
    let odd = |byte: u8| {
        let what = format!("row {}: expected an object, found {:?}", number + 1, char::from(byte));
        Err(PageError::Malformed(what))
    };
    let next = text.next_visible()?.ok_or_else(cut)?;
    match (next, number) {
        (b']', _) => return Ok(false),
        (b',', 1..) => text.use_up(1),
        (_, 0) => {}
        (byte, _) => return odd(byte),
    }
    match text.next_visible()?.ok_or_else(cut)? {
        b'{' => Ok(true),
        byte => odd(byte),
    }
}

fn cut() -> PageError {
    PageError::Cut("EOF while parsing a list of rows".to_owned())
}

/// Reads the row that begins what is held, and has this number. `owner` is the ticker that rows before it have named.
fn next_row<R: FromWire, B: Read>(
    text: &mut Text<B>,
    owner: &mut Option<String>,
    number: u64,
) -> Result<Result<R, BadRow>, PageError> {
    loop {
        let held = text.held();
        let mut reader = serde_json::Deserializer::from_slice(held).into_iter::<R::Wire>();
        let (wire, length) = match reader.next() {
            Some(Ok(wire)) => (Ok(wire), reader.byte_offset()),
            Some(Err(error)) if !error.is_eof() => match spelling::object_length(held) {
                // It may be spelled as only this vendor does.
                Some(length) => (read(&held[..length]).map_err(|error| of_json(&error)), length),
                None => (Err(of_json(&error)), 0),
            },
            Some(Err(_)) | None => (Err((Wrong::Spelling, String::new())), 0),
        };
        if length > 0 {
            let row = wire.and_then(|wire| checked(wire, owner));
            let row = row.map_err(|(kind, what)| {
                let text = &held[..length];
                let what = format!("{what}{}", Culprit::of::<R::Wire>(text));
                BadRow { number, ticker: owner_of(text), what, kind }
            });
            text.use_up(length);
            return Ok(row);
        }
        // Its end has not arrived.
        if !text.read_more()? {
            return Err(cut());
        }
    }
}

/// What a row says of its ticker, whatever else is wrong with it.
fn owner_of(row: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "T")]
        ticker: Option<String>,
    }
    read::<Named>(row).ok()?.ticker.filter(|name| wire::is_symbol(name))
}

/// Reads a body without rows to its end.
pub fn decode_whole<T: DeserializeOwned>(mut body: impl Read) -> Result<T, PageError> {
    let mut text = Vec::new();
    body.read_to_end(&mut text).map_err(PageError::Read)?;
    read(&text).map_err(|error| {
        let (kind, what) = of_json(&error);
        let what = format!("{what}{}", Culprit::of::<T>(&text));
        if error.is_eof() { PageError::Cut(what) } else { PageError::new(kind, what) }
    })
}

/// Reads `text` as it stands, else as it is meant.
fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(text).or_else(|error| match spelling::plain(text) {
        std::borrow::Cow::Owned(plain) => serde_json::from_slice(&plain),
        std::borrow::Cow::Borrowed(_) => Err(error),
    })
}

fn checked<R: FromWire>(wire: R::Wire, owner: &mut Option<String>) -> Result<R, (Wrong, String)> {
    if let Some(name) = R::owner(&wire) {
        let owner = owner.get_or_insert_with(|| name.to_owned());
        if owner != name {
            return Err((Wrong::Meaning, format!("it is of ticker {name:?}, rows before it of {owner:?}")));
        }
    }
    R::from_wire(wire).map_err(|what| (Wrong::Meaning, what))
}

/// Said twice, a thing contradicts itself; all else that is refused can't be read. The place in the text is left out: the
/// text is a piece of the body.
fn of_json(error: &serde_json::Error) -> (Wrong, String) {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = said.strip_suffix(&place).unwrap_or(&said).to_owned();
    let kind = if what.starts_with("duplicate field") { Wrong::Meaning } else { Wrong::Spelling };
    (kind, what)
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
        assert!(error("<html>").contains("expected value"));
        assert!(error(r#"{"results":[{"t":1,"#).contains("EOF while parsing"));
        assert!(error(r#"{"status":"OK"}}"#).contains("trailing characters"));
        let is_cut = |body: &str| matches!(decode::<Ohlcv>(body.as_bytes()), Err(PageError::Cut(_)));
        assert!([r#"{"results":[{"t":1,"#, r#"{"results":[]"#, ""].into_iter().all(is_cut));
        assert!(!["<html>", string, r#"{"status":"OK"}}"#].into_iter().any(is_cut));
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

    #[test]
    fn spellings_that_the_vendor_has_sent_are_read_as_they_are_meant() {
        let body = r#"{"ticker":"TEST","resultsCount":2.0,"adjusted":false,"x":NaN,"results":[
            {"v":0,"a":NaN,"vw":NaN,"o":10,"c":10,"h":10,"l":10,"t":1.709821860000e12,"n":null},
            {"v":Infinity,"x":"NaN","o":10,"c":10,"h":10,"l":1e1,"t":1709821860000,"n":1.5e+04}]}"#;
        let error = bars(body).expect_err("a volume that is no number");
        assert!(error.starts_with("row 2: invalid type: null, expected f64"), "{error}");
        let page = bars(&body.replace(r#""v":Infinity"#, r#""v":1.0"#)).expect("a page");
        assert_eq!((page.rows[0].t, page.rows[0].vwap, page.rows[0].trades), (1_709_821_860_000, None, None));
        assert_eq!(
            (page.rows[1].low, page.rows[1].trades, page.results_count),
            (10.0, Some(15_000), Some(2))
        );
        for n in ["1.5", "\"5\"", "1e30"] {
            let error = bars(&format!(r#"{{"results":[{{"v":1,"o":1,"c":1,"h":1,"l":1,"t":1,"n":{n}}}]}}"#));
            assert!(error.as_ref().is_err_and(|error| error.starts_with("row 1: ")), "{error:?}");
        }
    }

    #[test]
    fn a_row_that_is_of_no_use_is_said_with_its_field_and_stamp() {
        let error = |row: &str| bars(&format!(r#"{{"results":[{row}]}}"#)).expect_err(row);
        let row = r#"{"t":7,"o":1,"h":1,"l":1,"c":1,"v":1}"#;
        for (from, to, words) in [
            (r#""l":1"#, r#""l":NaN"#, "row 1: invalid type: null, expected f64 (field `l`, stamped 7)"),
            (r#""l":1,"#, "", "row 1: missing field `l` (stamped 7)"),
            (r#""v":1"#, r#""v":-1"#, "row 1: v is -1 (stamped 7)"),
            (r#""v":1"#, r#""v":1,"v":2"#, "row 1: duplicate field `v` (stamped 7)"),
            (r#""t":7"#, r#""t":null"#, "row 1: invalid type: null, expected i64 (field `t`)"),
        ] {
            assert_eq!(error(&row.replace(from, to)), words);
        }
        let envelope = bars(r#"{"resultsCount":"1","results":[]}"#).expect_err("no number");
        assert_eq!(envelope, "invalid type: string \"1\", expected u64 (field `resultsCount`)");
    }

    const TRADE: &str = r#"{"exchange":11,"participant_timestamp":2,"price":1,"sequence_number":2,"sip_timestamp":3,"size":10,"tape":1}"#;

    #[test]
    fn a_stamp_beyond_what_a_float_holds_is_exact_however_it_is_spelled() {
        for stamp in ["1789047000000108301", "1789047000000108301.0", "1.789047000000108301E+18"] {
            let row = TRADE.replace(r#""sip_timestamp":3"#, &format!(r#""sip_timestamp":{stamp}"#));
            let page = decode::<Trade>(format!(r#"{{"results":[{row}]}}"#).as_bytes()).expect(stamp);
            assert_eq!(page.rows[0].sip_ns, 1_789_047_000_000_108_301, "{stamp}");
        }
    }

    /// Decodes a page of which one row says something else.
    fn says<R: FromWire>(row: &str, from: &str, to: &str) -> PageError {
        let other = row.replacen(from, to, 1);
        assert_ne!(other, row);
        decode::<R>(format!(r#"{{"results":[{row},{other}]}}"#).as_bytes()).map(drop).expect_err(to)
    }

    #[test]
    fn what_can_not_be_is_refused_with_its_row() {
        let bar = r#"{"T":"AIG","v":1,"vw":1,"o":1,"c":1,"h":1,"l":1,"t":1,"n":1}"#;
        let endless = format!(r#""decimal_size":"{}","size""#, "9".repeat(400));
        let long_id = format!(r#""id":"{}","size""#, "7".repeat(2_000));
        let crowded = format!(r#""conditions":[{}],"size""#, vec!["1"; 1_025].join(","));
        let errors = [
            (says::<Ohlcv>(bar, r#""v":1"#, r#""v":-1"#), "v is -1"),
            (says::<Ohlcv>(bar, r#""vw":1"#, r#""vw":-0.5"#), "vw is -0.5"),
            (says::<Ohlcv>(bar, r#""l":1"#, r#""l":-1e-9"#), "l is -0.000000001"),
            (says::<Ohlcv>(bar, r#""n":1"#, r#""n":-2"#), "n is -2"),
            (says::<Ohlcv>(bar, "AIG", "BAC"), r#"it is of ticker "BAC", rows before it of "AIG""#),
            (says::<Ohlcv>(bar, r#""o":1"#, r#""o":1,"o":2"#), "duplicate field `o`"),
            (says::<Ohlcv>(bar, r#""n":1"#, r#""n":null,"n":2"#), "duplicate field `n`"),
            (says::<Trade>(TRADE, r#""price":1"#, r#""price":-1"#), "price is -1"),
            (says::<Trade>(TRADE, r#""size":10"#, r#""size":-10"#), "size is -10"),
            (says::<Trade>(TRADE, r#""size":10"#, r#""size":10,"trf_timestamp":-1"#), "trf_timestamp is -1"),
            (
                says::<Trade>(TRADE, r#""sequence_number":2"#, r#""sequence_number":-2"#),
                "sequence_number is -2",
            ),
            (
                says::<Trade>(TRADE, r#""size""#, r#""decimal_size":"12.5","size""#),
                "size is 10 and decimal_size 12.5",
            ),
            (says::<Trade>(TRADE, r#""size""#, &endless), "decimal_size \"999"),
            (says::<Trade>(TRADE, r#""size""#, &long_id), "id has 2000 bytes, more than 1024"),
            (says::<Trade>(TRADE, r#""size""#, &crowded), "conditions has 1025 numbers, more than 1024"),
            (says::<Trade>(TRADE, r#""size""#, r#""size":10,"size""#), "duplicate field `size`"),
        ];
        for (error, words) in errors {
            assert!(matches!(error, PageError::Impossible(_)), "{error}");
            assert!(error.to_string().starts_with(&format!("row 2: {words}")), "{error}");
        }
        let not_read = says::<Trade>(TRADE, r#""tape":1"#, r#""tape":1,"conditions":[3000000000]"#);
        assert!(matches!(not_read, PageError::Malformed(_)) && not_read.to_string().starts_with("row 2: "));
    }

    #[test]
    fn an_envelope_that_says_a_thing_twice_is_refused() {
        for twice in [
            r#"{"status":"OK","status":"OK","results":[]}"#,
            r#"{"next_url":null,"results":[],"next_url":"x"}"#,
            r#"{"results":[],"results":[]}"#,
            r#"{"results":[],"results":null}"#,
        ] {
            let error = decode::<Ohlcv>(twice.as_bytes()).expect_err(twice);
            assert!(
                matches!(&error, PageError::Impossible(what) if what.starts_with("duplicate field")),
                "{error}"
            );
        }
        for odd in [
            r#"{"results":{}}"#,
            r#"{"results":[{},]}"#,
            r#"{"results":[1]}"#,
            r#"{"results":[null]}"#,
            r#"{"results":[}"#,
            r#"{"res\u0075lts":[{"t":1}]}"#,
        ] {
            assert!(matches!(decode::<Ohlcv>(odd.as_bytes()), Err(PageError::Malformed(_))), "{odd}");
        }
    }

    #[test]
    fn a_body_is_the_same_page_in_whatever_pieces_it_arrives() {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = self.1.min(buffer.len()).min(self.0.len());
                buffer[..length].copy_from_slice(&self.0[..length]);
                self.0 = &self.0[length..];
                Ok(length)
            }
        }
        // More than the buffer holds, and a row that is longer than it.
        let long = TRADE.replace(
            r#""size""#,
            &format!(r#""x":"{}}}","id":"{}}}","size""#, "7".repeat(100_000), "7".repeat(1_023)),
        );
        let rows = [vec![TRADE; 400], vec![&long], vec![TRADE; 400]].concat().join(" ,\n");
        let body = format!(r#"{{"results": [ {rows} ] ,"status":"OK"}}"#);
        let whole = decode::<Trade>(body.as_bytes()).expect("a page");
        assert_eq!((whole.rows.len(), whole.rows[400].id.len()), (801, 1_024));
        for piece in [1, 113, 40_000] {
            assert_eq!(decode::<Trade>(Pieces(body.as_bytes(), piece)).expect("a page"), whole);
        }
        let cut = decode::<Trade>(&body.as_bytes()[..body.len() / 2]).map(drop).expect_err("cut");
        assert!(cut.to_string().contains("EOF while parsing"), "{cut}");
    }
}
