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

/// The fields of a bar.
#[derive(Clone, Copy)]
enum BarField {
    Volume,
    Vwap,
    Open,
    Close,
    High,
    Low,
    Stamp,
    Trades,
    Otc,
}

/// With their names, in the vendor's order.
const BAR_FIELDS: [(&[u8], BarField); 9] = [
    (b"\"v\":", BarField::Volume),
    (b"\"vw\":", BarField::Vwap),
    (b"\"o\":", BarField::Open),
    (b"\"c\":", BarField::Close),
    (b"\"h\":", BarField::High),
    (b"\"l\":", BarField::Low),
    (b"\"t\":", BarField::Stamp),
    (b"\"n\":", BarField::Trades),
    (b"\"otc\":", BarField::Otc),
];

/// Bits of the fields that each bar has.
const BAR_NEEDS: u16 = 1 << BarField::Volume as u16
    | 1 << BarField::Open as u16
    | 1 << BarField::Close as u16
    | 1 << BarField::High as u16
    | 1 << BarField::Low as u16
    | 1 << BarField::Stamp as u16;

/// The fields of a trade.
#[derive(Clone, Copy)]
enum TradeField {
    Conditions,
    Correction,
    DecimalSize,
    Exchange,
    Id,
    ParticipantStamp,
    Price,
    SequenceNumber,
    SipStamp,
    Size,
    Tape,
    TrfId,
    TrfStamp,
}

/// With their names, in the vendor's order.
const TRADE_FIELDS: [(&[u8], TradeField); 13] = [
    (b"\"conditions\":", TradeField::Conditions),
    (b"\"correction\":", TradeField::Correction),
    (b"\"decimal_size\":", TradeField::DecimalSize),
    (b"\"exchange\":", TradeField::Exchange),
    (b"\"id\":", TradeField::Id),
    (b"\"participant_timestamp\":", TradeField::ParticipantStamp),
    (b"\"price\":", TradeField::Price),
    (b"\"sequence_number\":", TradeField::SequenceNumber),
    (b"\"sip_timestamp\":", TradeField::SipStamp),
    (b"\"size\":", TradeField::Size),
    (b"\"tape\":", TradeField::Tape),
    (b"\"trf_id\":", TradeField::TrfId),
    (b"\"trf_timestamp\":", TradeField::TrfStamp),
];

/// Bits of the fields that each trade has.
const TRADE_NEEDS: u16 = 1 << TradeField::Exchange as u16
    | 1 << TradeField::ParticipantStamp as u16
    | 1 << TradeField::Price as u16
    | 1 << TradeField::SequenceNumber as u16
    | 1 << TradeField::SipStamp as u16
    | 1 << TradeField::Size as u16
    | 1 << TradeField::Tape as u16;

/// The bar that `text` begins with, and the length of its object.
pub fn bar(text: &[u8]) -> Option<(Ohlcv, usize)> {
    let (mut seen, mut next) = (0_u16, 0);
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
        let field = scan.field(&BAR_FIELDS, &mut next)?;
        once(&mut seen, field as u16)?;
        match field {
            BarField::Stamp => bar.t = scan.integer()?,
            BarField::Open => bar.open = scan.number()?,
            BarField::High => bar.high = scan.number()?,
            BarField::Low => bar.low = scan.number()?,
            BarField::Close => bar.close = scan.number()?,
            BarField::Volume => bar.volume = scan.number()?,
            BarField::Trades => bar.trades = Some(scan.integer()?),
            BarField::Vwap => bar.vwap = Some(scan.number()?),
            // Of no use here.
            BarField::Otc => scan.boolean()?,
        }
        if scan.is_at_end()? {
            break;
        }
    }
    (seen & BAR_NEEDS == BAR_NEEDS).then_some((bar, scan.at))
}

/// The trade that `text` begins with, and the length of its object.
pub fn trade(text: &[u8]) -> Option<(Trade, usize)> {
    let (mut seen, mut next) = (0_u16, 0);
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
        let field = scan.field(&TRADE_FIELDS, &mut next)?;
        once(&mut seen, field as u16)?;
        match field {
            TradeField::SipStamp => trade.sip_ns = scan.integer()?,
            TradeField::ParticipantStamp => trade.participant_ns = scan.integer()?,
            TradeField::Price => trade.price = scan.number()?,
            TradeField::Size => trade.size = scan.number()?,
            TradeField::SequenceNumber => trade.sequence_number = scan.integer()?,
            TradeField::Exchange => trade.exchange = scan.small()?,
            TradeField::Tape => trade.tape = scan.small()?,
            TradeField::Id => {
                let id = scan.string().filter(|id| id.len() <= ID_MAX)?;
                trade.id = ShortText::from(id);
            }
            TradeField::Conditions => trade.conditions = Some(scan.list()?),
            TradeField::Correction => trade.correction = Some(scan.small()?),
            TradeField::TrfStamp => trade.trf_ns = Some(scan.integer()?),
            TradeField::DecimalSize => {
                let mut digits = Scan { text: scan.plain()?, at: 0 };
                exact_size = Some(digits.number().filter(|_| digits.at == digits.text.len())?);
            }
            // Not read; who reported it is told by `exchange`.
            TradeField::TrfId => {
                scan.integer()?;
            }
        }
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

/// What eight digits say; `None` where a byte is no digit. Sums pairs, then fours, then both halves
/// in one word (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019).
fn eight_digits(text: &[u8]) -> Option<u64> {
    let word = u64::from_le_bytes(text.try_into().ok()?);
    let high = word & 0xf0f0_f0f0_f0f0_f0f0;
    let carried = word.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0;
    if high != 0x3030_3030_3030_3030 || carried != high {
        return None;
    }
    let ones = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

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

    /// The field whose name and colon come next. Fields nearly always come in one order, so the one
    /// behind the last is looked at first.
    fn field<F: Copy>(&mut self, fields: &[(&[u8], F)], next: &mut usize) -> Option<F> {
        let rest = self.text.get(self.at..)?;
        let in_turn = (*next..fields.len()).chain(0..*next);
        let found = in_turn.into_iter().find(|at| rest.starts_with(fields[*at].0))?;
        let (name, field) = fields[found];
        self.at += name.len();
        *next = found + 1;
        Some(field)
    }

    /// A string of plain ASCII.
    fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.plain()?).ok()
    }

    /// The bytes of a string of plain ASCII.
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let rest = self.text.get(self.at..)?;
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        Some(&rest[..length])
    }

    /// Digits as JSON has them: at least one, at most 19, no zero before others.
    fn digits(&mut self) -> Option<u64> {
        self.digits_behind(self.at, 0)
    }

    /// The same, where many are to be expected.
    fn many_digits(&mut self) -> Option<u64> {
        let from = self.at;
        let mut value = 0;
        for _ in 0..DIGITS / 8 {
            let Some(eight) = self.text.get(self.at..self.at + 8).and_then(eight_digits) else {
                break;
            };
            value = value * 100_000_000 + eight;
            self.at += 8;
        }
        self.digits_behind(from, value)
    }

    /// The rest of the digits that begin at `from` and have come to `value`.
    fn digits_behind(&mut self, from: usize, mut value: u64) -> Option<u64> {
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
        i64::try_from(self.many_digits()?).ok()
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
