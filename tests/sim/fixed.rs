//! Exact decimals: prices in ten-thousandths of a dollar, shares in millionths, and how they are
//! spelled.
//!
//! A quote served must equal the quote a test expects, digit for digit: nothing here passes through
//! a float on its way to the wire.

use std::fmt::Write as _;

/// US dollars, in units of 0.0001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub i64);

/// A number of shares, in units of 0.000001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shares(pub i64);

/// Whether a whole number is spelled `16` or `16.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// `16`, as the vendor's encoder does today.
    IfNeeded,
    /// `16.0`, as in some recorded volumes and in the replay files.
    Always,
}

const PRICE_DIGITS: u32 = 4;
const SHARES_DIGITS: u32 = 6;

impl Price {
    /// Dollars as the double nearest to the decimal.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e4
    }

    /// Reads plain decimal notation with at most four decimals.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text, PRICE_DIGITS).map(Self)
    }

    /// Appends the decimal spelling.
    pub fn spell(self, out: &mut String, point: Point) {
        spell(out, self.0, PRICE_DIGITS, point);
    }
}

impl Shares {
    /// A whole number of shares.
    pub fn whole(count: i64) -> Self {
        Self(count * 1_000_000)
    }

    /// Shares as the double nearest to the decimal.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The whole shares, rounded down.
    pub fn floor(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads plain decimal notation with at most six decimals.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text, SHARES_DIGITS).map(Self)
    }

    /// Appends the decimal spelling.
    pub fn spell(self, out: &mut String, point: Point) {
        spell(out, self.0, SHARES_DIGITS, point);
    }
}

fn spell(out: &mut String, units: i64, digits: u32, point: Point) {
    let scale = 10_i64.pow(digits);
    let (whole, mut fraction) = (units / scale, units % scale);
    let mut digits = digits as usize;
    write!(out, "{whole}").expect("a String takes everything");
    if fraction == 0 {
        if point == Point::Always {
            out.push_str(".0");
        }
        return;
    }
    while fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    write!(out, ".{fraction:0digits$}").expect("a String takes everything");
}

fn parse(text: &str, digits: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > digits as usize || !plain(whole) || !plain(fraction) {
        return None;
    }
    let padded = format!("{fraction:0<width$}", width = digits as usize);
    whole.parse::<i64>().ok()?.checked_mul(10_i64.pow(digits))?.checked_add(padded.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_spelled_without_idle_zeros_and_read_back() {
        for (units, text) in [
            (12_345, "1.2345"),
            (160_000, "16"),
            (135_000, "13.5"),
            (5, "0.0005"),
            (10_100, "1.01"),
        ] {
            let mut out = String::new();
            Price(units).spell(&mut out, Point::IfNeeded);
            assert_eq!(out, text);
            assert_eq!(Price::parse(text), Some(Price(units)));
        }
        let mut out = String::new();
        Shares::whole(642_646_396).spell(&mut out, Point::Always);
        Shares(25_933_600_000).spell(&mut out, Point::Always);
        assert_eq!(out, "642646396.025933.6");
        for text in ["", ".5", "-1", "1.23456", "1e3", "1_0"] {
            assert_eq!(Price::parse(text), None, "{text:?}");
        }
    }
}
