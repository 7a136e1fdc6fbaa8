//! Records as the vendor spells them, turned into our own. What is optional on the wire is decided
//! here alone.

use std::fmt::Display;
use std::hash::Hash;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::market::ohlcv::Ohlcv;
use shared::market::short::{ShortList, ShortText};
use shared::market::trade::Trade;

use super::scan::{self, CONDITIONS_MAX, ID_MAX};

/// A row of a page: how the vendor spells it, what pages of it are ordered by, and what tells it
/// from others.
pub trait Record: Clone + PartialEq + Hash {
    /// Its JSON object.
    type Wire: DeserializeOwned;
    /// What its pages are ordered by: of bars and trades the stamp, in the record's own unit.
    type Key: ?Sized + PartialEq;

    /// Reads it; the error says which value can't be.
    fn from_wire(wire: Self::Wire) -> Result<Self, String>;

    /// Reads the object that `text` begins with, and its length, where it is spelled as usual: as
    /// serde would, and faster.
    fn scan(_text: &[u8]) -> Option<(Self, usize)> {
        None
    }

    /// Where it stands in the order of its pages.
    fn key(&self) -> &Self::Key;

    /// About how many bytes it takes beside itself, `text` being the length of its object.
    fn beside(&self, text: usize) -> usize {
        text
    }

    /// The ticker that it says it is of, where all rows of a page are of one.
    fn owner(_: &Self::Wire) -> Option<&str> {
        None
    }
}

/// A bar of `/v2/aggs`.
#[derive(Deserialize)]
pub struct WireBar {
    /// Where the bars of many tickers come together.
    #[serde(rename = "T")]
    ticker: Option<Box<str>>,
    t: i64,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: f64,
    n: Option<i64>,
    vw: Option<f64>,
}

impl Record for Ohlcv {
    type Wire = WireBar;
    type Key = i64;

    fn from_wire(wire: WireBar) -> Result<Self, String> {
        let WireBar {
            ticker: _,
            t,
            o: open,
            h: high,
            l: low,
            c: close,
            v: volume,
            n: trades,
            vw: vwap,
        } = wire;
        let prices = [("o", open), ("h", high), ("l", low), ("c", close), ("v", volume)];
        prices.into_iter().chain(vwap.map(|vwap| ("vw", vwap))).try_for_each(not_negative)?;
        trades.map_or(Ok(()), |trades| not_negative(("n", trades)))?;
        Ok(Self { t, open, high, low, close, volume, trades, vwap })
    }

    fn scan(text: &[u8]) -> Option<(Self, usize)> {
        scan::bar(text)
    }

    fn key(&self) -> &i64 {
        &self.t
    }

    fn beside(&self, _: usize) -> usize {
        0
    }

    fn owner(wire: &WireBar) -> Option<&str> {
        wire.ticker.as_deref()
    }
}

/// What is counted or paid is never less than nothing.
fn not_negative<N: Default + PartialOrd + Display>((name, value): (&str, N)) -> Result<(), String> {
    if value < N::default() { Err(format!("{name} is {value}")) } else { Ok(()) }
}

/// A bar that names its ticker, as the vendor spells it: any market's symbol may stand there.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct NamedBar {
    pub ticker: Box<str>,
    pub bar: Ohlcv,
}

impl Record for NamedBar {
    type Wire = WireBar;
    type Key = str;

    fn from_wire(mut wire: WireBar) -> Result<Self, String> {
        let ticker = wire.ticker.take().ok_or("missing field `T`")?;
        if !is_symbol(&ticker) {
            let begins: String = ticker.chars().take(LONGEST_SYMBOL).collect();
            return Err(format!("T is {begins:?}, which is not a ticker"));
        }
        Ok(Self { ticker, bar: Ohlcv::from_wire(wire)? })
    }

    fn key(&self) -> &str {
        &self.ticker
    }
}

/// Options have the longest: `O:SPXW251219C06500000`.
const LONGEST_SYMBOL: usize = 32;

/// Can `name` be a symbol of any market, such as `BRK.A` or `I:SPX`?
pub fn is_symbol(name: &str) -> bool {
    (1..=LONGEST_SYMBOL).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A trade of `/v3/trades`.
#[derive(Deserialize)]
pub struct WireTrade {
    /// Not sent so far; heeded if it is.
    #[serde(rename = "T")]
    ticker: Option<Box<str>>,
    sip_timestamp: i64,
    participant_timestamp: i64,
    trf_timestamp: Option<i64>,
    price: f64,
    size: f64,
    decimal_size: Option<String>,
    sequence_number: i64,
    exchange: i32,
    id: Option<ShortText>,
    conditions: Option<ShortList>,
    correction: Option<i32>,
    tape: i32,
}

impl Record for Trade {
    type Wire = WireTrade;
    type Key = i64;

    fn from_wire(wire: WireTrade) -> Result<Self, String> {
        let size = match wire.decimal_size {
            // `size` is the integer part only where this is sent.
            Some(text) => {
                decimal(&text).ok_or_else(|| format!("decimal_size {text:?} is not a number"))?
            }
            None => wire.size,
        };
        [("price", wire.price), ("size", wire.size)].into_iter().try_for_each(not_negative)?;
        let lengths = [
            ("id", "bytes", wire.id.as_deref().map_or(0, str::len), ID_MAX),
            (
                "conditions",
                "numbers",
                wire.conditions.as_ref().map_or(0, ShortList::len),
                CONDITIONS_MAX,
            ),
        ];
        for (field, of, length, most) in lengths {
            if length > most {
                return Err(format!("{field} has {length} {of}, more than {most}"));
            }
        }
        // Cut off or rounded up, the integer is less than one away.
        if (size - wire.size).abs() >= 1.0 {
            return Err(format!("size is {} and decimal_size {size}", wire.size));
        }
        let stamps = [
            ("sip_timestamp", wire.sip_timestamp),
            ("participant_timestamp", wire.participant_timestamp),
            ("trf_timestamp", wire.trf_timestamp.unwrap_or_default()),
            ("sequence_number", wire.sequence_number),
        ];
        stamps.into_iter().try_for_each(not_negative)?;
        Ok(Self {
            sip_ns: wire.sip_timestamp,
            price: wire.price,
            size,
            sequence_number: wire.sequence_number,
            exchange: wire.exchange,
            id: wire.id.unwrap_or_default(),
            conditions: wire.conditions,
            correction: wire.correction,
            tape: wire.tape,
            participant_ns: wire.participant_timestamp,
            trf_ns: wire.trf_timestamp,
        })
    }

    fn scan(text: &[u8]) -> Option<(Self, usize)> {
        scan::trade(text)
    }

    fn key(&self) -> &i64 {
        &self.sip_ns
    }

    fn beside(&self, _: usize) -> usize {
        self.beside()
    }

    fn owner(wire: &WireTrade) -> Option<&str> {
        wire.ticker.as_deref()
    }
}

/// Digits and one point, as the vendor spells sizes: no `inf`, no `nan`, no exponent, and not so
/// many digits that no number holds them.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|size: &f64| plain && size.is_finite())
}
