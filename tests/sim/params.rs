//! Query strings and the cursors that hide them: what was asked, as names and values.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use shared::market::trading_day::TradingDay;
use url::form_urlencoded;

use super::refusal::Refusal;

/// Names and values of a query string, in order. The last value of a name counts: the vendor drops
/// the others.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string; one that carries a `cursor` is replaced by what the cursor says.
    pub fn read(query: &str) -> Result<(Self, Origin), Refusal> {
        let plain = Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        let Some(cursor) = plain.get("cursor") else { return Ok((plain, Origin::Asked)) };
        let decoded =
            URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let hidden = decoded.ok_or_else(|| Refusal::bad("Unable to parse the cursor"))?;
        Ok((
            Self(form_urlencoded::parse(hidden.as_bytes()).into_owned().collect()),
            Origin::Followed,
        ))
    }

    /// The value of a name; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// `limit`, between 1 and `most`: more is refused, as the v3 endpoints do.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| Refusal::bad(&format!("'limit' must be between 1 and {most}")))
    }

    /// Whether a switch is turned off; the switches of the API are on unless it says otherwise.
    pub fn is_false(&self, name: &str) -> bool {
        self.get(name) == Some("false")
    }

    /// Whether `value` satisfies `name`, `name.gte`, `name.gt`, `name.lte`, `name.lt` and
    /// `name.any_of`.
    pub fn admits(&self, name: &str, value: &str) -> bool {
        let holds = |suffix: &str, test: fn(&str, &str) -> bool| {
            self.get(&format!("{name}{suffix}")).is_none_or(|bound| test(value, bound))
        };
        holds("", |v, bound| v == bound)
            && holds(".gte", |v, bound| v >= bound)
            && holds(".gt", |v, bound| v > bound)
            && holds(".lte", |v, bound| v <= bound)
            && holds(".lt", |v, bound| v < bound)
            && holds(".any_of", |v, bound| bound.split(',').any(|one| one == v))
    }

    /// The filters among the parameters, to be carried in a cursor.
    pub fn filters(&self, names: &[&str]) -> Vec<(String, String)> {
        let is_filter = |name: &str| names.contains(&name.split('.').next().unwrap_or(name));
        self.0.iter().filter(|(name, _)| is_filter(name)).cloned().collect()
    }
}

/// Whether a query was written by the client or taken from a `next_url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The first page of a chain.
    Asked,
    /// A later page.
    Followed,
}

/// Hides names and values in a cursor.
pub fn cursor<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    URL_SAFE_NO_PAD
        .encode(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// An instant named in a request: a New York day or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `YYYY-MM-DD`.
    Day(TradingDay),
    /// Milliseconds or nanoseconds since the epoch, as the endpoint has it.
    Number(i64),
}

impl Moment {
    /// A day or milliseconds.
    pub fn read(text: &str) -> Option<Self> {
        if let Ok(day) = text.parse() {
            return Some(Self::Day(day));
        }
        text.parse().ok().map(Self::Number)
    }

    /// A day, nanoseconds, or (in cursors) RFC 3339 as nanoseconds.
    pub fn read_ns(text: &str) -> Option<Self> {
        Self::read(text).or_else(|| {
            let at: Timestamp = text.parse().ok()?;
            i64::try_from(at.as_nanosecond()).ok().map(Self::Number)
        })
    }
}

/// RFC 3339 with nanoseconds, as cursors spell it.
pub fn rfc3339(ns: i64) -> String {
    let at = Timestamp::from_nanosecond(i128::from(ns))
        .expect("64 bits of nanoseconds are inside jiff's range");
    at.to_string()
}

/// Decodes `%XX`; anything else is taken literally.
pub fn percent_decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Thirty-two hexadecimal digits out of a key.
pub fn hex32(key: u64) -> String {
    let mut out = String::with_capacity(32);
    write!(out, "{:016x}{:016x}", super::chance::mix(key), super::chance::mix(!key))
        .expect("a String takes all");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_look_like_the_recorded_ones_and_are_read_back() {
        assert_eq!(cursor([("limit", "3"), ("sort", "desc")]), "bGltaXQ9MyZzb3J0PWRlc2M");
        let (params, origin) =
            Params::read("cursor=bGltaXQ9MyZzb3J0PWRlc2M&limit=9").expect("a cursor");
        assert_eq!((params.get("limit"), origin), (Some("3"), Origin::Followed));
        assert!(Params::read("cursor=%20").is_err());
    }

    #[test]
    fn filters_compare_as_text() {
        let (params, _) = Params::read("ticker.gte=B&ticker.lt=C&x=").expect("a query");
        assert!(
            params.admits("ticker", "BRK.B")
                && !params.admits("ticker", "C")
                && params.admits("x", "any")
        );
    }
}
