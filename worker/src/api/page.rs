//! Decodes the bytes of a reply into a page of rows, or an error. The body is read while it arrives
//! and never kept.

use std::io::{self, Read};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::culprit::Culprit;
use super::spelling;
use super::text::{BodyText, Envelope, TextError};
use super::wire::{self, Record};

/// Bytes of rows on one page, at most: 50,000 trades with the longest ids and the most conditions
/// stay below. No limit of rows stands here, for the vendor was seen to send one more than it was
/// asked for.
const MOST_OF_A_PAGE: u64 = 16 << 20;
/// After how many bytes the budget is asked for more.
const STEP: u64 = 256 << 10;
/// Of a body without rows.
const LONGEST_WHOLE: u64 = 2 << 20;

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
    #[error("the body broke off")]
    Read(#[source] io::Error),
    #[error("{0}")]
    Cut(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Impossible(String),
    #[error("there is no room for {0} bytes of rows")]
    NoRoom(u64),
}

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Counted from 1.
    pub number: u64,
    /// Whose it says it is; `None` where that names no ticker.
    pub ticker: Option<String>,
    /// Why it is refused.
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
            Self::NoRoom(bytes) => Self::NoRoom(bytes),
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
pub fn decode<R: Record>(body: impl Read) -> Result<Page<R>, PageError> {
    decode_within(body, |_| true).map(|(page, _)| page)
}

/// The same, as long as `may_hold` lets so many bytes of rows be held; returns also how many the
/// page has.
pub fn decode_within<R: Record>(
    body: impl Read,
    mut may_hold: impl FnMut(u64) -> bool,
) -> Result<(Page<R>, u64), PageError> {
    let mut rows = Vec::new();
    let (mut bytes, mut allowed) = (0, 0);
    let page = decode_each(body, |row: Result<R, BadRow>, text| {
        let row = row?;
        bytes += (size_of::<R>() + row.beside(text)) as u64;
        if bytes > MOST_OF_A_PAGE {
            let (number, most) = (rows.len() + 1, MOST_OF_A_PAGE >> 20);
            return Err(PageError::Impossible(format!(
                "row {number}: more than {most} MiB of rows on a page"
            )));
        }
        if bytes > allowed {
            allowed = bytes + STEP;
            if !may_hold(allowed) {
                return Err(PageError::NoRoom(allowed));
            }
        }
        rows.push(row);
        Ok(())
    })?;
    Ok((Page { rows, ..page }, bytes))
}

/// Reads a body to its end and hands each row to `take` as it comes, or why it is refused, with the
/// length of its text; an error of `take` ends it. The page that is returned holds no rows.
pub fn decode_each<R: Record>(
    body: impl Read,
    mut take: impl FnMut(Result<R, BadRow>, usize) -> Result<(), PageError>,
) -> Result<Page<R>, PageError> {
    let mut text = BodyText::new(body);
    let mut envelope = Envelope::default();
    let mut owner = None;
    while envelope.reaches_rows(&mut text)? {
        let mut number = 0;
        while begins_row(&mut text, number)? {
            number += 1;
            let (row, length) = next_row(&mut text, &mut owner, number)?;
            take(row, length)?;
        }
    }
    let WireEnvelope { ticker, adjusted, results_count, status, next_url, results: _ } =
        decode_whole(envelope.text())?;
    Ok(Page {
        ticker,
        rows_ticker: owner,
        adjusted,
        results_count,
        status,
        next_url,
        rows: Vec::new(),
    })
}

/// A page without its rows. Fields appear without notice (protocol sheet 2.1); those that are known
/// stand once.
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
fn begins_row<B: Read>(text: &mut BodyText<B>, number: u64) -> Result<bool, PageError> {
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

/// Reads the row that begins what is held, and has this number. `owner` is the ticker that rows
/// before it have named.
fn next_row<R: Record, B: Read>(
    text: &mut BodyText<B>,
    owner: &mut Option<String>,
    number: u64,
) -> Result<(Result<R, BadRow>, usize), PageError> {
    loop {
        let held = text.held();
        if let Some((row, length)) = R::scan(held) {
            text.use_up(length);
            return Ok((Ok(row), length));
        }
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
            return Ok((row, length));
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
    body.by_ref().take(LONGEST_WHOLE).read_to_end(&mut text).map_err(PageError::Read)?;
    if text.len() as u64 == LONGEST_WHOLE {
        return Err(PageError::Malformed(format!(
            "more than {} MiB without rows",
            LONGEST_WHOLE >> 20
        )));
    }
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

fn checked<R: Record>(wire: R::Wire, owner: &mut Option<String>) -> Result<R, (Wrong, String)> {
    if let Some(name) = R::owner(&wire) {
        let owner = owner.get_or_insert_with(|| name.to_owned());
        if owner != name {
            return Err((
                Wrong::Meaning,
                format!("it is of ticker {name:?}, rows before it of {owner:?}"),
            ));
        }
    }
    R::from_wire(wire).map_err(|what| (Wrong::Meaning, what))
}

/// Said twice, a thing contradicts itself; all else that is refused can't be read. The place in the
/// text is left out: the text is a piece of the body.
fn of_json(error: &serde_json::Error) -> (Wrong, String) {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = said.strip_suffix(&place).unwrap_or(&said).to_owned();
    let kind = if what.starts_with("duplicate field") { Wrong::Meaning } else { Wrong::Spelling };
    (kind, what)
}

#[cfg(test)]
mod tests;
