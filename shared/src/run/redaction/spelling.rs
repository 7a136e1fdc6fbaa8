//! How a secret may be spelled in what others say: in capitals or small letters, each character by
//! itself percent-encoded, escaped as in JSON or as in HTML, once or twice; in hexadecimal; and in
//! base64, wherever in the encoded text it begins; each of them also with blanks, ends of lines,
//! dashes or what nobody sees between its characters. Not found is what was cut off at both ends,
//! or turned around. Pure.

use crate::hex;

/// So often a spelling may be spelled again (`%2525`).
const DEPTH_MAX: usize = 4;
/// Digits of a character's number in HTML.
const DIGITS_MAX: usize = 7;
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NAMED: [(&[u8], u8); 5] =
    [(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];

/// One text to look for, in any spelling of its characters.
#[derive(Clone)]
pub(super) struct Needle {
    /// In small letters.
    text: Vec<u8>,
    /// What stands for it.
    pub(super) instead: &'static str,
}

/// What of a needle stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Nothing,
    /// In so many bytes.
    Whole(usize),
    /// So many of its characters, and then there is nothing more.
    Begun(usize),
}

/// All that has to be looked for so that `secret` is found.
pub(super) fn needles(secret: &str, instead: &'static str) -> Vec<Needle> {
    let bytes = secret.as_bytes();
    let hexadecimal = hex::lower(bytes.iter().copied()).into_bytes();
    let mut texts = vec![bytes.to_vec(), hexadecimal];
    for shift in 0..3 {
        let standard = base64(bytes, shift);
        let for_urls = standard.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        texts.extend([for_urls.collect(), standard]);
    }
    for text in &mut texts {
        text.make_ascii_lowercase();
    }
    texts.sort();
    texts.dedup();
    texts.into_iter().filter(|text| !text.is_empty()).map(|text| Needle { text, instead }).collect()
}

/// The part of a base64 text that tells `secret` alone, where `shift` bytes (up to a multiple of
/// three) stand before it.
fn base64(secret: &[u8], shift: usize) -> Vec<u8> {
    let bytes: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
    let sextet = |number: usize| {
        let (at, offset) = (number * 6 / 8, number * 6 % 8);
        let pair = u16::from(bytes[at]) << 8 | u16::from(bytes.get(at + 1).copied().unwrap_or(0));
        STANDARD[usize::from(pair >> (10 - offset) & 63)]
    };
    let (first, end) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
    (first..end).map(sextet).collect()
}

impl Needle {
    /// May a spelling of it begin with `byte`?
    pub(super) fn may_begin(&self, byte: u8) -> bool {
        matches!(byte, b'%' | b'\\' | b'&') || byte.eq_ignore_ascii_case(&self.text[0])
    }

    /// What of it stands at the beginning of `bytes`.
    pub(super) fn found(&self, bytes: &[u8]) -> Match {
        self.found_from(0, bytes, 0)
    }

    /// The same once `known` of its characters were found in the `at` first bytes.
    fn found_from(&self, known: usize, bytes: &[u8], at: usize) -> Match {
        let Some(wanted) = self.text.get(known) else { return Match::Whole(at) };
        let rest = &bytes[at..];
        if rest.is_empty() {
            return Match::Begun(known);
        }
        let mut best = match separator(rest).filter(|_| known > 0) {
            Some(Spelled::Char(_, length)) => self.found_from(known, bytes, at + length),
            Some(Spelled::Cut) => Match::Begun(known),
            None => Match::Nothing,
        };
        if matches!(best, Match::Whole(_)) {
            return best;
        }
        for spelled in spellings(rest) {
            let found = match spelled {
                Spelled::Char(value, length) if value.to_ascii_lowercase() == *wanted => {
                    self.found_from(known + 1, bytes, at + length)
                }
                Spelled::Char(..) => Match::Nothing,
                Spelled::Cut => Match::Begun(known),
            };
            best = match (best, found) {
                (_, Match::Whole(length)) => return Match::Whole(length),
                (Match::Begun(a), Match::Begun(b)) => Match::Begun(a.max(b)),
                (Match::Nothing, found) => found,
                (best, _) => best,
            };
        }
        best
    }
}

/// What may stand between the characters of a secret and belongs to none of them: a blank, the end
/// of a line, a dash, and what nobody sees.
fn separator(rest: &[u8]) -> Option<Spelled> {
    const UNSEEN: [&str; 6] =
        ["\u{ad}", "\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{feff}"];
    if matches!(rest[0], b' ' | b'\t' | b'\r' | b'\n' | b'-') {
        return Some(Spelled::Char(rest[0], 1));
    }
    let unseen = UNSEEN.map(str::as_bytes);
    if let Some(found) = unseen.iter().find(|it| rest.starts_with(it)) {
        return Some(Spelled::Char(rest[0], found.len()));
    }
    unseen.iter().any(|it| it.starts_with(rest)).then_some(Spelled::Cut)
}

#[derive(Clone, Copy)]
enum Spelled {
    /// This character, in so many bytes.
    Char(u8, usize),
    /// The beginning of a spelling, and nothing behind it.
    Cut,
}

/// Each character that `rest`, which is not empty, may begin with.
fn spellings(rest: &[u8]) -> impl Iterator<Item = Spelled> {
    let literal = Some(Spelled::Char(rest[0], 1));
    let other = match rest[0] {
        b'%' => percent(rest),
        b'\\' => escape(rest),
        b'&' => entity(rest),
        _ => None,
    };
    // The spelling first: it is the longer one.
    other.into_iter().chain(literal)
}

/// `%6b`, `%256b`.
fn percent(rest: &[u8]) -> Option<Spelled> {
    let again = (0..DEPTH_MAX)
        .take_while(|number| rest[1..].get(number * 2..number * 2 + 2) == Some(b"25"));
    let mut begin = 1 + again.count() * 2;
    // `%25` alone is a percent sign: its digits are those of the character.
    if begin > 1 && !digits_follow(rest, begin, 2) {
        begin -= 2;
    }
    hexadecimal(rest, begin, 2)
}

/// `\u006b`, `\x6b`, `\/`, and with more backslashes.
fn escape(rest: &[u8]) -> Option<Spelled> {
    let begin = rest.iter().take(DEPTH_MAX).take_while(|byte| **byte == b'\\').count();
    match rest.get(begin) {
        None => Some(Spelled::Cut),
        Some(b'u' | b'U') if rest.get(begin + 1) == Some(&b'{') => {
            let digits =
                rest[begin + 2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            numbered(rest, begin + 2, digits, 16, b'}')
        }
        Some(b'u' | b'U') if digits_follow(rest, begin + 1, 4) => hexadecimal(rest, begin + 1, 4),
        Some(b'x' | b'X') if digits_follow(rest, begin + 1, 2) => hexadecimal(rest, begin + 1, 2),
        Some(byte) => Some(Spelled::Char(*byte, begin + 1)),
    }
}

/// `&#107;`, `&#x6b;`, `&amp;`.
fn entity(rest: &[u8]) -> Option<Spelled> {
    let begin = if rest.starts_with(b"&amp;#") { 6 } else { 2 };
    let behind = &rest[1..];
    if behind.is_empty() {
        return Some(Spelled::Cut);
    }
    if begin == 2 && behind[0] != b'#' {
        let named = NAMED.iter().find(|(name, _)| behind.starts_with(name));
        let is_cut = NAMED.iter().any(|(name, _)| name.starts_with(behind));
        return match named {
            Some((name, value)) => Some(Spelled::Char(*value, 1 + name.len())),
            None => is_cut.then_some(Spelled::Cut),
        };
    }
    let (begin, base) = match rest.get(begin) {
        None => return Some(Spelled::Cut),
        Some(b'x' | b'X') => (begin + 1, 16),
        Some(_) => (begin, 10),
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(base);
    let digits = rest.iter().skip(begin).take_while(is_digit).count();
    numbered(rest, begin, digits, base, b';')
}

/// A number of so many digits, and `end` behind it.
fn numbered(rest: &[u8], begin: usize, digits: usize, base: u32, end: u8) -> Option<Spelled> {
    if digits > DIGITS_MAX {
        return None;
    }
    match rest.get(begin + digits) {
        None => Some(Spelled::Cut),
        Some(byte) if *byte == end => {
            let value = number(&rest[begin..begin + digits], base)?;
            Some(Spelled::Char(value, begin + digits + 1))
        }
        Some(_) => None,
    }
}

/// Exactly `digits` hexadecimal digits.
fn hexadecimal(rest: &[u8], begin: usize, digits: usize) -> Option<Spelled> {
    let found = rest.get(begin..(begin + digits).min(rest.len()))?;
    if found.len() < digits {
        return found.iter().all(u8::is_ascii_hexdigit).then_some(Spelled::Cut);
    }
    number(found, 16).map(|value| Spelled::Char(value, begin + digits))
}

/// Do so many digits stand there, as far as there is anything?
fn digits_follow(rest: &[u8], begin: usize, digits: usize) -> bool {
    rest.iter().skip(begin).take(digits).all(u8::is_ascii_hexdigit)
}

/// What the digits say, where it is one byte.
fn number(digits: &[u8], base: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    u8::try_from(u32::from_str_radix(text, base).ok()?).ok()
}
