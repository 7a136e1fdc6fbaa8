//! The one door for what others say: a server, a proxy, a script. Before such a text gets into an
//! error, a log, an event, the journal, a kept page or a notification, secrets are cut out of it,
//! then what could fool a terminal is shown as an escape, and only then it is cut to a length.
//!
//! How a secret may be spelled is the business of `spelling`.

mod spelling;

use std::io::{self, Write};

use super::api_key::ApiKey;
use spelling::{Match, Needle};

const KEY: &str = "(key)";
const ADDRESS: &str = "(address)";
const USER: &str = "(user)";
/// What stands where a text was too long.
const GAP: &str = " … ";
/// A text that ends with so many characters of a secret was cut inside it.
const TELLING_CHARS: usize = 4;
/// A part of an address that is shorter is no secret: to cut it out would spoil every text.
const PART_CHARS: usize = 8;

/// Secrets that must not be shown, in whatever spelling (percent-encoded, escaped, hexadecimal,
/// base64, …).
///
/// ```
/// use std::path::Path;
/// use shared::run::api_key::ApiKey;
/// use shared::run::redaction::Redaction;
///
/// let key = ApiKey::find(|_| Some("0123456789abcdef".to_owned()), Path::new("."))?;
/// let redaction = Redaction::of_key(&key);
/// let shown = redaction.words("no such key: 0123456789abcdef\u{1b}[31m", 200);
/// assert!(!shown.contains("0123") && !shown.contains('\u{1b}'), "{shown}");
/// # Ok::<(), shared::run::api_key::ApiKeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct Redaction {
    needles: Vec<Needle>,
}

impl Redaction {
    /// Never says `key`.
    pub fn of_key(key: &ApiKey) -> Self {
        Self { needles: spelling::needles(key.expose(), KEY) }
    }

    /// Never says `address`, nor what stands behind its host.
    pub fn of_address(address: &str) -> Self {
        let behind = address.split_once("://").map_or(address, |(_, rest)| rest);
        let path = behind.find('/').map_or("", |at| &behind[at..]);
        let segments = path.split(['/', '?', '&', '=', '#']);
        let parts =
            [address, path].into_iter().chain(segments).filter(|part| part.len() >= PART_CHARS);
        Self { needles: parts.flat_map(|part| spelling::needles(part, ADDRESS)).collect() }
    }

    /// `text` on one line and of at most `chars` characters, without secrets, and without anything
    /// that a terminal would obey: this is how it may be shown to people.
    pub fn words(&self, text: &str, chars: usize) -> String {
        shortened(&self.line(text), chars)
    }

    /// The same at whatever length.
    pub fn line(&self, text: &str) -> String {
        escaped(&without_users(&self.cut_out(text)))
    }

    /// `text` without secrets, otherwise as it is.
    pub fn cut_out(&self, text: &str) -> String {
        let mut redacted = self.writer(Vec::new());
        redacted.write_all(text.as_bytes()).expect("a Vec takes everything");
        let bytes = redacted.into_inner().expect("a Vec takes everything");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Passes everything on to `out` but secrets, in whatever pieces it comes.
    pub fn writer<W: Write>(&self, out: W) -> Redacted<W> {
        Redacted { out, redaction: self.clone(), held: Vec::new() }
    }

    /// What of the secrets begins at the beginning of `bytes`; the longest counts.
    fn look(&self, bytes: &[u8]) -> Prefix {
        let mut look = Prefix::Nothing;
        for needle in self.needles.iter().filter(|needle| needle.may_begin(bytes[0])) {
            look = match (look, needle.found(bytes)) {
                (Prefix::Whole(length, _), Match::Whole(other)) if length >= other => look,
                (_, Match::Whole(length)) => Prefix::Whole(length, needle.instead),
                (Prefix::Nothing, Match::Begun(chars)) => Prefix::Begun(chars, needle.instead),
                (Prefix::Begun(most, _), Match::Begun(chars)) if chars > most => {
                    Prefix::Begun(chars, needle.instead)
                }
                (look, Match::Begun(_) | Match::Nothing) => look,
            };
        }
        look
    }
}

#[derive(Clone, Copy)]
enum Prefix {
    Nothing,
    /// So many bytes, and what stands for them.
    Whole(usize, &'static str),
    /// So many characters of one stand here, and nothing behind them.
    Begun(usize, &'static str),
}

/// A writer that secrets do not pass.
pub struct Redacted<W> {
    out: W,
    redaction: Redaction,
    /// The end of what came, which may be the beginning of a secret.
    held: Vec<u8>,
}

impl<W: Write> Redacted<W> {
    /// Where everything has gone. A secret that was only begun is cut out too.
    pub fn into_inner(mut self) -> io::Result<W> {
        while !self.held.is_empty() {
            match self.redaction.look(&self.held) {
                Prefix::Begun(chars, instead) if chars >= TELLING_CHARS => {
                    self.out.write_all(instead.as_bytes())?;
                    self.held.clear();
                }
                Prefix::Whole(length, instead) => {
                    self.out.write_all(instead.as_bytes())?;
                    self.held.drain(..length);
                }
                Prefix::Begun(..) | Prefix::Nothing => {
                    self.out.write_all(&self.held[..1])?;
                    self.held.drain(..1);
                }
            }
        }
        Ok(self.out)
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let (mut passed, mut at) = (0, 0);
        while at < self.held.len() {
            match self.redaction.look(&self.held[at..]) {
                Prefix::Nothing => at += 1,
                Prefix::Whole(length, instead) => {
                    self.out.write_all(&self.held[passed..at])?;
                    self.out.write_all(instead.as_bytes())?;
                    at += length;
                    passed = at;
                }
                Prefix::Begun(..) => break,
            }
        }
        self.out.write_all(&self.held[passed..at])?;
        self.held.drain(..at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `text` in at most so many characters. What is too long loses its middle: a sentence begins with
/// what happened, and ends with what to do.
pub fn shortened(text: &str, chars: usize) -> String {
    let length = text.chars().count();
    if length <= chars {
        return text.to_owned();
    }
    let kept = chars.saturating_sub(GAP.chars().count());
    let (head, tail) = (kept - kept / 2, kept / 2);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    head + GAP + &tail
}

/// On one line; what is invisible, or turns the order of letters, is spelled out.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => line.push(c),
            '\n' | '\r' | '\t' => line.push(' '),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

/// Addresses with a user or a password in them lose both.
fn without_users(text: &str) -> String {
    const MARK: &str = "://";
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(MARK) {
        let (before, behind) = rest.split_at(at + MARK.len());
        plain.push_str(before);
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '\\')
        };
        let authority = &behind[..behind.find(ends).unwrap_or(behind.len())];
        let user = authority.rfind('@').unwrap_or(0);
        plain.push_str(if user > 0 { USER } else { "" });
        rest = &behind[user..];
    }
    plain + rest
}

#[cfg(test)]
mod tests;
