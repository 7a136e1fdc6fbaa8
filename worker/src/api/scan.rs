//! Rows in the vendor's usual spelling, straight from the bytes of a page: the fast way of
//! [`page`](super::page). Pure.
//!
//! A scan takes only what it is sure of: no blanks, no escapes, each field once, numbers that are
//! exactly what their digits say. Of everything else it returns `None`, and serde reads the row,
//! with its errors: what a scan returns, serde returns too.

use shared::market::ohlcv::Ohlcv;
use shared::market::short::{ShortList, ShortText};
use shared::market::trade::Trade;

/// Bytes of a trade's id beyond which it is refused: those of the vendor have about 20 (it names no
/// limit), and a page holds 50,000 of them.
pub const ID_MAX: usize = 64;
/// Conditions of a trade, likewise: the tapes know four.
pub const CONDITIONS_MAX: usize = 16;

/// Bits of the fields that each bar has.
const BAR_NEEDS: u16 = 0b11_1111;
/// Bits of the fields that each trade has.
const TRADE_NEEDS: u16 = 0b111_1111;

/// The bar that `text` begins with, and the length of its object.
pub fn bar(text: &[u8]) -> Option<(Ohlcv, usize)> {
    let mut seen = 0_u16;
    let mut bar = Ohlcv {
        t: 0,
        open: 0.0,
        high: 0.0,
        low: 0.0,
        close: 0.0,
        volume: 0.0,
        trades: None,
        vwap: None,
    };
    let mut scan = Scan { text, at: 0 };
    scan.byte(b'{')?;
    loop {
        let bit = match scan.name()? {
            b"t" => {
                bar.t = scan.integer()?;
                0
            }
            b"o" => {
                bar.open = scan.number()?;
                1
            }
            b"h" => {
                bar.high = scan.number()?;
                2
            }
            b"l" => {
                bar.low = scan.number()?;
                3
            }
            b"c" => {
                bar.close = scan.number()?;
                4
            }
            b"v" => {
                bar.volume = scan.number()?;
                5
            }
            b"n" => {
                bar.trades = Some(scan.integer()?);
                6
            }
            b"vw" => {
                bar.vwap = Some(scan.number()?);
                7
            }
            // Of no use here.
            b"otc" => {
                scan.boolean()?;
                8
            }
            _ => return None,
        };
        once(&mut seen, bit)?;
        if scan.is_at_end()? {
            break;
        }
    }
    (seen & BAR_NEEDS == BAR_NEEDS).then_some((bar, scan.at))
}

/// The trade that `text` begins with, and the length of its object.
pub fn trade(text: &[u8]) -> Option<(Trade, usize)> {
    let mut seen = 0_u16;
    let mut trade = Trade {
        sip_ns: 0,
        price: 0.0,
        size: 0.0,
        sequence_number: 0,
        exchange: 0,
        id: ShortText::default(),
        conditions: None,
        correction: None,
        tape: 0,
        participant_ns: 0,
        trf_ns: None,
    };
    let mut exact_size = None;
    let mut scan = Scan { text, at: 0 };
    scan.byte(b'{')?;
    loop {
        let bit = match scan.name()? {
            b"sip_timestamp" => {
                trade.sip_ns = scan.integer()?;
                0
            }
            b"participant_timestamp" => {
                trade.participant_ns = scan.integer()?;
                1
            }
            b"price" => {
                trade.price = scan.number()?;
                2
            }
            b"size" => {
                trade.size = scan.number()?;
                3
            }
            b"sequence_number" => {
                trade.sequence_number = scan.integer()?;
                4
            }
            b"exchange" => {
                trade.exchange = scan.small()?;
                5
            }
            b"tape" => {
                trade.tape = scan.small()?;
                6
            }
            b"id" => {
                let id = scan.string().filter(|id| id.len() <= ID_MAX)?;
                trade.id = ShortText::from(id);
                7
            }
            b"conditions" => {
                trade.conditions = Some(scan.list()?);
                8
            }
            b"correction" => {
                trade.correction = Some(scan.small()?);
                9
            }
            b"trf_timestamp" => {
                trade.trf_ns = Some(scan.integer()?);
                10
            }
            b"decimal_size" => {
                let mut digits = Scan { text: scan.string()?.as_bytes(), at: 0 };
                exact_size = Some(digits.number().filter(|_| digits.at == digits.text.len())?);
                11
            }
            // Not read; who reported it is told by `exchange`.
            b"trf_id" => {
                scan.integer()?;
                12
            }
            _ => return None,
        };
        once(&mut seen, bit)?;
        if scan.is_at_end()? {
            break;
        }
    }
    if let Some(exact) = exact_size {
        // Further apart they contradict each other; that is said where serde reads the row.
        if (exact - trade.size).abs() >= 1.0 {
            return None;
        }
        trade.size = exact;
    }
    (seen & TRADE_NEEDS == TRADE_NEEDS).then_some((trade, scan.at))
}

/// Takes note of a field; `None` if it was there before.
fn once(seen: &mut u16, bit: u16) -> Option<()> {
    let mask = 1 << bit;
    let is_new = *seen & mask == 0;
    *seen |= mask;
    is_new.then_some(())
}

/// So many digits can't overflow a `u64`. Stamps in nanoseconds have as many.
const DIGITS: usize = 19;
/// Beyond it not every integer is a double.
const EXACT: u64 = 1 << 53;
/// Powers of ten that are doubles exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<&'a [u8]> {
        let name = self.string()?.as_bytes();
        self.byte(b':')?;
        Some(name)
    }

    /// A string of plain ASCII.
    fn string(&mut self) -> Option<&'a str> {
        self.byte(b'"')?;
        let rest = self.text.get(self.at..)?;
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).ok()
    }

    /// Digits as JSON has them: at least one, at most 19, no zero before others.
    fn digits(&mut self) -> Option<u64> {
        let from = self.at;
        let mut value = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - from == DIGITS {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        let length = self.at - from;
        let has_zero_before = length > 1 && self.text[from] == b'0';
        (length > 0 && !has_zero_before).then_some(value)
    }

    fn integer(&mut self) -> Option<i64> {
        i64::try_from(self.digits()?).ok()
    }

    fn small(&mut self) -> Option<i32> {
        i32::try_from(self.digits()?).ok()
    }

    /// The double nearest to the decimal: both parts of the quotient are exact, and a division
    /// rounds once (Clinger, "How to read floating point numbers accurately", 1990).
    fn number(&mut self) -> Option<f64> {
        let mut mantissa = self.digits()?;
        let mut places = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            while let Some(digit @ b'0'..=b'9') = self.peek() {
                mantissa = mantissa.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                places += 1;
                self.at += 1;
            }
            if places == 0 {
                return None;
            }
        }
        let power = POWERS.get(places)?;
        (mantissa <= EXACT).then(|| mantissa as f64 / power)
    }

    fn boolean(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let words: [&[u8]; 2] = [b"true", b"false"];
        self.at += words.into_iter().find(|word| rest.starts_with(word))?.len();
        Some(())
    }

    /// A list of numbers.
    fn list(&mut self) -> Option<ShortList> {
        let mut numbers = [0; CONDITIONS_MAX];
        let mut length = 0;
        self.byte(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(ShortList::from_iter([]));
        }
        loop {
            *numbers.get_mut(length)? = self.small()?;
            length += 1;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(numbers[..length].iter().copied().collect())
    }

    /// Behind a value: does the object end?
    fn is_at_end(&mut self) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(false),
            b'}' => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
